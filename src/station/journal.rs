//! One thread writes a station's records, as many in one durable transaction as have come in meanwhile.
//!
//! When the disk refuses, the machine hears so at once and erases what depends on the record. What the record says of that end is
//! kept and written as soon as the disk takes it: an end that is on record nowhere would be found as lost after a restart, and a
//! receipt that is missing would break the chain of this station's receipts.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::custody::Store;
use crate::error::Error;
use crate::handover::{Persist, Record};

/// The most records in one transaction.
const BATCH: usize = 256;
/// The most records that wait for a disk that refuses. What does not fit is found as lost at the next start.
const WAITING: usize = 4096;
/// How often a disk that refuses is asked again.
const AGAIN: Duration = Duration::from_millis(500);

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
        let writing = Writing { store, done, waiting: VecDeque::new() };
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writing.write_all(&queue))
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

struct Writing {
    store: Store,
    done: UnboundedSender<Written>,
    /// Ends of sessions that the disk refused, the oldest first.
    waiting: VecDeque<(Record, u64)>,
}

impl Writing {
    fn write_all(mut self, queue: &Receiver<(Persist, u64)>) {
        loop {
            let first = if self.waiting.is_empty() {
                queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                queue.recv_timeout(AGAIN)
            };
            self.write_waiting();
            let first = match first {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let batch: Vec<(Persist, u64)> = std::iter::once(first).chain(queue.try_iter().take(BATCH - 1)).collect();
            self.write(batch);
        }
    }

    fn write(&mut self, batch: Vec<(Persist, u64)>) {
        let records: Vec<(Record, u64)> =
            batch.iter().map(|(persist, unix_ms)| (persist.record.clone(), *unix_ms)).collect();
        // What waits comes first: the records of a session keep their order.
        let together = self.waiting.is_empty() && self.store.write_all(&records).is_ok();
        for (persist, (record, unix_ms)) in batch.into_iter().map(|(persist, _)| persist).zip(records) {
            // One bad record must not take the others with it.
            let outcome = if together { Ok(()) } else { self.write_one(record, unix_ms) };
            let _ = self.done.send(Written { token: persist.token, outcome });
        }
    }

    fn write_one(&mut self, record: Record, unix_ms: u64) -> Result<(), Error> {
        let behind = self.waiting.iter().any(|(waiting, _)| waiting.session() == record.session());
        let outcome = if behind {
            Err(Error::Store { what: "writing a record, because the disk refused an earlier one of its session" })
        } else {
            self.store.write(&record, unix_ms)
        };
        if matches!(outcome, Err(Error::Store { .. })) && tells_of_an_end(&record) && self.waiting.len() < WAITING {
            self.waiting.push_back((record, unix_ms));
        }
        outcome
    }

    fn write_waiting(&mut self) {
        while let Some((record, unix_ms)) = self.waiting.front() {
            match self.store.write(record, *unix_ms) {
                Err(Error::Store { .. }) => return,
                // Written, or never to be: its session was not opened here.
                Ok(()) | Err(_) => drop(self.waiting.pop_front()),
            }
        }
    }
}

/// Whether a record only says how something ended: true whenever it is written, and nothing follows from it.
const fn tells_of_an_end(record: &Record) -> bool {
    matches!(record, Record::OwnReceipt { .. } | Record::Alarm { .. } | Record::Ended { .. })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::handover::Outcome;
    use crate::types::SessionId;

    #[test]
    fn the_end_of_a_session_that_the_disk_refused_is_written_when_it_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite3");
        let session = SessionId([7; 32]);
        let never = SessionId([8; 32]);
        let mut store = Store::open(&path).unwrap();
        store.write(&Record::Opened { session, kind: "certificate".into() }, 1).unwrap();
        let other = rusqlite::Connection::open(&path).unwrap();
        let (done, mut written) = unbounded_channel();
        let journal = Journal::start(store, done).unwrap();
        // A disk that refuses.
        let refusing = ["sessions", "alarms"].map(|table| {
            format!("CREATE TRIGGER no_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END;")
        });
        other.execute_batch(&refusing.concat()).unwrap();
        let records = [
            Record::Opened { session: never, kind: "certificate".into() },
            Record::Alarm { session, what: "something" },
            Record::Ended { session, outcome: Outcome::Ended },
        ];
        for (token, record) in records.into_iter().enumerate() {
            journal.write(Persist { token: token as u64, record }, 2);
        }
        for token in 0..3 {
            let refused = written.blocking_recv().unwrap();
            assert!(refused.token == token && refused.outcome.is_err(), "{refused:?}");
        }
        other.execute_batch("DROP TRIGGER no_sessions; DROP TRIGGER no_alarms;").unwrap();
        let end = std::time::Instant::now() + Duration::from_secs(20);
        let reader = Store::open_read_only(&path).unwrap();
        while reader.session(session).unwrap().unwrap().ended.is_none() {
            assert!(std::time::Instant::now() < end, "never written");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(reader.alarms().unwrap().len(), 1);
        assert!(reader.session(never).unwrap().is_none(), "a session that was refused does not begin later");
    }
}
