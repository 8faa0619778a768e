//! What a station signs: only what it appended itself, to a log whose end it signed itself.
//!
//! Whoever can write the file can put entries, tiles and notes into it. So a log is gone on with only from a newest checkpoint that
//! verifies and covers every entry, and each batch begins only where the one before it ended: a copy of that end is kept in memory.
//! This module must never sign an entry that it did not append, except in [`Store::adopt_unsigned`].

use alloc::boxed::Box;
use core::iter::once;

use crate::custody::batch::{Batch, Stored};
use crate::custody::log::{self, Checkpoint, Hash, Note, NoteSigner, Tiles, VerifierKey};
use crate::custody::store::Store;
use crate::error::Error;

/// The key of a station's log, as a store keeps it.
pub type LogSigner = Box<dyn NoteSigner + Send>;

/// Where a log ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) size: u64,
    pub(super) root: Hash,
}

/// A log's key, and where the log ended when it signed last.
pub(super) struct Signing {
    signer: LogSigner,
    head: Head,
    /// The end of a batch whose commit failed: it may be durable all the same, and this process made it.
    unsure: Option<Head>,
}

impl Signing {
    /// Takes up a log whose newest checkpoint verifies with the signer's key or a previous one, and covers every entry.
    pub(super) fn resume(store: &Store, signer: LogSigner, previous: &[VerifierKey]) -> Result<Self, Error> {
        let head = signed_head(store, &*signer, previous)?;
        if head.size != store.log_size()? {
            return Err(NOT_WHAT_IT_SIGNED);
        }
        Ok(Self { signer, head, unsure: None })
    }

    pub(super) fn signer(&self) -> &dyn NoteSigner {
        &*self.signer
    }

    /// Refuses a log that ends elsewhere than where this process left it.
    pub(super) fn check(&mut self, tiles: &dyn Tiles, size: u64) -> Result<(), Error> {
        let there = Head { size, root: root(tiles, size, CHANGED)? };
        if there != self.head && Some(there) != self.unsure {
            return Err(CHANGED);
        }
        (self.head, self.unsure) = (there, None);
        Ok(())
    }

    /// A batch that ends here was committed, or may have been.
    pub(super) fn committed(&mut self, head: Head, durable: bool) {
        if durable {
            (self.head, self.unsure) = (head, None);
        } else {
            self.unsure = Some(head);
        }
    }
}

impl Store {
    /// Signs what was appended to this store without a key, such as by a tool, at the time `unix_ms` (milliseconds since 1970-01-01
    /// UTC). **No station calls this**: it signs whatever is in the file, so look first who wrote it.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the log is another station's, or does not go on from its newest checkpoint; the signer's own errors.
    pub fn adopt_unsigned(&mut self, signer: &dyn NoteSigner, unix_ms: u64) -> Result<(), Error> {
        let signed = signed_head(self, signer, &[])?;
        let mut batch = Batch::begin(&mut self.connection, None)?;
        if batch.next_position() == signed.size {
            return Ok(());
        }
        batch.latest = crate::custody::records::time(unix_ms)?;
        batch.checkpoint(signer)?;
        batch.commit()
    }
}

/// The end that the newest checkpoint gives, once it is shown to be signed by one of these keys and to be in the tiles.
fn signed_head(store: &Store, signer: &dyn NoteSigner, previous: &[VerifierKey]) -> Result<Head, Error> {
    let Some(note) = store.newest_checkpoint()? else { return Ok(Head { size: 0, root: log::empty_root() }) };
    if Checkpoint::parse_text(Note::parse(&note)?.text)?.origin != signer.verifier_key().name() {
        return Err(Error::Mismatch { what: "the store's log and the station's name" });
    }
    let signed = once(signer.verifier_key())
        .chain(previous)
        .find_map(|key| Checkpoint::verify(&note, key).ok())
        .ok_or(OTHER_KEY)?;
    if signed.size > store.log_size()?
        || root(&Stored(&store.connection), signed.size, NOT_WHAT_IT_SIGNED)? != signed.root
    {
        return Err(NOT_WHAT_IT_SIGNED);
    }
    Ok(Head { size: signed.size, root: signed.root })
}

/// The root that the tiles give; `otherwise` when they cannot.
fn root(tiles: &dyn Tiles, size: u64, otherwise: Error) -> Result<Hash, Error> {
    match log::root(tiles, size) {
        Err(Error::Malformed { .. }) => Err(otherwise),
        other => other,
    }
}

const OTHER_KEY: Error = Error::Mismatch {
    what: "the newest checkpoint of the store's log and the station's key for it (after a change of keys, give the old one as \
           `custody.previous-log-keys`; else keep the file, run custody verify on it),",
};
const NOT_WHAT_IT_SIGNED: Error = Error::Mismatch {
    what: "the store's log, which is not what its newest checkpoint says (keep the file, run custody verify on it),",
};
const CHANGED: Error = Error::Store {
    what: "writing: the log does not end where this process left it, so another program changed the file (stop the station, keep \
           the file, run custody verify on it)",
};
