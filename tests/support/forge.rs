//! What a hostile station with a certificate of its own can make: any frame, signed with any key that it has.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub, missing_docs, reason = "each program uses a part of it")]

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use shokyo::buffer::{Cause, CopyClass};
use shokyo::handover::{Crypto, Frame, MessageType, Suite};
use shokyo::receipt::{Details, Event, RelayFigures};
use shokyo::types::{Role, SessionId};
use shokyo::wipe::wipe;

use super::town::Member;

/// One item of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Number(u64),
    Bytes(Vec<u8>),
    Text(String),
    Flag(bool),
}

/// The items of a body, which is one array.
pub fn items(body: &[u8]) -> Vec<Item> {
    let mut decoder = Decoder::new(body);
    let count = decoder.array().unwrap().unwrap();
    let item = |_| match decoder.datatype().unwrap() {
        Type::Bytes => Item::Bytes(decoder.bytes().unwrap().to_vec()),
        Type::String => Item::Text(decoder.str().unwrap().into()),
        Type::Bool => Item::Flag(decoder.bool().unwrap()),
        _ => Item::Number(decoder.u64().unwrap()),
    };
    (0..count).map(item).collect()
}

pub fn body(items: &[Item]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes);
    encoder.array(items.len() as u64).unwrap();
    for item in items {
        match item {
            Item::Number(number) => encoder.u64(*number).unwrap(),
            Item::Bytes(bytes) => encoder.bytes(bytes).unwrap(),
            Item::Text(text) => encoder.str(text).unwrap(),
            Item::Flag(flag) => encoder.bool(*flag).unwrap(),
        };
    }
    bytes
}

/// A signed frame of this member, under the role that it has or one that it only claims.
pub fn signed_as(
    member: &Member,
    role: Role,
    kind: MessageType,
    session: SessionId,
    previous: [u8; 32],
    body: &[u8],
) -> Vec<u8> {
    let frame = Frame { suite: Suite::XWing, kind, role, session, previous, body, signature: None };
    sign(member, frame)
}

fn sign(member: &Member, mut frame: Frame<'_>) -> Vec<u8> {
    frame.signature = Some(member.crypto.sign(&frame.to_be_signed()).unwrap());
    frame.encode()
}

pub fn signed(member: &Member, kind: MessageType, session: SessionId, previous: [u8; 32], body: &[u8]) -> Vec<u8> {
    signed_as(member, member.keys.info.role, kind, session, previous, body)
}

/// The same frame with another signature: by this member.
pub fn resigned(member: &Member, frame: &[u8]) -> Vec<u8> {
    sign(member, Frame::decode(frame).unwrap())
}

pub fn certificate(member: &Member) -> Item {
    Item::Bytes(member.keys.certificate.clone())
}

pub fn cancel(member: &Member, session: SessionId) -> Vec<u8> {
    let body = body(&[Item::Number(Cause::Cancelled as u64), certificate(member)]);
    signed(member, MessageType::Cancel, session, [0; 32], &body)
}

/// A receipt that this member signs without anything of the session ever having been here.
pub fn receipt(member: &Member, session: SessionId, event: Event) -> Vec<u8> {
    let mut erasure = member.crypto.evidence(session);
    erasure.record(CopyClass::Ciphertext, wipe(&mut [1; 100], 0));
    let relay = RelayFigures { peak_bytes: 100, longest_hold_ms: 1, frames: 5 };
    let cause = if member.keys.info.role == Role::Kiosk { Cause::Delivered } else { Cause::HandedOver };
    let details = Details {
        relay: (event == Event::RelayedNotRetained).then_some(relay),
        ..Details::new(event, cause, "resident-certificate", 1_790_000_000_000, 1_790_000_000_001)
    };
    member.crypto.receipt(erasure, &details).unwrap().into_bytes()
}

pub fn erased(member: &Member, session: SessionId, receipt: Vec<u8>) -> Vec<u8> {
    let receipt_certificate = Item::Bytes(member.keys.receipt_certificate.clone());
    let body = body(&[Item::Bytes(receipt), receipt_certificate, certificate(member)]);
    signed(member, MessageType::Erased, session, [0; 32], &body)
}

pub fn complete(member: &Member, session: SessionId) -> Vec<u8> {
    signed(member, MessageType::Complete, session, [0; 32], &body(&[Item::Number(1), certificate(member)]))
}

/// `H(label, parts…)` of docs/protocol.md, written a second time.
pub fn hash(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    for part in std::iter::once(&label.as_bytes()).chain(parts) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

pub fn bytes_of(item: &Item) -> &[u8] {
    match item {
        Item::Bytes(bytes) => bytes,
        other => panic!("{other:?} is no byte string"),
    }
}
