//! Looking for the first byte that is not zero, as deep as a stack was used: 128 bytes a step, then sixteen. What was loaded stays in
//! no register.

use core::arch::asm;

use crate::wipe::processor::{Vectors, wiping};

/// How many bytes at the start of the range are zero.
///
/// # Safety
/// `start..start + length` is valid for reading, and nobody writes it.
#[inline]
pub(in crate::wipe::store) unsafe fn leading_zeros(start: *const u8, length: usize) -> usize {
    // SAFETY: whole blocks of the range, which is as the caller promises; AVX is used only where it is there.
    let blocks = unsafe {
        match length / BLOCK {
            0 => 0,
            blocks if wiping() >= Vectors::Avx => zero_blocks_avx(start, blocks),
            blocks => zero_blocks_sse2(start, blocks),
        }
    };
    // SAFETY: the first blocks lie in the range, and so does what is after them.
    unsafe { blocks * BLOCK + leading_zeros_by_sixteen(start.add(blocks * BLOCK), length - blocks * BLOCK) }
}

/// Bytes that are looked at in one step.
const BLOCK: usize = 128;

/// Defines a function that counts the blocks of 128 bytes before the first that is not all zeros. `rdi` is the block, `rcx` how many
/// are left. It gives what was loaded no way out.
macro_rules! zero_blocks {
    ($name:ident, [$($prepare:literal),+], [$($load:literal),+], $differs:literal, [$($clear:literal),+]) => {
        /// # Safety
        /// `blocks * 128` bytes from `start` on are valid for reading, and nobody writes them; `blocks` is not 0. The processor and the
        /// operating system have the registers that the name says.
        pub(in crate::wipe::store) unsafe fn $name(start: *const u8, blocks: usize) -> usize {
            let left: usize;
            // SAFETY: loads from the given blocks alone; every register that changes is declared.
            unsafe {
                asm!(
                    $($prepare,)+
                    "2:",
                    $($load,)+
                    concat!($differs, " 3f"),
                    "add rdi, 128",
                    "dec rcx",
                    "jnz 2b",
                    "3:",
                    $($clear,)+
                    inout("rdi") start => _,
                    inout("rcx") blocks => left,
                    clobber_abi("sysv64"),
                    options(nostack)
                );
            }
            blocks - left
        }
    };
}

zero_blocks!(
    zero_blocks_avx,
    ["vxorps xmm0, xmm0, xmm0"],
    [
        "vmovups ymm1, [rdi]",
        "vmovups ymm2, [rdi + 32]",
        "vorps ymm1, ymm1, [rdi + 64]",
        "vorps ymm2, ymm2, [rdi + 96]",
        "vorps ymm1, ymm1, ymm2",
        "vptest ymm1, ymm1"
    ],
    "jnz",
    ["vxorps xmm1, xmm1, xmm1", "vxorps xmm2, xmm2, xmm2", "vzeroupper"]
);
zero_blocks!(
    zero_blocks_sse2,
    ["pxor xmm0, xmm0"],
    [
        "movups xmm1, [rdi]",
        "movups xmm2, [rdi + 16]",
        "por xmm1, xmm2",
        "movups xmm2, [rdi + 32]",
        "por xmm1, xmm2",
        "movups xmm2, [rdi + 48]",
        "por xmm1, xmm2",
        "movups xmm2, [rdi + 64]",
        "por xmm1, xmm2",
        "movups xmm2, [rdi + 80]",
        "por xmm1, xmm2",
        "movups xmm2, [rdi + 96]",
        "por xmm1, xmm2",
        "movups xmm2, [rdi + 112]",
        "por xmm1, xmm2",
        "pcmpeqb xmm1, xmm0",
        "pmovmskb eax, xmm1",
        "cmp eax, 0xffff"
    ],
    "jne",
    ["pxor xmm1, xmm1", "pxor xmm2, xmm2"]
);

/// Like [`leading_zeros`], for the last steps: sixteen bytes at a time, then one.
///
/// # Safety
/// As for [`leading_zeros`].
pub(in crate::wipe::store) unsafe fn leading_zeros_by_sixteen(start: *const u8, length: usize) -> usize {
    let mut index = 0;
    while length - index >= 16 {
        let zero: u32;
        // SAFETY: sixteen bytes from here lie in the range; the register that held them is cleared.
        unsafe {
            asm!(
                "pxor {zeros}, {zeros}",
                "movups {bytes}, [{place}]",
                "pcmpeqb {bytes}, {zeros}",
                "pmovmskb {zero:e}, {bytes}",
                zeros = out(xmm_reg) _,
                bytes = out(xmm_reg) _,
                place = in(reg) start.add(index),
                zero = out(reg) zero,
                options(nostack, readonly)
            );
        }
        if zero != 0xffff {
            return index + zero.trailing_ones() as usize;
        }
        index += 16;
    }
    // SAFETY: the index lies in the range.
    while index < length && unsafe { start.add(index).read_volatile() } == 0 {
        index += 1;
    }
    index
}
