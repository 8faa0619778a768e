//! Documents on their way to a printer: files that are overwritten with an honest report, an encrypted spool, and a hand-off to a
//! renderer that touches no disk.
//!
//! A file cannot be erased through a file system: what is said here is what was *overwritten at the file layer*, and what may remain
//! below. Nothing here calls a file erased; a document that stands in files is erased by destroying its key.
//!
//! Linux. Elsewhere every entrance answers [`Error::Unsupported`](crate::Error::Unsupported).
#![forbid(unsafe_code)]

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod extents;
#[cfg(target_os = "linux")]
mod hand_off;
#[cfg(target_os = "linux")]
mod holders;
#[cfg(target_os = "linux")]
mod medium;
#[cfg(target_os = "linux")]
mod overwrite;
mod report;
#[cfg(target_os = "linux")]
mod spool;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::*;
#[cfg(target_os = "linux")]
pub use hand_off::{Renderer, Rendering};
#[cfg(target_os = "linux")]
pub use overwrite::overwrite;
pub use report::{Blocks, Overwritten, ReadBack, Remainder};
#[cfg(target_os = "linux")]
pub use spool::{Leftover, Spool, SpoolErasure, Spooled};

/// How a file is overwritten.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct OverwriteOptions {
    /// The file stays, full of zeros, instead of being truncated and its name removed.
    pub keep: bool,
    /// Files of other users too, where the process may write them (root).
    pub of_others: bool,
}
