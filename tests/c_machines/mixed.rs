//! A kiosk through the C interface against an issuing system and relays that are the library's own machines in Rust: what they say to
//! each other is one protocol.

use std::fs::File;
use std::ptr::null_mut;
use std::sync::Arc;

use shokyo::buffer::Cause;
use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;
use shokyo::handover::relay::UPSTREAM;
use shokyo::handover::suite::{SigningKey, StationCrypto, StationKeys};
use shokyo::handover::{Issuer, IssuerEvent, Outcome, Peer, Persist, Record, Relay, RelayEvent, Source};
use shokyo::receipt::{self, Event, StationInfo};
use shokyo::station::config::Config;
use shokyo::station::profile::CertificateUse;
use shokyo::station::trust::{Authorities, own_certificate};
use shokyo::types::{Now, Role, Time};
use shokyo::{Vault, VaultOptions};

use crate::town::*;

/// The neighbour of everyone towards the kiosk.
const DOWN: Peer = Peer(1);

fn crypto(config: &Config, trust: &Authorities) -> StationCrypto {
    let vault = |windows| {
        let mut options = VaultOptions::new();
        (options.windows, options.key_cells, options.agreement) = (windows, 64, true);
        Vault::open(options).unwrap()
    };
    let identity = vault(1);
    let key = |of| SigningKey::from_pkcs8(&identity, &mut File::open(&config.credential(of).key).unwrap()).unwrap();
    let keys = StationKeys {
        info: StationInfo {
            role: config.role,
            station: config.station.clone(),
            operator: config.operator.clone(),
            post: config.responsible_post.clone(),
        },
        messages: key(CertificateUse::Messages),
        certificate: own_certificate(config, trust, CertificateUse::Messages).unwrap(),
        receipts: key(CertificateUse::Receipts),
        receipt_certificate: own_certificate(config, trust, CertificateUse::Receipts).unwrap(),
        not_covered: Vec::new(),
    };
    StationCrypto::new(vault(2), Arc::new(keys), None)
}

struct Others {
    issuer: Issuer<StationCrypto, Arc<Authorities>>,
    /// The EC centre and the certificate centre.
    relays: [Relay<StationCrypto, Arc<Authorities>>; 2],
    issuer_events: Vec<IssuerEvent>,
    relay_events: Vec<RelayEvent>,
    receipts: Vec<Vec<u8>>,
    document: Vec<u8>,
    now: Now,
}

impl Others {
    fn new(keys: &std::path::Path, now: Now) -> Self {
        let station = |role: Role| {
            let config = Config::load(&keys.join(format!("{role}.toml"))).unwrap();
            let trust = Arc::new(Authorities::load(&config.trust).unwrap());
            (crypto(&config, &trust), trust, config.policy())
        };
        let relay = |role| {
            let (crypto, trust, policy) = station(role);
            Relay::new(crypto, trust, policy).unwrap()
        };
        let (crypto, trust, policy) = station(Role::Issuer);
        Self {
            issuer: Issuer::new(crypto, trust, policy).unwrap(),
            relays: [relay(Role::EcCentre), relay(Role::CertificateCentre)],
            issuer_events: Vec::new(),
            relay_events: Vec::new(),
            receipts: Vec::new(),
            document: (0..40_000_u32).map(|index| (index.wrapping_mul(0x9E37_79B9) >> 9) as u8).collect(),
            now,
        }
    }

    fn keep(&mut self, record: Record) {
        if let Record::OwnReceipt { receipt, .. } | Record::PeerReceipt { receipt, .. } = record {
            self.receipts.push(receipt);
        }
    }

    /// Takes a frame of the kiosk's; gives those for it.
    fn run(&mut self, frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let now = self.now;
        let mut to_kiosk = Vec::new();
        let mut network: std::collections::VecDeque<(usize, Peer, Vec<u8>)> =
            frames.into_iter().map(|frame| (0, DOWN, frame)).collect();
        for _ in 0..10_000 {
            let Some((to, peer, frame)) = network.pop_front() else { return to_kiosk };
            match to {
                2 => self.issuer.handle_frame(now, peer, &frame).unwrap(),
                relay => self.relays[relay].handle_frame(now, peer, frame).unwrap(),
            }
            self.settle();
            for relay in 0..2 {
                while let Some(passing) = self.relays[relay].poll_transmit() {
                    let frame = passing.bytes().to_vec();
                    let up = passing.peer == UPSTREAM;
                    self.relays[relay].handle_sent(now, passing);
                    self.settle();
                    match (relay, up) {
                        (_, true) => network.push_back((relay + 1, DOWN, frame)),
                        (0, false) => to_kiosk.push(frame),
                        (_, false) => network.push_back((0, UPSTREAM, frame)),
                    }
                }
            }
            while let Some(transmit) = self.issuer.poll_transmit() {
                network.push_back((1, UPSTREAM, transmit.frame));
            }
        }
        panic!("never at rest");
    }

    fn settle(&mut self) {
        let now = self.now;
        loop {
            let mut moved = false;
            while let Some(Persist { token, record }) = self.issuer.poll_persist() {
                self.keep(record);
                self.issuer.handle_persisted(now, token);
                moved = true;
            }
            for relay in 0..2 {
                while let Some(Persist { token, .. }) = self.relays[relay].poll_persist() {
                    self.relays[relay].handle_persisted(now, token);
                    moved = true;
                }
                self.relay_events.extend(std::iter::from_fn(|| self.relays[relay].poll_event()));
            }
            while let Some(event) = self.issuer.poll_event() {
                if let IssuerEvent::Application { session, .. } = event {
                    self.issuer.document(session, b"").unwrap().write(&self.document).unwrap();
                    let source = Source { subject: SUBJECT, version: b"" };
                    self.issuer.offer(now, session, &source).unwrap();
                }
                self.issuer_events.push(event);
                moved = true;
            }
            if !moved {
                return;
            }
        }
    }
}

/// What the C kiosk sends now.
fn frames_of(kiosk: *mut shokyo_kiosk, now: &shokyo_now) -> Vec<Vec<u8>> {
    ok(unsafe { shokyo_kiosk_store_records(kiosk, now) });
    let mut frames = Vec::new();
    loop {
        let (mut frame, mut length) = (vec![0; SHOKYO_MAX_FRAME], 0);
        let place = (frame.as_mut_ptr().cast(), frame.len());
        ok(unsafe { shokyo_kiosk_poll_frame(kiosk, place.0, place.1, &mut length) });
        if length == 0 {
            return frames;
        }
        frame.truncate(length);
        frames.push(frame);
    }
}

fn run(kiosk: *mut shokyo_kiosk, now: &shokyo_now, others: &mut Others) {
    for _ in 0..1_000 {
        let frames = frames_of(kiosk, now);
        if frames.is_empty() {
            return;
        }
        for frame in others.run(frames) {
            ok(unsafe { shokyo_kiosk_handle_frame(kiosk, now, frame.as_ptr().cast(), frame.len()) });
        }
    }
    panic!("never at rest");
}

#[test]
fn a_kiosk_in_c_and_machines_in_rust_hand_a_document_over() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let keys = infrastructure(folder.path());
    let mut now = shokyo_now { struct_size: sized::<shokyo_now>(), ..Default::default() };
    ok(unsafe { shokyo_clock(&mut now) });
    let mut others = Others::new(&keys, Now { monotonic: Time(now.monotonic_ms), unix_ms: now.unix_ms });
    let (station, mut kiosk) = (open(&keys.join("kiosk.toml")), null_mut());
    ok(apply(station, &now, SUBJECT, &mut kiosk));
    run(kiosk, &now, &mut others);

    let mut seen = Vec::<u8>::new();
    ok(for_each(kiosk, &now, |_, plain| {
        seen.extend_from_slice(plain);
        0
    }));
    assert!(seen == others.document);
    ok(unsafe { shokyo_kiosk_print(kiosk, &now) });
    run(kiosk, &now, &mut others);
    ok(unsafe { shokyo_kiosk_delivered(kiosk, &now) });
    run(kiosk, &now, &mut others);
    assert_eq!(read_at(kiosk, &now, 0, |_, _| panic!("shown")), Status::WrongState);

    // The issuing system has the kiosk's receipt, which says what happened and verifies with the key that the authorities vouch for.
    let config = Config::load(&keys.join("kiosk.toml")).unwrap();
    let trust = Authorities::load(&config.trust).unwrap();
    let certificate = own_certificate(&config, &trust, CertificateUse::Receipts).unwrap();
    let identity =
        shokyo::handover::Trust::identify(&trust, &certificate, shokyo::handover::KeyUse::Receipts, now.unix_ms);
    let key = identity.unwrap().key;
    let of_kiosk: Vec<_> = others.receipts.iter().filter_map(|bytes| receipt::verify(bytes, &key).ok()).collect();
    let [statement] = &of_kiosk[..] else { panic!("{of_kiosk:?}") };
    assert_eq!((statement.event, statement.cause, statement.role), (Event::Erased, Cause::Delivered, Role::Kiosk));
    // The control: none of the receipts verifies after one bit was changed.
    for bytes in &mut others.receipts {
        *bytes.last_mut().unwrap() ^= 1;
        assert!(receipt::verify(bytes, &key).is_err());
    }
    let session = statement.session;
    let finished = IssuerEvent::Finished { session, outcome: Outcome::Complete };
    assert!(others.issuer_events.contains(&finished), "{:?}", others.issuer_events);
    let passed = others.relay_events.iter().filter(|event| matches!(event, RelayEvent::NotRetained { .. }));
    assert_eq!(passed.count(), 2);
    unsafe {
        ok(shokyo_kiosk_free(kiosk));
        ok(shokyo_station_free(station));
    }
}
