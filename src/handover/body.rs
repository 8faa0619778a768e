//! The bodies of the messages: one CBOR array each, every length bounded, decoded into types that cannot be wrong afterwards.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use minicbor::{Decoder, Encoder};

use super::message::{MessageType, array, hash};
use super::record::Outcome;
use crate::buffer::Cause;
use crate::error::Error;
use crate::types::Role;

/// The longest name of a station, kind or operator in a message, in bytes.
pub(crate) const MAX_NAME: usize = 64;
/// The longest certificate in a message, in bytes.
pub(crate) const MAX_CERTIFICATE: usize = 4096;
/// The longest receipt in a message, in bytes.
pub(crate) const MAX_RECEIPT: usize = 8192;
/// The longest sealed application in a message, in bytes.
pub(crate) const MAX_APPLICATION: usize = 8192;
/// The longest public key or encapsulation, in bytes (X-Wing: 1216 and 1120).
pub(crate) const MAX_PUBLIC_KEY: usize = 2048;
/// The most that a relay may attach to an offer, in bytes.
pub(crate) const MAX_ATTACHMENT: usize = 4096;
/// The most suites in a greeting.
pub(crate) const MAX_SUITES: usize = 16;
/// The most chunks of one document: their hashes and the rest of an Offer fit one frame.
pub(crate) const MAX_CHUNKS: usize = 1536;

/// A body that can be written and read back.
pub(super) trait Body: Sized {
    /// The message that carries it.
    const KIND: MessageType;
    /// How many items its array has.
    const ITEMS: u64;

    #[doc(hidden)]
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put;
    #[doc(hidden)]
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error>;

    /// The body's bytes.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes);
        let written = encoder.array(Self::ITEMS).map(|_| ()).and_then(|()| self.put(&mut encoder));
        debug_assert!(written.is_ok(), "a vector takes every byte");
        bytes
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the message's name unless the bytes are the one deterministic encoding of such a body.
    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = Error::Malformed { what: Self::KIND.name() };
        let mut decoder = Decoder::new(bytes);
        if decoder.array().ok().flatten() != Some(Self::ITEMS) {
            return Err(malformed);
        }
        let body = Self::take(&mut decoder).map_err(|error| match error {
            Error::Malformed { .. } => malformed.clone(),
            other => other,
        })?;
        if decoder.position() == bytes.len() && body.encode() == bytes { Ok(body) } else { Err(malformed) }
    }
}

/// The result of writing to a vector.
pub(super) type Put = Result<(), minicbor::encode::Error<core::convert::Infallible>>;

/// Kiosk → issuer: which issuer, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    /// The operator of the issuing station that is asked.
    pub(super) operator: String,
    /// The issuing station that is asked.
    pub(super) issuer: String,
    /// The numbers of the suites that the kiosk accepts, the one it likes best first. Unknown ones are passed over.
    pub(super) suites: Vec<u8>,
    /// The kiosk's certificate for messages (DER).
    pub(super) certificate: Vec<u8>,
}

impl Body for Hello {
    const KIND: MessageType = MessageType::Hello;
    const ITEMS: u64 = 4;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder.str(&self.operator)?.str(&self.issuer)?.bytes(&self.suites)?.bytes(&self.certificate)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self {
            operator: name(decoder)?,
            issuer: name(decoder)?,
            suites: bounded(decoder, MAX_SUITES)?,
            certificate: bounded(decoder, MAX_CERTIFICATE)?,
        })
    }
}

/// Issuer → kiosk: a nonce for one application and a public key that lives a few seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// One-use nonce.
    pub(super) nonce: [u8; 32],
    /// Random number of the server's start; a restart changes it.
    pub(super) epoch: [u8; 16],
    /// The server's short-lived HPKE public key.
    pub(super) public_key: Vec<u8>,
    /// How long the nonce is accepted, in milliseconds.
    pub(super) valid_ms: u64,
    /// The issuer's certificate for messages (DER).
    pub(super) certificate: Vec<u8>,
}

impl Body for Challenge {
    const KIND: MessageType = MessageType::Challenge;
    const ITEMS: u64 = 5;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder
            .bytes(&self.nonce)?
            .bytes(&self.epoch)?
            .bytes(&self.public_key)?
            .u64(self.valid_ms)?
            .bytes(&self.certificate)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self {
            nonce: array(decoder)?,
            epoch: array(decoder)?,
            public_key: bounded(decoder, MAX_PUBLIC_KEY)?,
            valid_ms: number(decoder)?,
            certificate: bounded(decoder, MAX_CERTIFICATE)?,
        })
    }
}

/// What an application says in the open. Its hash is the HPKE `info` of the sealed part, so that the part fits no other header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApplyHeader {
    /// The nonce of the challenge.
    pub(super) nonce: [u8; 32],
    /// The epoch of the challenge.
    pub(super) epoch: [u8; 16],
    /// The operator of the issuing station.
    pub(super) operator: String,
    /// The issuing station.
    pub(super) issuer: String,
    /// What kind of document.
    pub(super) kind: String,
    /// How many copies.
    pub(super) copies: u8,
    /// The kiosk's one-session HPKE public key.
    pub(super) reply_key: Vec<u8>,
    /// The kiosk's certificate for messages (DER).
    pub(super) certificate: Vec<u8>,
}

impl Body for ApplyHeader {
    const KIND: MessageType = MessageType::Apply;
    const ITEMS: u64 = 8;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder
            .bytes(&self.nonce)?
            .bytes(&self.epoch)?
            .str(&self.operator)?
            .str(&self.issuer)?
            .str(&self.kind)?
            .u8(self.copies)?
            .bytes(&self.reply_key)?
            .bytes(&self.certificate)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self {
            nonce: array(decoder)?,
            epoch: array(decoder)?,
            operator: name(decoder)?,
            issuer: name(decoder)?,
            kind: name(decoder)?,
            copies: u8::try_from(number(decoder)?).map_err(|_| Error::Malformed { what: "a number" })?,
            reply_key: bounded(decoder, MAX_PUBLIC_KEY)?,
            certificate: bounded(decoder, MAX_CERTIFICATE)?,
        })
    }
}

/// Kiosk → issuer: the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Apply {
    /// The encoded [`ApplyHeader`].
    pub(super) header: Vec<u8>,
    /// HPKE encapsulation to the challenge's key.
    pub(super) encapsulated: Vec<u8>,
    /// The sealed application: ciphertext and 16-byte tag.
    pub(super) sealed: Vec<u8>,
}

impl Body for Apply {
    const KIND: MessageType = MessageType::Apply;
    const ITEMS: u64 = 3;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder.bytes(&self.header)?.bytes(&self.encapsulated)?.bytes(&self.sealed)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self {
            header: bounded(decoder, MAX_PUBLIC_KEY + MAX_CERTIFICATE + 512)?,
            encapsulated: bounded(decoder, MAX_PUBLIC_KEY)?,
            sealed: bounded(decoder, MAX_APPLICATION)?,
        })
    }
}

/// Issuer → kiosk: the shape of the sealed document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(shokyo_model, derive(Hash))]
pub(super) struct Offer {
    /// Bytes of the document.
    pub(super) length: u64,
    /// Bytes of plaintext in every chunk but the last.
    pub(super) chunk_size: u32,
    /// SHA-256 of each sealed chunk.
    pub(super) hashes: Vec<[u8; 32]>,
    /// Commitment to the document key.
    pub(super) commitment: [u8; 32],
    /// MAC over the subject of the source row, under a key that only the applicant's kiosk shares.
    pub(super) subject_tag: [u8; 32],
}

impl Body for Offer {
    const KIND: MessageType = MessageType::Offer;
    const ITEMS: u64 = 5;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder
            .u64(self.length)?
            .u32(self.chunk_size)?
            .bytes(self.hashes.as_flattened())?
            .bytes(&self.commitment)?
            .bytes(&self.subject_tag)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        let length = number(decoder)?;
        let chunk_size = index(decoder)?;
        let flat = decoder.bytes().map_err(|_| Error::Malformed { what: "hashes" })?;
        let (hashes, rest) = flat.as_chunks::<32>();
        let shape = Error::Malformed { what: "the shape of a document" };
        if !rest.is_empty() || hashes.is_empty() || hashes.len() > MAX_CHUNKS || chunk_size == 0 {
            return Err(shape);
        }
        if length == 0 || length.div_ceil(u64::from(chunk_size)) != hashes.len() as u64 {
            return Err(shape);
        }
        Ok(Self {
            length,
            chunk_size,
            hashes: hashes.to_vec(),
            commitment: array(decoder)?,
            subject_tag: array(decoder)?,
        })
    }
}

/// Kiosk → issuer: send these chunks. A connection that was lost may have swallowed some, so they may have been sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Credit {
    /// The first index to be sent.
    pub(super) from: u32,
    /// One more than the last index to be sent.
    pub(super) until: u32,
}

impl Body for Credit {
    const KIND: MessageType = MessageType::Credit;
    const ITEMS: u64 = 2;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder.u32(self.from)?.u32(self.until)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self { from: index(decoder)?, until: index(decoder)? })
    }
}

/// Kiosk → issuer: every chunk is there. `previous` names the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Received {
    /// How many chunks.
    pub(super) count: u32,
    /// The attachments that came, see [`attachments_hash`].
    pub(super) attachments: [u8; 32],
}

impl Body for Received {
    const KIND: MessageType = MessageType::Received;
    const ITEMS: u64 = 2;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder.u32(self.count)?.bytes(&self.attachments)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self { count: index(decoder)?, attachments: array(decoder)? })
    }
}

/// Relay → kiosk: what its operator adds to an offer. `previous` names the offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attachment {
    /// What is added: parameters, nothing made from the document, which a relay cannot read.
    pub(super) data: Vec<u8>,
    /// The relay's certificate for messages (DER).
    pub(super) certificate: Vec<u8>,
}

impl Body for Attachment {
    const KIND: MessageType = MessageType::Attachment;
    const ITEMS: u64 = 2;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder.bytes(&self.data)?.bytes(&self.certificate)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self { data: bounded(decoder, MAX_ATTACHMENT)?, certificate: bounded(decoder, MAX_CERTIFICATE)? })
    }
}

/// One hash over the attachments of a session: each one's role and frame hash, by role.
#[must_use]
pub(super) fn attachments_hash(attachments: &BTreeMap<Role, [u8; 32]>) -> [u8; 32] {
    let parts: Vec<Vec<u8>> =
        attachments.iter().map(|(role, frame)| [&[*role as u8][..], &frame[..]].concat()).collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    hash(b"shokyo attachments v1", &parts)
}

/// Kiosk → issuer: whether the document opened; the one-session key is destroyed either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// Every tag verified.
    pub(super) verified: bool,
}

impl Body for Opened {
    const KIND: MessageType = MessageType::Opened;
    const ITEMS: u64 = 1;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder.bool(self.verified)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self { verified: decoder.bool().map_err(|_| Error::Malformed { what: "a truth value" })? })
    }
}

/// Any station → issuer: its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Erased {
    /// The receipt (COSE_Sign1).
    pub(super) receipt: Vec<u8>,
    /// The station's certificate for receipts (DER).
    pub(super) receipt_certificate: Vec<u8>,
    /// The station's certificate for messages (DER).
    pub(super) certificate: Vec<u8>,
}

impl Body for Erased {
    const KIND: MessageType = MessageType::Erased;
    const ITEMS: u64 = 3;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder.bytes(&self.receipt)?.bytes(&self.receipt_certificate)?.bytes(&self.certificate)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self {
            receipt: bounded(decoder, MAX_RECEIPT)?,
            receipt_certificate: bounded(decoder, MAX_CERTIFICATE)?,
            certificate: bounded(decoder, MAX_CERTIFICATE)?,
        })
    }
}

/// Issuer → all: every receipt of the session is there, and what they say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complete {
    /// How the session ended for the issuer, which has read them: nobody calls it better. Never [`Outcome::Lost`].
    pub(super) outcome: Outcome,
    /// The issuer's certificate for messages (DER).
    pub(super) certificate: Vec<u8>,
}

impl Body for Complete {
    const KIND: MessageType = MessageType::Complete;
    const ITEMS: u64 = 2;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder.u8(self.outcome as u8)?.bytes(&self.certificate)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        let outcome = match decoder.u8() {
            Ok(1) => Outcome::Complete,
            Ok(2) => Outcome::Ended,
            Ok(3) => Outcome::Unresolved,
            _ => return Err(Error::Malformed { what: "an outcome" }),
        };
        Ok(Self { outcome, certificate: bounded(decoder, MAX_CERTIFICATE)? })
    }
}

/// Issuer → the station whose receipt came when its session was over: whether it is durable there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    /// `false`: the issuer never opened such a session, or keeps no more receipts of it.
    pub(super) kept: bool,
    /// The issuer's certificate for messages (DER).
    pub(super) certificate: Vec<u8>,
}

impl Body for Recorded {
    const KIND: MessageType = MessageType::Recorded;
    const ITEMS: u64 = 2;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder.bool(self.kept)?.bytes(&self.certificate)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        let kept = decoder.bool().map_err(|_| Error::Malformed { what: "a truth value" })?;
        Ok(Self { kept, certificate: bounded(decoder, MAX_CERTIFICATE)? })
    }
}

/// Any station → any other: the session ends here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cancel {
    /// Why.
    pub(super) cause: Cause,
    /// The sender's certificate for messages (DER).
    pub(super) certificate: Vec<u8>,
}

impl Body for Cancel {
    const KIND: MessageType = MessageType::Cancel;
    const ITEMS: u64 = 2;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder.u8(self.cause as u8)?.bytes(&self.certificate)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        let cause = decoder.u8().ok().and_then(Cause::from_number).ok_or(Error::Malformed { what: "a cause" })?;
        Ok(Self { cause, certificate: bounded(decoder, MAX_CERTIFICATE)? })
    }
}

/// A chunk's body without copying it: its index and its bytes.
///
/// # Errors
/// [`Error::Malformed`] unless it is the deterministic encoding of `[index, bytes]`.
pub(super) fn decode_chunk(body: &[u8]) -> Result<(u32, &[u8]), Error> {
    let malformed = |_| Error::Malformed { what: MessageType::Chunk.name() };
    let mut decoder = Decoder::new(body);
    let items = decoder.array().map_err(malformed)?;
    let index = decoder.u32().map_err(malformed)?;
    let bytes = decoder.bytes().map_err(malformed)?;
    let head = encode_chunk_head(index, bytes.len());
    if items != Some(2) || decoder.position() != body.len() || !body.starts_with(&head) {
        return Err(Error::Malformed { what: MessageType::Chunk.name() });
    }
    Ok((index, bytes))
}

/// The body of a chunk message.
#[must_use]
pub(super) fn encode_chunk(index: u32, bytes: &[u8]) -> Vec<u8> {
    let mut body = encode_chunk_head(index, bytes.len());
    body.extend_from_slice(bytes);
    body
}

fn encode_chunk_head(index: u32, length: usize) -> Vec<u8> {
    let mut head = Vec::with_capacity(16 + length);
    let mut encoder = Encoder::new(&mut head);
    let written = encoder.array(2).and_then(|e| e.u32(index)).and_then(|e| e.bytes_len(length as u64)).map(|_| ());
    debug_assert!(written.is_ok(), "a vector takes every byte");
    head
}

pub(super) fn bounded(decoder: &mut Decoder<'_>, limit: usize) -> Result<Vec<u8>, Error> {
    match decoder.bytes() {
        Ok(bytes) if bytes.len() <= limit => Ok(bytes.to_vec()),
        _ => Err(Error::Malformed { what: "a byte string" }),
    }
}

pub(super) fn name(decoder: &mut Decoder<'_>) -> Result<String, Error> {
    match decoder.str() {
        Ok(text) if is_name(text) => Ok(text.to_string()),
        _ => Err(Error::Malformed { what: "a name" }),
    }
}

/// Whether a text can stand in messages, records and receipts: 1 to 64 bytes, no control characters.
pub(super) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn index(decoder: &mut Decoder<'_>) -> Result<u32, Error> {
    decoder.u32().map_err(|_| Error::Malformed { what: "a number" })
}

fn number(decoder: &mut Decoder<'_>) -> Result<u64, Error> {
    decoder.u64().map_err(|_| Error::Malformed { what: "a number" })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
