//! Delivery at the kiosk, one short step after the other: the proof over every byte, and a copy in the clear where one was asked
//! for.
//!
//! A step reads a few windows and returns, so that other transactions go on. Bytes must go from the window to the system and
//! nowhere else in this process.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::notice::What;
use crate::buffer::EphemeralBuffer;
use crate::error::Error;
use crate::platform::files;

/// Windows that are written in one step.
const WINDOWS: usize = 8;

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Another one follows.
    More,
    /// A thread waits for the disk.
    Elsewhere,
    /// Every byte was read, and written where that was asked for.
    Done,
}

/// A delivery that is under way.
pub(super) struct Printing {
    out: Option<File>,
    proof: Option<[u8; 32]>,
    written: u64,
    flushed: Option<Arc<OnceLock<Result<(), Error>>>>,
}

impl Printing {
    pub(super) fn new(out: Option<File>) -> Self {
        Self { out, proof: None, written: 0, flushed: None }
    }

    /// Does one step.
    pub(super) fn step(
        &mut self,
        document: &EphemeralBuffer,
        challenge: &[u8; 32],
        tell: impl Fn(What),
    ) -> Result<Step, Error> {
        let Some(proof) = self.proof else {
            self.proof = Some(document.hmac_sha256(challenge)?);
            return Ok(Step::More);
        };
        if let Some(file) = &mut self.out {
            if self.written == 0 {
                // Before the first byte: the file stays, also when the delivery does not come to its end.
                tell(What::WrittenInClear);
            }
            if self.written < document.len() {
                write_some(document, &mut self.written, file)?;
                return Ok(Step::More);
            }
            let flushed = match &self.flushed {
                Some(flushed) => flushed,
                None => self.flushed.insert(flush(file)?),
            };
            match flushed.get() {
                None => return Ok(Step::Elsewhere),
                Some(outcome) => outcome.clone()?,
            }
        }
        tell(What::Proved { proof });
        Ok(Step::Done)
    }
}

/// Makes the file for a copy in the clear, which must not be there yet.
pub(super) fn create_new(path: &Path) -> Result<File, Error> {
    files::create_private(path).map_err(|error| Error::io("creating the output file", &error))
}

fn write_some(document: &EphemeralBuffer, written: &mut u64, file: &mut File) -> Result<(), Error> {
    for _ in 0..WINDOWS {
        if *written >= document.len() {
            break;
        }
        // No buffering: the bytes go from the window to the system and nowhere else in this process.
        *written += document
            .read_at(*written, |plain| file.write_all(plain).map(|()| plain.len() as u64))?
            .map_err(|error| Error::io("writing the output file", &error))?;
    }
    Ok(())
}

/// Waits for the disk on another thread.
fn flush(file: &File) -> Result<Arc<OnceLock<Result<(), Error>>>, Error> {
    let failed = |error: std::io::Error| Error::io("writing the output file", &error);
    let file = file.try_clone().map_err(failed)?;
    let outcome = Arc::new(OnceLock::new());
    let tell = Arc::clone(&outcome);
    drop(tokio::task::spawn_blocking(move || tell.set(file.sync_all().map_err(failed))));
    Ok(outcome)
}
