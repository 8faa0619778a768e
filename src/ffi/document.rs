//! One document through its life, for C: written, finished, erased. It stays in one place of the table and in one piece of memory; each
//! stage has a handle of a type of its own, and the one before is dead.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::boundary::{Call, Failure};
use super::buffer::shokyo_buffer;
use super::erasure::shokyo_erasure;
use super::handles::{self, OTHER_KIND, Place};
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
    /// Nothing is inside once it was finished in vain.
    Writing(Mutex<Option<Writer>>),
    Finished(EphemeralBuffer),
    Erased(Erasure),
    /// Between two, and after a panic there.
    Gone,
}

const WRITER: &str = "the writer";
const BUFFER: &str = "the buffer";
const ERASURE: &str = "the erasure";

impl Document {
    /// Begins one.
    pub(super) fn begin(vault: Arc<VaultState>, binding: Binding) -> Result<*mut shokyo_writer, Failure> {
        let place = Place::reserve()?;
        // Its memory first: a document is large, and moving it would take longer than all else here.
        let mut document = Arc::new(Self { vault: None, stage: Stage::Gone });
        if let Some(document) = Arc::get_mut(&mut document) {
            document.stage = Stage::Writing(Mutex::new(Some(vault.vault().writer(binding)?)));
            document.vault = Some(vault);
        }
        Ok(std::ptr::without_provenance_mut(place.fill_at(document)))
    }

    /// Writes to the one that is being written.
    pub(super) fn write(call: &Call, handle: *const shokyo_writer, plain: &[u8]) -> Result<(), Failure> {
        let document = handles::get_at::<Self>(handle.addr(), WRITER)?;
        document.used_in(call)?;
        let Stage::Writing(writer) = &document.stage else { return Err(Failure::Handle(WRITER, OTHER_KIND)) };
        Ok(alone(writer)?.as_mut().ok_or(Error::Erased)?.write(plain)?)
    }

    /// Ends the writing of one.
    pub(super) fn finish(call: &Call, handle: *mut shokyo_writer) -> Result<*mut shokyo_buffer, Failure> {
        let finished = handles::turn_at::<Self>(handle.addr(), WRITER, |document| {
            document.used_in(call)?;
            let buffer = document.take_writer()?.finish()?;
            document.stage = Stage::Finished(buffer);
            Ok(())
        })?;
        Ok(std::ptr::without_provenance_mut(finished))
    }

    /// Erases one that is being written.
    pub(super) fn erase_unfinished(call: &Call, handle: *mut shokyo_writer) -> Result<*mut shokyo_erasure, Failure> {
        let erased = handles::turn_at::<Self>(handle.addr(), WRITER, |document| {
            document.ends_in(call);
            let evidence = document.take_writer()?.erase();
            document.become_evidence(evidence);
            Ok(())
        })?;
        Ok(std::ptr::without_provenance_mut(erased))
    }

    /// Erases a finished one.
    pub(super) fn erase(call: &Call, handle: *mut shokyo_buffer) -> Result<*mut shokyo_erasure, Failure> {
        let erased = handles::turn_at::<Self>(handle.addr(), BUFFER, |document| {
            document.finished()?;
            if let Some(vault) = document.vault.take() {
                call.ends_with(vault);
            }
            if let Stage::Finished(buffer) = std::mem::replace(&mut document.stage, Stage::Gone) {
                document.become_evidence(buffer.erase());
            }
            Ok(())
        })?;
        Ok(std::ptr::without_provenance_mut(erased))
    }

    /// The one of a handle, shared for the time of a call.
    pub(super) fn of(handle: *const shokyo_buffer) -> Result<Arc<Self>, Failure> {
        handles::get_at(handle.addr(), BUFFER)
    }

    /// What can be read.
    pub(super) fn finished(&self) -> Result<&EphemeralBuffer, Failure> {
        match &self.stage {
            Stage::Finished(buffer) => Ok(buffer),
            Stage::Gone => Err(Error::Erased.into()),
            _ => Err(Failure::Handle(BUFFER, OTHER_KIND)),
        }
    }

    /// Looks at the evidence of one.
    pub(super) fn evidence<R>(
        handle: *const shokyo_erasure,
        look: impl FnOnce(&Erasure) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        match &handles::get_at::<Self>(handle.addr(), ERASURE)?.stage {
            Stage::Erased(evidence) => look(evidence),
            _ => Err(Failure::Handle(ERASURE, OTHER_KIND)),
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

    pub(super) fn free_writer(call: &Call, handle: *mut shokyo_writer) -> Result<(), Failure> {
        Self::free(call, handle.addr(), WRITER, |stage| matches!(stage, Stage::Writing(_)))
    }

    /// A document whose erasing met a panic has its handle still.
    pub(super) fn free_buffer(call: &Call, handle: *mut shokyo_buffer) -> Result<(), Failure> {
        Self::free(call, handle.addr(), BUFFER, |stage| matches!(stage, Stage::Finished(_) | Stage::Gone))
    }

    pub(super) fn free_erasure(call: &Call, handle: *mut shokyo_erasure) -> Result<(), Failure> {
        Self::free(call, handle.addr(), ERASURE, |stage| matches!(stage, Stage::Erased(_)))
    }

    fn free(call: &Call, address: usize, name: &'static str, is_of_kind: fn(&Stage) -> bool) -> Result<(), Failure> {
        if address == 0 {
            return Ok(());
        }
        let document = handles::remove_at::<Self>(address, name, |document| match is_of_kind(&document.stage) {
            true => Ok(()),
            false => Err(Failure::Handle(name, OTHER_KIND)),
        })?;
        document.ends_in(call);
        Ok(())
    }

    /// The writer, which no other call has.
    fn take_writer(&mut self) -> Result<Writer, Failure> {
        let Stage::Writing(writer) = &mut self.stage else { return Err(Failure::Handle(WRITER, OTHER_KIND)) };
        let writer = writer.get_mut().unwrap_or_else(PoisonError::into_inner);
        Ok(writer.take().ok_or(Error::Erased)?)
    }

    /// Tells the host's log of copies that could not be shown to be erased.
    fn become_evidence(&mut self, evidence: Erasure) {
        log::not_erased(Some(evidence.session()), evidence.copies().map(|copy| copy.failed).sum());
        self.stage = Stage::Erased(evidence);
        self.vault = None;
    }
}

/// The writer, for this call alone.
fn alone(writer: &Mutex<Option<Writer>>) -> Result<MutexGuard<'_, Option<Writer>>, Failure> {
    match writer.try_lock() {
        Ok(writer) => Ok(writer),
        // After a panic the vault is poisoned; what remains is to erase.
        Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => Err(Failure::InUse(WRITER)),
    }
}
