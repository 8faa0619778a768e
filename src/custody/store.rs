//! The store: one SQLite file that one process writes and anyone may read.

use alloc::vec::Vec;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row, Transaction, TransactionBehavior};

use crate::custody::failure::{opening, reading, writing};
use crate::custody::outbox;
use crate::custody::rows::{Alarm, OpenSession, Session, StoredReceipt};
use crate::error::Error;
use crate::handover::{Outcome, Record};
use crate::receipt;
use crate::types::SessionId;

const SCHEMA: &str = include_str!("schema.sql");
const SCHEMA_VERSION: i64 = 1;
const APPLICATION_ID: i64 = 0x7368_6B79;

/// The durable records of one station.
///
/// One process at a time writes: a lock file beside the database (`….lock`) keeps a second one out, and the operating system
/// releases it when the process dies. Readers are not kept out.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    // Held, and released after the connection is closed: fields are dropped in order.
    _lock: Option<File>,
}

impl Store {
    /// Opens the store for writing, and makes it if there is none.
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
            let transaction = begin(&mut connection)?;
            transaction.execute_batch(SCHEMA).map_err(|error| opening(&error))?;
            transaction.commit().map_err(|error| opening(&error))?;
            sync_directory(&path)?;
        }
        Ok(Self { connection, _lock: Some(lock) })
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
        Ok(Self { connection, _lock: None })
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
        let transaction = begin(&mut self.connection)?;
        insert(&transaction, record, unix_ms)?;
        transaction.commit().map_err(|error| writing(&error))
    }

    /// Writes records in one transaction: all are durable when this returns, or none is written.
    ///
    /// # Errors
    /// As [`Store::write`], for the first record that fails.
    pub fn write_all(&mut self, records: &[(Record, u64)]) -> Result<(), Error> {
        let transaction = begin(&mut self.connection)?;
        for (record, unix_ms) in records {
            insert(&transaction, record, *unix_ms)?;
        }
        transaction.commit().map_err(|error| writing(&error))
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
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let mut statement = self.connection.prepare_cached(query).map_err(|error| reading(&error))?;
        let rows = statement.query_map(parameters, read).map_err(|error| reading(&error))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|error| reading(&error))
    }
}

fn insert(transaction: &Transaction<'_>, record: &Record, unix_ms: u64) -> Result<(), Error> {
    let time =
        i64::try_from(unix_ms).map_err(|_| Error::TooLarge { what: "a record's time", limit: i64::MAX as u64 })?;
    let session = record.session();
    match record {
        Record::Opened { kind, .. } => {
            let new = "INSERT INTO sessions (session, kind, opened_unix_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            if execute(transaction, new, (session.as_bytes(), kind, time))? { Ok(()) } else { Err(Error::Replayed) }
        }
        Record::OwnReceipt { receipt, .. } => insert_receipt(transaction, session, receipt, true, time),
        Record::PeerReceipt { receipt, .. } => {
            outbox::admit(transaction, session, &receipt::hash(receipt))?;
            insert_receipt(transaction, session, receipt, false, time)
        }
        Record::Acknowledged { receipt, .. } => outbox::acknowledged(transaction, receipt),
        Record::PrintStarted { .. } => start_print(transaction, session, time),
        Record::Alarm { what, .. } => {
            let new = "INSERT INTO alarms (session, what, raised_unix_ms) VALUES (?1, ?2, ?3)";
            execute(transaction, new, (session.as_bytes(), what, time)).map(|_| ())
        }
        Record::Ended { outcome, .. } => end(transaction, session, *outcome, time),
    }
}

fn insert_receipt(
    transaction: &Transaction<'_>,
    session: SessionId,
    receipt: &[u8],
    own: bool,
    time: i64,
) -> Result<(), Error> {
    let statement = receipt::read_unverified(receipt)?.statement;
    if statement.session != session {
        return Err(Error::Mismatch { what: "the session of a receipt" });
    }
    let new = "INSERT INTO receipts (session, own, event, role, station, stored_unix_ms, hash, receipt) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (hash) DO NOTHING";
    let (event, role) = (statement.event as u8, statement.role as u8);
    let hash = receipt::hash(receipt);
    let new_row =
        execute(transaction, new, (session.as_bytes(), own, event, role, &statement.station, time, hash, receipt))?;
    if own && new_row { outbox::queue(transaction, statement.role, &hash) } else { Ok(()) }
}

fn start_print(transaction: &Transaction<'_>, session: SessionId, time: i64) -> Result<(), Error> {
    let first = "UPDATE sessions SET print_started_unix_ms = ?2 \
                 WHERE session = ?1 AND print_started_unix_ms IS NULL AND outcome IS NULL";
    if execute(transaction, first, (session.as_bytes(), time))? {
        return Ok(());
    }
    let started = transaction
        .query_row(
            "SELECT print_started_unix_ms IS NOT NULL FROM sessions WHERE session = ?1",
            [session.as_bytes()],
            |row| row.get(0),
        )
        .optional()
        .map_err(|error| reading(&error))?;
    match started {
        Some(true) => Err(Error::Replayed),
        Some(false) => Err(Error::WrongState { command: "starting to print for a session that is over" }),
        None => Err(Error::WrongState { command: "starting to print for a session that was never opened" }),
    }
}

fn end(transaction: &Transaction<'_>, session: SessionId, outcome: Outcome, time: i64) -> Result<(), Error> {
    let first = "UPDATE sessions SET outcome = ?2, ended_unix_ms = ?3 WHERE session = ?1 AND outcome IS NULL";
    if execute(transaction, first, (session.as_bytes(), outcome as u8, time))? {
        return outbox::session_ended(transaction, session, outcome);
    }
    let recorded: Option<u8> = transaction
        .query_row("SELECT outcome FROM sessions WHERE session = ?1", [session.as_bytes()], |row| row.get(0))
        .optional()
        .map_err(|error| reading(&error))?;
    match recorded {
        // A repetition, such as after an interrupted answer, changes nothing.
        Some(number) if number == outcome as u8 => Ok(()),
        Some(_) => Err(Error::WrongState { command: "giving another outcome to a session that is over" }),
        None => Err(Error::WrongState { command: "ending a session that was never opened" }),
    }
}

/// Runs one statement and tells whether it changed a row.
fn execute(transaction: &Transaction<'_>, sql: &str, parameters: impl Params) -> Result<bool, Error> {
    let changed = transaction.prepare_cached(sql).and_then(|mut statement| statement.execute(parameters));
    Ok(changed.map_err(|error| writing(&error))? > 0)
}

fn begin(connection: &mut Connection) -> Result<Transaction<'_>, Error> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| writing(&error))
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
        .execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;")
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
        found => Err(Error::UnsupportedVersion { found: found.unsigned_abs() }),
    }
}

/// Makes the database file if there is none, so that nobody but its owner can read it.
fn create_file(path: &Path) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
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
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::Store { what: "opening it: another process writes to it already, stop that one first" })
        }
        Err(TryLockError::Error(error)) => Err(Error::io("locking the evidence store", &error)),
    }
}

/// Makes the new file's name durable too.
fn sync_directory(path: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| Error::io("making the evidence store durable", &error))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

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
        ] {
            assert!(store.connection.execute(sql, []).is_err(), "{sql}");
        }
        assert_eq!(store.alarms().unwrap().len(), 1);
        assert_eq!(store.session(session).unwrap().unwrap().ended, Some((Outcome::Unresolved, 3)));
    }
}
