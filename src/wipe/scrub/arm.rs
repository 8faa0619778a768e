//! 32-bit ARM: r0–r3, r12 and, where the calling convention passes floating-point numbers in registers, d0–d7. The others are the
//! caller's: they hold its values again when an operation returns.

use core::arch::asm;

use super::Coverage;

#[allow(dead_code, reason = "only its dead stack is of use here")]
#[path = "portable.rs"]
mod portable;

pub(in crate::wipe) use portable::scrub_stack;

#[inline(always)]
pub(super) fn scrub() -> Coverage {
    #[cfg(target_abi = "eabihf")]
    // SAFETY: the hard-float convention says that there is a floating-point unit; the block declares what it destroys.
    unsafe {
        asm!(
            "mov r0, #0",
            "vmov d0, r0, r0",
            "vmov d1, r0, r0",
            "vmov d2, r0, r0",
            "vmov d3, r0, r0",
            "vmov d4, r0, r0",
            "vmov d5, r0, r0",
            "vmov d6, r0, r0",
            "vmov d7, r0, r0",
            out("r0") _, out("d0") _, out("d1") _, out("d2") _, out("d3") _, out("d4") _, out("d5") _, out("d6") _, out("d7") _,
            options(nostack)
        );
    }
    // SAFETY: the block declares what it destroys.
    unsafe {
        asm!(
            "mov r0, #0",
            "mov r1, #0",
            "mov r2, #0",
            "mov r3, #0",
            "mov r12, #0",
            out("r0") _, out("r1") _, out("r2") _, out("r3") _, out("r12") _,
            options(nostack)
        );
    }
    Coverage::All
}
