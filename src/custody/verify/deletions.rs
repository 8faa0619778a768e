//! What is said to have expired, and whether an entry of the log says so: the table of positions is only an index of what the entries
//! say, and whoever owns the file can write into it.

use alloc::collections::BTreeMap;
use alloc::format;

use rusqlite::OptionalExtension;

use crate::custody::entry::Expired;
use crate::custody::failure::reading;
use crate::custody::store::Store;
use crate::custody::verify::{LogReport, Place};
use crate::error::Error;

pub(super) struct Deletions<'a> {
    store: &'a Store,
    /// The range of the table at or after the position that was asked for last.
    range: Option<(u64, u64)>,
    /// The ranges of the entries that the tree has, by their first and last, with the position of the entry.
    declared: BTreeMap<(u64, u64), u64>,
}

impl<'a> Deletions<'a> {
    pub(super) fn new(store: &'a Store) -> Result<Self, Error> {
        Ok(Self { store, range: range_from(store, 0)?, declared: BTreeMap::new() })
    }

    /// Whether the table covers a position; to be asked in ascending order.
    pub(super) fn cover(&mut self, position: u64) -> Result<bool, Error> {
        while let Some((_, last)) = self.range
            && last < position
        {
            self.range = range_from(self.store, last + 1)?;
        }
        Ok(self.range.is_some_and(|(first, last)| (first..=last).contains(&position)))
    }

    /// Takes down what an entry says that the tree vouches for.
    pub(super) fn declare(&mut self, position: u64, deletion: Option<&Expired>) {
        for range in deletion.iter().flat_map(|expired| &expired.positions) {
            self.declared.entry(*range).or_insert(position);
        }
    }

    /// Every range of the table must be one that an entry after it declares.
    pub(super) fn finish(&self, report: &mut LogReport) -> Result<(), Error> {
        let query = "SELECT first, last FROM expired_positions NOT INDEXED ORDER BY first";
        let mut statement = self.store.connection.prepare(query).map_err(|error| reading(&error))?;
        let mut rows = statement.query([]).map_err(|error| reading(&error))?;
        while let Some(row) = rows.next().map_err(|error| reading(&error))? {
            let (first, last): (i64, i64) =
                (|| Ok((row.get(0)?, row.get(1)?)))().map_err(|error: rusqlite::Error| reading(&error))?;
            let range = (first.cast_unsigned(), last.cast_unsigned());
            match self.declared.get(&range) {
                Some(entry) if *entry > range.1 => {}
                Some(entry) => report.problem(
                    Place::Positions(range.0, range.1),
                    format!("they are said to have expired by entry {entry}, which stands before their end"),
                ),
                None => report.problem(
                    Place::Positions(range.0, range.1),
                    "they are said to have expired, and no entry that the log vouches for says so",
                ),
            }
        }
        Ok(())
    }
}

/// The first range of expired positions that begins at or after `position`.
fn range_from(store: &Store, position: u64) -> Result<Option<(u64, u64)>, Error> {
    let query = "SELECT first, last FROM expired_positions WHERE first >= ?1 ORDER BY first LIMIT 1";
    let range = store.connection.prepare_cached(query).and_then(|mut statement| {
        let number = |row: &rusqlite::Row<'_>, column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        statement.query_row([position.cast_signed()], |row| Ok((number(row, 0)?, number(row, 1)?))).optional()
    });
    range.map_err(|error| reading(&error))
}
