//! The stores and the read-back: how zeros are written so that the compiler cannot leave them out, and how memory is looked
//! at so that the compiler cannot assume what it holds. Nothing here judges the outcome.

use core::sync::atomic::{AtomicU32, Ordering, fence};

/// Stores zeros in the whole range.
///
/// # Safety
/// `start..start + length` is valid for writing, and nobody else accesses it.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) unsafe fn zero(start: *mut u8, length: usize) {
    // The compiler sees neither that these are stores nor what they store, so it can neither drop them nor know their effect.
    // SAFETY: the string instruction writes `length` bytes from `start` upwards (the ABI keeps the direction flag clear).
    unsafe {
        core::arch::asm!(
            "rep stosb",
            inout("rcx") length => _,
            inout("rdi") start => _,
            in("al") 0u8,
            options(nostack, preserves_flags)
        );
    }
}

/// Stores zeros in the whole range.
///
/// # Safety
/// `start..start + length` is valid for writing, and nobody else accesses it.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(super) unsafe fn zero(start: *mut u8, length: usize) {
    let head = start.align_offset(size_of::<usize>()).min(length);
    let words = (length - head) / size_of::<usize>();
    let tail = head + words * size_of::<usize>();
    for index in (0..head).chain(tail..length) {
        // SAFETY: the index lies in the range.
        unsafe { start.add(index).write_volatile(0) };
    }
    // SAFETY: `head` lies in the range and is aligned for words.
    let middle = unsafe { start.add(head) }.cast::<usize>();
    for index in 0..words {
        // SAFETY: the word lies in the range and is aligned.
        unsafe { middle.add(index).write_volatile(0) };
    }
    hide(start);
}

/// Whether every byte of the range is zero, by reading every byte.
///
/// # Safety
/// `start..start + length` is valid for reading, and nobody writes it.
#[inline]
pub(super) unsafe fn is_zero(start: *const u8, length: usize) -> bool {
    // SAFETY: passed on to the caller.
    unsafe { leading_zeros_in_blocks(start, length, true) == length }
}

/// How many bytes at the start of the range are zero.
///
/// # Safety
/// `start..start + length` is valid for reading, and nobody writes it.
#[cfg(any(feature = "std", test))]
#[inline]
pub(super) unsafe fn leading_zeros(start: *const u8, length: usize) -> usize {
    // SAFETY: passed on to the caller.
    let mut index = unsafe { leading_zeros_in_blocks(start, length, false) };
    // SAFETY: the index lies in the range.
    while index < length && unsafe { start.add(index).read_volatile() } == 0 {
        index += 1;
    }
    index
}

/// Like [`leading_zeros`], but stops at the start of the 64-byte block that holds the first other byte (for `whole`, the last
/// incomplete block is looked at byte by byte as well).
#[inline]
unsafe fn leading_zeros_in_blocks(start: *const u8, length: usize, whole: bool) -> usize {
    hide(start);
    let mut index = 0;
    while length - index >= 64 {
        // Ordinary loads, so that they can be vectorised; the compiler had to forget what memory holds.
        // SAFETY: 64 bytes from here lie in the range; an array of bytes needs no alignment.
        let block = unsafe { &*start.add(index).cast::<[[u8; 8]; 8]>() };
        if block.iter().fold(0, |all, word| all | u64::from_ne_bytes(*word)) != 0 {
            return index;
        }
        index += 64;
    }
    if whole {
        while index < length {
            // SAFETY: the index lies in the range.
            if unsafe { start.add(index).read_volatile() } != 0 {
                return index;
            }
            index += 1;
        }
    }
    index
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

/// Makes the compiler forget what it knows about memory that `start` can reach.
#[inline(always)]
fn hide(start: *const u8) {
    #[cfg(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "arm",
        target_arch = "aarch64",
        target_arch = "riscv32",
        target_arch = "riscv64"
    ))]
    // SAFETY: no instruction at all; the block may read and write memory as far as the compiler knows, and does not.
    unsafe {
        core::arch::asm!("/* {0} */", in(reg) start, options(nostack, preserves_flags));
    }
    #[cfg(not(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "arm",
        target_arch = "aarch64",
        target_arch = "riscv32",
        target_arch = "riscv64"
    )))]
    core::hint::black_box(start);
}
