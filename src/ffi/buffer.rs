//! Finished documents for C: read through windows, erased with evidence.

use std::cell::Cell;
use std::ffi::c_void;

use super::arguments::Out;
use super::boundary::{Failure, guarded};
use super::document::Document;
use super::erasure::shokyo_erasure;
use super::shokyo_status;
use crate::error::Error;

/// A finished, sealed document. A handle, not an address.
pub struct shokyo_buffer {
    _opaque: [u8; 0],
}

/// Looks at a piece of a document's plaintext, which lies in locked memory and is wiped as soon as the callback returns.
///
/// user_data: what the caller gave. offset: where the piece begins in the document, in bytes. plain, length: the piece; it must not be
/// changed, nor kept, nor looked at after the return. length is 0 only for an empty document, and plain is never NULL.
/// Gives 0 to go on; anything else stops, and the call gives SHOKYO_STATUS_CALLBACK_STOPPED.
/// It runs in the calling thread, with no lock of the library held and cancellation disabled. It may call the library, and may free the very
/// document, which is then erased when it returns. It must return, on the stack on which it was called and before anything else runs there:
/// no longjmp, no thread exit, no exception, no switch to another context or fiber. If an exception leaves it all the same, the window is wiped
/// before the process is stopped; if longjmp does, at the next call of this thread that lends a window from the same depth or above.
pub type shokyo_reader =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, offset: u64, plain: *const u8, length: usize) -> i32>;

pub(super) type Reader = unsafe extern "C-unwind" fn(*mut c_void, u64, *const u8, usize) -> i32;

/// Tells the length of the document's plaintext in bytes.
///
/// buffer: stays the caller's. length: receives the number.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_buffer_length(buffer: *const shokyo_buffer, length: *mut u64) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a number.
        let length = unsafe { Out::new(length, "length") }?;
        let document = Document::of(buffer)?;
        let buffer = document.finished()?;
        document.ends_in(call);
        length.write(buffer.len());
        Ok(())
    })
}

/// Lends the plaintext from an offset to the end of its chunk to a callback, which is called at most once.
///
/// buffer: stays the caller's. offset: in bytes; the next piece begins at offset + length of this one. reader: the callback.
/// user_data: passed to it as it is, may be NULL.
/// Threads: any, several at once, each with a window of its own. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED; OUT_OF_RANGE at or beyond the end (an empty document can be read at 0);
/// NOT_AUTHENTIC; WINDOW_IN_USE inside another such callback of the same vault; WINDOW_TIMEOUT, BUSY: the callback was not called.
/// CALLBACK_STOPPED. ERASED when the key was destroyed before or meanwhile: the callback saw whole, authentic plaintext or was not
/// called. NOT_ERASED when the window could not be shown to be wiped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_buffer_read_at(
    buffer: *const shokyo_buffer,
    offset: u64,
    reader: shokyo_reader,
    user_data: *mut c_void,
) -> shokyo_status {
    guarded(|call| {
        let reader = reader.ok_or(Failure::Argument("reader", "is NULL"))?;
        let document = Document::of(buffer)?;
        let buffer = document.finished()?;
        document.used_in(call)?;
        match buffer.read_at(offset, |plain| show(reader, user_data, offset, plain))? {
            0 => Ok(()),
            _ => Err(Failure::Stopped),
        }
    })
}

/// Lends the whole document to a callback, one chunk after the other.
///
/// buffer: stays the caller's. reader: the callback, called in the order of the document. user_data: passed to it as it is, may be NULL.
/// Threads: any, several at once, each with a window of its own. Signals: not safe in a signal handler.
/// Errors: as shokyo_buffer_read_at; the callback may have seen a part of the document.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_buffer_for_each_window(
    buffer: *const shokyo_buffer,
    reader: shokyo_reader,
    user_data: *mut c_void,
) -> shokyo_status {
    guarded(|call| {
        let reader = reader.ok_or(Failure::Argument("reader", "is NULL"))?;
        let document = Document::of(buffer)?;
        let buffer = document.finished()?;
        document.used_in(call)?;
        let stopped = Cell::new(false);
        let outcome = buffer.for_each_window(|offset, plain| {
            stopped.set(show(reader, user_data, offset, plain) != 0);
            if stopped.get() { Err(Error::Cancelled) } else { Ok(()) }
        });
        match outcome {
            Err(Error::Cancelled) if stopped.get() => Err(Failure::Stopped),
            outcome => Ok(outcome?),
        }
    })
}

/// Destroys the key, then wipes the ciphertext, reads both back, and gives the evidence, which counts every window that was lent.
///
/// buffer: no longer valid after success, also when the read-back failed: shokyo_erasure_verified tells. erasure: receives the
/// evidence's handle, which the caller owns and gives to shokyo_erasure_free.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLES_EXHAUSTED; HANDLE_IN_USE while a call is using the document, also inside its own
/// callback: nothing was changed (shokyo_vault_erase_all destroys keys that are in use).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_buffer_erase(
    buffer: *mut shokyo_buffer,
    erasure: *mut *mut shokyo_erasure,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let erasure = unsafe { Out::new(erasure, "erasure") }?;
        erasure.write(Document::erase(call, buffer)?);
        Ok(())
    })
}

/// Gives up the handle and erases the document, without evidence. If calls are using it, the end of the last of them erases.
///
/// buffer: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any, also inside its own callback. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for a document that was freed or erased before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_buffer_free(buffer: *mut shokyo_buffer) -> shokyo_status {
    guarded(|call| Document::free(call, buffer))
}

/// Shows a piece of plaintext to a caller's function; its answer.
pub(super) fn show(reader: Reader, user_data: *mut c_void, offset: u64, plain: &[u8]) -> i32 {
    // SAFETY: the caller gives a function of this type, and the bytes are readable until it returns.
    unsafe { reader(user_data, offset, plain.as_ptr(), plain.len()) }
}
