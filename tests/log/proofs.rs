//! Proofs lead to the root, and nothing else does.

use proptest::prelude::*;
use shokyo::Error;
use shokyo::custody::log::{
    Hash, consistency_proof, empty_root, inclusion_proof, root, root_of_inclusion, verify_consistency, verify_inclusion,
};

use crate::support::{Memory, leaves, naive_root, naive_split};

/// `PATH` of RFC 9162 §2.1.3.1.
fn naive_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(naive_split(leaves.len()));
    let (mut path, sibling) = if index < left.len() {
        (naive_path(index, left), naive_root(right))
    } else {
        (naive_path(index - left.len(), right), naive_root(left))
    };
    path.push(sibling);
    path
}

/// `SUBPROOF` of RFC 9162 §2.1.4.1.
fn naive_subproof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let (left, right) = leaves.split_at(naive_split(leaves.len()));
    let (mut path, sibling) = if old <= left.len() {
        (naive_subproof(old, left, whole), naive_root(right))
    } else {
        (naive_subproof(old - left.len(), right, false), naive_root(left))
    };
    path.push(sibling);
    path
}

/// Every way to change a proof a little.
fn tampered(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut changed = Vec::new();
    for place in 0..proof.len() {
        for bit in [0, 128, 255] {
            let mut one = proof.to_vec();
            one[place][bit / 8] ^= 1 << (bit % 8);
            changed.push(one);
        }
        let mut without = proof.to_vec();
        without.remove(place);
        changed.push(without);
        let mut twice = proof.to_vec();
        twice.insert(place, proof[place]);
        changed.push(twice);
        if place > 0 && proof[place] != proof[place - 1] {
            let mut swapped = proof.to_vec();
            swapped.swap(place, place - 1);
            changed.push(swapped);
        }
    }
    for extra in [[0; 32], empty_root()] {
        changed.push([proof, &[extra]].concat());
        changed.push([&[extra], proof].concat());
    }
    changed
}

#[test]
fn each_leaf_of_each_small_tree_is_proven_to_be_in_it_and_nowhere_else() {
    let all = leaves(70);
    let memory = Memory::of(&all);
    for size in 1..=70_u64 {
        let tree = &all[..size as usize];
        let root = naive_root(tree);
        for index in 0..size {
            let leaf = &tree[index as usize];
            let proof = inclusion_proof(&memory, index, size).unwrap();
            assert_eq!(proof, naive_path(index as usize, tree), "leaf {index} of {size}");
            assert_eq!(verify_inclusion(leaf, index, size, &proof, &root), Ok(()));
            assert_eq!(root_of_inclusion(leaf, index, size, &proof), Ok(root));
            for other in tampered(&proof) {
                assert!(verify_inclusion(leaf, index, size, &other, &root).is_err(), "leaf {index} of {size}");
            }
            for elsewhere in (0..size).filter(|elsewhere| *elsewhere != index) {
                assert!(verify_inclusion(leaf, elsewhere, size, &proof, &root).is_err(), "{index} at {elsewhere}");
            }
            assert!(verify_inclusion(&all[(index as usize + 1) % 70], index, size, &proof, &root).is_err());
            assert!(verify_inclusion(leaf, index, size, &proof, &empty_root()).is_err());
        }
        assert_eq!(inclusion_proof(&memory, size, size), Err(Error::OutOfRange { at: size, length: size }));
    }
}

#[test]
fn each_small_tree_is_proven_to_be_the_beginning_of_each_larger_one() {
    let all = leaves(70);
    let memory = Memory::of(&all);
    for new in 0..=70_u64 {
        let new_root = naive_root(&all[..new as usize]);
        for old in 0..=new {
            let old_root = naive_root(&all[..old as usize]);
            let proof = consistency_proof(&memory, old, new).unwrap();
            let expected = if old == 0 { Vec::new() } else { naive_subproof(old as usize, &all[..new as usize], true) };
            assert_eq!(proof, expected, "{old} of {new}");
            assert_eq!(verify_consistency(old, &old_root, new, &new_root, &proof), Ok(()), "{old} of {new}");
            for other in tampered(&proof) {
                assert!(verify_consistency(old, &old_root, new, &new_root, &other).is_err(), "{old} of {new}");
            }
            assert!(verify_consistency(old, &[7; 32], new, &new_root, &proof).is_err(), "{old} of {new}");
            if old > 0 {
                assert!(verify_consistency(old, &old_root, new, &[7; 32], &proof).is_err(), "{old} of {new}");
            }
            if old < new {
                assert!(verify_consistency(new, &new_root, old, &old_root, &proof).is_err(), "{new} before {old}");
            }
        }
        assert!(consistency_proof(&memory, new + 1, new).is_err());
    }
}

#[test]
fn a_log_that_changed_one_leaf_has_no_proof() {
    let honest = leaves(40);
    for changed in 0..30 {
        let mut forged = honest.clone();
        forged[changed][0] ^= 1;
        let memory = Memory::of(&forged);
        let (old_root, new_root) = (naive_root(&honest[..30]), naive_root(&forged));
        let proof = consistency_proof(&memory, 30, 40).unwrap();
        assert!(verify_consistency(30, &old_root, 40, &new_root, &proof).is_err(), "leaf {changed}");
    }
}

#[test]
fn sizes_and_proofs_beyond_all_bounds_are_refused() {
    let zero = [0; 32];
    let long = vec![zero; 10_000];
    for size in [u64::MAX, 1 << 63] {
        assert!(verify_inclusion(&zero, 0, size, &[], &zero).is_err());
        assert!(verify_consistency(1, &zero, size, &zero, &long).is_err());
        assert!(inclusion_proof(&Memory::default(), 0, size).is_err());
        assert!(consistency_proof(&Memory::default(), 1, size).is_err());
    }
    assert!(verify_inclusion(&zero, 0, 5, &long, &zero).is_err());
    assert!(verify_consistency(1, &zero, 5, &zero, &long).is_err());
    assert!(verify_inclusion(&zero, (1 << 63) - 2, (1 << 63) - 1, &long, &zero).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn proofs_of_larger_trees_verify(size in 1_u64..2_000, a in any::<u64>(), b in any::<u64>()) {
        let all = leaves(size);
        let memory = Memory::of(&all);
        let (index, old) = (a % size, b % (size + 1));
        let new_root = root(&memory, size).unwrap();
        let inclusion = inclusion_proof(&memory, index, size).unwrap();
        prop_assert_eq!(&inclusion, &naive_path(index as usize, &all));
        prop_assert_eq!(verify_inclusion(&all[index as usize], index, size, &inclusion, &new_root), Ok(()));
        let consistency = consistency_proof(&memory, old, size).unwrap();
        let old_root = naive_root(&all[..old as usize]);
        prop_assert_eq!(verify_consistency(old, &old_root, size, &new_root, &consistency), Ok(()));
        for other in tampered(&inclusion) {
            prop_assert!(verify_inclusion(&all[index as usize], index, size, &other, &new_root).is_err());
        }
        for other in tampered(&consistency) {
            prop_assert!(verify_consistency(old, &old_root, size, &new_root, &other).is_err());
        }
    }

    #[test]
    fn arbitrary_proofs_are_refused_without_a_panic(
        numbers in any::<[u64; 2]>(),
        proof in prop::collection::vec(any::<Hash>(), 0..70),
        hashes in any::<[Hash; 2]>(),
    ) {
        let [a, b] = numbers;
        if b != 1 || !proof.is_empty() {
            prop_assert!(verify_inclusion(&hashes[0], a, b, &proof, &hashes[1]).is_err());
        }
        prop_assert!(verify_consistency(a, &hashes[0], b, &hashes[1], &proof).is_err());
    }
}
