//! Tiles in memory, and the tree as RFC 9162 §2.1 defines it, without tiles and without haste.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use shokyo::Error;
use shokyo::custody::log::{Checkpoint, Hash, NoteSigner, TileId, Tiles, append, root};

pub(crate) use crate::note_key::NoteKey as Key;

/// Tiles in memory.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    pub(crate) tiles: BTreeMap<TileId, Vec<u8>>,
    pub(crate) size: u64,
}

impl Tiles for Memory {
    fn tile(&self, id: TileId) -> Result<Vec<u8>, Error> {
        self.tiles.get(&id).cloned().ok_or(Error::Store { what: "reading a tile that is not there" })
    }
}

impl Memory {
    /// The tree over `leaves`, appended at once.
    pub(crate) fn of(leaves: &[Hash]) -> Self {
        let mut memory = Self::default();
        memory.append(leaves);
        memory
    }

    pub(crate) fn append(&mut self, leaves: &[Hash]) {
        let changed = append(self, self.size, leaves).unwrap();
        self.tiles.extend(changed);
        self.size += leaves.len() as u64;
    }
}

/// Leaf hashes that differ.
pub(crate) fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|number| naive_leaf(&number.to_be_bytes())).collect()
}

pub(crate) fn naive_leaf(data: &[u8]) -> Hash {
    Sha256::digest([&[0], data].concat()).into()
}

/// `MTH` of RFC 9162 §2.1.1, over leaf hashes.
pub(crate) fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(naive_split(more.len()));
            Sha256::digest([&[1], naive_root(left).as_slice(), naive_root(right).as_slice()].concat()).into()
        }
    }
}

/// The largest power of two smaller than `length`.
pub(crate) fn naive_split(length: usize) -> usize {
    let mut split = 1;
    while split * 2 < length {
        split *= 2;
    }
    split
}

/// The log's checkpoint at `size`, and the signed note.
pub(crate) fn checkpoint(tiles: &dyn Tiles, size: u64, key: &Key) -> (Checkpoint, String) {
    let origin = key.verifier_key().name().to_owned();
    let checkpoint = Checkpoint { origin, size, root: root(tiles, size).unwrap() };
    let note = checkpoint.sign(key).unwrap();
    (checkpoint, note)
}
