//! What the store gives back.

use alloc::string::String;
use alloc::vec::Vec;

use rusqlite::Row;
use rusqlite::types::Type;

use crate::handover::Outcome;
use crate::receipt::Event;
use crate::types::{Role, SessionId};

/// A session without an outcome: under way, or ended by the death of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// The session.
    pub session: SessionId,
    /// What kind of document.
    pub kind: String,
    /// When it was opened, in milliseconds since 1970-01-01 UTC.
    pub opened_unix_ms: u64,
    /// Whether printing had begun: the document may have been printed and must not be submitted again.
    pub print_started: bool,
}

/// A session, open or over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session.
    pub session: SessionId,
    /// What kind of document.
    pub kind: String,
    /// When it was opened, in milliseconds since 1970-01-01 UTC.
    pub opened_unix_ms: u64,
    /// When printing began, in milliseconds since 1970-01-01 UTC.
    pub print_started_unix_ms: Option<u64>,
    /// How it ended, and when in milliseconds since 1970-01-01 UTC; `None` while it is open.
    pub ended: Option<(Outcome, u64)>,
}

/// A receipt as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReceipt {
    /// Whether this station made it.
    pub own: bool,
    /// What it says happened.
    pub event: Event,
    /// The role of the station that made it.
    pub role: Role,
    /// The station that made it.
    pub station: String,
    /// When it was stored, in milliseconds since 1970-01-01 UTC.
    pub stored_unix_ms: u64,
    /// The COSE_Sign1 bytes. Only these are evidence.
    pub receipt: Vec<u8>,
}

/// Something that no later success clears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The session.
    pub session: SessionId,
    /// What happened.
    pub what: String,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub raised_unix_ms: u64,
}

impl OpenSession {
    pub(super) const QUERY: &str = "SELECT session, kind, opened_unix_ms, print_started_unix_ms IS NOT NULL FROM sessions \
         WHERE outcome IS NULL ORDER BY opened_unix_ms, session";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            session: SessionId(row.get(0)?),
            kind: row.get(1)?,
            opened_unix_ms: time(row, 2)?,
            print_started: row.get(3)?,
        })
    }
}

impl Session {
    pub(super) const QUERY: &str = "SELECT session, kind, opened_unix_ms, print_started_unix_ms, outcome, ended_unix_ms \
         FROM sessions WHERE ?1 IS NULL OR session = ?1 ORDER BY opened_unix_ms, session";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let ended = match row.get::<_, Option<u8>>(4)? {
            Some(number) => Some((known(4, number, outcome)?, time(row, 5)?)),
            None => None,
        };
        Ok(Self {
            session: SessionId(row.get(0)?),
            kind: row.get(1)?,
            opened_unix_ms: time(row, 2)?,
            print_started_unix_ms: row.get::<_, Option<i64>>(3)?.map(|_| time(row, 3)).transpose()?,
            ended,
        })
    }
}

impl StoredReceipt {
    pub(super) const QUERY: &str =
        "SELECT own, event, role, station, stored_unix_ms, receipt FROM receipts WHERE session = ?1 ORDER BY id";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            own: row.get(0)?,
            event: known(1, row.get(1)?, Event::from_number)?,
            role: known(2, row.get(2)?, Role::from_number)?,
            station: row.get(3)?,
            stored_unix_ms: time(row, 4)?,
            receipt: row.get(5)?,
        })
    }
}

impl Alarm {
    pub(super) const QUERY: &str = "SELECT session, what, raised_unix_ms FROM alarms ORDER BY id";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { session: SessionId(row.get(0)?), what: row.get(1)?, raised_unix_ms: time(row, 2)? })
    }
}

const fn outcome(number: u8) -> Option<Outcome> {
    Some(match number {
        1 => Outcome::Complete,
        2 => Outcome::Ended,
        3 => Outcome::Unresolved,
        4 => Outcome::Lost,
        _ => return None,
    })
}

fn known<T>(column: usize, number: u8, from_number: impl Fn(u8) -> Option<T>) -> rusqlite::Result<T> {
    from_number(number).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, i64::from(number)))
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, std::boxed::Box::new(error)))
}
