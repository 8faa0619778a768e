//! The test vectors of tests/vectors, read by the decoders of bodies, which nobody outside can call.

use std::string::String;
use std::vec::Vec;

use serde_json::Value;

use super::body::{
    Apply, ApplyHeader, Attachment, Body, Cancel, Challenge, Complete, Credit, Erased, Hello, Offer, Opened, Received,
    Recorded, decode_chunk, encode_chunk,
};
use super::message::{Frame, MessageType};
use super::release::ReleaseBody;
use crate::error::Error;

/// Reads a body as the machines do and writes it again.
fn again(kind: MessageType, body: &[u8]) -> Result<Vec<u8>, Error> {
    fn read<B: Body>(body: &[u8]) -> Result<Vec<u8>, Error> {
        B::decode(body).map(|body| body.encode())
    }
    match kind {
        MessageType::Hello => read::<Hello>(body),
        MessageType::Challenge => read::<Challenge>(body),
        MessageType::Apply => {
            ApplyHeader::decode(&Apply::decode(body)?.header)?;
            read::<Apply>(body)
        }
        MessageType::Offer => read::<Offer>(body),
        MessageType::Chunk => decode_chunk(body).map(|(index, bytes)| encode_chunk(index, bytes)),
        MessageType::Credit => read::<Credit>(body),
        MessageType::Received => read::<Received>(body),
        MessageType::Release => read::<ReleaseBody>(body),
        MessageType::Opened => read::<Opened>(body),
        MessageType::Erased => read::<Erased>(body),
        MessageType::Complete => read::<Complete>(body),
        MessageType::Cancel => read::<Cancel>(body),
        MessageType::Attachment => read::<Attachment>(body),
        MessageType::Recorded => read::<Recorded>(body),
    }
}

fn file(name: &str) -> Value {
    let path = std::format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The bytes of a frame, with the zeros that stand for themselves in what must be refused.
fn frame(vector: &Value) -> Vec<u8> {
    let digits: Vec<u8> = vector["bytes"].as_str().unwrap().bytes().collect();
    let byte = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    let mut bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
    if let (Some(at), Some(zeros)) = (vector["at"].as_u64(), vector["zeros"].as_u64()) {
        let rest = bytes.split_off(at as usize);
        bytes.resize(bytes.len() + zeros as usize, 0);
        bytes.extend(rest);
    }
    bytes
}

#[test]
fn every_body_of_the_sessions_is_read_and_written_again() {
    let mut kinds = alloc::collections::BTreeSet::new();
    for name in ["session-x-wing.json", "session-x25519.json", "session-cancelled.json"] {
        for vector in file(name)["frames"].as_array().unwrap() {
            let bytes = frame(vector);
            let read = Frame::decode(&bytes).unwrap();
            assert_eq!(again(read.kind, read.body).unwrap(), read.body, "{name}: {}", read.kind.name());
            kinds.insert(read.kind);
        }
    }
    assert_eq!(kinds.len(), 14, "every type of message is there");
}

#[test]
fn every_body_that_must_be_refused_is_refused_by_its_name() {
    let mut refused = 0;
    for vector in file("refused.json").as_array().unwrap().iter().filter(|vector| vector["where"] == "body") {
        let bytes = frame(vector);
        let read = Frame::decode(&bytes).unwrap();
        let why: String = vector["why"].as_str().unwrap().into();
        assert_eq!(again(read.kind, read.body), Err(Error::Malformed { what: read.kind.name() }), "{why}");
        refused += 1;
    }
    assert!(refused > 60, "{refused} bodies");
}
