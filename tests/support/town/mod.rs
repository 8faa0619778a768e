//! Several kiosks, both relays and one or more servers of issuing systems in one process, on a simulated network and clock, with
//! the real cryptography and memory. Every frame can be looked at, changed, dropped, kept and sent again.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

mod member;
mod running;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use shokyo::error::Error;
use shokyo::handover::kiosk::Application;
use shokyo::handover::relay::UPSTREAM;
use shokyo::handover::suite::{StationCrypto, split_application};
use shokyo::handover::{
    Frame, Issuer, IssuerEvent, Kiosk, KioskEvent, MessageType, Outcome, Peer, Persist, Policy, Record, Relay,
    RelayEvent, Source, frame_hash,
};
use shokyo::receipt::{Event, verify};
use shokyo::types::{Now, Role, SessionId, Time};

pub use member::{Member, Pinned, Pins};
#[allow(unused_imports, reason = "each program uses a part of it")]
pub use running::read;

/// A frame on a link: 0 kiosk–EC centre, 1 EC centre–centre, 2 centre–issuer. `end` is the kiosk's or the server's number.
#[derive(Clone, Debug)]
pub struct Hop {
    pub link: usize,
    pub up: bool,
    pub end: usize,
    pub bytes: Vec<u8>,
}

impl Hop {
    pub fn kind(&self) -> Option<MessageType> {
        kind_of(&self.bytes)
    }

    pub fn session(&self) -> SessionId {
        Frame::decode(&self.bytes).unwrap().session
    }
}

pub fn kind_of(bytes: &[u8]) -> Option<MessageType> {
    Frame::decode(bytes).ok().map(|frame| frame.kind)
}

/// A row of the register, as the issuer's software reads it: its version when it starts and when it offers.
#[derive(Clone, Debug)]
pub struct Row {
    pub subject: Vec<u8>,
    pub read: Vec<u8>,
    pub offered: Vec<u8>,
    pub document: Vec<u8>,
}

pub type Register = Box<dyn FnMut(&[u8]) -> Row>;
pub type Meddle = Box<dyn FnMut(&mut Hop) -> bool>;

pub struct Server {
    pub member: Member,
    pub machine: Issuer<StationCrypto, Pinned>,
    pub records: Vec<Record>,
    pub events: Vec<IssuerEvent>,
}

pub struct Counter {
    pub machine: Kiosk<StationCrypto, Pinned>,
    pub subject: Vec<u8>,
    pub peer: usize,
    pub records: Vec<Record>,
    pub events: Vec<KioskEvent>,
    /// What came out of the printer.
    pub printed: Option<Vec<u8>>,
    /// Pays, prints and delivers as soon as it may.
    pub auto: bool,
}

pub struct Town {
    pub now: Now,
    pub trust: Pinned,
    /// What the kiosks go by.
    pub policy: Policy,
    pub server_policy: Policy,
    pub servers: Vec<Server>,
    pub relays: Vec<Relay<StationCrypto, Pinned>>,
    pub relay_records: [Vec<Record>; 2],
    pub relay_events: Vec<(usize, RelayEvent)>,
    /// What the relays attach to an offer.
    pub attachments: [Option<Vec<u8>>; 2],
    pub counters: Vec<Counter>,
    /// Which kiosk (operator, station) is which neighbour of the EC centre.
    pub neighbours: Vec<(String, String)>,
    /// The document of each subject, as the issuers' software finds it.
    pub register: Register,
    pub network: VecDeque<Hop>,
    /// Every frame that was delivered on any link.
    pub tape: Vec<Hop>,
    /// Changes a frame, or drops it by answering `false`.
    pub meddle: Meddle,
    /// Which server a Hello goes to; what follows goes to the same.
    pub balance: Box<dyn FnMut(usize) -> usize>,
    pub errors: Vec<(Role, Error)>,
    pub hold_records: bool,
    /// The issuers' software makes documents by itself.
    pub composing: bool,
    routes: BTreeMap<SessionId, usize>,
    challenges: BTreeMap<[u8; 32], usize>,
    hellos: usize,
}

/// The document that belongs to a subject, and to no other.
pub fn document_of(subject: &[u8]) -> Vec<u8> {
    let mut document = b"RESIDENT CERTIFICATE of ".to_vec();
    document.extend_from_slice(subject);
    let seed = document.clone();
    document.extend(seed.iter().cycle().enumerate().map(|(at, byte)| byte ^ (at / 7) as u8).take(40_000));
    document
}

pub fn row_of(subject: &[u8]) -> Row {
    Row { subject: subject.to_vec(), read: b"v1".to_vec(), offered: b"v1".to_vec(), document: document_of(subject) }
}

impl Town {
    /// A town without kiosks, with one server for each member in `servers`.
    pub fn new(mut pins: Pins, servers: &[&Member], policy: Policy) -> Self {
        let ec = Member::new(Role::EcCentre, "ec-1", "shops A", &mut pins);
        let centre = Member::new(Role::CertificateCentre, "centre-1", "the centre", &mut pins);
        Self::with_relays(pins, servers, &[&ec, &centre], policy)
    }

    pub fn with_relays(pins: Pins, servers: &[&Member], relays: &[&Member; 2], policy: Policy) -> Self {
        let trust = Pinned(Arc::new(pins));
        let server = |member: &&Member| Server {
            member: (*member).clone(),
            machine: Issuer::new(member.crypto.clone(), trust.clone(), policy).unwrap(),
            records: Vec::new(),
            events: Vec::new(),
        };
        Self {
            now: Now { monotonic: Time(1_000_000), unix_ms: 1_790_000_000_000 },
            policy,
            server_policy: policy,
            servers: servers.iter().map(server).collect(),
            relays: relays
                .iter()
                .map(|relay| Relay::new(relay.crypto.clone(), trust.clone(), policy).unwrap())
                .collect(),
            trust,
            relay_records: Default::default(),
            relay_events: Vec::new(),
            attachments: Default::default(),
            counters: Vec::new(),
            neighbours: Vec::new(),
            register: Box::new(row_of),
            network: VecDeque::new(),
            tape: Vec::new(),
            meddle: Box::new(|_| true),
            balance: Box::new(|_| 0),
            errors: Vec::new(),
            hold_records: false,
            composing: true,
            routes: BTreeMap::new(),
            challenges: BTreeMap::new(),
            hellos: 0,
        }
    }

    /// One issuer, both relays and one kiosk station: the usual town.
    pub fn usual(policy: Policy) -> (Self, Member, Member) {
        let mut pins = Pins::new();
        let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
        let kiosk = Member::new(Role::Kiosk, "kiosk-1", "shops A", &mut pins);
        let town = Self::new(pins, &[&issuer], policy);
        (town, issuer, kiosk)
    }

    /// A card holder applies at a kiosk. Gives the number of the transaction.
    pub fn apply(&mut self, kiosk: &Member, subject: &[u8]) -> usize {
        let info = &self.servers[0].member.keys.info;
        let application = Application {
            operator: &info.operator,
            issuer: &info.station,
            kind: "resident-certificate",
            copies: 1,
            subject,
            details: b"",
        };
        let machine =
            Kiosk::apply(self.now, kiosk.crypto.clone(), self.trust.clone(), self.policy, &application).unwrap();
        let peer = self.neighbour(kiosk);
        let (records, events) = (Vec::new(), Vec::new());
        let subject = subject.to_vec();
        self.counters.push(Counter { machine, subject, peer, records, events, printed: None, auto: true });
        self.counters.len() - 1
    }

    /// The number of the link on which a kiosk speaks.
    pub fn neighbour(&mut self, kiosk: &Member) -> usize {
        let name = (kiosk.keys.info.operator.clone(), kiosk.keys.info.station.clone());
        self.neighbours.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.neighbours.push(name);
            self.neighbours.len() - 1
        })
    }

    /// The issuer's process ends and starts again: nothing of its memory is left.
    pub fn restart_server(&mut self, server: usize) {
        let server = &mut self.servers[server];
        server.machine = Issuer::new(server.member.crypto.clone(), self.trust.clone(), self.server_policy).unwrap();
    }
}

pub fn outcomes(records: &[Record]) -> Vec<Outcome> {
    let outcome = |record: &Record| match record {
        Record::Ended { outcome, .. } => Some(*outcome),
        _ => None,
    };
    records.iter().filter_map(outcome).collect()
}

pub fn alarms(records: &[Record]) -> usize {
    records.iter().filter(|record| matches!(record, Record::Alarm { .. })).count()
}
