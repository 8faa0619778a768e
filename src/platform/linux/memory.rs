//! Anonymous private memory: address space between guards, locked in memory, left out of dumps and of children.

use core::ptr::NonNull;

use super::last_error;
use crate::error::Error;

/// Bytes in a page.
///
/// A build with deliberate faults (`--cfg shokyo_faults`) takes a larger number from `SHOKYO_PAGE_SIZE`, so that everything that
/// reckons in pages is tested for kernels with larger ones.
pub(crate) fn page_size() -> usize {
    #[cfg(shokyo_faults)]
    return simulated::page_size();
    #[cfg(not(shokyo_faults))]
    system_page_size()
}

/// Bytes in a page of this machine, whatever is simulated.
pub(super) fn system_page_size() -> usize {
    // SAFETY: sysconf only reads a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(4096)
}

/// Address space of `length` bytes (a multiple of the page size), aligned to a page, that cannot be touched yet; its pages will
/// read as zero.
pub(crate) fn reserve(length: usize) -> Result<NonNull<u8>, Error> {
    #[cfg(shokyo_faults)]
    return simulated::reserve_aligned(length);
    #[cfg(not(shokyo_faults))]
    reserve_of_system(length)
}

fn reserve_of_system(length: usize) -> Result<NonNull<u8>, Error> {
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

/// Gives back `below` bytes of guard, `length` accessible bytes at `start`, and `above` bytes of guard. What stood in them must have
/// been wiped, or never have been secret.
///
/// The kernel refuses to unmap a part of what it keeps as one mapping, as it does with guards of neighbours, when the process has as
/// many mappings as it may have. The accessible pages alone are a mapping of their own and are given back then; of guards that
/// stay, only addresses are lost.
///
/// # Safety
/// The three ranges, of whole pages, are the caller's, and nothing refers into them any more.
pub(crate) unsafe fn release(start: NonNull<u8>, below: usize, length: usize, above: usize) {
    // SAFETY: the ranges lie in the caller's mappings.
    let (first, after) = unsafe { (start.sub(below), start.add(length)) };
    // SAFETY: the caller owns all of it.
    if unsafe { unmap(first, below + length + above) }.is_err() {
        // SAFETY: as above, and each part is unmapped once at most: one that another mapping may stand in by now is not touched again.
        unsafe {
            let _ = unmap(start, length);
            let _ = unmap(first, below);
            let _ = unmap(after, above);
        }
    }
}

/// Unmaps whole pages, all or nothing.
///
/// # Safety
/// The pages are the caller's, and nothing refers into them any more.
pub(super) unsafe fn unmap(start: NonNull<u8>, length: usize) -> Result<(), i32> {
    if length == 0 {
        return Ok(());
    }
    // SAFETY: the caller owns the pages.
    let status = unsafe { libc::munmap(start.as_ptr().cast(), length) };
    if status == 0 { Ok(()) } else { Err(last_error()) }
}

/// Keeps pages in memory and out of swap, and puts them there now.
///
/// `mlock` and not `mlock2` with `MLOCK_ONFAULT`, which locks a page only once it is touched: every page must be had before the
/// first secret is written. Memory that runs out is an error of opening a vault, never a signal in the middle of an operation; and
/// the limit is charged for the whole range either way.
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

/// Gives a forked child nothing in place of the pages: it is killed when it touches them.
///
/// # Safety
/// The whole pages are the caller's.
pub(crate) unsafe fn advise_not_in_children(start: NonNull<u8>, length: usize) -> Result<(), i32> {
    // SAFETY: the caller owns the pages; the advice changes nothing in this process.
    unsafe { advise(start, length, libc::MADV_DONTFORK) }
}

/// One advice at a time: values must never be combined, the kernel takes them as a number and not as flags.
unsafe fn advise(start: NonNull<u8>, length: usize, advice: libc::c_int) -> Result<(), i32> {
    // SAFETY: passed on to the caller.
    let status = unsafe { libc::madvise(start.as_ptr().cast(), length, advice) };
    if status == 0 { Ok(()) } else { Err(last_error()) }
}

#[cfg(shokyo_faults)]
mod simulated {
    use std::sync::OnceLock;

    use super::{Error, NonNull, reserve_of_system, system_page_size, unmap};

    pub(super) fn page_size() -> usize {
        static SIZE: OnceLock<usize> = OnceLock::new();
        *SIZE.get_or_init(|| {
            let system = system_page_size();
            let asked = std::env::var("SHOKYO_PAGE_SIZE").ok().and_then(|text| text.parse::<usize>().ok());
            let possible = |size: &usize| size.is_power_of_two() && size.is_multiple_of(system);
            asked.filter(possible).unwrap_or(system)
        })
    }

    /// As a kernel with such pages would: more is mapped than asked for, and what stands over is given back.
    pub(super) fn reserve_aligned(length: usize) -> Result<NonNull<u8>, Error> {
        let page = page_size();
        let over = page - system_page_size();
        let mapping = reserve_of_system(length + over)?;
        let head = mapping.addr().get().next_multiple_of(page) - mapping.addr().get();
        // SAFETY: `head` is at most `over`, so that `length` bytes after it are in the mapping, which nobody else knows.
        unsafe {
            let start = mapping.add(head);
            let _ = unmap(mapping, head);
            let _ = unmap(start.add(length), over - head);
            Ok(start)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_aligned_to_the_page_that_is_reckoned_with() {
        let page = page_size();
        #[cfg(shokyo_faults)]
        if let Ok(asked) = std::env::var("SHOKYO_PAGE_SIZE") {
            assert_eq!(page.to_string(), asked);
        }
        for pages in [1, 3, 20] {
            let start = reserve(pages * page).unwrap();
            assert!(start.addr().get().is_multiple_of(page));
            // SAFETY: the mapping is this test's.
            unsafe {
                make_accessible(start, pages * page).unwrap();
                start.add(pages * page - 1).write(1);
                release(start, 0, pages * page, 0);
            }
        }
    }
}
