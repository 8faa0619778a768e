//! The calling thread's alternate signal stack (`sigaltstack`), on which the kernel puts the registers of a room's work when a
//! signal arrives in the middle of it.
//!
//! It is the host's memory and may be replaced or unmapped at any time by its owner, so it is asked for anew after each stay in
//! a room, and never touched while the thread is on it.

use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::platform::{self, thread};
use crate::wipe;

/// A signal frame begins at the top, and never leaves this many bytes zero there.
const TOP: usize = 512;

/// Whether a thread was met whose alternate stack could not be kept out of core dumps.
static DUMPED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The stack of this thread that was kept out of core dumps.
    static KEPT_OUT: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Before a thread's first stay: its stack is kept out of core dumps. Another one that it gets later is met after the stay that follows.
#[inline]
pub(super) fn prepare() {
    if KEPT_OUT.try_with(Cell::get).is_ok_and(|kept| kept == (0, 0)) {
        meet();
    }
}

#[cold]
fn meet() {
    match thread::alternate_stack() {
        Some(stack) => keep_out_of_dumps(&stack),
        // None that could be dumped: not to be asked again.
        None => drop(KEPT_OUT.try_with(|kept| kept.set((0, 1)))),
    }
}

/// Wipes what a signal handler left there. What comes before a first use is wiped too: it is dead.
pub(super) fn scrub() {
    let Some(stack) = thread::alternate_stack().filter(|stack| !stack.in_use && !is_here(stack)) else { return };
    keep_out_of_dumps(&stack);
    let top = stack.length.min(TOP);
    // SAFETY: the stack is the thread's own and mapped as long as it is set, and no handler on it is suspended: that is demanded of
    // the host (`VaultOptions::scrub_alternate_stack`). The thread is not on it now.
    unsafe {
        if wipe::leading_zeros(stack.start.add(stack.length - top), top) < top {
            let _ = wipe::wipe_raw(stack.start, stack.length, 0);
        }
    }
}

/// Whether the thread's present frame lies on it: a host that lent a part of its own stack and forgot to say that it is over.
fn is_here(stack: &thread::AlternateStack) -> bool {
    let frame = 0u8;
    let here = core::hint::black_box(&raw const frame).addr();
    (stack.start.addr()..stack.start.addr().saturating_add(stack.length)).contains(&here)
}

/// Whether every alternate stack that was met is out of core dumps.
pub(crate) fn is_covered() -> bool {
    !DUMPED.load(Ordering::Relaxed)
}

/// Pages that are not the stack's alone are left as they are, and that is told.
fn keep_out_of_dumps(stack: &thread::AlternateStack) {
    let place = (stack.start.addr(), stack.length);
    if KEPT_OUT.try_with(|kept| kept.replace(place) == place).unwrap_or(false) {
        return;
    }
    let page = platform::page_size();
    let whole = place.0.is_multiple_of(page) && place.1.is_multiple_of(page);
    let kept = NonNull::new(stack.start).filter(|_| whole).is_some_and(|start| {
        // SAFETY: whole pages of the stack; the advice changes no contents.
        unsafe { platform::advise_no_dump(start, place.1) }.is_ok()
    });
    if !kept {
        DUMPED.store(true, Ordering::Relaxed);
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    extern "C" fn handler(_: i32) {
        let mut dirty = [0xC7u8; 600];
        core::hint::black_box(&mut dirty);
    }

    /// Bytes that are not zero on an alternate stack after a signal handler ran on it, and `then` after that.
    fn left_after(then: impl FnOnce() + Send + 'static) -> usize {
        std::thread::spawn(|| {
            let mut memory = std::vec![0u8; 64 * 1024 + 16];
            let start =
                memory.as_mut_ptr().wrapping_add(if memory.as_ptr().addr().is_multiple_of(4096) { 16 } else { 0 });
            let stack = libc::stack_t { ss_sp: start.cast(), ss_flags: 0, ss_size: 64 * 1024 };
            let mut before = libc::stack_t { ss_sp: core::ptr::null_mut(), ss_flags: 0, ss_size: 0 };
            // SAFETY: the memory outlives its use as a stack; the handler only writes to its own frame.
            unsafe {
                assert_eq!(libc::sigaltstack(&raw const stack, &raw mut before), 0);
                let mut action: libc::sigaction = core::mem::zeroed();
                action.sa_sigaction = handler as *const () as usize;
                action.sa_flags = libc::SA_ONSTACK;
                libc::sigaction(libc::SIGUSR2, &raw const action, core::ptr::null_mut());
                libc::raise(libc::SIGUSR2);
            }
            then();
            // SAFETY: the stack of before comes back.
            unsafe { libc::sigaltstack(&raw const before, core::ptr::null_mut()) };
            memory.iter().filter(|byte| **byte != 0).count()
        })
        .join()
        .unwrap()
    }

    #[test]
    fn what_a_signal_left_on_an_alternate_stack_is_wiped() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        assert!(left_after(|| ()) > 600, "a signal leaves registers and frames");
        assert_eq!(left_after(scrub), 0);
        assert!(!is_covered(), "a part of the heap cannot be kept out of core dumps");
    }

    #[cfg(shokyo_faults)]
    #[test]
    fn with_the_wipe_switched_off_it_stays() {
        let _alone = crate::faults::serialised(&[crate::faults::Fault::NoWipe]);
        assert!(left_after(scrub) > 600);
    }
}
