//! Keeping from the compiler what memory holds.

/// Makes the compiler forget what it knows about memory that `start` can reach.
#[inline(always)]
pub(super) fn hide(start: *const u8) {
    #[cfg(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "arm",
        target_arch = "aarch64",
        target_arch = "riscv32",
        target_arch = "riscv64"
    ))]
    // SAFETY: no instruction at all; the block may read and write memory as far as the compiler knows, and does not.
    unsafe {
        core::arch::asm!("/* {0} */", in(reg) start, options(nostack, preserves_flags));
    }
    #[cfg(not(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "arm",
        target_arch = "aarch64",
        target_arch = "riscv32",
        target_arch = "riscv64"
    )))]
    core::hint::black_box(start);
}
