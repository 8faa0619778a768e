//! The Merkle tree of RFC 9162 §2.1, whose hashes are kept in tiles of height 8 (C2SP tlog-tiles).

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;
use core::cell::RefCell;

use sha2::{Digest, Sha256};

use crate::error::Error;

/// SHA-256.
pub type Hash = [u8; 32];

/// Hashes in a full tile.
pub(super) const TILE_WIDTH: u64 = 256;
/// Levels of the tree in one level of tiles: `log2` of the width.
const TILE_HEIGHT: u32 = 8;
/// The most leaves of a tree: what foreign tools count in a signed 64-bit integer.
pub(super) const MOST_LEAVES: u64 = i64::MAX as u64;

/// Which tile: the `index`-th of a level, both from 0. Level 0 holds leaf hashes, level `n + 1` the roots of full tiles of level `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// The level, 0 to 7.
    pub level: u8,
    /// The place in the level.
    pub index: u64,
}

/// Where the tiles are kept.
pub trait Tiles {
    /// The hashes of a tile that are there, 32 bytes each, at most 256. The tile may be older than the tree, or newer: only
    /// what the asked-for size needs is read.
    ///
    /// # Errors
    /// Whatever keeps the tile from being read. A tile that is not there is an error too.
    fn tile(&self, id: TileId) -> Result<Vec<u8>, Error>;
}

/// The hash of a leaf, `SHA-256(0x00 || data)` (RFC 9162 §2.1.1).
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

/// The hash of an inner node, `SHA-256(0x01 || left || right)` (RFC 9162 §2.1.1).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of the tree without leaves, `SHA-256("")` (RFC 9162 §2.1.1).
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// What must be written when `leaves` (leaf hashes, in order) follow the first `size`: each changed tile with its whole new
/// content, a level after the levels below it. A tile that was written for a smaller tree is the beginning of the new one.
///
/// # Errors
/// What [`Tiles::tile`] gives; [`Error::Malformed`] for a tile that is shorter than `size` needs; [`Error::TooLarge`] for a tree
/// of more than 2⁶³ − 1 leaves.
pub fn append(tiles: &dyn Tiles, size: u64, leaves: &[Hash]) -> Result<Vec<(TileId, Vec<u8>)>, Error> {
    check_size(size.saturating_add(leaves.len() as u64))?;
    let mut changed = Vec::new();
    let (mut held, mut added, mut level) = (size, leaves.to_vec(), 0);
    while !added.is_empty() {
        let (width, mut index) = ((held % TILE_WIDTH) as usize, held / TILE_WIDTH);
        let mut content = Vec::new();
        if width > 0 {
            content = tiles.tile(TileId { level, index })?;
            if content.len() < width * size_of::<Hash>() {
                return Err(SHORT);
            }
            content.truncate(width * size_of::<Hash>());
        }
        let mut full = Vec::new();
        for hash in &added {
            content.extend_from_slice(hash);
            if content.len() == TILE_WIDTH as usize * size_of::<Hash>() {
                full.push(perfect(content.as_chunks().0));
                changed.push((TileId { level, index }, core::mem::take(&mut content)));
                index += 1;
            }
        }
        if !content.is_empty() {
            changed.push((TileId { level, index }, content));
        }
        (held, added, level) = (held / TILE_WIDTH, full, level + 1);
    }
    Ok(changed)
}

/// The root of the tree of the first `size` leaves (`MTH` in RFC 9162 §2.1.1).
///
/// # Errors
/// What [`Tiles::tile`] gives; [`Error::Malformed`] for a tile that is shorter than `size` needs; [`Error::TooLarge`] for more
/// than 2⁶³ − 1 leaves.
pub fn root(tiles: &dyn Tiles, size: u64) -> Result<Hash, Error> {
    check_size(size)?;
    if size == 0 { Ok(empty_root()) } else { Subtrees::of(tiles).range(0, size) }
}

/// Refuses sizes that no tree has.
pub(super) fn check_size(size: u64) -> Result<(), Error> {
    if size > MOST_LEAVES { Err(Error::TooLarge { what: "the size of a log", limit: MOST_LEAVES }) } else { Ok(()) }
}

/// Hashes of subtrees out of tiles, each of which is read once.
pub(super) struct Subtrees<'a> {
    tiles: &'a dyn Tiles,
    read: RefCell<BTreeMap<TileId, Vec<u8>>>,
}

impl<'a> Subtrees<'a> {
    pub(super) fn of(tiles: &'a dyn Tiles) -> Self {
        Self { tiles, read: RefCell::new(BTreeMap::new()) }
    }

    /// `MTH(D[start:end])`, where `start` is a multiple of the largest power of two that fits: as all ranges that RFC 9162 splits.
    pub(super) fn range(&self, start: u64, end: u64) -> Result<Hash, Error> {
        let length = end - start;
        if length.is_power_of_two() {
            return self.perfect(start >> length.trailing_zeros(), length.trailing_zeros());
        }
        let middle = start + split(length);
        Ok(node_hash(&self.range(start, middle)?, &self.range(middle, end)?))
    }

    /// The root of the `index`-th subtree of `2^height` leaves.
    fn perfect(&self, index: u64, height: u32) -> Result<Hash, Error> {
        let (level, inner) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let first = index << inner;
        let id = TileId { level: level as u8, index: first / TILE_WIDTH };
        let (start, width) = ((first % TILE_WIDTH) as usize, 1 << inner);
        let mut read = self.read.borrow_mut();
        let content = match read.entry(id) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(missing) => missing.insert(self.tiles.tile(id)?),
        };
        let (hashes, _) = content.as_chunks();
        hashes.get(start..start + width).map(perfect).ok_or(SHORT)
    }
}

/// The largest power of two smaller than `length`, which is at least 2 (`k` in RFC 9162 §2.1.1).
pub(super) fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

/// The root over hashes whose number is a power of two.
pub(super) fn perfect(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => empty_root(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            node_hash(&perfect(left), &perfect(right))
        }
    }
}

const SHORT: Error = Error::Malformed { what: "a tile of the log, which is shorter than the log's size needs" };
