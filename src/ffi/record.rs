//! Records for C hosts that keep them in a database of their own: taken one by one, and confirmed when they are durable.

use std::ffi::c_char;

use super::arguments::{BytesOut, PublicStruct, StructOut, fixed};
use super::boundary::{Call, Failure};
use super::machine::{self, Drive, Kept};
use crate::error::Error;
use crate::handover::Record;
use crate::types::Now;

/// No record waits.
pub const SHOKYO_RECORD_NONE: u32 = 0;
/// The session begins; text is the kind of document. Written before any key of it exists.
pub const SHOKYO_RECORD_OPENED: u32 = 1;
/// A receipt that this station made: its bytes are in the buffer.
pub const SHOKYO_RECORD_OWN_RECEIPT: u32 = 2;
/// A receipt that another station made and this one has verified: its bytes are in the buffer.
pub const SHOKYO_RECORD_PEER_RECEIPT: u32 = 3;
/// Printing is about to begin; after this the document is never submitted to a printer again.
pub const SHOKYO_RECORD_PRINT_STARTED: u32 = 4;
/// Something that a later success must not clear: text says what.
pub const SHOKYO_RECORD_ALARM: u32 = 5;
/// Another station answered for the receipt with this hash: it need not be sent again.
pub const SHOKYO_RECORD_ACKNOWLEDGED: u32 = 6;
/// The session is over for this station, with outcome.
pub const SHOKYO_RECORD_ENDED: u32 = 7;

/// The record is on disk and stays there through a loss of power.
pub const SHOKYO_STORED_DURABLE: u32 = 1;
/// It could not be written: what depends on it does not happen, and is erased.
pub const SHOKYO_STORED_FAILED: u32 = 2;
/// It is refused for what it says and will never be written: a session that was opened before, or a receipt of one that never was.
pub const SHOKYO_STORED_REFUSED: u32 = 3;

/// A record of a station that was opened with records_by_host. The host writes the records of one session in their order and receipts of the
/// station in the order of sequence, each of which names the one before it. No personal data, no keys.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_record {
    /// sizeof(shokyo_record), set by the caller.
    pub struct_size: u32,
    /// One of SHOKYO_RECORD_. Fields that the kind does not name are 0.
    pub kind: u32,
    /// The session.
    pub session: [u8; 32],
    /// Names this record among those of its machine, for _handle_stored.
    pub token: u64,
    /// Its number among all records of the station in this process.
    pub sequence: u64,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub unix_ms: u64,
    /// One of SHOKYO_OUTCOME_.
    pub outcome: u32,
    /// 0.
    pub reserved: u32,
    /// The SHA-256 of a receipt.
    pub receipt_hash: [u8; 32],
    /// Null-terminated, from a fixed list of texts.
    pub text: [c_char; 192],
}

// SAFETY: `repr(C)`, the size first, integers, bytes and characters without padding (4+4+32+8+8+8+4+4+32+192).
unsafe impl PublicStruct for shokyo_record {
    const NAME: &'static str = "record";
    const LEAST: usize = 296;
}

impl shokyo_record {
    const NONE: Self = Self {
        struct_size: 0,
        kind: SHOKYO_RECORD_NONE,
        session: [0; 32],
        token: 0,
        sequence: 0,
        unix_ms: 0,
        outcome: 0,
        reserved: 0,
        receipt_hash: [0; 32],
        text: [0; 192],
    };

    fn of(kept: &Kept) -> Self {
        let Kept { sequence, unix_ms, persist } = kept;
        let record = Self {
            session: persist.record.session().0,
            token: persist.token,
            sequence: *sequence,
            unix_ms: *unix_ms,
            ..Self::NONE
        };
        match &persist.record {
            Record::Opened { kind, .. } => Self { kind: SHOKYO_RECORD_OPENED, text: fixed(kind), ..record },
            Record::OwnReceipt { .. } => Self { kind: SHOKYO_RECORD_OWN_RECEIPT, ..record },
            Record::PeerReceipt { .. } => Self { kind: SHOKYO_RECORD_PEER_RECEIPT, ..record },
            Record::PrintStarted { .. } => Self { kind: SHOKYO_RECORD_PRINT_STARTED, ..record },
            Record::Alarm { what, .. } => Self { kind: SHOKYO_RECORD_ALARM, text: fixed(what), ..record },
            Record::Acknowledged { receipt, .. } => {
                Self { kind: SHOKYO_RECORD_ACKNOWLEDGED, receipt_hash: *receipt, ..record }
            }
            Record::Ended { outcome, .. } => Self { kind: SHOKYO_RECORD_ENDED, outcome: *outcome as u32, ..record },
        }
    }
}

/// Gives the next record of a machine to the host.
pub(super) fn poll<D: Drive>(
    call: &Call,
    handle: *const D::Handle,
    record: StructOut<shokyo_record>,
    bytes: BytesOut,
) -> Result<(), Failure> {
    let driven = machine::of::<D>(call, handle)?;
    let mut alone = driven.alone()?;
    let kept = alone.kept()?;
    let Some(next) = kept.front() else {
        bytes.write(&[])?;
        record.write(shokyo_record::NONE);
        return Ok(());
    };
    let receipt = match &next.persist.record {
        Record::OwnReceipt { receipt, .. } | Record::PeerReceipt { receipt, .. } => &receipt[..],
        _ => &[],
    };
    bytes.write(receipt)?;
    record.write(shokyo_record::of(next));
    kept.pop_front();
    Ok(())
}

/// Tells a machine what became of a record.
pub(super) fn stored<D: Drive>(
    call: &Call,
    handle: *const D::Handle,
    now: Now,
    token: u64,
    outcome: u32,
) -> Result<(), Failure> {
    let outcome = match outcome {
        SHOKYO_STORED_DURABLE => Ok(()),
        SHOKYO_STORED_FAILED => Err(Error::Store { what: "writing a record, says the host" }),
        SHOKYO_STORED_REFUSED => Err(Error::WrongState { command: "writing a record that the host refuses" }),
        _ => return Err(Failure::Argument("outcome", "is none of SHOKYO_STORED_")),
    };
    let driven = machine::of::<D>(call, handle)?;
    let mut alone = driven.alone()?;
    // Only for a station whose host keeps the records.
    let _ = alone.kept()?;
    alone.input(now, |drive| drive.handle_written(now, token, &outcome))
}
