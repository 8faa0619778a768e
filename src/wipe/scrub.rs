//! Clearing what operations leave outside their own memory: dead stack frames and registers.
//!
//! Register scrubs clear every register that the platform's calling convention lets a callee destroy. Registers that a callee
//! must preserve hold the caller's values again when an operation returns, not the operation's.

use core::mem::MaybeUninit;

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
/// operating system have them. AArch64: x0–x17 and v0–v31. Other processors: nothing, and the answer says so.
#[inline(always)]
pub fn scrub_registers() -> Coverage {
    #[cfg(shokyo_faults)]
    if crate::faults::active(crate::faults::Fault::NoWipe) {
        return Coverage::All;
    }
    imp::scrub()
}

/// Overwrites at least `bytes` bytes of dead stack below the caller's frame (rounded up to 1 KiB). Keep it bounded: the stack
/// must have that room left.
#[inline(never)]
pub fn scrub_stack(bytes: usize) {
    #[cfg(shokyo_faults)]
    if crate::faults::active(crate::faults::Fault::NoWipe) {
        return;
    }
    frame(bytes);
}

#[inline(never)]
fn frame(bytes: usize) {
    let mut dead = MaybeUninit::<[u8; 1024]>::uninit();
    // SAFETY: the array is this frame's own.
    let _clean = unsafe { super::store::zero_and_check(dead.as_mut_ptr().cast(), 1024) };
    if bytes > 1024 {
        frame(bytes - 1024);
    }
    // The array must outlive the call, or the frames would share one place.
    core::hint::black_box(&mut dead);
}

#[cfg(target_arch = "x86_64")]
mod imp {
    use core::arch::asm;

    use crate::wipe::processor::{Vectors, vectors};

    #[inline(always)]
    pub(super) fn scrub() -> super::Coverage {
        let width = vectors();
        if width == Vectors::Sse2 {
            // SAFETY: clears registers that the block declares as destroyed.
            unsafe {
                asm!(
                    "xorps xmm0, xmm0",
                    "xorps xmm1, xmm1",
                    "xorps xmm2, xmm2",
                    "xorps xmm3, xmm3",
                    "xorps xmm4, xmm4",
                    "xorps xmm5, xmm5",
                    "xorps xmm6, xmm6",
                    "xorps xmm7, xmm7",
                    "xorps xmm8, xmm8",
                    "xorps xmm9, xmm9",
                    "xorps xmm10, xmm10",
                    "xorps xmm11, xmm11",
                    "xorps xmm12, xmm12",
                    "xorps xmm13, xmm13",
                    "xorps xmm14, xmm14",
                    "xorps xmm15, xmm15",
                    clobber_abi("sysv64"),
                    options(nostack)
                );
            }
        } else {
            // SAFETY: AVX is there and saved by the system; the block declares what it destroys.
            unsafe { asm!("vzeroall", clobber_abi("sysv64"), options(nostack)) };
        }
        if width == Vectors::Avx512 {
            // SAFETY: AVX-512F is there and its state is saved by the system; the block declares what it destroys.
            unsafe {
                asm!(
                    "vpxord zmm16, zmm16, zmm16",
                    "vpxord zmm17, zmm17, zmm17",
                    "vpxord zmm18, zmm18, zmm18",
                    "vpxord zmm19, zmm19, zmm19",
                    "vpxord zmm20, zmm20, zmm20",
                    "vpxord zmm21, zmm21, zmm21",
                    "vpxord zmm22, zmm22, zmm22",
                    "vpxord zmm23, zmm23, zmm23",
                    "vpxord zmm24, zmm24, zmm24",
                    "vpxord zmm25, zmm25, zmm25",
                    "vpxord zmm26, zmm26, zmm26",
                    "vpxord zmm27, zmm27, zmm27",
                    "vpxord zmm28, zmm28, zmm28",
                    "vpxord zmm29, zmm29, zmm29",
                    "vpxord zmm30, zmm30, zmm30",
                    "vpxord zmm31, zmm31, zmm31",
                    // kxorw clears bits 16–63 as well.
                    "kxorw k0, k0, k0",
                    "kxorw k1, k1, k1",
                    "kxorw k2, k2, k2",
                    "kxorw k3, k3, k3",
                    "kxorw k4, k4, k4",
                    "kxorw k5, k5, k5",
                    "kxorw k6, k6, k6",
                    "kxorw k7, k7, k7",
                    clobber_abi("sysv64"),
                    options(nostack)
                );
            }
        }
        // SAFETY: the calling convention keeps the x87 stack empty here; eight pushes fill every MMX/x87 register with zero and
        // `emms` empties it again. The general registers are declared as destroyed.
        unsafe {
            asm!(
                "emms",
                "fldz",
                "fldz",
                "fldz",
                "fldz",
                "fldz",
                "fldz",
                "fldz",
                "fldz",
                "emms",
                "xor eax, eax",
                "xor ecx, ecx",
                "xor edx, edx",
                "xor esi, esi",
                "xor edi, edi",
                "xor r8d, r8d",
                "xor r9d, r9d",
                "xor r10d, r10d",
                "xor r11d, r11d",
                clobber_abi("sysv64"),
                options(nostack)
            );
        }
        super::Coverage::All
    }
}

#[cfg(target_arch = "aarch64")]
mod imp {
    use core::arch::asm;

    #[inline(always)]
    pub(super) fn scrub() -> super::Coverage {
        // Writing a v register clears the scalable register above it too.
        // SAFETY: the block declares what it destroys; the compiler preserves the low halves of v8–v15 for its caller.
        unsafe {
            asm!(
                "movi v0.2d, #0",
                "movi v1.2d, #0",
                "movi v2.2d, #0",
                "movi v3.2d, #0",
                "movi v4.2d, #0",
                "movi v5.2d, #0",
                "movi v6.2d, #0",
                "movi v7.2d, #0",
                "movi v8.2d, #0",
                "movi v9.2d, #0",
                "movi v10.2d, #0",
                "movi v11.2d, #0",
                "movi v12.2d, #0",
                "movi v13.2d, #0",
                "movi v14.2d, #0",
                "movi v15.2d, #0",
                "movi v16.2d, #0",
                "movi v17.2d, #0",
                "movi v18.2d, #0",
                "movi v19.2d, #0",
                "movi v20.2d, #0",
                "movi v21.2d, #0",
                "movi v22.2d, #0",
                "movi v23.2d, #0",
                "movi v24.2d, #0",
                "movi v25.2d, #0",
                "movi v26.2d, #0",
                "movi v27.2d, #0",
                "movi v28.2d, #0",
                "movi v29.2d, #0",
                "movi v30.2d, #0",
                "movi v31.2d, #0",
                "mov x0, xzr",
                "mov x1, xzr",
                "mov x2, xzr",
                "mov x3, xzr",
                "mov x4, xzr",
                "mov x5, xzr",
                "mov x6, xzr",
                "mov x7, xzr",
                "mov x8, xzr",
                "mov x9, xzr",
                "mov x10, xzr",
                "mov x11, xzr",
                "mov x12, xzr",
                "mov x13, xzr",
                "mov x14, xzr",
                "mov x15, xzr",
                "mov x16, xzr",
                "mov x17, xzr",
                clobber_abi("C"),
                options(nostack)
            );
        }
        super::Coverage::All
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod imp {
    #[inline(always)]
    pub(super) fn scrub() -> super::Coverage {
        super::Coverage::None
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use core::arch::asm;

    #[test]
    fn vector_and_mmx_registers_read_as_zero_afterwards() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let (mut xmm, mut mmx) = ([0u8; 16], u64::MAX);
        // SAFETY: loads two registers that are declared as destroyed.
        unsafe {
            asm!("movups xmm13, [{0}]", "movq mm3, [{0}]", in(reg) [0x77u8; 16].as_ptr(), clobber_abi("sysv64"));
        }
        let _ = scrub_registers();
        // SAFETY: stores two registers into places of their size.
        unsafe {
            asm!("movups [{0}], xmm13", "movq [{1}], mm3", "emms", in(reg) xmm.as_mut_ptr(), in(reg) &raw mut mmx,
                clobber_abi("sysv64"));
        }
        assert_eq!(xmm, [0; 16]);
        assert_eq!(mmx, 0);
    }
}
