//! What the fuzzers of `fuzz/` need to see and nobody else: the decoders of message bodies. Built with `--cfg fuzzing` alone.

use alloc::vec::Vec;

use super::body::{
    Apply, ApplyHeader, Attachment, Body, Cancel, Challenge, Complete, Credit, Erased, Hello, Offer, Opened, Received,
    Recorded, decode_chunk,
};
use super::message::MessageType;
use super::release::ReleaseBody;
use crate::error::Error;

/// The type of message with this number.
#[must_use]
pub fn message_type(number: u8) -> Option<MessageType> {
    use MessageType as Type;
    let all = [
        Type::Hello,
        Type::Challenge,
        Type::Apply,
        Type::Offer,
        Type::Chunk,
        Type::Credit,
        Type::Received,
        Type::Release,
        Type::Opened,
        Type::Erased,
        Type::Complete,
        Type::Cancel,
        Type::Attachment,
    ];
    all.into_iter().find(|kind| *kind as u8 == number)
}

/// Decodes the body of a message and encodes it again; the header inside an application as well.
///
/// # Errors
/// Those of the decoder.
pub fn reencode_body(kind: MessageType, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(match kind {
        MessageType::Hello => Hello::decode(bytes)?.encode(),
        MessageType::Challenge => Challenge::decode(bytes)?.encode(),
        MessageType::Apply => {
            let apply = Apply::decode(bytes)?;
            if let Ok(header) = ApplyHeader::decode(&apply.header) {
                assert_eq!(header.encode(), apply.header, "a header has one encoding");
            }
            apply.encode()
        }
        MessageType::Offer => Offer::decode(bytes)?.encode(),
        MessageType::Chunk => {
            let (index, sealed) = decode_chunk(bytes)?;
            super::body::encode_chunk(index, sealed)
        }
        MessageType::Credit => Credit::decode(bytes)?.encode(),
        MessageType::Received => Received::decode(bytes)?.encode(),
        MessageType::Release => ReleaseBody::decode(bytes)?.encode(),
        MessageType::Opened => Opened::decode(bytes)?.encode(),
        MessageType::Erased => Erased::decode(bytes)?.encode(),
        MessageType::Complete => Complete::decode(bytes)?.encode(),
        MessageType::Cancel => Cancel::decode(bytes)?.encode(),
        MessageType::Attachment => Attachment::decode(bytes)?.encode(),
        MessageType::Recorded => Recorded::decode(bytes)?.encode(),
    })
}
