//! Evidence of an erasure, for C: it can be looked at, and cannot be made.

use super::arguments::{Out, PublicStruct, StructOut};
use super::boundary::guarded;
use super::document::Document;
use super::shokyo_status;
use crate::buffer::ErasedCopy;
use crate::error::Error;

/// A 32-byte key in a key cell.
pub const SHOKYO_COPY_KEY: u32 = 1;
/// A document key wrapped to another's public key.
pub const SHOKYO_COPY_WRAPPED_KEY: u32 = 2;
/// Sealed chunks, unreadable without the key.
pub const SHOKYO_COPY_CIPHERTEXT: u32 = 3;
/// A window that showed plaintext.
pub const SHOKYO_COPY_WINDOW: u32 = 4;
/// A spool file or its memory.
pub const SHOKYO_COPY_SPOOL: u32 = 5;
/// Something made from the document, such as a rendered page.
pub const SHOKYO_COPY_DERIVATIVE: u32 = 6;

/// Evidence of an erasure: what was overwritten and read back. A handle, not an address.
pub struct shokyo_erasure {
    _opaque: [u8; 0],
}

/// What an erasure is evidence of.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_erasure_info {
    /// sizeof(shokyo_erasure_info), set by the caller.
    pub struct_size: u32,
    /// 1 when everything that was to be erased was read back as erased and there was something; otherwise 0.
    pub verified: u32,
    /// The session whose copies were erased.
    pub session: [u8; 32],
    /// The protections that the memory had, as SHOKYO_PROTECTION_ flags.
    pub protections: u32,
    /// 1 when a key was destroyed, which the next three fields then name; otherwise 0.
    pub has_key: u32,
    /// The vault's random number.
    pub key_vault: u64,
    /// The key cell's place in the vault.
    pub key_cell: u32,
    /// How often the cell had been filled.
    pub key_generation: u32,
    /// How many classes of copies there are.
    pub copy_count: u64,
}

/// What was overwritten in one class of copies.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_erased_copy {
    /// sizeof(shokyo_erased_copy), set by the caller.
    pub struct_size: u32,
    /// The class, one of SHOKYO_COPY_.
    pub copy_class: u32,
    /// How many ranges were overwritten and read back as zero.
    pub verified: u64,
    /// How many ranges could not be verified; their memory is quarantined.
    pub failed: u64,
    /// Bytes over all ranges.
    pub bytes: u64,
}

// SAFETY: `repr(C)`, the size first, integers and bytes without padding (4+4+32+4+4+8+4+4+8).
unsafe impl PublicStruct for shokyo_erasure_info {
    const NAME: &'static str = "info";
    const LEAST: usize = 72;
}

// SAFETY: `repr(C)`, the size first, two 32-bit and three 64-bit integers without padding.
unsafe impl PublicStruct for shokyo_erased_copy {
    const NAME: &'static str = "copy";
    const LEAST: usize = 32;
}

/// Tells whether everything that was to be erased was read back as erased, and there was something.
///
/// erasure: stays the caller's. verified: receives the answer. If it is false, stop the process and report it.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_erasure_verified(erasure: *const shokyo_erasure, verified: *mut bool) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a place for the answer.
        let verified = unsafe { Out::new(verified, "verified") }?;
        verified.write(Document::evidence(erasure, |evidence| Ok(evidence.is_verified()))?);
        Ok(())
    })
}

/// Tells what the erasure is evidence of.
///
/// erasure: stays the caller's. info: with its struct_size set; receives the answer.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_erasure_describe(
    erasure: *const shokyo_erasure,
    info: *mut shokyo_erasure_info,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let info = unsafe { StructOut::new(info) }?;
        Document::evidence(erasure, |evidence| {
            let key = evidence.key();
            info.write(shokyo_erasure_info {
                struct_size: 0,
                verified: evidence.is_verified().into(),
                session: evidence.session().0,
                protections: evidence.protections().bits(),
                has_key: key.is_some().into(),
                key_vault: key.map_or(0, |key| key.vault),
                key_cell: key.map_or(0, |key| key.cell),
                key_generation: key.map_or(0, |key| key.generation),
                copy_count: evidence.copies().count() as u64,
            });
            Ok(())
        })
    })
}

/// Tells in how many classes of copies something was erased.
///
/// erasure: stays the caller's. count: receives the number.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_erasure_copy_count(erasure: *const shokyo_erasure, count: *mut usize) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a place for a number.
        let count = unsafe { Out::new(count, "count") }?;
        count.write(Document::evidence(erasure, |evidence| Ok(evidence.copies().count()))?);
        Ok(())
    })
}

/// Tells what was erased in one class of copies.
///
/// erasure: stays the caller's. index: below the number that shokyo_erasure_copy_count gives; classes come in the order of their
/// numbers. copy: with its struct_size set; receives the answer.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, OUT_OF_RANGE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_erasure_copy_at(
    erasure: *const shokyo_erasure,
    index: usize,
    copy: *mut shokyo_erased_copy,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let out = unsafe { StructOut::new(copy) }?;
        Document::evidence(erasure, |evidence| {
            let outside = || Error::OutOfRange { at: index as u64, length: evidence.copies().count() as u64 };
            out.write((&evidence.copies().nth(index).ok_or_else(outside)?).into());
            Ok(())
        })
    })
}

/// Gives up the evidence.
///
/// erasure: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for evidence that was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_erasure_free(erasure: *mut shokyo_erasure) -> shokyo_status {
    guarded(|call| Document::free(call, erasure))
}

impl From<&ErasedCopy> for shokyo_erased_copy {
    fn from(copy: &ErasedCopy) -> Self {
        Self {
            struct_size: 0,
            copy_class: copy.class as u32,
            verified: copy.verified,
            failed: copy.failed,
            bytes: copy.bytes,
        }
    }
}
