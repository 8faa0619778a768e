//! A station of this test: its keys, and receipts from real wipes.

use std::sync::OnceLock;

use ed25519_dalek::{Signer, SigningKey};
use shokyo::Error;
use shokyo::buffer::{Cause, CopyClass, Erasure};
use shokyo::custody::log::{NoteSigner, VerifierKey, origin};
use shokyo::receipt::{self, Details, Event, Receipt, ReceiptSigner, StationInfo};
use shokyo::types::{Protections, Role, SessionId};
use shokyo::wipe::wipe;
use shokyo::{Vault, VaultOptions};

pub(crate) const KIND: &str = "resident-certificate";

/// A key for receipts and one for the log.
pub(crate) struct Station {
    info: StationInfo,
    receipts: SigningKey,
}

/// The key of a log, or of a cosigner.
pub(crate) struct LogKey {
    key: SigningKey,
    verifier: VerifierKey,
}

impl Station {
    pub(crate) fn new(role: Role, station: &str) -> Self {
        let info = StationInfo { role, station: station.into(), operator: "an operator".into(), post: "P-17".into() };
        Self { info, receipts: SigningKey::from_bytes(&[role as u8; 32]) }
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.receipts.verifying_key().to_bytes()
    }

    /// The receipt for a session whose key is destroyed now.
    pub(crate) fn receipt(&self, session: SessionId, event: Event, unix_ms: u64) -> Vec<u8> {
        static VAULT: OnceLock<Vault> = OnceLock::new();
        let vault = VAULT.get_or_init(|| Vault::open(VaultOptions::small()).unwrap());
        let mut erasure = Erasure::new(session, Protections::LOCKED);
        erasure.record(CopyClass::Key, vault.new_key().unwrap().erase());
        let mut memory = b"a document that may exist only for minutes. ".repeat(20);
        erasure.record(CopyClass::Ciphertext, wipe(&mut memory, 7));
        let details = Details::new(event, Cause::Delivered, KIND, unix_ms, unix_ms + 900);
        Receipt::issue(erasure, &details, &self.info, self).unwrap().into_bytes()
    }
}

impl ReceiptSigner for Station {
    fn key_id(&self) -> [u8; 32] {
        receipt::key_id(&self.public())
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        Ok(self.receipts.sign(message).to_bytes())
    }
}

impl LogKey {
    pub(crate) fn new(operator: &str, station: &str, seed: u8) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let verifier = VerifierKey::new(&origin(operator, station).unwrap(), key.verifying_key().to_bytes()).unwrap();
        Self { key, verifier }
    }
}

impl NoteSigner for LogKey {
    fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    fn sign(&self, text: &[u8]) -> Result<[u8; 64], Error> {
        Ok(self.key.sign(text).to_bytes())
    }
}
