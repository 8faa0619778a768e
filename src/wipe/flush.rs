//! Pushing memory out of the processor's caches, so that what is read back afterwards comes from behind them. Optional: it makes the
//! memory bus wait for each line, and what DRAM cells hold can still not be seen by any instruction.

use super::Coverage;

/// Writes back what the caches hold of `memory` and drops it from them, and waits for that. Contents stay as they are.
///
/// x86-64: CLFLUSHOPT, or CLFLUSH. AArch64 with Linux: DC CIVAC. Elsewhere nothing, and the answer says so.
pub fn flush(memory: &mut [u8]) -> Coverage {
    // SAFETY: the exclusive borrow makes the range valid.
    unsafe { flush_raw(memory.as_ptr(), memory.len()) }
}

/// [`flush`] for a range that may be uninitialised or shared.
///
/// # Safety
/// `start..start + length` is one allocation, valid for reading.
pub unsafe fn flush_raw(start: *const u8, length: usize) -> Coverage {
    if length == 0 {
        return Coverage::All;
    }
    // SAFETY: passed on to the caller.
    unsafe { imp::flush(start, length) }
}

#[cfg(target_arch = "x86_64")]
mod imp {
    use core::arch::asm;

    use super::Coverage;
    use crate::wipe::processor;

    /// # Safety
    /// As for [`super::flush_raw`], and the range is not empty.
    pub(super) unsafe fn flush(start: *const u8, length: usize) -> Coverage {
        let (line, optimised) = processor::flushing();
        // From the line that holds the first byte; it is a hint about lines, and reads or writes no byte.
        let mut place = start.addr() & !(line - 1);
        let end = start.addr() + length;
        // SAFETY: both instructions leave contents as they are, for each line holds a byte of the range, which is valid; and the
        // better one is used only where it is there.
        unsafe {
            // Older stores first.
            asm!("mfence", options(nostack, preserves_flags));
            while place < end {
                if optimised {
                    asm!("clflushopt [{}]", in(reg) place, options(nostack, preserves_flags));
                } else {
                    asm!("clflush [{}]", in(reg) place, options(nostack, preserves_flags));
                }
                place += line;
            }
            asm!("mfence", options(nostack, preserves_flags));
        }
        Coverage::All
    }
}

#[cfg(all(target_arch = "aarch64", target_os = "linux"))]
mod imp {
    use core::arch::asm;

    use super::Coverage;

    /// # Safety
    /// As for [`super::flush_raw`], and the range is not empty.
    pub(super) unsafe fn flush(start: *const u8, length: usize) -> Coverage {
        let cache_type: usize;
        // SAFETY: Linux lets processes read the register and use the instruction, which leaves contents as they are; each line holds
        // a byte of the range, which is valid.
        unsafe {
            asm!("mrs {}, ctr_el0", out(reg) cache_type, options(nomem, nostack, preserves_flags));
            let line = 4 << (cache_type >> 16 & 0xF);
            let mut place = start.addr() & !(line - 1);
            while place < start.addr() + length {
                asm!("dc civac, {}", in(reg) place, options(nostack, preserves_flags));
                place += line;
            }
            asm!("dsb sy", options(nostack, preserves_flags));
        }
        Coverage::All
    }
}

#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_os = "linux"))))]
mod imp {
    use super::Coverage;

    /// # Safety
    /// None that the caller has to care for.
    pub(super) unsafe fn flush(_start: *const u8, _length: usize) -> Coverage {
        Coverage::None
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use core::arch::x86_64::{_mm_lfence, _mm_mfence, _rdtsc};

    use super::*;

    #[test]
    fn what_is_flushed_keeps_its_contents() {
        let mut memory: std::vec::Vec<u8> = (0..1000u32).map(|index| index as u8).collect();
        let expected = memory.clone();
        for range in [0..0, 3..4, 0..1000, 63..129] {
            assert_eq!(flush(&mut memory[range]), Coverage::All);
            assert_eq!(memory, expected);
        }
    }

    /// Ticks that it takes to load one byte.
    fn ticks(place: &u8) -> u64 {
        // SAFETY: every x86-64 has these instructions; the byte is borrowed.
        unsafe {
            _mm_mfence();
            _mm_lfence();
            let started = _rdtsc();
            _mm_lfence();
            core::ptr::read_volatile(place);
            _mm_lfence();
            _rdtsc() - started
        }
    }

    #[test]
    #[ignore = "a measurement, which a busy machine or an emulator may spoil"]
    fn a_line_that_was_flushed_takes_longer_to_load_than_one_that_was_not() {
        const LINE: usize = 64;
        let mut memory = std::vec![1u8; 64 * LINE];
        let mut median = |before: fn(&mut [u8])| {
            // One line at a time: a neighbour that is loaded would bring the next ones with it.
            let mut times: std::vec::Vec<u64> = (0..2048)
                .map(|turn| {
                    let place = turn * 37 % 64 * LINE + 17;
                    ticks(&memory[place]);
                    before(&mut memory);
                    ticks(&memory[place])
                })
                .collect();
            times.sort_unstable();
            times[times.len() / 2]
        };
        let (kept, flushed) = (median(|_| ()), median(|memory| assert_eq!(flush(memory), Coverage::All)));
        assert!(flushed > kept + kept / 2, "{flushed} ticks after a flush, {kept} without");
    }
}
