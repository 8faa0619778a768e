//! The stores and the read-back for processors without a path of their own: what the compiler makes of it, kept from leaving
//! anything out.
//!
//! Where inline assembly exists, an empty block that knows the address stands between the stores and the loads: the compiler must
//! have carried out the stores, and cannot know what the loads find. Elsewhere every single access is volatile, which is slower.

use core::sync::atomic::{AtomicU32, Ordering, fence};

/// Bytes that are stored and then read back before the next ones, so that the loads find them in the nearest cache.
const BLOCK: usize = 4096;

/// Whether [`hide`] binds the compiler, rather than only asking it.
const HIDES: bool = cfg!(any(
    target_arch = "x86",
    target_arch = "x86_64",
    target_arch = "arm",
    target_arch = "aarch64",
    target_arch = "riscv32",
    target_arch = "riscv64"
));

/// The stores and the read-back: 0 when every byte was zero.
///
/// # Safety
/// `start..start + length` is valid for reading and writing, and nobody else accesses it.
#[inline(never)]
pub(super) unsafe fn zero_and_check(start: *mut u8, length: usize, #[cfg(shokyo_faults)] plant: *mut u8) -> u64 {
    let mut index = 0;
    let mut clean = true;
    while index < length {
        let block = (length - index).min(BLOCK);
        // SAFETY: the index lies in the range, and so does the block.
        unsafe {
            let place = start.add(index);
            zero(place, block);
            #[cfg(shokyo_faults)]
            plant.write_volatile(0xA5);
            clean &= leading_zeros(place, block) == block;
        }
        index += block;
    }
    u64::from(!clean)
}

/// Stores zeros in the whole range.
///
/// # Safety
/// `start..start + length` is valid for writing, and nobody else accesses it.
#[inline]
unsafe fn zero(start: *mut u8, length: usize) {
    if HIDES {
        // SAFETY: passed on to the caller.
        unsafe { start.write_bytes(0, length) };
        hide(start);
        return;
    }
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
}

/// Eight words that others may access atomically at the same time: 0 when every word was zero.
///
/// # Safety
/// `words` points to eight words that are valid for reading and writing and that others access only atomically.
pub(super) unsafe fn wipe_words(words: *mut u32, #[cfg(shokyo_faults)] plant: *mut u8) -> u64 {
    // SAFETY: as the caller promises; the types have the same layout.
    let words = unsafe { &*words.cast::<[AtomicU32; 8]>() };
    for word in words {
        word.store(0, Ordering::Relaxed);
    }
    hide(words.as_ptr().cast());
    #[cfg(shokyo_faults)]
    // SAFETY: a byte that the caller names for this.
    unsafe {
        plant.write_volatile(0xA5)
    };
    fence(Ordering::SeqCst);
    u64::from(words.iter().fold(0, |all, word| all | word.load(Ordering::SeqCst)) != 0)
}

/// How many bytes at the start of the range are zero.
///
/// # Safety
/// `start..start + length` is valid for reading, and nobody writes it.
#[inline]
pub(super) unsafe fn leading_zeros(start: *const u8, length: usize) -> usize {
    hide(start);
    let mut index = 0;
    while HIDES && length - index >= 64 {
        // Ordinary loads, so that they can be vectorised; the compiler had to forget what memory holds.
        // SAFETY: 64 bytes from here lie in the range; an array of bytes needs no alignment.
        let block = unsafe { &*start.add(index).cast::<[[u8; 8]; 8]>() };
        if block.iter().fold(0, |all, word| all | u64::from_ne_bytes(*word)) != 0 {
            break;
        }
        index += 64;
    }
    // SAFETY: the index lies in the range.
    while index < length && unsafe { start.add(index).read_volatile() } == 0 {
        index += 1;
    }
    index
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
