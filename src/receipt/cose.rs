//! The envelope: COSE_Sign1 (RFC 9052 §4.2), tagged, Ed25519, attached payload, no external data, nothing unprotected.

use alloc::vec::Vec;

use minicbor::data::Tag;
use minicbor::{Decoder, Encoder};

use crate::error::Error;

/// The largest receipt that is made or read, in bytes.
pub(super) const LARGEST: usize = 4096;

/// The protected header before its 32-byte key id: `{1: -8, 4: h'…'}` (RFC 9052 §3.1: `alg` EdDSA, `kid`).
const PROTECTED_START: [u8; 6] = [0xA2, 0x01, 0x27, 0x04, 0x58, 0x20];
const PROTECTED_LENGTH: usize = PROTECTED_START.len() + 32;
const COSE_SIGN1: u64 = 18;

/// A receipt taken apart; nothing in it is verified yet.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) key_id: [u8; 32],
    pub(super) payload: &'a [u8],
    pub(super) signature: [u8; 64],
}

/// The bytes that are signed for a receipt.
pub(super) fn to_be_signed(key_id: &[u8; 32], payload: &[u8]) -> Result<Vec<u8>, Error> {
    sig_structure(&protected(key_id), payload)
}

/// `Sig_structure` with context "Signature1" and no external data (RFC 9052 §4.4).
pub(crate) fn sig_structure(protected: &[u8], payload: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder = Encoder::new(Vec::with_capacity(payload.len() + protected.len() + 32));
    encoder
        .array(4)
        .and_then(|e| e.str("Signature1"))
        .and_then(|e| e.bytes(protected))
        .and_then(|e| e.bytes(&[]))
        .and_then(|e| e.bytes(payload))
        .map_err(malformed)?;
    Ok(encoder.into_writer())
}

/// Puts a receipt together.
pub(super) fn build(key_id: &[u8; 32], payload: &[u8], signature: &[u8; 64]) -> Result<Vec<u8>, Error> {
    let mut encoder = Encoder::new(Vec::with_capacity(payload.len() + 128));
    encoder
        .tag(Tag::new(COSE_SIGN1))
        .and_then(|e| e.array(4))
        .and_then(|e| e.bytes(&protected(key_id)))
        .and_then(|e| e.map(0))
        .and_then(|e| e.bytes(payload))
        .and_then(|e| e.bytes(signature))
        .map_err(malformed)?;
    let bytes = encoder.into_writer();
    if bytes.len() > LARGEST {
        return Err(Error::TooLarge { what: "a receipt", limit: LARGEST as u64 });
    }
    Ok(bytes)
}

/// Takes a receipt apart, without copying and without believing anything.
///
/// # Errors
/// [`Error::TooLarge`] and [`Error::Malformed`]; the latter for every encoding but the one that [`build`] makes.
pub(super) fn parse(bytes: &[u8]) -> Result<Envelope<'_>, Error> {
    if bytes.len() > LARGEST {
        return Err(Error::TooLarge { what: "a receipt", limit: LARGEST as u64 });
    }
    let mut decoder = Decoder::new(bytes);
    if decoder.tag().map_err(malformed)? != Tag::new(COSE_SIGN1) || decoder.array().map_err(malformed)? != Some(4) {
        return Err(MALFORMED);
    }
    let header: &[u8; PROTECTED_LENGTH] = decoder.bytes().map_err(malformed)?.try_into().map_err(malformed)?;
    let Some(key_id) = header.strip_prefix(&PROTECTED_START) else { return Err(MALFORMED) };
    let key_id: [u8; 32] = key_id.try_into().map_err(malformed)?;
    if decoder.map().map_err(malformed)? != Some(0) {
        return Err(MALFORMED);
    }
    let payload = decoder.bytes().map_err(malformed)?;
    let signature: [u8; 64] = decoder.bytes().map_err(malformed)?.try_into().map_err(malformed)?;
    // One receipt has one encoding: over-long lengths and trailing bytes would give it a second hash.
    if build(&key_id, payload, &signature)? != bytes {
        return Err(MALFORMED);
    }
    Ok(Envelope { key_id, payload, signature })
}

fn protected(key_id: &[u8; 32]) -> [u8; PROTECTED_LENGTH] {
    let mut header = [0; PROTECTED_LENGTH];
    header[..PROTECTED_START.len()].copy_from_slice(&PROTECTED_START);
    header[PROTECTED_START.len()..].copy_from_slice(key_id);
    header
}

const MALFORMED: Error = Error::Malformed { what: "a receipt's COSE envelope" };

fn malformed<E>(_: E) -> Error {
    MALFORMED
}
