//! Whatever is read as a frame is written as the same bytes: there is one encoding.

use shokyo::handover::{Frame, MAX_FRAME};

/// Decodes, and encodes again.
pub fn decode(data: &[u8]) {
    // The defect: a decoder that passes over what comes behind a frame.
    let read = if crate::planted() { data.strip_suffix(&[0]).unwrap_or(data) } else { data };
    if let Ok(frame) = Frame::decode(read) {
        assert!(data.len() <= MAX_FRAME);
        assert_eq!(frame.encode(), data, "a frame has one encoding");
        assert_eq!(frame.signature.is_some(), frame.kind.is_signed());
        assert!(frame.to_be_signed().len() < data.len() + 32);
    }
}
