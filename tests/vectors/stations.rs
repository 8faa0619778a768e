//! Four stations in one process that make the vectors: the machines as they are, with randomness that is known.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use shokyo::buffer::{Cause, SecretMemory, Vault, VaultOptions};
use shokyo::error::Error;
use shokyo::handover::kiosk::Application;
use shokyo::handover::relay::UPSTREAM;
use shokyo::handover::suite::{SigningKey, StationCrypto, StationKeys};
use shokyo::handover::{
    Frame, Identity, Issuer, IssuerEvent, KeyUse, Kiosk, KioskEvent, MessageType, Peer, Policy, Relay, RelayEvent,
    Source, Suite, Suites, Trust,
};
use shokyo::receipt::StationInfo;
use shokyo::types::{Now, Role, Roles, Time};

use super::session::Station;

const DOWN: Peer = Peer(1);
/// Three chunks of 64 bytes, the last one shorter.
pub const CHUNK: usize = 64;
pub const SUBJECT: &[u8] = b"holder-0001";

/// Certificates by pinning: the bytes are looked up.
#[derive(Clone, Debug, Default)]
pub struct Pinned(pub Arc<BTreeMap<Vec<u8>, (KeyUse, Identity)>>);

impl Trust for Pinned {
    fn identify(&self, certificate: &[u8], key_use: KeyUse, _: u64) -> Result<Identity, Error> {
        match self.0.get(certificate) {
            Some((pinned, identity)) if *pinned == key_use => Ok(identity.clone()),
            _ => Err(Error::Untrusted { what: "a certificate that is not pinned" }),
        }
    }
}

impl Pinned {
    pub fn of(stations: &BTreeMap<u8, Station>) -> Self {
        let mut pins = BTreeMap::new();
        for (number, found) in stations {
            let role = Role::from_number(*number).unwrap();
            for (key_use, certificate, key) in [
                (KeyUse::Messages, &found.certificate, found.messages),
                (KeyUse::Receipts, &found.receipt_certificate, found.receipts),
            ] {
                let (station, operator) = (found.station.clone(), found.operator.clone());
                pins.insert(certificate.clone(), (key_use, Identity { role, station, operator, key }));
            }
        }
        Self(Arc::new(pins))
    }
}

/// A station with new keys, and what others know of it.
pub fn station(role: Role) -> (StationCrypto, Station) {
    let mut options = VaultOptions::small();
    options.agreement = true;
    options.chunk_size = CHUNK;
    // What receipts say of the memory is the same on every machine.
    options.secret_memory = SecretMemory::Off;
    let identity = Vault::open(options.clone()).unwrap();
    let name = format!("{role}-1");
    let keys = StationKeys {
        info: StationInfo {
            role,
            station: name.clone(),
            operator: format!("operator of {role}"),
            post: "POST-1".into(),
        },
        messages: SigningKey::generate(&identity).unwrap(),
        certificate: format!("certificate of {name} for messages").into_bytes(),
        receipts: SigningKey::generate(&identity).unwrap(),
        receipt_certificate: format!("certificate of {name} for receipts").into_bytes(),
        not_covered: Vec::new(),
    };
    let known = Station {
        station: name,
        operator: keys.info.operator.clone(),
        messages: *keys.messages.public(),
        receipts: *keys.receipts.public(),
        certificate: keys.certificate.clone(),
        receipt_certificate: keys.receipt_certificate.clone(),
    };
    (StationCrypto::new(Vault::open(options).unwrap(), Arc::new(keys), None), known)
}

pub struct Stations {
    issuer: Issuer<StationCrypto, Pinned>,
    /// EC centre, certificate centre.
    relays: [Relay<StationCrypto, Pinned>; 2],
    kiosk: Kiosk<StationCrypto, Pinned>,
    pub known: BTreeMap<u8, Station>,
    now: Now,
    document: Vec<u8>,
    cancelled: bool,
    network: VecDeque<(Role, Peer, Vec<u8>)>,
    /// Every frame, in the order in which they were first sent.
    pub frames: Vec<Vec<u8>>,
}

impl Stations {
    /// Stations whose issuer has this suite and whose kiosk likes X-Wing best. With `cancelled` the kiosk ends the session once the
    /// document is offered.
    pub fn new(suite: Suite, document: &[u8], cancelled: bool) -> Self {
        let made: BTreeMap<u8, _> = Role::ALL.into_iter().map(|role| (role as u8, station(role))).collect();
        let known: BTreeMap<_, _> = made.iter().map(|(role, (_, known))| (*role, known.clone())).collect();
        let crypto = |role: Role| made[&(role as u8)].0.clone();
        let trust = Pinned::of(&known);
        let now = Now { monotonic: Time(1_000_000), unix_ms: 1_790_000_000_000 };
        let mut policy = Policy::default();
        policy.credit = 2;
        policy.suites = Suites::only(suite);
        let mut at_kiosk = policy;
        at_kiosk.suites = Suites::at_least(suite);
        at_kiosk.attachments = Roles::NONE.with(Role::CertificateCentre).with(Role::EcCentre);
        let application = Application {
            operator: "operator of issuer",
            issuer: "issuer-1",
            kind: "resident-certificate",
            copies: 1,
            subject: SUBJECT,
            details: b"the whole household",
        };
        Self {
            kiosk: Kiosk::apply(now, crypto(Role::Kiosk), trust.clone(), at_kiosk, &application).unwrap(),
            issuer: Issuer::new(crypto(Role::Issuer), trust.clone(), policy).unwrap(),
            relays: [Role::EcCentre, Role::CertificateCentre]
                .map(|role| Relay::new(crypto(role), trust.clone(), policy).unwrap()),
            known,
            now,
            document: document.to_vec(),
            cancelled,
            network: VecDeque::new(),
            frames: Vec::new(),
        }
    }

    /// Runs until nothing moves.
    pub fn run(&mut self) {
        for _ in 0..10_000 {
            self.collect();
            let Some((to, from, frame)) = self.network.pop_front() else { return };
            self.now.monotonic.0 += 7;
            self.now.unix_ms += 7;
            let taken = match to {
                Role::Issuer => self.issuer.handle_frame(self.now, from, &frame),
                Role::CertificateCentre => self.relays[1].handle_frame(self.now, from, frame),
                Role::EcCentre => self.relays[0].handle_frame(self.now, from, frame),
                Role::Kiosk => self.kiosk.handle_frame(self.now, &frame),
            };
            // What was on its way when the session ended comes too late.
            assert!(taken.is_ok() || self.cancelled, "{to}: {taken:?}");
        }
        panic!("the stations never come to rest");
    }

    /// Long after the session the kiosk's receipt comes again, as a store's outbox sends what nobody answered.
    pub fn late(&mut self) {
        let is = |frame: &Frame<'_>| frame.kind == MessageType::Erased && frame.role == Role::Kiosk;
        let receipt = self.frames.iter().find(|frame| is(&Frame::decode(frame).unwrap())).unwrap().clone();
        self.now.monotonic = self.now.monotonic.after(std::time::Duration::from_secs(600));
        self.now.unix_ms += 600_000;
        self.network.push_back((Role::EcCentre, DOWN, receipt));
        self.run();
    }

    fn send(&mut self, to: Role, from: Peer, frame: Vec<u8>) {
        if !self.frames.contains(&frame) {
            self.frames.push(frame.clone());
        }
        self.network.push_back((to, from, frame));
    }

    fn collect(&mut self) {
        for _ in 0..100 {
            if !self.collect_once() {
                return;
            }
        }
        panic!("the stations never come to rest");
    }

    fn collect_once(&mut self) -> bool {
        let mut moved = false;
        while let Some(persist) = self.issuer.poll_persist() {
            self.issuer.handle_persisted(self.now, persist.token);
        }
        while let Some(event) = self.issuer.poll_event() {
            if let IssuerEvent::Application { session, .. } = event {
                self.issuer.document(session, b"row 7").unwrap().write(&self.document).unwrap();
                self.issuer.offer(self.now, session, &Source { subject: SUBJECT, version: b"row 7" }).unwrap();
                moved = true;
            }
        }
        while let Some(transmit) = self.issuer.poll_transmit() {
            self.send(Role::CertificateCentre, UPSTREAM, transmit.frame);
        }
        for (index, up, down) in [(0, Role::CertificateCentre, Role::Kiosk), (1, Role::Issuer, Role::EcCentre)] {
            while let Some(persist) = self.relays[index].poll_persist() {
                self.relays[index].handle_persisted(self.now, persist.token);
            }
            while let Some(passing) = self.relays[index].poll_transmit() {
                let (to, from) = if passing.peer == UPSTREAM { (up, DOWN) } else { (down, UPSTREAM) };
                self.send(to, from, passing.bytes().to_vec());
                self.relays[index].handle_sent(self.now, passing);
                moved = true;
            }
            while let Some(event) = self.relays[index].poll_event() {
                if let RelayEvent::Offered { session } = event {
                    let data = format!("parameters against forgery, number {index}");
                    self.relays[index].attach(self.now, session, data.as_bytes()).unwrap();
                    moved = true;
                }
            }
        }
        while let Some(persist) = self.kiosk.poll_persist() {
            self.kiosk.handle_persisted(self.now, persist.token);
        }
        while let Some(event) = self.kiosk.poll_event() {
            moved = true;
            match event {
                KioskEvent::Offered { .. } if self.cancelled => self.kiosk.cancel(self.now, Cause::Requested),
                KioskEvent::Ready { .. } => self.kiosk.print(self.now).unwrap(),
                KioskEvent::MayPrint => self.kiosk.delivered(self.now).unwrap(),
                _ => {}
            }
        }
        while let Some(transmit) = self.kiosk.poll_transmit() {
            self.send(Role::EcCentre, DOWN, transmit.frame);
        }
        moved
    }
}

/// A relay without sessions that knows these stations.
pub fn relay(stations: &BTreeMap<u8, Station>) -> Relay<StationCrypto, Pinned> {
    Relay::new(station(Role::EcCentre).0, Pinned::of(stations), Policy::default()).unwrap()
}

/// Which way a frame goes at the EC centre, and which are its own.
pub fn from_below(frame: &[u8]) -> Option<bool> {
    match Frame::decode(frame).unwrap().role {
        Role::EcCentre => None,
        role => Some(role == Role::Kiosk),
    }
}
