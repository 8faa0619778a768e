//! The root of a tree that is read once, leaf by leaf, in memory that does not grow.

use alloc::vec::Vec;

use crate::custody::log::{Hash, empty_root, node_hash};

/// The roots of the full subtrees to the left: as many as `size` has ones in binary, the largest first (RFC 9162 §2.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// A tree of `size` leaves of which nothing is known.
    pub(super) fn at(size: u64) -> Self {
        Self { size, roots: (0..size.count_ones()).map(|_| [0; 32]).collect() }
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf hash; `tiled` hears of every full subtree of 256, 65,536, ... leaves that this completes: the level of the tile that
    /// its root stands in, and the place in that level.
    pub(super) fn push(&mut self, leaf: Hash, mut tiled: impl FnMut(u8, u64, &Hash)) {
        let mut root = leaf;
        for height in 1..=self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                root = node_hash(&left, &root);
            }
            if height % 8 == 0 {
                tiled((height / 8) as u8, self.size >> height, &root);
            }
        }
        self.roots.push(root);
        self.size += 1;
    }

    /// The root over all leaves so far (RFC 9162 §2.1.1).
    pub(super) fn root(&self) -> Hash {
        let right_to_left = self.roots.iter().rev().copied();
        right_to_left.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;
    use crate::custody::log::{TileId, Tiles, append, leaf_hash, root};
    use crate::error::Error;

    #[derive(Default)]
    struct InMemory(BTreeMap<TileId, Vec<u8>>);

    impl Tiles for InMemory {
        fn tile(&self, id: TileId) -> Result<Vec<u8>, Error> {
            Ok(self.0.get(&id).unwrap().clone())
        }
    }

    #[test]
    fn it_gives_the_roots_and_the_tiles_that_appending_gives() {
        let (mut tiles, mut frontier, mut upper) = (InMemory::default(), Frontier::default(), BTreeMap::new());
        for number in 0..1500_u64 {
            assert_eq!(frontier.root(), root(&tiles, number).unwrap(), "{number}");
            let leaf = leaf_hash(&number.to_be_bytes());
            tiles.0.extend(append(&tiles, number, &[leaf]).unwrap());
            frontier.push(leaf, |level, place, hash| {
                upper.insert((level, place), *hash);
            });
        }
        let level_1 = tiles.tile(TileId { level: 1, index: 0 }).unwrap();
        let of_frontier: Vec<u8> = (0..5).flat_map(|place| upper[&(1, place)]).collect();
        assert_eq!((level_1, upper.len()), (of_frontier, 5));
    }
}
