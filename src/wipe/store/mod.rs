//! The stores and the read-back, chosen by processor: how zeros are written so that the compiler cannot leave them out, and how
//! memory is looked at so that the compiler cannot assume what it holds. Nothing here judges the outcome.
//!
//! Stores and loads are one call, because what is large is read back while it is being written, a few KiB behind. The paths for
//! processors are assembly; they touch no byte outside the range, whatever its alignment and length, and leave nothing that they
//! loaded in a register.

#[cfg_attr(target_arch = "x86_64", path = "x86_64/mod.rs")]
#[cfg_attr(all(target_arch = "aarch64", target_feature = "neon"), path = "aarch64.rs")]
#[cfg_attr(
    not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))),
    path = "portable.rs"
)]
mod imp;
#[cfg(all(test, feature = "std"))]
mod portable;
#[cfg(all(test, feature = "std"))]
mod tests;

use core::sync::atomic::AtomicU32;

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
#[inline]
pub(super) unsafe fn leading_zeros(start: *const u8, length: usize) -> usize {
    // SAFETY: passed on to the caller.
    unsafe { imp::leading_zeros(start, length) }
}

/// Stores zero in every word of a cell that others may access atomically at the same time, reads every word back afterwards, and
/// tells whether all were zero.
#[inline]
pub(super) fn zero_and_check_words(words: &[AtomicU32; 8]) -> bool {
    #[cfg(shokyo_faults)]
    let mut outside = 0;
    #[cfg(shokyo_faults)]
    let plant = if crate::faults::active(crate::faults::Fault::StuckByte) {
        words[4].as_ptr().cast()
    } else {
        &raw mut outside
    };
    // SAFETY: the words are borrowed, so that they are valid and everyone accesses them atomically; the byte to plant is in one of
    // them or our own.
    unsafe {
        imp::wipe_words(
            words.as_ptr().cast::<u32>().cast_mut(),
            #[cfg(shokyo_faults)]
            plant,
        ) == 0
    }
}
