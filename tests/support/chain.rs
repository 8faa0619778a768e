//! A station that makes real receipts in a chain, and the key of its log, for tests and benches of custody.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

use std::sync::OnceLock;

use shokyo::buffer::{Cause, CopyClass, Erasure};
use shokyo::custody::log::origin;
use shokyo::custody::{LogCheck, LogReport, LogSigner, Store, verify_log};
use shokyo::handover::{Outcome, Record};
use shokyo::receipt::{self, Details, Event, Receipt, RelayFigures, StationInfo, Unverified};
use shokyo::types::{Protections, Role, SessionId};
use shokyo::wipe::wipe;

use crate::note_key::NoteKey;
use crate::receipt_key::{ReceiptKey, a_key_wiped};

pub const KIND: &str = "resident-certificate";

pub struct Station {
    pub info: StationInfo,
    key: ReceiptKey,
    previous: Option<[u8; 32]>,
}

impl Station {
    pub fn new(role: Role) -> Self {
        let info =
            StationInfo { role, station: format!("{role}-1"), operator: "an-operator".into(), post: "P-17".into() };
        Self { info, key: ReceiptKey::new(role as u8), previous: None }
    }

    pub fn public(&self) -> [u8; 32] {
        self.key.public()
    }

    /// Goes on with the chain of a store.
    pub fn continue_after(&mut self, previous: Option<[u8; 32]>) {
        self.previous = previous;
    }

    /// The next receipt of this station, which names the one before.
    pub fn receipt(&mut self, session: SessionId, event: Event) -> Vec<u8> {
        let mut erasure = Erasure::new(session, Protections::LOCKED);
        if event.claims_erasure() {
            erasure.record(CopyClass::Key, a_key_wiped());
            erasure.record(CopyClass::Ciphertext, wipe(&mut [7; 500], 7));
        }
        let figures = RelayFigures { peak_bytes: 9_000, longest_hold_ms: 4, frames: 3 };
        let details = Details {
            relay: (event == Event::RelayedNotRetained).then_some(figures),
            previous: self.previous,
            ..Details::new(event, Cause::Delivered, KIND, 1_000, 2_000)
        };
        let bytes = Receipt::issue(erasure, &details, &self.info, &self.key).unwrap().into_bytes();
        self.previous = Some(receipt::hash(&bytes));
        bytes
    }
}

/// The key of this station's log, from a seed.
pub fn log_key(seed: u8) -> NoteKey {
    NoteKey::new(&origin("an-operator", "issuer-1").unwrap(), seed)
}

pub fn boxed_log_key(seed: u8) -> LogSigner {
    Box::new(log_key(seed))
}

pub fn session(number: u64) -> SessionId {
    let mut bytes = [0xC5; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    SessionId(bytes)
}

pub fn opened(session: SessionId) -> Record {
    Record::Opened { session, kind: KIND.into() }
}

/// The records of one whole session at an issuer: seven entries.
pub fn whole_session(issuer: &mut Station, kiosk: &mut Station, number: u64) -> Vec<Record> {
    let session = session(number);
    vec![
        opened(session),
        Record::OwnReceipt { session, receipt: issuer.receipt(session, Event::KeyWiped) },
        Record::PrintStarted { session },
        Record::PeerReceipt { session, receipt: kiosk.receipt(session, Event::Erased) },
        Record::Alarm { session, what: "the receipt deadline passed" },
        Record::OwnReceipt { session, receipt: issuer.receipt(session, Event::Closed) },
        Record::Ended { session, outcome: Outcome::Complete },
    ]
}

/// The keys that an auditor has of these stations.
pub fn keys(unverified: &Unverified) -> Option<[u8; 32]> {
    static KEYS: OnceLock<[([u8; 32], [u8; 32]); 4]> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        Role::ALL.map(|role| {
            let public = Station::new(role).public();
            (receipt::key_id(&public), public)
        })
    });
    keys.iter().find(|(id, _)| *id == unverified.key_id).map(|(_, public)| *public)
}

/// What an auditor finds who has the key of seed 9 and these checkpoints.
pub fn verify(store: &Store, known: &[String]) -> LogReport {
    let key = log_key(9).verifier();
    verify_log(store, &LogCheck { keys: &[key], receipt_keys: &keys, known }).unwrap()
}
