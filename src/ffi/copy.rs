//! Copies that a host makes of a document, for C: counted from before they are made until they are wiped, and the wipe itself for
//! whatever else of its memory a host wants wiped.

use std::ffi::c_void;
use std::sync::Arc;

use super::arguments::slice_mut;
use super::boundary::{Failure, guarded};
use super::handles::{self, Handle, Kind};
use super::shokyo_status;
use super::vault::VaultState;
use crate::buffer::RegisteredCopy;
use crate::wipe;

/// A copy of a document that the host makes, registered with the document. A handle, not an address.
pub struct shokyo_copy {
    _opaque: [u8; 0],
}

/// What the handle stands for.
pub(super) struct Copy {
    vault: Arc<VaultState>,
    registered: RegisteredCopy,
}

impl Handle for shokyo_copy {
    type Object = Copy;
    const KIND: Kind = Kind::Copy;
    const NAME: &'static str = "the copy";
}

impl Copy {
    pub(super) fn new(vault: &Arc<VaultState>, registered: RegisteredCopy) -> Self {
        Self { vault: Arc::clone(vault), registered }
    }
}

/// Overwrites a registered copy, reads it back, and takes it off the document's list: the receipt counts it as erased.
///
/// copy: no longer valid after success and after NOT_ERASED and WRONG_STATE. data, length: all of the memory in which the copy lies, which
/// becomes zeros; at least 1 byte, and the caller's to give back.
/// Threads: any, while nobody else uses the memory. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE: nothing was changed. NOT_ERASED when a byte was not zero afterwards: the
/// receipt says so. WRONG_STATE when the document was erased before the copy: its receipt says that one was left; the memory is wiped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_copy_erase(copy: *mut shokyo_copy, data: *mut c_void, length: usize) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or writable bytes that nobody else uses meanwhile.
        let memory = unsafe { slice_mut(data, length, "data") }?;
        if memory.is_empty() {
            return Err(Failure::Argument("length", "is 0: a copy lies somewhere"));
        }
        let Copy { vault, registered } = *handles::take(copy)?;
        call.ends(&vault);
        let wiped = wipe::wipe(memory, 0);
        let failed = wiped.as_ref().err().cloned();
        registered.erased(wiped)?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    })
}

/// Gives up the handle of a copy that was not erased: the document's receipt says that one was left.
///
/// copy: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for a copy that was erased before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_copy_free(copy: *mut shokyo_copy) -> shokyo_status {
    guarded(|call| {
        handles::free(copy)?.inspect(|copy| call.ends(&copy.vault));
        Ok(())
    })
}

/// Overwrites memory of the caller's with zeros by stores that no compiler removes, and reads every byte back: for what a host has read
/// from a card, and for frames that were sent.
///
/// data, length: the memory; NULL with length 0 is nothing. Earlier copies, in memory that was moved or grew, are not covered.
/// Threads: any, while nobody else uses the memory. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT; NOT_ERASED when a byte was not zero afterwards: do not use that memory again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_wipe(data: *mut c_void, length: usize) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or writable bytes that nobody else uses meanwhile.
        let memory = unsafe { slice_mut(data, length, "data") }?;
        let _ = wipe::wipe(memory, 0)?;
        Ok(())
    })
}
