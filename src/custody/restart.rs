//! What a station says, as the first thing after it starts, of the sessions that were open when it last stopped: that they were
//! lost, never that they were erased.
//!
//! This module must never claim that anything was overwritten: the process that held it is gone.

use alloc::vec;
use alloc::vec::Vec;

use crate::buffer::{Cause, Erasure};
use crate::custody::{OpenSession, Store};
use crate::error::Error;
use crate::handover::{Crypto, Outcome, Record};
use crate::receipt::{Details, Event, NotCovered};
use crate::types::Protections;

/// Signs and writes what is known of the sessions without an outcome, before the station takes new work, and gives those that were
/// lost. `unix_ms` is now, in milliseconds since 1970-01-01 UTC.
///
/// A session whose own receipt was on record already ends as [`Outcome::Unresolved`]: this station's part was over, and only the
/// others' was never heard of. Every other one ends as [`Outcome::Lost`], with an alarm and a receipt of the loss.
///
/// # Errors
/// [`Error::Store`]; the station must not start then.
pub fn record_lost<C: Crypto>(crypto: &C, store: &mut Store, unix_ms: u64) -> Result<Vec<OpenSession>, Error> {
    let mut lost = Vec::new();
    for open in store.open_sessions()? {
        let session = open.session;
        if store.receipts(session)?.iter().any(|receipt| receipt.own && receipt.event != Event::KeyWiped) {
            store.write_all(&[
                (Record::Alarm { session, what: "the process ended before every receipt was there" }, unix_ms),
                (Record::Ended { session, outcome: Outcome::Unresolved }, unix_ms),
            ])?;
            continue;
        }
        let details = Details {
            not_covered: &[NotCovered::EndedProcess],
            ..Details::new(Event::LostAtRestart, Cause::Shutdown, &open.kind, open.opened_unix_ms, unix_ms)
        };
        // One session that cannot be receipted must not keep the station from starting; the alarm stands in any case.
        let mut records = match crypto.receipt(Erasure::new(session, Protections::none()), &details) {
            Ok(receipt) => vec![(Record::OwnReceipt { session, receipt: receipt.into_bytes() }, unix_ms)],
            Err(_) => vec![(Record::Alarm { session, what: "a receipt of the loss could not be made" }, unix_ms)],
        };
        if open.print_started {
            let what = "printing had begun; whether it was delivered is unknown";
            records.push((Record::Alarm { session, what }, unix_ms));
        }
        records.push((Record::Alarm { session, what: "the process ended with the session open" }, unix_ms));
        records.push((Record::Ended { session, outcome: Outcome::Lost }, unix_ms));
        store.write_all(&records)?;
        lost.push(open);
    }
    Ok(lost)
}
