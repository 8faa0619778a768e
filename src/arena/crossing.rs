//! Going to a room's stack and coming back: what crosses the edge is one status, word by word.
//!
//! A value returned from a room would be copied whole, and an enumeration has bytes that nobody wrote: in a `Result` that is `Ok`,
//! all those of the error. On a room's stack they are what lay there before: pieces of keys. So nothing is returned; the room's side
//! writes each word of a [`Status`] that stands outside, and no other byte.

use corosensei::stack::Stack;

use super::Region;
use super::stack_notes::Visit;
use crate::error::Error;
use crate::wipe;

/// Runs `work` on the stack of a room. A panic goes on.
///
/// # Errors
/// What `work` gave. Work in a room does no I/O: of such an error only what it tried is kept.
#[inline(always)]
pub(super) fn on_stack(
    room: &Region,
    walls: impl Stack,
    work: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let mut status = Status { code: 0, text: "", first: 0, second: 0 };
    let out = &mut status;
    let work = move || out.set(work());
    #[cfg(shokyo_faults)]
    if crate::faults::active(crate::faults::Fault::RoomOff) {
        work();
        return status.outcome();
    }
    let visit = Visit::of(room);
    corosensei::on_stack(walls, || {
        work();
        // Still here: a signal that arrives on the way back would put the registers on the caller's stack.
        let _ = wipe::scrub_registers();
    });
    drop(visit);
    status.outcome()
}

/// An outcome without bytes that nobody wrote: five words.
struct Status {
    code: u64,
    text: &'static str,
    first: u64,
    second: u64,
}

impl Status {
    /// Each field by itself: a status that is made and then moved may be copied with what lay beside it.
    #[inline(never)]
    fn set(&mut self, outcome: Result<(), Error>) {
        let Err(error) = outcome else {
            self.code = OK;
            return;
        };
        let (code, text, first, second) = match error {
            Error::Erased => (1, "", 0, 0),
            Error::NotAuthentic => (2, "", 0, 0),
            Error::RandomnessUnavailable => (3, "", 0, 0),
            Error::Expired => (4, "", 0, 0),
            Error::WindowInUse => (5, "", 0, 0),
            Error::WindowTimeout => (6, "", 0, 0),
            Error::EmptyDocument => (7, "", 0, 0),
            Error::Unfinished => (8, "", 0, 0),
            Error::BadSignature => (9, "", 0, 0),
            Error::Replayed => (10, "", 0, 0),
            Error::Cancelled => (11, "", 0, 0),
            Error::ForkedChild => (12, "", 0, 0),
            Error::MemoryCorrupted => (13, "", 0, 0),
            Error::OutOfMemory { needed } => (14, "", needed, 0),
            Error::NotErased { bytes } => (15, "", bytes, 0),
            Error::UnsupportedVersion { found } => (16, "", found, 0),
            Error::UnsupportedSuite { found } => (17, "", found, 0),
            Error::LockedMemoryExhausted { needed, limit } => (18, "", needed, limit),
            Error::RoomTooSmall { needed, available } => (19, "", needed, available),
            Error::OutOfRange { at, length } => (20, "", at, length),
            Error::TooLarge { what, limit } => (21, what, limit, 0),
            Error::Busy { what, limit } => (22, what, limit, 0),
            Error::Malformed { what } => (23, what, 0, 0),
            Error::Untrusted { what } => (24, what, 0, 0),
            Error::Mismatch { what } => (25, what, 0, 0),
            Error::UnexpectedMessage { message } => (26, message, 0, 0),
            Error::WrongState { command } => (27, command, 0, 0),
            Error::Unsupported { what } => (28, what, 0, 0),
            Error::Store { what } => (29, what, 0, 0),
            Error::System { call, os_error } => (30, call, bits(os_error), 0),
            Error::ProtectionUnavailable { protection, os_error } => (31, protection, bits(os_error), 0),
            Error::Io { what, .. } => (32, what, 0, 0),
            Error::Configuration { .. } => (33, "", 0, 0),
            Error::Refused { reason } => (34, reason, 0, 0),
        };
        self.code = code;
        self.text = text;
        self.first = first;
        self.second = second;
    }

    fn outcome(&self) -> Result<(), Error> {
        let (what, first, second) = (self.text, self.first, self.second);
        Err(match self.code {
            OK => return Ok(()),
            1 => Error::Erased,
            2 => Error::NotAuthentic,
            3 => Error::RandomnessUnavailable,
            4 => Error::Expired,
            5 => Error::WindowInUse,
            6 => Error::WindowTimeout,
            7 => Error::EmptyDocument,
            8 => Error::Unfinished,
            9 => Error::BadSignature,
            10 => Error::Replayed,
            11 => Error::Cancelled,
            12 => Error::ForkedChild,
            13 => Error::MemoryCorrupted,
            14 => Error::OutOfMemory { needed: first },
            15 => Error::NotErased { bytes: first },
            16 => Error::UnsupportedVersion { found: first },
            17 => Error::UnsupportedSuite { found: first },
            18 => Error::LockedMemoryExhausted { needed: first, limit: second },
            19 => Error::RoomTooSmall { needed: first, available: second },
            20 => Error::OutOfRange { at: first, length: second },
            21 => Error::TooLarge { what, limit: first },
            22 => Error::Busy { what, limit: first },
            23 => Error::Malformed { what },
            24 => Error::Untrusted { what },
            25 => Error::Mismatch { what },
            26 => Error::UnexpectedMessage { message: what },
            27 => Error::WrongState { command: what },
            28 => Error::Unsupported { what },
            29 => Error::Store { what },
            30 => Error::System { call: what, os_error: number(first) },
            31 => Error::ProtectionUnavailable { protection: what, os_error: number(first) },
            32 => Error::Io { what, kind: std::io::ErrorKind::Other },
            33 => Error::Configuration { reason: "work in a clean room refused its configuration".into() },
            34 => Error::Refused { reason: what },
            _ => Error::MemoryCorrupted,
        })
    }
}

const OK: u64 = 0;

fn bits(os_error: i32) -> u64 {
    u64::from(os_error.cast_unsigned())
}

fn number(bits: u64) -> i32 {
    u32::try_from(bits).map_or(0, u32::cast_signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_comes_out_of_a_room_as_it_was() {
        let what = "what it is about";
        for error in [
            Error::Erased,
            Error::NotAuthentic,
            Error::RandomnessUnavailable,
            Error::Expired,
            Error::WindowInUse,
            Error::WindowTimeout,
            Error::EmptyDocument,
            Error::Unfinished,
            Error::BadSignature,
            Error::Replayed,
            Error::Cancelled,
            Error::ForkedChild,
            Error::MemoryCorrupted,
            Error::OutOfMemory { needed: 7 },
            Error::NotErased { bytes: 7 },
            Error::UnsupportedVersion { found: u64::MAX },
            Error::UnsupportedSuite { found: 7 },
            Error::LockedMemoryExhausted { needed: 7, limit: 8 },
            Error::RoomTooSmall { needed: 7, available: 8 },
            Error::OutOfRange { at: 7, length: 8 },
            Error::TooLarge { what, limit: 9 },
            Error::Busy { what, limit: 9 },
            Error::Malformed { what },
            Error::Untrusted { what },
            Error::Mismatch { what },
            Error::UnexpectedMessage { message: what },
            Error::WrongState { command: what },
            Error::Unsupported { what },
            Error::Store { what },
            Error::Refused { reason: what },
            Error::System { call: what, os_error: -12 },
            Error::ProtectionUnavailable { protection: what, os_error: 1 },
        ] {
            let mut status = Status { code: 99, text: "before", first: 1, second: 2 };
            status.set(Err(error.clone()));
            assert_eq!(status.outcome(), Err(error));
        }
        let mut status = Status { code: 99, text: "before", first: 1, second: 2 };
        assert_eq!(status.outcome(), Err(Error::MemoryCorrupted));
        status.set(Ok(()));
        assert_eq!(status.outcome(), Ok(()));
    }

    #[cfg(shokyo_asan)]
    #[test]
    #[ignore = "AddressSanitizer must find the error: `cargo xtask step asan` sees to that"]
    fn address_sanitizer_finds_an_error_in_a_room() {
        use crate::arena::{Policy, Rooms, Secret};
        let Ok(owner) = crate::platform::ProcessMark::of_this_process() else { return };
        let policy = Policy { strict: true, locked: true, secret: Secret::No, total: 0, owner, alternate: false };
        let Ok(rooms) = Rooms::new(1, 1 << 20, policy) else { return };
        let _ = rooms.run(std::time::Duration::ZERO, || {
            let bytes = [1u8; 32];
            // SAFETY: not sound, on purpose: a byte behind the array is read.
            core::hint::black_box(unsafe { bytes.as_ptr().add(core::hint::black_box(33)).read_volatile() });
            Ok(())
        });
    }
}
