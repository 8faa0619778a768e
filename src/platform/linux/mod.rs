//! Linux. Here: randomness, time and limits; memory and processes are in files of their own.

pub(crate) mod child;
pub(crate) mod file_layer;
pub(crate) mod files;
mod harden;
mod memory;
pub(crate) mod memory_file;
mod secret;

pub(crate) use harden::{Before, take, undo};
pub(crate) use memory::{
    advise_no_dump, advise_not_in_children, advise_wipe_on_fork, lock, make_accessible, page_size, release, reserve,
};
pub(crate) use secret::{populate_secret, reserve_secret};

mod sentinel;
pub(crate) mod signals;
pub(crate) mod thread;
mod timer;

use core::time::Duration;

use crate::error::Error;

pub(crate) use sentinel::{FirstProcess, ProcessMark};
pub(crate) use timer::Timer;

fn last_error() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Whether a failed [`lock`] means the limit on locked memory.
pub(crate) fn is_lock_limit(os_error: i32) -> bool {
    [libc::ENOMEM, libc::EAGAIN, libc::EPERM].contains(&os_error)
}

/// Whether a failed [`reserve_secret`] means that limit.
pub(crate) fn is_secret_limit(os_error: i32) -> bool {
    os_error == libc::EAGAIN
}

/// Bytes that the kernel may push for a signal on this processor (`AT_MINSIGSTKSZ`), at least 2 KiB.
pub(crate) fn signal_frame_size() -> usize {
    const AT_MINSIGSTKSZ: libc::c_ulong = 51;
    // SAFETY: getauxval only reads the auxiliary vector and gives 0 for an unknown type.
    let size = unsafe { libc::getauxval(AT_MINSIGSTKSZ) };
    usize::try_from(size).unwrap_or(0).max(2048)
}

/// The soft limit on locked memory in bytes (`RLIMIT_MEMLOCK`), `u64::MAX` for none.
pub(crate) fn locked_memory_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer.
    let status = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    if status == 0 { limit.rlim_cur } else { 0 }
}

/// Fills `out` with random bytes of the operating system. Nothing is buffered in this process: the system call itself, because a
/// C library may keep a generator of its own in ordinary memory.
pub(crate) fn random(out: &mut [u8]) -> Result<(), Error> {
    let mut filled = 0;
    while filled < out.len() {
        let rest = &mut out[filled..];
        // SAFETY: `rest` is valid for writing its whole length.
        let got = unsafe { libc::syscall(libc::SYS_getrandom, rest.as_mut_ptr(), rest.len(), 0) };
        match usize::try_from(got) {
            Ok(0) => return Err(Error::RandomnessUnavailable),
            Ok(count) => filled += count,
            Err(_) if last_error() == libc::EINTR => {}
            Err(_) => return Err(Error::RandomnessUnavailable),
        }
    }
    Ok(())
}

/// Time since the machine started, suspended time included (`CLOCK_BOOTTIME`): the clock for deadlines, the same for all
/// processes of the machine.
///
/// # Errors
/// [`Error::System`] when the clock cannot be read.
pub fn boot_time() -> Result<Duration, Error> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid place for the answer.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut now) };
    if status != 0 {
        return Err(Error::System { call: "clock_gettime", os_error: last_error() });
    }
    let nanoseconds = u32::try_from(now.tv_nsec).unwrap_or(0);
    Ok(Duration::new(now.tv_sec.unsigned_abs(), nanoseconds))
}

/// Whether the kernel holds its clock for synchronised with a source of time (`adjtimex`, which only reads here). `None`: it does not
/// tell.
#[must_use]
pub fn clock_is_synchronised() -> Option<bool> {
    // SAFETY: timex is plain data for which all zeros is valid; `modes` 0 asks to change nothing.
    let mut clock: libc::timex = unsafe { core::mem::zeroed() };
    // SAFETY: `clock` is a valid place for the answer.
    let state = unsafe { libc::adjtimex(&raw mut clock) };
    (state >= 0).then_some(state != libc::TIME_ERROR && clock.status & libc::STA_UNSYNC == 0)
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
    fn the_clock_for_deadlines_does_not_go_back() {
        let first = boot_time().unwrap();
        assert!(boot_time().unwrap() >= first);
        assert!(first > Duration::ZERO);
    }
}
