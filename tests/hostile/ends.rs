//! What each party is left with.

use shokyo::handover::{Outcome, Record};
use shokyo::types::SessionId;

use crate::town::Town;

/// How a session ended at a station; nothing while it is open there, or never was.
pub fn outcome(records: &[Record], session: SessionId) -> Option<Outcome> {
    records.iter().find_map(|record| match record {
        Record::Ended { session: ended, outcome } if *ended == session => Some(*outcome),
        _ => None,
    })
}

/// Whether a station wrote an alarm about a session.
pub fn alarmed(records: &[Record], session: SessionId) -> bool {
    records.iter().any(|record| matches!(record, Record::Alarm { session: about, .. } if *about == session))
}

/// How a transaction ended: at the kiosk, at the issuer.
pub fn ends(town: &Town, counter: usize) -> [Option<Outcome>; 2] {
    let session = town.counters[counter].machine.id();
    [&town.counters[counter].records, &town.servers[0].records].map(|records| outcome(records, session))
}

/// The clock alone brings every station to its end, and nothing can be read anywhere.
pub fn nothing_is_left(town: &mut Town) {
    town.only_ticks();
    assert!(town.is_quiet());
}
