//! The envelope of every message: deterministic CBOR (RFC 8949 §4.2.1), bounded before anything is allocated, signed end to end.
//!
//! ```text
//! frame = [version, suite, type, role, session, previous, body, signature]
//!          uint     uint   uint  uint  bstr32   bstr32    bstr  bstr64 | bstr0
//! ```
//! The signature (Ed25519, RFC 8032) is over `"shokyo message v1"` followed by the frame's first seven items as an array of
//! seven. `previous` is the SHA-256 of the frame that this one answers, so that each message vouches for all before it.
//! [`MessageType::Chunk`] and [`MessageType::Credit`] carry no signature: a chunk is authenticated by the hash in the signed
//! offer and by its own tag, and credit only sets the pace.

use alloc::vec::Vec;

use minicbor::{Decoder, Encoder};
use sha2::{Digest, Sha256};

use super::cipher_suite::Suite;
use crate::error::Error;
use crate::types::{Role, SessionId};

/// The protocol's version in every frame.
pub const VERSION: u8 = 1;

/// The largest frame, in bytes. A chunk of 16 KiB and an offer of 1,536 chunk hashes fit.
pub const MAX_FRAME: usize = 60 * 1024;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MessageType {
    /// A kiosk asks an issuer for a challenge.
    Hello = 1,
    /// The issuer's one-use nonce and short-lived public key.
    Challenge = 2,
    /// The sealed application and the kiosk's one-session public key.
    Apply = 3,
    /// The shape of the sealed document.
    Offer = 4,
    /// One sealed chunk.
    Chunk = 5,
    /// How many chunks the kiosk is ready to take.
    Credit = 6,
    /// The kiosk holds every byte of the ciphertext.
    Received = 7,
    /// The wrapped key, with the receipt for the issuer's own.
    Release = 8,
    /// The kiosk opened the document, or could not.
    Opened = 9,
    /// A station's receipt.
    Erased = 10,
    /// All receipts are there.
    Complete = 11,
    /// A party ends the session.
    Cancel = 12,
    /// A relay's addition to an offer.
    Attachment = 13,
    /// What the issuer did with a receipt of a session that is over there.
    Recorded = 14,
}

impl MessageType {
    /// The message's name in errors and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hello => "Hello",
            Self::Challenge => "Challenge",
            Self::Apply => "Apply",
            Self::Offer => "Offer",
            Self::Chunk => "Chunk",
            Self::Credit => "Credit",
            Self::Received => "Received",
            Self::Release => "Release",
            Self::Opened => "Opened",
            Self::Erased => "Erased",
            Self::Complete => "Complete",
            Self::Cancel => "Cancel",
            Self::Attachment => "Attachment",
            Self::Recorded => "Recorded",
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Hello,
            2 => Self::Challenge,
            3 => Self::Apply,
            4 => Self::Offer,
            5 => Self::Chunk,
            6 => Self::Credit,
            7 => Self::Received,
            8 => Self::Release,
            9 => Self::Opened,
            10 => Self::Erased,
            11 => Self::Complete,
            12 => Self::Cancel,
            13 => Self::Attachment,
            14 => Self::Recorded,
            _ => return None,
        })
    }

    /// Whether the message carries a signature.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        !matches!(self, Self::Chunk | Self::Credit)
    }
}

/// One message, borrowed from the bytes it came in or from the body it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The suite of the session.
    pub suite: Suite,
    /// What the message is.
    pub kind: MessageType,
    /// The sender's role.
    pub role: Role,
    /// The session; before there is one (Hello, Challenge), the exchange's random identifier.
    pub session: SessionId,
    /// The SHA-256 of the frame that this one answers; zeros in a Hello.
    pub previous: [u8; 32],
    /// The body, CBOR by type.
    pub body: &'a [u8],
    /// The signature; `None` in unsigned types.
    pub signature: Option<[u8; 64]>,
}

impl<'a> Frame<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above [`MAX_FRAME`], [`Error::UnsupportedVersion`], [`Error::UnsupportedSuite`],
    /// [`Error::Malformed`] for anything that is not the one deterministic encoding of a frame.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_FRAME {
            return Err(Error::TooLarge { what: "a message (bytes)", limit: MAX_FRAME as u64 });
        }
        let malformed = |_| Error::Malformed { what: "a message" };
        let mut decoder = Decoder::new(bytes);
        if decoder.array().map_err(malformed)? != Some(8) {
            return Err(Error::Malformed { what: "a message" });
        }
        let version = decoder.u64().map_err(malformed)?;
        if version != u64::from(VERSION) {
            return Err(Error::UnsupportedVersion { found: version });
        }
        let suite = Suite::from_number(decoder.u8().map_err(malformed)?)?;
        let kind = MessageType::from_number(decoder.u8().map_err(malformed)?)
            .ok_or(Error::Malformed { what: "a message's type" })?;
        let role =
            Role::from_number(decoder.u8().map_err(malformed)?).ok_or(Error::Malformed { what: "a message's role" })?;
        let session = SessionId(array(&mut decoder)?);
        let previous = array(&mut decoder)?;
        let body = decoder.bytes().map_err(malformed)?;
        let signature = match decoder.bytes().map_err(malformed)? {
            [] if !kind.is_signed() => None,
            bytes if kind.is_signed() => {
                Some(bytes.try_into().map_err(|_| Error::Malformed { what: "a message's signature" })?)
            }
            _ => return Err(Error::Malformed { what: "a message's signature" }),
        };
        let frame = Self { suite, kind, role, session, previous, body, signature };
        // Heads of items may be written in more than one way; only the shortest is accepted, so that one message has one hash.
        if decoder.position() != bytes.len() || frame.encoded_length() != bytes.len() {
            return Err(Error::Malformed { what: "a message" });
        }
        Ok(frame)
    }

    /// The frame's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encoded_length());
        let mut encoder = Encoder::new(&mut bytes);
        let signature = self.signature.as_ref().map_or(&[][..], |signature| &signature[..]);
        let written = self.encode_signed(&mut encoder, 8).and_then(|()| encoder.bytes(signature).map(|_| ()));
        debug_assert!(written.is_ok(), "a vector takes every byte");
        bytes
    }

    /// What the signature covers.
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        const CONTEXT: &[u8] = b"shokyo message v1";
        let mut bytes = Vec::with_capacity(CONTEXT.len() + self.encoded_length());
        bytes.extend_from_slice(CONTEXT);
        let written = self.encode_signed(&mut Encoder::new(&mut bytes), 7);
        debug_assert!(written.is_ok(), "a vector takes every byte");
        bytes
    }

    fn encode_signed(
        &self,
        encoder: &mut Encoder<&mut Vec<u8>>,
        items: u64,
    ) -> Result<(), minicbor::encode::Error<core::convert::Infallible>> {
        encoder
            .array(items)?
            .u8(VERSION)?
            .u8(self.suite as u8)?
            .u8(self.kind as u8)?
            .u8(self.role as u8)?
            .bytes(&self.session.0)?
            .bytes(&self.previous)?
            .bytes(self.body)?;
        Ok(())
    }

    /// Array head, four one-byte numbers, two hashes with heads of two bytes, body and signature with theirs.
    fn encoded_length(&self) -> usize {
        const FIXED: usize = 1 + 4 + 2 * (2 + 32);
        let body = self.body.len();
        let head = match body {
            0..=23 => 1,
            24..=0xFF => 2,
            0x100..=0xFFFF => 3,
            _ => 5,
        };
        FIXED + head + body + if self.signature.is_some() { 2 + 64 } else { 1 }
    }
}

/// SHA-256 (FIPS 180-4) of a frame: what the next message answers.
#[must_use]
pub fn frame_hash(frame: &[u8]) -> [u8; 32] {
    hash(b"shokyo frame v1", &[frame])
}

/// SHA-256 of a sealed chunk, as in an offer.
#[must_use]
pub(super) fn chunk_hash(chunk: &[u8]) -> [u8; 32] {
    hash(b"shokyo chunk hash v1", &[chunk])
}

/// SHA-256 of parts under a label, each part preceded by its length so that no two lists of parts give one input.
#[must_use]
pub(super) fn hash(label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in core::iter::once(&label).chain(parts) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The session's identifier: the hash of the issuer's nonce, the kiosk's operator and name, and its one-session public key.
#[must_use]
pub(super) fn session_id(nonce: &[u8; 32], operator: &str, kiosk: &str, reply_key: &[u8]) -> SessionId {
    SessionId(hash(b"shokyo session v1", &[nonce, operator.as_bytes(), kiosk.as_bytes(), reply_key]))
}

/// A byte string of exactly `N` bytes.
pub(super) fn array<const N: usize>(decoder: &mut Decoder<'_>) -> Result<[u8; N], Error> {
    decoder
        .bytes()
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(Error::Malformed { what: "a fixed-length value" })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn frame(kind: MessageType, body: &[u8]) -> Frame<'_> {
        Frame {
            suite: Suite::XWing,
            kind,
            role: Role::Kiosk,
            session: SessionId([7; 32]),
            previous: [9; 32],
            body,
            signature: kind.is_signed().then_some([3; 64]),
        }
    }

    #[test]
    fn every_body_length_survives_and_has_one_encoding() {
        for length in [0usize, 1, 23, 24, 255, 256, 16_400, 50_000] {
            let body = std::vec![0xA5; length];
            for kind in [MessageType::Chunk, MessageType::Apply] {
                let frame = frame(kind, &body);
                let bytes = frame.encode();
                assert_eq!(Frame::decode(&bytes).unwrap(), frame);
                let mut longer = bytes.clone();
                longer.push(0);
                assert!(Frame::decode(&longer).is_err(), "trailing bytes are refused");
            }
        }
    }

    #[test]
    fn a_longer_head_for_the_same_value_is_refused() {
        let bytes = frame(MessageType::Credit, &[1]).encode();
        // The version `01` written in two bytes as `18 01` is the same number in another encoding.
        let mut longer = std::vec![bytes[0], 0x18];
        longer.extend_from_slice(&bytes[1..]);
        assert_eq!(Frame::decode(&longer), Err(Error::Malformed { what: "a message" }));
    }

    #[test]
    fn an_unknown_version_suite_type_or_role_is_refused_by_name() {
        let bytes = frame(MessageType::Hello, &[]).encode();
        let with = |position: usize, value: u8| {
            let mut changed = bytes.clone();
            changed[position] = value;
            changed
        };
        assert_eq!(Frame::decode(&with(1, 2)), Err(Error::UnsupportedVersion { found: 2 }));
        assert_eq!(Frame::decode(&with(2, 9)), Err(Error::UnsupportedSuite { found: 9 }));
        assert_eq!(Frame::decode(&with(3, 20)), Err(Error::Malformed { what: "a message's type" }));
        assert_eq!(Frame::decode(&with(4, 0)), Err(Error::Malformed { what: "a message's role" }));
    }

    #[test]
    fn an_oversized_frame_is_refused_before_it_is_read() {
        let bytes = std::vec![0x88; MAX_FRAME + 1];
        assert!(matches!(Frame::decode(&bytes), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn a_signed_type_without_signature_is_refused() {
        let mut unsigned = frame(MessageType::Apply, &[1, 2]);
        unsigned.signature = None;
        assert!(Frame::decode(&unsigned.encode()).is_err());
    }

    #[test]
    fn parts_cannot_be_moved_between_each_other() {
        assert_ne!(hash(b"x", &[b"ab", b"c"]), hash(b"x", &[b"a", b"bc"]));
        assert_ne!(hash(b"x", &[b"abc"]), hash(b"xa", &[b"bc"]));
    }
}
