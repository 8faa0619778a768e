//! Receipts for C: read, verified, and taken apart for tools that nobody here wrote.

use std::ffi::{c_char, c_void};

use super::arguments::{BytesOut, Out, PublicStruct, StructOut, TextOut, slice};
use super::boundary::{Failure, guarded};
use super::erasure::shokyo_erased_copy;
use super::handles::{self, Handle, Kind, Place};
use super::shokyo_status;
use crate::error::Error;
use crate::receipt::{self, Statement};

/// The receipt as it came: one COSE_Sign1 (RFC 9052), at most 4,096 bytes. For shokyo_receipt_export.
pub const SHOKYO_RECEIPT_COSE: u32 = 1;
/// The bytes over which the signature is, the Sig_structure of RFC 9052 section 4.4. For shokyo_receipt_export.
pub const SHOKYO_RECEIPT_SIGNED_BYTES: u32 = 2;
/// The Ed25519 signature (RFC 8032), 64 bytes. For shokyo_receipt_export.
pub const SHOKYO_RECEIPT_SIGNATURE: u32 = 3;

/// The name of the station that speaks. For shokyo_receipt_text.
pub const SHOKYO_RECEIPT_STATION: u32 = 1;
/// Who runs the station. For shokyo_receipt_text.
pub const SHOKYO_RECEIPT_OPERATOR: u32 = 2;
/// The code of the responsible post; not a person. For shokyo_receipt_text.
pub const SHOKYO_RECEIPT_POST: u32 = 3;
/// What kind of document, as the operator names it; not whose. For shokyo_receipt_text.
pub const SHOKYO_RECEIPT_KIND: u32 = 4;
/// The version of the software that signed. For shokyo_receipt_text.
pub const SHOKYO_RECEIPT_SOFTWARE: u32 = 5;
/// The build of the software that signed. For shokyo_receipt_text.
pub const SHOKYO_RECEIPT_BUILD: u32 = 6;
/// The whole receipt in plain English, in lines. For shokyo_receipt_text.
pub const SHOKYO_RECEIPT_PLAIN: u32 = 7;

/// A receipt that was read: a station's signed statement of what was overwritten, where, and what is unknown. A handle, not an
/// address.
pub struct shokyo_receipt {
    _opaque: [u8; 0],
}

/// What a receipt says. Times are in milliseconds since 1970-01-01 UTC by the clock of the station that signed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_receipt_info {
    /// sizeof(shokyo_receipt_info), set by the caller.
    pub struct_size: u32,
    /// 1 when the signature was verified with the key that the caller gave; 0: nobody vouches for any of this yet.
    pub authenticated: u32,
    /// The receipt's identifier: SHA-256 over the signing key's id and everything else in the statement.
    pub receipt_id: [u8; 32],
    /// SHA-256 of the receipt's bytes, by which the station's next one names it.
    pub hash: [u8; 32],
    /// SHA-256 of the 32-byte Ed25519 public key that signed, or is said to have.
    pub key_id: [u8; 32],
    /// The session it is about.
    pub session: [u8; 32],
    /// The hash of the station's previous receipt, if has_previous is 1.
    pub previous: [u8; 32],
    /// What kind of station speaks, one of SHOKYO_ROLE_.
    pub role: u32,
    /// What happened, one of SHOKYO_RECEIPT_EVENT_.
    pub event: u32,
    /// What was to happen when the event is SHOKYO_RECEIPT_EVENT_NOT_ERASED in its place; otherwise 0.
    pub attempted: u32,
    /// Why, one of SHOKYO_CAUSE_.
    pub cause: u32,
    /// How copies were erased: 1 overwritten with zeros, then every byte read back; 0 when nothing was overwritten.
    pub method: u32,
    /// Protections that the memory had, as SHOKYO_PROTECTION_ flags; ignore those you do not know.
    pub protections: u32,
    /// 1 when something was overwritten and all that was to be was read back as zeros; otherwise 0.
    pub verified: u32,
    /// How many classes of copies shokyo_receipt_copy_at tells.
    pub copy_count: u32,
    /// How many copies shokyo_receipt_retained_at tells: what the station still holds.
    pub retained_count: u32,
    /// How many numbers shokyo_receipt_not_covered_at tells.
    pub not_covered_count: u32,
    /// 1 when previous is given; otherwise 0.
    pub has_previous: u32,
    /// 1 when duration_ms is given; otherwise 0, as across a restart.
    pub has_duration: u32,
    /// 1 when the three figures of a relay are given; otherwise 0.
    pub has_relay: u32,
    /// 1 when window_lent_until_unix_ms is given; otherwise 0.
    pub has_window_lent: u32,
    /// When the station opened the session.
    pub opened_unix_ms: u64,
    /// When the event happened.
    pub event_unix_ms: u64,
    /// From opening to the event in milliseconds, on a clock that counts suspended time.
    pub duration_ms: u64,
    /// The most bytes that a relay held at one moment, rounded up to a power of two.
    pub relay_peak_bytes: u64,
    /// The longest time for which a relay held any byte, in milliseconds.
    pub relay_longest_hold_ms: u64,
    /// How many frames a relay passed on, rounded up to a power of two.
    pub relay_frames: u64,
    /// When a window came back that was lent as the deadline passed.
    pub window_lent_until_unix_ms: u64,
}

/// A copy that the station still holds.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_retained_copy {
    /// sizeof(shokyo_retained_copy), set by the caller.
    pub struct_size: u32,
    /// The class, one of SHOKYO_COPY_.
    pub copy_class: u32,
    /// When it is erased at the latest, in milliseconds since 1970-01-01 UTC.
    pub until_unix_ms: u64,
}

// SAFETY: `repr(C)`, the size first, fifteen more 32-bit integers and 160 bytes, which leave the seven 64-bit integers aligned.
unsafe impl PublicStruct for shokyo_receipt_info {
    const NAME: &'static str = "info";
    const LEAST: usize = 280;
}

// SAFETY: `repr(C)`, the size first, a 32-bit and a 64-bit integer without padding.
unsafe impl PublicStruct for shokyo_retained_copy {
    const NAME: &'static str = "copy";
    const LEAST: usize = 16;
}

/// What the handle stands for.
pub(super) struct ReadReceipt {
    bytes: Vec<u8>,
    statement: Statement,
    key_id: [u8; 32],
    authenticated: bool,
}

impl Handle for shokyo_receipt {
    type Object = ReadReceipt;
    const KIND: Kind = Kind::Receipt;
    const NAME: &'static str = "the receipt";
}

/// Checks a receipt against the Ed25519 public key that is supposed to have signed it, and reads it. Strict: one encoding only, and a
/// statement that claims more than it shows is refused although it is signed. Whether the key belongs to the station that the receipt
/// names is the caller's to know.
///
/// bytes, length: the receipt, at most 4,096 bytes, copied. public_key, key_length: the raw key (RFC 8032), 32 bytes. receipt: receives
/// the handle, which the caller owns and gives to shokyo_receipt_free.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT; TOO_LARGE, MALFORMED, UNSUPPORTED_VERSION; MISMATCH when the receipt names another key; BAD_SIGNATURE;
/// WRONG_STATE for a claim without its evidence; HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_receipt_verify(
    bytes: *const c_void,
    length: usize,
    public_key: *const c_void,
    key_length: usize,
    receipt: *mut *mut shokyo_receipt,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let out = unsafe { Out::new(receipt, "receipt") }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let bytes = unsafe { slice(bytes, length, "bytes") }?;
        // SAFETY: as above.
        let key = unsafe { slice(public_key, key_length, "public_key") }?;
        let key: &[u8; 32] = key.try_into().map_err(|_| Failure::Argument("public_key", "does not have 32 bytes"))?;
        let place = Place::reserve()?;
        let statement = receipt::verify(bytes, key)?;
        let key_id = receipt::key_id(key);
        out.write(place.fill(ReadReceipt { bytes: bytes.to_vec(), statement, key_id, authenticated: true }));
        Ok(())
    })
}

/// Reads a receipt WITHOUT checking its signature, to find out whose key to check it with: key_id of shokyo_receipt_describe. Anybody
/// could have written what it says.
///
/// bytes, length: the receipt, at most 4,096 bytes, copied. receipt: receives the handle, which the caller owns and gives to
/// shokyo_receipt_free.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT; TOO_LARGE, MALFORMED, UNSUPPORTED_VERSION; WRONG_STATE for a claim without its evidence; MISMATCH when its
/// identifier is not its own; HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_receipt_read_unverified(
    bytes: *const c_void,
    length: usize,
    receipt: *mut *mut shokyo_receipt,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let out = unsafe { Out::new(receipt, "receipt") }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let bytes = unsafe { slice(bytes, length, "bytes") }?;
        let place = Place::reserve()?;
        out.write(place.fill(ReadReceipt::unverified(bytes.to_vec())?));
        Ok(())
    })
}

/// Tells what the receipt says, in numbers.
///
/// receipt: stays the caller's. info: with its struct_size set; receives the answer. Look at its field authenticated first.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_receipt_describe(
    receipt: *const shokyo_receipt,
    info: *mut shokyo_receipt_info,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let info = unsafe { StructOut::new(info) }?;
        info.write(handles::get(receipt)?.describe());
        Ok(())
    })
}

/// Copies one of the receipt's texts out.
///
/// receipt: stays the caller's. which: one of SHOKYO_RECEIPT_STATION, _OPERATOR, _POST, _KIND, _SOFTWARE, _BUILD (at most 64 bytes
/// each) and _PLAIN. text: where to write it in UTF-8, null-terminated and cut to fit; may be NULL when size is 0. size: bytes at text.
/// length: receives the length in bytes of the whole text without its null, so that a place of length + 1 holds it all.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_receipt_text(
    receipt: *const shokyo_receipt,
    which: u32,
    text: *mut c_char,
    size: usize,
    length: *mut usize,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or places for that many bytes and for a number.
        let out = unsafe { TextOut::new(text, size, length) }?;
        let receipt = handles::get(receipt)?;
        let statement = &receipt.statement;
        match which {
            SHOKYO_RECEIPT_STATION => out.write(&statement.station),
            SHOKYO_RECEIPT_OPERATOR => out.write(&statement.operator),
            SHOKYO_RECEIPT_POST => out.write(&statement.post),
            SHOKYO_RECEIPT_KIND => out.write(&statement.kind),
            SHOKYO_RECEIPT_SOFTWARE => out.write(&statement.software),
            SHOKYO_RECEIPT_BUILD => out.write(&statement.build),
            SHOKYO_RECEIPT_PLAIN => out.write(&statement.describe()),
            _ => return Err(Failure::Argument("which", "is no text of a receipt")),
        }
        Ok(())
    })
}

/// Tells what was overwritten in one class of copies. Bytes, and the numbers of ranges in every class but the keys, are rounded up to
/// powers of two.
///
/// receipt: stays the caller's. index: below copy_count; classes come in the order of their numbers. copy: with its struct_size set;
/// receives the answer.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, OUT_OF_RANGE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_receipt_copy_at(
    receipt: *const shokyo_receipt,
    index: usize,
    copy: *mut shokyo_erased_copy,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let out = unsafe { StructOut::new(copy) }?;
        out.write(at(&handles::get(receipt)?.statement.copies, index)?.into());
        Ok(())
    })
}

/// Tells one of the copies that the station still held when it signed.
///
/// receipt: stays the caller's. index: below retained_count. copy: with its struct_size set; receives the answer.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, OUT_OF_RANGE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_receipt_retained_at(
    receipt: *const shokyo_receipt,
    index: usize,
    copy: *mut shokyo_retained_copy,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let out = unsafe { StructOut::new(copy) }?;
        let receipt = handles::get(receipt)?;
        let retained = at(&receipt.statement.retained, index)?;
        out.write(shokyo_retained_copy {
            struct_size: 0,
            copy_class: retained.class as u32,
            until_unix_ms: retained.until_unix_ms,
        });
        Ok(())
    })
}

/// Tells one thing that the receipt says nothing about and that is therefore unknown.
///
/// receipt: stays the caller's. index: below not_covered_count. not_covered: receives one of SHOKYO_NOT_COVERED_; numbers come in
/// ascending order.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, OUT_OF_RANGE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_receipt_not_covered_at(
    receipt: *const shokyo_receipt,
    index: usize,
    not_covered: *mut u32,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a place for a number.
        let out = unsafe { Out::new(not_covered, "not_covered") }?;
        out.write(*at(&handles::get(receipt)?.statement.not_covered, index)? as u32);
        Ok(())
    })
}

/// Copies the receipt out, or what a tool needs that knows Ed25519 and not COSE: with SHOKYO_RECEIPT_SIGNED_BYTES and
/// SHOKYO_RECEIPT_SIGNATURE in two files, `openssl pkeyutl -verify -pubin -inkey KEY.pem -rawin -in SIGNED -sigfile SIGNATURE` verifies
/// it. Nothing is verified by this call.
///
/// receipt: stays the caller's. which: one of SHOKYO_RECEIPT_COSE, _SIGNED_BYTES and _SIGNATURE. bytes: where to write, may be NULL when
/// capacity is 0. capacity: bytes at bytes. length: receives how many there are, also when they do not fit.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE; CAPACITY_TOO_SMALL: nothing but length was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_receipt_export(
    receipt: *const shokyo_receipt,
    which: u32,
    bytes: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or places for that many bytes and for a number.
        let out = unsafe { BytesOut::new(bytes, capacity, length, "bytes") }?;
        let receipt = handles::get(receipt)?;
        match which {
            SHOKYO_RECEIPT_COSE => out.write(&receipt.bytes),
            SHOKYO_RECEIPT_SIGNED_BYTES => out.write(&receipt::to_be_signed(&receipt.bytes)?.0),
            SHOKYO_RECEIPT_SIGNATURE => out.write(&receipt::to_be_signed(&receipt.bytes)?.1),
            _ => Err(Failure::Argument("which", "is no part of a receipt")),
        }
    })
}

/// Gives up what was read.
///
/// receipt: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for a receipt that was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_receipt_free(receipt: *mut shokyo_receipt) -> shokyo_status {
    guarded(|_| handles::free(receipt).map(drop))
}

/// An entry of a list, or the failure that says where the list ends.
pub(super) fn at<T>(list: &[T], index: usize) -> Result<&T, Error> {
    list.get(index).ok_or(Error::OutOfRange { at: index as u64, length: list.len() as u64 })
}

impl ReadReceipt {
    /// Reads without checking the signature.
    pub(super) fn unverified(bytes: Vec<u8>) -> Result<Self, Error> {
        let read = receipt::read_unverified(&bytes)?;
        Ok(Self { bytes, statement: read.statement, key_id: read.key_id, authenticated: false })
    }

    fn describe(&self) -> shokyo_receipt_info {
        let says = &self.statement;
        shokyo_receipt_info {
            struct_size: 0,
            authenticated: self.authenticated.into(),
            receipt_id: says.receipt_id,
            hash: receipt::hash(&self.bytes),
            key_id: self.key_id,
            session: says.session.0,
            previous: says.previous.unwrap_or_default(),
            role: says.role as u32,
            event: says.event as u32,
            attempted: says.attempted.map_or(0, |event| event as u32),
            cause: says.cause as u32,
            method: says.method.map_or(0, |method| method as u32),
            protections: says.protections.bits(),
            verified: says.is_verified().into(),
            // Bounded by the receipt's 4,096 bytes.
            copy_count: says.copies.len() as u32,
            retained_count: says.retained.len() as u32,
            not_covered_count: says.not_covered.len() as u32,
            has_previous: says.previous.is_some().into(),
            has_duration: says.duration_ms.is_some().into(),
            has_relay: says.relay.is_some().into(),
            has_window_lent: says.window_lent_until_unix_ms.is_some().into(),
            opened_unix_ms: says.opened_unix_ms,
            event_unix_ms: says.event_unix_ms,
            duration_ms: says.duration_ms.unwrap_or_default(),
            relay_peak_bytes: says.relay.map_or(0, |relay| relay.peak_bytes),
            relay_longest_hold_ms: says.relay.map_or(0, |relay| relay.longest_hold_ms),
            relay_frames: says.relay.map_or(0, |relay| relay.frames),
            window_lent_until_unix_ms: says.window_lent_until_unix_ms.unwrap_or_default(),
        }
    }
}
