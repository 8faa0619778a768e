//! The one error type. Its texts say what to do next and never contain document data, keys or names of people.

use core::fmt;

/// Everything that can go wrong, without secret data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No locked memory is left. Sizes in bytes.
    LockedMemoryExhausted {
        /// Bytes that were asked for.
        needed: u64,
        /// The process's limit (`RLIMIT_MEMLOCK`; on Windows its minimum working set, which grows), or the vault's own.
        limit: u64,
    },
    /// The operating system gave no memory.
    OutOfMemory {
        /// Bytes that were asked for.
        needed: u64,
    },
    /// A protection that strict mode demands could not be had.
    ProtectionUnavailable {
        /// Name of the protection.
        protection: &'static str,
        /// The operating system's error number.
        os_error: i32,
    },
    /// The random generator of the operating system failed.
    RandomnessUnavailable,
    /// A call of the operating system failed.
    System {
        /// The call.
        call: &'static str,
        /// The operating system's error number.
        os_error: i32,
    },
    /// The key was destroyed: by its owner, by a deadline, or by an erase-everything.
    Erased,
    /// The deadline passed; everything was erased.
    Expired,
    /// This thread already holds a window on a document.
    WindowInUse,
    /// No window became free in time.
    WindowTimeout,
    /// Memory could not be shown to be erased: the read-back found other bytes. It is quarantined and never reused.
    NotErased {
        /// Bytes that were to be erased.
        bytes: u64,
    },
    /// A chunk or a wrapped key is not authentic for this session.
    NotAuthentic,
    /// An offset or index lies outside the document.
    OutOfRange {
        /// What was asked for.
        at: u64,
        /// The end.
        length: u64,
    },
    /// Input is larger than the configured limit.
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit, in the unit of the thing.
        limit: u64,
    },
    /// The document has no bytes.
    EmptyDocument,
    /// A document that is still being written, or already finished, was used as the other.
    Unfinished,
    /// Bytes do not have the form that the format demands.
    Malformed {
        /// What was being read.
        what: &'static str,
    },
    /// A version of the protocol or a format that this build does not know.
    UnsupportedVersion {
        /// The version found.
        found: u64,
    },
    /// A cryptographic suite below the pinned minimum, or an unknown one.
    UnsupportedSuite {
        /// The suite found.
        found: u64,
    },
    /// A signature does not verify.
    BadSignature,
    /// A certificate or identity is not one that this station trusts.
    Untrusted {
        /// What about it is not trusted.
        what: &'static str,
    },
    /// Something belongs to another session, document or key.
    Mismatch {
        /// What does not match.
        what: &'static str,
    },
    /// A message came that this state does not allow; nothing was changed.
    UnexpectedMessage {
        /// The message.
        message: &'static str,
    },
    /// A command was given that this state does not allow.
    WrongState {
        /// The command.
        command: &'static str,
    },
    /// A one-use value was used before.
    Replayed,
    /// A limit on concurrent work was reached; try again later.
    Busy {
        /// What is full.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The other side ended the session.
    Cancelled,
    /// A handle, buffer or vault was used in a forked child.
    ForkedChild,
    /// The operation needs more locked stack than the vault set aside. Sizes in bytes.
    RoomTooSmall {
        /// Bytes that the operation used or needs.
        needed: u64,
        /// Bytes set aside.
        available: u64,
    },
    /// A canary beside locked memory was overwritten: something wrote out of bounds.
    MemoryCorrupted,
    /// The platform has no way to do this.
    Unsupported {
        /// What cannot be done.
        what: &'static str,
    },
    /// A file that must not be overwritten, or a program that must not be started: nothing was changed.
    Refused {
        /// Why, and what to do.
        reason: &'static str,
    },
    /// Reading or writing failed.
    #[cfg(feature = "std")]
    Io {
        /// What was being done.
        what: &'static str,
        /// The kind of failure.
        kind: std::io::ErrorKind,
    },
    /// The evidence store refused.
    Store {
        /// What was being done.
        what: &'static str,
    },
    /// The configuration is wrong.
    #[cfg(feature = "std")]
    Configuration {
        /// What is wrong, and where.
        reason: std::string::String,
    },
}

/// How a process gets more locked memory.
const RAISE_LOCKED: &str = if cfg!(windows) {
    "give the account the right to increase a process working set, and its job object a larger one"
} else {
    "raise RLIMIT_MEMLOCK (ulimit -l, or LimitMEMLOCK= of the service)"
};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LockedMemoryExhausted { needed, limit } => write!(
                f,
                "no locked memory left: {needed} bytes needed, the limit is {limit} bytes; {RAISE_LOCKED}, close documents, or \
                 open the vault with fewer windows; for a document in one piece, with a larger max_whole"
            ),
            Self::OutOfMemory { needed } => {
                write!(f, "the operating system gave no {needed} bytes; free memory or lower the size limits")
            }
            Self::ProtectionUnavailable { protection, os_error } => write!(
                f,
                "the protection {protection} could not be had (os error {os_error}); grant it to the process, or open \
                 the vault with best-effort protection and read what is missing from its protections"
            ),
            Self::RandomnessUnavailable => {
                f.write_str("the operating system's random generator failed; nothing was sealed, try again later")
            }
            Self::System { call, os_error } => write!(f, "{call} failed (os error {os_error})"),
            Self::Erased => f.write_str("the document was erased; ask the issuing system to compose it again"),
            Self::Expired => f.write_str("the deadline passed and the document was erased; a new application is needed"),
            Self::WindowInUse => f.write_str(
                "this thread already looks at a document through a window; return from that closure before opening another",
            ),
            Self::WindowTimeout => {
                f.write_str("no window became free in time; use fewer readers at once or open the vault with more windows")
            }
            Self::NotErased { bytes } => write!(
                f,
                "erasure of {bytes} bytes could not be verified; the memory is quarantined, stop this process and report it"
            ),
            Self::NotAuthentic => {
                f.write_str("not authentic for this session: altered, misplaced or another's; erase and start a new application")
            }
            Self::OutOfRange { at, length } => write!(f, "{at} lies outside: the end is {length}"),
            Self::TooLarge { what, limit } => write!(f, "{what} is larger than the limit of {limit}"),
            Self::EmptyDocument => f.write_str("the document is empty; nothing can be issued from 0 bytes"),
            Self::Unfinished => f.write_str("the document is not finished; call finish first, and write only before it"),
            Self::Malformed { what } => write!(f, "{what} is malformed and was refused"),
            Self::UnsupportedVersion { found } => {
                write!(f, "version {found} is not supported by this build; update the older side")
            }
            Self::UnsupportedSuite { found } => {
                write!(f, "cryptographic suite {found} is not accepted here; the minimum is pinned and never lowered")
            }
            Self::BadSignature => f.write_str("the signature does not verify; the message was refused"),
            Self::Untrusted { what } => write!(f, "{what} is not trusted by this station; check its authorities"),
            Self::Mismatch { what } => write!(f, "{what} does not match; it belongs to something else and was refused"),
            Self::UnexpectedMessage { message } => write!(f, "{message} is not expected now and was refused"),
            Self::WrongState { command } => write!(f, "{command} is not possible now"),
            Self::Replayed => f.write_str("a one-use value was used before; the message was refused"),
            Self::Busy { what, limit } => write!(f, "{what} are full ({limit}); try again later"),
            Self::Cancelled => f.write_str("the session was ended by the other side; a new application is needed"),
            Self::ForkedChild => f.write_str("this is a forked child: documents stay with the parent; open a new vault"),
            Self::RoomTooSmall { needed, available } => write!(
                f,
                "the operation needs {needed} bytes of locked stack and {available} are set aside; {RAISE_LOCKED}, and raise \
                 the vault's room size"
            ),
            Self::MemoryCorrupted => {
                f.write_str("memory beside locked pages was overwritten; stop this process, something writes out of bounds")
            }
            Self::Unsupported { what } => write!(f, "{what} is not possible on this platform"),
            Self::Refused { reason } => write!(f, "refused: {reason}"),
            #[cfg(feature = "std")]
            Self::Io { what, kind } => write!(f, "{what}: {kind}"),
            Self::Store { what } => write!(f, "the evidence store failed while {what}; check the disk and its permissions"),
            #[cfg(feature = "std")]
            Self::Configuration { reason } => write!(f, "configuration: {reason}"),
        }
    }
}

impl core::error::Error for Error {}

#[cfg(feature = "std")]
impl Error {
    /// An [`Error::Io`] from a standard error, which is reduced to its kind so that no path or content is carried.
    #[must_use]
    pub fn io(what: &'static str, error: &std::io::Error) -> Self {
        Self::Io { what, kind: error.kind() }
    }
}

/// The kind says what a caller of `std::io` can do about it; the source is the [`Error`] itself.
#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind as Kind;
        let kind = match &error {
            Error::LockedMemoryExhausted { .. } | Error::OutOfMemory { .. } | Error::RoomTooSmall { .. } => {
                Kind::OutOfMemory
            }
            Error::System { os_error, .. } => Self::from_raw_os_error(*os_error).kind(),
            Error::Io { kind, .. } => *kind,
            Error::ProtectionUnavailable { .. } | Error::Untrusted { .. } | Error::ForkedChild => {
                Kind::PermissionDenied
            }
            Error::Erased => Kind::BrokenPipe,
            Error::Cancelled => Kind::ConnectionAborted,
            Error::Expired | Error::WindowTimeout => Kind::TimedOut,
            Error::WindowInUse => Kind::Deadlock,
            // Not `WouldBlock`, which event loops take for "wait until it is ready".
            Error::Busy { .. } => Kind::ResourceBusy,
            Error::NotAuthentic
            | Error::Malformed { .. }
            | Error::BadSignature
            | Error::Mismatch { .. }
            | Error::UnexpectedMessage { .. }
            | Error::Replayed => Kind::InvalidData,
            Error::TooLarge { .. } => Kind::FileTooLarge,
            Error::OutOfRange { .. }
            | Error::EmptyDocument
            | Error::Unfinished
            | Error::WrongState { .. }
            | Error::Refused { .. }
            | Error::Configuration { .. } => Kind::InvalidInput,
            Error::UnsupportedVersion { .. } | Error::UnsupportedSuite { .. } | Error::Unsupported { .. } => {
                Kind::Unsupported
            }
            Error::RandomnessUnavailable | Error::NotErased { .. } | Error::MemoryCorrupted | Error::Store { .. } => {
                Kind::Other
            }
        };
        Self::new(kind, error)
    }
}
