//! Whether a store is what its log says, and the log what it signed: every leaf is computed again from the rows, the tree from the
//! leaves, and compared with the tiles, the signed checkpoints and those that an auditor kept.
//!
//! The store is read once, as a stream, at one moment of it; signatures are verified on all processors. This module must never believe
//! anything of the store that a signature does not vouch for, and never stop at the first problem.

mod compare;
mod deletions;
mod frontier;
mod ids;
mod item;
mod parallel;
mod read;
mod rest;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::custody::entry::EntryKind;
use crate::custody::failure::reading;
use crate::custody::log::{Checkpoint, Hash, VerifierKey};
use crate::custody::store::Store;
use crate::error::Error;
use crate::receipt::Unverified;

/// The most problems that are described; the others are counted.
const DESCRIBED: usize = 1000;

/// Gives the Ed25519 public key for the key id, role, station and operator that a receipt *claims*, from certificates that the
/// auditor trusts, never from the receipt; `None` for what is not known.
pub type ReceiptKeys<'a> = dyn Fn(&Unverified) -> Option<[u8; 32]> + Sync + 'a;

/// What an auditor brings.
pub struct LogCheck<'a> {
    /// The keys that the log may have signed with: the present one, and earlier ones if it was changed.
    pub keys: &'a [VerifierKey],
    /// The keys of receipts.
    pub receipt_keys: &'a ReceiptKeys<'a>,
    /// Checkpoints of this log that were kept elsewhere, as signed notes. Only these show that the newest entries were cut off.
    pub known: &'a [String],
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a log with problems is an alarm"]
pub struct LogReport {
    /// The newest checkpoint whose signature verifies.
    pub checkpoint: Option<Checkpoint>,
    /// Entries in the log.
    pub size: u64,
    /// The root over all of them.
    pub root: Hash,
    /// How many entries of each kind, in the order of [`EntryKind::ALL`]; expired ones too.
    pub entries: [u64; 7],
    /// Receipts whose signatures verify.
    pub receipts_verified: u64,
    /// Receipts for whose signers no key was given: nothing is known of their signatures.
    pub receipts_without_key: u64,
    /// Entries whose rows were deleted because they were old, as a signed entry says.
    pub expired: u64,
    /// How many checkpoints were compared, those that were kept elsewhere included.
    pub checkpoints: u64,
    /// What is wrong: the first thousand.
    pub problems: Vec<Problem>,
    /// How many problems there are in all.
    pub problem_count: u64,
}

impl LogReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.problem_count == 0
    }

    fn problem(&mut self, place: Place, what: impl Into<String>) {
        self.problem_count += 1;
        if self.problems.len() < DESCRIBED {
            self.problems.push(Problem { place, what: what.into() });
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What, in a sentence.
    pub what: String,
}

/// Where something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An entry of the log.
    Entry {
        /// Its position, from 0.
        position: u64,
        /// What it says it is.
        kind: EntryKind,
        /// The row that it names.
        row: Option<i64>,
    },
    /// Positions without an entry, first and last.
    Positions(u64, u64),
    /// A row of a table.
    Row {
        /// The table.
        table: &'static str,
        /// Its id.
        row: i64,
    },
    /// A tile.
    Tile {
        /// Its level.
        level: u8,
        /// Its place in the level.
        index: u64,
    },
    /// The checkpoint of the tree of this size.
    Checkpoint(u64),
    /// The store as a whole.
    Store,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Entry { position, kind, row: Some(row) } => {
                write!(f, "entry {position} ({}, row {row} of {}): ", kind.name(), table(kind))?;
            }
            Place::Entry { position, kind, row: None } => write!(f, "entry {position} ({}): ", kind.name())?,
            Place::Positions(first, last) if first == last => write!(f, "entry {first}: ")?,
            Place::Positions(first, last) => write!(f, "entries {first} to {last}: ")?,
            Place::Row { table, row } => write!(f, "row {row} of {table}: ")?,
            Place::Tile { level, index } => write!(f, "tile {index} of level {level}: ")?,
            Place::Checkpoint(size) => write!(f, "checkpoint of size {size}: ")?,
            Place::Store => {}
        }
        f.write_str(&self.what)
    }
}

const fn table(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Opened | EntryKind::PrintStarted | EntryKind::Ended => "sessions",
        EntryKind::OwnReceipt | EntryKind::PeerReceipt => "receipts",
        EntryKind::Alarm => "alarms",
        EntryKind::Expired => "expired",
    }
}

/// Checks a whole store. A station may write to it meanwhile: what is checked is the store at the moment of the call.
///
/// # Errors
/// [`Error::Store`] and [`Error::Malformed`] when the file cannot be read as a store at all. Whatever else is wrong is in the report.
pub fn verify_log(store: &Store, check: &LogCheck<'_>) -> Result<LogReport, Error> {
    let moment = store.connection.unchecked_transaction().map_err(|error| reading(&error))?;
    let mut comparison = compare::Comparison::new(store, check)?;
    parallel::for_each(store, check.receipt_keys, |checked| comparison.take(checked))?;
    let mut report = comparison.finish()?;
    rest::check(store, &mut report)?;
    drop(moment);
    Ok(report)
}
