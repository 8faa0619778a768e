//! The mark of this process: its identifier. No process begins with a copy of another's memory, so the mark is there for the snapshots
//! that debugging tools make of a process (`PssCaptureSnapshot`), and which could run.

use core::sync::atomic::{AtomicU32, Ordering};

use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
};
use windows_sys::Win32::System::Threading::GetCurrentProcessId;

use crate::error::Error;

/// Which process something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessMark(u32);

impl ProcessMark {
    /// The mark of this process.
    ///
    /// # Errors
    /// None; the signature is that of other systems.
    pub(crate) fn of_this_process() -> Result<Self, Error> {
        // SAFETY: the function has no preconditions; it reads the thread's own block.
        Ok(Self(unsafe { GetCurrentProcessId() }))
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
        // SAFETY: as above.
        self.0 == unsafe { GetCurrentProcessId() }
    }
}

/// The process that asks first. From then on the module that holds this code stays loaded: a DLL that was freed would take the code
/// away from the thread that keeps deadlines, and from what is called when the process ends.
pub(crate) struct FirstProcess(AtomicU32);

impl FirstProcess {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Whether it is this one.
    ///
    /// # Errors
    /// [`Error::ForkedChild`] when it is not.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), Error> {
        let here = ProcessMark::of_this_process()?;
        // No process has the identifier 0.
        match self.0.compare_exchange(0, here.0, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                stay_loaded();
                Ok(())
            }
            Err(first) => ProcessMark(first).check(),
        }
    }
}

fn stay_loaded() {
    let here = stay_loaded as *const () as *const u16;
    let flags = GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
    let mut module = core::ptr::null_mut();
    // SAFETY: with these flags the name is an address inside the module; the place for the answer is valid.
    unsafe { GetModuleHandleExW(flags, here, &raw mut module) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_holds_in_its_process_only() {
        let here = ProcessMark::of_this_process().map(|mark| mark.0);
        assert_eq!(here, Ok(std::process::id()));
        assert_eq!(ProcessMark(std::process::id()).check(), Ok(()));
        assert_eq!(ProcessMark(std::process::id() + 4).check(), Err(Error::ForkedChild));
        let first = FirstProcess::new();
        assert_eq!((first.check(), first.check()), (Ok(()), Ok(())));
        assert_eq!(FirstProcess(AtomicU32::new(std::process::id() + 4)).check(), Err(Error::ForkedChild));
    }
}
