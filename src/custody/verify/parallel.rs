//! Signatures and hashes on all processors, in the order of the log and in bounded memory.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::sync::{Mutex, PoisonError};

use crate::custody::failure::reading;
use crate::custody::store::Store;
use crate::custody::verify::item::{Checked, Item, Unreadable};
use crate::custody::verify::{ReceiptKeys, read};
use crate::error::Error;

/// Entries that a thread takes at once. With receipts of 4,096 bytes a chunk has at most 1 MiB.
const CHUNK: usize = 256;

type Read = Result<Item, Unreadable>;
type Done = Result<Checked, Unreadable>;

/// Checks every entry by itself and gives it to `take`, in the order of their positions.
pub(super) fn for_each(
    store: &Store,
    keys: &ReceiptKeys<'_>,
    mut take: impl FnMut(Done) -> Result<(), Error>,
) -> Result<(), Error> {
    let threads = std::thread::available_parallelism().map_or(1, core::num::NonZero::get).min(16);
    let (chunks, queue) = sync_channel::<(usize, Vec<Read>)>(threads);
    let queue = &Mutex::new(queue);
    // The sender is moved in, so that a failure ends the threads: their queue ends with it.
    std::thread::scope(move |scope| {
        let chunks = chunks;
        let (results, checked) = channel();
        let results_of_threads: Vec<_> = (0..threads).map(|_| results.clone()).collect();
        drop(results);
        for results in results_of_threads {
            scope.spawn(move || {
                while let Some((number, items)) = next(queue) {
                    let checked: Vec<Done> = items.into_iter().map(|read| read.map(|item| item.check(keys))).collect();
                    if results.send((number, checked)).is_err() {
                        return;
                    }
                }
            });
        }
        let mut in_order = InOrder { next: 0, early: BTreeMap::new() };
        let mut statement = store.connection.prepare_cached(read::ALL).map_err(|error| reading(&error))?;
        let mut rows = statement.query([0, i64::MAX]).map_err(|error| reading(&error))?;
        let (mut chunk, mut sent) = (Vec::with_capacity(CHUNK), 0);
        loop {
            let row = rows.next().map_err(|error| reading(&error))?;
            let is_last = row.is_none();
            if let Some(row) = row {
                chunk.push(match read::item(store, row) {
                    Ok(item) => Ok(item),
                    Err(Error::Malformed { .. }) => Err(Unreadable(read::position(row)?)),
                    Err(error) => return Err(error),
                });
            }
            if chunk.len() < CHUNK && !is_last {
                continue;
            }
            // The threads end only when this queue does.
            let full = core::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
            let _ = chunks.send((sent, full));
            sent += 1;
            // No more under way than the threads have work for.
            while is_last && in_order.next < sent || sent - in_order.next > 3 * threads {
                let (number, ready) = checked.recv_timeout(PATIENCE).map_err(|_| GONE)?;
                in_order.take(number, ready, &mut take)?;
            }
            if is_last {
                return Ok(());
            }
        }
    })
}

fn next(queue: &Mutex<Receiver<(usize, Vec<Read>)>>) -> Option<(usize, Vec<Read>)> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Chunks that were finished before an earlier one.
struct InOrder {
    next: usize,
    early: BTreeMap<usize, Vec<Done>>,
}

impl InOrder {
    fn take(
        &mut self,
        number: usize,
        ready: Vec<Done>,
        take: &mut impl FnMut(Done) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.early.insert(number, ready);
        while let Some(ready) = self.early.remove(&self.next) {
            self.next += 1;
            ready.into_iter().try_for_each(&mut *take)?;
        }
        Ok(())
    }
}

/// How long a chunk may take before a thread counts as lost.
const PATIENCE: Duration = Duration::from_secs(120);

const GONE: Error = Error::Store { what: "checking receipts, because a thread ended" };
