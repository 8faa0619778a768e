//! The stores and the read-back for AArch64, in assembly from the first instruction to the last, in the order that the file for x86-64
//! draws: loads follow [`LAG`] bytes behind the stores, and lines are fetched for writing [`AHEAD`] of them.

use core::arch::naked_asm;

/// How far the loads follow behind the stores, in bytes: a multiple of a block, and less than 4096 less a block.
const LAG: usize = 3584;
/// How far ahead lines are fetched for writing, in bytes.
const AHEAD: usize = 10240;
/// Bytes that [`leading_zeros`] looks at in one step.
const BLOCK: usize = 128;

/// The stores and the read-back on this processor: 0 when every byte was zero.
///
/// # Safety
/// `start..start + length` is valid for reading and writing, and nobody else accesses it.
#[inline(never)]
pub(super) unsafe fn zero_and_check(start: *mut u8, length: usize, #[cfg(shokyo_faults)] plant: *mut u8) -> u64 {
    macro_rules! by {
        ($path:ident) => {
            // SAFETY: the range is as the caller promises and as long as this path needs.
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
    match length {
        0 => 0,
        1..16 => by!(wipe_tiny),
        _ => by!(wipe_neon),
    }
}

/// Between the stores and the loads: nothing as shipped. With faults compiled in, the byte that a caller names (one outside of the
/// range when none shall stay) gets a value, so that the very loads of the read-back have to find it.
#[cfg(not(shokyo_faults))]
macro_rules! plant {
    (prepare) => {
        ""
    };
    (prepare word) => {
        ""
    };
    () => {
        ""
    };
}
#[cfg(shokyo_faults)]
macro_rules! plant {
    (prepare) => {
        "mov x14, x2\nmov w13, #0xA5"
    };
    (prepare word) => {
        "mov x14, x1\nmov w13, #0xA5"
    };
    () => {
        "strb w13, [x14]"
    };
}

/// Stores zeros in 32 bytes.
macro_rules! store {
    ($place:literal) => {
        concat!("stp q0, q0, ", $place)
    };
}

/// Loads 32 bytes and remembers whether any was not zero.
macro_rules! check {
    ($place:literal) => {
        concat!("ldp q3, q4, ", $place, "\norr v1.16b, v1.16b, v3.16b\norr v2.16b, v2.16b, v4.16b")
    };
}

/// At least sixteen bytes, 32 at a time (NEON). `x0` is the start and `x8` the end of the range; `x9` the next block of 128 bytes to
/// store, `x10` the next to load, `x11` the last place where a block fits.
///
/// # Safety
/// `start..start + length` is valid for reading and writing, nobody else accesses it, and it is at least sixteen bytes long.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn wipe_neon(start: *mut u8, length: usize, #[cfg(shokyo_faults)] plant: *mut u8) -> u64 {
    naked_asm!(
        plant!(prepare),
        "add x8, x0, x1",
        "movi v0.2d, #0",
        "movi v1.2d, #0",
        "movi v2.2d, #0",
        // Up to 32, 64, 128 and 256 bytes: one half from the start and one up to the end, which may overlap.
        "cmp x1, #32",
        "b.hi 3f",
        "str q0, [x0]",
        "stur q0, [x8, #-16]",
        plant!(),
        "ldr q3, [x0]",
        "ldur q4, [x8, #-16]",
        "orr v1.16b, v1.16b, v3.16b",
        "orr v2.16b, v2.16b, v4.16b",
        "b 9f",
        "3:",
        "cmp x1, #64",
        "b.hi 4f",
        store!("[x0]"),
        store!("[x8, #-32]"),
        plant!(),
        check!("[x0]"),
        check!("[x8, #-32]"),
        "b 9f",
        "4:",
        "cmp x1, #128",
        "b.hi 5f",
        store!("[x0]"),
        store!("[x0, #32]"),
        store!("[x8, #-64]"),
        store!("[x8, #-32]"),
        plant!(),
        check!("[x0]"),
        check!("[x0, #32]"),
        check!("[x8, #-64]"),
        check!("[x8, #-32]"),
        "b 9f",
        "5:",
        "cmp x1, #256",
        "b.hi 6f",
        store!("[x0]"),
        store!("[x0, #32]"),
        store!("[x0, #64]"),
        store!("[x0, #96]"),
        store!("[x8, #-128]"),
        store!("[x8, #-96]"),
        store!("[x8, #-64]"),
        store!("[x8, #-32]"),
        plant!(),
        check!("[x0]"),
        check!("[x0, #32]"),
        check!("[x0, #64]"),
        check!("[x0, #96]"),
        check!("[x8, #-128]"),
        check!("[x8, #-96]"),
        check!("[x8, #-64]"),
        check!("[x8, #-32]"),
        "b 9f",
        // Longer: blocks from the first aligned place on.
        "6:",
        store!("[x0]"),
        "add x9, x0, #32",
        "and x9, x9, #0xffffffffffffffe0",
        "mov x10, x9",
        "sub x11, x8, #128",
        "add x12, x9, #{lag}",
        "2:",
        store!("[x9]"),
        store!("[x9, #32]"),
        store!("[x9, #64]"),
        store!("[x9, #96]"),
        "add x9, x9, #128",
        "cmp x9, x11",
        "b.hi 7f",
        "cmp x9, x12",
        "b.lo 2b",
        // Store one, load one, and fetch what is still to come, inside the range.
        "mov x12, #{ahead}",
        "subs x12, x11, x12",
        "b.lo 22f",
        "cmp x9, x12",
        "b.hi 22f",
        "8:",
        "prfm pstl1keep, [x9, #{ahead}]",
        "prfm pstl1keep, [x9, #{ahead} + 64]",
        store!("[x9]"),
        store!("[x9, #32]"),
        store!("[x9, #64]"),
        store!("[x9, #96]"),
        plant!(),
        check!("[x10]"),
        check!("[x10, #32]"),
        check!("[x10, #64]"),
        check!("[x10, #96]"),
        "add x9, x9, #128",
        "add x10, x10, #128",
        "cmp x9, x12",
        "b.ls 8b",
        "22:",
        "cmp x9, x11",
        "b.hi 7f",
        store!("[x9]"),
        store!("[x9, #32]"),
        store!("[x9, #64]"),
        store!("[x9, #96]"),
        plant!(),
        check!("[x10]"),
        check!("[x10, #32]"),
        check!("[x10, #64]"),
        check!("[x10, #96]"),
        "add x9, x9, #128",
        "add x10, x10, #128",
        "b 22b",
        // The rest is shorter than a block: the last block ends with the range.
        "7:",
        store!("[x8, #-128]"),
        store!("[x8, #-96]"),
        store!("[x8, #-64]"),
        store!("[x8, #-32]"),
        plant!(),
        "23:",
        check!("[x10]"),
        check!("[x10, #32]"),
        check!("[x10, #64]"),
        check!("[x10, #96]"),
        "add x10, x10, #128",
        "cmp x10, x9",
        "b.lo 23b",
        check!("[x8, #-128]"),
        check!("[x8, #-96]"),
        check!("[x8, #-64]"),
        check!("[x8, #-32]"),
        check!("[x0]"),
        // What stayed goes no further than this: the answer is 0 or 1, and the registers are cleared.
        "9:",
        "orr v1.16b, v1.16b, v2.16b",
        "umaxv s1, v1.4s",
        "fmov w0, s1",
        "cmp w0, #0",
        "cset x0, ne",
        "movi v1.2d, #0",
        "movi v2.2d, #0",
        "movi v3.2d, #0",
        "movi v4.2d, #0",
        "ret",
        lag = const LAG,
        ahead = const AHEAD,
    )
}

/// One to fifteen bytes: two overlapping stores of eight, four, two or one.
///
/// # Safety
/// `start..start + length` is valid for reading and writing, nobody else accesses it, and `length` is 1 to 15.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn wipe_tiny(start: *mut u8, length: usize, #[cfg(shokyo_faults)] plant: *mut u8) -> u64 {
    naked_asm!(
        plant!(prepare),
        "add x8, x0, x1",
        "cmp x1, #8",
        "b.lo 3f",
        "str xzr, [x0]",
        "stur xzr, [x8, #-8]",
        plant!(),
        "ldr x9, [x0]",
        "ldur x10, [x8, #-8]",
        "b 9f",
        "3:",
        "cmp x1, #4",
        "b.lo 4f",
        "str wzr, [x0]",
        "stur wzr, [x8, #-4]",
        plant!(),
        "ldr w9, [x0]",
        "ldur w10, [x8, #-4]",
        "b 9f",
        "4:",
        "cmp x1, #2",
        "b.lo 5f",
        "strh wzr, [x0]",
        "sturh wzr, [x8, #-2]",
        plant!(),
        "ldrh w9, [x0]",
        "ldurh w10, [x8, #-2]",
        "b 9f",
        "5:",
        "strb wzr, [x0]",
        plant!(),
        "ldrb w9, [x0]",
        "mov x10, x9",
        "9:",
        "orr x9, x9, x10",
        "cmp x9, #0",
        "cset x0, ne",
        "mov x9, xzr",
        "mov x10, xzr",
        "ret",
    )
}

/// Eight words that others may access atomically at the same time: aligned accesses of 32 bits stand for relaxed atomic ones, and
/// the barrier between for a sequentially consistent fence. 0 when every word was zero.
///
/// # Safety
/// `words` points to eight words that are valid for reading and writing and that others access only atomically.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn wipe_words(words: *mut u32, #[cfg(shokyo_faults)] plant: *mut u8) -> u64 {
    naked_asm!(
        plant!(prepare word),
        "str wzr, [x0]",
        "str wzr, [x0, #4]",
        "str wzr, [x0, #8]",
        "str wzr, [x0, #12]",
        "str wzr, [x0, #16]",
        "str wzr, [x0, #20]",
        "str wzr, [x0, #24]",
        "str wzr, [x0, #28]",
        plant!(),
        "dmb ish",
        "ldr w8, [x0]",
        "ldr w9, [x0, #4]",
        "orr w8, w8, w9",
        "ldr w9, [x0, #8]",
        "orr w8, w8, w9",
        "ldr w9, [x0, #12]",
        "orr w8, w8, w9",
        "ldr w9, [x0, #16]",
        "orr w8, w8, w9",
        "ldr w9, [x0, #20]",
        "orr w8, w8, w9",
        "ldr w9, [x0, #24]",
        "orr w8, w8, w9",
        "ldr w9, [x0, #28]",
        "orr w8, w8, w9",
        "cmp w8, #0",
        "cset x0, ne",
        "mov x8, xzr",
        "mov x9, xzr",
        "ret",
    )
}

/// How many bytes at the start of the range are zero.
///
/// # Safety
/// `start..start + length` is valid for reading, and nobody writes it.
#[inline]
pub(super) unsafe fn leading_zeros(start: *const u8, length: usize) -> usize {
    // SAFETY: whole blocks of the range, which is as the caller promises.
    let mut index = unsafe { zero_blocks(start, length / BLOCK) } * BLOCK;
    // SAFETY: the index lies in the range.
    while index < length && unsafe { start.add(index).read_volatile() } == 0 {
        index += 1;
    }
    index
}

/// How many blocks of 128 bytes there are before the first that is not all zeros. What was loaded stays in no register.
///
/// # Safety
/// `blocks * 128` bytes from `start` on are valid for reading, and nobody writes them.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn zero_blocks(start: *const u8, blocks: usize) -> usize {
    naked_asm!(
        "mov x8, x0",
        "mov x0, xzr",
        "2:",
        "cmp x0, x1",
        "b.hs 3f",
        "ldp q0, q1, [x8]",
        "ldp q2, q3, [x8, #32]",
        "orr v0.16b, v0.16b, v2.16b",
        "orr v1.16b, v1.16b, v3.16b",
        "ldp q2, q3, [x8, #64]",
        "orr v0.16b, v0.16b, v2.16b",
        "orr v1.16b, v1.16b, v3.16b",
        "ldp q2, q3, [x8, #96]",
        "orr v0.16b, v0.16b, v2.16b",
        "orr v1.16b, v1.16b, v3.16b",
        "orr v0.16b, v0.16b, v1.16b",
        "umaxv s0, v0.4s",
        "fmov w9, s0",
        "cbnz w9, 3f",
        "add x8, x8, #128",
        "add x0, x0, #1",
        "b 2b",
        "3:",
        "mov w9, wzr",
        "movi v0.2d, #0",
        "movi v1.2d, #0",
        "movi v2.2d, #0",
        "movi v3.2d, #0",
        "ret",
    )
}
