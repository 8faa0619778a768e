//! Ed25519: the one function that verifies messages, receipts and checkpoints against Wycheproof's vectors and Bernstein's, and the
//! signing key of stations against the latter.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use shokyo::handover::suite::SigningKey;
use shokyo::receipt::verify_signature;
use shokyo::{Vault, VaultOptions};
use support::{array, bytes, vectors};
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

/// Number, key, message, signature, and whether it is one.
type Vector = (usize, [u8; 32], Vec<u8>, Vec<u8>, bool);

fn wycheproof() -> Vec<Vector> {
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

fn bernstein() -> Vec<Vector> {
    let read = |(number, vector): (usize, &serde_json::Value)| {
        (number, array(&vector["public"]), bytes(&vector["message"]), bytes(&vector["signature"]), true)
    };
    vectors("ed25519.json").iter().enumerate().map(read).collect()
}

/// The vectors that are answered otherwise. What is not 64 bytes long cannot be given to the function at all.
fn wrong(vectors: &[Vector]) -> Vec<usize> {
    let is_right = |(_, key, message, signature, is_valid): &&Vector| {
        let verifies = <&[u8; 64]>::try_from(&signature[..]).is_ok_and(|it| verify_signature(key, message, it).is_ok());
        verifies == *is_valid
    };
    vectors.iter().filter(|vector| !is_right(vector)).map(|vector| vector.0).collect()
}

fn check(name: &str, mut vectors: Vec<Vector>, least: usize, least_valid: usize) {
    let valid: Vec<usize> = vectors.iter().filter(|vector| vector.4).map(|vector| vector.0).collect();
    println!("{name}: {} vectors for Ed25519, {} valid", vectors.len(), valid.len());
    assert!(vectors.len() >= least && valid.len() >= least_valid, "too few: {} of {}", valid.len(), vectors.len());
    assert_eq!(wrong(&vectors), [0; 0]);
    // A changed message is noticed in every one.
    vectors.iter_mut().for_each(|vector| vector.2.push(0));
    assert_eq!(wrong(&vectors), valid);
}

#[test]
fn every_vector_of_wycheproof_is_answered_rightly() {
    check("Wycheproof", wycheproof(), 150, 80);
}

#[test]
fn every_signature_of_bernstein_verifies() {
    check("Bernstein", bernstein(), 32, 32);
}

#[test]
fn a_stations_key_makes_bernsteins_signatures() {
    let mut options = VaultOptions::new();
    options.agreement = true;
    let vault = Vault::open(options).unwrap();
    let mut signed = 0;
    for vector in vectors("ed25519.json") {
        // PKCS#8, version 1 (RFC 8410 §7).
        let der = [&b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"[..], &bytes(&vector["seed"])]
            .concat();
        let key = SigningKey::from_pkcs8(&vault, &mut &der[..]).unwrap();
        assert_eq!(*key.public(), array::<32>(&vector["public"]));
        let mut message = bytes(&vector["message"]);
        assert_eq!(key.sign(&message).unwrap(), array::<64>(&vector["signature"]));
        message.push(0);
        assert_ne!(key.sign(&message).unwrap(), array::<64>(&vector["signature"]));
        signed += 1;
    }
    println!("{signed} signatures made in the clean room");
    assert!(signed >= 32);
}
