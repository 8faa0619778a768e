//! One transaction: records, their entries in the log, the tree's tiles and the checkpoint, all or nothing.

use alloc::string::String;
use alloc::vec::Vec;

use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::{Connection, OptionalExtension, Params, Transaction, TransactionBehavior};

use crate::custody::entry::{self, Entry};
use crate::custody::failure::{reading, writing};
use crate::custody::log::{self, Checkpoint, Hash, NoteSigner, TileId, Tiles};
use crate::custody::signing::{Head, Signing};
use crate::error::Error;

/// Of the checkpoints within this time only the last is kept, in milliseconds.
const KEPT_CHECKPOINTS: i64 = 3_600_000;

/// A transaction in which entries are appended. Dropped before [`Batch::commit`], it changes nothing.
pub(super) struct Batch<'c> {
    transaction: Transaction<'c>,
    /// Who signs it, if anyone.
    signing: Option<&'c mut Signing>,
    random: SystemRandom,
    /// Entries before this batch.
    size: u64,
    /// The hashes of the new leaves.
    leaves: Vec<Hash>,
    /// The time of the latest of them, in milliseconds since 1970-01-01 UTC.
    pub(super) latest: i64,
}

impl<'c> Batch<'c> {
    /// Begins where the log ends; with a key, only where that key signed last.
    pub(super) fn begin(connection: &'c mut Connection, mut signing: Option<&'c mut Signing>) -> Result<Self, Error> {
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| writing(&error))?;
        let size = log_size(&transaction)?;
        if let Some(signing) = &mut signing {
            signing.check(&Stored(&transaction), size)?;
        }
        Ok(Self { transaction, signing, random: SystemRandom::new(), size, leaves: Vec::new(), latest: 0 })
    }

    /// Appends an entry about the row `row`.
    pub(super) fn append(&mut self, entry: &Entry<'_>, row: i64, time: i64) -> Result<(), Error> {
        let mut salt = [0; 32];
        self.random.fill(&mut salt).map_err(|_| Error::RandomnessUnavailable)?;
        let leaf = entry::leaf(&salt, &entry.encode(time.cast_unsigned())?);
        let position = self.size + self.leaves.len() as u64;
        let new = "INSERT INTO log (position, entry, row, salt, leaf) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.execute(new, (position.cast_signed(), entry.kind() as u8, row, salt, leaf))?;
        self.leaves.push(log::leaf_hash(&leaf));
        self.latest = self.latest.max(time);
        Ok(())
    }

    /// Runs `write` so that nothing of it is kept if it fails, and the rest of the batch goes on. The outer error is one after which
    /// the batch cannot go on.
    pub(super) fn alone(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<Result<(), Error>, Error> {
        let (leaves, latest) = (self.leaves.len(), self.latest);
        self.execute("SAVEPOINT record", [])?;
        let outcome = write(self);
        // After some failures, such as a full disk, SQLite has ended the transaction itself.
        if let Err(error) = &outcome
            && self.transaction.is_autocommit()
        {
            return Err(error.clone());
        }
        if outcome.is_err() {
            self.execute("ROLLBACK TO record", [])?;
            self.leaves.truncate(leaves);
            self.latest = latest;
        }
        self.execute("RELEASE record", [])?;
        Ok(outcome)
    }

    /// Where the next entry will be.
    pub(super) const fn next_position(&self) -> u64 {
        self.size + self.leaves.len() as u64
    }

    /// Grows the tree, signs it and makes everything durable.
    pub(super) fn commit(self) -> Result<(), Error> {
        let mut head = None;
        if !self.leaves.is_empty() {
            for (id, hashes) in log::append(&Stored(&self.transaction), self.size, &self.leaves)? {
                let grown = "INSERT INTO tiles (level, tile, hashes) VALUES (?1, ?2, ?3) \
                             ON CONFLICT (level, tile) DO UPDATE SET hashes = excluded.hashes";
                self.execute(grown, (id.level, id.index.cast_signed(), hashes))?;
            }
            if let Some(signing) = &self.signing {
                head = Some(self.checkpoint(signing.signer())?);
            }
        }
        let done = self.transaction.commit().map_err(|error| writing(&error));
        if let (Some(signing), Some(head)) = (self.signing, head) {
            signing.committed(head, done.is_ok());
        }
        done
    }

    /// Signs the tree as it is, with this transaction's entries.
    pub(super) fn checkpoint(&self, signer: &dyn NoteSigner) -> Result<Head, Error> {
        let covered = self.next_position();
        let root = log::root(&Stored(&self.transaction), covered)?;
        let origin = String::from(signer.verifier_key().name());
        let note = Checkpoint { origin, size: covered, root }.sign(signer)?;
        let before: Option<(i64, i64)> = self
            .transaction
            .prepare_cached("SELECT size, signed_unix_ms FROM checkpoints ORDER BY size DESC LIMIT 1")
            .and_then(|mut newest| newest.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional())
            .map_err(|error| reading(&error))?;
        let new = "INSERT INTO checkpoints (size, signed_unix_ms, note) VALUES (?1, ?2, ?3)";
        self.execute(new, (covered.cast_signed(), self.latest, note))?;
        if let Some((size, signed)) = before
            && signed / KEPT_CHECKPOINTS == self.latest / KEPT_CHECKPOINTS
        {
            self.execute("DELETE FROM checkpoints WHERE size = ?1", [size])?;
        }
        Ok(Head { size: covered, root })
    }

    /// Runs one statement and tells whether it changed a row.
    pub(super) fn execute(&self, sql: &str, parameters: impl Params) -> Result<bool, Error> {
        let changed = self.transaction.prepare_cached(sql).and_then(|mut statement| statement.execute(parameters));
        Ok(changed.map_err(|error| writing(&error))? > 0)
    }

    /// The id of the row that was inserted last.
    pub(super) fn last_row(&self) -> i64 {
        self.transaction.last_insert_rowid()
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.transaction
    }
}

/// How many entries the log has.
pub(super) fn log_size(connection: &Connection) -> Result<u64, Error> {
    let size = connection
        .prepare_cached("SELECT coalesce(max(position) + 1, 0) FROM log")
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)));
    Ok(size.map_err(|error| reading(&error))?.cast_unsigned())
}

/// The tiles of a store.
pub(super) struct Stored<'c>(pub(super) &'c Connection);

impl Tiles for Stored<'_> {
    fn tile(&self, id: TileId) -> Result<Vec<u8>, Error> {
        self.0
            .prepare_cached("SELECT hashes FROM tiles WHERE level = ?1 AND tile = ?2")
            .and_then(|mut statement| statement.query_row((id.level, id.index.cast_signed()), |row| row.get(0)))
            .map_err(|error| match error {
                rusqlite::Error::QueryReturnedNoRows => {
                    Error::Malformed { what: "the log's tiles, of which one is missing" }
                }
                other => reading(&other),
            })
    }
}
