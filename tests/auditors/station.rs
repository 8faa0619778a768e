//! A station of this test: its key, and receipts from real wipes.

use shokyo::buffer::{Cause, CopyClass, Erasure};
use shokyo::receipt::{Details, Event, Receipt, StationInfo};
use shokyo::types::{Protections, Role, SessionId};
use shokyo::wipe::wipe;

use crate::receipt_key::{ReceiptKey, a_key_wiped};

pub(crate) const KIND: &str = "resident-certificate";

pub(crate) struct Station {
    info: StationInfo,
    receipts: ReceiptKey,
}

impl Station {
    pub(crate) fn new(role: Role, station: &str) -> Self {
        let info = StationInfo { role, station: station.into(), operator: "an operator".into(), post: "P-17".into() };
        Self { info, receipts: ReceiptKey::new(role as u8) }
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.receipts.public()
    }

    /// The receipt for a session whose key is destroyed now.
    pub(crate) fn receipt(&self, session: SessionId, event: Event, unix_ms: u64) -> Vec<u8> {
        let mut erasure = Erasure::new(session, Protections::LOCKED);
        erasure.record(CopyClass::Key, a_key_wiped());
        let mut memory = b"a document that may exist only for minutes. ".repeat(20);
        erasure.record(CopyClass::Ciphertext, wipe(&mut memory, 7));
        let details = Details::new(event, Cause::Delivered, KIND, unix_ms, unix_ms + 900);
        Receipt::issue(erasure, &details, &self.info, &self.receipts).unwrap().into_bytes()
    }
}
