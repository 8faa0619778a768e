//! Documents being written, for C.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use super::arguments::{Out, PublicStruct, read_struct, slice};
use super::boundary::{Failure, guarded};
use super::buffer::{Document, shokyo_buffer};
use super::erasure::{Evidence, shokyo_erasure};
use super::handles::{self, Object, Place};
use super::shokyo_status;
use super::vault::{VaultState, shokyo_vault, state_of};
use crate::buffer::Writer;
use crate::error::Error;
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

/// What the handle stands for. Nothing is inside once it was finished in vain.
pub(super) struct Writing {
    vault: Arc<VaultState>,
    writer: Mutex<Option<Writer>>,
}

impl Object for Writing {
    type Handle = shokyo_writer;
    const NAME: &'static str = "the writer";
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
        let place = Place::reserve()?;
        let writer = Mutex::new(Some(vault.vault().writer(binding)?));
        out.write(place.fill(Writing { vault, writer }));
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
        let writing = handles::get::<Writing>(writer)?;
        call.uses(&writing.vault)?;
        let mut writer = writing.alone()?;
        writer.as_mut().ok_or(Error::Erased)?.write(plain)?;
        Ok(())
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
        let writing = handles::get::<Writing>(writer)?;
        call.uses(&writing.vault)?;
        let place = Place::reserve()?;
        let document = writing.alone()?.take().ok_or(Error::Erased)?.finish()?;
        out.write(place.fill(Document::new(&writing.vault, document)));
        // Another thread may have freed the writer meanwhile, which is as good.
        let _ = handles::remove::<Writing>(writer);
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
        let writing = handles::get::<Writing>(writer)?;
        call.ends(&writing.vault);
        let place = Place::reserve()?;
        let evidence = Evidence(writing.alone()?.take().ok_or(Error::Erased)?.erase());
        evidence.tell();
        out.write(place.fill(evidence));
        // Another thread may have freed the writer meanwhile, which is as good.
        let _ = handles::remove::<Writing>(writer);
        Ok(())
    })
}

/// Gives up the handle and erases what was written, without evidence. If a call in another thread is using it, that call's end erases.
///
/// writer: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for a writer that was freed or finished before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_writer_free(writer: *mut shokyo_writer) -> shokyo_status {
    guarded(|call| {
        if writer.is_null() {
            return Ok(());
        }
        let writing = handles::remove::<Writing>(writer)?;
        call.ends(&writing.vault);
        Ok(())
    })
}

impl Writing {
    /// The writer, for this call alone.
    fn alone(&self) -> Result<MutexGuard<'_, Option<Writer>>, Failure> {
        match self.writer.try_lock() {
            Ok(writer) => Ok(writer),
            // After a panic the vault is poisoned; what remains is to erase.
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Failure::InUse(Self::NAME)),
        }
    }
}
