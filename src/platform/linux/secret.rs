//! Secret memory (`memfd_secret`): pages that the kernel takes out of its own view of memory, so that neither the kernel's code nor
//! another process, a debugger or a core dump can read them, and that are never moved or swapped.
//!
//! The mapping is shared by its nature. Between [`reserve_secret`] and the advice that keeps it from children
//! ([`advise_not_in_children`](super::advise_not_in_children)), a child that another thread forks gets to share it until that child
//! starts another program; so nothing may lie between the two. A machine cannot hibernate while such memory is in use.

use core::ptr::NonNull;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::last_error;
use super::memory::{release, reserve, system_page_size, unmap};

/// How often another thread may take the addresses that were meant for the secret pages.
const ATTEMPTS: usize = 8;

/// `below` inaccessible bytes, `length` bytes of secret memory that read as zero, `above` inaccessible bytes; the start of the
/// secret memory. All are multiples of the page size. [`populate_secret`] must follow before anything touches it.
///
/// The pages are locked by their nature: they are charged to the limit on locked memory here, and `mlock` on them fails.
///
/// # Errors
/// The operating system's error number: `EAGAIN` for the limit on locked memory; `ENOSYS` where the kernel has no secret memory or
/// it is switched off; `ENOMEM` when there is no memory.
pub(crate) fn reserve_secret(below: usize, length: usize, above: usize) -> Result<NonNull<u8>, i32> {
    let file = create(length)?;
    for _ in 0..ATTEMPTS {
        match place(&file, below, length, above) {
            Err(libc::EEXIST) => {}
            outcome => return outcome,
        }
    }
    Err(libc::EEXIST)
}

fn create(length: usize) -> Result<OwnedFd, i32> {
    // SAFETY: the call takes one number; its descriptor is closed when a program is started.
    let descriptor = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
    let descriptor = i32::try_from(descriptor).ok().filter(|descriptor| *descriptor >= 0).ok_or_else(last_error)?;
    // SAFETY: the descriptor is new and nobody else's.
    let file = unsafe { OwnedFd::from_raw_fd(descriptor) };
    let size = libc::off_t::try_from(length).map_err(|_| libc::ENOMEM)?;
    // SAFETY: the descriptor is open.
    if unsafe { libc::ftruncate(file.as_raw_fd(), size) } == 0 { Ok(file) } else { Err(last_error()) }
}

/// Maps the file between guards.
///
/// Never with `MAP_FIXED`: where that fails, kernels differ in whether the old mapping is still there, and giving back addresses that
/// another thread got meanwhile would take its memory away. So the place is freed first, and taken only if it is still free.
fn place(file: &OwnedFd, below: usize, length: usize, above: usize) -> Result<NonNull<u8>, i32> {
    let mapping = reserve(below + length + above).map_err(|_| libc::ENOMEM)?;
    // SAFETY: both lie inside the mapping, or at its end.
    let (start, after) = unsafe { (mapping.add(below), mapping.add(below + length)) };
    // SAFETY: the pages are of the mapping that nobody else knows.
    if let Err(error) = unsafe { unmap(start, length) } {
        // SAFETY: as above; the mapping is still whole.
        unsafe { release(start, below, length, above) };
        return Err(error);
    }
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_FIXED_NOREPLACE;
    let wanted = start.as_ptr().cast();
    // SAFETY: the flag makes the call fail rather than replace what stands there.
    let got = unsafe { libc::mmap(wanted, length, protection, flags, file.as_raw_fd(), 0) };
    if got == wanted {
        return Ok(start);
    }
    let error = if got == libc::MAP_FAILED { last_error() } else { libc::EEXIST };
    // SAFETY: the guards are still ours; what stands between them no longer is. What was mapped elsewhere is ours as well.
    unsafe {
        if let Some(elsewhere) = NonNull::new(got.cast()).filter(|_| got != libc::MAP_FAILED) {
            let _ = unmap(elsewhere, length);
        }
        let _ = unmap(mapping, below);
        let _ = unmap(after, above);
    }
    Err(error)
}

/// Has the kernel give every page now.
///
/// It gives secret pages only when they are touched, and kills a process with SIGBUS that touches one when there is no memory left.
/// `MADV_POPULATE_WRITE` and `MAP_POPULATE` do not work on them. So each is touched first by a system call that writes there: where
/// it cannot, it says EFAULT. The call is the one for randomness because a process that uses this library is allowed to make it.
/// Once there, pages stay: the kernel neither swaps nor drops them.
///
/// # Errors
/// The operating system's error number: `ENOMEM` when there is no memory.
///
/// # Safety
/// The whole pages are the caller's secret memory, and nothing was written to them yet.
pub(crate) unsafe fn populate_secret(start: NonNull<u8>, length: usize) -> Result<(), i32> {
    for offset in (0..length).step_by(system_page_size()) {
        // SAFETY: the byte lies in the caller's pages.
        let byte = unsafe { start.add(offset) };
        loop {
            // SAFETY: the kernel writes the one byte, or says that it cannot. Not through the C library, which may write it itself.
            let written = unsafe { libc::syscall(libc::SYS_getrandom, byte.as_ptr(), 1usize, 0) };
            match last_error() {
                _ if written == 1 => break,
                libc::EINTR => {}
                libc::EFAULT => return Err(libc::ENOMEM),
                error => return Err(error),
            }
        }
        // SAFETY: the page is there.
        unsafe { byte.write_volatile(0) };
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::page_size;
    use super::*;

    /// Permissions and name of the mapping at an address.
    fn mapped(address: usize) -> Option<String> {
        let text = std::fs::read_to_string("/proc/self/maps").unwrap();
        text.lines().find_map(|line| {
            let (range, rest) = line.split_once(' ')?;
            let (first, end) = range.split_once('-')?;
            let parse = |text| usize::from_str_radix(text, 16).ok();
            (parse(first)?..parse(end)?).contains(&address).then(|| rest.to_owned())
        })
    }

    #[test]
    fn secret_memory_is_zero_can_be_written_and_stands_between_guards() {
        let page = page_size();
        let start = match reserve_secret(page, 3 * page, 2 * page) {
            Ok(start) => start,
            Err(libc::ENOSYS) => {
                return std::eprintln!("skipped: this kernel has no secret memory, or it is switched off");
            }
            Err(error) => panic!("os error {error}"),
        };
        // SAFETY: three accessible pages, this test's alone.
        let bytes = unsafe {
            populate_secret(start, 3 * page).unwrap();
            core::slice::from_raw_parts_mut(start.as_ptr(), 3 * page)
        };
        assert!(bytes.iter().all(|byte| *byte == 0));
        bytes.fill(7);
        let address = start.addr().get();
        assert!(mapped(address).unwrap().starts_with("rw-s"));
        assert!(mapped(address).unwrap().contains("secretmem"));
        assert!(mapped(address - 1).unwrap().starts_with("---p"));
        assert!(mapped(address + 3 * page).unwrap().starts_with("---p"));
        // SAFETY: all of it is this test's.
        unsafe { release(start, page, 3 * page, 2 * page) };
        assert!(mapped(address).is_none_or(|rest| !rest.contains("secretmem")));
    }

    #[test]
    fn a_page_that_the_kernel_does_not_give_is_an_error_and_not_a_signal() {
        // A file that is too short stands for a kernel without memory: user code that touches the second page gets SIGBUS.
        let page = page_size();
        let file = match create(page) {
            Ok(file) => file,
            Err(error) => return std::eprintln!("skipped: this kernel has no secret memory (os error {error})"),
        };
        let start = place(&file, page, 2 * page, page).unwrap();
        // SAFETY: all of it is this test's.
        unsafe {
            assert_eq!(populate_secret(start, 2 * page), Err(libc::ENOMEM));
            release(start, page, 2 * page, page);
        }
    }
}
