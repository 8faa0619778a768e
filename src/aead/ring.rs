//! AES-256-GCM by *ring*: the fastest implementation whose working memory is the stack and registers alone.

use ::ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};

use super::{Aead, KEY_LENGTH, NONCE_LENGTH, TAG_LENGTH, refuse};
use crate::error::Error;

/// AES-256-GCM by *ring*.
pub struct Ring(LessSafeKey);

impl Aead for Ring {
    // In a frame of its own: the moves of the expanded key must not take room beside the work that follows.
    #[inline(never)]
    fn new(key: &[u8; KEY_LENGTH]) -> Result<Self, Error> {
        UnboundKey::new(&AES_256_GCM, key)
            .map(|key| Self(LessSafeKey::new(key)))
            .map_err(|_| Error::Unsupported { what: "AES-256-GCM" })
    }

    #[inline]
    fn seal(&self, nonce: &[u8; NONCE_LENGTH], associated: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LENGTH], Error> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut tag = [0; TAG_LENGTH];
        match self.0.seal_in_place_separate_tag(nonce, Aad::from(associated), data) {
            Ok(sealed) => {
                tag.copy_from_slice(sealed.as_ref());
                Ok(tag)
            }
            Err(_) => refuse(data, Error::TooLarge { what: "a chunk", limit: (1 << 36) - 32 }),
        }
    }

    #[inline]
    fn open(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        associated: &[u8],
        data: &mut [u8],
        tag: &[u8; TAG_LENGTH],
    ) -> Result<(), Error> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened =
            self.0.open_in_place_separate_tag(nonce, Aad::from(associated), Tag::from(*tag), data, 0..).is_ok();
        if opened { Ok(()) } else { refuse(data, Error::NotAuthentic) }
    }
}
