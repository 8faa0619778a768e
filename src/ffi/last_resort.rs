//! Erasing everything at once, for C: from anywhere, at the end of the process, and when a signal arrives.

use super::arguments::StructOut;
use super::boundary::{Failure, guarded};
use super::shokyo_status;
use super::vault::shokyo_erase_all_outcome;
use crate::buffer::{EraseAll, FatalSignal, erase_now, erase_on_exit, erase_on_signals};

/// Signals of a process that did something it must not: SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV.
pub const SHOKYO_SIGNALS_FAULTS: u32 = 1;
/// Signals of a process that is told to end: SIGHUP, SIGINT, SIGQUIT, SIGTERM.
pub const SHOKYO_SIGNALS_ENDS: u32 = 2;

/// Destroys every key of every vault of this process now, reads them back, and waits for nothing. Windows and rooms in use are not
/// touched: in_flight counts them; their copies are wiped when they are left, if the process lives so long. Every document answers
/// SHOKYO_STATUS_ERASED from then on; new ones can be written. In a forked child nothing is done.
///
/// outcome: NULL, or with its struct_size set; receives what was done.
/// Threads: any. Signals: SAFE in a signal handler: takes no lock, allocates nothing, keeps errno, and leaves no detail text.
/// Errors: INVALID_ARGUMENT for an outcome whose struct_size is impossible; the keys are destroyed all the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_erase_now(outcome: *mut shokyo_erase_all_outcome) -> shokyo_status {
    // Nothing here can panic, so nothing is guarded: the guard is not safe in a signal handler.
    let done = erase_now();
    if outcome.is_null() {
        return shokyo_status::Ok;
    }
    // SAFETY: the caller gives a struct of the size that it states.
    match unsafe { StructOut::new(outcome) } {
        Ok(outcome) => {
            outcome.write(done.into());
            shokyo_status::Ok
        }
        Err(_) => shokyo_status::InvalidArgument,
    }
}

/// Has shokyo_erase_now called when the process ends by exit or by returning from main. Functions that were registered with atexit
/// before this call run after it. Doing this twice is once.
///
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: SYSTEM when the C library has no room for another function.
#[unsafe(no_mangle)]
pub extern "C" fn shokyo_erase_on_exit() -> shokyo_status {
    guarded(|_| Ok(erase_on_exit()?))
}

/// Has shokyo_erase_now called first when one of the signals arrives. Then what was set for the signal before happens: the host's
/// handler, or the default, so that the process still ends, and with the same status. An ignored signal stays ignored. Doing this twice
/// is once. Handlers that are installed later replace this one unless they call it.
///
/// signals: SHOKYO_SIGNALS_FAULTS, SHOKYO_SIGNALS_ENDS, or both together (with |).
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT for other signals; SYSTEM.
#[unsafe(no_mangle)]
pub extern "C" fn shokyo_erase_on_signals(signals: u32) -> shokyo_status {
    guarded(|_| {
        if signals == 0 || signals & !(SHOKYO_SIGNALS_FAULTS | SHOKYO_SIGNALS_ENDS) != 0 {
            return Err(Failure::Argument("signals", "is not made of SHOKYO_SIGNALS_ values"));
        }
        if signals & SHOKYO_SIGNALS_FAULTS != 0 {
            erase_on_signals(&FatalSignal::FAULTS)?;
        }
        if signals & SHOKYO_SIGNALS_ENDS != 0 {
            erase_on_signals(&FatalSignal::ENDS)?;
        }
        Ok(())
    })
}

impl From<EraseAll> for shokyo_erase_all_outcome {
    fn from(done: EraseAll) -> Self {
        Self {
            destroyed: done.destroyed,
            verified: done.verified,
            failed: done.failed,
            in_flight: done.in_flight,
            ..Self::default()
        }
    }
}
