//! A station's key for receipts from a seed, in ordinary memory, and the evidence that only a real key gives.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub, missing_docs)]

use std::sync::OnceLock;

use ed25519_dalek::{Signer, SigningKey};
use shokyo::receipt::{ReceiptSigner, key_id};
use shokyo::wipe::Wiped;
use shokyo::{Error, Vault, VaultOptions};

pub struct ReceiptKey(SigningKey);

impl ReceiptKey {
    pub fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

impl ReceiptSigner for ReceiptKey {
    fn key_id(&self) -> [u8; 32] {
        key_id(&self.public())
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        Ok(self.0.sign(message).to_bytes())
    }
}

/// What destroying a real key gives: nothing else is evidence for one.
pub fn a_key_wiped() -> Result<Wiped, Error> {
    static VAULT: OnceLock<Vault> = OnceLock::new();
    VAULT.get_or_init(|| Vault::open(VaultOptions::small()).unwrap()).new_key().unwrap().erase()
}
