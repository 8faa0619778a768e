//! Clearing what operations leave outside their own memory: dead stack frames and registers.
//!
//! Register scrubs clear every register that the platform's calling convention lets a callee destroy. Registers that a callee
//! must preserve hold the caller's values again when an operation returns, not the operation's.

#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "aarch64.rs")]
#[cfg_attr(target_arch = "arm", path = "arm.rs")]
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "arm")), path = "portable.rs")]
mod imp;

/// What a scrub of the registers reaches on this processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Coverage {
    /// Every register that an operation may leave data in.
    All,
    /// None: this build has no scrub for the processor.
    None,
}

/// Clears every register that an operation on secrets may have left data in.
///
/// x86-64: general registers, x87/MMX, all of xmm/ymm/zmm 0–15, and zmm16–31 and the mask registers where processor *and*
/// operating system have them. AArch64: x0–x17 and v0–v31. 32-bit ARM: r0–r3, r12, d0–d7. Other processors: nothing, and the answer says so.
#[inline(always)]
pub fn scrub_registers() -> Coverage {
    #[cfg(shokyo_faults)]
    if crate::faults::active(crate::faults::Fault::NoWipe) {
        return Coverage::All;
    }
    imp::scrub()
}

/// Overwrites at least `bytes` bytes of dead stack below the caller's frame (rounded up to 64; to 1 KiB where there is no path for the
/// processor). Keep it bounded: the stack must have that room left.
#[inline]
pub fn scrub_stack(bytes: usize) {
    #[cfg(shokyo_faults)]
    if crate::faults::active(crate::faults::Fault::NoWipe) {
        return;
    }
    // SAFETY: a stack that is too short ends in its guard page, like in any call that needs more than there is.
    unsafe { imp::scrub_stack(bytes) };
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use core::arch::asm;
    use core::mem::MaybeUninit;

    use super::*;
    use crate::wipe::processor::{Vectors, vectors};

    /// Fills every vector register and an MMX register, runs `scrub`, and gives what they hold then.
    #[inline(always)]
    fn registers_after(scrub: impl FnOnce()) -> ([[u8; 32]; 16], u64) {
        assert!(vectors() >= Vectors::Avx, "this test needs AVX");
        let (mut ymm, mut mmx) = ([[0x77u8; 32]; 16], 0u64);
        // SAFETY: loads registers that are declared as destroyed.
        unsafe {
            asm!(".irp r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15", r"vmovups ymm\r, [rdi + 32 * \r]", ".endr",
                "movq mm3, [rdi]", in("rdi") ymm.as_ptr(), clobber_abi("sysv64"));
        }
        scrub();
        // SAFETY: stores registers into places of their size.
        unsafe {
            asm!(".irp r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15", r"vmovups [rdi + 32 * \r], ymm\r", ".endr",
                "movq [rsi], mm3", "emms", "vzeroupper",
                in("rdi") ymm.as_mut_ptr(), in("rsi") &raw mut mmx, clobber_abi("sysv64"));
        }
        (ymm, mmx)
    }

    #[test]
    fn every_vector_register_and_an_mmx_register_read_as_zero_afterwards_and_would_not_without() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        assert_eq!(registers_after(|| assert_eq!(scrub_registers(), Coverage::All)), ([[0; 32]; 16], 0));
        assert_eq!(registers_after(|| ()).0, [[0x77; 32]; 16]);
    }

    /// Leaves a pattern on the stack; where it lies.
    #[inline(never)]
    fn dirty<const BYTES: usize>() -> usize {
        let mut bytes = MaybeUninit::<[u8; BYTES]>::uninit();
        let start = bytes.as_mut_ptr().cast::<u8>();
        for index in 0..BYTES {
            // SAFETY: the index lies in the array.
            unsafe { start.add(index).write_volatile(0xC7) };
        }
        core::hint::black_box(start.addr())
    }

    /// How many bytes of dead stack hold the pattern.
    #[inline(always)]
    fn left(start: usize, length: usize) -> usize {
        let byte = |index: &usize| {
            let value: u8;
            // SAFETY: reads the stack below the pointer, where nothing lives; the page is there, because it was written to.
            unsafe { asm!("mov {}, [{}]", out(reg_byte) value, in(reg) start + index, options(nostack, readonly)) };
            value
        };
        (0..length).filter(|index| byte(index) == 0xC7).count()
    }

    #[test]
    fn dead_stack_is_overwritten_without_a_gap_and_would_stay_without() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        const BYTES: usize = 8 * 1024;
        let start = dirty::<BYTES>();
        assert!(left(start, BYTES) > BYTES / 2, "the pattern is not where it is looked for");
        let start = dirty::<BYTES>();
        scrub_stack(BYTES + 1024);
        assert_eq!(left(start, BYTES), 0);
    }
}
