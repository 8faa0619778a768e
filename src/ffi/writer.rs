//! Documents being written, for C.

use std::ffi::c_void;

use super::arguments::{Out, PublicStruct, read_struct, slice};
use super::boundary::guarded;
use super::buffer::shokyo_buffer;
use super::document::Document;
use super::erasure::shokyo_erasure;
use super::shokyo_status;
use super::vault::{shokyo_vault, state_of};
use crate::types::{Binding, SessionId};

/// A document being written. A handle, not an address.
pub struct shokyo_writer {
    _opaque: [u8; 0],
}

/// What every chunk of a document is bound to: authenticated with each, never stored with it. All fields must be given.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_binding {
    /// sizeof(shokyo_binding).
    pub struct_size: u32,
    /// The session that the document belongs to.
    pub session: [u8; 32],
    /// A hash of everything else that it belongs to: in a handover, of the whole signed application.
    pub context: [u8; 32],
}

// SAFETY: `repr(C)`, the size first, a 32-bit integer and bytes without padding.
unsafe impl PublicStruct for shokyo_binding {
    const NAME: &'static str = "binding";
    const LEAST: usize = 68;
}

/// Begins a document under a fresh key.
///
/// vault: stays the caller's, and may be freed before the writer. binding: read during the call. writer: receives the handle, which
/// the caller owns until shokyo_writer_finish or shokyo_writer_erase succeeds; otherwise it goes to shokyo_writer_free.
/// Threads: any; one writer is for one thread at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED, LOCKED_MEMORY_EXHAUSTED when all keys of the vault are in use,
/// RANDOMNESS_UNAVAILABLE, BUSY, HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_writer_new(
    vault: *const shokyo_vault,
    binding: *const shokyo_binding,
    writer: *mut *mut shokyo_writer,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let out = unsafe { Out::new(writer, "writer") }?;
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let binding = unsafe { read_struct(binding) }?;
        let binding = Binding { session: SessionId(binding.session), context: binding.context };
        let vault = state_of(vault)?;
        call.uses(&vault)?;
        out.write(Document::begin(&vault, binding)?);
        Ok(())
    })
}

/// Appends bytes, sealing every full chunk.
///
/// writer: stays the caller's. data, length: the bytes, not changed and not kept; NULL with length 0 is nothing. The caller's own copy
/// stays the caller's to wipe.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, TOO_LARGE beyond the vault's max_document,
/// WINDOW_IN_USE inside a callback that looks at a document of the same vault, WINDOW_TIMEOUT: nothing was changed. After any other,
/// such as ERASED, the document is lost: erase or free the writer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_writer_write(
    writer: *mut shokyo_writer,
    data: *const c_void,
    length: usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let plain = unsafe { slice(data, length, "data") }?;
        Document::write(call, writer, plain)
    })
}

/// Ends the document, which can be read from then on. A document of 0 bytes is allowed.
///
/// writer: no longer valid after success. buffer: receives the document's handle, which the caller owns until shokyo_buffer_erase
/// succeeds; otherwise it goes to shokyo_buffer_free.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, HANDLES_EXHAUSTED: nothing was changed. After any
/// other, such as ERASED, WINDOW_IN_USE or WINDOW_TIMEOUT, what was written is erased, and the writer can only be freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_writer_finish(
    writer: *mut shokyo_writer,
    buffer: *mut *mut shokyo_buffer,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let out = unsafe { Out::new(buffer, "buffer") }?;
        out.write(Document::finish(call, writer)?);
        Ok(())
    })
}

/// Erases what was written, and gives the evidence.
///
/// writer: no longer valid after success. erasure: receives the evidence's handle, which the caller owns and gives to
/// shokyo_erasure_free.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, HANDLES_EXHAUSTED; ERASED after shokyo_writer_finish has failed and erased
/// everything: nothing was changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_writer_erase(
    writer: *mut shokyo_writer,
    erasure: *mut *mut shokyo_erasure,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let out = unsafe { Out::new(erasure, "erasure") }?;
        out.write(Document::erase_unfinished(call, writer)?);
        Ok(())
    })
}

/// Gives up the handle and erases what was written, without evidence. If a call in another thread is using it, that call's end erases.
///
/// writer: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for a writer that was freed or finished before, or is being finished or erased now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_writer_free(writer: *mut shokyo_writer) -> shokyo_status {
    guarded(|call| Document::free(call, writer))
}
