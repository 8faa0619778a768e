//! Who holds what: every handle that a machine gets and gives back, counted.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use shokyo::types::{Role, SessionId};

/// What a machine can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    PrivateKey,
    SubjectKey,
    Application,
    Writer,
    Document,
    Incoming,
}

/// Everything that is held at all stations.
#[derive(Debug, Default)]
pub struct Ledger {
    counts: BTreeMap<(Role, Held), i64>,
    /// The stations that can read the document of a session.
    readers: BTreeSet<(SessionId, Role)>,
}

thread_local! {
    static LEDGER: RefCell<Ledger> = RefCell::default();
}

/// Forgets everything, as before another input.
pub fn clear() {
    LEDGER.with(|ledger| *ledger.borrow_mut() = Ledger::default());
}

/// A station got something.
pub fn gained(role: Role, held: Held) {
    LEDGER.with(|ledger| *ledger.borrow_mut().counts.entry((role, held)).or_default() += 1);
}

/// A station gave something back, erased.
pub fn lost(role: Role, held: Held) {
    LEDGER.with(|ledger| {
        let mut ledger = ledger.borrow_mut();
        let count = ledger.counts.entry((role, held)).or_default();
        *count -= 1;
        assert!(*count >= 0, "{role} gave back what it did not have: {held:?}");
    });
}

/// A station can read a document from now on: nobody else may.
pub fn can_read(session: SessionId, role: Role) {
    LEDGER.with(|ledger| {
        let mut ledger = ledger.borrow_mut();
        let other = ledger.readers.iter().find(|(of, _)| *of == session);
        assert!(other.is_none(), "{role} and {other:?} can read one document");
        ledger.readers.insert((session, role));
    });
}

/// A station cannot read a document any more.
pub fn cannot_read(session: SessionId, role: Role) {
    LEDGER.with(|ledger| ledger.borrow_mut().readers.remove(&(session, role)));
}

/// Nothing is held any more.
pub fn check_empty() {
    LEDGER.with(|ledger| {
        let ledger = ledger.borrow();
        let left: Vec<_> = ledger.counts.iter().filter(|(_, count)| **count != 0).collect();
        assert!(left.is_empty() && ledger.readers.is_empty(), "still held: {left:?} {:?}", ledger.readers);
    });
}
