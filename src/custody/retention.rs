//! Retention: the rows of sessions that ended long enough ago are deleted, with the salts without which their leaves tell nothing.
//! The leaves and the tree stay, and a signed entry says which positions expired: whoever holds an older checkpoint sees that the
//! log is the same.
//!
//! This module must never delete a row that its entry does not name.

use alloc::vec::Vec;
use core::time::Duration;

use crate::custody::batch::Batch;
use crate::custody::entry::{Entry, Expired};
use crate::custody::failure::{reading, writing};
use crate::custody::records::time;
use crate::custody::store::Store;
use crate::error::Error;

/// The most sessions, and the most receipts and alarms that belong to no session here, of one entry.
const MOST: i64 = 512;

impl Store {
    /// Deletes what is older than `period` at the time `unix_ms` (milliseconds since 1970-01-01 UTC), at most some hundred sessions
    /// of it, and appends an entry that says so, in one transaction. `None` when nothing is that old; call it until then.
    ///
    /// Sessions count from their end; one that is open never expires, and neither does the one of this station's newest receipt,
    /// which the next receipt names.
    ///
    /// # Errors
    /// [`Error::Store`] when the disk refuses; nothing is deleted then.
    pub fn expire(&mut self, period: Duration, unix_ms: u64) -> Result<Option<Expired>, Error> {
        let before_unix_ms = unix_ms.saturating_sub(u64::try_from(period.as_millis()).unwrap_or(u64::MAX));
        let mut batch = Batch::begin(&mut self.connection, self.signing.as_mut())?;
        let rows = Rows::find(&batch, time(before_unix_ms)?)?;
        if rows.is_empty() {
            return Ok(None);
        }
        let expired = Expired {
            before_unix_ms,
            stored_unix_ms: unix_ms,
            sessions: rows.sessions.len() as u64,
            receipts: rows.receipts.len() as u64,
            alarms: rows.alarms.len() as u64,
            positions: ranges(rows.positions(&batch)?),
        };
        record(&mut batch, &expired)?;
        rows.delete(&batch, &expired)?;
        batch.commit()?;
        Ok(Some(expired))
    }

    /// What expired so far, in the order of the log.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn expired(&self) -> Result<Vec<Expired>, Error> {
        let query = "SELECT id, before_unix_ms, stored_unix_ms, sessions, receipts, alarms FROM expired ORDER BY id";
        let rows = self.rows(query, [], |row| {
            let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
            Ok((row.get::<_, i64>(0)?, [number(1)?, number(2)?, number(3)?, number(4)?, number(5)?]))
        })?;
        rows.into_iter().map(|(id, numbers)| self.expired_of(id, numbers)).collect()
    }

    /// The expired row `id` with its positions.
    pub(super) fn expired_of(&self, id: i64, numbers: [u64; 5]) -> Result<Expired, Error> {
        let [before_unix_ms, stored_unix_ms, sessions, receipts, alarms] = numbers;
        let positions =
            self.rows("SELECT first, last FROM expired_positions WHERE expired = ?1 ORDER BY first", [id], |row| {
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned()))
            })?;
        Ok(Expired { before_unix_ms, stored_unix_ms, sessions, receipts, alarms, positions })
    }
}

/// Ids of rows that are old enough.
struct Rows {
    sessions: Vec<i64>,
    receipts: Vec<i64>,
    alarms: Vec<i64>,
}

/// The session that the next receipt's predecessor belongs to.
const NEWEST: &str = "(SELECT session FROM receipts WHERE own = 1 ORDER BY id DESC LIMIT 1)";

impl Rows {
    fn find(batch: &Batch<'_>, before: i64) -> Result<Self, Error> {
        let sessions = ids(
            batch,
            &format!(
                "SELECT id FROM sessions WHERE outcome IS NOT NULL AND ended_unix_ms < ?1 AND session IS NOT {NEWEST} \
                 ORDER BY ended_unix_ms LIMIT {MOST}"
            ),
            before,
        )?;
        let mut rows = Self { sessions, receipts: Vec::new(), alarms: Vec::new() };
        for (table, time, ids_of) in
            [("receipts", "stored_unix_ms", &mut rows.receipts), ("alarms", "raised_unix_ms", &mut rows.alarms)]
        {
            let of_session =
                format!("SELECT id FROM {table} WHERE session = (SELECT session FROM sessions WHERE id = ?1)");
            for session in &rows.sessions {
                ids_of.extend(ids(batch, &of_session, *session)?);
            }
            // Of no session that was opened here, such as one that another station asked about.
            let orphans = format!(
                "SELECT id FROM {table} t WHERE {time} < ?1 AND session IS NOT {NEWEST} \
                 AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.session = t.session) ORDER BY {time} LIMIT {MOST}"
            );
            ids_of.extend(ids(batch, &orphans, before)?);
        }
        Ok(rows)
    }

    fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.receipts.is_empty() && self.alarms.is_empty()
    }

    /// The positions of the entries about these rows, ascending.
    fn positions(&self, batch: &Batch<'_>) -> Result<Vec<i64>, Error> {
        let mut positions = Vec::new();
        for (kinds, rows) in [("1, 4, 6", &self.sessions), ("2, 3", &self.receipts), ("5", &self.alarms)] {
            let query = format!("SELECT position FROM log WHERE entry IN ({kinds}) AND row = ?1");
            for row in rows {
                positions.extend(ids(batch, &query, *row)?);
            }
        }
        positions.sort_unstable();
        Ok(positions)
    }

    fn delete(&self, batch: &Batch<'_>, expired: &Expired) -> Result<(), Error> {
        for (first, last) in &expired.positions {
            let forget = "UPDATE log SET row = NULL, salt = NULL WHERE position BETWEEN ?1 AND ?2";
            batch.execute(forget, [first.cast_signed(), last.cast_signed()])?;
        }
        for (table, rows) in [("receipts", &self.receipts), ("alarms", &self.alarms), ("sessions", &self.sessions)] {
            let delete = format!("DELETE FROM {table} WHERE id = ?1");
            for row in rows {
                batch.execute(&delete, [row])?;
            }
        }
        Ok(())
    }
}

/// Writes the row and the entry that say what expires.
fn record(batch: &mut Batch<'_>, expired: &Expired) -> Result<(), Error> {
    let number =
        |number: u64| i64::try_from(number).map_err(|_| Error::OutOfRange { at: number, length: i64::MAX as u64 });
    let new =
        "INSERT INTO expired (before_unix_ms, stored_unix_ms, sessions, receipts, alarms) VALUES (?1, ?2, ?3, ?4, ?5)";
    let stored = number(expired.stored_unix_ms)?;
    let counts = [expired.sessions, expired.receipts, expired.alarms].map(u64::cast_signed);
    batch.execute(new, (number(expired.before_unix_ms)?, stored, counts[0], counts[1], counts[2]))?;
    let row = batch.last_row();
    for (first, last) in &expired.positions {
        let new = "INSERT INTO expired_positions (expired, first, last) VALUES (?1, ?2, ?3)";
        batch.execute(new, [row, number(*first)?, number(*last)?])?;
    }
    batch.append(&Entry::Expired(expired), row, stored)
}

fn ids(batch: &Batch<'_>, query: &str, parameter: i64) -> Result<Vec<i64>, Error> {
    let mut statement = batch.connection().prepare_cached(query).map_err(|error| reading(&error))?;
    let rows = statement.query_map([parameter], |row| row.get(0)).map_err(|error| writing(&error))?;
    rows.collect::<rusqlite::Result<_>>().map_err(|error| reading(&error))
}

/// Ascending positions as ranges, first and last.
fn ranges(positions: Vec<i64>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for position in positions.into_iter().map(i64::cast_unsigned) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == position => *last = position,
            _ => ranges.push((position, position)),
        }
    }
    ranges
}
