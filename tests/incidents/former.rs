//! The designs that failed, as small models. They hold documents by their subjects, so that a misdelivery can be seen; nothing of
//! the library is in them.
#![allow(dead_code, reason = "each model is used by the incident that it belongs to")]

use std::collections::{BTreeMap, VecDeque};

/// A document as these designs know it: whose it is.
pub type Document = &'static str;

/// Print orders in the order in which they were finished. A lock is to keep applicants apart; a time-out releases the lock and nothing
/// else, so that what was being made still arrives.
#[derive(Default)]
pub struct PrintQueue {
    finished: VecDeque<Document>,
    locked: bool,
}

impl PrintQueue {
    /// An applicant begins, if nobody else is being served.
    pub fn begin(&mut self) -> bool {
        !core::mem::replace(&mut self.locked, true)
    }

    pub fn time_out(&mut self) {
        self.locked = false;
    }

    /// The renderer is ready with a document.
    pub fn finished(&mut self, document: Document) {
        self.finished.push_back(document);
    }

    /// "The next item", whosever it is.
    pub fn next(&mut self) -> Option<Document> {
        self.locked = false;
        self.finished.pop_front()
    }
}

/// Files named by the clock, to the second: two requests of the same second have one name.
#[derive(Default)]
pub struct FilesByClock(BTreeMap<u64, Document>);

impl FilesByClock {
    pub fn store(&mut self, unix_ms: u64, document: Document) -> u64 {
        let name = unix_ms / 1000;
        self.0.insert(name, document);
        name
    }

    pub fn open(&self, name: u64) -> Option<Document> {
        self.0.get(&name).copied()
    }
}

/// Request numbers counted in one process's memory, and one folder of results for all servers.
#[derive(Default)]
pub struct Counted(u64);

impl Counted {
    pub fn number(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// A register that is read by its row's number while a synchronisation moves the rows.
pub struct Rows(pub Vec<Document>);

impl Rows {
    pub fn position(&self, subject: Document) -> usize {
        self.0.iter().position(|row| *row == subject).unwrap()
    }

    pub fn read(&self, position: usize) -> Document {
        self.0[position]
    }

    /// Someone moved in: the rows behind move on.
    pub fn synchronise(&mut self, arrival: Document) {
        self.0.insert(0, arrival);
    }
}

/// One lamp for alarms: the last try says how it is.
#[derive(Default)]
pub struct Lamp(pub bool);

impl Lamp {
    pub fn tried(&mut self, worked: bool) {
        self.0 = !worked;
    }
}

/// Pages gathered by their number alone.
#[derive(Default)]
pub struct Pages(BTreeMap<u32, (Document, u32)>);

impl Pages {
    pub fn arrived(&mut self, number: u32, of: Document) {
        self.0.insert(number, (of, number));
    }

    pub fn assemble(&self, count: u32) -> Option<Vec<(Document, u32)>> {
        (0..count).map(|number| self.0.get(&number).copied()).collect()
    }
}

/// One buffer for every document, cleared at leisure: the length of the next decides what is shown of the last.
#[derive(Default)]
pub struct SharedBuffer(Vec<u8>);

impl SharedBuffer {
    pub fn load(&mut self, document: &[u8]) {
        if self.0.len() < document.len() {
            self.0.resize(document.len(), 0);
        }
        self.0[..document.len()].copy_from_slice(document);
    }

    pub fn print(&self) -> &[u8] {
        &self.0
    }
}

/// Deletion as a field in a table: it says what was asked for, not what is left.
#[derive(Default)]
pub struct DeletionTable {
    pub copies: Vec<Document>,
    pub certified: Vec<Document>,
}

impl DeletionTable {
    pub fn delete(&mut self, document: Document) {
        // The first that is found; a contractor's is another.
        if let Some(place) = self.copies.iter().position(|copy| *copy == document) {
            self.copies.remove(place);
        }
        self.certified.push(document);
    }
}
