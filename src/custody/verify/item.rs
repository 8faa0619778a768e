//! One entry with its row, as it is read, and what can be said of it alone.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::custody::entry::{self, Entry, EntryKind, Expired};
use crate::custody::log::{Hash, leaf_hash};
use crate::custody::verify::ReceiptKeys;
use crate::receipt;

/// A row of the log and what it is about.
pub(super) struct Item {
    pub(super) position: u64,
    pub(super) kind: EntryKind,
    pub(super) row: Option<i64>,
    pub(super) salt: Option<[u8; 32]>,
    pub(super) leaf: Hash,
    pub(super) content: Content,
}

/// An entry of which nothing can be computed: a value of it, or of its row, is not one.
pub(super) struct Unreadable(pub(super) u64);

pub(super) enum Content {
    /// Deleted in order: neither row nor salt is named.
    Expired,
    /// The row that is named is not there, or lacks what the entry is about.
    Missing,
    Session {
        session: [u8; 32],
        kind: String,
        opened: u64,
        print_started: Option<u64>,
        ended: Option<(u64, u8)>,
    },
    Receipt(ReceiptRow),
    Alarm {
        session: [u8; 32],
        what: String,
        raised: u64,
    },
    Deletion(Expired),
}

pub(super) struct ReceiptRow {
    pub(super) session: [u8; 32],
    pub(super) own: i64,
    pub(super) event: i64,
    pub(super) role: i64,
    pub(super) station: String,
    pub(super) stored: u64,
    pub(super) hash: Hash,
    pub(super) receipt: Vec<u8>,
}

/// What was found about an entry.
pub(super) struct Checked {
    pub(super) position: u64,
    pub(super) kind: EntryKind,
    pub(super) row: Option<i64>,
    /// The hash that the log's row gives the tree.
    pub(super) logged: Hash,
    /// The one that the row and the salt give; `None` when the row is gone.
    pub(super) recomputed: Option<Hash>,
    pub(super) is_expired: bool,
    pub(super) deletion: Option<Expired>,
    pub(super) receipt: Option<CheckedReceipt>,
    pub(super) problems: Vec<String>,
}

pub(super) struct CheckedReceipt {
    pub(super) hash: Hash,
    pub(super) previous: Option<Hash>,
    pub(super) verified: bool,
}

impl Item {
    /// Everything that needs no other entry: the leaf, and of a receipt its signature and the columns beside it.
    pub(super) fn check(self, keys: &ReceiptKeys<'_>) -> Checked {
        let mut checked = Checked {
            position: self.position,
            kind: self.kind,
            row: self.row,
            logged: leaf_hash(&self.leaf),
            recomputed: self.recompute(),
            is_expired: matches!(self.content, Content::Expired),
            deletion: None,
            receipt: None,
            problems: Vec::new(),
        };
        match self.content {
            Content::Receipt(row) => checked.receipt = check_receipt(&row, self.kind, keys, &mut checked.problems),
            Content::Deletion(expired) => checked.deletion = Some(expired),
            Content::Missing => checked.problems.push("its row was deleted".into()),
            Content::Expired | Content::Session { .. } | Content::Alarm { .. } => {}
        }
        checked
    }

    fn recompute(&self) -> Option<Hash> {
        let (entry, time) = self.entry()?;
        Some(leaf_hash(&entry::leaf(self.salt.as_ref()?, &entry.encode(time).ok()?)))
    }

    /// The entry that the row gives, and its time.
    pub(super) fn entry(&self) -> Option<(Entry<'_>, u64)> {
        Some(match (&self.content, self.kind) {
            (Content::Session { session, kind, opened, .. }, EntryKind::Opened) => {
                (Entry::Opened { session, kind }, *opened)
            }
            (Content::Session { session, print_started, .. }, EntryKind::PrintStarted) => {
                (Entry::PrintStarted { session }, (*print_started)?)
            }
            (Content::Session { session, ended, .. }, EntryKind::Ended) => {
                let (time, outcome) = (*ended)?;
                (Entry::Ended { session, outcome }, time)
            }
            (Content::Receipt(row), EntryKind::OwnReceipt | EntryKind::PeerReceipt) => {
                let own = self.kind == EntryKind::OwnReceipt;
                (Entry::Receipt { session: &row.session, own, hash: &row.hash }, row.stored)
            }
            (Content::Alarm { session, what, raised }, EntryKind::Alarm) => (Entry::Alarm { session, what }, *raised),
            (Content::Deletion(expired), EntryKind::Expired) => (Entry::Expired(expired), expired.stored_unix_ms),
            _ => return None,
        })
    }
}

fn check_receipt(
    row: &ReceiptRow,
    kind: EntryKind,
    keys: &ReceiptKeys<'_>,
    problems: &mut Vec<String>,
) -> Option<CheckedReceipt> {
    let hash = receipt::hash(&row.receipt);
    if hash != row.hash {
        problems.push("the receipt was changed: its hash is not the one in its row".into());
    }
    let unverified = match receipt::read_unverified(&row.receipt) {
        Ok(unverified) => unverified,
        Err(error) => {
            problems.push(format!("the receipt cannot be read: {error}"));
            return None;
        }
    };
    let statement = &unverified.statement;
    let repeated = row.session == *statement.session.as_bytes()
        && row.own == i64::from(kind == EntryKind::OwnReceipt)
        && row.event == i64::from(statement.event as u8)
        && row.role == i64::from(statement.role as u8)
        && row.station == statement.station;
    if !repeated {
        problems.push("the columns beside the receipt do not repeat what it says".into());
    }
    let mut verified = false;
    if let Some(key) = keys(&unverified) {
        match receipt::verify(&row.receipt, &key) {
            Ok(_) => verified = true,
            Err(error) => problems.push(error.to_string()),
        }
    }
    Some(CheckedReceipt { hash, previous: statement.previous, verified })
}
