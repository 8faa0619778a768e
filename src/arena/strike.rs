//! Deliberate crashes in the middle of an operation, for the tests that look at the core afterwards. Compiled only under
//! `--cfg shokyo_faults`.

use crate::faults::{self, Fault};

/// A null write, here and now, if the fault is active and due. The registers are left as the operation has them.
#[inline(always)]
pub(crate) fn strike(fault: Fault) {
    if faults::strikes(fault) {
        crash();
    }
}

#[inline(always)]
fn crash() -> ! {
    // SAFETY: the page at zero is never mapped, so that the write is a SIGSEGV and nothing is changed; execution does not go on.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!("xor eax, eax", "mov byte ptr [rax], 0", "ud2", options(noreturn))
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!("mov x0, #0", "strb wzr, [x0]", "brk #1", options(noreturn))
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    std::process::abort()
}
