//! Sealing and opening of chunks at the desk of a clean room, small documents made there, and giving ciphertext back.

use super::{Desk, EphemeralBuffer, Erasure, KeyCell, RoomSize, Vault};
use crate::aead::{self, Aead, Backend, TAG_LENGTH};
use crate::arena::{STAYS, Slot};
use crate::buffer::CopyClass;
use crate::error::Error;
use crate::types::Binding;

/// Runs `work` with a key, expanded. Never two at a time: each takes a good part of a small room.
#[inline(never)]
pub(super) fn with_key(
    desk: &mut Desk<'_>,
    cell: &KeyCell,
    work: impl FnOnce(&Desk<'_>, &Backend) -> Result<(), Error>,
) -> Result<(), Error> {
    let key = expand(desk, cell)?;
    work(desk, &key)
}

#[inline(never)]
fn expand(desk: &mut Desk<'_>, cell: &KeyCell) -> Result<Backend, Error> {
    let mut key = [0; 32];
    desk.load(cell, &mut key)?;
    Backend::new(&key)
}

/// Seals the plaintext in `body` in place and puts ciphertext and tag into `slot`, unless the key was destroyed meanwhile.
pub(super) fn seal_chunk(
    desk: &Desk<'_>,
    key: &Backend,
    binding: &Binding,
    (index, is_final): (u64, bool),
    body: &mut [u8],
    slot: &mut Slot,
) -> Result<(), Error> {
    let associated = aead::chunk_associated_data(binding, index, is_final);
    let tag = key.seal(&aead::stream_nonce(index, is_final), &associated, body)?;
    publish(desk, body, &tag, slot)
}

/// Opens the chunk in `slot` into `body`, which has the plaintext's length.
pub(super) fn open_chunk(
    key: &Backend,
    binding: &Binding,
    (index, is_final): (u64, bool),
    slot: &Slot,
    body: &mut [u8],
) -> Result<(), Error> {
    let associated = aead::chunk_associated_data(binding, index, is_final);
    open(key, &aead::stream_nonce(index, is_final), &associated, slot, body)
}

/// Seals the unfinished tail of a document, for the `counter`th time.
pub(super) fn seal_tail(
    desk: &Desk<'_>,
    key: &Backend,
    binding: &Binding,
    counter: u64,
    body: &mut [u8],
    slot: &mut Slot,
) -> Result<(), Error> {
    let tag = key.seal(&aead::stream_nonce(counter, false), &aead::tail_associated_data(binding, counter), body)?;
    publish(desk, body, &tag, slot)
}

/// Opens the unfinished tail of a document.
pub(super) fn open_tail(
    key: &Backend,
    binding: &Binding,
    counter: u64,
    slot: &Slot,
    body: &mut [u8],
) -> Result<(), Error> {
    open(key, &aead::stream_nonce(counter, false), &aead::tail_associated_data(binding, counter), slot, body)
}

fn publish(desk: &Desk<'_>, sealed: &[u8], tag: &[u8; TAG_LENGTH], slot: &mut Slot) -> Result<(), Error> {
    #[cfg(shokyo_faults)]
    crate::arena::strike(crate::faults::Fault::CrashInSeal);
    // A key that was destroyed while it was copied may be half a key: nothing made with it may leave the room.
    desk.check()?;
    let (ciphertext, rest) = slot.bytes_mut(sealed.len() + TAG_LENGTH).split_at_mut(sealed.len());
    ciphertext.copy_from_slice(sealed);
    rest.copy_from_slice(tag);
    Ok(())
}

fn open(key: &Backend, nonce: &[u8; 12], associated: &[u8], slot: &Slot, body: &mut [u8]) -> Result<(), Error> {
    let (ciphertext, tag) = slot.bytes(body.len() + TAG_LENGTH).split_at(body.len());
    body.copy_from_slice(ciphertext);
    let tag = tag.try_into().map_err(|_| Error::NotAuthentic)?;
    let opened = key.open(nonce, associated, body, tag);
    #[cfg(shokyo_faults)]
    crate::arena::strike(crate::faults::Fault::CrashInOpen);
    opened
}

impl Vault {
    /// Seals what `work` writes into a locked window, at most one chunk, as a document of its own under a fresh key. `work` gives
    /// the number of bytes and runs in the largest room that the vault has, so that it can make them from keys.
    ///
    /// # Errors
    /// As [`Vault::room`]; [`Error::WindowInUse`], [`Error::WindowTimeout`]; [`Error::TooLarge`] when `work` claims more than a window.
    pub(crate) fn seal_small(
        &self,
        binding: Binding,
        work: impl FnOnce(&mut Desk<'_>, &mut [u8]) -> Result<usize, Error>,
    ) -> Result<EphemeralBuffer, Error> {
        let size = if self.inner().options.agreement { RoomSize::Agreement } else { RoomSize::Small };
        let mut key = self.empty_key()?;
        let mut slots = Vec::new();
        self.inner().slots.take(1, &mut slots)?;
        let (limit, mut evidence) = (self.chunk_size(), Erasure::new(binding.session, self.protections()));
        let mut window = self.inner().windows.take(self.inner().options.patience, STAYS)?;
        let body = window.body(limit);
        let (cell, slot) = (&mut key, slots.first_mut());
        let mut length = 0;
        let outcome = self.room(size, |desk| {
            let slot = slot.ok_or(Error::OutOfMemory { needed: limit as u64 })?;
            let used = work(desk, body)?;
            let body = body.get_mut(..used).ok_or(Error::TooLarge { what: "a small document", limit: limit as u64 })?;
            desk.ensure_document_key(cell)?;
            // Loaded from its cell like any other, so that a key destroyed meanwhile is noticed.
            with_key(desk, cell, |desk, key| seal_chunk(desk, key, &binding, (0, true), body, slot))?;
            length = used;
            Ok(())
        });
        let wiped = window.close(key.id().to_tag());
        let failure = wiped.as_ref().err().cloned();
        evidence.record(CopyClass::Window, wiped);
        // From here on the buffer erases everything if something was wrong.
        let buffer = EphemeralBuffer::new(self, binding, key, slots, length as u64, evidence, None);
        outcome.and(failure.map_or(Ok(()), Err)).map(|()| buffer)
    }
}

/// Wipes slots of ciphertext and takes the outcomes into the evidence. `last` is the length of the last chunk's plaintext.
pub(super) fn erase_slots(vault: &Vault, slots: &mut Vec<Slot>, last: usize, tag: u128, evidence: &mut Erasure) {
    let count = slots.len();
    for (index, slot) in slots.drain(..).enumerate() {
        let plain = if index + 1 == count { last } else { vault.chunk_size() };
        let outcome = vault.inner().slots.give_back(slot, plain + TAG_LENGTH, tag);
        evidence.record(CopyClass::Ciphertext, outcome);
    }
}
