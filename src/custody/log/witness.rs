//! A witness (C2SP tlog-witness): from what it saw last of a log, it decides whether a new checkpoint shows the same history.

use alloc::string::String;
use alloc::vec::Vec;

use crate::custody::log::checkpoint::Checkpoint;
use crate::custody::log::cosignature;
use crate::custody::log::note::{Note, NoteSigner, VerifierKey};
use crate::custody::log::proof::{roots_of_consistency, verify_consistency};
use crate::custody::log::request::AddCheckpoint;
use crate::custody::log::tree::{Hash, empty_root};
use crate::error::Error;

/// What a witness does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The log has only grown: keep the checkpoint, then cosign.
    Consistent(Consistent),
    /// The request does not begin at what was seen last. Ask again with a proof from this size.
    Stale {
        /// The size that was seen last; 0 if the log was never seen.
        size: u64,
    },
    /// The log has signed two histories, and anyone can check it: keep the evidence, raise an alarm, never cosign.
    SplitView(Evidence),
    /// The proof does not lead from what was seen last to what is offered: it is wrong, or there are two histories. Keep the
    /// evidence and do not cosign; an honest log can show a proof that leads there.
    Unproven(Evidence),
}

/// A checkpoint that may be cosigned: made by [`decide`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistent {
    log: VerifierKey,
    checkpoint: Checkpoint,
    note: String,
}

/// Two checkpoints that a log signed, and the proof with which it offered the second one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The signed note that was seen before.
    pub seen: String,
    /// The signed note that was offered.
    pub offered: String,
    /// The proof that came with it.
    pub proof: Vec<Hash>,
}

/// Decides about a request. `seen` is the signed note of this log that was kept last; `None` if there was none.
///
/// Keep the checkpoint of [`Decision::Consistent`] durably, in place of `seen` and before anyone gets its cosignature; no other
/// request of the same log may be decided in between.
///
/// # Errors
/// As [`Checkpoint::verify`], for the offered checkpoint and the one that was seen; [`Error::OutOfRange`] if the request begins
/// beyond its checkpoint. Nothing is to be kept then.
pub fn decide(log: &VerifierKey, seen: Option<&str>, request: &AddCheckpoint) -> Result<Decision, Error> {
    let offered = Checkpoint::verify(&request.checkpoint, log)?;
    if request.old > offered.size {
        return Err(Error::OutOfRange { at: request.old, length: offered.size });
    }
    let last = seen.map(|note| Checkpoint::verify(note, log)).transpose()?;
    let (size, root) = last.map_or((0, empty_root()), |last| (last.size, last.root));
    let evidence = || Evidence {
        seen: seen.map(String::from).unwrap_or_default(),
        offered: request.checkpoint.clone(),
        proof: request.proof.clone(),
    };
    if offered.size == size && offered.root != root {
        return Ok(Decision::SplitView(evidence()));
    }
    if request.old != size {
        return Ok(Decision::Stale { size });
    }
    if verify_consistency(size, &root, offered.size, &offered.root, &request.proof).is_err() {
        let evidence = evidence();
        let proven = seen.is_some() && evidence.shows_split_view(log)?;
        return Ok(if proven { Decision::SplitView(evidence) } else { Decision::Unproven(evidence) });
    }
    Ok(Decision::Consistent(Consistent { log: log.clone(), checkpoint: offered, note: request.checkpoint.clone() }))
}

impl Consistent {
    /// What the log signed.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signed note, to be kept as what was seen last.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The cosignature, as the line that the log [adds](super::add_line) to its checkpoint. Keep [`Consistent::note`] first.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if the signer is the log itself, [`Error::TooLarge`] for a time beyond 2⁶³ − 1 seconds; the signer's own
    /// errors.
    pub fn cosign(&self, signer: &dyn NoteSigner, unix_seconds: u64) -> Result<String, Error> {
        cosignature::line(Note::parse(&self.note)?.text, &self.log, signer, unix_seconds)
    }
}

impl Evidence {
    /// Whether the log has provably signed two histories.
    ///
    /// Two roots for one size show it. So does a proof that leads to the offered root, but from another one than was seen: the
    /// offered root binds its log to every hash on the way, and so to the root that it had at the older size.
    ///
    /// # Errors
    /// As [`Checkpoint::verify`]: whoever signed these, it was not this log.
    pub fn shows_split_view(&self, log: &VerifierKey) -> Result<bool, Error> {
        let (seen, offered) = (Checkpoint::verify(&self.seen, log)?, Checkpoint::verify(&self.offered, log)?);
        if seen.size == offered.size {
            return Ok(seen.root != offered.root);
        }
        let roots = roots_of_consistency(seen.size, &seen.root, offered.size, &self.proof);
        Ok(roots.is_ok_and(|(old, new)| new == offered.root && old != seen.root))
    }
}
