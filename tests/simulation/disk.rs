//! A station's durable records. What is on it survives the process; it may be slow, or full for a while.

use std::collections::{BTreeMap, VecDeque};

use shokyo::handover::{Outcome, Persist, Record};
use shokyo::types::SessionId;

/// A record that is being written, and which transaction's machine asked for it at a kiosk.
pub struct Writing {
    pub persist: Persist,
    pub owner: Option<usize>,
}

/// What is on record of one session.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub kind: Option<String>,
    pub receipts: Vec<Vec<u8>>,
    pub print_started: bool,
    pub alarms: Vec<&'static str>,
    pub ended: Vec<Outcome>,
}

#[derive(Default)]
pub struct Disk {
    pub queue: VecDeque<Writing>,
    pub busy: bool,
    /// Until when nothing can be written.
    pub full_until: u64,
    pub entries: BTreeMap<SessionId, Entry>,
}

impl Disk {
    /// Writes a record, as the store does: a session is opened once.
    pub fn write(&mut self, at: u64, record: Record) -> bool {
        if at < self.full_until {
            return false;
        }
        let entry = self.entries.entry(record.session()).or_default();
        match record {
            Record::Opened { kind, .. } => {
                if entry.kind.is_some() {
                    return false;
                }
                entry.kind = Some(kind);
            }
            Record::OwnReceipt { receipt, .. } => entry.receipts.push(receipt),
            Record::PeerReceipt { .. } => {}
            Record::Acknowledged { .. } => {}
            Record::PrintStarted { .. } => entry.print_started = true,
            Record::Alarm { what, .. } => entry.alarms.push(what),
            Record::Ended { outcome, .. } => entry.ended.push(outcome),
        }
        true
    }

    /// The process is gone: of what was under way, the first so many records are on the disk although nobody was told.
    pub fn crash(&mut self, at: u64, written: usize) {
        self.busy = false;
        for (index, writing) in std::mem::take(&mut self.queue).into_iter().enumerate() {
            if index < written {
                self.write(at, writing.persist.record);
            }
        }
    }
}
