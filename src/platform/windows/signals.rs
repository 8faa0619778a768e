//! Something that is done first when the process is about to end, before whoever handled that until now.

use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use windows_sys::Win32::Foundation::ERROR_INVALID_PARAMETER;
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT, SetConsoleCtrlHandler,
};
use windows_sys::Win32::System::Diagnostics::Debug::{EXCEPTION_POINTERS, SetUnhandledExceptionFilter};

use super::last_error;
use crate::platform::FatalSignal;

static ACTION: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());
/// The events of the console that are preceded, a bit each.
static EVENTS: AtomicU32 = AtomicU32::new(0);
static CONSOLE: AtomicBool = AtomicBool::new(false);
static FAULTS: AtomicBool = AtomicBool::new(false);
static ABORTS: AtomicBool = AtomicBool::new(false);
/// Who was there before: addresses of functions.
static FILTER_BEFORE: AtomicUsize = AtomicUsize::new(0);
static ABORT_BEFORE: AtomicUsize = AtomicUsize::new(0);

/// Calls `action` when the process is about to end in this way, then leaves it to whoever was asked before: a handler of that time, or
/// the system. Doing this twice is once.
///
/// Faults are exceptions that nobody handles (`SetUnhandledExceptionFilter`); `__fastfail`, a damaged heap and an exhausted stack end
/// a process without asking. The ends are events of the console (`SetConsoleCtrlHandler`): a service or a program with windows has to call
/// [`erase_now`](crate::erase_now) when it is told to end.
///
/// `action` must be safe on any stack at any moment, and the same function in every call.
///
/// # Errors
/// The operating system's error number.
pub(crate) fn precede(signal: FatalSignal, action: fn()) -> Result<(), i32> {
    ACTION.store(action as *mut (), Ordering::Release);
    match signal {
        FatalSignal::Abort => once(&ABORTS, precede_abort),
        FatalSignal::Bus | FatalSignal::Arithmetic | FatalSignal::IllegalInstruction | FatalSignal::Segmentation => {
            once(&FAULTS, precede_faults)
        }
        FatalSignal::Hangup => precede_events(&[CTRL_CLOSE_EVENT]),
        FatalSignal::Interrupt => precede_events(&[CTRL_C_EVENT]),
        FatalSignal::Quit => precede_events(&[CTRL_BREAK_EVENT]),
        FatalSignal::Terminate => precede_events(&[CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT]),
    }
}

fn once(done: &AtomicBool, install: fn() -> Result<(), i32>) -> Result<(), i32> {
    if done.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    install().inspect_err(|_| done.store(false, Ordering::Release))
}

fn act() {
    let action = ACTION.load(Ordering::Acquire);
    if !action.is_null() {
        // SAFETY: only ever stored from a `fn()`.
        let action: fn() = unsafe { core::mem::transmute(action) };
        action();
    }
}

fn precede_faults() -> Result<(), i32> {
    // SAFETY: the filter has the form that is demanded, and stays where it is.
    let before = unsafe { SetUnhandledExceptionFilter(Some(unhandled)) };
    FILTER_BEFORE.store(before.map_or(0, |before| before as usize), Ordering::Release);
    Ok(())
}

unsafe extern "system" fn unhandled(exception: *const EXCEPTION_POINTERS) -> i32 {
    const CONTINUE_SEARCH: i32 = 0;
    act();
    match FILTER_BEFORE.load(Ordering::Acquire) {
        0 => CONTINUE_SEARCH,
        before => {
            // SAFETY: it was set by the host as a filter of this form, and would have been called in this one's place.
            let before: unsafe extern "system" fn(*const EXCEPTION_POINTERS) -> i32 =
                unsafe { core::mem::transmute(before) };
            // SAFETY: as above.
            unsafe { before(exception) }
        }
    }
}

fn precede_events(events: &[u32]) -> Result<(), i32> {
    EVENTS.fetch_or(events.iter().fold(0, |bits, event| bits | 1 << event), Ordering::AcqRel);
    once(&CONSOLE, || {
        // SAFETY: the handler has the form that is demanded, and stays where it is.
        if unsafe { SetConsoleCtrlHandler(Some(console), 1) } != 0 { Ok(()) } else { Err(last_error()) }
    })
}

/// On a thread that the system makes for it.
unsafe extern "system" fn console(event: u32) -> i32 {
    const NOT_HANDLED: i32 = 0;
    if event < u32::BITS && EVENTS.load(Ordering::Acquire) & 1 << event != 0 {
        act();
    }
    NOT_HANDLED
}

fn precede_abort() -> Result<(), i32> {
    let refused = ERROR_INVALID_PARAMETER.cast_signed();
    // SAFETY: the handler has the form that is demanded, and stays where it is.
    let before = unsafe { libc::signal(libc::SIGABRT, aborted as *const () as usize) };
    if before == libc::SIG_ERR as usize {
        return Err(refused);
    }
    ABORT_BEFORE.store(before, Ordering::Release);
    Ok(())
}

extern "C" fn aborted(signal: c_int) {
    act();
    let before = ABORT_BEFORE.load(Ordering::Acquire);
    if ![libc::SIG_DFL, libc::SIG_IGN, libc::SIG_ERR as usize].contains(&before) {
        // SAFETY: installed by the host as a handler of this form.
        let before: extern "C" fn(c_int) = unsafe { core::mem::transmute(before) };
        before(signal);
    }
}
