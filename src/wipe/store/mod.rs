//! The stores and the read-back, chosen by processor: how zeros are written so that the compiler cannot leave them out, and how
//! memory is looked at so that the compiler cannot assume what it holds. Nothing here judges the outcome.
//!
//! Stores and loads are one call, because what is large is read back while it is being written, a few KiB behind. The paths for
//! processors are assembly; they touch no byte outside the range, whatever its alignment and length, and leave nothing that they
//! loaded in a register.

mod hide;
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "aarch64.rs")]
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), path = "portable.rs")]
mod imp;
#[cfg(all(test, feature = "std"))]
mod portable;
#[cfg(all(test, feature = "std"))]
mod tests;

use core::sync::atomic::{AtomicU32, Ordering, fence};

use hide::hide;

/// Stores zeros in the whole range, reads every byte back afterwards, and tells whether all were zero.
///
/// # Safety
/// `start..start + length` is valid for reading and writing, and nobody else accesses it.
#[inline]
pub(super) unsafe fn zero_and_check(start: *mut u8, length: usize) -> bool {
    #[cfg(shokyo_faults)]
    let mut outside = 0;
    #[cfg(shokyo_faults)]
    let plant = if length > 0 && crate::faults::active(crate::faults::Fault::StuckByte) {
        // SAFETY: the middle of a range that is not empty lies in it.
        unsafe { start.add(length / 2) }
    } else {
        &raw mut outside
    };
    // SAFETY: passed on to the caller; the byte to plant is in the range or our own.
    unsafe {
        imp::zero_and_check(
            start,
            length,
            #[cfg(shokyo_faults)]
            plant,
        ) == 0
    }
}

/// How many bytes at the start of the range are zero.
///
/// # Safety
/// `start..start + length` is valid for reading, and nobody writes it.
#[cfg(any(feature = "std", test))]
#[inline]
pub(super) unsafe fn leading_zeros(start: *const u8, length: usize) -> usize {
    // SAFETY: passed on to the caller.
    unsafe { imp::leading_zeros(start, length) }
}

/// Stores zero in every word of a cell.
#[inline]
pub(super) fn zero_words(words: &[AtomicU32; 8]) {
    for word in words {
        word.store(0, Ordering::Relaxed);
    }
    fence(Ordering::SeqCst);
    hide(words.as_ptr().cast());
}

/// Whether every word of a cell reads as zero.
#[inline]
pub(super) fn words_are_zero(words: &[AtomicU32; 8]) -> bool {
    hide(words.as_ptr().cast());
    words.iter().fold(0, |all, word| all | word.load(Ordering::SeqCst)) == 0
}
