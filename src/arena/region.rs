//! One guarded mapping: accessible pages between inaccessible ones, with each protection asked for and checked by itself.
//!
//! Pages for keys and plaintext are *secret memory* where the kernel has it and the policy wants it, otherwise anonymous memory that is
//! locked. A region is never unmapped while a byte of it cannot be shown to be zero, and never touched in a forked child: secret
//! memory is not there.

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
    /// Whether locked pages are secret memory.
    pub(crate) secret: Secret,
    /// Bytes of locked memory that the whole vault asks for, for the message of an exhausted limit.
    pub(crate) total: u64,
    /// The process whose memory it is. A forked child never touches it.
    pub(crate) owner: platform::ProcessMark,
    /// Whether alternate signal stacks are scrubbed after each stay in a room.
    pub(crate) alternate: bool,
}

/// Whether locked pages are secret memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secret {
    /// Never.
    No,
    /// Where it can be had; it is no error where not.
    Preferred,
    /// As a protection like the others: an error in strict mode where it cannot be had.
    Wanted,
}

/// Pages between guards. Contents are zero at first.
pub(crate) struct Region {
    start: NonNull<u8>,
    length: usize,
    below: usize,
    above: usize,
    achieved: Protections,
    owner: platform::ProcessMark,
}

// SAFETY: a region is only addresses; whoever hands out parts of it answers for their exclusiveness.
unsafe impl Send for Region {}
// SAFETY: as above; no method of a shared region touches its contents.
unsafe impl Sync for Region {}

impl Region {
    /// `length` bytes, rounded up to pages, with at least `below` inaccessible bytes before them and a page after.
    pub(crate) fn new(length: usize, below: usize, policy: Policy) -> Result<Self, Error> {
        let page = platform::page_size();
        let needed = length.saturating_add(below);
        let round = |bytes: usize| {
            let rounded = bytes.max(1).checked_next_multiple_of(page).filter(|bytes| *bytes <= isize::MAX as usize / 4);
            rounded.ok_or(Error::OutOfMemory { needed: needed as u64 })
        };
        let (length, below) = (round(length)?, round(below)?);
        if policy.locked && policy.secret != Secret::No {
            match Self::secret(length, below, page, policy) {
                Ok(region) => return Ok(region),
                Err(error) if policy.secret == Secret::Wanted && policy.strict => return Err(error),
                // Reported by what is missing from `achieved`.
                Err(_) => {}
            }
        }
        Self::anonymous(length, below, page, policy)
    }

    fn anonymous(length: usize, below: usize, above: usize, policy: Policy) -> Result<Self, Error> {
        let mapping = platform::reserve(below + length + above)?;
        // SAFETY: `below` lies inside the mapping.
        let start = unsafe { mapping.add(below) };
        // SAFETY: the pages belong to the mapping.
        if let Err(error) = unsafe { platform::make_accessible(start, length) } {
            // SAFETY: nobody knows the mapping yet, and nothing was ever written to it.
            unsafe { platform::release(start, below, length, above) };
            return Err(error);
        }
        let mut region = Self::whole(start, length, below, above, Protections::GUARDED, policy);
        // SAFETY: the pages belong to the region's own mapping. Left out of dumps and children before anything is written.
        let no_dump = unsafe { platform::advise_no_dump(region.start, length) };
        region.achieve(Protections::NO_DUMP, "NO_DUMP", no_dump, policy)?;
        // SAFETY: as above; the mapping is private and anonymous.
        let not_inherited = unsafe { platform::advise_wipe_on_fork(region.start, length) };
        region.achieve(Protections::NOT_INHERITED, "NOT_INHERITED", not_inherited, policy)?;
        if policy.locked {
            // SAFETY: as above; the pages are accessible.
            let locked = unsafe { platform::lock(region.start, length) };
            if policy.strict && locked.is_err_and(platform::is_lock_limit) {
                return Err(exhausted(policy));
            }
            region.achieve(Protections::LOCKED, "LOCKED", locked, policy)?;
        }
        Ok(region)
    }

    /// Secret memory counts as locked: it is charged to the same limit, and is never swapped. Nor is it ever moved.
    fn secret(length: usize, below: usize, above: usize, policy: Policy) -> Result<Self, Error> {
        let unavailable = |os_error| {
            if platform::is_secret_limit(os_error) {
                exhausted(policy)
            } else {
                Error::ProtectionUnavailable { protection: "FRAME_PINNED", os_error }
            }
        };
        let start = platform::reserve_secret(below, length, above).map_err(unavailable)?;
        // SAFETY: the pages were made this moment, and nothing is written to them before they are kept from children.
        let not_inherited = unsafe { platform::advise_not_in_children(start, length) };
        // SAFETY: as above. Secret memory is left out of dumps by itself; the kernel is asked all the same, to hear it.
        let no_dump = unsafe { platform::advise_no_dump(start, length) };
        // A child that inherits shared memory could read what is written later: such memory is not used, in best effort neither.
        let not_inherited =
            not_inherited.map_err(|os_error| Error::ProtectionUnavailable { protection: "NOT_INHERITED", os_error });
        let populated = not_inherited.and_then(|()| {
            // SAFETY: as above.
            unsafe { platform::populate_secret(start, length) }.map_err(unavailable)
        });
        if let Err(error) = populated {
            // Without the check of a region's end: to touch a page that is not there would be a signal.
            // SAFETY: all of it was made here, nobody knows it, and nothing was ever written to it.
            unsafe { platform::release(start, below, length, above) };
            return Err(error);
        }
        let achieved = Protections::GUARDED
            .with(Protections::LOCKED)
            .with(Protections::FRAME_PINNED)
            .with(Protections::NOT_INHERITED);
        let mut region = Self::whole(start, length, below, above, achieved, policy);
        region.achieve(Protections::NO_DUMP, "NO_DUMP", no_dump, policy)?;
        Ok(region)
    }

    fn whole(
        start: NonNull<u8>,
        length: usize,
        below: usize,
        above: usize,
        achieved: Protections,
        policy: Policy,
    ) -> Self {
        Self { start, length, below, above, achieved, owner: policy.owner }
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
        // A forked child has zeros there, or nothing at all.
        if !self.owner.is_here() {
            return;
        }
        // What already reads as zero is not written again: most pages of a slab were never touched.
        // SAFETY: whoever owns the region is going away, so nothing refers into it any more.
        let clean = unsafe {
            let zeros = wipe::leading_zeros(self.start.as_ptr(), self.length);
            wipe::wipe_raw(self.start.as_ptr().add(zeros), self.length - zeros, 0).is_ok()
        };
        if clean {
            // SAFETY: the pages and their guards are the region's own.
            unsafe { platform::release(self.start, self.below, self.length, self.above) };
        }
    }
}

fn exhausted(policy: Policy) -> Error {
    Error::LockedMemoryExhausted { needed: policy.total, limit: platform::locked_memory_limit() }
}
