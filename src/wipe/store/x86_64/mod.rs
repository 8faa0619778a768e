//! The stores and the read-back for x86-64, in assembly from the first instruction to the last: the compiler can leave nothing out,
//! merge nothing and assume nothing about what memory holds. What is shipped is checked instruction by instruction
//! (`cargo xtask step disassembly`), so that a change here must stay within the instructions that the check knows.
//!
//! Each function stores zeros in every byte, loads every byte afterwards and gives 0 when all of them were zero. The order of large
//! ranges:
//!
//! ```text
//! stores  │ h │ block │ block │ block │ … │ block │ block │ tail │
//! loads         LAG bytes behind  ▲ … ▲             then the rest, the tail and h
//! ```
//!
//! [`LAG`] is long enough for the stores to have left the store buffer for the cache, and short enough for that cache to be the
//! nearest. A load that is 4096 bytes behind a store waits for it in vain on most processors, so that it must stay clear of that.

mod look;

use core::arch::naked_asm;

use crate::wipe::processor::{Vectors, wiping};

pub(super) use look::leading_zeros;
#[cfg(test)]
pub(super) use look::{leading_zeros_by_sixteen, zero_blocks_sse2};

/// How far the loads follow behind the stores, in bytes: a multiple of every path's block, and less than 4096 less a block.
const LAG: usize = 3584;
/// How far ahead lines are fetched for writing, in bytes: what lies in memory alone is otherwise fetched by stores, a few at once.
const AHEAD: usize = 10240;

/// The stores and the read-back on this processor: 0 when every byte was zero.
///
/// # Safety
/// `start..start + length` is valid for reading and writing, and nobody else accesses it.
#[inline(never)]
pub(super) unsafe fn zero_and_check(start: *mut u8, length: usize, #[cfg(shokyo_faults)] plant: *mut u8) -> u64 {
    macro_rules! by {
        ($path:ident) => {
            // SAFETY: the range is as the caller promises and as long as this path needs; the processor has its registers.
            unsafe {
                $path(
                    start,
                    length,
                    #[cfg(shokyo_faults)]
                    plant,
                )
            }
        };
    }
    match (length, wiping()) {
        (0, _) => 0,
        (1..16, _) => by!(wipe_tiny),
        (16..32, _) | (_, Vectors::Sse2) => by!(wipe_sse2),
        (32..64, _) | (_, Vectors::Avx) => by!(wipe_avx),
        (_, Vectors::Avx512) => by!(wipe_avx512),
    }
}

/// Between the stores and the loads: nothing as shipped. With faults compiled in, the byte that a caller names (one outside of the
/// range when none shall stay) gets a value, so that the very loads of the read-back have to find it.
#[cfg(not(shokyo_faults))]
macro_rules! plant {
    (prepare) => {
        ""
    };
    () => {
        ""
    };
    (word) => {
        ""
    };
}
#[cfg(shokyo_faults)]
macro_rules! plant {
    (prepare) => {
        "mov r9, rdx"
    };
    () => {
        "mov byte ptr [r9], 0xA5"
    };
    (word) => {
        "mov byte ptr [rsi], 0xA5"
    };
}

/// A path for ranges of at least one vector (`v` bytes; a block is four). `rdi` is the start and `r8` the end of the range; `rdx` the
/// next block to store, `r10` the next to load, `rcx` the last place where a block fits.
macro_rules! path {
    (
        $(#[$documentation:meta])*
        $name:ident, vector: $v:literal, prepare: [$($prepare:literal),+], prefetch: [$($line:literal),+],
        store: $s:literal $s_end:literal, check: ($a:literal $a_end:literal, $b:literal $b_end:literal), judge: [$($judge:literal),+]
    ) => {
        $(#[$documentation])*
        ///
        /// # Safety
        /// `start..start + length` is valid for reading and writing, nobody else accesses it, and it is at least one vector long. The
        /// processor and the operating system have these registers.
        #[unsafe(naked)]
        pub(super) unsafe extern "sysv64" fn $name(
            start: *mut u8,
            length: usize,
            #[cfg(shokyo_faults)] plant: *mut u8,
        ) -> u64 {
            naked_asm!(
                plant!(prepare),
                "lea r8, [rdi + rsi]",
                $($prepare,)+
                // Up to two, four and eight vectors: one half from the start and one up to the end, which may overlap.
                "cmp rsi, {v} * 2",
                "ja 3f",
                concat!($s, "rdi", $s_end),
                concat!($s, "r8 - {v}", $s_end),
                plant!(),
                concat!($a, "rdi", $a_end),
                concat!($b, "r8 - {v}", $b_end),
                "jmp 9f",
                "3:",
                "cmp rsi, {v} * 4",
                "ja 4f",
                concat!($s, "rdi", $s_end),
                concat!($s, "rdi + {v}", $s_end),
                concat!($s, "r8 - {v} * 2", $s_end),
                concat!($s, "r8 - {v}", $s_end),
                plant!(),
                concat!($a, "rdi", $a_end),
                concat!($b, "rdi + {v}", $b_end),
                concat!($a, "r8 - {v} * 2", $a_end),
                concat!($b, "r8 - {v}", $b_end),
                "jmp 9f",
                "4:",
                "cmp rsi, {v} * 8",
                "ja 5f",
                concat!($s, "rdi", $s_end),
                concat!($s, "rdi + {v}", $s_end),
                concat!($s, "rdi + {v} * 2", $s_end),
                concat!($s, "rdi + {v} * 3", $s_end),
                concat!($s, "r8 - {v} * 4", $s_end),
                concat!($s, "r8 - {v} * 3", $s_end),
                concat!($s, "r8 - {v} * 2", $s_end),
                concat!($s, "r8 - {v}", $s_end),
                plant!(),
                concat!($a, "rdi", $a_end),
                concat!($b, "rdi + {v}", $b_end),
                concat!($a, "rdi + {v} * 2", $a_end),
                concat!($b, "rdi + {v} * 3", $b_end),
                concat!($a, "r8 - {v} * 4", $a_end),
                concat!($b, "r8 - {v} * 3", $b_end),
                concat!($a, "r8 - {v} * 2", $a_end),
                concat!($b, "r8 - {v}", $b_end),
                "jmp 9f",
                // Longer: blocks from the first aligned place on.
                "5:",
                concat!($s, "rdi", $s_end),
                "lea rdx, [rdi + {v}]",
                "and rdx, -{v}",
                "mov r10, rdx",
                "lea rcx, [r8 - {v} * 4]",
                "lea r11, [rdx + {lag}]",
                "2:",
                concat!($s, "rdx", $s_end),
                concat!($s, "rdx + {v}", $s_end),
                concat!($s, "rdx + {v} * 2", $s_end),
                concat!($s, "rdx + {v} * 3", $s_end),
                "add rdx, {v} * 4",
                "cmp rdx, rcx",
                "ja 7f",
                "cmp rdx, r11",
                "jb 2b",
                // Store one, load one, and fetch what is still to come, inside the range.
                "mov r11, rcx",
                "sub r11, {ahead}",
                "jb 6f",
                "cmp rdx, r11",
                "ja 6f",
                "8:",
                $(concat!("prefetchw [rdx + {ahead} + ", $line, "]"),)+
                concat!($s, "rdx", $s_end),
                concat!($s, "rdx + {v}", $s_end),
                concat!($s, "rdx + {v} * 2", $s_end),
                concat!($s, "rdx + {v} * 3", $s_end),
                plant!(),
                concat!($a, "r10", $a_end),
                concat!($b, "r10 + {v}", $b_end),
                concat!($a, "r10 + {v} * 2", $a_end),
                concat!($b, "r10 + {v} * 3", $b_end),
                "add rdx, {v} * 4",
                "add r10, {v} * 4",
                "cmp rdx, r11",
                "jbe 8b",
                "6:",
                "cmp rdx, rcx",
                "ja 7f",
                concat!($s, "rdx", $s_end),
                concat!($s, "rdx + {v}", $s_end),
                concat!($s, "rdx + {v} * 2", $s_end),
                concat!($s, "rdx + {v} * 3", $s_end),
                plant!(),
                concat!($a, "r10", $a_end),
                concat!($b, "r10 + {v}", $b_end),
                concat!($a, "r10 + {v} * 2", $a_end),
                concat!($b, "r10 + {v} * 3", $b_end),
                "add rdx, {v} * 4",
                "add r10, {v} * 4",
                "jmp 6b",
                // The rest is shorter than a block: the last block ends with the range.
                "7:",
                concat!($s, "r8 - {v} * 4", $s_end),
                concat!($s, "r8 - {v} * 3", $s_end),
                concat!($s, "r8 - {v} * 2", $s_end),
                concat!($s, "r8 - {v}", $s_end),
                plant!(),
                "22:",
                concat!($a, "r10", $a_end),
                concat!($b, "r10 + {v}", $b_end),
                concat!($a, "r10 + {v} * 2", $a_end),
                concat!($b, "r10 + {v} * 3", $b_end),
                "add r10, {v} * 4",
                "cmp r10, rdx",
                "jb 22b",
                concat!($a, "r8 - {v} * 4", $a_end),
                concat!($b, "r8 - {v} * 3", $b_end),
                concat!($a, "r8 - {v} * 2", $a_end),
                concat!($b, "r8 - {v}", $b_end),
                concat!($a, "rdi", $a_end),
                "9:",
                $($judge,)+
                "ret",
                v = const $v,
                lag = const LAG,
                ahead = const AHEAD,
            )
        }
    };
}

path! {
    /// 64 bytes at a time (AVX-512F). Registers 16 and up need no `vzeroupper`.
    wipe_avx512,
    vector: 64,
    prepare: ["vpxord zmm16, zmm16, zmm16", "vpxord zmm17, zmm17, zmm17", "vpxord zmm18, zmm18, zmm18"],
    prefetch: ["0", "64", "128", "192"],
    store: "vmovdqu64 [" "], zmm16",
    check: ("vporq zmm17, zmm17, [" "]", "vporq zmm18, zmm18, [" "]"),
    judge: [
        "vporq zmm17, zmm17, zmm18",
        "xor eax, eax",
        "vptestmq k1, zmm17, zmm17",
        "kortestw k1, k1",
        "setnz al",
        "kxorw k1, k1, k1",
        "vpxord zmm17, zmm17, zmm17",
        "vpxord zmm18, zmm18, zmm18"
    ]
}

path! {
    /// 32 bytes at a time (AVX).
    wipe_avx,
    vector: 32,
    prepare: ["vxorps xmm0, xmm0, xmm0", "vxorps xmm1, xmm1, xmm1", "vxorps xmm2, xmm2, xmm2"],
    prefetch: ["0", "64"],
    store: "vmovups [" "], ymm0",
    check: ("vorps ymm1, ymm1, [" "]", "vorps ymm2, ymm2, [" "]"),
    judge: [
        "vorps ymm1, ymm1, ymm2",
        "xor eax, eax",
        "vptest ymm1, ymm1",
        "setnz al",
        "vxorps xmm1, xmm1, xmm1",
        "vxorps xmm2, xmm2, xmm2",
        "vzeroupper"
    ]
}

path! {
    /// 16 bytes at a time: what every x86-64 has.
    wipe_sse2,
    vector: 16,
    prepare: ["pxor xmm0, xmm0", "pxor xmm1, xmm1", "pxor xmm2, xmm2"],
    prefetch: ["0"],
    store: "movups [" "], xmm0",
    check: ("movups xmm3, [" "]\npor xmm1, xmm3", "movups xmm4, [" "]\npor xmm2, xmm4"),
    judge: [
        "por xmm1, xmm2",
        "pcmpeqb xmm1, xmm0",
        "pmovmskb eax, xmm1",
        "xor eax, 0xffff",
        "pxor xmm1, xmm1",
        "pxor xmm2, xmm2",
        "pxor xmm3, xmm3",
        "pxor xmm4, xmm4"
    ]
}

/// One to fifteen bytes: two overlapping stores of eight, four, two or one.
///
/// # Safety
/// `start..start + length` is valid for reading and writing, nobody else accesses it, and `length` is 1 to 15.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn wipe_tiny(
    start: *mut u8,
    length: usize,
    #[cfg(shokyo_faults)] plant: *mut u8,
) -> u64 {
    naked_asm!(
        plant!(prepare),
        "lea r8, [rdi + rsi]",
        "xor eax, eax",
        "cmp rsi, 8",
        "jb 3f",
        "mov [rdi], rax",
        "mov [r8 - 8], rax",
        plant!(),
        "or rax, [rdi]",
        "or rax, [r8 - 8]",
        "jmp 9f",
        "3:",
        "cmp rsi, 4",
        "jb 4f",
        "mov [rdi], eax",
        "mov [r8 - 4], eax",
        plant!(),
        "or eax, [rdi]",
        "or eax, [r8 - 4]",
        "jmp 9f",
        "4:",
        "cmp rsi, 2",
        "jb 5f",
        "mov [rdi], ax",
        "mov [r8 - 2], ax",
        plant!(),
        "or ax, [rdi]",
        "or ax, [r8 - 2]",
        "jmp 9f",
        "5:",
        "mov [rdi], al",
        plant!(),
        "or al, [rdi]",
        // What stayed goes no further than this: the answer is 0 or 1.
        "9:",
        "cmp rax, 1",
        "sbb rax, rax",
        "add rax, 1",
        "ret",
    )
}

/// Eight words that others may access atomically at the same time: aligned accesses of 32 bits stand for relaxed atomic ones, and
/// the fence between for a sequentially consistent one. 0 when every word was zero.
///
/// # Safety
/// `words` points to eight words that are valid for reading and writing and that others access only atomically.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn wipe_words(words: *mut u32, #[cfg(shokyo_faults)] plant: *mut u8) -> u64 {
    naked_asm!(
        "xor eax, eax",
        "mov [rdi], eax",
        "mov [rdi + 4], eax",
        "mov [rdi + 8], eax",
        "mov [rdi + 12], eax",
        "mov [rdi + 16], eax",
        "mov [rdi + 20], eax",
        "mov [rdi + 24], eax",
        "mov [rdi + 28], eax",
        plant!(word),
        "mfence",
        "or eax, [rdi]",
        "or eax, [rdi + 4]",
        "or eax, [rdi + 8]",
        "or eax, [rdi + 12]",
        "or eax, [rdi + 16]",
        "or eax, [rdi + 20]",
        "or eax, [rdi + 24]",
        "or eax, [rdi + 28]",
        "cmp rax, 1",
        "sbb rax, rax",
        "add rax, 1",
        "ret",
    )
}
