//! What the operating system knows about the calling thread's stacks.

use core::mem::MaybeUninit;
use core::ops::Range;

/// The addresses of the thread's own stack, guard excluded; nothing when the system does not say. Slow for the first thread.
pub(crate) fn native_stack() -> Option<Range<usize>> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: asks about the calling thread; the place is valid.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut start, mut length) = (core::ptr::null_mut(), 0);
    // SAFETY: the attributes were filled above, are read once, and destroyed once.
    let status = unsafe {
        let status = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut length);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        status
    };
    (status == 0).then(|| start.addr()..start.addr().saturating_add(length))
}

/// The stack on which the thread's signal handlers run, if they have one of their own.
pub(crate) struct AlternateStack {
    /// Its lowest byte.
    pub(crate) start: *mut u8,
    /// Its bytes.
    pub(crate) length: usize,
    /// Whether the thread is on it now.
    pub(crate) in_use: bool,
}

/// The calling thread's alternate signal stack (`sigaltstack`).
pub(crate) fn alternate_stack() -> Option<AlternateStack> {
    let mut stack = MaybeUninit::<libc::stack_t>::uninit();
    // SAFETY: asks only; the place is valid.
    if unsafe { libc::sigaltstack(core::ptr::null(), stack.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: filled by the call above.
    let stack = unsafe { stack.assume_init() };
    let here = stack.ss_flags & libc::SS_DISABLE == 0 && stack.ss_size > 0;
    here.then(|| AlternateStack {
        start: stack.ss_sp.cast(),
        length: stack.ss_size,
        in_use: stack.ss_flags & libc::SS_ONSTACK != 0,
    })
}

/// Runs `work` with every signal that can wait kept from the calling thread, and from threads that `work` makes, for good.
pub(crate) fn with_signals_blocked<R>(work: impl FnOnce() -> R) -> R {
    let (mut all, mut before) = (MaybeUninit::<libc::sigset_t>::uninit(), MaybeUninit::<libc::sigset_t>::uninit());
    // SAFETY: fills a set, then changes the calling thread's mask only and keeps what it was.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr());
    }
    let outcome = work();
    // SAFETY: filled by the call above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), core::ptr::null_mut()) };
    outcome
}

/// Calls `action` when the process ends by `exit` or by returning from `main`.
pub(crate) fn at_exit(action: extern "C" fn()) -> Result<(), i32> {
    // SAFETY: the function stays where it is: the library is never unloaded.
    if unsafe { libc::atexit(action) } == 0 { Ok(()) } else { Err(libc::ENOMEM) }
}
