//! A station's key for its log: an Ed25519 key in locked memory, under the log's name.

use crate::custody::log::{NoteSigner, VerifierKey, origin};
use crate::error::Error;
use crate::handover::suite::SigningKey;

/// Signs the checkpoints of one station's log, with a key that serves nothing else.
#[derive(Debug)]
pub struct LogKey {
    key: SigningKey,
    verifier: VerifierKey,
}

impl LogKey {
    /// The key of the log of this station, whose checkpoints have the origin `shokyo/OPERATOR/STATION`.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::TooLarge`] for names that no log can have.
    pub fn new(key: SigningKey, operator: &str, station: &str) -> Result<Self, Error> {
        let verifier = VerifierKey::new(&origin(operator, station)?, *key.public())?;
        Ok(Self { key, verifier })
    }
}

impl NoteSigner for LogKey {
    fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    fn sign(&self, text: &[u8]) -> Result<[u8; 64], Error> {
        self.key.sign(text)
    }
}
