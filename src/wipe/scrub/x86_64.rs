//! Registers and dead stack of x86-64.
//!
//! Not cleared, and why: rbx, rbp and r12–r15 hold the caller's values again when an operation returns; the flags, MXCSR, the x87
//! control words and its last instruction's addresses hold no data. AMX's tiles and APX's r16–r31 are cleared by nobody, because no
//! code that handles secrets here uses them, nor may a process use tiles before it asks the system for them.

use core::arch::{asm, naked_asm};

use super::Coverage;
use crate::wipe::processor::{Vectors, vectors};

#[inline(always)]
pub(super) fn scrub() -> Coverage {
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
    Coverage::All
}

/// Overwrites at least `bytes` bytes below the caller's frame, from above to below, so that no page of the stack is skipped. Nothing
/// of what is there is left out: not even the gaps that a compiler leaves between the variables of a frame.
///
/// # Safety
/// The stack has that room.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn scrub_stack(bytes: usize) {
    // The stack pointer is moved before each store, so that a signal cannot come in between.
    naked_asm!(
        "mov rax, rsp",
        "xorps xmm0, xmm0",
        "2:",
        "sub rsp, 64",
        "movups [rsp + 48], xmm0",
        "movups [rsp + 32], xmm0",
        "movups [rsp + 16], xmm0",
        "movups [rsp], xmm0",
        "sub rdi, 64",
        "ja 2b",
        "mov rsp, rax",
        "ret",
    )
}
