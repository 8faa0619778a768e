//! From a machine's record to its row and its entry in the log.

use rusqlite::OptionalExtension;

use crate::custody::batch::Batch;
use crate::custody::entry::Entry;
use crate::custody::failure::reading;
use crate::custody::outbox;
use crate::error::Error;
use crate::handover::{Outcome, Record};
use crate::receipt;
use crate::types::SessionId;

/// Writes a record at the time `unix_ms`. What is there already, byte for byte, changes nothing and gets no second entry.
pub(super) fn insert(batch: &mut Batch<'_>, record: &Record, unix_ms: u64) -> Result<(), Error> {
    let time = time(unix_ms)?;
    let session = record.session();
    match record {
        Record::Opened { kind, .. } => {
            let new = "INSERT INTO sessions (session, kind, opened_unix_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            if !batch.execute(new, (session.as_bytes(), kind, time))? {
                return Err(Error::Replayed);
            }
            let row = batch.last_row();
            batch.append(&Entry::Opened { session: session.as_bytes(), kind }, row, time)
        }
        Record::OwnReceipt { receipt, .. } => insert_receipt(batch, session, receipt, true, time),
        Record::PeerReceipt { receipt, .. } => insert_receipt(batch, session, receipt, false, time),
        // Work, not evidence: it gets no entry.
        Record::Acknowledged { receipt, .. } => outbox::acknowledged(batch, receipt),
        Record::PrintStarted { .. } => start_print(batch, session, time),
        Record::Alarm { what, .. } => {
            let new = "INSERT INTO alarms (session, what, raised_unix_ms) VALUES (?1, ?2, ?3)";
            batch.execute(new, (session.as_bytes(), what, time))?;
            let row = batch.last_row();
            batch.append(&Entry::Alarm { session: session.as_bytes(), what }, row, time)
        }
        Record::Ended { outcome, .. } => end(batch, session, *outcome, time),
    }
}

/// A time as SQLite keeps it.
pub(super) fn time(unix_ms: u64) -> Result<i64, Error> {
    i64::try_from(unix_ms).map_err(|_| Error::TooLarge { what: "a record's time", limit: i64::MAX as u64 })
}

fn insert_receipt(
    batch: &mut Batch<'_>,
    session: SessionId,
    receipt: &[u8],
    own: bool,
    time: i64,
) -> Result<(), Error> {
    let statement = receipt::read_unverified(receipt)?.statement;
    if statement.session != session {
        return Err(Error::Mismatch { what: "the session of a receipt" });
    }
    let hash = receipt::hash(receipt);
    if !own {
        outbox::admit(batch, &statement, &hash)?;
    }
    let new = "INSERT INTO receipts (session, own, event, role, station, stored_unix_ms, hash, receipt) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (hash) DO NOTHING";
    let (event, role) = (statement.event as u8, statement.role as u8);
    if !batch.execute(new, (session.as_bytes(), own, event, role, &statement.station, time, hash, receipt))? {
        return Ok(());
    }
    let row = batch.last_row();
    if own {
        outbox::queue(batch, statement.role, row)?;
    }
    batch.append(&Entry::Receipt { session: session.as_bytes(), own, hash: &hash }, row, time)
}

fn start_print(batch: &mut Batch<'_>, session: SessionId, time: i64) -> Result<(), Error> {
    let first = "UPDATE sessions SET print_started_unix_ms = ?2 \
                 WHERE session = ?1 AND print_started_unix_ms IS NULL AND outcome IS NULL";
    let changed = batch.execute(first, (session.as_bytes(), time))?;
    let known: Option<(i64, bool)> =
        row_of(batch, "SELECT id, print_started_unix_ms IS NOT NULL FROM sessions WHERE session = ?1", session)?;
    match known {
        Some((row, _)) if changed => batch.append(&Entry::PrintStarted { session: session.as_bytes() }, row, time),
        Some((_, true)) => Err(Error::Replayed),
        Some((_, false)) => Err(Error::WrongState { command: "starting to print for a session that is over" }),
        None => Err(Error::WrongState { command: "starting to print for a session that was never opened" }),
    }
}

fn end(batch: &mut Batch<'_>, session: SessionId, outcome: Outcome, time: i64) -> Result<(), Error> {
    let first = "UPDATE sessions SET outcome = ?2, ended_unix_ms = ?3 WHERE session = ?1 AND outcome IS NULL";
    let changed = batch.execute(first, (session.as_bytes(), outcome as u8, time))?;
    let known: Option<(i64, u8)> = row_of(batch, "SELECT id, outcome FROM sessions WHERE session = ?1", session)?;
    match known {
        Some((row, number)) if changed => {
            outbox::session_ended(batch, session, outcome)?;
            batch.append(&Entry::Ended { session: session.as_bytes(), outcome: number }, row, time)
        }
        // A repetition, such as after an interrupted answer, changes nothing.
        Some((_, recorded)) if recorded == outcome as u8 => Ok(()),
        Some(_) => Err(Error::WrongState { command: "giving another outcome to a session that is over" }),
        None => Err(Error::WrongState { command: "ending a session that was never opened" }),
    }
}

fn row_of<T: rusqlite::types::FromSql>(
    batch: &Batch<'_>,
    query: &str,
    session: SessionId,
) -> Result<Option<(i64, T)>, Error> {
    batch
        .connection()
        .prepare_cached(query)
        .and_then(|mut statement| {
            statement.query_row([session.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .map_err(|error| reading(&error))
}
