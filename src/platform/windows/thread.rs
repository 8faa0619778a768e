//! What the operating system knows about the calling thread's stack.

use core::ops::Range;

use windows_sys::Win32::System::Threading::GetCurrentThreadStackLimits;

/// The addresses of the thread's stack, what it has not grown to yet included.
pub(crate) fn native_stack() -> Option<Range<usize>> {
    let (mut low, mut high) = (0, 0);
    // SAFETY: the places are valid.
    unsafe { GetCurrentThreadStackLimits(&raw mut low, &raw mut high) };
    (low < high).then_some(low..high)
}

/// A stack for handlers of signals: there are none. What handles an exception runs on the stack that was in use.
pub(crate) struct AlternateStack {
    /// Its lowest byte.
    pub(crate) start: *mut u8,
    /// Its bytes.
    pub(crate) length: usize,
    /// Whether the thread is on it now.
    pub(crate) in_use: bool,
}

/// None.
pub(crate) fn alternate_stack() -> Option<AlternateStack> {
    None
}

/// Runs `work`: no signal interrupts a thread here.
pub(crate) fn with_signals_blocked<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// Calls `action` when the process ends by `exit` or by returning from `main`; in a DLL, when the process lets go of it. Not at
/// `ExitProcess` where the library is linked into the program, and never at `TerminateProcess`.
pub(crate) fn at_exit(action: extern "C" fn()) -> Result<(), i32> {
    const OUT_OF_MEMORY: i32 = windows_sys::Win32::Foundation::ERROR_NOT_ENOUGH_MEMORY.cast_signed();
    // SAFETY: the function stays where it is as long as it can be called.
    if unsafe { libc::atexit(action) } == 0 { Ok(()) } else { Err(OUT_OF_MEMORY) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_of_a_function_lies_on_the_threads_stack() {
        let variable = 0u8;
        let here = core::hint::black_box(&raw const variable).addr();
        assert!(native_stack().unwrap().contains(&here));
        let elsewhere = std::thread::spawn(|| native_stack().unwrap()).join().unwrap();
        assert!(!elsewhere.contains(&here));
    }
}
