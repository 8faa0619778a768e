//! Key agreement at the desk of a clean room: HPKE contexts, and the commitment to a document key.

use hkdf::Hkdf;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::rand_core::{Infallible, TryCryptoRng, TryRng};
use hpke::{Deserializable, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender_with_rng};
use sha2::Sha256;

use super::{Encapsulated, PrivateKey, PublicKey};
use crate::buffer::{Desk, KeyCell};
use crate::error::Error;

/// Bytes of randomness that an encapsulation draws.
const ENCAPSULATION_SEED: usize = 64;

/// HKDF-SHA256 (RFC 5869).
pub(super) fn commit(key: &[u8; 32], context: &[u8; 32], out: &mut [u8; 32]) -> Result<(), Error> {
    Hkdf::<Sha256>::new(Some(b"shokyo commit"), key)
        .expand(context, out)
        .map_err(|_| Error::Malformed { what: "a commitment" })
}

pub(super) type SenderContext = hpke::aead::AeadCtxS<AesGcm256, HkdfSha256, XWing>;
pub(super) type ReceiverContext = hpke::aead::AeadCtxR<AesGcm256, HkdfSha256, XWing>;

/// The sender's HPKE context, in the room: randomness is drawn from the operating system first and then replayed, because the
/// library's generator has no way to fail.
pub(super) fn sender(
    desk: &mut Desk<'_>,
    to: &[u8],
    info: &[u8; 32],
    encapsulated: &mut [u8],
) -> Result<SenderContext, Error> {
    let to = PublicKey::from_bytes(to).map_err(|_| Error::Malformed { what: "a public key" })?;
    let mut drawn = Drawn { bytes: [0; ENCAPSULATION_SEED], used: 0 };
    desk.random(&mut drawn.bytes)?;
    let (encapsulation, context) =
        setup_sender_with_rng::<AesGcm256, HkdfSha256, XWing>(&OpModeS::Base, &to, info, &mut drawn)
            .map_err(|_| Error::Malformed { what: "a public key" })?;
    if drawn.used != ENCAPSULATION_SEED {
        return Err(Error::RandomnessUnavailable);
    }
    encapsulation.write_exact(encapsulated);
    #[cfg(shokyo_faults)]
    crate::arena::strike(crate::faults::Fault::CrashInAgreement);
    Ok(context)
}

/// The receiver's HPKE context, in the room.
pub(super) fn receiver(
    desk: &mut Desk<'_>,
    key: &KeyCell,
    encapsulated: &[u8],
    info: &[u8; 32],
) -> Result<ReceiverContext, Error> {
    let mut seed = [0; 32];
    desk.load(key, &mut seed)?;
    let private = PrivateKey::from_bytes(&seed).map_err(|_| Error::NotAuthentic)?;
    let encapsulated = Encapsulated::from_bytes(encapsulated).map_err(|_| Error::NotAuthentic)?;
    let context = setup_receiver::<AesGcm256, HkdfSha256, XWing>(&OpModeR::Base, &private, &encapsulated, info)
        .map_err(|_| Error::NotAuthentic);
    #[cfg(shokyo_faults)]
    crate::arena::strike(crate::faults::Fault::CrashInAgreement);
    context
}

/// Randomness drawn before, given out once. What is asked for beyond it is zeros, which the caller finds out by `used`.
struct Drawn {
    bytes: [u8; ENCAPSULATION_SEED],
    used: usize,
}

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            *byte = self.bytes.get(self.used).copied().unwrap_or(0);
            self.used += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}
