//! How a frame looks on the wire, and what is refused: the one place that knows, for links with tasks and links without.

use super::wipe;
use crate::error::Error;

/// The largest length on the wire: kind and payload, in bytes.
pub const MAXIMUM_FRAME: usize = 64 * 1024;
/// The largest payload of one frame, in bytes.
pub const MAXIMUM_PAYLOAD: usize = MAXIMUM_FRAME - 1;

pub(super) const HEADER: usize = 5;
const DATA: u8 = 1;
const PING: u8 = 2;
pub(super) const PING_FRAME: [u8; HEADER] = [0, 0, 0, 1, PING];

/// What stands before a payload of an allowed length on the wire.
///
/// # Errors
/// [`Error::TooLarge`] or [`Error::Malformed`] for a length that is not allowed.
pub(super) fn header(payload: usize) -> Result<[u8; HEADER], Error> {
    match payload {
        0 => Err(Error::Malformed { what: "an empty frame" }),
        1..=MAXIMUM_PAYLOAD => {
            let [a, b, c, d] = (payload as u32 + 1).to_be_bytes();
            Ok([a, b, c, d, DATA])
        }
        _ => Err(Error::TooLarge { what: "a frame, in bytes,", limit: MAXIMUM_PAYLOAD as u64 }),
    }
}

pub(super) fn cut_off() -> Error {
    Error::Malformed { what: "a frame that was cut off" }
}

/// Puts frames together as their bytes arrive. No frame is allocated before its length is checked, and what is there of one is wiped
/// when it is dropped.
#[derive(Default)]
pub(super) struct Incoming {
    header: [u8; HEADER],
    header_filled: usize,
    payload: Vec<u8>,
    payload_filled: usize,
}

impl Incoming {
    /// Where the next bytes go; never empty.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.header_filled < HEADER {
            self.header.get_mut(self.header_filled..).unwrap_or_default()
        } else {
            self.payload.get_mut(self.payload_filled..).unwrap_or_default()
        }
    }

    /// So many bytes were written there. Gives a payload once it is whole; pings are passed over.
    ///
    /// # Errors
    /// [`Error::TooLarge`] or [`Error::Malformed`] for a frame that is not allowed.
    pub(super) fn filled(&mut self, count: usize) -> Result<Option<Vec<u8>>, Error> {
        if self.header_filled < HEADER {
            self.header_filled += count;
            self.check_length()?;
            if self.header_filled < HEADER {
                return Ok(None);
            }
            match (self.header[HEADER - 1], self.length()) {
                (PING, 1) => self.header_filled = 0,
                (DATA, length @ 2..) => {
                    self.payload = vec![0; length - 1];
                    self.payload_filled = 0;
                }
                (DATA, _) => return Err(Error::Malformed { what: "an empty frame" }),
                _ => return Err(Error::Malformed { what: "a frame of an unknown kind" }),
            }
            return Ok(None);
        }
        self.payload_filled += count;
        if self.payload_filled < self.payload.len() {
            return Ok(None);
        }
        self.header_filled = 0;
        Ok(Some(core::mem::take(&mut self.payload)))
    }

    /// Whether the stream may end here.
    pub(super) const fn is_between_frames(&self) -> bool {
        self.header_filled == 0
    }

    /// Refuses a length as soon as its four bytes are there, before the kind and before any allocation.
    fn check_length(&self) -> Result<(), Error> {
        match (self.header_filled, self.length()) {
            (..4, _) => Ok(()),
            (_, 0) => Err(Error::Malformed { what: "a frame of length zero" }),
            (_, length) if length > MAXIMUM_FRAME => {
                Err(Error::TooLarge { what: "a frame, in bytes,", limit: MAXIMUM_FRAME as u64 })
            }
            _ => Ok(()),
        }
    }

    fn length(&self) -> usize {
        let [a, b, c, d, _] = self.header;
        u32::from_be_bytes([a, b, c, d]) as usize
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        wipe(&mut self.payload);
    }
}
