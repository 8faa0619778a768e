//! The same for every body. The first byte says of which message.

use shokyo::handover::fuzzing::{message_type, reencode_body};

/// Decodes, and encodes again.
pub fn decode(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    let Some(kind) = message_type(*kind) else { return };
    // The defect: a decoder that passes over what comes behind a body.
    let read = if crate::planted() { body.strip_suffix(&[0]).unwrap_or(body) } else { body };
    if let Ok(again) = reencode_body(kind, read) {
        assert_eq!(again, body, "a body has one encoding");
    }
}
