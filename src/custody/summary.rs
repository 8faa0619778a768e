//! Reading a store that is larger than memory: session by session, or one range of session identifiers after the other.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::custody::failure::reading;
use crate::custody::rows::{Alarm, Session};
use crate::custody::store::Store;
use crate::error::Error;
use crate::types::SessionId;

/// Into how many ranges session identifiers are divided. They are hashes, so each range holds about as many.
pub(super) const RANGES: u16 = 1 << 12;

/// How much a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions, open ones included.
    pub sessions: u64,
    /// Sessions without an outcome.
    pub open_sessions: u64,
    /// Receipts, of this station and of others.
    pub receipts: u64,
    /// Alarms.
    pub alarms: u64,
    /// Entries of the log.
    pub log_entries: u64,
}

/// What one store holds about one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recorded {
    /// Its row in `sessions`; `None` if there are only receipts or alarms.
    pub(super) session: Option<Session>,
    /// Its receipts, in the order in which they were stored.
    pub(super) receipts: Vec<RecordedReceipt>,
    /// Its alarms, in the order in which they were raised.
    pub(super) alarms: Vec<Alarm>,
}

/// A receipt and the columns that repeat what it says. They may contradict it: only the signed bytes are evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordedReceipt {
    pub(super) own: bool,
    pub(super) event: i64,
    pub(super) role: i64,
    pub(super) station: String,
    pub(super) bytes: Vec<u8>,
}

impl Store {
    /// How much there is, all of one moment.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn counts(&self) -> Result<Counts, Error> {
        let count = |row: &rusqlite::Row<'_>, column| row.get::<_, i64>(column).map(i64::unsigned_abs);
        let found = self.connection.query_row(COUNTS, [], |row| {
            Ok(Counts {
                sessions: count(row, 0)?,
                open_sessions: count(row, 1)?,
                receipts: count(row, 2)?,
                alarms: count(row, 3)?,
                log_entries: count(row, 4)?,
            })
        });
        found.map_err(|error| reading(&error))
    }

    /// Calls `each` with every session in the order in which they were opened, without collecting them; what `each` fails
    /// with ends it.
    ///
    /// # Errors
    /// [`Error::Store`], and what `each` fails with.
    pub fn each_session<E: From<Error>>(&self, mut each: impl FnMut(Session) -> Result<(), E>) -> Result<(), E> {
        let mut statement = self.connection.prepare_cached(IN_ORDER).map_err(|error| reading(&error))?;
        let mut rows = statement.query([]).map_err(|error| reading(&error))?;
        while let Some(row) = rows.next().map_err(|error| reading(&error))? {
            each(Session::read(row).map_err(|error| reading(&error))?)?;
        }
        Ok(())
    }

    /// From here on, what is read is the store as it was at one moment, whatever a station writes meanwhile.
    pub(super) fn hold_still(&self) -> Result<(), Error> {
        self.connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;").map_err(|error| reading(&error))
    }

    /// Everything about the sessions from `first` to `last`, both included, in ascending order.
    pub(super) fn between(&self, first: &SessionId, last: &SessionId) -> Result<Vec<(SessionId, Recorded)>, Error> {
        let mut found: BTreeMap<SessionId, Recorded> = BTreeMap::new();
        let bounds = [first.as_bytes(), last.as_bytes()];
        for session in self.rows(SESSIONS, bounds, Session::read)? {
            let id = session.session;
            found.entry(id).or_default().session = Some(session);
        }
        let receipt = |row: &rusqlite::Row<'_>| {
            let receipt = RecordedReceipt {
                own: row.get(1)?,
                event: row.get(2)?,
                role: row.get(3)?,
                station: row.get(4)?,
                bytes: row.get(5)?,
            };
            Ok((SessionId(row.get(0)?), receipt))
        };
        for (session, receipt) in self.rows(RECEIPTS, bounds, receipt)? {
            found.entry(session).or_default().receipts.push(receipt);
        }
        for alarm in self.rows(ALARMS, bounds, Alarm::read)? {
            found.entry(alarm.session).or_default().alarms.push(alarm);
        }
        Ok(found.into_iter().collect())
    }
}

const COUNTS: &str = "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM sessions WHERE outcome IS NULL), \
     (SELECT count(*) FROM receipts), (SELECT count(*) FROM alarms), (SELECT count(*) FROM log)";
const IN_ORDER: &str = "SELECT session, kind, opened_unix_ms, print_started_unix_ms, outcome, ended_unix_ms \
     FROM sessions ORDER BY id";
const SESSIONS: &str = "SELECT session, kind, opened_unix_ms, print_started_unix_ms, outcome, ended_unix_ms \
     FROM sessions WHERE session BETWEEN ?1 AND ?2";
const RECEIPTS: &str = "SELECT session, own, event, role, station, receipt \
     FROM receipts WHERE session BETWEEN ?1 AND ?2 ORDER BY id";
const ALARMS: &str = "SELECT session, what, raised_unix_ms FROM alarms WHERE session BETWEEN ?1 AND ?2 ORDER BY id";

/// The first and the last identifier of a range below [`RANGES`].
pub(super) fn range(number: u16) -> (SessionId, SessionId) {
    let [high, low] = (number << 4).to_be_bytes();
    let (mut first, mut last) = ([0; 32], [0xFF; 32]);
    (first[0], first[1]) = (high, low);
    (last[0], last[1]) = (high, low | 0x0F);
    (SessionId(first), SessionId(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_every_identifier_once() {
        let mut next = Some(0_u128);
        for number in 0..RANGES {
            let (first, last) = range(number);
            let head = |id: SessionId| u128::from(id.0[0]) << 8 | u128::from(id.0[1]);
            assert_eq!(next, Some(head(first)), "{number}");
            assert!(first.0[2..].iter().all(|byte| *byte == 0) && last.0[2..].iter().all(|byte| *byte == 0xFF));
            next = Some(head(last) + 1);
        }
        assert_eq!(next, Some(1 << 16));
    }
}
