//! One guarded mapping: accessible pages between inaccessible ones, with each protection asked for and checked by itself.
//!
//! A region is never unmapped while a byte of it cannot be shown to be zero.

use core::ptr::NonNull;

use crate::error::Error;
use crate::platform;
use crate::types::Protections;
use crate::wipe;

/// What a region must achieve.
#[derive(Clone, Copy)]
pub(crate) struct Policy {
    /// A protection that is not achieved is an error.
    pub(crate) strict: bool,
    /// The pages hold keys or plaintext: they are locked.
    pub(crate) locked: bool,
    /// Bytes of locked memory that the whole vault asks for, for the message of an exhausted limit.
    pub(crate) total: u64,
    /// The process whose memory it is. A forked child never touches it.
    pub(crate) owner: platform::ProcessMark,
    /// Whether alternate signal stacks are scrubbed after each stay in a room.
    pub(crate) alternate: bool,
}

/// Pages between guards. Contents are zero at first.
pub(crate) struct Region {
    mapping: NonNull<u8>,
    mapping_length: usize,
    start: NonNull<u8>,
    length: usize,
    below: usize,
    achieved: Protections,
}

// SAFETY: a region is only addresses; whoever hands out parts of it answers for their exclusiveness.
unsafe impl Send for Region {}
// SAFETY: as above; no method of a shared region touches its contents.
unsafe impl Sync for Region {}

impl Region {
    /// `length` bytes, rounded up to pages, with at least `below` inaccessible bytes before them and a page after.
    pub(crate) fn new(length: usize, below: usize, policy: Policy) -> Result<Self, Error> {
        let page = platform::page_size();
        let length = length.max(1).next_multiple_of(page);
        let below = below.max(1).next_multiple_of(page);
        let mapping_length = below + length + page;
        let mapping = platform::reserve(mapping_length)?;
        // SAFETY: `below` lies inside the mapping.
        let start = unsafe { mapping.add(below) };
        // SAFETY: the pages belong to the mapping.
        if let Err(error) = unsafe { platform::make_accessible(start, length) } {
            // SAFETY: nobody knows the mapping yet, and nothing was ever written to it.
            unsafe { platform::release(mapping, mapping_length) };
            return Err(error);
        }
        let mut region = Self { mapping, mapping_length, start, length, below, achieved: Protections::GUARDED };
        region.protect(policy)?;
        Ok(region)
    }

    fn protect(&mut self, policy: Policy) -> Result<(), Error> {
        // SAFETY: the pages belong to the region's own mapping. Left out of dumps and children before anything is written.
        let no_dump = unsafe { platform::advise_no_dump(self.start, self.length) };
        self.achieve(Protections::NO_DUMP, "NO_DUMP", no_dump, policy)?;
        // SAFETY: as above; the mapping is private and anonymous.
        let not_inherited = unsafe { platform::advise_wipe_on_fork(self.start, self.length) };
        self.achieve(Protections::NOT_INHERITED, "NOT_INHERITED", not_inherited, policy)?;
        if policy.locked {
            // SAFETY: as above; the pages are accessible.
            let locked = unsafe { platform::lock(self.start, self.length) };
            if let (Err(libc::ENOMEM | libc::EAGAIN | libc::EPERM), true) = (locked, policy.strict) {
                return Err(Error::LockedMemoryExhausted {
                    needed: policy.total,
                    limit: platform::locked_memory_limit(),
                });
            }
            self.achieve(Protections::LOCKED, "LOCKED", locked, policy)?;
        }
        Ok(())
    }

    fn achieve(
        &mut self,
        flag: Protections,
        protection: &'static str,
        outcome: Result<(), i32>,
        policy: Policy,
    ) -> Result<(), Error> {
        match outcome {
            Ok(()) => self.achieved = self.achieved.with(flag),
            Err(os_error) if policy.strict => return Err(Error::ProtectionUnavailable { protection, os_error }),
            Err(_) => {}
        }
        Ok(())
    }

    /// The protections that were achieved.
    pub(crate) fn achieved(&self) -> Protections {
        self.achieved
    }

    /// The first accessible byte; aligned to a page.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Accessible bytes, a multiple of the page size.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Inaccessible bytes before the first accessible one.
    pub(crate) fn below(&self) -> usize {
        self.below
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // What already reads as zero is not written again: most pages of a slab were never touched.
        // SAFETY: whoever owns the region is going away, so nothing refers into it any more.
        let clean = unsafe {
            let zeros = wipe::leading_zeros(self.start.as_ptr(), self.length);
            wipe::wipe_raw(self.start.as_ptr().add(zeros), self.length - zeros, 0).is_ok()
        };
        if clean {
            // SAFETY: the whole mapping is the region's own.
            unsafe { platform::release(self.mapping, self.mapping_length) };
        }
    }
}
