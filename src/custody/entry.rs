//! What a leaf of the log stands for, and its one encoding.
//!
//! An entry is deterministic CBOR (RFC 8949 §4.2.1), a map with these labels; the leaf's data are `SHA-256(salt || entry)`, so that
//! a published leaf tells nothing to whoever does not hold the store:
//!
//! ```cddl
//! entry = {
//!   1: 1,                 ; version
//!   2: 1..7,              ; opened, own receipt, another's receipt, printing began, alarm, ended, expired
//!   3: uint,              ; when, in milliseconds since 1970-01-01 UTC by the station's clock
//!   ? 4: bytes .size 32,  ; session; not in an expired entry
//!   ? 5: text,            ; opened: the kind of document
//!   ? 6: bytes .size 32,  ; receipts: SHA-256 of the whole receipt
//!   ? 7: text,            ; alarm: what
//!   ? 8: 1..4,            ; ended: complete, ended without delivery, unresolved, lost
//!   ? 9: uint,            ; expired: sessions that had ended before this time
//!   ? 10: [uint, uint, uint],       ; expired: how many sessions, receipts, alarms
//!   ? 11: [* [uint, uint]],         ; expired: positions, first and last of each range, ascending
//! }
//! ```

use alloc::vec::Vec;

use minicbor::Encoder;
use minicbor::encode::Error as EncodeError;
use sha2::{Digest, Sha256};

use crate::custody::log::Hash;
use crate::error::Error;

/// Kinds of entries. The numbers are the store's and the encoding's, and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EntryKind {
    /// A session began.
    Opened = 1,
    /// A receipt that this station made.
    OwnReceipt = 2,
    /// A receipt that another station made.
    PeerReceipt = 3,
    /// Printing was about to begin.
    PrintStarted = 4,
    /// An alarm.
    Alarm = 5,
    /// A session was over for this station.
    Ended = 6,
    /// Records older than the configured period were deleted.
    Expired = 7,
}

impl EntryKind {
    /// All kinds, by number.
    pub const ALL: [Self; 7] = [
        Self::Opened,
        Self::OwnReceipt,
        Self::PeerReceipt,
        Self::PrintStarted,
        Self::Alarm,
        Self::Ended,
        Self::Expired,
    ];

    /// The kind with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1..=7 => Some(Self::ALL[number as usize - 1]),
            _ => None,
        }
    }

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::OwnReceipt => "own-receipt",
            Self::PeerReceipt => "peer-receipt",
            Self::PrintStarted => "print-started",
            Self::Alarm => "alarm",
            Self::Ended => "ended",
            Self::Expired => "expired",
        }
    }
}

/// What was deleted, as its entry says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Of sessions that had ended before this time, in milliseconds since 1970-01-01 UTC.
    pub before_unix_ms: u64,
    /// When it was deleted, in milliseconds since 1970-01-01 UTC.
    pub stored_unix_ms: u64,
    /// How many sessions.
    pub sessions: u64,
    /// How many receipts.
    pub receipts: u64,
    /// How many alarms.
    pub alarms: u64,
    /// The positions whose rows are gone, as first and last of each range, ascending.
    pub positions: Vec<(u64, u64)>,
}

/// One entry, borrowed from what is to be written or from the rows that were.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry<'a> {
    Opened { session: &'a [u8; 32], kind: &'a str },
    Receipt { session: &'a [u8; 32], own: bool, hash: &'a Hash },
    PrintStarted { session: &'a [u8; 32] },
    Alarm { session: &'a [u8; 32], what: &'a str },
    Ended { session: &'a [u8; 32], outcome: u8 },
    Expired(&'a Expired),
}

impl Entry<'_> {
    pub(super) const fn kind(&self) -> EntryKind {
        match self {
            Self::Opened { .. } => EntryKind::Opened,
            Self::Receipt { own: true, .. } => EntryKind::OwnReceipt,
            Self::Receipt { own: false, .. } => EntryKind::PeerReceipt,
            Self::PrintStarted { .. } => EntryKind::PrintStarted,
            Self::Alarm { .. } => EntryKind::Alarm,
            Self::Ended { .. } => EntryKind::Ended,
            Self::Expired(_) => EntryKind::Expired,
        }
    }

    /// The bytes that are hashed.
    pub(super) fn encode(&self, unix_ms: u64) -> Result<Vec<u8>, Error> {
        let mut encoder = Encoder::new(Vec::with_capacity(128));
        self.write(&mut encoder, unix_ms).map_err(|_| Error::Malformed { what: "an entry of the log" })?;
        Ok(encoder.into_writer())
    }

    fn write(&self, e: &mut Encoder<Vec<u8>>, unix_ms: u64) -> Result<(), EncodeError<core::convert::Infallible>> {
        let more = match self {
            Self::PrintStarted { .. } => 1,
            Self::Expired(_) => 3,
            _ => 2,
        };
        e.map(3 + more)?.u8(1)?.u8(1)?.u8(2)?.u8(self.kind() as u8)?.u8(3)?.u64(unix_ms)?;
        match self {
            Self::Opened { session, kind } => e.u8(4)?.bytes(*session)?.u8(5)?.str(kind)?,
            Self::Receipt { session, hash, .. } => e.u8(4)?.bytes(*session)?.u8(6)?.bytes(*hash)?,
            Self::PrintStarted { session } => e.u8(4)?.bytes(*session)?,
            Self::Alarm { session, what } => e.u8(4)?.bytes(*session)?.u8(7)?.str(what)?,
            Self::Ended { session, outcome } => e.u8(4)?.bytes(*session)?.u8(8)?.u8(*outcome)?,
            Self::Expired(expired) => {
                e.u8(9)?.u64(expired.before_unix_ms)?;
                e.u8(10)?.array(3)?.u64(expired.sessions)?.u64(expired.receipts)?.u64(expired.alarms)?;
                e.u8(11)?.array(expired.positions.len() as u64)?;
                for (first, last) in &expired.positions {
                    e.array(2)?.u64(*first)?.u64(*last)?;
                }
                e
            }
        };
        Ok(())
    }
}

/// The data of a leaf.
pub(super) fn leaf(salt: &[u8; 32], entry: &[u8]) -> Hash {
    Sha256::new().chain_update(salt).chain_update(entry).finalize().into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Bytes written down by hand from the CDDL above.
    #[test]
    fn an_entry_has_the_encoding_that_the_documents_give() {
        let session = [0xAB; 32];
        let opened = Entry::Opened { session: &session, kind: "k" }.encode(1000).unwrap();
        let expected =
            [&[0xA5, 1, 1, 2, 1, 3, 0x19, 0x03, 0xE8, 4, 0x58, 0x20][..], &session, &[5, 0x61, b'k']].concat();
        assert_eq!(opened, expected);
        let expired = Expired {
            before_unix_ms: 5,
            stored_unix_ms: 9,
            sessions: 1,
            receipts: 2,
            alarms: 0,
            positions: [(0, 3)].into(),
        };
        let expected = [0xA6, 1, 1, 2, 7, 3, 9, 9, 5, 10, 0x83, 1, 2, 0, 11, 0x81, 0x82, 0, 3];
        assert_eq!(Entry::Expired(&expired).encode(9).unwrap(), expected);
    }
}
