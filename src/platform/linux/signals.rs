//! Something that is done first when a signal arrives, before whoever handled it until now.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use super::last_error;
use crate::platform::FatalSignal;

/// One more than the highest signal number.
const SIGNALS: usize = 65;

const NONE: u8 = 0;
const CHANGING: u8 = 1;
const INSTALLED: u8 = 2;

static STATES: [AtomicU8; SIGNALS] = [const { AtomicU8::new(NONE) }; SIGNALS];
static PREVIOUS: Previous = Previous([const { UnsafeCell::new(MaybeUninit::uninit()) }; SIGNALS]);
static ACTION: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

struct Previous([UnsafeCell<MaybeUninit<libc::sigaction>>; SIGNALS]);

// SAFETY: each place is written once, by whoever changed its state to `CHANGING`, and read only once it is `INSTALLED`.
unsafe impl Sync for Previous {}

/// Calls `action` at each arrival of `signal`, then does what was done before: the handler of that time, or the signal's
/// default, which for most means the end of the process. An ignored signal stays ignored. Doing this twice is once.
///
/// `action` must be safe in a signal handler, and the same function in every call.
///
/// # Errors
/// The operating system's error number.
pub(crate) fn precede(signal: FatalSignal, action: fn()) -> Result<(), i32> {
    let signal = number(signal);
    let place = usize::try_from(signal).ok().filter(|place| (1..SIGNALS).contains(place)).ok_or(libc::EINVAL)?;
    ACTION.store(action as *mut (), Ordering::Release);
    if STATES[place].compare_exchange(NONE, CHANGING, Ordering::AcqRel, Ordering::Acquire).is_err() {
        return Ok(());
    }
    let mut before = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: asks only; `before` is a valid place for the answer.
    let asked = unsafe { libc::sigaction(signal, core::ptr::null(), before.as_mut_ptr()) };
    if asked != 0 {
        STATES[place].store(NONE, Ordering::Release);
        return Err(last_error());
    }
    // SAFETY: filled by the call above.
    let mut action = unsafe { before.assume_init() };
    if action.sa_sigaction == libc::SIG_IGN {
        STATES[place].store(NONE, Ordering::Release);
        return Ok(());
    }
    // SAFETY: this thread alone changed the state to `CHANGING`, and nobody reads before `INSTALLED`.
    unsafe { *PREVIOUS.0[place].get() = before };
    STATES[place].store(INSTALLED, Ordering::Release);
    // The mask of the handler that comes after is kept. It runs on the alternate stack if the thread has one.
    action.sa_sigaction = arrived as *const () as usize;
    action.sa_flags =
        (action.sa_flags | libc::SA_SIGINFO | libc::SA_ONSTACK) & !(libc::SA_NODEFER | libc::SA_RESETHAND);
    // SAFETY: the handler has the form that SA_SIGINFO demands and does only what a handler may.
    if unsafe { libc::sigaction(signal, &raw const action, core::ptr::null_mut()) } != 0 {
        STATES[place].store(NONE, Ordering::Release);
        return Err(last_error());
    }
    Ok(())
}

fn number(signal: FatalSignal) -> libc::c_int {
    match signal {
        FatalSignal::Abort => libc::SIGABRT,
        FatalSignal::Bus => libc::SIGBUS,
        FatalSignal::Arithmetic => libc::SIGFPE,
        FatalSignal::IllegalInstruction => libc::SIGILL,
        FatalSignal::Segmentation => libc::SIGSEGV,
        FatalSignal::Hangup => libc::SIGHUP,
        FatalSignal::Interrupt => libc::SIGINT,
        FatalSignal::Quit => libc::SIGQUIT,
        FatalSignal::Terminate => libc::SIGTERM,
    }
}

extern "C" fn arrived(signal: libc::c_int, information: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the place of `errno` is the thread's own.
    let errno = unsafe { *libc::__errno_location() };
    let action = ACTION.load(Ordering::Acquire);
    if !action.is_null() {
        // SAFETY: only ever stored from a `fn()`.
        let action: fn() = unsafe { core::mem::transmute(action) };
        action();
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
    let place = usize::try_from(signal).unwrap_or(0).min(SIGNALS - 1);
    if STATES[place].load(Ordering::Acquire) != INSTALLED {
        return;
    }
    // SAFETY: written before the state became `INSTALLED`.
    let previous = unsafe { (*PREVIOUS.0[place].get()).assume_init_ref() };
    match previous.sa_sigaction {
        libc::SIG_IGN => {}
        libc::SIG_DFL => {
            // SAFETY: the default comes back; the signal, blocked while this handler runs, arrives when it returns. A fault
            // would also arrive by itself, because its instruction is tried again.
            unsafe {
                libc::sigaction(signal, previous, core::ptr::null_mut());
                libc::raise(signal);
            }
        }
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: installed by the host as a handler of this form.
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                unsafe { core::mem::transmute(handler) };
            handler(signal, information, context);
        }
        handler => {
            // SAFETY: installed by the host as a handler of this form.
            let handler: extern "C" fn(libc::c_int) = unsafe { core::mem::transmute(handler) };
            handler(signal);
        }
    }
}
