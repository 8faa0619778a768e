//! A station's signing keys: their seeds live in key cells, and signing runs in the clean room.

use std::vec::Vec;

use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::pkcs8::KeypairBytes;
use ed25519_dalek::{SigningKey as Ed25519, VerifyingKey};
use sha2::{Digest, Sha256, Sha512};

use crate::buffer::{KeyCell, RoomSize, Vault};
use crate::error::Error;
use crate::receipt::{NotCovered, ReceiptSigner, StationInfo};
use crate::types::{Binding, SessionId};

/// An Ed25519 key (RFC 8032) whose seed lives in a key cell; signing runs in the clean room.
#[derive(Debug)]
pub struct SigningKey {
    vault: Vault,
    cell: KeyCell,
    // Made from the seed in the cell and never from anywhere else: a signature with another one would give the key away.
    public: VerifyingKey,
}

impl SigningKey {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// When no cell, room or randomness is to be had.
    pub fn generate(vault: &Vault) -> Result<Self, Error> {
        let mut cell = vault.empty_key()?;
        let mut public = VerifyingKey::default();
        vault.room(RoomSize::Agreement, |desk| {
            let mut seed = [0; 32];
            desk.random(&mut seed)?;
            public = Ed25519::from_bytes(&seed).verifying_key();
            desk.store(&mut cell, &seed)
        })?;
        Ok(Self { vault: vault.clone(), cell, public })
    }

    /// The key in a PKCS#8 file (RFC 5958, RFC 8410; DER). The reader's bytes go straight into a locked window.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is no Ed25519 private key, [`Error::Io`] when reading fails.
    pub fn from_pkcs8(vault: &Vault, reader: &mut impl std::io::Read) -> Result<Self, Error> {
        let binding = Binding { session: SessionId::NONE, context: [0; 32] };
        let mut writer = vault.writer(binding)?;
        writer.copy_from(reader)?;
        let file = writer.finish()?;
        let mut cell = vault.empty_key()?;
        let mut public = VerifyingKey::default();
        file.open_in_room(RoomSize::Agreement, |desk, der| {
            let pair = KeypairBytes::try_from(der).map_err(|_| Error::Malformed { what: "a private key" })?;
            public = Ed25519::from_bytes(&pair.secret_key).verifying_key();
            desk.store(&mut cell, &pair.secret_key)
        })?;
        Ok(Self { vault: vault.clone(), cell, public })
    }

    /// The public key's 32 bytes.
    #[must_use]
    pub fn public(&self) -> &[u8; 32] {
        self.public.as_bytes()
    }

    /// The signature over `message`.
    ///
    /// # Errors
    /// [`Error::Erased`] when the key was erased.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        let mut signature = [0; 64];
        self.vault.room(RoomSize::Agreement, |desk| {
            let mut seed = [0; 32];
            desk.load(&self.cell, &mut seed)?;
            signature = raw_sign::<Sha512>(&ExpandedSecretKey::from(&seed), message, &self.public).to_bytes();
            #[cfg(shokyo_faults)]
            crate::arena::strike(crate::faults::Fault::CrashInAgreement);
            Ok(())
        })?;
        Ok(signature)
    }
}

impl ReceiptSigner for SigningKey {
    fn key_id(&self) -> [u8; 32] {
        Sha256::digest(self.public()).into()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        Self::sign(self, message)
    }
}

/// Who a station is and what it signs with.
#[derive(Debug)]
pub struct StationKeys {
    /// The station's name in messages and receipts.
    pub info: StationInfo,
    /// The key for messages.
    pub messages: SigningKey,
    /// The certificate for messages (DER).
    pub certificate: Vec<u8>,
    /// The key for receipts.
    pub receipts: SigningKey,
    /// The certificate for receipts (DER).
    pub receipt_certificate: Vec<u8>,
    /// What this host cannot cover, beyond what a station of its role never can.
    pub not_covered: Vec<NotCovered>,
}
