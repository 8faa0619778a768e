//! What a kiosk does with its one open document, for C: read it through windows, prove it, print it once, deliver it.

use std::ffi::c_void;
use std::time::Duration;

use super::arguments::{Out, slice};
use super::boundary::{Failure, guarded};
use super::buffer::{Reader, shokyo_reader, show};
use super::clock::{read_now, shokyo_now};
use super::copy::{Copy, shokyo_copy};
use super::handles::Place;
use super::kiosk::{KioskDrive, shokyo_kiosk};
use super::machine::{self, Driven};
use super::shokyo_status;
use crate::buffer::CopyClass;
use crate::error::Error;
use crate::station::notice;
use crate::types::Now;

/// Lends the plaintext of the transaction's open document from an offset to the end of its chunk to a callback, which is called at most
/// once. The document is there from SHOKYO_EVENT_READY until it is erased.
///
/// kiosk: stays the caller's. now: the time, by which the document may have expired. offset: in bytes; the next piece begins at offset +
/// length of this one. reader: the callback; what it calls on this transaction answers HANDLE_IN_USE, but shokyo_kiosk_cancel and
/// shokyo_kiosk_free. user_data: passed to it as it is, may be NULL.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when no document is open, or not any more;
/// OUT_OF_RANGE at or beyond the end; WINDOW_IN_USE inside another such callback of the same station; WINDOW_TIMEOUT, BUSY: the
/// callback was not called. CALLBACK_STOPPED; NOT_AUTHENTIC; ERASED, EXPIRED when the key was destroyed before or meanwhile;
/// NOT_ERASED when the window could not be shown to be wiped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_read_at(
    kiosk: *mut shokyo_kiosk,
    now: *const shokyo_now,
    offset: u64,
    reader: shokyo_reader,
    user_data: *mut c_void,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        let reader = reader.ok_or(Failure::Argument("reader", "is NULL"))?;
        let driven = machine::of::<KioskDrive>(call, kiosk)?;
        lend(&driven, now, offset, reader, user_data).map(drop)
    })
}

/// Lends the whole open document to a callback, one chunk after the other. Before each, deadlines are looked at, the time that has passed
/// since the call included, and whether the transaction was cancelled: then it ends, and is erased.
///
/// kiosk: stays the caller's. now: the time. reader: the callback, called in the order of the document; what it calls on this transaction
/// answers HANDLE_IN_USE, but shokyo_kiosk_cancel and shokyo_kiosk_free. user_data: passed to it as it is, may be NULL.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: as shokyo_kiosk_read_at; the callback may have seen a part of the document. EXPIRED when a deadline passed meanwhile, ERASED
/// when it was cancelled meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_for_each_window(
    kiosk: *mut shokyo_kiosk,
    now: *const shokyo_now,
    reader: shokyo_reader,
    user_data: *mut c_void,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        let reader = reader.ok_or(Failure::Argument("reader", "is NULL"))?;
        let driven = machine::of::<KioskDrive>(call, kiosk)?;
        let begun = notice::now().monotonic;
        let mut offset = 0;
        loop {
            let passed = Duration::from_millis(notice::now().monotonic.since(begun));
            let at = Now { monotonic: now.monotonic.after(passed), ..now };
            let (length, shown) = match lend(&driven, at, offset, reader, user_data) {
                // It was there a window ago.
                Err(Failure::Library(Error::WrongState { .. })) if offset > 0 => return Err(Error::Expired.into()),
                lent => lent?,
            };
            offset += shown;
            if offset >= length {
                return Ok(());
            }
        }
    })
}

/// Proves that every byte of the open document was read: HMAC-SHA256 (RFC 2104) over it, made in the clean room under a challenge that
/// whoever wants the proof has chosen.
///
/// kiosk: stays the caller's. now: the time. challenge, length: the challenge. proof: receives 32 bytes.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: as shokyo_kiosk_read_at, but for OUT_OF_RANGE and CALLBACK_STOPPED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_prove(
    kiosk: *mut shokyo_kiosk,
    now: *const shokyo_now,
    challenge: *const c_void,
    length: usize,
    proof: *mut u8,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: the caller gives NULL or a place for 32 bytes, which have no alignment.
        let proof = unsafe { Out::<[u8; 32]>::new(proof.cast(), "proof") }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let challenge = unsafe { slice(challenge, length, "challenge") }?;
        let driven = machine::of::<KioskDrive>(call, kiosk)?;
        let mut alone = driven.alone()?;
        alone.input(now, |drive| drive.machine.handle_timeout(now))?;
        proof.write(alone.drive()?.machine.document()?.hmac_sha256(challenge)?);
        Ok(())
    })
}

/// Registers a copy that the host is about to make of the open document, such as a rendered page: the receipt then counts it, as not erased
/// until shokyo_copy_erase has wiped it and read it back. Register before the copy is made.
///
/// kiosk: stays the caller's. now: the time. copy_class: SHOKYO_COPY_SPOOL or SHOKYO_COPY_DERIVATIVE. copy: receives the handle, which the
/// caller owns until shokyo_copy_erase succeeds.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, HANDLES_EXHAUSTED; WRONG_STATE when no document is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_register_copy(
    kiosk: *mut shokyo_kiosk,
    now: *const shokyo_now,
    copy_class: u32,
    copy: *mut *mut shokyo_copy,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let out = unsafe { Out::new(copy, "copy") }?;
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        let class = u8::try_from(copy_class).ok().and_then(CopyClass::from_number);
        let class = class.filter(|class| matches!(class, CopyClass::Spool | CopyClass::Derivative));
        let class = class.ok_or(Failure::Argument("copy_class", "is neither SPOOL nor DERIVATIVE"))?;
        let place = Place::reserve()?;
        let driven = machine::of::<KioskDrive>(call, kiosk)?;
        let mut alone = driven.alone()?;
        alone.input(now, |drive| drive.machine.handle_timeout(now))?;
        let registered = alone.drive()?.machine.document()?.register_copy(class)?;
        out.write(place.fill(Copy::new(driven.vault(), registered)));
        Ok(())
    })
}

/// Asks to start printing. SHOKYO_EVENT_MAY_PRINT follows once that is on record; after it, never again.
///
/// kiosk: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE unless a document is ready and printing was not
/// asked for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_print(kiosk: *mut shokyo_kiosk, now: *const shokyo_now) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        Ok(machine::input::<KioskDrive, _>(call, kiosk, now, |drive| drive.machine.print(now))??)
    })
}

/// Says that the document was delivered: erases everything and reports.
///
/// kiosk: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE unless it was being printed, and while a registered
/// copy of it lives: erase that copy, then call again; the deadline does not wait for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_delivered(kiosk: *mut shokyo_kiosk, now: *const shokyo_now) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        Ok(machine::input::<KioskDrive, _>(call, kiosk, now, |drive| drive.machine.delivered(now))??)
    })
}

/// Lends one window; the length of the document, and of the window.
fn lend(
    driven: &Driven<KioskDrive>,
    now: Now,
    offset: u64,
    reader: Reader,
    user_data: *mut c_void,
) -> Result<(u64, u64), Failure> {
    let mut alone = driven.alone()?;
    alone.input(now, |drive| drive.machine.handle_timeout(now))?;
    let document = alone.drive()?.machine.document()?;
    let length = document.len();
    let (answer, shown) =
        document.read_at(offset, |plain| (show(reader, user_data, offset, plain), plain.len() as u64))?;
    match answer {
        // What was cancelled while the callback ran is erased when this call ends.
        0 if driven.is_cancelled() => Err(Error::Erased.into()),
        0 => Ok((length, shown)),
        _ => Err(Failure::Stopped),
    }
}
