//! Proofs that a leaf is in a tree, and that one tree is the beginning of another (RFC 9162 §2.1.3, §2.1.4).

use alloc::vec::Vec;

use crate::custody::log::tree::{Hash, Subtrees, Tiles, check_size, empty_root, node_hash, split};
use crate::error::Error;

/// The hashes from the leaf at `index` up to the root of the first `size` leaves (RFC 9162 §2.1.3.1).
///
/// # Errors
/// [`Error::OutOfRange`] for a leaf beyond the tree; else as [`root`](super::root).
pub fn inclusion_proof(tiles: &dyn Tiles, index: u64, size: u64) -> Result<Vec<Hash>, Error> {
    check_size(size)?;
    if index >= size {
        return Err(Error::OutOfRange { at: index, length: size });
    }
    let (subtrees, mut proof) = (Subtrees::of(tiles), Vec::new());
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(subtrees.range(middle, end)?);
            end = middle;
        } else {
            proof.push(subtrees.range(start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The hashes that show that the first `old` leaves are the beginning of the first `new` ones (RFC 9162 §2.1.4.1). Empty from
/// an empty tree, and between equal ones.
///
/// # Errors
/// [`Error::OutOfRange`] if `old` is larger than `new`; else as [`root`](super::root).
pub fn consistency_proof(tiles: &dyn Tiles, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
    check_size(new)?;
    if old > new {
        return Err(Error::OutOfRange { at: old, length: new });
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let (subtrees, mut proof) = (Subtrees::of(tiles), Vec::new());
    let (mut start, mut end) = (0, new);
    // The old tree's last complete subtree: what the verifier knows already if it is the whole old tree.
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(subtrees.range(middle, end)?);
            end = middle;
        } else {
            proof.push(subtrees.range(start, middle)?);
            start = middle;
        }
    }
    if start > 0 {
        proof.push(subtrees.range(start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that the leaf with this [hash](super::leaf_hash) is at `index` of the tree of `size` leaves with this root (RFC 9162
/// §2.1.3.2).
///
/// # Errors
/// [`Error::OutOfRange`] for a leaf beyond the tree, [`Error::Mismatch`] for everything that does not lead to this root.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), Error> {
    if root_of_inclusion(leaf, index, size, proof)? == *root { Ok(()) } else { Err(NOT_INCLUDED) }
}

/// The root to which an inclusion proof leads: whoever signed that root says that the leaf is in the tree.
///
/// The size must come from whoever signed, as in a checkpoint: a root alone does not tell it, and with another size the same hashes lead to
/// the same root from another place.
///
/// # Errors
/// [`Error::OutOfRange`] for a leaf beyond the tree, [`Error::Mismatch`] for a proof that is too long or too short.
pub fn root_of_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash]) -> Result<Hash, Error> {
    check_size(size)?;
    if index >= size {
        return Err(Error::OutOfRange { at: index, length: size });
    }
    // The names are those of RFC 9162 §2.1.3.2.
    let (mut r#fn, mut sn, mut r) = (index, size - 1, *leaf);
    for p in proof {
        if sn == 0 {
            return Err(NOT_INCLUDED);
        }
        if r#fn & 1 == 1 || r#fn == sn {
            r = node_hash(p, &r);
            skip_left_borders(&mut r#fn, &mut sn);
        } else {
            r = node_hash(&r, p);
        }
        r#fn >>= 1;
        sn >>= 1;
    }
    if sn == 0 { Ok(r) } else { Err(NOT_INCLUDED) }
}

/// Checks that the tree of `old_size` leaves with `old_root` is the beginning of the one of `new_size` leaves with `new_root`
/// (RFC 9162 §2.1.4.2).
///
/// # Errors
/// [`Error::OutOfRange`] if the old tree is the larger one, [`Error::Mismatch`] for everything that does not lead to both roots: a
/// proof that does not fit, or two histories.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), Error> {
    check_size(new_size)?;
    if old_size > new_size {
        return Err(Error::OutOfRange { at: old_size, length: new_size });
    }
    let consistent = if old_size == new_size {
        old_root == new_root && proof.is_empty()
    } else if old_size == 0 {
        *old_root == empty_root() && proof.is_empty()
    } else {
        roots_of_consistency(old_size, old_root, new_size, proof)? == (*old_root, *new_root)
    };
    if consistent { Ok(()) } else { Err(NOT_CONSISTENT) }
}

/// The two roots to which a consistency proof leads, for `0 < old_size < new_size`. Where the old tree is one complete subtree, the
/// proof does not name it: `old_root` is taken for it.
pub(super) fn roots_of_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    proof: &[Hash],
) -> Result<(Hash, Hash), Error> {
    if old_size == 0 || old_size >= new_size {
        return Err(NOT_CONSISTENT);
    }
    // The names are those of RFC 9162 §2.1.4.2.
    let (first, path) = match proof {
        _ if old_size.is_power_of_two() => (old_root, proof),
        [first, path @ ..] => (first, path),
        [] => return Err(NOT_CONSISTENT),
    };
    let (mut r#fn, mut sn) = (old_size - 1, new_size - 1);
    let complete = r#fn.trailing_ones();
    r#fn >>= complete;
    sn >>= complete;
    let (mut fr, mut sr) = (*first, *first);
    for c in path {
        if sn == 0 {
            return Err(NOT_CONSISTENT);
        }
        if r#fn & 1 == 1 || r#fn == sn {
            fr = node_hash(c, &fr);
            sr = node_hash(c, &sr);
            skip_left_borders(&mut r#fn, &mut sn);
        } else {
            sr = node_hash(&sr, c);
        }
        r#fn >>= 1;
        sn >>= 1;
    }
    if sn == 0 { Ok((fr, sr)) } else { Err(NOT_CONSISTENT) }
}

/// Where a node is the last one of its level and has no sibling, it moves up until it is a right child, or the first.
fn skip_left_borders(r#fn: &mut u64, sn: &mut u64) {
    while *r#fn & 1 == 0 && *r#fn != 0 {
        *r#fn >>= 1;
        *sn >>= 1;
    }
}

const NOT_INCLUDED: Error = Error::Mismatch { what: "a leaf, its inclusion proof and the root of the log" };
const NOT_CONSISTENT: Error = Error::Mismatch { what: "two roots of a log and their consistency proof" };
