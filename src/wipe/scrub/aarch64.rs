//! Registers and dead stack of AArch64.
//!
//! Not cleared, and why: x19–x28 and the low halves of v8–v15 hold the caller's values again when an operation returns, x18 belongs to
//! the platform, x29 and x30 to the call. The predicates of SVE hold masks; SME's ZA is cleared by nobody, because no code that handles
//! secrets here uses it.

use core::arch::{asm, naked_asm};

use super::Coverage;

#[inline(always)]
pub(super) fn scrub() -> Coverage {
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
    Coverage::All
}

/// Overwrites at least `bytes` bytes below the caller's frame, from above to below, so that no page of the stack is skipped. Nothing
/// of what is there is left out: not even the gaps that a compiler leaves between the variables of a frame.
///
/// # Safety
/// The stack has that room.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn scrub_stack(bytes: usize) {
    // The stack pointer is moved before each store, so that a signal cannot come in between.
    naked_asm!(
        "mov x9, sp",
        "movi v0.2d, #0",
        "2:",
        "stp q0, q0, [sp, #-32]!",
        "stp q0, q0, [sp, #-32]!",
        "subs x0, x0, #64",
        "b.hi 2b",
        "mov sp, x9",
        "ret",
    )
}
