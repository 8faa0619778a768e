//! Linux on x86-64 without a C library: entry, system calls, and the memory functions that the compiler calls.

use core::arch::{asm, global_asm};

global_asm!(
    ".globl _start",
    "_start:",
    "mov rdi, [rsp]",
    "lea rsp, [rip + {stack} + {size}]",
    "xor ebp, ebp",
    "call {entered}",
    "ud2",
    stack = sym crate::memory::STACK,
    size = const crate::memory::STACK_SIZE,
    entered = sym crate::entered,
);

// What the compiler calls for moving and comparing memory. The direction flag is clear by convention.
global_asm!(
    ".globl memcpy",
    "memcpy:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "rep movsb",
    "ret",
    ".globl memmove",
    "memmove:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "mov r8, rdi",
    "sub r8, rsi",
    "cmp r8, rdx",
    "jb 2f",
    "rep movsb",
    "ret",
    "2: lea rdi, [rdi + rdx - 1]",
    "lea rsi, [rsi + rdx - 1]",
    "std",
    "rep movsb",
    "cld",
    "ret",
    ".globl memset",
    "memset:",
    "mov r8, rdi",
    "mov eax, esi",
    "mov rcx, rdx",
    "rep stosb",
    "mov rax, r8",
    "ret",
    ".globl memcmp",
    "memcmp:",
    ".globl bcmp",
    "bcmp:",
    "xor eax, eax",
    "mov rcx, rdx",
    "test rcx, rcx",
    "jz 3f",
    "repe cmpsb",
    "movzx eax, byte ptr [rdi - 1]",
    "movzx ecx, byte ptr [rsi - 1]",
    "sub eax, ecx",
    "3: ret",
);

// The precompiled core can unwind and names who would; with `panic = "abort"` nobody ever does.
global_asm!(".globl rust_eh_personality", "rust_eh_personality:", "ud2");

const WRITE: usize = 1;
const EXIT_GROUP: usize = 231;
const GETRANDOM: usize = 318;

fn call(number: usize, first: usize, second: usize, third: usize) -> isize {
    let result: isize;
    // SAFETY: the callers give numbers and arguments of system calls that touch only memory which they borrow.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") first, in("rsi") second, in("rdx") third,
            lateout("rcx") _, lateout("r11") _, options(nostack));
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
