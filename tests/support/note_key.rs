//! The key of a log or of a cosigner from a seed, in ordinary memory.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub, missing_docs)]

use ed25519_dalek::{Signer, SigningKey};
use shokyo::Error;
use shokyo::custody::log::{NoteSigner, VerifierKey};

pub struct NoteKey {
    signing: SigningKey,
    verifier: VerifierKey,
}

impl NoteKey {
    pub fn new(name: &str, seed: u8) -> Self {
        let signing = SigningKey::from_bytes(&[seed; 32]);
        let verifier = VerifierKey::new(name, signing.verifying_key().to_bytes()).unwrap();
        Self { signing, verifier }
    }

    pub fn verifier(&self) -> VerifierKey {
        self.verifier.clone()
    }
}

impl NoteSigner for NoteKey {
    fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    fn sign(&self, text: &[u8]) -> Result<[u8; 64], Error> {
        Ok(self.signing.sign(text).to_bytes())
    }
}
