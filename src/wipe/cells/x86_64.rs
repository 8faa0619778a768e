//! Cells by vectors of 32 bytes (AVX) or 16 (SSE2).
//!
//! x86-64 carries out an aligned vector access in pieces that are never smaller than an aligned 8 bytes, so that each stands for
//! relaxed atomic accesses of its 32-bit words. Being in assembly, none is a data race for the compiler. No key stays in a register.

use core::arch::naked_asm;
use core::sync::atomic::AtomicU32;

use crate::wipe::processor::{Vectors, wiping};

/// Overwrites cells; how many held something before.
///
/// # Safety
/// As for [`super::wipe_cells`].
#[inline]
pub(super) unsafe fn clear(start: *mut AtomicU32, cells: usize) -> u64 {
    // SAFETY: passed on to the caller; AVX is used only where it is there.
    unsafe { if wiping() >= Vectors::Avx { clear_avx(start, cells) } else { clear_sse2(start, cells) } }
}

/// How many cells are not all zeros.
///
/// # Safety
/// As for [`super::wipe_cells`]; nothing is written.
#[inline]
pub(super) unsafe fn count(start: *mut AtomicU32, cells: usize) -> u64 {
    // SAFETY: passed on to the caller; AVX is used only where it is there.
    unsafe { if wiping() >= Vectors::Avx { count_avx(start, cells) } else { count_sse2(start, cells) } }
}

/// Defines a walk over cells: `rdi` is the cell, `rsi` how many are left, `rax` the result, and vector register 0 holds zeros.
/// What is shipped is checked instruction by instruction (`cargo xtask step disassembly`).
macro_rules! walk {
    ($name:ident, $zero:literal, [$($each:literal),+], $last:literal) => {
        /// # Safety
        /// As for [`super::wipe_cells`]; the vector registers that the name says may be used.
        #[unsafe(naked)]
        pub(super) unsafe extern "sysv64" fn $name(start: *mut AtomicU32, cells: usize) -> u64 {
            // Every access is aligned and inside the range, hence relaxed atomic ones of whole words (see above).
            naked_asm!(
                "xor eax, eax",
                "test rsi, rsi",
                "je 3f",
                $zero,
                "2:",
                $($each,)+
                "add rdi, 32",
                "dec rsi",
                "jnz 2b",
                $last,
                "3:",
                "ret",
            )
        }
    };
}

// The test carries when all is zero: nothing is loaded into a register.
walk!(clear_avx, "vxorps xmm0, xmm0, xmm0", ["vptest ymm0, [rdi]", "vmovaps [rdi], ymm0", "sbb rax, -1"], "vzeroupper");
walk!(count_avx, "vxorps xmm0, xmm0, xmm0", ["vptest ymm0, [rdi]", "sbb rax, -1"], "vzeroupper");
// The mask is 0xffff when all is zero, and below that otherwise.
walk!(
    clear_sse2,
    "pxor xmm0, xmm0",
    [
        "movaps xmm1, [rdi]",
        "por xmm1, [rdi + 16]",
        "movaps [rdi], xmm0",
        "movaps [rdi + 16], xmm0",
        "pcmpeqb xmm1, xmm0",
        "pmovmskb edx, xmm1",
        "cmp edx, 0xffff",
        "adc rax, 0"
    ],
    "pxor xmm1, xmm1"
);
walk!(
    count_sse2,
    "pxor xmm0, xmm0",
    [
        "movaps xmm1, [rdi]",
        "por xmm1, [rdi + 16]",
        "pcmpeqb xmm1, xmm0",
        "pmovmskb edx, xmm1",
        "cmp edx, 0xffff",
        "adc rax, 0"
    ],
    "pxor xmm1, xmm1"
);
