//! Wycheproof's vectors for AES-GCM, those for 256-bit keys, 96-bit nonces and 128-bit tags, against both implementations.
#![allow(clippy::unwrap_used, missing_docs)]

use shokyo::aead::{Aead, Ring, RustCrypto};
use wycheproof::TestResult;
use wycheproof::aead::{TestName, TestSet};

/// One vector that applies.
struct Vector {
    id: usize,
    key: [u8; 32],
    nonce: [u8; 12],
    tag: [u8; 16],
    associated: Vec<u8>,
    plain: Vec<u8>,
    sealed: Vec<u8>,
    is_valid: bool,
}

fn vectors() -> Vec<Vector> {
    let set = TestSet::load(TestName::AesGcm).unwrap();
    let groups =
        set.test_groups.iter().filter(|group| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128));
    let vectors = groups.flat_map(|group| &group.tests).map(|test| Vector {
        id: test.tc_id,
        key: test.key[..].try_into().unwrap(),
        nonce: test.nonce[..].try_into().unwrap(),
        tag: test.tag[..].try_into().unwrap(),
        associated: test.aad.to_vec(),
        plain: test.pt.to_vec(),
        sealed: test.ct.to_vec(),
        is_valid: test.result == TestResult::Valid,
    });
    vectors.collect()
}

/// The vectors on which an implementation answers otherwise.
fn wrong<A: Aead>(vectors: &[Vector]) -> Vec<usize> {
    let is_right = |vector: &Vector| {
        let aead = A::new(&vector.key).unwrap();
        let mut opened = vector.sealed.clone();
        let outcome = aead.open(&vector.nonce, &vector.associated, &mut opened, &vector.tag);
        if !vector.is_valid {
            // What is not authentic is not left to be looked at.
            return outcome.is_err() && opened.iter().all(|byte| *byte == 0);
        }
        let mut sealed = vector.plain.clone();
        let tag = aead.seal(&vector.nonce, &vector.associated, &mut sealed).unwrap();
        outcome.is_ok() && opened == vector.plain && sealed == vector.sealed && tag == vector.tag
    };
    vectors.iter().filter(|vector| !is_right(vector)).map(|vector| vector.id).collect()
}

#[test]
fn both_implementations_answer_every_vector_rightly() {
    let vectors = vectors();
    let valid = vectors.iter().filter(|vector| vector.is_valid).count();
    println!("{} vectors, {valid} valid", vectors.len());
    assert!(vectors.len() >= 60 && valid >= 30 && valid < vectors.len(), "too few apply: {valid} of {}", vectors.len());
    assert_eq!(wrong::<Ring>(&vectors), [0; 0]);
    assert_eq!(wrong::<RustCrypto>(&vectors), [0; 0]);
}

#[test]
fn a_changed_vector_is_noticed() {
    let mut vectors = vectors();
    vectors.iter_mut().for_each(|vector| vector.tag[7] ^= 1);
    let valid: Vec<usize> = vectors.iter().filter(|vector| vector.is_valid).map(|vector| vector.id).collect();
    assert_eq!(wrong::<Ring>(&vectors), valid);
    assert_eq!(wrong::<RustCrypto>(&vectors), valid);
}
