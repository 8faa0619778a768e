//! Wycheproof's vectors for Ed25519, against the one function that verifies messages, receipts and checkpoints.
#![allow(clippy::unwrap_used, missing_docs)]

use shokyo::receipt::verify_signature;
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

/// Number, key, message, signature, and whether it is one.
type Vector = (usize, [u8; 32], Vec<u8>, Vec<u8>, bool);

fn vectors() -> Vec<Vector> {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let vectors = set.test_groups.iter().flat_map(|group| {
        let key: [u8; 32] = group.key.pk[..].try_into().unwrap();
        group
            .tests
            .iter()
            .map(move |test| (test.tc_id, key, test.msg.to_vec(), test.sig.to_vec(), test.result == TestResult::Valid))
    });
    vectors.collect()
}

/// The vectors that are answered otherwise. What is not 64 bytes long cannot be given to the function at all.
fn wrong(vectors: &[Vector]) -> Vec<usize> {
    let is_right = |(_, key, message, signature, is_valid): &&Vector| {
        let verifies = <&[u8; 64]>::try_from(&signature[..]).is_ok_and(|it| verify_signature(key, message, it).is_ok());
        verifies == *is_valid
    };
    vectors.iter().filter(|vector| !is_right(vector)).map(|vector| vector.0).collect()
}

#[test]
fn every_vector_is_answered_rightly() {
    let vectors = vectors();
    let valid = vectors.iter().filter(|vector| vector.4).count();
    println!("{} vectors, {valid} valid", vectors.len());
    assert!(vectors.len() >= 140 && valid >= 60 && valid < vectors.len(), "too few: {valid} of {}", vectors.len());
    assert_eq!(wrong(&vectors), [0; 0]);
}

#[test]
fn a_changed_vector_is_noticed() {
    let mut vectors = vectors();
    vectors.iter_mut().for_each(|vector| vector.2.push(0));
    let valid: Vec<usize> = vectors.iter().filter(|vector| vector.4).map(|vector| vector.0).collect();
    assert_eq!(wrong(&vectors), valid);
}
