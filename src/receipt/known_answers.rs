//! The COSE working group's examples (RFC 9052, one signer, no external data) against what receipts are signed and verified with:
//! `tests/vectors/others/cose-sign1.json`.

use std::vec::Vec;

use minicbor::Decoder;
use serde_json::Value;

use super::cose::sig_structure;
use super::verify_signature;

struct Example {
    protected: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
    to_be_signed: Vec<u8>,
    /// Where the signature is one by Ed25519.
    public: Option<[u8; 32]>,
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits: Vec<u8> = value.as_str().unwrap().bytes().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn examples() -> Vec<Example> {
    let path = std::format!("{}/tests/vectors/others/cose-sign1.json", env!("CARGO_MANIFEST_DIR"));
    let vectors: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let example = |vector: &Value| {
        let cbor = bytes(&vector["cbor"]);
        let mut decoder = Decoder::new(&cbor);
        assert_eq!(decoder.tag().unwrap().as_u64(), 18);
        assert_eq!(decoder.array().unwrap(), Some(4));
        let protected = decoder.bytes().unwrap().to_vec();
        decoder.skip().unwrap();
        Example {
            protected,
            payload: decoder.bytes().unwrap().to_vec(),
            signature: decoder.bytes().unwrap().to_vec(),
            to_be_signed: bytes(&vector["to_be_signed"]),
            public: vector.get("public").map(|key| bytes(key).try_into().unwrap()),
        }
    };
    vectors.iter().map(example).collect()
}

impl Example {
    fn is_right(&self) -> bool {
        let message = sig_structure(&self.protected, &self.payload).unwrap();
        let verifies = self.public.is_none_or(|public| {
            <&[u8; 64]>::try_from(&self.signature[..]).is_ok_and(|it| verify_signature(&public, &message, it).is_ok())
        });
        message == self.to_be_signed && verifies
    }
}

#[test]
fn what_is_signed_is_what_the_cose_examples_sign_and_a_changed_byte_is_noticed() {
    let signed = examples().iter().filter(|example| example.public.is_some()).count();
    std::println!("{} examples, {signed} signed with Ed25519", examples().len());
    assert!(examples().len() >= 12 && signed >= 3, "too few");
    for mut example in examples() {
        assert!(example.is_right());
        example.payload[0] ^= 1;
        assert!(!example.is_right());
        example.payload[0] ^= 1;
        example.protected.push(0);
        assert!(!example.is_right());
        example.protected.pop();
        example.signature[0] ^= 1;
        assert_eq!(example.is_right(), example.public.is_none());
    }
}
