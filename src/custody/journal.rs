//! Group commit: one thread writes a store's records, as many in one durable transaction as have come in meanwhile.
//!
//! When the disk refuses, whoever asked hears so at once and erases what depends on the record. What a record says of an end is
//! kept and written as soon as the disk takes it: an end that is on record nowhere would be found as lost after a restart, and a
//! receipt that is missing would break the chain of this station's receipts.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime};

use crate::custody::store::Store;
use crate::error::Error;
use crate::handover::Record;

/// With this many records a transaction takes no more.
const BATCH: usize = 256;
/// The most records that wait for a disk that refuses. What does not fit is found as lost at the next start.
const WAITING: usize = 4096;
/// How often a disk that refuses is asked again.
const AGAIN: Duration = Duration::from_millis(500);
/// How often is looked for records that are older than the configured period.
const EXPIRY: Duration = Duration::from_secs(3600);

/// Hears that a record is durable, or why it could not be written. Called on the writing thread.
pub type Done = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// The way to the writing thread. Dropping it ends the thread after the last record.
#[derive(Debug)]
pub struct Journal {
    records: Option<Sender<Vec<Request>>>,
    thread: Option<JoinHandle<()>>,
}

struct Request {
    record: Record,
    unix_ms: u64,
    done: Done,
}

impl Journal {
    /// Starts the thread. With a `retention` it deletes what is older, at once and then every hour.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no thread to be had.
    pub fn start(store: Store, retention: Option<Duration>) -> Result<Self, Error> {
        let (records, queue) = channel();
        let expiry = retention.map(|period| Expiry { period, next: Instant::now() });
        let writing = Writing { store, waiting: VecDeque::new(), expiry };
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writing.write_all(&queue))
            .map_err(|error| Error::io("starting the journal's thread", &error))?;
        Ok(Self { records: Some(records), thread: Some(thread) })
    }

    /// Hands a record of the time `unix_ms` (milliseconds since 1970-01-01 UTC) over; `done` is called when it is durable.
    pub fn write(&self, record: Record, unix_ms: u64, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        self.write_together(vec![(record, Box::new(done))], unix_ms);
    }

    /// Hands records over that belong together: they come into one transaction.
    pub fn write_together(&self, records: Vec<(Record, Done)>, unix_ms: u64) {
        if let Some(journal) = &self.records {
            let requests = records.into_iter().map(|(record, done)| Request { record, unix_ms, done }).collect();
            // The thread ends only after this sender, unless it panicked; then nothing is called and nothing goes on.
            let _ = journal.send(requests);
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

struct Expiry {
    period: Duration,
    next: Instant,
}

struct Writing {
    store: Store,
    /// Ends of sessions that the disk refused, the oldest first.
    waiting: VecDeque<(Record, u64)>,
    expiry: Option<Expiry>,
}

impl Writing {
    fn write_all(mut self, queue: &Receiver<Vec<Request>>) {
        loop {
            let first = match self.pause() {
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(pause) => queue.recv_timeout(pause),
            };
            self.write_waiting();
            let first = match first {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    self.expire();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut batch = first;
            while batch.len() < BATCH
                && let Ok(more) = queue.try_recv()
            {
                batch.extend(more);
            }
            self.write(batch);
            self.expire();
        }
    }

    /// How long to wait for a record before there is something else to do.
    fn pause(&self) -> Option<Duration> {
        let again = (!self.waiting.is_empty()).then_some(AGAIN);
        let expiry = self.expiry.as_ref().map(|expiry| expiry.next.saturating_duration_since(Instant::now()));
        again.into_iter().chain(expiry).min()
    }

    fn write(&mut self, batch: Vec<Request>) {
        let (records, done): (Vec<(Record, u64)>, Vec<Done>) =
            batch.into_iter().map(|request| ((request.record, request.unix_ms), request.done)).unzip();
        // What waits comes first: the records of a session keep their order.
        let together = if self.waiting.is_empty() { self.store.write_each(&records).ok() } else { None };
        match together {
            Some(outcomes) => done.into_iter().zip(outcomes).for_each(|(done, outcome)| done(outcome)),
            // On a disk that refuses, each record is tried alone: an end that it refuses waits.
            None => {
                for (done, (record, unix_ms)) in done.into_iter().zip(records) {
                    done(self.write_one(record, unix_ms));
                }
            }
        }
    }

    fn write_one(&mut self, record: Record, unix_ms: u64) -> Result<(), Error> {
        // Own receipts keep their order among all sessions: each names the one before it.
        let is_receipt = |record: &Record| matches!(record, Record::OwnReceipt { .. });
        let behind = self
            .waiting
            .iter()
            .any(|(waiting, _)| waiting.session() == record.session() || (is_receipt(waiting) && is_receipt(&record)));
        let outcome = if behind {
            Err(Error::Store { what: "writing a record, because the disk refused an earlier one before it" })
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

    /// Deletes one piece of what is too old, if it is time for that, so that records never wait for long.
    fn expire(&mut self) {
        let Some(expiry) = self.expiry.as_mut().filter(|expiry| expiry.next <= Instant::now()) else { return };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let unix_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        // On a disk that refuses, everything is there still, and is tried again.
        match self.store.expire(expiry.period, unix_ms) {
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => expiry.next = Instant::now() + EXPIRY,
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
    use alloc::format;
    use alloc::sync::Arc;
    use core::sync::atomic::{AtomicUsize, Ordering};

    use ed25519_dalek::{Signer, SigningKey};

    use super::*;
    use crate::custody::log::{NoteSigner, VerifierKey};
    use crate::custody::{LogCheck, verify_log};
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
        let journal = Journal::start(store, None).unwrap();
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
        let (sender, outcomes) = channel();
        for record in records {
            let sender = sender.clone();
            journal.write(record, 2, move |outcome| sender.send(outcome).unwrap());
        }
        for _ in 0..3 {
            let refused = outcomes.recv_timeout(Duration::from_secs(20)).unwrap();
            assert!(refused.is_err(), "{refused:?}");
        }
        other.execute_batch("DROP TRIGGER no_sessions; DROP TRIGGER no_alarms;").unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        let reader = Store::open_read_only(&path).unwrap();
        while reader.session(session).unwrap().unwrap().ended.is_none() {
            assert!(Instant::now() < end, "never written");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(reader.alarms().unwrap().len(), 1);
        assert!(reader.session(never).unwrap().is_none(), "a session that was refused does not begin later");
    }

    /// A key that counts its signatures: one for each transaction.
    struct Counting(SigningKey, VerifierKey, Arc<AtomicUsize>);

    impl NoteSigner for Counting {
        fn verifier_key(&self) -> &VerifierKey {
            &self.1
        }

        fn sign(&self, text: &[u8]) -> Result<[u8; 64], Error> {
            self.2.fetch_add(1, Ordering::Relaxed);
            Ok(self.0.sign(text).to_bytes())
        }
    }

    /// What is said of each of these records when they come in together, and how many transactions it took.
    fn written_together(path: &std::path::Path, records: Vec<Record>) -> (Vec<Result<(), Error>>, usize) {
        let key = SigningKey::from_bytes(&[9; 32]);
        let verifier = VerifierKey::new("shokyo/an-operator/a-station", key.verifying_key().to_bytes()).unwrap();
        let signed = Arc::new(AtomicUsize::new(0));
        let signer = Counting(key, verifier.clone(), Arc::clone(&signed));
        let store = Store::open_signed(path, Box::new(signer)).unwrap();
        let mut writing = Writing { store, waiting: VecDeque::new(), expiry: None };
        let (sender, outcomes) = channel();
        let request = |record| {
            let sender = sender.clone();
            let done: Done = Box::new(move |outcome| sender.send(outcome).unwrap());
            Request { record, unix_ms: 2, done }
        };
        writing.write(records.into_iter().map(request).collect());
        let _ = rusqlite::Connection::open(path).unwrap().execute("DROP TRIGGER no_alarms", []);
        let check = LogCheck { keys: &[verifier], receipt_keys: &|_| None, known: &[] };
        assert_eq!(verify_log(&writing.store, &check).unwrap().problems, []);
        (outcomes.try_iter().collect(), signed.load(Ordering::Relaxed))
    }

    #[test]
    fn records_that_belong_together_come_into_one_transaction() {
        let folder = tempfile::tempdir().unwrap();
        for together in [true, false] {
            let key = SigningKey::from_bytes(&[9; 32]);
            let verifier = VerifierKey::new("shokyo/an-operator/a-station", key.verifying_key().to_bytes()).unwrap();
            let signed = Arc::new(AtomicUsize::new(0));
            let signer = Counting(key, verifier, Arc::clone(&signed));
            let store = Store::open_signed(&folder.path().join(format!("{together}")), Box::new(signer)).unwrap();
            let journal = Journal::start(store, None).unwrap();
            let (sender, outcomes) = channel();
            let session = SessionId([1; 32]);
            let records = [
                Record::Opened { session, kind: "certificate".into() },
                Record::Alarm { session, what: "something" },
                Record::Ended { session, outcome: Outcome::Ended },
            ];
            let done = || -> Done {
                let sender = sender.clone();
                Box::new(move |outcome| sender.send(outcome).unwrap())
            };
            if together {
                journal.write_together(records.map(|record| (record, done())).into(), 2);
                (0..3).for_each(|_| outcomes.recv().unwrap().unwrap());
            } else {
                // The control: one after the other, each is a transaction.
                for record in records {
                    journal.write(record, 2, done());
                    outcomes.recv().unwrap().unwrap();
                }
            }
            assert_eq!(signed.load(Ordering::Relaxed), if together { 1 } else { 3 });
        }
    }

    #[test]
    fn a_record_that_is_refused_costs_the_others_no_flush_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite3");
        let session = |number| SessionId([number; 32]);
        let opened = |number| Record::Opened { session: session(number), kind: "certificate".into() };
        let records = vec![opened(1), opened(1), opened(2), Record::PrintStarted { session: session(3) }, opened(4)];
        let (outcomes, transactions) = written_together(&path, records);
        let [Ok(()), Err(Error::Replayed), Ok(()), Err(Error::WrongState { .. }), Ok(())] = &outcomes[..] else {
            panic!("{outcomes:?}")
        };
        assert_eq!(transactions, 1);
        let store = Store::open_read_only(&path).unwrap();
        assert_eq!((store.sessions().unwrap().len(), store.log_size().unwrap()), (3, 3));

        // The control: a disk that refuses one of them makes each a transaction of its own, and the counter sees it.
        let refusing = "CREATE TRIGGER no_alarms BEFORE INSERT ON alarms BEGIN SELECT RAISE(ABORT, 'full'); END;";
        rusqlite::Connection::open(&path).unwrap().execute_batch(refusing).unwrap();
        let alarm = Record::Alarm { session: session(1), what: "something" };
        let (outcomes, transactions) = written_together(&path, vec![opened(5), alarm, opened(6)]);
        assert!(matches!(&outcomes[..], [Ok(()), Err(Error::Store { .. }), Ok(())]), "{outcomes:?}");
        assert_eq!(transactions, 2);
    }
}
