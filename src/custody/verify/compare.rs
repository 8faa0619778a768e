//! The entries in their order, against one another, the tiles and the checkpoints.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rusqlite::OptionalExtension;

use crate::custody::batch::Stored;
use crate::custody::entry::EntryKind;
use crate::custody::failure::reading;
use crate::custody::log::{Checkpoint, Hash, Note, TileId, Tiles, VerifierKey};
use crate::custody::store::Store;
use crate::custody::verify::deletions::Deletions;
use crate::custody::verify::frontier::Frontier;
use crate::custody::verify::ids::Ids;
use crate::custody::verify::item::{Checked, CheckedReceipt, Unreadable};
use crate::custody::verify::{LogCheck, LogReport, Place};
use crate::error::Error;

/// The levels of tiles above the leaves, the most that a tree of 2⁶³ leaves has.
const UPPER: usize = 7;

pub(super) struct Comparison<'a> {
    store: &'a Store,
    keys: &'a [VerifierKey],
    report: LogReport,
    /// The tree of what the tiles say, and of what the entries say.
    of_tiles: Frontier,
    of_entries: Frontier,
    leaves: Cached,
    upper: [Cached; UPPER],
    /// Signed sizes that are still to come, the store's own one by one and the auditor's.
    stored: Option<(u64, String)>,
    known: Vec<(u64, Checkpoint)>,
    deletions: Deletions<'a>,
    ids: Ids,
    chain: Chain,
}

/// The last tile of a level that was looked at.
#[derive(Default)]
struct Cached {
    index: Option<u64>,
    hashes: Vec<u8>,
}

/// The receipt that the next own one must name.
enum Chain {
    Start,
    After(Hash),
    /// The one before has expired.
    Unknown,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(store: &'a Store, check: &'a LogCheck<'_>) -> Result<Self, Error> {
        let mut comparison = Self {
            store,
            keys: check.keys,
            report: LogReport::default(),
            of_tiles: Frontier::default(),
            of_entries: Frontier::default(),
            leaves: Cached::default(),
            upper: Default::default(),
            stored: None,
            known: Vec::new(),
            deletions: Deletions::new(store)?,
            ids: Ids::default(),
            chain: Chain::Start,
        };
        comparison.stored = comparison.checkpoint_from(0)?;
        for note in check.known {
            match verify_note(note, check.keys) {
                Ok(checkpoint) => comparison.known.push((checkpoint.size, checkpoint)),
                Err(error) => comparison.report.problem(Place::Store, format!("a checkpoint that you kept: {error}")),
            }
        }
        comparison.known.sort();
        comparison.compare_signed()?;
        Ok(comparison)
    }

    pub(super) fn take(&mut self, checked: Result<Checked, Unreadable>) -> Result<(), Error> {
        match checked {
            Ok(checked) => self.compare(&checked),
            Err(unreadable) => self.pass_over(&unreadable),
        }
    }

    /// The tiles' word is taken for the hash of an entry that cannot be read.
    fn pass_over(&mut self, Unreadable(position): &Unreadable) -> Result<(), Error> {
        self.fill_gap(*position)?;
        if *position < self.of_tiles.size() {
            self.report.problem(Place::Positions(*position, *position), "it stands twice in the log");
            return Ok(());
        }
        let what = "a value of it, or of the row that it names, is none that a station writes: it was changed";
        self.report.problem(Place::Positions(*position, *position), what);
        self.chain = Chain::Unknown;
        let hash = self.leaf(*position)?.unwrap_or_default();
        self.push(hash, hash)
    }

    fn compare(&mut self, checked: &Checked) -> Result<(), Error> {
        self.fill_gap(checked.position)?;
        if checked.position < self.of_tiles.size() {
            self.report.problem(place(checked), "it stands twice in the log");
            return Ok(());
        }
        let tile = self.leaf(checked.position)?;
        for what in &checked.problems {
            self.report.problem(place(checked), what.as_str());
        }
        self.check_expiry(checked)?;
        if let Some(what) = self.ids.out_of_order(checked.kind, checked.row) {
            self.report.problem(place(checked), what);
        }
        match difference(checked, tile, &self.leaves.hashes) {
            Some(what) => self.report.problem(place(checked), what),
            // Only what the tree has is believed.
            None if tile.is_some() => self.deletions.declare(checked.position, checked.deletion.as_ref()),
            None => {}
        }
        self.report.entries[checked.kind as usize - 1] += 1;
        match (&checked.receipt, checked.kind) {
            (Some(receipt), kind) => self.check_receipt(checked, receipt, kind),
            (None, EntryKind::OwnReceipt) => self.chain = Chain::Unknown,
            (None, _) => {}
        }
        let entry = checked.recomputed.unwrap_or(checked.logged);
        self.push(tile.unwrap_or(entry), entry)
    }

    /// The checkpoints that are left, the upper tiles' ends, and the report.
    pub(super) fn finish(mut self) -> Result<LogReport, Error> {
        let size = self.of_tiles.size();
        self.report.size = size;
        self.report.root = self.of_entries.root();
        let covered = self.report.checkpoint.as_ref().map_or(0, |newest| newest.size);
        if covered < size {
            let what = match covered {
                0 => "no checkpoint that verifies covers them".to_string(),
                _ => format!("the newest checkpoint that verifies covers only the first {covered}"),
            };
            self.report.problem(Place::Positions(covered, size - 1), what);
        }
        while let Some((stored, _)) = self.stored.take() {
            let what = format!("it covers more than the {size} entries that are there: the log was cut off");
            self.report.problem(Place::Checkpoint(stored), what);
            self.stored = self.checkpoint_from(stored + 1)?;
        }
        for (known, _) in core::mem::take(&mut self.known) {
            let what = format!("you kept it, and the log has only {size} entries: it was cut off");
            self.report.problem(Place::Checkpoint(known), what);
        }
        self.deletions.finish(&mut self.report)?;
        self.check_tile_lengths()?;
        Ok(self.report)
    }

    /// Positions before `position` that have no entry: the tiles' word is taken for their hashes.
    fn fill_gap(&mut self, position: u64) -> Result<(), Error> {
        let first = self.of_tiles.size();
        if position <= first {
            return Ok(());
        }
        self.report.problem(Place::Positions(first, position - 1), "deleted from the log");
        for missing in first..position {
            // No gap is longer than the tiles: beyond them, an invented position would keep this busy for ever.
            let Some(hash) = self.leaf(missing)? else {
                self.of_tiles = Frontier::at(position);
                self.of_entries = Frontier::at(position);
                break;
            };
            self.push(hash, hash)?;
        }
        self.chain = Chain::Unknown;
        Ok(())
    }

    fn push(&mut self, of_tiles: Hash, of_entries: Hash) -> Result<(), Error> {
        let mut completed = Vec::new();
        self.of_tiles.push(of_tiles, |level, place, hash| completed.push((level, place, *hash)));
        self.of_entries.push(of_entries, |_, _, _| {});
        for (level, place, hash) in completed {
            let Some(cached) = self.upper.get_mut(usize::from(level) - 1) else { continue };
            if cached.get(self.store, level, place)? != Some(hash) {
                let what = format!("its hash {} is not the root of the tile below", place % 256);
                self.report.problem(Place::Tile { level, index: place / 256 }, what);
            }
        }
        self.compare_signed()
    }

    /// Compares the roots with what was signed about the tree of this size.
    fn compare_signed(&mut self) -> Result<(), Error> {
        let size = self.of_tiles.size();
        while let Some((_, note)) = self.stored.take_if(|(stored, _)| *stored == size) {
            match verify_note(&note, self.keys) {
                Ok(checkpoint) if checkpoint.size == size => {
                    self.compare_root(&checkpoint, "it");
                    self.report.checkpoint = Some(checkpoint);
                }
                Ok(checkpoint) => {
                    let what = format!("it is not about this size but about {}", checkpoint.size);
                    self.report.problem(Place::Checkpoint(size), what);
                }
                Err(error) => {
                    let what =
                        format!("no key that you gave has signed it: it is forged, or the key is another ({error})");
                    self.report.problem(Place::Checkpoint(size), what);
                }
            }
            self.stored = self.checkpoint_from(size + 1)?;
        }
        while self.known.first().is_some_and(|(known, _)| *known == size) {
            let (_, checkpoint) = self.known.remove(0);
            self.compare_root(&checkpoint, "you kept it, and it");
        }
        Ok(())
    }

    fn compare_root(&mut self, signed: &Checkpoint, it: &str) {
        self.report.checkpoints += 1;
        let (tiles, entries) = (self.of_tiles.root() == signed.root, self.of_entries.root() == signed.root);
        let what = match (tiles, entries) {
            (true, true) => return,
            (true, false) => {
                format!("{it} signs what the tiles say, and not what the entries before say: entries were changed")
            }
            (false, true) => format!("{it} signs what the entries say, and not what the tiles say: tiles were changed"),
            (false, false) => format!("{it} signs another history than this log's: entries before this were changed"),
        };
        self.report.problem(Place::Checkpoint(signed.size), what);
    }

    /// The leaf hash in the tiles.
    fn leaf(&mut self, position: u64) -> Result<Option<Hash>, Error> {
        let before = self.leaves.index;
        let hash = self.leaves.get(self.store, 0, position)?;
        if hash.is_none() && (before != self.leaves.index || position % 256 == (self.leaves.hashes.len() / 32) as u64) {
            let what = format!("it lacks the hashes from position {position} on");
            self.report.problem(Place::Tile { level: 0, index: position / 256 }, what);
        }
        Ok(hash)
    }

    fn check_expiry(&mut self, checked: &Checked) -> Result<(), Error> {
        match (checked.is_expired, self.deletions.cover(checked.position)?) {
            (true, true) => self.report.expired += 1,
            (true, false) => {
                self.report.problem(place(checked), "its row was deleted, and no entry says that it expired")
            }
            (false, true) => self.report.problem(place(checked), "it has expired, and its row is still there"),
            (false, false) => {}
        }
        Ok(())
    }

    fn check_receipt(&mut self, checked: &Checked, receipt: &CheckedReceipt, kind: EntryKind) {
        if receipt.verified {
            self.report.receipts_verified += 1;
        } else {
            self.report.receipts_without_key += 1;
        }
        if kind != EntryKind::OwnReceipt {
            return;
        }
        let what = match (&self.chain, receipt.previous) {
            (Chain::Start, None) | (Chain::Unknown, _) => None,
            (Chain::After(hash), Some(previous)) if *hash == previous => None,
            (Chain::Start, Some(_)) => Some("it names a receipt before it, and it is this station's first"),
            (Chain::After(_), None) => Some("it names no receipt before it, and there is one"),
            (Chain::After(_), Some(_)) => {
                Some("it does not name this station's receipt before it: one is missing, or two are exchanged")
            }
        };
        if let Some(what) = what {
            self.report.problem(place(checked), what);
        }
        self.chain = Chain::After(receipt.hash);
    }

    /// The first stored checkpoint of at least `size` entries.
    fn checkpoint_from(&self, size: u64) -> Result<Option<(u64, String)>, Error> {
        let query = "SELECT size, note FROM checkpoints WHERE size >= ?1 ORDER BY size LIMIT 1";
        let found = self.store.connection.prepare_cached(query).and_then(|mut statement| {
            statement
                .query_row([size.cast_signed()], |row| {
                    // What is no text is no note either.
                    let note = row.get_ref(1)?.as_bytes().map(String::from_utf8_lossy);
                    Ok((row.get::<_, i64>(0)?.cast_unsigned(), note.unwrap_or_default().into_owned()))
                })
                .optional()
        });
        found.map_err(|error| reading(&error))
    }

    /// Tiles that should not be there, or have more hashes than the tree.
    fn check_tile_lengths(&mut self) -> Result<(), Error> {
        let size = self.of_tiles.size();
        let mut statement = self
            .store
            .connection
            .prepare_cached("SELECT level, tile, length(hashes) / 32 FROM tiles ORDER BY level, tile")
            .map_err(|error| reading(&error))?;
        let mut rows = statement.query([]).map_err(|error| reading(&error))?;
        while let Some(row) = rows.next().map_err(|error| reading(&error))? {
            let (level, index, held): (i64, i64, i64) =
                (|| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))().map_err(|error| reading(&error))?;
            let (index, held) = (index.cast_unsigned(), held.cast_unsigned());
            // No tree has so many levels, and none of their hashes is expected.
            let level = u8::try_from(level).unwrap_or(u8::MAX);
            let in_level = if usize::from(level) <= UPPER { size >> (8 * u32::from(level)) } else { 0 };
            let expected = in_level.saturating_sub(index.saturating_mul(256)).min(256);
            if held > expected {
                let what = format!("it has {held} hashes, and the tree has only {expected} for it");
                self.report.problem(Place::Tile { level, index }, what);
            }
        }
        Ok(())
    }
}

impl Cached {
    /// The `place`-th hash of a level.
    fn get(&mut self, store: &Store, level: u8, place: u64) -> Result<Option<Hash>, Error> {
        let index = place / 256;
        if self.index != Some(index) {
            self.index = Some(index);
            self.hashes = match Stored(&store.connection).tile(TileId { level, index }) {
                Ok(hashes) => hashes,
                Err(Error::Malformed { .. }) => Vec::new(),
                Err(error) => return Err(error),
            };
        }
        Ok(self.hashes.as_chunks::<32>().0.get((place % 256) as usize).copied())
    }
}

/// What is wrong between a row, the log and the tile, if anything.
fn difference(checked: &Checked, tile: Option<Hash>, tile_hashes: &[u8]) -> Option<String> {
    let (row, logged) = (checked.recomputed, checked.logged);
    let tile = tile.unwrap_or(logged);
    let Some(row) = row else {
        return (logged != tile).then(|| "the leaf in the log is not the one in the tile".to_string());
    };
    Some(match (row == tile, logged == tile, row == logged) {
        (true, true, _) => return None,
        (false, true, _) => "its row or its salt was changed after it was written".to_string(),
        (true, false, _) => "its leaf in the log was changed after it was written".to_string(),
        (false, false, true) => {
            let tile_start = checked.position / 256 * 256;
            match tile_hashes.as_chunks::<32>().0.iter().position(|hash| *hash == row) {
                Some(place) => format!("it was appended as entry {}: the log was reordered", tile_start + place as u64),
                None => "it is not what the tile has at this position: the entry was replaced, or the tile changed"
                    .to_string(),
            }
        }
        (false, false, false) => "row, log and tile all differ: they were changed after it was written".to_string(),
    })
}

fn place(checked: &Checked) -> Place {
    Place::Entry { position: checked.position, kind: checked.kind, row: checked.row }
}

/// The checkpoint that one of the keys has signed.
fn verify_note(note: &str, keys: &[VerifierKey]) -> Result<Checkpoint, Error> {
    let mut failure = Error::Mismatch { what: "a checkpoint and the keys that were given" };
    Note::parse(note)?;
    for key in keys {
        match Checkpoint::verify(note, key) {
            Ok(checkpoint) => return Ok(checkpoint),
            Err(error @ Error::Mismatch { .. }) => drop(error),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
