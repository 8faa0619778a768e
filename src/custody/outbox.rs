//! The durable outbox: which of this station's receipts nobody upstream has acknowledged yet.
//!
//! A receipt enters it in the transaction that makes it durable, and leaves it when its session ends acknowledged or the issuing
//! system answers for it. The table is work, not evidence: the receipt itself stays where it is.

use alloc::vec::Vec;

use rusqlite::{OptionalExtension, Transaction};

use super::failure::{reading, writing};
use super::store::Store;
use crate::error::Error;
use crate::handover::{Outcome, Unacknowledged};
use crate::receipt;
use crate::types::{Role, SessionId};

/// Receipts of other stations that are kept for one session: those of three, and what a restart adds.
const MOST_OF_OTHERS: i64 = 12;

/// A receipt that this station made, which has just been written as this row.
pub(super) fn queue(transaction: &Transaction<'_>, role: Role, hash: &[u8; 32]) -> Result<(), Error> {
    if role == Role::Issuer {
        // It goes nowhere.
        return Ok(());
    }
    transaction
        .prepare_cached("INSERT INTO outbox (receipt) SELECT id FROM receipts WHERE hash = ?1 ON CONFLICT DO NOTHING")
        .and_then(|mut statement| statement.execute([hash]))
        .map(|_| ())
        .map_err(|error| writing(&error))
}

/// Whether another station's receipt may be kept: its session was opened here, and there are not too many. Nobody fills a disk with
/// receipts of sessions that never were.
pub(super) fn admit(transaction: &Transaction<'_>, session: SessionId, hash: &[u8; 32]) -> Result<(), Error> {
    let read = |query| -> Result<i64, Error> {
        transaction
            .prepare_cached(query)
            .and_then(|mut statement| statement.query_row([session.as_bytes()], |row| row.get(0)))
            .map_err(|error| reading(&error))
    };
    if read("SELECT count(*) FROM sessions WHERE session = ?1")? == 0 {
        return Err(Error::WrongState { command: "keeping a receipt of a session that was never opened here" });
    }
    let known = transaction
        .prepare_cached("SELECT 1 FROM receipts WHERE hash = ?1")
        .and_then(|mut statement| statement.query_row([hash], |_| Ok(())).optional())
        .map_err(|error| reading(&error))?;
    let of_others = "SELECT count(*) FROM receipts WHERE session = ?1 AND own = 0";
    if known.is_none() && read(of_others)? >= MOST_OF_OTHERS {
        return Err(Error::Busy { what: "receipts of others for one session", limit: MOST_OF_OTHERS.unsigned_abs() });
    }
    Ok(())
}

/// The session is over. One that ended otherwise than by an acknowledgement keeps its receipt in the outbox.
pub(super) fn session_ended(transaction: &Transaction<'_>, session: SessionId, outcome: Outcome) -> Result<(), Error> {
    if matches!(outcome, Outcome::Unresolved | Outcome::Lost) {
        return Ok(());
    }
    let of_session = "DELETE FROM outbox WHERE receipt IN (SELECT id FROM receipts WHERE session = ?1 AND own = 1)";
    transaction
        .prepare_cached(of_session)
        .and_then(|mut statement| statement.execute([session.as_bytes()]))
        .map(|_| ())
        .map_err(|error| writing(&error))
}

/// The issuing system answered for this receipt.
pub(super) fn acknowledged(transaction: &Transaction<'_>, hash: &[u8; 32]) -> Result<(), Error> {
    transaction
        .prepare_cached("DELETE FROM outbox WHERE receipt = (SELECT id FROM receipts WHERE hash = ?1)")
        .and_then(|mut statement| statement.execute([hash]))
        .map(|_| ())
        .map_err(|error| writing(&error))
}

impl Store {
    /// Receipts of sessions that are over here and that nobody acknowledged, the oldest first: at most `limit`, behind this position,
    /// each with the certificate of its key where that is on record.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn unacknowledged(&self, behind: u64, limit: usize) -> Result<Vec<Unacknowledged>, Error> {
        const QUERY: &str = "SELECT o.receipt, r.session, r.receipt FROM outbox o JOIN receipts r ON r.id = o.receipt \
             JOIN sessions s ON s.session = r.session WHERE o.receipt > ?1 AND s.outcome IS NOT NULL \
             ORDER BY o.receipt LIMIT ?2";
        let behind = i64::try_from(behind).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = self.rows(QUERY, [behind, limit], |row| {
            Ok(Unacknowledged {
                position: row.get::<_, i64>(0)?.unsigned_abs(),
                session: SessionId(row.get(1)?),
                receipt: row.get(2)?,
                certificate: None,
            })
        })?;
        for waiting in &mut found {
            waiting.certificate = self.certificate(&receipt::read_unverified(&waiting.receipt)?.key_id)?;
        }
        Ok(found)
    }
}
