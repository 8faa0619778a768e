//! One station of the model: a real machine, its clock, the records that are being written, and what a host and an observer remember.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::roster::{self, Roster};
use super::symbols::Symbolic;
use crate::error::Error;
use crate::handover::kiosk::Application;
use crate::handover::{Issuer, IssuerEvent, Kiosk, KioskEvent, Outcome, Peer, Persist, Policy, Relay, RelayEvent};
use crate::types::{Now, Role, Roles, SessionId, Time};

/// The machine of a station.
#[derive(Clone, Hash)]
pub(super) enum Machine {
    Issuer(Box<Issuer<Symbolic, Roster>>),
    Relay(Box<Relay<Symbolic, Roster>>),
    Kiosk(Box<Kiosk<Symbolic, Roster>>),
    /// The process is not there.
    Down,
}

/// A claim that did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Broken {
    OtherSession(&'static str),
    TicksErase(&'static str),
    Receipts(&'static str),
    PrintedOnce(&'static str),
    Duplicates(&'static str),
    RecordFirst(&'static str),
}

/// What a station's host remembers, and what an observer does who sees everything: the latter outlives a crash.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Memory {
    /// Applications that wait for their document.
    pub(super) to_compose: BTreeSet<SessionId>,
    /// Offers that passed here, and nothing is attached.
    pub(super) to_attach: BTreeSet<SessionId>,
    /// The kiosk's document is open, and printing was not asked for.
    pub(super) ready: bool,
    /// The printer may run.
    pub(super) may_print: bool,

    // ---- durable
    /// Sessions with an `opened` record.
    pub(super) opened: BTreeSet<SessionId>,
    /// How sessions ended.
    pub(super) ended: BTreeMap<SessionId, Outcome>,
    /// Sessions with a receipt of this station.
    pub(super) receipts: BTreeSet<SessionId>,
    /// Whether `print-started` is on record.
    pub(super) print_started: bool,

    // ---- the observer's
    /// How often a print job was submitted.
    pub(super) printed: u8,
    /// The host said that the document was delivered, and the machine took it.
    pub(super) delivered: bool,
    /// Frames that the machine took, by number.
    pub(super) taken: BTreeSet<u16>,
    /// Frames that it sent.
    pub(super) sent: BTreeSet<u16>,
    /// Of each session at a relay: frames that were passed on, and the longest of them.
    pub(super) passed: Uncounted,
    /// Sessions whose last receipt was made.
    pub(super) reported: BTreeSet<SessionId>,
    /// The number of the challenge's key by session.
    pub(super) challenged: BTreeMap<SessionId, u32>,
    /// Claims that did not hold.
    pub(super) broken: BTreeSet<Broken>,
}

/// What tells no states apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Uncounted(pub(super) BTreeMap<SessionId, (u64, u64)>);

impl Hash for Uncounted {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// A station's whole state.
#[derive(Clone, Hash)]
pub(super) struct Station {
    pub(super) number: u8,
    pub(super) starts: u8,
    /// Whether the centre attaches, and kiosks wait for it.
    pub(super) attachments: bool,
    pub(super) now: Time,
    pub(super) machine: Machine,
    /// Records that are being written, in order.
    pub(super) writing: VecDeque<Persist>,
    pub(super) memory: Memory,
}

/// What a machine gave out.
#[derive(Default)]
pub(super) struct Outputs {
    pub(super) frames: Vec<(Peer, Vec<u8>)>,
    pub(super) records: Vec<Persist>,
    pub(super) issuer: Vec<IssuerEvent>,
    pub(super) relay: Vec<RelayEvent>,
    pub(super) kiosk: Vec<KioskEvent>,
}

/// The subject for whom a kiosk applies.
pub(super) const fn subject_of(number: u8) -> u8 {
    number
}

/// Every duration is the same but one, so that the clock has few places to stand; a receipt is sent again once before its deadline.
pub(super) fn policy(attachments: bool) -> Policy {
    let ten = Duration::from_secs(10);
    let durations = (ten, Duration::from_secs(6));
    Policy {
        challenge: durations.0,
        transmit: durations.0,
        release: durations.0,
        deliver: durations.0,
        receipt: durations.0,
        reconnect: durations.0,
        resend: durations.1,
        attachments: if attachments { Roles::NONE.with(Role::CertificateCentre) } else { Roles::NONE },
        ..Policy::default()
    }
}

impl Station {
    /// A station that has just started, and what it gave out.
    pub(super) fn start(number: u8, starts: u8, attachments: bool, now: Time, memory: Memory) -> Result<Self, Error> {
        let (crypto, policy) = (Symbolic::new(number, starts), policy(attachments));
        let machine = match number {
            roster::ISSUER => Machine::Issuer(Box::new(Issuer::new(crypto, Roster, policy)?)),
            roster::CENTRE | roster::EC => Machine::Relay(Box::new(Relay::new(crypto, Roster, policy)?)),
            _ => {
                let issuer = roster::info(roster::ISSUER);
                let application = Application {
                    operator: &issuer.operator,
                    issuer: &issuer.station,
                    kind: "k",
                    copies: 1,
                    subject: &[subject_of(number)],
                    details: b"",
                };
                let now = Now { monotonic: now, unix_ms: 0 };
                Machine::Kiosk(Box::new(Kiosk::apply(now, crypto, Roster, policy, &application)?))
            }
        };
        Ok(Self { number, starts, attachments, now, machine, writing: VecDeque::new(), memory })
    }

    pub(super) fn now(&self) -> Now {
        Now { monotonic: self.now, unix_ms: 0 }
    }
}

impl Machine {
    pub(super) fn next_deadline(&self) -> Option<Time> {
        match self {
            Self::Issuer(machine) => machine.next_deadline(),
            Self::Relay(machine) => machine.next_deadline(),
            Self::Kiosk(machine) => machine.next_deadline(),
            Self::Down => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Now) {
        match self {
            Self::Issuer(machine) => machine.handle_timeout(now),
            Self::Relay(machine) => machine.handle_timeout(now),
            Self::Kiosk(machine) => machine.handle_timeout(now),
            Self::Down => {}
        }
    }

    pub(super) fn handle_frame(&mut self, now: Now, from: Peer, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Issuer(machine) => machine.handle_frame(now, from, bytes),
            Self::Relay(machine) => machine.handle_frame(now, from, bytes.to_vec()),
            Self::Kiosk(machine) => machine.handle_frame(now, bytes),
            Self::Down => Ok(()),
        }
    }

    pub(super) fn handle_written(&mut self, now: Now, token: u64, durable: bool) {
        match (self, durable) {
            (Self::Issuer(machine), true) => machine.handle_persisted(now, token),
            (Self::Issuer(machine), false) => machine.handle_persist_failed(now, token),
            (Self::Relay(machine), true) => machine.handle_persisted(now, token),
            (Self::Relay(machine), false) => machine.handle_persist_failed(now, token),
            (Self::Kiosk(machine), true) => machine.handle_persisted(now, token),
            (Self::Kiosk(machine), false) => machine.handle_persist_failed(now, token),
            (Self::Down, _) => {}
        }
    }

    pub(super) fn handle_connection(&mut self, now: Now, peer: Peer, lost: bool) {
        match (self, lost) {
            (Self::Issuer(machine), true) => machine.handle_peer_lost(now, peer),
            (Self::Issuer(machine), false) => machine.handle_peer_back(now, peer),
            (Self::Relay(machine), true) => machine.handle_peer_lost(now, peer),
            (Self::Relay(machine), false) => machine.handle_peer_back(now, peer),
            (Self::Kiosk(machine), true) => machine.handle_peer_lost(now),
            (Self::Kiosk(machine), false) => machine.handle_peer_back(now),
            (Self::Down, _) => {}
        }
    }

    /// Takes everything out that the machine gives out. A relay's frames are written, and given back, at once.
    pub(super) fn drain(&mut self, now: Now) -> Outputs {
        let mut out = Outputs::default();
        match self {
            Self::Issuer(machine) => {
                out.records.extend(std::iter::from_fn(|| machine.poll_persist()));
                out.frames.extend(std::iter::from_fn(|| machine.poll_transmit()).map(|it| (it.peer, it.frame)));
                out.issuer.extend(std::iter::from_fn(|| machine.poll_event()));
            }
            Self::Relay(machine) => {
                while let Some(passing) = machine.poll_transmit() {
                    out.frames.push((passing.peer, passing.bytes().to_vec()));
                    machine.handle_sent(now, passing);
                }
                out.records.extend(std::iter::from_fn(|| machine.poll_persist()));
                out.relay.extend(std::iter::from_fn(|| machine.poll_event()));
            }
            Self::Kiosk(machine) => {
                out.records.extend(std::iter::from_fn(|| machine.poll_persist()));
                out.frames.extend(std::iter::from_fn(|| machine.poll_transmit()).map(|it| (it.peer, it.frame)));
                out.kiosk.extend(std::iter::from_fn(|| machine.poll_event()));
            }
            Self::Down => {}
        }
        out
    }

    /// Whether nothing of any session is left to do.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Self::Issuer(machine) => machine.open_sessions() == 0,
            Self::Relay(machine) => machine.open_sessions() == 0,
            Self::Kiosk(machine) => machine.is_finished(),
            Self::Down => true,
        }
    }
}
