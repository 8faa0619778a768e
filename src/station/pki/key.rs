//! The private keys that sign: one fixed form, so that a file can be read straight into locked memory and used there.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::{Zeroize, Zeroizing};

use crate::error::Error;
use crate::station::trust::refuse_shared_key_file;

/// Length of a private key's file for messages or receipts: PKCS#8 version 1 (RFC 8410, section 7), DER.
pub const PRIVATE_KEY_LENGTH: usize = 48;
/// Where the 32-byte Ed25519 seed (RFC 8032) begins in such a file; it reaches to the end.
pub const SEED_OFFSET: usize = 16;

const PREFIX: [u8; SEED_OFFSET] =
    [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Reads a messages or receipts key into `place` (a locked window, say) without any other copy in this process; the seed is
/// then `place[SEED_OFFSET..]`. On an error `place` is wiped.
///
/// # Errors
/// [`Error::Configuration`] when others may read the file, it cannot be opened, or is not an Ed25519 key in PKCS#8 version 1.
pub fn read_private_key(file: &Path, place: &mut [u8; PRIVATE_KEY_LENGTH]) -> Result<(), Error> {
    let wrong = |what: &str| Error::Configuration { reason: format!("the private key {}: {what}", file.display()) };
    refuse_shared_key_file(file).map_err(|what| wrong(&what))?;
    let mut opened = File::open(file).map_err(|error| wrong(&format!("cannot be opened ({})", error.kind())))?;
    // `File` has no buffer of its own: the kernel copies into `place` alone.
    let whole = opened.read_exact(place).and_then(|()| match opened.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(ErrorKind::InvalidData.into()),
        Err(error) => Err(error),
    });
    if whole.is_err() || !place.starts_with(&PREFIX) {
        place.zeroize();
        return Err(wrong("is not an Ed25519 key as PKCS#8 version 1 in DER (48 bytes); convert it with openssl pkey"));
    }
    Ok(())
}

/// A new Ed25519 key from the operating system's generator, and its public key.
pub(super) fn generate_ed25519() -> Result<(Zeroizing<Vec<u8>>, [u8; 32]), Error> {
    let mut key = Zeroizing::new(vec![0; PRIVATE_KEY_LENGTH]);
    let (prefix, seed) = key.split_at_mut(SEED_OFFSET);
    prefix.copy_from_slice(&PREFIX);
    SystemRandom::new().fill(seed).map_err(|_| Error::RandomnessUnavailable)?;
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Error::Malformed { what: "an Ed25519 seed" })?;
    let public = pair.public_key().as_ref().try_into().map_err(|_| Error::Malformed { what: "an Ed25519 key" })?;
    Ok((key, public))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_one_that_two_other_libraries_read() {
        use ed25519_dalek::pkcs8::DecodePrivateKey;
        let (key, public) = generate_ed25519().unwrap();
        let dalek = ed25519_dalek::SigningKey::from_pkcs8_der(&key).unwrap();
        assert_eq!(dalek.verifying_key().to_bytes(), public);
        assert_eq!(dalek.to_bytes(), key[SEED_OFFSET..]);
        let ring = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key).unwrap();
        assert_eq!(ring.public_key().as_ref(), public);
    }
}
