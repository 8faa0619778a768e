//! Linux: anonymous private mappings, `mlock`, `madvise`, `getrandom`, `CLOCK_BOOTTIME`.

mod sentinel;
pub(crate) mod signals;
pub(crate) mod thread;
mod timer;

use core::ptr::NonNull;
use core::time::Duration;

use crate::error::Error;

pub(crate) use sentinel::ProcessMark;
pub(crate) use timer::Timer;

fn last_error() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Bytes in a page.
pub(crate) fn page_size() -> usize {
    // SAFETY: sysconf only reads a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(4096)
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

/// Address space of `length` bytes (a multiple of the page size) that cannot be touched yet; its pages will read as zero.
pub(crate) fn reserve(length: usize) -> Result<NonNull<u8>, Error> {
    // SAFETY: a new private anonymous mapping at an address of the kernel's choice touches nothing that exists.
    let start = unsafe {
        libc::mmap(core::ptr::null_mut(), length, libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    };
    if start == libc::MAP_FAILED {
        return Err(Error::OutOfMemory { needed: length as u64 });
    }
    NonNull::new(start.cast()).ok_or(Error::OutOfMemory { needed: length as u64 })
}

/// Makes pages of a reserved mapping readable and writable.
///
/// # Safety
/// The whole pages `start..start + length` belong to a mapping of [`reserve`] that the caller owns.
pub(crate) unsafe fn make_accessible(start: NonNull<u8>, length: usize) -> Result<(), Error> {
    // SAFETY: the caller owns the pages.
    let status = unsafe { libc::mprotect(start.as_ptr().cast(), length, libc::PROT_READ | libc::PROT_WRITE) };
    if status == 0 { Ok(()) } else { Err(Error::OutOfMemory { needed: length as u64 }) }
}

/// Gives a mapping back. Its contents must have been wiped, or never have been secret.
///
/// # Safety
/// `start` and `length` are a whole mapping of [`reserve`] that the caller owns, and nothing refers into it any more.
pub(crate) unsafe fn release(start: NonNull<u8>, length: usize) {
    // SAFETY: the caller owns the mapping. A failure leaves it mapped, which harms nobody.
    let _ = unsafe { libc::munmap(start.as_ptr().cast(), length) };
}

/// Keeps pages in memory and out of swap.
///
/// # Errors
/// The operating system's error number: `ENOMEM`, `EPERM` and `EAGAIN` mean the limit on locked memory.
///
/// # Safety
/// The whole pages are the caller's, and accessible.
pub(crate) unsafe fn lock(start: NonNull<u8>, length: usize) -> Result<(), i32> {
    // SAFETY: the caller owns the pages; locking changes no contents.
    let status = unsafe { libc::mlock(start.as_ptr().cast(), length) };
    if status == 0 { Ok(()) } else { Err(last_error()) }
}

/// Leaves pages out of core dumps.
///
/// # Safety
/// The whole pages are the caller's.
pub(crate) unsafe fn advise_no_dump(start: NonNull<u8>, length: usize) -> Result<(), i32> {
    // SAFETY: the caller owns the pages; the advice changes no contents.
    unsafe { advise(start, length, libc::MADV_DONTDUMP) }
}

/// Gives a forked child zeros in place of the pages' contents.
///
/// # Safety
/// The whole pages are the caller's, private and anonymous.
pub(crate) unsafe fn advise_wipe_on_fork(start: NonNull<u8>, length: usize) -> Result<(), i32> {
    // SAFETY: the caller owns the pages; the advice changes nothing in this process.
    unsafe { advise(start, length, libc::MADV_WIPEONFORK) }
}

/// One advice at a time: values must never be combined, the kernel takes them as a number and not as flags.
unsafe fn advise(start: NonNull<u8>, length: usize, advice: libc::c_int) -> Result<(), i32> {
    // SAFETY: passed on to the caller.
    let status = unsafe { libc::madvise(start.as_ptr().cast(), length, advice) };
    if status == 0 { Ok(()) } else { Err(last_error()) }
}

/// Fills `out` with random bytes of the operating system. Nothing is buffered in this process.
pub(crate) fn random(out: &mut [u8]) -> Result<(), Error> {
    let mut filled = 0;
    while filled < out.len() {
        let rest = &mut out[filled..];
        // SAFETY: `rest` is valid for writing its whole length.
        let got = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
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
