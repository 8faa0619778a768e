//! Windows 10 and later, and Windows Server 2019 and later. Here: randomness, time and limits; the rest is in files of its own.
//!
//! A process cannot be forked. An exception puts the processor's registers on the stack that is in use: in a clean room on its locked
//! stack, which is wiped afterwards.

#[cfg(feature = "net")]
mod access;
#[cfg(feature = "custody")]
pub(crate) mod files;
mod harden;
mod memory;
mod process;
pub(crate) mod signals;
pub(crate) mod thread;
mod timer;
mod working_set;

use core::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_NO_SYSTEM_RESOURCES, ERROR_NOT_ENOUGH_MEMORY, ERROR_PRIVILEGE_NOT_HELD, ERROR_WORKING_SET_QUOTA,
};
use windows_sys::Win32::System::Diagnostics::Debug::{CONTEXT_ALL_AMD64, InitializeContext};
use windows_sys::Win32::System::SystemInformation::GetTickCount64;

use crate::error::Error;

pub(crate) use harden::{Before, take, undo};
pub(crate) use memory::{
    advise_no_dump, advise_not_in_children, advise_wipe_on_fork, lock, make_accessible, page_size, populate_secret,
    release, reserve, reserve_secret,
};
pub(crate) use process::{FirstProcess, ProcessMark};
pub(crate) use timer::Timer;
pub(crate) use working_set::locked_memory_limit;

fn last_error() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Whether a failed [`lock`] means the limit on locked memory.
pub(crate) fn is_lock_limit(os_error: i32) -> bool {
    [ERROR_WORKING_SET_QUOTA, ERROR_PRIVILEGE_NOT_HELD, ERROR_NO_SYSTEM_RESOURCES, ERROR_NOT_ENOUGH_MEMORY]
        .contains(&os_error.cast_unsigned())
}

/// Whether a failed [`reserve_secret`] means that limit: there is no secret memory.
pub(crate) fn is_secret_limit(_os_error: i32) -> bool {
    false
}

/// Bytes that an exception may take on the stack that is in use: the registers as this processor has them, and the frames of what
/// looks for a handler.
pub(crate) fn signal_frame_size() -> usize {
    /// `CONTEXT_XSTATE`: the wide vector registers as well. `windows-sys` does not have it.
    const WITH_VECTORS: u32 = CONTEXT_ALL_AMD64 | 0x40;
    /// An exception's record, a second set of registers to unwind with, the tables and frames around them.
    const DISPATCH: usize = 6 * 1024;
    let mut length = 0;
    // SAFETY: without a buffer the function only tells the length.
    unsafe { InitializeContext(core::ptr::null_mut(), WITH_VECTORS, core::ptr::null_mut(), &raw mut length) };
    usize::try_from(length).unwrap_or(0).max(2048) + DISPATCH
}

/// Fills `out` with random bytes of the operating system, without its drawing on anything of this library.
///
/// The system keeps a generator's state in the process, in memory of its own; it is changed at each call, so that what was drawn
/// before cannot be reckoned from it.
pub(crate) fn random(out: &mut [u8]) -> Result<(), Error> {
    #[link(name = "bcryptprimitives", kind = "raw-dylib")]
    unsafe extern "system" {
        /// Documented, and never fails, but missing in `windows-sys`.
        fn ProcessPrng(data: *mut u8, length: usize) -> i32;
    }
    // SAFETY: `out` is valid for writing its whole length.
    if unsafe { ProcessPrng(out.as_mut_ptr(), out.len()) } != 0 { Ok(()) } else { Err(Error::RandomnessUnavailable) }
}

/// Time since the machine started, time in sleep and hibernation included (`GetTickCount64`), in steps of 10 to 16 ms: the clock for
/// deadlines, the same for all processes of the machine.
///
/// # Errors
/// None; the signature is that of other systems.
pub fn boot_time() -> Result<Duration, Error> {
    // SAFETY: the function has no preconditions.
    Ok(Duration::from_millis(unsafe { GetTickCount64() }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn randomness_fills_every_byte() {
        let mut bytes = [0u8; 4096];
        random(&mut bytes).unwrap();
        assert!(bytes.chunks(64).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
    }

    #[test]
    fn the_clock_for_deadlines_goes_on_and_not_back() {
        let first = boot_time().unwrap();
        std::thread::sleep(Duration::from_millis(40));
        let later = boot_time().unwrap();
        assert!(later > first && first > Duration::ZERO);
    }

    #[test]
    fn room_for_an_exception_holds_every_register_twice() {
        assert!((2 * 1232 + 152..64 * 1024).contains(&signal_frame_size()), "{}", signal_frame_size());
    }
}
