//! What a witness is asked with: the body of `add-checkpoint` (C2SP tlog-witness), here a file.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::custody::log::base64;
use crate::custody::log::checkpoint::{Checkpoint, decimal};
use crate::custody::log::note::{LARGEST, Note};
use crate::custody::log::proof::consistency_proof;
use crate::custody::log::tree::{Hash, MOST_LEAVES, Tiles};
use crate::error::Error;

/// The most lines of a proof, as the specification bounds them.
const MOST_HASHES: usize = 63;

/// A checkpoint with the proof that the log has only grown since it had `old` leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness is thought to have seen last; 0 for a log that it never saw.
    pub old: u64,
    /// From `old` to the checkpoint's size (RFC 9162 §2.1.4); at most 63 hashes, none from 0.
    pub proof: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

impl AddCheckpoint {
    /// The request for a checkpoint of the log in `tiles`.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is no checkpoint; else as [`consistency_proof`].
    pub fn new(tiles: &dyn Tiles, old: u64, checkpoint: &str) -> Result<Self, Error> {
        let size = Checkpoint::parse_text(Note::parse(checkpoint)?.text)?.size;
        Ok(Self { old, proof: consistency_proof(tiles, old, size)?, checkpoint: String::from(checkpoint) })
    }

    /// Reads a body. Nothing in it is verified then, but the checkpoint is a note.
    ///
    /// # Errors
    /// [`Error::TooLarge`] and [`Error::Malformed`].
    pub fn parse(body: &str) -> Result<Self, Error> {
        if body.len() > LARGEST {
            return Err(Error::TooLarge { what: "a request to cosign", limit: LARGEST as u64 });
        }
        let (head, checkpoint) = body.split_once("\n\n").ok_or(MALFORMED)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal).ok_or(MALFORMED)?;
        if old > MOST_LEAVES {
            return Err(MALFORMED);
        }
        let hash = |line| base64::decode(line).and_then(|bytes| bytes.try_into().ok()).ok_or(MALFORMED);
        let proof = lines.take(MOST_HASHES + 1).map(hash).collect::<Result<Vec<Hash>, _>>()?;
        if proof.len() > MOST_HASHES {
            return Err(Error::TooLarge { what: "the proof in a request to cosign", limit: MOST_HASHES as u64 });
        }
        Note::parse(checkpoint)?;
        Ok(Self { old, proof, checkpoint: String::from(checkpoint) })
    }

    /// The body.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text.push_str(&base64::encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }
}

const MALFORMED: Error = Error::Malformed { what: "a request to cosign (old size, proof, empty line, checkpoint)" };
