//! Telling valgrind about a change to a room's stack, which it would otherwise take for a huge frame, and everything below a stack
//! pointer that went up again for gone.
//!
//! AddressSanitizer is told by corosensei itself (its feature `sanitizer`, with `--cfg shokyo_asan`). Nothing here may touch what
//! is on a stack.

pub(in crate::arena) use valgrind::Visit;

/// Client requests (`valgrind.h`, `memcheck.h`): instructions that change nothing, and that valgrind recognises.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod valgrind {
    use core::arch::asm;
    use core::sync::atomic::{AtomicU8, Ordering};

    use crate::arena::Region;

    const UNKNOWN: u8 = 0;
    const NO: u8 = 1;
    const YES: u8 = 2;

    const RUNNING_ON_VALGRIND: usize = 0x1001;
    const STACK_REGISTER: usize = 0x1501;
    const STACK_DEREGISTER: usize = 0x1502;
    /// The tool's own requests begin at `'M' << 24 | 'C' << 16`.
    const MAKE_MEMORY_DEFINED: usize = 0x4D43_0002;

    /// A stack that is in use, from here to the end of the scope.
    pub(in crate::arena) struct Visit<'r>(Option<(&'r Region, usize)>);

    impl<'r> Visit<'r> {
        #[inline(always)]
        pub(in crate::arena) fn of(room: &'r Region) -> Self {
            // Without a lock that a forked child could inherit: at worst two threads ask.
            static RUNNING: AtomicU8 = AtomicU8::new(UNKNOWN);
            let running = match RUNNING.load(Ordering::Relaxed) {
                UNKNOWN => {
                    let running = request(RUNNING_ON_VALGRIND, 0, 0) != 0;
                    RUNNING.store(if running { YES } else { NO }, Ordering::Relaxed);
                    running
                }
                known => known == YES,
            };
            Self(running.then(|| (room, register(room))))
        }
    }

    impl Drop for Visit<'_> {
        #[inline(always)]
        fn drop(&mut self) {
            if let Some((room, stack)) = self.0 {
                leave(room, stack);
            }
        }
    }

    #[cold]
    fn register(room: &Region) -> usize {
        let start = room.start().addr().get();
        request(STACK_REGISTER, start, start + room.length())
    }

    /// What lies below a stack pointer that went up again counts as gone; but the room is read and wiped now.
    #[cold]
    fn leave(room: &Region, stack: usize) {
        request(STACK_DEREGISTER, stack, 0);
        request(MAKE_MEMORY_DEFINED, room.start().addr().get(), room.length());
    }

    fn request(code: usize, first: usize, second: usize) -> usize {
        let arguments = [code, first, second, 0, 0, 0];
        let mut answer = 0usize;
        // SAFETY: the rotations add up to 128 bits and the exchange is of a register with itself, so that only flags change. Under
        // valgrind the six words are read, and `rdx` is written.
        unsafe {
            asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") arguments.as_ptr(),
                inlateout("rdx") answer,
                options(nostack)
            );
        }
        answer
    }

    #[cfg(test)]
    mod tests {
        /// The tool's first request; `MAKE_MEMORY_DEFINED` is its third.
        const MAKE_MEMORY_INACCESSIBLE: usize = super::MAKE_MEMORY_DEFINED - 2;

        #[test]
        #[ignore = "valgrind must find the error: `cargo xtask step valgrind` sees to that"]
        fn valgrind_finds_an_error() {
            let bytes = [1u8; 64];
            super::request(MAKE_MEMORY_INACCESSIBLE, bytes.as_ptr().addr(), bytes.len());
            // SAFETY: valid for reading whatever valgrind was told.
            assert_eq!(unsafe { bytes.as_ptr().add(7).read_volatile() }, 1);
            super::request(super::MAKE_MEMORY_DEFINED, bytes.as_ptr().addr(), bytes.len());
        }

        #[test]
        fn without_valgrind_a_request_answers_nothing() {
            if std::env::var_os("SHOKYO_UNDER_VALGRIND").is_none() {
                assert_eq!(super::request(super::RUNNING_ON_VALGRIND, 0, 0), 0);
            } else {
                assert_eq!(super::request(super::RUNNING_ON_VALGRIND, 0, 0), 1);
            }
        }
    }
}

/// valgrind's requests are written down for one processor only; elsewhere it is told nothing.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod valgrind {
    pub(in crate::arena) struct Visit;

    impl Visit {
        #[inline(always)]
        pub(in crate::arena) fn of(_room: &crate::arena::Region) -> Self {
            Self
        }
    }
}
