//! The outcome of a call: one number for each reason, never used again for another one.

use std::ffi::{CStr, c_char};

use crate::error::Error;

/// The outcome of a call. 0 is success. A number keeps its meaning for ever; later versions add numbers, so treat an unknown one as
/// a failure.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum shokyo_status {
    /// Success; outputs are written only then.
    Ok = 0,
    /// No locked memory or no key cell is left: raise the limit (RLIMIT_MEMLOCK; on Windows the working set), free documents, or open the vault with fewer windows.
    LockedMemoryExhausted = 1,
    /// The operating system gave no memory.
    OutOfMemory = 2,
    /// A protection that a strict vault demands could not be had.
    ProtectionUnavailable = 3,
    /// The operating system's random generator failed.
    RandomnessUnavailable = 4,
    /// A call of the operating system failed.
    System = 5,
    /// The key was destroyed: by its owner, a deadline, or an erase-everything.
    Erased = 6,
    /// The deadline passed; everything was erased.
    Expired = 7,
    /// This thread already looks at a document of this vault through a window.
    WindowInUse = 8,
    /// No window became free in time.
    WindowTimeout = 9,
    /// Memory could not be shown to be erased. It is quarantined: stop the process and report it.
    NotErased = 10,
    /// The document is altered, misplaced or another session's.
    NotAuthentic = 11,
    /// An offset or index lies outside.
    OutOfRange = 12,
    /// Input is larger than the limit.
    TooLarge = 13,
    /// The document has no bytes.
    EmptyDocument = 14,
    /// A document that is still being written was used as a finished one, or the other way round.
    Unfinished = 15,
    /// Bytes do not have the form that the format demands.
    Malformed = 16,
    /// A version that this build does not know.
    UnsupportedVersion = 17,
    /// A cryptographic suite below the pinned minimum, or an unknown one.
    UnsupportedSuite = 18,
    /// A signature does not verify.
    BadSignature = 19,
    /// A certificate or identity is not trusted.
    Untrusted = 20,
    /// Something belongs to another session, document or key.
    Mismatch = 21,
    /// A message came that is not expected now; nothing was changed.
    UnexpectedMessage = 22,
    /// A command is not possible now.
    WrongState = 23,
    /// A one-use value was used before.
    Replayed = 24,
    /// A limit on concurrent work was reached; try again later.
    Busy = 25,
    /// The other side ended the session.
    Cancelled = 26,
    /// The call was made in a forked child: documents stay with the parent; start another program before using the library.
    ForkedChild = 27,
    /// The operation needs more locked stack than the vault set aside.
    RoomTooSmall = 28,
    /// Memory beside locked pages was overwritten: stop the process.
    MemoryCorrupted = 29,
    /// The platform has no way to do this.
    Unsupported = 30,
    /// Reading or writing failed.
    Io = 31,
    /// The evidence store refused.
    Store = 32,
    /// The options or the configuration make no sense.
    Configuration = 33,
    /// An argument is not what the function asks for: a null pointer, a length, a struct_size, a reserved value.
    InvalidArgument = 1001,
    /// The handle was freed, consumed, never given, or belongs to another kind of object.
    InvalidHandle = 1002,
    /// Another call is using the object, so it cannot be consumed or written to now; nothing was changed.
    HandleInUse = 1003,
    /// No more handles can be given in this process.
    HandlesExhausted = 1004,
    /// The callback returned something other than 0.
    CallbackStopped = 1005,
    /// A fault inside the library was caught. Every key of the vault that it touched is destroyed, and that vault is poisoned.
    Panic = 1006,
    /// An earlier call on this vault ended with SHOKYO_STATUS_PANIC: erase and free what is left of it, and open another.
    VaultPoisoned = 1007,
    /// The place for an output is too small: nothing was taken or lost, and the call's length says how many bytes are needed.
    CapacityTooSmall = 1008,
}

/// Numbers that a status had in a release and none has any more: none may have them again, because a program that was compiled
/// against that release takes them for what they were. There are none yet.
#[cfg(test)]
const RETIRED: [i32; 0] = [];

/// What a status means and what to do next, in English.
///
/// status: any number. Gives a static, null-terminated text, never NULL; the caller must not free it.
/// Threads: any. Signals: safe in a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn shokyo_status_text(status: i32) -> *const c_char {
    text(status).as_ptr()
}

impl shokyo_status {
    /// What it means and what to do next.
    pub(super) fn text(self) -> &'static CStr {
        text(self as i32)
    }
}

impl From<&Error> for shokyo_status {
    fn from(error: &Error) -> Self {
        match error {
            Error::LockedMemoryExhausted { .. } => Self::LockedMemoryExhausted,
            Error::OutOfMemory { .. } => Self::OutOfMemory,
            Error::ProtectionUnavailable { .. } => Self::ProtectionUnavailable,
            Error::RandomnessUnavailable => Self::RandomnessUnavailable,
            Error::System { .. } => Self::System,
            Error::Erased => Self::Erased,
            Error::Expired => Self::Expired,
            Error::WindowInUse => Self::WindowInUse,
            Error::WindowTimeout => Self::WindowTimeout,
            Error::NotErased { .. } => Self::NotErased,
            Error::NotAuthentic => Self::NotAuthentic,
            Error::OutOfRange { .. } => Self::OutOfRange,
            Error::TooLarge { .. } => Self::TooLarge,
            Error::EmptyDocument => Self::EmptyDocument,
            Error::Unfinished => Self::Unfinished,
            Error::Malformed { .. } => Self::Malformed,
            Error::UnsupportedVersion { .. } => Self::UnsupportedVersion,
            Error::UnsupportedSuite { .. } => Self::UnsupportedSuite,
            Error::BadSignature => Self::BadSignature,
            Error::Untrusted { .. } => Self::Untrusted,
            Error::Mismatch { .. } => Self::Mismatch,
            Error::UnexpectedMessage { .. } => Self::UnexpectedMessage,
            Error::WrongState { .. } => Self::WrongState,
            Error::Replayed => Self::Replayed,
            Error::Busy { .. } => Self::Busy,
            Error::Cancelled => Self::Cancelled,
            Error::ForkedChild => Self::ForkedChild,
            Error::RoomTooSmall { .. } => Self::RoomTooSmall,
            Error::MemoryCorrupted => Self::MemoryCorrupted,
            Error::Unsupported { .. } => Self::Unsupported,
            Error::Refused { .. } => Self::InvalidArgument,
            Error::Io { .. } => Self::Io,
            Error::Store { .. } => Self::Store,
            Error::Configuration { .. } => Self::Configuration,
        }
    }
}

fn text(status: i32) -> &'static CStr {
    match status {
        0 => c"success",
        1 => c"no locked memory left; raise the limit (RLIMIT_MEMLOCK; on Windows the working set), free documents, or open the vault with fewer windows",
        2 => c"the operating system gave no memory; free memory or lower the size limits",
        3 => c"a protection could not be had; grant it to the process, or open the vault with best_effort",
        4 => c"the operating system's random generator failed; nothing was sealed, try again later",
        5 => c"a call of the operating system failed; shokyo_detail names it",
        6 => c"the document was erased; ask the issuing system to compose it again",
        7 => c"the deadline passed and the document was erased; a new application is needed",
        8 => c"this thread already looks at a document through a window; return from that callback first",
        9 => c"no window became free in time; use fewer readers at once or open the vault with more windows",
        10 => c"an erasure could not be verified; the memory is quarantined, stop this process and report it",
        11 => c"not authentic for this session: altered, misplaced or another's; erase and start a new application",
        12 => c"an offset or index lies outside; shokyo_detail tells the end",
        13 => c"the input is larger than the limit; shokyo_detail tells the limit",
        14 => c"the document is empty; nothing can be issued from 0 bytes",
        15 => c"the document is not finished; call finish first, and write only before it",
        16 => c"the input is malformed and was refused",
        17 => c"the version is not supported by this build; update the older side",
        18 => c"the cryptographic suite is not accepted here; the minimum is pinned and never lowered",
        19 => c"the signature does not verify; the message was refused",
        20 => c"not trusted by this station; check its authorities",
        21 => c"something does not match; it belongs to something else and was refused",
        22 => c"the message is not expected now and was refused",
        23 => c"the command is not possible now",
        24 => c"a one-use value was used before; the message was refused",
        25 => c"a limit on concurrent work was reached; try again later",
        26 => c"the session was ended by the other side; a new application is needed",
        27 => c"this is a forked child: documents stay with the parent; start another program before using the library",
        28 => c"the operation needs more locked stack; raise the limit (RLIMIT_MEMLOCK; on Windows the working set) and the vault's room size",
        29 => c"memory beside locked pages was overwritten; stop this process, something writes out of bounds",
        30 => c"not possible on this platform",
        31 => c"reading or writing failed; shokyo_detail tells of what",
        32 => c"the evidence store failed; check the disk and its permissions",
        33 => c"the options make no sense together; shokyo_detail tells which",
        1001 => c"an argument is wrong; shokyo_detail names it",
        1002 => c"the handle was freed, consumed or never given, or is of another kind; correct the caller",
        1003 => c"another call is using the object; wait for it to return",
        1004 => c"no more handles can be given; free what is not needed, or start the process anew",
        1005 => c"the callback asked to stop",
        1006 => c"a fault inside the library was caught; the vault's keys are destroyed, report it",
        1007 => c"the vault met a fault before; erase and free what is left of it and open another",
        1008 => {
            c"the place for the output is too small; call again with the capacity that length says, nothing was lost"
        }
        _ => c"unknown status; the library is newer than the program",
    }
}

#[cfg(test)]
mod tests {
    use super::{RETIRED, text};

    /// Those of these numbers that a status has.
    fn in_use(numbers: &[i32]) -> Vec<i32> {
        numbers.iter().copied().filter(|number| text(*number) != text(-1)).collect()
    }

    #[test]
    fn no_status_has_a_retired_number() {
        assert!(in_use(&RETIRED).is_empty());
        // Of these, the last and the first are in use: this is seen.
        assert_eq!(in_use(&[7, 999, 1001]), [7, 1001]);
    }
}
