//! The residue scanner: looks from outside whether pieces of a secret are left in a process (Linux).
//!
//! [`scan`] stops every thread of a process, reads every register and every readable mapping, looks for pieces of documents
//! and keys and for what AES-256-GCM derives from keys, lets the process run on, and [reports](ScanReport). It must never
//! change the process, never leave it stopped, never report content, and never call clean what it could not see.
//!
//! A scan proves something only with its two controls: a *control marker* that the process keeps alive and that must be found,
//! and, for documents, a [`Baseline`] of the same process from before it had the document.
//!
//! ```
//! # #[cfg(target_os = "linux")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::io::{Read, Write};
//! use std::process::{Command, Stdio};
//! use shokyo::scan::{Needles, baseline, scan};
//!
//! let mut document = [0; 4096];
//! let mut control = [0; 32];
//! std::fs::File::open("/dev/urandom")?.read_exact(&mut document)?;
//! std::fs::File::open("/dev/urandom")?.read_exact(&mut control)?;
//!
//! // A program that passes a document on, and wipes nothing.
//! let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
//! let (mut input, mut output) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
//! let needles = Needles::of_document(&document);
//! let before = baseline(cat.id().try_into()?, &needles)?;
//! input.write_all(&[&document[..], &control].concat())?;
//! output.read_exact(&mut [0; 4096 + 32])?;
//!
//! let report = scan(cat.id().try_into()?, &needles, &control, Some(&before))?;
//! assert!(report.control_found, "otherwise the scan would prove nothing");
//! assert!(report.total_hits() > 0 && !report.is_clean(), "the document is still in its buffer");
//! # drop(input);
//! # cat.wait()?;
//! # Ok(())
//! # }
//! # #[cfg(not(target_os = "linux"))]
//! # fn main() {}
//! ```
//!
//! # What is certain
//!
//! Every stretch of at least 16 bytes of a document (8 in registers, 8 for keys and markers everywhere) at any address is found,
//! if a piece of that length in it is varied enough to be no coincidence and the baseline did not have it. [`ScanReport`]
//! counts the pieces that are left out.
//!
//! [`scan_core`] does the same with a core file, which shows a process as it was when the kernel wrote it: in the middle of what it did.
//!
//! # Limits
//!
//! - Only the bytes as they are and, [when asked](Needles::with_encodings), in the [encodings](Encoding) that are named: not compressed,
//!   encrypted, or interleaved with others, as the digits of a hexadecimal dump with spaces are.
//! - A register wider than 16 bytes is stored in parts by the processor: a piece in it shows as several shorter ones.
//! - Bit-sliced key schedules, as AES without processor support keeps them, are not recognised.
//! - Secret memory (`memfd_secret`) cannot be read from outside; a process that uses it is never clean here.
//! - Not looked at: swap, the kernel's buffers, other processes that share the memory (they are not stopped either), files, memory of
//!   devices, what the process sent elsewhere.
//! - A scan tells about one moment. The caller must make sure that the process has finished its work.
#![forbid(unsafe_code)]
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

mod anchors;
mod baseline;
#[cfg(target_os = "linux")]
mod core_file;
mod derived;
mod encodings;
mod index;
mod needles;
mod report;
mod search;
#[cfg(target_os = "linux")]
mod walk;

pub use baseline::Baseline;
pub use encodings::Encoding;
pub use needles::{DOCUMENT_PIECE, NeedleKind, Needles, SHORT_PIECE};
pub use report::{HITS_KEPT, Hit, Place, ScanReport, SeenMapping, StackPart, Unreadable, UnreadableReason};

use crate::error::Error;

/// Lengths in bytes that a control marker may have.
pub const CONTROL_LENGTH: std::ops::RangeInclusive<usize> = 16..=search::OVERLAP;

/// Scans process `pid` for `needles` and for the marker `control`, random bytes that the process keeps alive ([`CONTROL_LENGTH`]).
///
/// The process is stopped for the time of the scan (about a second per 60 MiB with a document of 5 MiB, mostly less) and
/// runs on afterwards. The caller must not wait for it in another thread meanwhile
/// ([`with_stopped`](crate::platform::inspect::with_stopped)), and must be allowed to trace it: its parent, the same user, or with
/// `CAP_SYS_PTRACE`.
///
/// # Errors
/// [`Error::Configuration`] when the process may not be traced, with what to do, or when there is nothing to look for;
/// [`Error::Io`] when it is not there, ended meanwhile, or did not stop in time; [`Error::Unsupported`] elsewhere than on Linux.
#[cfg(target_os = "linux")]
pub fn scan(pid: i32, needles: &Needles, control: &[u8], baseline: Option<&Baseline>) -> Result<ScanReport, Error> {
    check(needles)?;
    check_control(control)?;
    linux::scan(pid, needles, control, baseline)
}

/// Finds out which pieces of `needles` are in process `pid` anyway. To be called before the process gets the document.
///
/// # Errors
/// As [`scan`].
#[cfg(target_os = "linux")]
pub fn baseline(pid: i32, needles: &Needles) -> Result<Baseline, Error> {
    check(needles)?;
    linux::baseline(pid, needles)
}

/// Not possible here.
///
/// # Errors
/// Always [`Error::Unsupported`].
#[cfg(not(target_os = "linux"))]
pub fn scan(_pid: i32, _needles: &Needles, _control: &[u8], _baseline: Option<&Baseline>) -> Result<ScanReport, Error> {
    Err(Error::Unsupported { what: "scanning another process for residue" })
}

/// Not possible here.
///
/// # Errors
/// Always [`Error::Unsupported`].
#[cfg(not(target_os = "linux"))]
pub fn baseline(_pid: i32, _needles: &Needles) -> Result<Baseline, Error> {
    Err(Error::Unsupported { what: "scanning another process for residue" })
}

/// Scans a core file (ELF, 64 bits, of this processor) for `needles` and for the marker `control`, as [`scan`] does a process.
///
/// The registers of every thread are found in its notes; the mappings are those that the kernel wrote, and their
/// [flags](Place::Memory) are not told. `untouched_bytes` of the report are those that the kernel left out of the core: mappings marked
/// so, and unchanged files.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read; [`Error::Malformed`] when it is not such a core, or was cut off;
/// [`Error::Configuration`] when there is nothing to look for.
#[cfg(target_os = "linux")]
pub fn scan_core(file: &std::path::Path, needles: &Needles, control: &[u8]) -> Result<ScanReport, Error> {
    check(needles)?;
    check_control(control)?;
    core_file::scan(file, needles, control)
}

#[cfg(target_os = "linux")]
fn check_control(control: &[u8]) -> Result<(), Error> {
    if CONTROL_LENGTH.contains(&control.len()) {
        return Ok(());
    }
    let reason = format!("a control marker has {} to {} random bytes", CONTROL_LENGTH.start(), CONTROL_LENGTH.end());
    Err(Error::Configuration { reason })
}

#[cfg(target_os = "linux")]
fn check(needles: &Needles) -> Result<(), Error> {
    if needles.is_empty() {
        return Err(Error::Configuration {
            reason: "there is nothing to scan for: every needle is empty or too short".into(),
        });
    }
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux;
