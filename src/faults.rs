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
}

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
        bits | match name.trim() {
            "no-wipe" => Fault::NoWipe as u32,
            "known-key" => Fault::KnownKey as u32,
            "stuck-byte" => Fault::StuckByte as u32,
            _ => 0,
        }
    })
}

#[cfg(not(feature = "std"))]
fn from_environment() -> u32 {
    Fault::NoWipe as u32
}
