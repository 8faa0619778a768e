//! The store: one SQLite file that one process writes and anyone may read.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row, TransactionBehavior};

use crate::custody::batch::{Batch, log_size};
use crate::custody::failure::{opening, reading};
use crate::custody::log::VerifierKey;
use crate::custody::records::insert;
use crate::custody::rows::{Alarm, OpenSession, Session, StoredReceipt};
use crate::custody::signing::{LogSigner, Signing};
use crate::error::Error;
use crate::handover::Record;
use crate::platform::files;
use crate::types::SessionId;

pub(super) const SCHEMA: &str = include_str!("schema.sql");
const SCHEMA_VERSION: i64 = 3;
const APPLICATION_ID: i64 = 0x7368_6B79;
/// How long the lock of another process is waited for.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// The durable records of one station, each of which is an entry of its log.
///
/// One process at a time writes: a lock file beside the database (`….lock`) keeps a second one out, and the operating system
/// releases it when the process dies. Readers are not kept out.
pub struct Store {
    pub(super) connection: Connection,
    pub(super) signing: Option<Signing>,
    // Held, and released after the connection is closed: fields are dropped in order.
    _lock: Option<File>,
}

impl Store {
    /// Opens the store for writing, and makes it if there is none. Checkpoints are signed with `signer` from now on, in the
    /// transaction of each batch.
    ///
    /// # Errors
    /// As [`Store::open`]; [`Error::Mismatch`] when the log is another station's, when its newest checkpoint is not signed with this
    /// key, or when that checkpoint is not over all that is in the log: what this key did not sign before is not signed now.
    pub fn open_signed(path: &Path, signer: LogSigner) -> Result<Self, Error> {
        Self::open_signed_after(path, signer, &[])
    }

    /// [`Store::open_signed`] after a change of keys: the newest checkpoint may also be signed with one of the `previous` keys.
    ///
    /// # Errors
    /// As [`Store::open_signed`].
    pub fn open_signed_after(path: &Path, signer: LogSigner, previous: &[VerifierKey]) -> Result<Self, Error> {
        let mut store = Self::open(path)?;
        store.signing = Some(Signing::resume(&store, signer, previous)?);
        Ok(store)
    }

    /// Opens the store for writing, and makes it if there is none, **without a key for its log**: entries are appended and the
    /// tree grows, but nothing signs it, and no station goes on with it until [`Store::adopt_unsigned`] did. For tools and tests.
    ///
    /// Commits are flushed to the disk (write-ahead log, `synchronous=FULL`). On Unix a new file is readable by its owner only.
    ///
    /// # Errors
    /// [`Error::Store`] that says what is wrong: another opener, no permission, no database; [`Error::UnsupportedVersion`] for
    /// a store of a later version.
    pub fn open(path: &Path) -> Result<Self, Error> {
        create_file(path)?;
        let path = path.canonicalize().map_err(|_| Error::Store { what: "opening it: its file cannot be found" })?;
        let lock = lock(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags).map_err(|error| opening(&error))?;
        if connection.is_readonly("main").map_err(|error| opening(&error))? {
            return Err(Error::Store { what: "opening it for writing, because the file is read-only" });
        }
        configure(&connection)?;
        // Looked at before the journal mode, which would change a file that is another program's.
        let empty: bool = connection
            .query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
            .map_err(|error| opening(&error))?;
        if !empty {
            check_version(&connection)?;
        }
        make_durable(&connection)?;
        if empty {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(|error| opening(&error))?;
            transaction.execute_batch(SCHEMA).map_err(|error| opening(&error))?;
            transaction.commit().map_err(|error| opening(&error))?;
            sync_directory(&path)?;
        }
        Ok(Self { connection, signing: None, _lock: Some(lock) })
    }

    /// Opens the store for reading only, also while a station writes to it.
    ///
    /// # Errors
    /// [`Error::Store`] that says what is wrong; [`Error::UnsupportedVersion`] for a store of a later version.
    pub fn open_read_only(path: &Path) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| opening(&error))?;
        configure(&connection)?;
        check_version(&connection)?;
        Ok(Self { connection, signing: None, _lock: None })
    }

    /// Writes one record at the time `unix_ms` (milliseconds since 1970-01-01 UTC). It is durable when this returns.
    ///
    /// A receipt that is there already, byte for byte, changes nothing.
    ///
    /// # Errors
    /// [`Error::Replayed`] for a session that was opened or a printing that was started before. [`Error::WrongState`] for printing
    /// or ending a session that was never opened or is over. [`Error::Malformed`] and [`Error::Mismatch`] for a receipt that
    /// cannot be read or is about another session. [`Error::Store`] when the disk refuses. Nothing is written then.
    pub fn write(&mut self, record: &Record, unix_ms: u64) -> Result<(), Error> {
        let mut batch = Batch::begin(&mut self.connection, self.signing.as_mut())?;
        insert(&mut batch, record, unix_ms)?;
        batch.commit()
    }

    /// Writes records in one transaction: all are durable when this returns, or none is written.
    ///
    /// # Errors
    /// As [`Store::write`], for the first record that fails.
    pub fn write_all(&mut self, records: &[(Record, u64)]) -> Result<(), Error> {
        let mut batch = Batch::begin(&mut self.connection, self.signing.as_mut())?;
        for (record, unix_ms) in records {
            insert(&mut batch, record, *unix_ms)?;
        }
        batch.commit()
    }

    /// Writes records in one transaction, and tells of each whether it was written: all that were are durable when this returns. One
    /// that is refused for what it says, as [`Store::write`] tells, leaves nothing and keeps no other back.
    ///
    /// # Errors
    /// [`Error::Store`] when the disk refuses, for whichever record: nothing is written then.
    pub fn write_each(&mut self, records: &[(Record, u64)]) -> Result<Vec<Result<(), Error>>, Error> {
        let mut batch = Batch::begin(&mut self.connection, self.signing.as_mut())?;
        let mut outcomes = Vec::with_capacity(records.len());
        for (record, unix_ms) in records {
            let outcome = batch.alone(|batch| insert(batch, record, *unix_ms))?;
            if let Err(error @ Error::Store { .. }) = outcome {
                return Err(error);
            }
            outcomes.push(outcome);
        }
        batch.commit()?;
        Ok(outcomes)
    }

    /// How many entries the log has.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn log_size(&self) -> Result<u64, Error> {
        log_size(&self.connection)
    }

    /// The newest checkpoint, a C2SP signed note; `None` while nothing was signed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn newest_checkpoint(&self) -> Result<Option<String>, Error> {
        self.connection
            .query_row("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1", [], |row| row.get(0))
            .optional()
            .map_err(|error| reading(&error))
    }

    /// The sessions without an outcome, the oldest first. After a restart these are the lost ones.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn open_sessions(&self) -> Result<Vec<OpenSession>, Error> {
        self.rows(OpenSession::QUERY, [], OpenSession::read)
    }

    /// All sessions, the oldest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn sessions(&self) -> Result<Vec<Session>, Error> {
        self.rows(Session::QUERY, [None::<&[u8]>], Session::read)
    }

    /// One session.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn session(&self, session: SessionId) -> Result<Option<Session>, Error> {
        Ok(self.rows(Session::QUERY, [session.as_bytes()], Session::read)?.pop())
    }

    /// The receipts of a session, in the order in which they were stored.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn receipts(&self, session: SessionId) -> Result<Vec<StoredReceipt>, Error> {
        self.rows(StoredReceipt::QUERY, [session.as_bytes()], StoredReceipt::read)
    }

    /// All alarms, in the order in which they were raised.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn alarms(&self) -> Result<Vec<Alarm>, Error> {
        self.rows(Alarm::QUERY, [], Alarm::read)
    }

    /// The hash of the receipt that this station made last, for its next one.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn last_receipt_hash(&self) -> Result<Option<[u8; 32]>, Error> {
        self.connection
            .query_row("SELECT hash FROM receipts WHERE own = 1 ORDER BY id DESC LIMIT 1", [], |row| row.get(0))
            .optional()
            .map_err(|error| reading(&error))
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn rows<T>(
        &self,
        query: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let mut statement = self.connection.prepare_cached(query).map_err(|error| reading(&error))?;
        let rows = statement.query_map(parameters, read).map_err(|error| reading(&error))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|error| reading(&error))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.signing.as_ref().map(|signing| signing.signer().verifier_key().name());
        f.debug_struct("Store").field("log", &name).finish_non_exhaustive()
    }
}

/// What every connection gets: patience with readers, no temporary files, no trust in what a file's schema may call.
fn configure(connection: &Connection) -> Result<(), Error> {
    connection
        .busy_timeout(Duration::from_secs(5))
        .and_then(|()| connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"))
        .map_err(|error| opening(&error))
}

fn make_durable(connection: &Connection) -> Result<(), Error> {
    let mode: std::string::String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(|error| opening(&error))?;
    if mode != "wal" {
        return Err(Error::Store {
            what: "opening it: this file system cannot keep a write-ahead log; use a local disk",
        });
    }
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; \
             PRAGMA secure_delete = ON;",
        )
        .map_err(|error| opening(&error))
}

fn check_version(connection: &Connection) -> Result<(), Error> {
    let number = |pragma: &str| -> Result<i64, Error> {
        connection.query_row(pragma, [], |row| row.get(0)).map_err(|error| opening(&error))
    };
    if number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(Error::Store { what: "opening it: the file is another program's database" });
    }
    match number("PRAGMA user_version")? {
        SCHEMA_VERSION => Ok(()),
        1 => Err(Error::Store {
            what: "opening it: it is of version 1, which has no log; keep it for auditors, and give the station a new file",
        }),
        2 => Err(Error::Store {
            what: "opening it: it is of version 2, which has no outbox; keep it for auditors, and give the station a new file",
        }),
        found => Err(Error::UnsupportedVersion { found: found.unsigned_abs() }),
    }
}

/// Makes the database file if there is none, so that nobody but its owner can read it.
fn create_file(path: &Path) -> Result<(), Error> {
    match files::create_private(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::io("making the evidence store", &error)),
    }
}

fn lock(path: &Path) -> Result<File, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(PathBuf::from(name))
        .map_err(|error| Error::io("locking the evidence store", &error))?;
    // Whoever had the store before may have a child that has not started its own program yet, and holds the lock until it does.
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Store {
                    what: "opening it: another process writes to it already, stop that one first",
                });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("locking the evidence store", &error)),
        }
    }
}

/// Makes the new file's name durable too.
fn sync_directory(path: &Path) -> Result<(), Error> {
    let synchronised = path.parent().map_or(Ok(()), files::synchronise_folder);
    synchronised.map_err(|error| Error::io("making the evidence store durable", &error))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    use crate::handover::Outcome;

    #[test]
    fn every_commit_is_flushed_to_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("station.sqlite")).unwrap();
        let number = |pragma| store.connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(number("PRAGMA synchronous"), 2, "FULL");
        let mode: std::string::String =
            store.connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    #[test]
    fn not_even_the_store_itself_can_delete_or_change_evidence() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(&directory.path().join("station.sqlite")).unwrap();
        let session = SessionId([7; 32]);
        store.write(&Record::Opened { session, kind: "resident-certificate".into() }, 1).unwrap();
        store.write(&Record::Alarm { session, what: "receipts are missing" }, 2).unwrap();
        store.write(&Record::Ended { session, outcome: Outcome::Unresolved }, 3).unwrap();
        for sql in [
            "DELETE FROM alarms",
            "UPDATE alarms SET what = 'nothing'",
            "DELETE FROM sessions",
            "UPDATE sessions SET outcome = 1",
            "UPDATE sessions SET outcome = NULL, ended_unix_ms = NULL",
            "UPDATE sessions SET opened_unix_ms = 0",
            "DELETE FROM log",
            "DELETE FROM log WHERE position = 2",
            "UPDATE log SET leaf = zeroblob(32)",
            "UPDATE log SET row = NULL, salt = NULL",
            "INSERT INTO log (position, entry, row, salt, leaf) VALUES (9, 1, 9, zeroblob(32), zeroblob(32))",
            "REPLACE INTO log (position, entry, row, salt, leaf) VALUES (0, 1, 9, zeroblob(32), zeroblob(32))",
            "DELETE FROM tiles",
            "UPDATE tiles SET hashes = zeroblob(32)",
            "UPDATE tiles SET hashes = zeroblob(320)",
        ] {
            assert!(store.connection.execute(sql, []).is_err(), "{sql}");
        }
        assert_eq!(store.alarms().unwrap().len(), 1);
        assert_eq!(store.session(session).unwrap().unwrap().ended, Some((Outcome::Unresolved, 3)));
    }
}
