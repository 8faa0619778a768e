//! One document through its life, for C: written, finished, erased. It stays in one place of the table and in one piece of memory; each
//! stage has a handle of a type of its own, and the one before is dead.

use std::mem::replace;
use std::sync::Arc;

use super::boundary::{Call, Failure};
use super::buffer::shokyo_buffer;
use super::erasure::shokyo_erasure;
use super::handles::{self, Handle, Kind, Place, Use};
use super::log;
use super::vault::VaultState;
use super::writer::shokyo_writer;
use crate::buffer::{EphemeralBuffer, Erasure, Writer};
use crate::error::Error;
use crate::types::Binding;

/// What the handles stand for.
pub(super) struct Document {
    /// Not any more when it is erased: the evidence keeps no vault open.
    vault: Option<Arc<VaultState>>,
    stage: Stage,
}

enum Stage {
    Writing(Writer),
    Finished(EphemeralBuffer),
    Erased(Erasure),
    /// Between two; after a panic there, and after it was finished in vain.
    Gone,
}

const GONE: Failure = Failure::Library(Error::Erased);

impl Handle for shokyo_writer {
    type Object = Document;
    const KIND: Kind = Kind::Writer;
    const NAME: &'static str = "the writer";
}

impl Handle for shokyo_buffer {
    type Object = Document;
    const KIND: Kind = Kind::Buffer;
    const NAME: &'static str = "the buffer";
}

impl Handle for shokyo_erasure {
    type Object = Document;
    const KIND: Kind = Kind::Erasure;
    const NAME: &'static str = "the erasure";
}

impl Document {
    /// Begins one.
    pub(super) fn begin(vault: &Arc<VaultState>, binding: Binding) -> Result<*mut shokyo_writer, Failure> {
        let place = Place::reserve()?;
        let memory = Box::new_uninit();
        // Straight into its memory: a document is large.
        let stage = Stage::Writing(vault.vault().writer(binding)?);
        Ok(place.fill_boxed(Box::write(memory, Self { vault: Some(Arc::clone(vault)), stage })))
    }

    /// Writes to the one that is being written.
    pub(super) fn write(call: &Call, handle: *mut shokyo_writer, plain: &[u8]) -> Result<(), Failure> {
        handles::alone(handle, |document| {
            document.used_in(call)?;
            match &mut document.stage {
                Stage::Writing(writer) => Ok(writer.write(plain)?),
                _ => Err(GONE),
            }
        })
    }

    /// Ends the writing of one.
    pub(super) fn finish(call: &Call, handle: *mut shokyo_writer) -> Result<*mut shokyo_buffer, Failure> {
        handles::turn(handle, |document| {
            document.used_in(call)?;
            let Stage::Writing(writer) = replace(&mut document.stage, Stage::Gone) else { return Err(GONE) };
            document.stage = Stage::Finished(writer.finish()?);
            Ok(())
        })
    }

    /// Erases one that is being written.
    pub(super) fn erase_unfinished(call: &Call, handle: *mut shokyo_writer) -> Result<*mut shokyo_erasure, Failure> {
        handles::turn(handle, |document| {
            document.ends_in(call);
            let Stage::Writing(writer) = replace(&mut document.stage, Stage::Gone) else { return Err(GONE) };
            document.become_evidence(writer.erase());
            Ok(())
        })
    }

    /// Erases a finished one.
    pub(super) fn erase(call: &Call, handle: *mut shokyo_buffer) -> Result<*mut shokyo_erasure, Failure> {
        handles::turn(handle, |document| {
            document.ends_in(call);
            let Stage::Finished(buffer) = replace(&mut document.stage, Stage::Gone) else { return Err(GONE) };
            document.become_evidence(buffer.erase());
            Ok(())
        })
    }

    /// The one of a handle, shared for the time of a call.
    pub(super) fn of(handle: *const shokyo_buffer) -> Result<Use<Self>, Failure> {
        handles::get(handle)
    }

    /// What can be read.
    pub(super) fn finished(&self) -> Result<&EphemeralBuffer, Failure> {
        match &self.stage {
            Stage::Finished(buffer) => Ok(buffer),
            _ => Err(GONE),
        }
    }

    /// Looks at the evidence of one.
    pub(super) fn evidence<R>(
        handle: *const shokyo_erasure,
        look: impl FnOnce(&Erasure) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        match &handles::get(handle)?.stage {
            Stage::Erased(evidence) => look(evidence),
            _ => Err(GONE),
        }
    }

    /// The call works with the document; refused when its vault is poisoned.
    pub(super) fn used_in(&self, call: &Call) -> Result<(), Failure> {
        self.vault.as_ref().map_or(Ok(()), |vault| call.uses(vault))
    }

    /// The call ends the document or asks about it.
    pub(super) fn ends_in(&self, call: &Call) {
        if let Some(vault) = &self.vault {
            call.ends(vault);
        }
    }

    /// Gives up a handle of whichever stage.
    pub(super) fn free<H: Handle<Object = Self>>(call: &Call, handle: *mut H) -> Result<(), Failure> {
        handles::free(handle)?.inspect(|document| document.ends_in(call));
        Ok(())
    }

    /// Tells the host's log of copies that could not be shown to be erased.
    fn become_evidence(&mut self, evidence: Erasure) {
        log::not_erased(Some(evidence.session()), evidence.copies().map(|copy| copy.failed).sum());
        self.stage = Stage::Erased(evidence);
        self.vault = None;
    }
}
