//! AES-256-GCM with nonces of 96 and tags of 128 bits, in both implementations: Project Wycheproof's vectors and those of NIST's CAVP.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use shokyo::aead::{Aead, Ring, RustCrypto};
use support::{array, bytes, vectors};
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

fn wycheproof() -> Vec<Vector> {
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

fn nist() -> Vec<Vector> {
    let vectors = vectors("aes-256-gcm.json").into_iter().enumerate().map(|(id, vector)| Vector {
        id,
        key: array(&vector["key"]),
        nonce: array(&vector["iv"]),
        tag: array(&vector["tag"]),
        associated: bytes(&vector["aad"]),
        plain: vector.get("pt").map(bytes).unwrap_or_default(),
        sealed: bytes(&vector["ct"]),
        is_valid: vector.get("fails").is_none(),
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

fn check(name: &str, mut vectors: Vec<Vector>, least: usize, least_valid: usize) {
    let valid: Vec<usize> = vectors.iter().filter(|vector| vector.is_valid).map(|vector| vector.id).collect();
    println!("{name}: {} vectors for AES-256-GCM, {} valid, twice", vectors.len(), valid.len());
    let enough = vectors.len() >= least && valid.len() >= least_valid && valid.len() < vectors.len();
    assert!(enough, "too few of {name} apply: {} valid of {}", valid.len(), vectors.len());
    assert_eq!(wrong::<Ring>(&vectors), [0; 0]);
    assert_eq!(wrong::<RustCrypto>(&vectors), [0; 0]);
    // A changed byte is noticed in every one.
    vectors.iter_mut().for_each(|vector| vector.tag[7] ^= 1);
    assert_eq!(wrong::<Ring>(&vectors), valid);
    assert_eq!(wrong::<RustCrypto>(&vectors), valid);
}

#[test]
fn both_implementations_answer_wycheproof_rightly() {
    check("Wycheproof", wycheproof(), 66, 39);
}

#[test]
fn both_implementations_answer_nist_rightly() {
    check("NIST", nist(), 150, 100);
}
