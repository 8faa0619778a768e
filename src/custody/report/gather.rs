//! From files to sums: ranges of session identifiers, read from all stores together, by as many threads as there are
//! processors.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU16, Ordering};
use std::path::Path;
use std::thread;

use crate::custody::Store;
use crate::custody::failure::reading;
use crate::custody::report::Keys;
use crate::custody::report::story::Story;
use crate::custody::report::summary::{Owner, Summary};
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
pub fn summarise(stores: &[&Path], keys: Option<&Keys<'_>>, progress: &(dyn Fn(u64) + Sync)) -> Result<Summary, Error> {
    let owners = owners(&open(stores)?)?;
    let next = AtomicU16::new(0);
    let part = || -> Result<Summary, Error> {
        let open = open(stores)?;
        let mut sums = Summary::new(owners.clone(), keys);
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
    let mut sums = Summary::new(owners.clone(), keys);
    for part in parts {
        sums.merge(&part.map_err(|_| Error::Store { what: "reading records: a thread ended early" })??);
    }
    Ok(sums)
}

/// What the stores tell about one session; `None` if none knows it.
///
/// # Errors
/// As [`summarise`].
pub fn story(stores: &[&Path], session: SessionId, keys: Option<&Keys<'_>>) -> Result<Option<Story>, Error> {
    let open = open(stores)?;
    let found = together(&open, (session, session))?.remove(&session);
    let owners = owners(&open)?;
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

/// Whose store each is: who signs the first receipt that it calls its own and that can be read.
fn owners(stores: &[Store]) -> Result<Vec<Option<Owner>>, Error> {
    let owner = |store: &Store| {
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
    };
    stores.iter().map(owner).collect()
}
