//! Rows are numbered in the order in which they were entered: exchanged numbers, or one row for two entries, would show another order
//! to whoever reads the tables.

use crate::custody::entry::EntryKind;

/// The last row of each table that was entered.
#[derive(Default)]
pub(super) struct Ids {
    sessions: Option<i64>,
    receipts: Option<i64>,
    alarms: Option<i64>,
    expired: Option<i64>,
}

impl Ids {
    /// What is wrong with the row of an entry that enters one; others name a row that was entered before.
    pub(super) fn out_of_order(&mut self, kind: EntryKind, row: Option<i64>) -> Option<&'static str> {
        let last = match kind {
            EntryKind::Opened => &mut self.sessions,
            EntryKind::OwnReceipt | EntryKind::PeerReceipt => &mut self.receipts,
            EntryKind::Alarm => &mut self.alarms,
            EntryKind::Expired => &mut self.expired,
            EntryKind::PrintStarted | EntryKind::Ended => return None,
        };
        let row = row?;
        let in_order = last.is_none_or(|last| row > last);
        *last = Some(row);
        (!in_order)
            .then_some("its row has not a greater number than the one before: rows were exchanged, or entered twice")
    }
}
