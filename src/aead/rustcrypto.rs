//! AES-256-GCM by RustCrypto `aes-gcm`: pure Rust, for systems without *ring*.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};

use super::{Aead, KEY_LENGTH, NONCE_LENGTH, TAG_LENGTH, refuse};
use crate::error::Error;

/// AES-256-GCM by RustCrypto.
pub struct RustCrypto(Aes256Gcm);

impl Aead for RustCrypto {
    fn new(key: &[u8; KEY_LENGTH]) -> Result<Self, Error> {
        Ok(Self(Aes256Gcm::new(key.into())))
    }

    fn seal(&self, nonce: &[u8; NONCE_LENGTH], associated: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LENGTH], Error> {
        match self.0.encrypt_inout_detached(&Nonce::from(*nonce), associated, data.into()) {
            Ok(tag) => Ok(tag.into()),
            Err(_) => refuse(data, Error::TooLarge { what: "a chunk", limit: (1 << 36) - 32 }),
        }
    }

    fn open(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        associated: &[u8],
        data: &mut [u8],
        tag: &[u8; TAG_LENGTH],
    ) -> Result<(), Error> {
        let opened = self
            .0
            .decrypt_inout_detached(&Nonce::from(*nonce), associated, (&mut *data).into(), &Tag::from(*tag))
            .is_ok();
        if opened { Ok(()) } else { refuse(data, Error::NotAuthentic) }
    }
}
