//! Key agreement at the desk of a clean room: HPKE contexts, and the commitment to a document key.

use hkdf::Hkdf;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::rand_core::{Infallible, TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender_with_rng};
use sha2::Sha256;

use crate::buffer::{Desk, KeyCell};
use crate::error::Error;
use crate::handover::cipher_suite::Suite;

/// The most bytes of randomness that an encapsulation draws.
pub(super) const MAX_SEED: usize = 64;

/// A suite's key encapsulation mechanism, with what the generic interface does not tell.
pub(super) trait Agreement: Kem {
    /// Bytes of a public key.
    const PUBLIC_KEY: usize;
    /// Bytes of an encapsulation.
    const ENCAPSULATED: usize;
    /// Bytes of randomness that an encapsulation draws.
    const SEED: usize;
}

impl Agreement for XWing {
    const PUBLIC_KEY: usize = 1216;
    const ENCAPSULATED: usize = 1120;
    const SEED: usize = 64;
}

impl Agreement for X25519HkdfSha256 {
    const PUBLIC_KEY: usize = 32;
    const ENCAPSULATED: usize = 32;
    const SEED: usize = 32;
}

/// Does what follows with the suite's mechanism as the type `K`.
macro_rules! with_agreement {
    ($suite:expr, $K:ident => $work:expr) => {
        match $suite {
            $crate::handover::cipher_suite::Suite::XWing => {
                type $K = hpke::kem::XWing;
                $work
            }
            $crate::handover::cipher_suite::Suite::X25519 => {
                type $K = hpke::kem::X25519HkdfSha256;
                $work
            }
        }
    };
}
pub(super) use with_agreement;

/// Bytes of a suite's encapsulation.
pub(super) fn encapsulation_length(suite: Suite) -> usize {
    with_agreement!(suite, K => <K as Agreement>::ENCAPSULATED)
}

/// Bytes of a suite's public key.
pub(super) fn public_key_length(suite: Suite) -> usize {
    with_agreement!(suite, K => <K as Agreement>::PUBLIC_KEY)
}

/// A fresh private key, in the room: its 32 bytes, and the public key's.
pub(super) fn generate<K: Agreement>(desk: &mut Desk<'_>, seed: &mut [u8; 32], public: &mut [u8]) -> Result<(), Error> {
    desk.random(seed)?;
    public_key::<K>(seed, public)
}

/// The public key of a private one.
pub(super) fn public_key<K: Agreement>(seed: &[u8; 32], public: &mut [u8]) -> Result<(), Error> {
    let private = K::PrivateKey::from_bytes(seed).map_err(|_| Error::Malformed { what: "a private key" })?;
    K::sk_to_pk(&private).write_exact(public);
    Ok(())
}

/// HKDF-SHA256 (RFC 5869).
pub(super) fn commit(key: &[u8; 32], context: &[u8; 32], out: &mut [u8; 32]) -> Result<(), Error> {
    Hkdf::<Sha256>::new(Some(b"shokyo commit"), key)
        .expand(context, out)
        .map_err(|_| Error::Malformed { what: "a commitment" })
}

pub(super) type SenderContext<K> = hpke::aead::AeadCtxS<AesGcm256, HkdfSha256, K>;
pub(super) type ReceiverContext<K> = hpke::aead::AeadCtxR<AesGcm256, HkdfSha256, K>;

/// The sender's HPKE context, in the room: randomness is drawn from the operating system first and then replayed, because the
/// library's generator has no way to fail.
pub(super) fn sender<K: Agreement>(
    desk: &mut Desk<'_>,
    to: &[u8],
    info: &[u8],
    encapsulated: &mut [u8],
) -> Result<SenderContext<K>, Error> {
    let mut drawn = [0; MAX_SEED];
    desk.random(&mut drawn)?;
    sender_with::<K>(&drawn, to, info, encapsulated)
}

/// The same with this randomness, of which the mechanism must take what it is known to take.
pub(super) fn sender_with<K: Agreement>(
    drawn: &[u8; MAX_SEED],
    to: &[u8],
    info: &[u8],
    encapsulated: &mut [u8],
) -> Result<SenderContext<K>, Error> {
    let to = K::PublicKey::from_bytes(to).map_err(|_| Error::Malformed { what: "a public key" })?;
    let mut drawn = Drawn { bytes: drawn, used: 0 };
    let (encapsulation, context) =
        setup_sender_with_rng::<AesGcm256, HkdfSha256, K>(&OpModeS::Base, &to, info, &mut drawn)
            .map_err(|_| Error::Malformed { what: "a public key" })?;
    if drawn.used != K::SEED {
        return Err(Error::RandomnessUnavailable);
    }
    encapsulation.write_exact(encapsulated);
    #[cfg(shokyo_faults)]
    crate::arena::strike(crate::faults::Fault::CrashInAgreement);
    Ok(context)
}

/// The receiver's HPKE context, in the room.
pub(super) fn receiver<K: Agreement>(
    desk: &mut Desk<'_>,
    key: &KeyCell,
    encapsulated: &[u8],
    info: &[u8],
) -> Result<ReceiverContext<K>, Error> {
    let mut seed = [0; 32];
    desk.load(key, &mut seed)?;
    let private = K::PrivateKey::from_bytes(&seed).map_err(|_| Error::NotAuthentic)?;
    let encapsulated = K::EncappedKey::from_bytes(encapsulated).map_err(|_| Error::NotAuthentic)?;
    let context = setup_receiver::<AesGcm256, HkdfSha256, K>(&OpModeR::Base, &private, &encapsulated, info)
        .map_err(|_| Error::NotAuthentic);
    #[cfg(shokyo_faults)]
    crate::arena::strike(crate::faults::Fault::CrashInAgreement);
    context
}

/// Randomness drawn before, given out once. What is asked for beyond it is zeros, which the caller finds out by `used`.
struct Drawn<'d> {
    bytes: &'d [u8; MAX_SEED],
    used: usize,
}

impl TryRng for Drawn<'_> {
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

impl TryCryptoRng for Drawn<'_> {}
