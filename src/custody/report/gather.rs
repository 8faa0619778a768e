//! From files to sums: ranges of session identifiers, read from all stores together, by as many threads as there are
//! processors.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU16, Ordering};
use std::path::Path;
use std::thread;

use crate::custody::ReceiptKeys;
use crate::custody::Store;
use crate::custody::failure::reading;
use crate::custody::report::story::Story;
use crate::custody::report::summary::{Expiries, Owner, StoreFacts, Summary};
use crate::custody::summary::{RANGES, Recorded, range};
use crate::error::Error;
use crate::receipt;
use crate::types::SessionId;

/// Reads stores and adds up what they hold. Signatures are checked when there are keys.
///
/// `progress` is told after each part how many thousandths of the work are done; it may be called by several threads.
///
/// # Errors
/// What [`Store::open_read_only`] says, and [`Error::Store`] when a file cannot be read.
pub fn summarise(
    stores: &[&Path],
    keys: Option<&ReceiptKeys<'_>>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Summary, Error> {
    let facts = facts(&open(stores)?)?;
    let next = AtomicU16::new(0);
    let part = || -> Result<Summary, Error> {
        let open = open(stores)?;
        let mut sums = Summary::new(facts.clone(), keys);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            // Each thread takes one number too many, which is far below what the counter holds.
            if number >= RANGES {
                return Ok(sums);
            }
            for (session, recorded) in together(&open, range(number))? {
                sums.add(session, &recorded, keys);
            }
            progress(u64::from(number) * 1_000 / u64::from(RANGES));
        }
    };
    let threads = thread::available_parallelism().map_or(1, |count| count.get().min(8));
    let parts: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(part)).collect();
        running.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut sums = Summary::new(facts.clone(), keys);
    for part in parts {
        sums.merge(&part.map_err(|_| Error::Store { what: "reading records: a thread ended early" })??);
    }
    Ok(sums)
}

/// What the stores tell about one session; `None` if none knows it.
///
/// # Errors
/// As [`summarise`].
pub fn story(stores: &[&Path], session: SessionId, keys: Option<&ReceiptKeys<'_>>) -> Result<Option<Story>, Error> {
    let open = open(stores)?;
    let found = together(&open, (session, session))?.remove(&session);
    let owners: Vec<Option<Owner>> = facts(&open)?.into_iter().map(|facts| facts.owner).collect();
    Ok(found.map(|recorded| Story::new(session, &owners, recorded, keys)))
}

/// The sessions from `first` to `last`, both included, that any of the stores knows: to find one by the start of its name.
///
/// # Errors
/// As [`summarise`].
pub fn find(stores: &[&Path], first: SessionId, last: SessionId) -> Result<Vec<SessionId>, Error> {
    Ok(together(&open(stores)?, (first, last))?.into_keys().collect())
}

fn open(stores: &[&Path]) -> Result<Vec<Store>, Error> {
    let open = |path: &&Path| {
        let store = Store::open_read_only(path)?;
        store.hold_still()?;
        Ok(store)
    };
    stores.iter().map(open).collect()
}

/// What all stores hold of the sessions in one range, each with the number of its store.
fn together(
    stores: &[Store],
    (first, last): (SessionId, SessionId),
) -> Result<BTreeMap<SessionId, Vec<(usize, Recorded)>>, Error> {
    let mut together: BTreeMap<SessionId, Vec<(usize, Recorded)>> = BTreeMap::new();
    for (number, store) in stores.iter().enumerate() {
        for (session, recorded) in store.between(&first, &last)? {
            together.entry(session).or_default().push((number, recorded));
        }
    }
    Ok(together)
}

/// What each store says of itself, before any session is read.
fn facts(stores: &[Store]) -> Result<Vec<StoreFacts>, Error> {
    let facts =
        |store: &Store| Ok(StoreFacts { owner: owner(store)?, expired: expired(store)?, ..StoreFacts::default() });
    stores.iter().map(facts).collect()
}

/// Whose store it is: who signs the first receipt that it calls its own and that can be read.
fn owner(store: &Store) -> Result<Option<Owner>, Error> {
    let first = "SELECT receipt FROM receipts WHERE own = 1 ORDER BY id LIMIT 100";
    let mut statement = store.connection.prepare(first).map_err(|error| reading(&error))?;
    let mut rows = statement.query([]).map_err(|error| reading(&error))?;
    while let Some(row) = rows.next().map_err(|error| reading(&error))? {
        let bytes: Vec<u8> = row.get(0).map_err(|error| reading(&error))?;
        if let Ok(unverified) = receipt::read_unverified(&bytes) {
            return Ok(Some(Owner::of(&unverified.statement)));
        }
    }
    Ok(None)
}

fn expired(store: &Store) -> Result<Expiries, Error> {
    let sums = "SELECT coalesce(sum(sessions), 0), coalesce(sum(receipts), 0), coalesce(sum(alarms), 0), \
                coalesce(max(before_unix_ms), 0) FROM expired";
    let number = |row: &rusqlite::Row<'_>, column| row.get(column).map(|number: i64| number.max(0).unsigned_abs());
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Expiries {
            sessions: number(row, 0)?,
            receipts: number(row, 1)?,
            alarms: number(row, 2)?,
            before_unix_ms: number(row, 3)?,
        })
    };
    store.connection.query_row(sums, [], read).map_err(|error| reading(&error))
}
