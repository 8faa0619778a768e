//! When everything must go at once: every key of every vault of the process, from anywhere, a signal handler included.
//!
//! Nothing here takes a lock, allocates, or touches a room or a window that is in use.

use super::EraseAll;
use crate::arena;
use crate::error::Error;
pub use crate::platform::FatalSignal;
use crate::platform::{signals, thread};

/// Destroys every key of every vault of this process, and reads the cells back. Safe in a signal handler
/// (POSIX.1-2024, section 2.4.3): lock-free, allocates nothing.
///
/// What is in use is not touched: [`EraseAll::in_flight`] counts the rooms and windows that still hold copies, which are wiped
/// when they are left, *if* the process lives so long. Documents and keys answer [`Error::Erased`] from then on; new ones can be
/// made. In a forked child nothing is done.
///
/// ```
/// let vault = shokyo::Vault::open(shokyo::VaultOptions::new())?;
/// let key = vault.new_key()?;
/// assert!(shokyo::erase_now().destroyed >= 1);
/// assert!(!key.is_live());
/// # Ok::<(), shokyo::Error>(())
/// ```
pub fn erase_now() -> EraseAll {
    let (done, in_flight) = arena::destroy_all();
    EraseAll::of(done, in_flight)
}

/// Has [`erase_now`] called when the process ends by `exit` or by returning from `main`. Doing this twice is once.
///
/// # Errors
/// [`Error::System`] when the C library has no room for another function.
pub fn erase_on_exit() -> Result<(), Error> {
    use core::sync::atomic::{AtomicBool, Ordering};
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    thread::at_exit(at_exit).map_err(|os_error| {
        DONE.store(false, Ordering::Release);
        Error::System { call: "atexit", os_error }
    })
}

extern "C" fn at_exit() {
    erase_now();
}

/// Has [`erase_now`] called first when one of `signals` arrives; then the handler of before runs, or the signal's default, so
/// that a process still ends, and with the same status. An ignored signal stays ignored. Doing this twice for a signal is once;
/// handlers that are installed later replace this one unless they call it.
///
/// `SIGKILL` cannot be handled: such an end is found out by others, when the process is missed.
///
/// # Errors
/// [`Error::System`]; signals before the one that failed are handled.
pub fn erase_on_signals(signals: &[FatalSignal]) -> Result<(), Error> {
    for signal in signals {
        signals::precede(*signal, || {
            erase_now();
        })
        .map_err(|os_error| Error::System { call: "sigaction", os_error })?;
    }
    Ok(())
}
