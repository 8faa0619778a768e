//! The ends of a process that can be met: by name of their signals, which is what they are on Linux.

/// A signal that ends a process, for [`erase_on_signals`](crate::erase_on_signals). On Windows each stands for what comes nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FatalSignal {
    /// `SIGABRT`: `abort`, failed assertions. On Windows that of the C runtime that this library is linked with; Rust's
    /// `std::process::abort` ends the process without a word there.
    Abort,
    /// `SIGBUS`: memory that has no page. On Windows any exception that nobody handles.
    Bus,
    /// `SIGFPE`: impossible arithmetic. On Windows any exception that nobody handles.
    Arithmetic,
    /// `SIGILL`: an instruction that there is none of. On Windows any exception that nobody handles.
    IllegalInstruction,
    /// `SIGSEGV`: memory that may not be touched. On Windows any exception that nobody handles.
    Segmentation,
    /// `SIGHUP`: the terminal is gone. On Windows the console is closed.
    Hangup,
    /// `SIGINT`: interrupted from the keyboard. On Windows Ctrl+C.
    Interrupt,
    /// `SIGQUIT`: ended from the keyboard, with a core. On Windows Ctrl+Break.
    Quit,
    /// `SIGTERM`: asked to end. On Windows the user logs off or the machine shuts down, for programs with a console.
    Terminate,
}

impl FatalSignal {
    /// The signals of a process that did something it must not.
    pub const FAULTS: [Self; 5] =
        [Self::Abort, Self::Bus, Self::Arithmetic, Self::IllegalInstruction, Self::Segmentation];
    /// The signals of a process that is told to end.
    pub const ENDS: [Self; 4] = [Self::Hangup, Self::Interrupt, Self::Quit, Self::Terminate];
}
