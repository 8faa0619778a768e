//! How much stack the rooms need, found once per process by running the real operations on public data in rooms that are far
//! too large and not locked. What is needed depends on build, processor and libraries; a room that is too small would be a crash.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::vault::RoomSizes;
use super::{Protection, RoomSize, Vault, VaultOptions};
use crate::arena::ROOM_CANARY;
use crate::error::Error;
use crate::platform;
use crate::types::{Binding, SessionId};

/// Bytes for code around the operations that the test does not run.
const MARGIN: usize = 4096;
/// The same for the large room, whose work is written elsewhere.
const AGREEMENT_MARGIN: usize = 32 * 1024;
/// The large room is never smaller.
const AGREEMENT_LEAST: usize = 128 * 1024;
/// Only address space until it is used.
const SCRATCH: usize = 4 * 1024 * 1024;

/// Bytes that a small room needs.
pub(super) fn small() -> Result<usize, Error> {
    static SIZE: AtomicUsize = AtomicUsize::new(0);
    once(&SIZE, || {
        let vault = scratch(false)?;
        exercise(&vault)?;
        Ok(with_signal(vault.high_water().small, MARGIN))
    })
}

/// Bytes that a room for key agreement and signatures needs.
pub(super) fn agreement() -> Result<usize, Error> {
    static SIZE: AtomicUsize = AtomicUsize::new(0);
    once(&SIZE, || {
        let vault = scratch(true)?;
        agree(&vault)?;
        Ok(with_signal(vault.high_water().agreement, AGREEMENT_MARGIN).max(AGREEMENT_LEAST))
    })
}

/// Without a lock, so that a forked child can never inherit one that is held: at worst two threads find the same number.
fn once(size: &AtomicUsize, find: impl Fn() -> Result<usize, Error>) -> Result<usize, Error> {
    match size.load(Ordering::Acquire) {
        0 => {
            // Whoever erases everything at this moment destroys the public keys of the test, too.
            let found = find().or_else(|error| if error == Error::Erased { find() } else { Err(error) })?;
            Ok(size.fetch_max(found, Ordering::AcqRel).max(found))
        }
        found => Ok(found),
    }
}

/// A signal that comes in the room pushes its frame, and its handler runs, below the work.
fn with_signal(used: usize, margin: usize) -> usize {
    (used + platform::signal_frame_size() + margin + ROOM_CANARY).next_multiple_of(platform::page_size())
}

fn scratch(agreement: bool) -> Result<Vault, Error> {
    let options = VaultOptions {
        protection: Protection::BestEffort,
        chunk_size: 4096,
        windows: 1,
        key_cells: 8,
        agreement,
        ..VaultOptions::new()
    };
    Vault::build(options, RoomSizes { small: SCRATCH, agreement: SCRATCH }, false, false)
}

/// Every operation of a small room, with a partial last block and more than one chunk.
fn exercise(vault: &Vault) -> Result<(), Error> {
    let binding = Binding { session: SessionId([0; 32]), context: [0; 32] };
    let public = [0x55; 4096 + 33];
    let mut writer = vault.writer(binding)?;
    writer.write(&public[..100])?;
    writer.write(&public[100..])?;
    let document = writer.finish()?;
    document.authenticate()?;
    document.read_at(0, |_| ())?;
    document.hmac_sha256(&[0x55; 100])?;
    document.ct_eq(&public)?;
    document.with_whole(|_| ())?;
    let small = vault.seal_small(binding, |desk, window| {
        desk.random(window)?;
        Ok(window.len())
    })?;
    small.open_in_room(RoomSize::Small, |_, _| Ok(()))
}

/// Key agreement by HPKE with X-Wing, both sides, and a signature, all with a public seed.
fn agree(vault: &Vault) -> Result<(), Error> {
    use ed25519_dalek::{Signer, SigningKey};
    use hpke::aead::AesGcm256;
    use hpke::kdf::HkdfSha256;
    use hpke::kem::XWing;
    use hpke::{Kem, OpModeR, OpModeS, setup_receiver, setup_sender_with_rng};

    vault.room(RoomSize::Agreement, |_| {
        let failed = |_| Error::Unsupported { what: "key agreement" };
        let mut public = PublicSeed;
        let (private_key, public_key) = XWing::gen_keypair_with_rng(&mut public);
        let (encapsulated, mut sender) =
            setup_sender_with_rng::<AesGcm256, HkdfSha256, XWing>(&OpModeS::Base, &public_key, b"", &mut public)
                .map_err(failed)?;
        let sealed = sender.seal(&[0x55; 32], b"").map_err(failed)?;
        let mut receiver =
            setup_receiver::<AesGcm256, HkdfSha256, XWing>(&OpModeR::Base, &private_key, &encapsulated, b"")
                .map_err(failed)?;
        receiver.open(&sealed, b"").map_err(failed)?;
        let signing = SigningKey::from_bytes(&[0x55; 32]);
        let signature = signing.sign(&sealed);
        signing
            .verifying_key()
            .verify_strict(&sealed, &signature)
            .map_err(|_| Error::Unsupported { what: "signatures" })
    })
}

/// Randomness for a test of stack use: not random, and never used for anything else.
struct PublicSeed;

impl hpke::rand_core::TryRng for PublicSeed {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0x5555_5555)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0x5555_5555_5555_5555)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(0x55);
        Ok(())
    }
}

impl hpke::rand_core::TryCryptoRng for PublicSeed {}
