//! Deliberate faults for negative controls. Compiled only under `--cfg shokyo_faults`, never by a feature.
//!
//! The environment variable `SHOKYO_FAULTS` lists the faults of a process, separated by commas; when it is **not set**, a build
//! with this cfg runs with `no-wipe`, so that the very same commands must fail. `SHOKYO_FAULTS=` (empty) switches all off.

use core::sync::atomic::{AtomicU32, Ordering};

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Fault {
    /// Wiping stores nothing and claims success; registers and stacks are not scrubbed.
    NoWipe = 1,
    /// Document keys are a published constant instead of random.
    KnownKey = 2,
    /// One byte of each wiped range keeps a value, so that the read-back must find it.
    StuckByte = 4,
    /// Overwriting a file writes nothing and claims success.
    NoOverwrite = 8,
    /// A null write in a clean room, when a chunk was just sealed and its key schedule is still there.
    CrashInSeal = 1 << 16,
    /// The same, when a chunk was just opened.
    CrashInOpen = 1 << 17,
    /// The same, when an HPKE context was just set up or a message signed.
    CrashInAgreement = 1 << 18,
    /// Work of clean rooms runs on the caller's own stack.
    RoomOff = 1 << 19,
    /// What is drawn at the desk of a room is [`known_draw`]: keys, seeds, randomness of encapsulations.
    KnownRandom = 1 << 20,
}

/// The faults by their names in the environment.
#[cfg(feature = "std")]
const NAMES: [(&str, Fault); 9] = [
    ("no-wipe", Fault::NoWipe),
    ("known-key", Fault::KnownKey),
    ("stuck-byte", Fault::StuckByte),
    ("no-overwrite", Fault::NoOverwrite),
    ("crash-in-seal", Fault::CrashInSeal),
    ("crash-in-open", Fault::CrashInOpen),
    ("crash-in-agreement", Fault::CrashInAgreement),
    ("room-off", Fault::RoomOff),
    ("known-random", Fault::KnownRandom),
];

/// The document key under [`Fault::KnownKey`]: SHA-256 of `shokyo known key`. The program holds it in disguise only, because scans
/// look for it, eight bytes at a time.
#[must_use]
pub fn known_key() -> [u8; 32] {
    const MASK: u8 = 0x5A;
    const DISGUISED: [u8; 32] = [
        0xF6, 0x8C, 0xDD, 0x53, 0xA1, 0xF1, 0x80, 0x1E, 0x6C, 0x09, 0x16, 0xB8, 0xE6, 0x05, 0x54, 0xAF, 0x1B, 0x8F,
        0xDE, 0xAC, 0xDF, 0xE7, 0xA6, 0x0C, 0xEA, 0xB7, 0x06, 0x20, 0xF1, 0x3C, 0xC1, 0x7B,
    ];
    let mask = core::hint::black_box(MASK);
    DISGUISED.map(|byte| byte ^ mask)
}

/// The first 64 bytes of draw number `draw` under [`Fault::KnownRandom`]: no two draws have eight bytes in a row in common.
#[must_use]
pub fn known_draw(draw: u32) -> [u8; 64] {
    let mut bytes = [0; 64];
    fill_known(draw, &mut bytes);
    bytes
}

/// Fills `out` with the next known draw if that fault is active.
pub fn draw_known(out: &mut [u8]) -> bool {
    static DRAWN: AtomicU32 = AtomicU32::new(0);
    let known = active(Fault::KnownRandom);
    if known {
        fill_known(DRAWN.fetch_add(1, Ordering::Relaxed), out);
    }
    known
}

/// SplitMix64 (Steele, Lea, Flood 2014), seeded by the number of the draw. The program holds none of the values.
fn fill_known(draw: u32, out: &mut [u8]) {
    let mut state = u64::from(draw).wrapping_mul(0xD134_2543_DE82_EF95) ^ 0x5DEE_CE66_D1CE_4E5B;
    for bytes in out.chunks_mut(8) {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let value = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        bytes.copy_from_slice(&(value ^ value >> 31).to_le_bytes()[..bytes.len()]);
    }
}

static PASSES: AtomicU32 = AtomicU32::new(0);

/// How often the places of crashes are passed unharmed before one strikes. Default: 0.
pub fn strike_after(passes: u32) {
    PASSES.store(passes, Ordering::SeqCst);
}

/// Whether a crash is due here.
#[must_use]
pub fn strikes(fault: Fault) -> bool {
    active(fault) && PASSES.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
}

const UNREAD: u32 = 1 << 31;
static ACTIVE: AtomicU32 = AtomicU32::new(UNREAD);

/// Whether a fault is active in this process.
#[must_use]
pub fn active(fault: Fault) -> bool {
    let mut bits = ACTIVE.load(Ordering::Relaxed);
    if bits & UNREAD != 0 {
        bits = from_environment();
        ACTIVE.store(bits, Ordering::Relaxed);
    }
    bits & fault as u32 != 0
}

/// Chooses the faults of this process.
pub fn set(faults: &[Fault]) {
    ACTIVE.store(faults.iter().fold(0, |bits, fault| bits | *fault as u32), Ordering::SeqCst);
}

/// Adds one fault to those that are active.
pub fn add(fault: Fault) {
    let _ = active(fault);
    ACTIVE.fetch_or(fault as u32, Ordering::SeqCst);
}

/// Adds faults to those of the environment for as long as the guard lives, and keeps other tests that ask for it waiting.
///
/// Faults hold for the whole process: tests that set them, and tests that would notice them, take turns with this.
#[cfg(feature = "std")]
#[must_use = "the faults end when the guard is dropped"]
pub fn serialised(faults: &[Fault]) -> impl Drop {
    struct Guard(#[allow(dead_code)] std::sync::MutexGuard<'static, ()>);
    impl Drop for Guard {
        fn drop(&mut self) {
            ACTIVE.store(UNREAD, Ordering::SeqCst);
        }
    }
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let guard = Guard(TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    ACTIVE.store(faults.iter().fold(from_environment(), |bits, fault| bits | *fault as u32), Ordering::SeqCst);
    guard
}

#[cfg(feature = "std")]
fn from_environment() -> u32 {
    let Ok(names) = std::env::var("SHOKYO_FAULTS") else { return Fault::NoWipe as u32 };
    names.split(',').fold(0, |bits, name| {
        let known = NAMES.iter().find(|(known, _)| *known == name.trim());
        bits | known.map_or(0, |(_, fault)| *fault as u32)
    })
}

#[cfg(not(feature = "std"))]
fn from_environment() -> u32 {
    Fault::NoWipe as u32
}
