//! A station: its clock, its disk, its machines while it runs, and what its host remembers besides.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use shokyo::buffer::EphemeralBuffer;
use shokyo::handover::suite::StationCrypto;
use shokyo::types::{Now, Role, SessionId, Time};

use crate::clock::Clock;
use crate::disk::Disk;
use crate::ledger::Token;
use crate::machine::Machine;

/// What is true about one session at a relay.
#[derive(Default)]
pub struct Relayed {
    /// Bytes in frames that the host has and was not told are written.
    pub held: usize,
    /// An application that waits for its record, and since when.
    pub waiting: Option<(usize, Time)>,
    pub peak: usize,
    pub longest: u64,
    pub frames: u64,
    /// The session is over here.
    pub over: bool,
    /// The receipt says that nothing more comes.
    pub reported: bool,
    /// What a host of a bad design has kept.
    pub kept: usize,
}

pub struct Station {
    pub role: Role,
    pub number: usize,
    pub clock: Clock,
    pub crypto: StationCrypto,
    pub machine: Option<Machine>,
    /// Counts processes, so that what an earlier one asked for is known.
    pub incarnation: u32,
    pub disk: Disk,
    /// When the next wake-up comes.
    pub wake: Option<u64>,
    /// The lines to the neighbours.
    pub up: Option<usize>,
    pub down: Vec<usize>,
    pub relayed: BTreeMap<SessionId, Relayed>,
    /// Who stands at a kiosk.
    pub panel: Option<usize>,
    /// Documents that a host of a bad design keeps for itself.
    pub kept: Vec<(EphemeralBuffer, Token)>,
    /// The last application of each second, for a host of a bad design.
    pub by_second: HashMap<u64, usize>,
    /// Applications whose documents are being composed: session, and the second in which they came.
    pub asked: BTreeMap<usize, (SessionId, u64)>,
    /// Sessions for which an opened record was asked.
    pub begun: BTreeSet<SessionId>,
    /// Sessions that were opened, and ended, by this process; that ended by a deadline; for which an alarm was asked; and the
    /// alarms that were written.
    pub opened: BTreeSet<SessionId>,
    pub ended: BTreeSet<SessionId>,
    pub overdue: BTreeSet<SessionId>,
    pub alarmed: BTreeSet<SessionId>,
    pub alarms: Vec<(SessionId, &'static str)>,
}

impl Station {
    pub fn new(role: Role, number: usize, clock: Clock, crypto: StationCrypto) -> Self {
        Self {
            role,
            number,
            clock,
            crypto,
            machine: None,
            incarnation: 0,
            disk: Disk::default(),
            wake: None,
            up: None,
            down: Vec::new(),
            relayed: BTreeMap::new(),
            panel: None,
            kept: Vec::new(),
            by_second: HashMap::new(),
            asked: BTreeMap::new(),
            begun: BTreeSet::new(),
            opened: BTreeSet::new(),
            ended: BTreeSet::new(),
            overdue: BTreeSet::new(),
            alarmed: BTreeSet::new(),
            alarms: Vec::new(),
        }
    }

    pub fn now(&self, at: u64) -> Now {
        self.clock.now(at)
    }
}
