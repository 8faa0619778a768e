//! Four stations, up to three transactions at the kiosk, and everything between them: what a script moves, and what must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shokyo::handover::kiosk::Application;
use shokyo::handover::relay::{Passing, UPSTREAM};
use shokyo::handover::{
    Issuer, IssuerEvent, Kiosk, KioskEvent, Outcome, Peer, Persist, Policy, Record, Relay, RelayEvent,
};
use shokyo::handover::{Source, Suite, Suites};
use shokyo::types::{Now, Role, Roles, SessionId, Time};

use crate::crypto::Station;
use crate::ledger;
use crate::script::Script;
use crate::stations::{Pinned, Stations};

/// Transactions at the kiosk at most.
pub const KIOSKS: usize = 3;
/// The neighbour of issuer and centre towards the kiosk.
pub const DOWN: Peer = Peer(1);
/// Frames that one step may lead to. The longest is an honest run.
const GROWTH: usize = 400;
/// What a relay may hold beyond the limit of its sessions: frames of its own.
const OWN_FRAMES: usize = 64 * 1024;

/// Where a frame is: between a kiosk and the EC centre, the EC centre and the centre, the centre and the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Kiosk(usize),
    Middle,
    Issuer,
}

/// A frame on its way.
#[derive(Clone, Debug)]
pub struct Hop {
    pub link: Link,
    pub up: bool,
    pub bytes: Vec<u8>,
}

/// One transaction at the kiosk and what its host knows.
pub struct Transaction {
    pub machine: Kiosk<Station, Pinned>,
    pub ready: bool,
    pub may_print: bool,
    pub delivered: bool,
    subject: Vec<u8>,
}

/// Who writes records: the issuer, the relays (0 the EC centre, 1 the centre), the kiosk's transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writer {
    Issuer,
    Relay(usize),
    Kiosk(usize),
}

/// Everything.
pub struct World {
    pub stations: Stations,
    pub policy: Policy,
    pub issuer: Issuer<Station, Pinned>,
    pub relays: [Relay<Station, Pinned>; 2],
    pub kiosks: Vec<Transaction>,
    pub now: Now,
    pub network: Vec<Hop>,
    /// Frames that were on the network.
    pub tape: Vec<Hop>,
    pub held: Vec<(usize, Passing)>,
    pub persists: Vec<(Writer, Persist)>,
    pub records: BTreeMap<Writer, Vec<Record>>,
    pub to_compose: Vec<SessionId>,
    pub to_attach: Vec<(usize, SessionId)>,
    pub sessions: Vec<SessionId>,
    /// Somebody signs what an honest station does not.
    pub forging: bool,
    /// A record could not be written; those of ends may be among them.
    lost_records: bool,
    length: usize,
    opened_at_relays: BTreeSet<(usize, SessionId)>,
}

impl World {
    /// Stations at rest, with a policy of the script's.
    pub fn new(script: &mut Script<'_>, forging: bool) -> Self {
        ledger::clear();
        let choice = script.number();
        let length = [1, 255, 256, 257, 700, 2_000, 0, 5_000][script.number() % 8];
        let mut policy = Policy::default();
        policy.suites = Suites::only(Suite::X25519);
        policy.max_document = 4_096;
        policy.max_sessions = 2;
        if choice & 1 != 0 {
            policy.reconnect = Duration::ZERO;
        }
        if choice & 2 != 0 {
            policy.max_per_kiosk = 1;
        }
        if choice & 4 != 0 {
            policy.attachments = Roles::NONE.with(Role::CertificateCentre).with(Role::EcCentre);
        }
        if choice & 8 != 0 {
            policy.max_held = 2_048;
        }
        policy.credit = 1 + u32::from(choice as u8 >> 6);
        let stations = Stations::get();
        let [issuer, centre, ec, _] = stations.cryptos.clone();
        let trust = || stations.trust.clone();
        let mut world = Self {
            issuer: Issuer::new(issuer, trust(), policy).expect("an issuer"),
            relays: [ec, centre].map(|crypto| Relay::new(crypto, trust(), policy).expect("a relay")),
            kiosks: Vec::new(),
            now: Now { monotonic: Time(1_000_000), unix_ms: 1_790_000_000_000 },
            network: Vec::new(),
            tape: Vec::new(),
            held: Vec::new(),
            persists: Vec::new(),
            records: BTreeMap::new(),
            to_compose: Vec::new(),
            to_attach: Vec::new(),
            sessions: Vec::new(),
            forging,
            lost_records: false,
            length,
            opened_at_relays: BTreeSet::new(),
            policy,
            stations,
        };
        world.apply();
        world
    }

    /// Begins a transaction.
    pub fn apply(&mut self) {
        if self.kiosks.len() == KIOSKS {
            return;
        }
        let subject = format!("holder-{}", self.kiosks.len()).into_bytes();
        let application = Application {
            operator: "operator-issuer",
            issuer: "issuer-1",
            kind: "resident-certificate",
            copies: 1,
            subject: &subject,
            details: b"",
        };
        let (crypto, trust) = (self.stations.cryptos[3].clone(), self.stations.trust.clone());
        let machine = Kiosk::apply(self.now, crypto, trust, self.policy, &application).expect("an application");
        self.kiosks.push(Transaction { machine, ready: false, may_print: false, delivered: false, subject });
    }

    /// The document of a holder: no two are the same.
    fn document(&self, subject: &[u8]) -> Vec<u8> {
        subject.iter().copied().cycle().take(self.length).collect()
    }

    /// Makes and offers the document of an application, as an honest host does.
    pub fn compose(&mut self, session: SessionId) {
        let Ok(application) = self.issuer.application(session) else { return };
        let subject = application.read_at(0, |plain| plain[2..].to_vec()).expect("the application");
        let document = self.document(&subject);
        if self.issuer.document(session, b"v1").is_ok_and(|composing| composing.writer.write(&document).is_ok()) {
            let _ = self.issuer.offer(self.now, session, &Source { subject: &subject, version: b"v1" });
        }
    }

    /// Drains every output.
    pub fn collect(&mut self) {
        while let Some(persist) = self.issuer.poll_persist() {
            self.persists.push((Writer::Issuer, persist));
        }
        while let Some(transmit) = self.issuer.poll_transmit() {
            self.network.push(Hop { link: Link::Issuer, up: false, bytes: transmit.frame });
        }
        while let Some(event) = self.issuer.poll_event() {
            if let IssuerEvent::Application { session, .. } = event {
                assert!(!self.sessions.contains(&session), "an application is opened once");
                self.sessions.push(session);
                self.to_compose.push(session);
            }
        }
        for index in 0..2 {
            while let Some(persist) = self.relays[index].poll_persist() {
                self.persists.push((Writer::Relay(index), persist));
            }
            while let Some(passing) = self.relays[index].poll_transmit() {
                let up = passing.peer == UPSTREAM;
                let link = match (index, up) {
                    (0, false) => Link::Kiosk(usize::try_from(passing.peer.0).expect("a number") - 1),
                    (0, true) | (1, false) => Link::Middle,
                    _ => Link::Issuer,
                };
                self.network.push(Hop { link, up, bytes: passing.bytes().to_vec() });
                self.held.push((index, passing));
            }
            while let Some(event) = self.relays[index].poll_event() {
                if let RelayEvent::Offered { session } = event {
                    self.to_attach.push((index, session));
                }
            }
        }
        for index in 0..self.kiosks.len() {
            while let Some(persist) = self.kiosks[index].machine.poll_persist() {
                self.persists.push((Writer::Kiosk(index), persist));
            }
            while let Some(transmit) = self.kiosks[index].machine.poll_transmit() {
                self.network.push(Hop { link: Link::Kiosk(index), up: true, bytes: transmit.frame });
            }
            while let Some(event) = self.kiosks[index].machine.poll_event() {
                self.kiosk_event(index, &event);
            }
        }
    }

    fn kiosk_event(&mut self, index: usize, event: &KioskEvent) {
        match event {
            KioskEvent::Ready { .. } => {
                assert!(!self.kiosks[index].ready, "a document is opened once");
                self.kiosks[index].ready = true;
                self.read(index);
            }
            KioskEvent::MayPrint => {
                assert!(!self.kiosks[index].may_print, "a document is printed once");
                let records = self.records.get(&Writer::Kiosk(index)).map_or(&[][..], Vec::as_slice);
                let started = records.iter().any(|record| matches!(record, Record::PrintStarted { .. }));
                assert!(started, "no page before the record");
                self.kiosks[index].may_print = true;
            }
            KioskEvent::Erased { verified, .. } => {
                assert!(verified, "memory reads back as erased");
                assert!(self.kiosks[index].machine.document().is_err());
            }
            _ => {}
        }
    }

    /// The document at a kiosk is that of the card's holder.
    fn read(&self, index: usize) {
        let transaction = &self.kiosks[index];
        let Ok(document) = transaction.machine.document() else { return };
        let mut copy = Vec::new();
        let read = document.for_each_window(|_, plain| {
            copy.extend_from_slice(plain);
            Ok(())
        });
        assert!(read.is_ok());
        assert!(!copy.is_empty() && copy == self.document(&transaction.subject), "another's document");
    }

    /// A record is durable, or was not written.
    pub fn persisted(&mut self, at: usize, durable: bool) {
        let (writer, persist) = self.persists.remove(at);
        // As a store does: a session is opened once.
        let again = match (writer, &persist.record) {
            (Writer::Relay(index), Record::Opened { session, .. }) => {
                durable && !self.opened_at_relays.insert((index, *session))
            }
            _ => false,
        };
        let durable = durable && !again;
        self.lost_records |= !durable;
        if durable {
            self.records.entry(writer).or_default().push(persist.record);
        }
        let (now, token) = (self.now, persist.token);
        match (writer, durable) {
            (Writer::Issuer, true) => self.issuer.handle_persisted(now, token),
            (Writer::Issuer, false) => self.issuer.handle_persist_failed(now, token),
            (Writer::Relay(index), true) => self.relays[index].handle_persisted(now, token),
            (Writer::Relay(index), false) => self.relays[index].handle_persist_failed(now, token),
            (Writer::Kiosk(index), true) => self.kiosks[index].machine.handle_persisted(now, token),
            (Writer::Kiosk(index), false) => self.kiosks[index].machine.handle_persist_failed(now, token),
        }
    }

    /// A frame arrives.
    pub fn deliver(&mut self, hop: Hop) {
        let now = self.now;
        // What is refused is told to the host, who has nothing to do.
        let _ = match (hop.link, hop.up) {
            (Link::Issuer, true) => self.issuer.handle_frame(now, DOWN, &hop.bytes),
            (Link::Issuer, false) => self.relays[1].handle_frame(now, UPSTREAM, hop.bytes),
            (Link::Middle, true) => self.relays[1].handle_frame(now, DOWN, hop.bytes),
            (Link::Middle, false) => self.relays[0].handle_frame(now, UPSTREAM, hop.bytes),
            (Link::Kiosk(index), true) => self.relays[0].handle_frame(now, peer_of(index), hop.bytes),
            (Link::Kiosk(index), false) => match self.kiosks.get_mut(index) {
                Some(transaction) => transaction.machine.handle_frame(now, &hop.bytes),
                None => Ok(()),
            },
        };
    }

    /// The next moment at which something is due.
    pub fn next_deadline(&self) -> Option<Time> {
        let relays = self.relays.iter().map(Relay::next_deadline);
        let kiosks = self.kiosks.iter().map(|transaction| transaction.machine.next_deadline());
        relays.chain(kiosks).chain([self.issuer.next_deadline()]).flatten().min()
    }

    /// Time passes.
    pub fn pass(&mut self, milliseconds: u64) {
        self.now.monotonic = Time(self.now.monotonic.0 + milliseconds);
        self.now.unix_ms += milliseconds;
        self.issuer.handle_timeout(self.now);
        self.relays.iter_mut().for_each(|relay| relay.handle_timeout(self.now));
        self.kiosks.iter_mut().for_each(|transaction| transaction.machine.handle_timeout(self.now));
    }

    /// A frame that a relay wrote comes back.
    pub fn sent(&mut self, at: usize) {
        let (index, passing) = self.held.swap_remove(at);
        self.relays[index].handle_sent(self.now, passing);
    }

    /// What must hold after every step.
    pub fn check(&self, frames_before: usize) {
        assert!(self.network.len() <= frames_before + GROWTH, "one step made {} frames", self.network.len());
        for index in 0..2 {
            let held: usize =
                self.held.iter().filter(|(of, _)| *of == index).map(|(_, passing)| passing.bytes().len()).sum();
            let limit = self.policy.max_sessions * self.policy.max_held + OWN_FRAMES;
            assert!(held <= limit, "a relay holds {held} bytes");
            assert!(self.relays[index].open_sessions() <= self.policy.max_sessions);
        }
        assert!(self.issuer.open_sessions() <= self.policy.max_sessions);
    }

    /// From here the clock alone: everything must be erased, and every session told to the end.
    pub fn end(mut self) {
        for _ in 0..20_000 {
            self.network.clear();
            while !self.held.is_empty() {
                self.sent(0);
            }
            self.collect();
            if !self.persists.is_empty() {
                self.persisted(0, true);
                continue;
            }
            if !self.held.is_empty() {
                continue;
            }
            match self.next_deadline() {
                Some(time) => self.pass(time.since(self.now.monotonic)),
                None => return self.check_end(),
            }
        }
        panic!("the clock alone leads to no end");
    }

    fn check_end(&self) {
        ledger::check_empty();
        assert_eq!(self.issuer.open_sessions(), 0);
        assert!(self.relays.iter().all(|relay| relay.open_sessions() == 0));
        for (index, transaction) in self.kiosks.iter().enumerate() {
            assert!(transaction.machine.is_finished() && transaction.machine.document().is_err());
            let complete = self.outcomes(Writer::Kiosk(index), transaction.machine.id());
            assert!(transaction.delivered || !complete.contains(&Outcome::Complete), "complete and not delivered");
        }
        for (writer, records) in &self.records {
            let opened: BTreeSet<_> =
                records.iter().filter(|record| matches!(record, Record::Opened { .. })).map(Record::session).collect();
            let ended: Vec<_> =
                records.iter().filter(|record| matches!(record, Record::Ended { .. })).map(Record::session).collect();
            let once: BTreeSet<_> = ended.iter().copied().collect();
            assert_eq!(once.len(), ended.len(), "{writer:?}: a session ends once");
            assert!(once.is_subset(&opened) || self.lost_records, "{writer:?}: only what was opened ends");
            assert!(opened.is_subset(&once) || self.lost_records, "{writer:?}: what was opened ends");
        }
    }

    fn outcomes(&self, writer: Writer, session: SessionId) -> Vec<Outcome> {
        let records = self.records.get(&writer).map_or(&[][..], Vec::as_slice);
        records
            .iter()
            .filter_map(|record| match record {
                Record::Ended { session: of, outcome } if *of == session => Some(*outcome),
                _ => None,
            })
            .collect()
    }
}

/// The neighbour of the EC centre through which a transaction comes: the kiosk is one station, and each has a line of its own here.
pub const fn peer_of(index: usize) -> Peer {
    Peer(index as u64 + 1)
}
