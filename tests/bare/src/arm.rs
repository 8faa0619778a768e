//! A Cortex-M4 in QEMU's user mode, which answers Linux's system calls: entry and calls. On a device these would be its own.

use core::arch::{asm, global_asm};

global_asm!(
    ".syntax unified",
    ".globl _start",
    ".thumb_func",
    "_start:",
    "ldr r0, [sp]",
    "ldr r1, ={stack} + {size}",
    "mov sp, r1",
    "bl {entered}",
    "udf #0",
    ".ltorg",
    stack = sym crate::memory::STACK,
    size = const crate::memory::STACK_SIZE,
    entered = sym crate::entered,
);

const WRITE: usize = 4;
const EXIT_GROUP: usize = 248;
const GETRANDOM: usize = 384;

fn call(number: usize, first: usize, second: usize, third: usize) -> isize {
    let result: isize;
    // SAFETY: the callers give numbers and arguments of system calls that touch only memory which they borrow. The number is in
    // r7, which the compiler keeps for itself in Thumb code.
    unsafe {
        asm!("mov {saved}, r7", "mov r7, {number}", "svc #0", "mov r7, {saved}", saved = out(reg) _, number = in(reg) number,
            inlateout("r0") first => result, in("r1") second, in("r2") third, options(nostack));
    }
    result
}

/// Writes to standard output.
pub(crate) fn write(text: &[u8]) {
    call(WRITE, 1, text.as_ptr() as usize, text.len());
}

/// Ends the program.
pub(crate) fn exit(code: i32) -> ! {
    loop {
        call(EXIT_GROUP, code as usize, 0, 0);
    }
}

/// Fills `out`, at most 256 bytes, from the kernel's generator.
pub(crate) fn random(out: &mut [u8]) -> bool {
    call(GETRANDOM, out.as_mut_ptr() as usize, out.len(), 0) == out.len() as isize
}
