//! The tree over tiles is the tree of RFC 9162.

use proptest::prelude::*;
use shokyo::Error;
use shokyo::custody::log::{TileId, append, empty_root, leaf_hash, node_hash, root};

use crate::support::{Memory, leaves, naive_leaf, naive_root};

#[test]
fn hashes_are_those_of_the_published_trees() {
    // The tree of eight leaves that certificate-transparency implementations share as a test vector.
    let data: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let hashes: Vec<_> = data.iter().map(|leaf| leaf_hash(leaf)).collect();
    let memory = Memory::of(&hashes);
    for (size, expected) in roots.iter().enumerate() {
        let found: String = root(&memory, size as u64).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, *expected, "size {size}");
    }
}

#[test]
fn the_root_of_each_size_is_that_of_the_recursive_definition() {
    let all = leaves(700);
    let whole = Memory::of(&all);
    let mut grown = Memory::default();
    assert_eq!(leaf_hash(&7_u64.to_be_bytes()), naive_leaf(&7_u64.to_be_bytes()));
    assert_eq!(naive_root(&all[..2]), node_hash(&all[0], &all[1]));
    for size in 0..=700 {
        let expected = naive_root(&all[..size]);
        assert_eq!(root(&grown, size as u64), Ok(expected), "grown leaf by leaf, size {size}");
        assert_eq!(root(&whole, size as u64), Ok(expected), "out of the tiles of a larger tree, size {size}");
        if size < 700 {
            grown.append(&all[size..=size]);
        }
    }
    assert_eq!(grown.tiles, whole.tiles, "tiles do not depend on the batches");
    assert_eq!(root(&Memory::default(), 0), Ok(empty_root()));
}

#[test]
fn a_tree_of_70_000_has_the_tiles_that_the_specification_names() {
    let memory = Memory::of(&leaves(70_000));
    let width = |level, index| memory.tiles.get(&TileId { level, index }).map_or(0, |content| content.len() / 32);
    assert_eq!(memory.tiles.keys().filter(|id| id.level == 0).count(), 274);
    assert_eq!((width(0, 272), width(0, 273)), (256, 112));
    assert_eq!((width(1, 0), width(1, 1), width(2, 0), width(3, 0)), (256, 17, 1, 0));
    assert_eq!(root(&memory, 70_000), Ok(naive_root(&leaves(70_000))));
}

#[test]
fn tiles_that_do_not_hold_what_the_size_needs_are_refused() {
    let memory = Memory::of(&leaves(300));
    assert!(matches!(root(&memory, 301), Err(Error::Malformed { .. })));
    assert!(matches!(root(&memory, 65_537), Err(Error::Store { .. })));
    assert!(matches!(append(&memory, 301, &leaves(1)), Err(Error::Malformed { .. })));
    assert!(matches!(append(&Memory::default(), 1, &leaves(1)), Err(Error::Store { .. })));
    for size in [1 << 63, u64::MAX] {
        assert!(matches!(root(&memory, size), Err(Error::TooLarge { .. })));
        assert!(matches!(append(&memory, size, &leaves(1)), Err(Error::TooLarge { .. })));
    }
    let mut cut = memory;
    cut.tiles.get_mut(&TileId { level: 0, index: 1 }).unwrap().pop();
    assert!(matches!(root(&cut, 300), Err(Error::Malformed { .. })));
}

#[test]
fn a_changed_leaf_changes_the_root() {
    let mut all = leaves(300);
    let before = root(&Memory::of(&all), 300).unwrap();
    for index in [0, 1, 255, 256, 299] {
        all[index][31] ^= 1;
        assert_ne!(root(&Memory::of(&all), 300), Ok(before), "leaf {index}");
        all[index][31] ^= 1;
    }
    assert_eq!(root(&Memory::of(&all), 300), Ok(before));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn batches_of_any_size_give_the_same_tiles(batches in prop::collection::vec(0_u64..700, 0..8)) {
        let total: u64 = batches.iter().sum();
        let all = leaves(total);
        let mut grown = Memory::default();
        for batch in batches {
            let from = grown.size as usize;
            grown.append(&all[from..from + batch as usize]);
        }
        let whole = Memory::of(&all);
        prop_assert_eq!(&grown.tiles, &whole.tiles);
        prop_assert_eq!(root(&grown, total), Ok(naive_root(&all)));
    }
}
