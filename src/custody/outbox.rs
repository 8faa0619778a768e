//! The durable outbox: which of this station's receipts nobody upstream has acknowledged yet.
//!
//! A receipt enters it in the transaction that makes it durable, and leaves it when its session ends acknowledged or the issuing
//! system answers for it. The table is work, not evidence: the receipt itself stays where it is.

use alloc::vec::Vec;

use super::batch::Batch;
use super::failure::reading;
use super::store::Store;
use crate::error::Error;
use crate::handover::{Outcome, Unacknowledged};
use crate::receipt::{self, Statement};
use crate::types::{Role, SessionId};

/// Receipts of one other station in one role that are kept for one session: of the key, of the end, and what a restart adds. No
/// station takes the place of another.
const MOST_OF_ONE: usize = 4;

/// A receipt that this station made, which has just been written as this row.
pub(super) fn queue(batch: &mut Batch<'_>, role: Role, row: i64) -> Result<(), Error> {
    if role == Role::Issuer {
        // It goes nowhere.
        return Ok(());
    }
    batch.execute("INSERT INTO outbox (receipt) VALUES (?1)", [row]).map(|_| ())
}

/// Whether another station's receipt may be kept: its session was opened here, and there are not too many of this station. Nobody
/// fills a disk with receipts of sessions that never were. Who made the receipt was verified before it came here.
pub(super) fn admit(batch: &Batch<'_>, statement: &Statement, hash: &[u8; 32]) -> Result<(), Error> {
    let session = statement.session.as_bytes();
    if count(batch, "SELECT count(*) FROM sessions WHERE session = ?1", session)? == 0 {
        return Err(Error::WrongState { command: "keeping a receipt of a session that was never opened here" });
    }
    if count(batch, "SELECT count(*) FROM receipts WHERE hash = ?1", hash)? > 0 {
        return Ok(());
    }
    if of_same_station(batch, statement)? >= MOST_OF_ONE {
        return Err(Error::Busy { what: "receipts of one station for one session", limit: MOST_OF_ONE as u64 });
    }
    Ok(())
}

fn count(batch: &Batch<'_>, query: &str, parameter: &[u8; 32]) -> Result<i64, Error> {
    let statement = batch.connection().prepare_cached(query);
    statement.and_then(|mut found| found.query_row([parameter], |row| row.get(0))).map_err(|error| reading(&error))
}

/// How many receipts of this session, role, operator and station there are: a station's name is unique within its operator.
fn of_same_station(batch: &Batch<'_>, statement: &Statement) -> Result<usize, Error> {
    const QUERY: &str = "SELECT receipt FROM receipts WHERE session = ?1 AND own = 0 AND role = ?2 AND station = ?3";
    let mut found = batch.connection().prepare_cached(QUERY).map_err(|error| reading(&error))?;
    let parameters = (statement.session.as_bytes(), statement.role as u8, &statement.station);
    let receipts = found.query_map(parameters, |row| row.get::<_, Vec<u8>>(0)).map_err(|error| reading(&error))?;
    let mut same = 0;
    for receipt in receipts {
        let receipt = receipt.map_err(|error| reading(&error))?;
        same += usize::from(receipt::read_unverified(&receipt)?.statement.operator == statement.operator);
    }
    Ok(same)
}

/// The session is over. One that ended otherwise than by an acknowledgement keeps its receipt in the outbox.
pub(super) fn session_ended(batch: &mut Batch<'_>, session: SessionId, outcome: Outcome) -> Result<(), Error> {
    if matches!(outcome, Outcome::Unresolved | Outcome::Lost) {
        return Ok(());
    }
    let of_session = "DELETE FROM outbox WHERE receipt IN (SELECT id FROM receipts WHERE session = ?1 AND own = 1)";
    batch.execute(of_session, [session.as_bytes()]).map(|_| ())
}

/// The issuing system answered for this receipt.
pub(super) fn acknowledged(batch: &mut Batch<'_>, hash: &[u8; 32]) -> Result<(), Error> {
    let answered = "DELETE FROM outbox WHERE receipt = (SELECT id FROM receipts WHERE hash = ?1)";
    batch.execute(answered, [hash]).map(|_| ())
}

impl Store {
    /// Receipts of sessions that are over here and that nobody acknowledged, the oldest first: at most `limit`, behind this position,
    /// each with the certificate of its key where that is on record. A receipt that cannot be read any more is passed over: it would keep
    /// the others from being sent, and `verify` finds it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn unacknowledged(&self, behind: u64, limit: usize) -> Result<Vec<Unacknowledged>, Error> {
        const QUERY: &str = "SELECT o.receipt, r.session, r.receipt FROM outbox o JOIN receipts r ON r.id = o.receipt \
             JOIN sessions s ON s.session = r.session WHERE o.receipt > ?1 AND s.outcome IS NOT NULL \
             ORDER BY o.receipt LIMIT ?2";
        let mut behind = i64::try_from(behind).unwrap_or(i64::MAX);
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        loop {
            let mut found = self.rows(QUERY, [behind, most], |row| {
                Ok(Unacknowledged {
                    position: row.get::<_, i64>(0)?.unsigned_abs(),
                    session: SessionId(row.get(1)?),
                    receipt: row.get(2)?,
                    certificate: None,
                })
            })?;
            let Some(last) = found.last().map(|waiting| waiting.position) else { return Ok(found) };
            let is_all = found.len() < limit;
            found.retain(|waiting| receipt::read_unverified(&waiting.receipt).is_ok());
            if !found.is_empty() || is_all {
                for waiting in &mut found {
                    waiting.certificate = self.certificate(&receipt::read_unverified(&waiting.receipt)?.key_id)?;
                }
                return Ok(found);
            }
            behind = last.cast_signed();
        }
    }
}
