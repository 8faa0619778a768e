//! The mark of this process: a number that a forked child does not have, so that inherited handles can be told from its own.
//!
//! The mark stands in a page that the kernel gives to a child as zeros. Reading it is two loads: no system call, no lock, safe
//! in a signal handler. Where the kernel cannot do that (before Linux 4.14), the process identifier serves, for a system call
//! at each look. A child made by `vfork`, or by `clone` with shared memory, *is* this process to the kernel and to this page.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use super::{advise_wipe_on_fork, make_accessible, page_size, random, release, reserve};
use crate::error::Error;

/// Set in a mark that is a process identifier.
const IDENTIFIER: u64 = 1 << 63;

static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(core::ptr::null_mut());

/// Which process something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessMark(u64);

impl ProcessMark {
    /// The mark of this process.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::RandomnessUnavailable`].
    pub(crate) fn of_this_process() -> Result<Self, Error> {
        let mut page = PAGE.load(Ordering::Acquire);
        if page.is_null() {
            match make_page()? {
                Some(made) => page = made,
                None => return Ok(Self(IDENTIFIER | u64::from(std::process::id()))),
            }
        }
        // SAFETY: the page is mapped for as long as the process lives, and only ever seen as an atomic.
        let mark = unsafe { &*page };
        match mark.load(Ordering::Acquire) {
            0 => {}
            there => return Ok(Self(there)),
        }
        let mut bytes = [0; 8];
        random(&mut bytes)?;
        let fresh = (u64::from_ne_bytes(bytes) | 1) & !IDENTIFIER;
        match mark.compare_exchange(0, fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(Self(fresh)),
            Err(there) => Ok(Self(there)),
        }
    }

    /// Whether this is the process that the mark was made in.
    ///
    /// # Errors
    /// [`Error::ForkedChild`].
    #[inline]
    pub(crate) fn check(self) -> Result<(), Error> {
        if self.is_here() { Ok(()) } else { Err(Error::ForkedChild) }
    }

    /// The same as an answer.
    #[inline]
    pub(crate) fn is_here(self) -> bool {
        if self.0 & IDENTIFIER != 0 {
            return self.0 == IDENTIFIER | u64::from(std::process::id());
        }
        let page = PAGE.load(Ordering::Acquire);
        // SAFETY: a mark without the flag was made with the page, which is never unmapped and only ever seen as an atomic.
        !page.is_null() && unsafe { &*page }.load(Ordering::Relaxed) == self.0
    }
}

/// The process that asks first, remembered without a lock that a forked child could inherit.
pub(crate) struct FirstProcess(AtomicU64);

impl FirstProcess {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Whether it is this one.
    ///
    /// # Errors
    /// [`Error::ForkedChild`] when it is not; [`Error::OutOfMemory`], [`Error::RandomnessUnavailable`].
    #[inline]
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.0.load(Ordering::Acquire) {
            0 => {
                let mark = ProcessMark::of_this_process()?;
                let first = self.0.compare_exchange(0, mark.0, Ordering::AcqRel, Ordering::Acquire);
                first.map_or_else(|there| ProcessMark(there).check(), |_| Ok(()))
            }
            there => ProcessMark(there).check(),
        }
    }
}

/// Makes the page, or finds that another thread has; `None` where the kernel does not empty pages for children.
fn make_page() -> Result<Option<*mut AtomicU64>, Error> {
    let length = page_size();
    let start = reserve(length)?;
    let give_back = || {
        // SAFETY: nobody knows the mapping.
        unsafe { release(start, 0, length, 0) };
    };
    // SAFETY: the page is the mapping's own.
    if let Err(error) = unsafe { make_accessible(start, length) } {
        give_back();
        return Err(error);
    }
    // SAFETY: as above; the mapping is private and anonymous.
    if unsafe { advise_wipe_on_fork(start, length) }.is_err() {
        give_back();
        return Ok(None);
    }
    let page: NonNull<AtomicU64> = start.cast();
    match PAGE.compare_exchange(core::ptr::null_mut(), page.as_ptr(), Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Ok(Some(page.as_ptr())),
        Err(there) => {
            give_back();
            Ok(Some(there))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_process_keeps_its_mark_and_a_forked_child_has_another() {
        let mark = ProcessMark::of_this_process().unwrap();
        assert_eq!(ProcessMark::of_this_process().unwrap(), mark);
        mark.check().unwrap();
        // SAFETY: the child only loads, draws random bytes and leaves.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let inherited = mark.check() == Err(Error::ForkedChild);
            let own = ProcessMark::of_this_process().is_ok_and(|own| own != mark && own.is_here() && !mark.is_here());
            // SAFETY: ends the child without running anything of the parent's.
            unsafe { libc::_exit(if inherited && own { 7 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: waits for the child made above.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(libc::WEXITSTATUS(status), 7);
        mark.check().unwrap();
    }

    #[test]
    fn a_mark_by_identifier_holds_here() {
        assert!(ProcessMark(IDENTIFIER | u64::from(std::process::id())).is_here());
        assert!(!ProcessMark(IDENTIFIER | u64::from(std::process::id() + 1)).is_here());
    }
}
