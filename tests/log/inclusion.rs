//! Receipts of inclusion: COSE as others read it, and nothing but the entry at its place.

use coset::cbor::value::Value;
use coset::{CborSerializable, CoseSign1, TaggedCborSerializable};
use ed25519_dalek::{Signature, VerifyingKey};
use shokyo::Error;
use shokyo::custody::log::{
    Checkpoint, NoteSigner, inclusion_proof, inclusion_receipt, verify_inclusion, verify_inclusion_receipt,
};
use shokyo::receipt::key_id;

use crate::support::{Key, Memory, leaves, naive_root};

fn data(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// A receipt of the tree of the first `size` leaves, as the log named by the key would sign its checkpoint.
fn receipt_of(memory: &Memory, index: u64, size: u64, key: &Key) -> Vec<u8> {
    let path = inclusion_proof(memory, index, size).unwrap();
    inclusion_receipt(&data(index), index, &path, &checkpoint(size, key), key).unwrap()
}

fn checkpoint(size: u64, key: &Key) -> Checkpoint {
    Checkpoint { origin: key.verifier_key().name().into(), size, root: naive_root(&leaves(size)) }
}

#[test]
fn an_entry_is_proven_at_its_place_and_nowhere_else() {
    let (key, memory) = (Key::new("log", 1), Memory::of(&leaves(300)));
    for size in [1, 2, 3, 255, 256, 257, 300_u64] {
        for index in [0, 1, 2, 100, 254, 255, 256, 299].into_iter().filter(|index| *index < size) {
            let receipt = receipt_of(&memory, index, size, &key);
            let included = verify_inclusion_receipt(&receipt, &data(index), key.verifier_key()).unwrap();
            assert_eq!((included.origin.as_str(), included.index, included.size), ("log", index, size));
            assert_eq!(included.root, naive_root(&leaves(size)));
            assert!(verify_inclusion_receipt(&receipt, &data(index + 1), key.verifier_key()).is_err());
            for other in [Key::new("log", 2), Key::new("gol", 1)] {
                let refused = verify_inclusion_receipt(&receipt, &data(index), other.verifier_key());
                assert!(matches!(refused, Err(Error::Mismatch { .. })));
            }
        }
        let beyond = inclusion_receipt(&data(size), size, &[], &checkpoint(size, &key), &key);
        assert!(matches!(beyond, Err(Error::OutOfRange { .. })));
    }
}

#[test]
fn nothing_is_signed_that_is_not_under_the_checkpoint() {
    let (key, memory) = (Key::new("log", 1), Memory::of(&leaves(300)));
    let (path, good) = (inclusion_proof(&memory, 77, 300).unwrap(), checkpoint(300, &key));
    let sign = |entry: u64, index, path: &[[u8; 32]], checkpoint: &Checkpoint| {
        inclusion_receipt(&data(entry), index, path, checkpoint, &key)
    };
    assert!(sign(77, 77, &path, &good).is_ok(), "the control");
    let other_root = Checkpoint { root: [7; 32], ..good.clone() };
    let other_log = Checkpoint { origin: "gol".into(), ..good.clone() };
    for refused in [
        sign(78, 77, &path, &good),
        sign(77, 78, &path, &good),
        sign(77, 77, &path[1..], &good),
        sign(77, 77, &path, &other_root),
        sign(77, 77, &path, &other_log),
    ] {
        assert!(matches!(refused, Err(Error::Mismatch { .. })), "{refused:?}");
    }
}

#[test]
fn each_changed_bit_of_a_receipt_is_noticed() {
    let (key, memory) = (Key::new("log", 1), Memory::of(&leaves(300)));
    let receipt = receipt_of(&memory, 77, 300, &key);
    for place in 0..receipt.len() * 8 {
        let mut changed = receipt.clone();
        changed[place / 8] ^= 1 << (place % 8);
        assert!(verify_inclusion_receipt(&changed, &data(77), key.verifier_key()).is_err(), "bit {place}");
    }
    for length in 0..receipt.len() {
        assert!(verify_inclusion_receipt(&receipt[..length], &data(77), key.verifier_key()).is_err());
    }
    let longer = [receipt.as_slice(), &[0]].concat();
    assert!(verify_inclusion_receipt(&longer, &data(77), key.verifier_key()).is_err());
    let huge = vec![0xD2; 10_000];
    assert!(matches!(verify_inclusion_receipt(&huge, &data(77), key.verifier_key()), Err(Error::TooLarge { .. })));
}

#[test]
fn another_cose_library_reads_and_verifies_a_receipt() {
    let (key, memory) = (Key::new("log", 1), Memory::of(&leaves(300)));
    let receipt = receipt_of(&memory, 77, 300, &key);
    let sign1 = CoseSign1::from_tagged_slice(&receipt).unwrap();
    assert_eq!(sign1.payload, None);
    let header = &sign1.protected.header;
    assert_eq!(header.alg, Some(coset::Algorithm::Assigned(coset::iana::Algorithm::EdDSA)));
    assert_eq!(header.key_id, key_id(key.verifier_key().public_key()));
    let parameter = |label: i64| {
        let labelled = |(found, _): &&(coset::Label, Value)| *found == coset::Label::Int(label);
        header.rest.iter().find(labelled).map(|(_, value)| value.clone())
    };
    assert_eq!(parameter(395), Some(Value::from(1)));
    assert_eq!(
        parameter(15),
        Some(Value::Map(vec![(Value::from(1), Value::from("log")), (Value::from(-65_537), Value::from(300))]))
    );
    let [(coset::Label::Int(396), Value::Map(proofs))] = sign1.unprotected.rest.as_slice() else { panic!() };
    let [(kind, Value::Array(proofs))] = proofs.as_slice() else { panic!() };
    assert_eq!((kind, proofs.len()), (&Value::from(-1), 1));
    let proof = Value::from_slice(proofs[0].as_bytes().unwrap()).unwrap().into_array().unwrap();
    assert_eq!((proof[0].clone(), proof[1].clone()), (Value::from(300), Value::from(77)));
    let verify = |root: &[u8]| {
        sign1.verify_detached_signature(root, b"", |signature, message| {
            let public = VerifyingKey::from_bytes(key.verifier_key().public_key()).unwrap();
            public.verify_strict(message, &Signature::from_slice(signature).unwrap())
        })
    };
    assert!(verify(&naive_root(&leaves(300))).is_ok());
    assert!(verify(&naive_root(&leaves(299))).is_err());
}

/// Why the size is signed with the root: RFC 9162's proof binds a leaf to its place only together with the size.
#[test]
fn a_root_alone_does_not_tell_the_place_of_a_leaf() {
    let (all, memory) = (leaves(5), Memory::of(&leaves(5)));
    let proof = inclusion_proof(&memory, 4, 5).unwrap();
    let root = naive_root(&all);
    assert_eq!(verify_inclusion(&all[4], 4, 5, &proof, &root), Ok(()));
    assert_eq!(verify_inclusion(&all[4], 1, 2, &proof, &root), Ok(()));

    let key = Key::new("log", 1);
    let receipt = receipt_of(&memory, 4, 5, &key);
    let moved = replaced(&receipt, &[0x83, 5, 4, 0x81], &[0x83, 2, 1, 0x81]);
    assert!(matches!(verify_inclusion_receipt(&moved, &data(4), key.verifier_key()), Err(Error::Mismatch { .. })));
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let places: Vec<_> = (0..bytes.len()).filter(|place| bytes[*place..].starts_with(old)).collect();
    assert_eq!(places.len(), 1);
    [&bytes[..places[0]], new, &bytes[places[0] + old.len()..]].concat()
}
