//! Wholes: locked memory for a document in one piece, taken from the operating system for the time of one call.
//!
//! ```text
//! guard │ canary │ body, begins at a multiple of 64 │ canary, less than 64 bytes │ guard
//! ```
//!
//! The sum of all wholes of a vault is limited. A whole goes back to the operating system only when it was read back as zero;
//! otherwise it stays mapped, and counted, for ever.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicU64, Ordering};

use super::{Policy, Region};
use crate::error::Error;
use crate::platform;
use crate::types::Protections;
use crate::wipe::{self, Wiped};

/// The body begins at a multiple of this, a cache line.
const ALIGNMENT: usize = 64;

/// The wholes of a vault.
pub(crate) struct Wholes {
    limit: u64,
    policy: Policy,
    canary: u8,
    taken: AtomicU64,
}

/// One block, the borrower's alone.
pub(crate) struct Whole<'w> {
    wholes: &'w Wholes,
    /// Gone when the loan has ended.
    region: Option<Region>,
    from: usize,
    length: usize,
    /// Like a window, it ends in the thread that took it.
    thread: PhantomData<*const ()>,
}

impl Wholes {
    /// At most `limit` bytes at once, in whole pages. `policy.total` is what the vault has locked already.
    pub(crate) fn new(limit: u64, policy: Policy) -> Result<Self, Error> {
        let mut canary = [0];
        platform::random(&mut canary)?;
        Ok(Self { limit, policy, canary: canary[0] | 1, taken: AtomicU64::new(0) })
    }

    /// A block of `length` bytes, all zeros.
    ///
    /// # Errors
    /// [`Error::LockedMemoryExhausted`] with the vault's own limit or the process's; [`Error::ProtectionUnavailable`];
    /// [`Error::OutOfMemory`].
    pub(crate) fn take(&self, length: u64) -> Result<Whole<'_>, Error> {
        let page = platform::page_size() as u64;
        let too_much = Error::OutOfMemory { needed: length };
        let bytes = length.max(1).checked_next_multiple_of(page).ok_or(too_much.clone())?;
        let body = usize::try_from(length).map_err(|_| too_much)?;
        let fits = |taken: u64| taken.checked_add(bytes).filter(|sum| *sum <= self.limit);
        let before = self
            .taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, fits)
            .map_err(|taken| Error::LockedMemoryExhausted { needed: taken.saturating_add(bytes), limit: self.limit })?;
        let total = self.policy.total.saturating_add(before).saturating_add(bytes);
        let region = Region::new(body, 1, Policy { total, ..self.policy }).inspect_err(|_| {
            self.taken.fetch_sub(bytes, Ordering::AcqRel);
        })?;
        let from = (region.length() - body) / ALIGNMENT * ALIGNMENT;
        let whole = Whole { wholes: self, from, length: body, region: Some(region), thread: PhantomData };
        whole.draw_canaries();
        Ok(whole)
    }

    /// Bytes in use, quarantined ones included.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Acquire)
    }
}

impl Whole<'_> {
    /// The protections that the block has.
    pub(crate) fn achieved(&self) -> Protections {
        self.region.as_ref().map_or(Protections::none(), Region::achieved)
    }

    /// The body, to be written.
    pub(crate) fn body(&mut self) -> &mut [u8] {
        let Some(region) = &self.region else { return &mut [] };
        // SAFETY: `from + length` lies in the region, which is this block's alone, and `self` is borrowed exclusively.
        unsafe { core::slice::from_raw_parts_mut(region.start().as_ptr().add(self.from), self.length) }
    }

    /// The body, to be read.
    pub(crate) fn plain(&self) -> &[u8] {
        let Some(region) = &self.region else { return &[] };
        // SAFETY: as for `body`; only shared references exist while `self` is borrowed.
        unsafe { core::slice::from_raw_parts(region.start().as_ptr().add(self.from), self.length) }
    }

    /// Wipes the body, reads it back, and gives the block to the operating system.
    ///
    /// # Errors
    /// [`Error::NotErased`] or [`Error::MemoryCorrupted`]; the block is then never given back.
    pub(crate) fn close(mut self, tag: u128) -> Result<Wiped, Error> {
        self.end(tag).unwrap_or(Err(Error::Erased))
    }

    /// `None` when the loan has ended before.
    fn end(&mut self, tag: u128) -> Option<Result<Wiped, Error>> {
        let region = self.region.take()?;
        let outcome = self.erase(&region, tag);
        if outcome.is_ok() {
            let bytes = region.length() as u64;
            drop(region);
            self.wholes.taken.fetch_sub(bytes, Ordering::AcqRel);
        } else {
            core::mem::forget(region);
        }
        Some(outcome)
    }

    fn erase(&self, region: &Region, tag: u128) -> Result<Wiped, Error> {
        self.wholes.policy.owner.check()?;
        let whole = self.slack(region).into_iter().all(|(start, length)| {
            // SAFETY: the slack is the region's, and never written after the canaries were.
            let slack = unsafe { core::slice::from_raw_parts(start, length) };
            slack.iter().all(|byte| *byte == self.wholes.canary)
        });
        // SAFETY: the body is this block's alone, and no reference to it is left: the loan ends.
        let wiped = unsafe { wipe::wipe_raw(region.start().as_ptr().add(self.from), self.length, tag) }?;
        for (start, length) in self.slack(region) {
            // SAFETY: as above. With the canaries gone the whole region is zero, and its end need not wipe it again.
            let _canary = unsafe { wipe::wipe_raw(start, length, 0) }?;
        }
        if whole { Ok(wiped) } else { Err(Error::MemoryCorrupted) }
    }

    fn draw_canaries(&self) {
        let Some(region) = &self.region else { return };
        for (start, length) in self.slack(region) {
            // SAFETY: the slack is the region's, and nobody else knows it.
            unsafe { start.write_bytes(self.wholes.canary, length) };
        }
    }

    /// The bytes before and after the body.
    fn slack(&self, region: &Region) -> [(*mut u8, usize); 2] {
        let (start, end) = (region.start().as_ptr(), self.from + self.length);
        // SAFETY: `end` lies in the region, or just behind it.
        [(start, self.from), (unsafe { start.add(end) }, region.length() - end)]
    }
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        let _ = self.end(0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Secret;
    use super::*;

    /// Bytes in a page, which a build with faults can be told to be larger.
    fn page() -> u64 {
        platform::page_size() as u64
    }

    fn wholes(limit: u64) -> Wholes {
        let (secret, owner) = (Secret::No, platform::ProcessMark::of_this_process().unwrap());
        Wholes::new(limit, Policy { strict: true, locked: true, secret, total: 7 * page(), owner, alternate: true })
            .unwrap()
    }

    /// Whether the page at an address is mapped.
    #[cfg(all(shokyo_faults, unix))]
    fn is_mapped(address: usize) -> bool {
        let mut residence = [0u8];
        // SAFETY: mincore only asks; `residence` has room for one page.
        let status = unsafe {
            libc::mincore(
                std::ptr::without_provenance_mut(address / page() as usize * page() as usize),
                1,
                residence.as_mut_ptr(),
            )
        };
        status == 0
    }

    #[test]
    fn a_whole_is_zero_aligned_and_ends_at_most_a_line_before_its_guard() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let wholes = wholes(1 << 20);
        for length in [0, 1, 63, 64, 65, page() - 1, page(), page() + 1, 100_000] {
            let mut whole = wholes.take(length).unwrap();
            assert!(whole.achieved().contains(Protections::LOCKED.with(Protections::GUARDED)));
            assert!(whole.plain().iter().all(|byte| *byte == 0) && whole.plain().len() as u64 == length);
            let start = whole.plain().as_ptr().addr();
            assert!(start.is_multiple_of(ALIGNMENT));
            assert!(
                (start + length as usize).next_multiple_of(page() as usize) - (start + length as usize) < ALIGNMENT
            );
            whole.body().fill(0xD7);
            assert_eq!(whole.close(5).map(|wiped| (wiped.tag(), wiped.bytes())), Ok((5, length)));
            assert_eq!(wholes.taken(), 0);
        }
    }

    #[test]
    fn the_limit_counts_pages_of_all_wholes_and_comes_back() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let wholes = wholes(3 * page());
        let first = wholes.take(page() + 1).unwrap();
        let refused = |length| wholes.take(length).map(|_| ()).unwrap_err();
        assert_eq!(refused(page() + 1), Error::LockedMemoryExhausted { needed: 4 * page(), limit: 3 * page() });
        let second = wholes.take(page()).unwrap();
        assert_eq!(refused(0), Error::LockedMemoryExhausted { needed: 4 * page(), limit: 3 * page() });
        assert_eq!(refused(u64::MAX), Error::OutOfMemory { needed: u64::MAX });
        drop((first, second));
        assert_eq!(wholes.taken(), 0);
        wholes.take(3 * page()).unwrap();
    }

    #[test]
    fn something_that_writes_beside_a_whole_is_found_when_it_ends() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        for place in [-1isize, 100] {
            let wholes = wholes(1 << 20);
            let mut whole = wholes.take(100).unwrap();
            whole.body().fill(0xD7);
            let start = whole.body().as_mut_ptr();
            // SAFETY: both places are the region's slack, before and after the body.
            unsafe { start.offset(place).write(0) };
            assert_eq!(whole.close(0).unwrap_err(), Error::MemoryCorrupted);
            // SAFETY: a block that is not given back stays mapped.
            let left = unsafe { core::slice::from_raw_parts(start, 100) };
            assert!(left.iter().all(|byte| *byte == 0), "the plaintext is wiped all the same");
            assert_eq!(wholes.taken(), page(), "quarantined memory stays counted");
        }
    }

    #[test]
    fn guards_of_lent_memory_stay_in_their_thread() {
        use crate::arena::Window;
        trait Otherwise {
            const IS_SEND: bool = false;
        }
        struct Probe<T>(PhantomData<T>);
        impl<T> Otherwise for Probe<T> {}
        impl<T: Send> Probe<T> {
            const IS_SEND: bool = true;
        }
        const { assert!(!<Probe<Whole<'static>>>::IS_SEND) };
        const { assert!(!<Probe<Window<'static>>>::IS_SEND) };
        const { assert!(<Probe<Wholes>>::IS_SEND) };
    }

    /// What `erase` leaves in a block of `length` bytes that was filled with plaintext.
    fn left_by_erase(length: u64) -> std::vec::Vec<u8> {
        let wholes = wholes(1 << 20);
        let mut whole = wholes.take(length).unwrap();
        whole.body().fill(0xD7);
        let region = whole.region.take().unwrap();
        assert_eq!(whole.erase(&region, 0).unwrap().bytes(), length);
        // SAFETY: the region is alive and nobody writes to it.
        unsafe { core::slice::from_raw_parts(region.start().as_ptr(), region.length()) }.to_vec()
    }

    #[test]
    fn a_whole_is_wiped_before_it_goes_back_canaries_too() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        for length in [0, 1, 100, page(), page() + 1] {
            assert!(left_by_erase(length).iter().all(|byte| *byte == 0), "{length}");
        }
    }

    #[cfg(shokyo_faults)]
    #[test]
    fn with_the_wipe_switched_off_a_whole_keeps_its_plaintext() {
        let _alone = crate::faults::serialised(&[crate::faults::Fault::NoWipe]);
        assert_eq!(left_by_erase(5000).iter().filter(|byte| **byte == 0xD7).count(), 5000);
    }

    #[cfg(all(shokyo_faults, unix))]
    #[test]
    fn a_whole_that_cannot_be_wiped_stays_mapped_and_counted() {
        let _alone = crate::faults::serialised(&[]);
        let wholes = wholes(1 << 20);
        let mut whole = wholes.take(5000).unwrap();
        whole.body().fill(0xD7);
        let start = whole.plain().as_ptr().addr();
        crate::faults::set(&[crate::faults::Fault::StuckByte]);
        let outcome = whole.close(0);
        crate::faults::set(&[]);
        assert_eq!(outcome.unwrap_err(), Error::NotErased { bytes: 5000 });
        assert!(is_mapped(start));
        assert_eq!(wholes.taken(), 5000_u64.next_multiple_of(page()));
    }
}
