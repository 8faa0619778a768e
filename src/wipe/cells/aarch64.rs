//! Cells by pairs of 16 bytes (NEON).
//!
//! AArch64 carries out an aligned access of a vector register as accesses of 8 bytes, each single-copy atomic (Arm ARM, B2.2.1), so that
//! each stands for relaxed atomic accesses of its 32-bit words. Being in assembly, none is a data race for the compiler. No key stays in
//! a register.

use core::arch::naked_asm;
use core::sync::atomic::AtomicU32;

/// Defines a walk over cells: `x8` is the cell, `x1` how many are left, `x0` the result.
macro_rules! walk {
    ($(#[$documentation:meta])* $name:ident, $store:literal) => {
        $(#[$documentation])*
        #[unsafe(naked)]
        pub(super) unsafe extern "C" fn $name(start: *mut AtomicU32, cells: usize) -> u64 {
            // Every access is aligned and inside the range, hence relaxed atomic ones of whole words (see above).
            naked_asm!(
                "mov x8, x0",
                "mov x0, xzr",
                "movi v2.2d, #0",
                "cbz x1, 3f",
                "2:",
                "ldp q0, q1, [x8]",
                $store,
                "orr v0.16b, v0.16b, v1.16b",
                "umaxv s0, v0.4s",
                "fmov w9, s0",
                "cmp w9, #0",
                "cinc x0, x0, ne",
                "add x8, x8, #32",
                "subs x1, x1, #1",
                "b.ne 2b",
                "movi v0.2d, #0",
                "movi v1.2d, #0",
                "mov x9, xzr",
                "3:",
                "ret",
            )
        }
    };
}

walk!(
    /// Overwrites cells; how many held something before.
    ///
    /// # Safety
    /// As for [`super::wipe_cells`].
    clear,
    "stp q2, q2, [x8]"
);
walk!(
    /// How many cells are not all zeros.
    ///
    /// # Safety
    /// As for [`super::wipe_cells`]; nothing is written.
    count,
    ""
);
