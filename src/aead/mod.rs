//! Authenticated encryption of chunks: AES-256-GCM (NIST SP 800-38D), 32-byte key, 12-byte nonce, 16-byte tag, in place with a
//! detached tag; and the nonces and associated data of the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015).
//!
//! Implementations leave key schedules and plaintext on the stack and in registers: they must run where both are wiped
//! afterwards. Nothing here may allocate or panic, and no key is kept.
#![forbid(unsafe_code)]

#[cfg(feature = "std")]
mod ring;
mod rustcrypto;

use crate::error::Error;
use crate::types::Binding;
use crate::wipe;

#[cfg(feature = "std")]
pub use self::ring::Ring;
pub use self::rustcrypto::RustCrypto;

/// The implementation that this build uses: the fastest one there is, or the other one with `--cfg shokyo_rustcrypto`.
#[cfg(all(feature = "std", not(shokyo_rustcrypto)))]
pub type Backend = Ring;
/// The implementation that this build uses: the fastest one there is, or this one with `--cfg shokyo_rustcrypto`.
#[cfg(any(not(feature = "std"), shokyo_rustcrypto))]
pub type Backend = RustCrypto;

/// Bytes in a key.
pub const KEY_LENGTH: usize = 32;
/// Bytes in a nonce.
pub const NONCE_LENGTH: usize = 12;
/// Bytes in a tag.
pub const TAG_LENGTH: usize = 16;

/// AES-256-GCM with one key, in place, with a detached tag.
pub trait Aead: Sized {
    /// Expands a key.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the implementation refuses; it does not, for 32 bytes.
    fn new(key: &[u8; KEY_LENGTH]) -> Result<Self, Error>;

    /// Encrypts `data` in place and gives its tag. A nonce must never be used twice with one key.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond 2³⁶ − 32 bytes (SP 800-38D, section 5.2.1.1); `data` is then wiped.
    fn seal(&self, nonce: &[u8; NONCE_LENGTH], associated: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LENGTH], Error>;

    /// Decrypts `data` in place if its tag is right.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`]; `data` is then wiped, so that nothing unauthenticated can be looked at.
    fn open(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        associated: &[u8],
        data: &mut [u8],
        tag: &[u8; TAG_LENGTH],
    ) -> Result<(), Error>;
}

/// Wipes what an operation was not allowed to give.
fn refuse<T>(data: &mut [u8], error: Error) -> Result<T, Error> {
    let _evidence = wipe::wipe(data, 0)?;
    Err(error)
}

/// The nonce of a chunk: three zero bytes, the index as eight big-endian bytes, and 1 for the final chunk or 0.
#[must_use]
pub fn stream_nonce(index: u64, is_final: bool) -> [u8; NONCE_LENGTH] {
    let mut nonce = [0; NONCE_LENGTH];
    nonce[3..11].copy_from_slice(&index.to_be_bytes());
    nonce[11] = u8::from(is_final);
    nonce
}

/// The associated data of a chunk: `"shokyo chunk v1"` ‖ session ‖ context ‖ index (eight bytes, big-endian) ‖ final (0 or 1).
#[must_use]
pub fn chunk_associated_data(binding: &Binding, index: u64, is_final: bool) -> [u8; 88] {
    associated_data(b"shokyo chunk v1", binding, index, is_final)
}

/// The associated data of the unfinished tail of a document, which never leaves its vault; `counter` counts its sealings.
#[must_use]
pub fn tail_associated_data(binding: &Binding, counter: u64) -> [u8; 88] {
    associated_data(b"shokyo tail: v1", binding, counter, false)
}

fn associated_data(label: &[u8; 15], binding: &Binding, number: u64, flag: bool) -> [u8; 88] {
    let mut data = [0; 88];
    data[..15].copy_from_slice(label);
    data[15..47].copy_from_slice(binding.session.as_bytes());
    data[47..79].copy_from_slice(&binding.context);
    data[79..87].copy_from_slice(&number.to_be_bytes());
    data[87] = u8::from(flag);
    data
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::types::SessionId;

    /// Test case 16 of McGrew and Viega's GCM submission: AES-256, 60 bytes of plaintext, 20 of associated data.
    fn agrees_with_the_standard<A: Aead>() {
        fn bytes<const N: usize>(hexadecimal: &str) -> [u8; N] {
            core::array::from_fn(|index| u8::from_str_radix(&hexadecimal[index * 2..index * 2 + 2], 16).unwrap())
        }
        let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let nonce = bytes("cafebabefacedbaddecaf888");
        let associated: [u8; 20] = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let plain: [u8; 60] = bytes(concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ));
        let sealed: [u8; 60] = bytes(concat!(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        ));
        let tag: [u8; 16] = bytes("76fc6ece0f4e1768cddf8853bb2d551b");
        let aead = A::new(&key).unwrap();
        let mut data = plain;
        assert_eq!(aead.seal(&nonce, &associated, &mut data).unwrap(), tag);
        assert_eq!(data, sealed);
        aead.open(&nonce, &associated, &mut data, &tag).unwrap();
        assert_eq!(data, plain);
    }

    fn shows_nothing_that_is_not_authentic<A: Aead>() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let aead = A::new(&[7; 32]).unwrap();
        let nonce = stream_nonce(3, true);
        for length in [0usize, 1, 16, 300] {
            let mut sealed = std::vec![0x55; length];
            let tag = aead.seal(&nonce, b"a", &mut sealed).unwrap();
            let mut wrong = tag;
            wrong[15] ^= 1;
            for (associated, tag) in [(&b"b"[..], &tag), (b"a", &wrong)] {
                let mut data = sealed.clone();
                assert_eq!(aead.open(&nonce, associated, &mut data, tag), Err(Error::NotAuthentic));
                assert!(data.iter().all(|byte| *byte == 0));
            }
        }
    }

    #[test]
    fn rustcrypto_agrees_with_the_standard() {
        agrees_with_the_standard::<RustCrypto>();
    }

    #[test]
    fn rustcrypto_shows_nothing_that_is_not_authentic() {
        shows_nothing_that_is_not_authentic::<RustCrypto>();
    }

    #[cfg(feature = "std")]
    #[test]
    fn ring_agrees_with_the_standard() {
        agrees_with_the_standard::<Ring>();
    }

    #[cfg(feature = "std")]
    #[test]
    fn ring_shows_nothing_that_is_not_authentic() {
        shows_nothing_that_is_not_authentic::<Ring>();
    }

    #[test]
    fn nonces_and_associated_data_have_their_documented_form() {
        assert_eq!(stream_nonce(0x0102, true), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1]);
        let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
        let data = chunk_associated_data(&binding, 5, true);
        assert_eq!(data[..15], *b"shokyo chunk v1");
        assert_eq!(data[15..47], [1; 32]);
        assert_eq!(data[47..79], [2; 32]);
        assert_eq!(data[79..], [0, 0, 0, 0, 0, 0, 0, 5, 1]);
        assert_ne!(tail_associated_data(&binding, 5), chunk_associated_data(&binding, 5, false));
    }
}
