//! One thread writes a station's records, as many in one durable transaction as have come in meanwhile.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::mpsc::UnboundedSender;

use crate::custody::Store;
use crate::error::Error;
use crate::handover::{Persist, Record};

/// The most records in one transaction.
const BATCH: usize = 256;

/// A record was written, or could not be.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) token: u64,
    pub(super) outcome: Result<(), Error>,
}

/// The way to the writing thread. Dropping it ends the thread after the last record.
pub(super) struct Journal {
    records: Option<Sender<(Persist, u64)>>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    pub(super) fn start(store: Store, done: UnboundedSender<Written>) -> Result<Self, Error> {
        let (records, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || write_all(store, &queue, &done))
            .map_err(|error| Error::io("starting the journal's thread", &error))?;
        Ok(Self { records: Some(records), thread: Some(thread) })
    }

    /// Hands a record over; its token comes back when it is durable.
    pub(super) fn write(&self, persist: Persist, unix_ms: u64) {
        if let Some(records) = &self.records {
            // The thread ends only after this sender, unless it panicked; then no token comes back and nothing goes on.
            let _ = records.send((persist, unix_ms));
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.records = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write_all(mut store: Store, queue: &Receiver<(Persist, u64)>, done: &UnboundedSender<Written>) {
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match queue.try_recv() {
                Ok(next) => batch.push(next),
                Err(_) => break,
            }
        }
        let records: Vec<(Record, u64)> =
            batch.iter().map(|(persist, unix_ms)| (persist.record.clone(), *unix_ms)).collect();
        let together = store.write_all(&records);
        for ((persist, _), (record, unix_ms)) in batch.iter().zip(&records) {
            // One bad record must not take the others with it.
            let outcome = if together.is_ok() { Ok(()) } else { store.write(record, *unix_ms) };
            let _ = done.send(Written { token: persist.token, outcome });
        }
    }
}
