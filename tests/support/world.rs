//! Four stations in one process on a simulated network and clock, with the real cryptography and memory.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use shokyo::buffer::{Cause, Vault, VaultOptions};
use shokyo::error::Error;
use shokyo::handover::kiosk::Application;
use shokyo::handover::suite::{SigningKey, StationCrypto, StationKeys};
use shokyo::handover::{
    Frame, Identity, Issuer, IssuerEvent, KeyUse, Kiosk, KioskEvent, MessageType, Outcome, Peer, Policy, Record, Relay,
    RelayEvent, Source, Trust,
};
use shokyo::receipt::StationInfo;
use shokyo::types::{Now, Role, SessionId, Time};

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

pub fn station(role: Role, name: &str, pins: &mut BTreeMap<Vec<u8>, (KeyUse, Identity)>) -> StationCrypto {
    let mut options = VaultOptions::default();
    options.agreement = true;
    let identity = Vault::open(options.clone()).unwrap();
    let documents = Vault::open(options).unwrap();
    let keys = StationKeys {
        info: StationInfo {
            role,
            station: name.into(),
            operator: format!("operator of {role}"),
            post: "POST-1".into(),
        },
        messages: SigningKey::generate(&identity).unwrap(),
        certificate: format!("certificate of {name} for messages").into_bytes(),
        receipts: SigningKey::generate(&identity).unwrap(),
        receipt_certificate: format!("certificate of {name} for receipts").into_bytes(),
        not_covered: Vec::new(),
    };
    for (key_use, certificate, key) in [
        (KeyUse::Messages, &keys.certificate, keys.messages.public()),
        (KeyUse::Receipts, &keys.receipt_certificate, keys.receipts.public()),
    ] {
        let identity = Identity { role, station: name.into(), operator: keys.info.operator.clone(), key: *key };
        pins.insert(certificate.clone(), (key_use, identity));
    }
    StationCrypto::new(documents, Arc::new(keys), None)
}

/// A frame on a hop: 0 kiosk–EC centre, 1 EC centre–centre, 2 centre–issuer.
#[derive(Clone, Debug)]
pub struct Hop {
    pub link: usize,
    pub up: bool,
    pub bytes: Vec<u8>,
}

pub type Meddle = Box<dyn FnMut(&mut Hop) -> bool>;

pub struct World {
    pub issuer: Issuer<StationCrypto, Pinned>,
    pub relays: [Relay<StationCrypto, Pinned>; 2],
    pub kiosk: Kiosk<StationCrypto, Pinned>,
    pub trust: Pinned,
    pub now: Now,
    pub document: Vec<u8>,
    pub source_subject: Vec<u8>,
    pub records: [Vec<Record>; 4],
    pub issuer_events: Vec<IssuerEvent>,
    pub kiosk_events: Vec<KioskEvent>,
    pub relay_events: Vec<(usize, RelayEvent)>,
    pub errors: Vec<(Role, Error)>,
    pub read_back: Option<Vec<u8>>,
    pub network: VecDeque<Hop>,
    /// Every frame that was on any hop.
    pub tape: Vec<Hop>,
    /// Changes a frame, or drops it by answering `false`.
    pub meddle: Meddle,
    /// Records that are not confirmed until asked to.
    pub hold_records: bool,
    pub auto_deliver: bool,
    /// What the relays attach to an offer.
    pub attachments: [Option<Vec<u8>>; 2],
    policies: [Policy; 3],
    crypto: StationCrypto,
    relay_crypto: [StationCrypto; 2],
}

pub const SUBJECT: &[u8] = b"holder-0001";
const DOWN: Peer = Peer(1);

impl World {
    pub fn new(document: &[u8]) -> Self {
        Self::with_policy(document, Policy::default())
    }

    pub fn with_policy(document: &[u8], policy: Policy) -> Self {
        Self::with_policies(document, policy, policy, policy)
    }

    /// With a policy each for the issuer, the relays and the kiosk.
    pub fn with_policies(document: &[u8], at_issuer: Policy, at_relays: Policy, at_kiosk: Policy) -> Self {
        let mut pins = BTreeMap::new();
        let issuer = station(Role::Issuer, "issuer-1", &mut pins);
        let issuer_crypto = issuer.clone();
        let centre = station(Role::CertificateCentre, "centre-1", &mut pins);
        let ec = station(Role::EcCentre, "ec-1", &mut pins);
        let kiosk = station(Role::Kiosk, "kiosk-1", &mut pins);
        let trust = Pinned(Arc::new(pins));
        let relay_crypto = [ec.clone(), centre.clone()];
        let now = Now { monotonic: Time(1_000_000), unix_ms: 1_790_000_000_000 };
        let application = Application {
            operator: "operator of issuer",
            issuer: "issuer-1",
            kind: "resident-certificate",
            copies: 1,
            subject: SUBJECT,
            details: b"",
        };
        Self {
            kiosk: Kiosk::apply(now, kiosk, trust.clone(), at_kiosk, &application).unwrap(),
            issuer: Issuer::new(issuer, trust.clone(), at_issuer).unwrap(),
            relays: [
                Relay::new(ec, trust.clone(), at_relays).unwrap(),
                Relay::new(centre, trust.clone(), at_relays).unwrap(),
            ],
            trust,
            now,
            document: document.to_vec(),
            source_subject: SUBJECT.to_vec(),
            records: Default::default(),
            issuer_events: Vec::new(),
            kiosk_events: Vec::new(),
            relay_events: Vec::new(),
            errors: Vec::new(),
            read_back: None,
            network: VecDeque::new(),
            tape: Vec::new(),
            meddle: Box::new(|_| true),
            hold_records: false,
            auto_deliver: true,
            attachments: Default::default(),
            policies: [at_issuer, at_relays, at_kiosk],
            crypto: issuer_crypto,
            relay_crypto,
        }
    }

    /// Runs until nothing moves.
    pub fn run(&mut self) {
        for _ in 0..100_000 {
            let moved = self.collect() | self.deliver_one();
            if !moved {
                return;
            }
        }
        panic!("the stations never come to rest");
    }

    pub fn pass(&mut self, duration: Duration) {
        self.now.monotonic = self.now.monotonic.after(duration);
        self.now.unix_ms += u64::try_from(duration.as_millis()).unwrap();
        self.issuer.handle_timeout(self.now);
        self.relays[0].handle_timeout(self.now);
        self.relays[1].handle_timeout(self.now);
        self.kiosk.handle_timeout(self.now);
    }

    /// Lets the clock run to every deadline, delivering nothing.
    pub fn only_ticks(&mut self) {
        for _ in 0..10_000 {
            self.collect();
            self.network.clear();
            let next = [
                self.issuer.next_deadline(),
                self.relays[0].next_deadline(),
                self.relays[1].next_deadline(),
                self.kiosk.next_deadline(),
            ]
            .into_iter()
            .flatten()
            .min();
            let Some(next) = next else { return };
            let wait = next.since(self.now.monotonic).max(1);
            self.pass(Duration::from_millis(wait));
        }
        panic!("the clock alone does not end the sessions");
    }

    pub fn persist_all(&mut self) -> bool {
        let mut moved = false;
        while let Some(persist) = self.issuer.poll_persist() {
            self.records[0].push(persist.record);
            self.issuer.handle_persisted(self.now, persist.token);
            moved = true;
        }
        for index in 0..2 {
            while let Some(persist) = self.relays[index].poll_persist() {
                moved = true;
                // As the store does: a session is opened once.
                let records = &mut self.records[1 + index];
                if matches!(persist.record, Record::Opened { .. }) && records.contains(&persist.record) {
                    self.relays[index].handle_persist_failed(self.now, persist.token);
                    continue;
                }
                records.push(persist.record);
                self.relays[index].handle_persisted(self.now, persist.token);
            }
        }
        while let Some(persist) = self.kiosk.poll_persist() {
            self.records[3].push(persist.record);
            self.kiosk.handle_persisted(self.now, persist.token);
            moved = true;
        }
        moved
    }

    pub fn collect(&mut self) -> bool {
        let mut moved = !self.hold_records && self.persist_all();
        while let Some(transmit) = self.issuer.poll_transmit() {
            moved = true;
            self.network.push_back(Hop { link: 2, up: false, bytes: transmit.frame });
        }
        for index in 0..2 {
            while let Some(passing) = self.relays[index].poll_transmit() {
                moved = true;
                let up = passing.peer == shokyo::handover::relay::UPSTREAM;
                let link = if up { index + 1 } else { index };
                self.network.push_back(Hop { link, up, bytes: passing.bytes().to_vec() });
                self.relays[index].handle_sent(self.now, passing);
            }
            while let Some(event) = self.relays[index].poll_event() {
                if let (RelayEvent::Offered { session }, Some(data)) = (&event, &self.attachments[index]) {
                    self.relays[index].attach(self.now, *session, data).unwrap();
                    moved = true;
                }
                self.relay_events.push((index, event));
            }
        }
        while let Some(transmit) = self.kiosk.poll_transmit() {
            moved = true;
            self.network.push_back(Hop { link: 0, up: true, bytes: transmit.frame });
        }
        while let Some(event) = self.issuer.poll_event() {
            moved = true;
            if let IssuerEvent::Application { session, .. } = event {
                self.compose(session);
            }
            self.issuer_events.push(event);
        }
        while let Some(event) = self.kiosk.poll_event() {
            moved = true;
            match event {
                KioskEvent::Ready { .. } if self.auto_deliver => self.kiosk.print(self.now).unwrap(),
                KioskEvent::MayPrint => {
                    self.read_document();
                    self.kiosk.delivered(self.now).unwrap();
                }
                _ => {}
            }
            self.kiosk_events.push(event);
        }
        moved
    }

    pub fn read_document(&mut self) {
        let mut copy = Vec::new();
        self.kiosk
            .document()
            .unwrap()
            .for_each_window(|_, plain| {
                copy.extend_from_slice(plain);
                Ok(())
            })
            .unwrap();
        self.read_back = Some(copy);
    }

    fn compose(&mut self, session: SessionId) {
        let subject = self.issuer.application(session).unwrap().read_at(0, <[u8]>::to_vec).unwrap();
        assert_eq!(&subject[2..], SUBJECT, "the application arrives as it was made");
        let document = self.document.clone();
        if let Err(error) = self.issuer.document(session, b"").and_then(|writer| writer.write(&document)) {
            self.errors.push((Role::Issuer, error));
        }
        let subject = self.source_subject.clone();
        let source = Source { subject: &subject, version: b"" };
        if let Err(error) = self.issuer.offer(self.now, session, &source) {
            self.errors.push((Role::Issuer, error));
        }
    }

    pub fn deliver_one(&mut self) -> bool {
        let Some(mut hop) = self.network.pop_front() else { return false };
        if !(self.meddle)(&mut hop) {
            return true;
        }
        self.tape.push(hop.clone());
        self.deliver(hop);
        true
    }

    pub fn deliver(&mut self, hop: Hop) {
        let (role, outcome) = match (hop.link, hop.up) {
            (2, true) => (Role::Issuer, self.issuer.handle_frame(self.now, DOWN, &hop.bytes)),
            (0, false) => (Role::Kiosk, self.kiosk.handle_frame(self.now, &hop.bytes)),
            (link, up) => {
                let index = if up { link } else { link - 1 };
                let from = if up { DOWN } else { shokyo::handover::relay::UPSTREAM };
                let role = if index == 0 { Role::EcCentre } else { Role::CertificateCentre };
                (role, self.relays[index].handle_frame(self.now, from, hop.bytes))
            }
        };
        if let Err(error) = outcome {
            self.errors.push((role, error));
        }
    }

    /// The issuing system's process starts anew: what it had in memory is gone.
    pub fn restart_issuer(&mut self) {
        self.issuer = Issuer::new(self.crypto.clone(), self.trust.clone(), self.policies[0]).unwrap();
    }

    /// The EC centre's keys and memory.
    pub fn kiosk_relay_crypto(&self) -> StationCrypto {
        self.relay_crypto[0].clone()
    }

    /// Both relays' processes start anew.
    pub fn restart_relays(&mut self) {
        let anew = |crypto: &StationCrypto| Relay::new(crypto.clone(), self.trust.clone(), self.policies[1]).unwrap();
        self.relays = [anew(&self.relay_crypto[0]), anew(&self.relay_crypto[1])];
    }

    /// The connection of a hop is lost, with everything that is under way on it; both its ends notice.
    pub fn lose_connection(&mut self, link: usize) {
        self.network.retain(|hop| hop.link != link);
        match link {
            0 => {
                self.kiosk.handle_peer_lost(self.now);
                self.relays[0].handle_peer_lost(self.now, DOWN);
            }
            1 => {
                self.relays[0].handle_peer_lost(self.now, shokyo::handover::relay::UPSTREAM);
                self.relays[1].handle_peer_lost(self.now, DOWN);
            }
            _ => {
                self.relays[1].handle_peer_lost(self.now, shokyo::handover::relay::UPSTREAM);
                self.issuer.handle_peer_lost(self.now, DOWN);
            }
        }
    }

    /// A hop has a connection again.
    pub fn regain_connection(&mut self, link: usize) {
        match link {
            0 => {
                self.relays[0].handle_peer_back(self.now, DOWN);
                self.kiosk.handle_peer_back(self.now);
            }
            1 => {
                self.relays[1].handle_peer_back(self.now, DOWN);
                self.relays[0].handle_peer_back(self.now, shokyo::handover::relay::UPSTREAM);
            }
            _ => {
                self.issuer.handle_peer_back(self.now, DOWN);
                self.relays[1].handle_peer_back(self.now, shokyo::handover::relay::UPSTREAM);
            }
        }
    }

    pub fn outcome(&self, station: usize) -> Option<Outcome> {
        self.records[station].iter().find_map(|record| match record {
            Record::Ended { outcome, .. } => Some(*outcome),
            _ => None,
        })
    }

    pub fn receipts(&self, station: usize) -> Vec<Vec<u8>> {
        self.records[station]
            .iter()
            .filter_map(|record| match record {
                Record::OwnReceipt { receipt, .. } => Some(receipt.clone()),
                _ => None,
            })
            .collect()
    }

    pub fn cancel_kiosk(&mut self) {
        self.kiosk.cancel(self.now, Cause::Requested);
    }
}

pub fn kind_of(bytes: &[u8]) -> Option<MessageType> {
    Frame::decode(bytes).ok().map(|frame| frame.kind)
}
