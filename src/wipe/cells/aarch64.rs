//! Cells by pairs of 16 bytes (NEON).
//!
//! AArch64 treats an aligned access of a vector register as accesses of 8 bytes, each single-copy atomic (Arm ARM, B2.2.1), so that each
//! stands for relaxed atomic accesses of its 32-bit words. Being in assembly, none is a data race for the compiler. No key stays in a
//! register.

use core::arch::asm;
use core::sync::atomic::AtomicU32;

/// A walk over cells: `x0` is the cell, `x1` how many are left, `x2` the result; `v3` keeps what was loaded.
macro_rules! walk {
    ($(#[$documentation:meta])* $name:ident, [$($store:literal)?]) => {
        $(#[$documentation])*
        pub(super) unsafe fn $name(start: *mut AtomicU32, cells: usize) -> u64 {
            let mut counted = 0u64;
            if cells > 0 {
                // SAFETY: every access is aligned and inside the range, hence relaxed atomic ones of whole words (see above), which
                // the caller allows. Every register that changes is declared.
                unsafe {
                    asm!(
                        "2:",
                        "ldp q0, q1, [x0]",
                        $("stp xzr, xzr, [x0]", $store,)?
                        "orr v0.16b, v0.16b, v1.16b",
                        "umaxv s0, v0.4s",
                        "fmov w3, s0",
                        "cmp w3, #0",
                        "cinc x2, x2, ne",
                        "add x0, x0, #32",
                        "subs x1, x1, #1",
                        "b.ne 2b",
                        "movi v0.2d, #0",
                        "movi v1.2d, #0",
                        "mov x3, xzr",
                        inout("x0") start => _,
                        inout("x1") cells => _,
                        inout("x2") counted,
                        out("x3") _,
                        out("v0") _,
                        out("v1") _,
                        options(nostack)
                    );
                }
            }
            counted
        }
    };
}

walk!(
    /// Overwrites cells; how many held something before.
    ///
    /// # Safety
    /// As for [`super::wipe_cells`].
    clear,
    ["stp xzr, xzr, [x0, #16]"]
);
walk!(
    /// How many cells are not all zeros.
    ///
    /// # Safety
    /// As for [`super::wipe_cells`]; nothing is written.
    count,
    []
);
