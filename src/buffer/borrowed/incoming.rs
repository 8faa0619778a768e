//! A document that was sealed elsewhere and arrives in the caller's memory: its chunks first, in pieces of any size, its key last.

use core::fmt;
use core::num::NonZeroU64;

use super::{BorrowedBuffer, Held};
use crate::aead::TAG_LENGTH;
use crate::buffer::Erasure;
use crate::error::Error;
use crate::types::Binding;
use crate::wipe;

/// Sealed chunks on their way in. Dropping it erases them; [`BorrowedIncoming::erase`] does the same and gives the evidence.
pub struct BorrowedIncoming<'v, 'm> {
    held: Held<'v, 'm>,
    /// Bytes of ciphertext and tags that have come.
    received: u64,
}

impl<'v, 'm> BorrowedIncoming<'v, 'm> {
    pub(super) fn new(held: Held<'v, 'm>) -> Self {
        Self { held, received: 0 }
    }

    /// Takes the next bytes of the sealed chunks, each ciphertext ‖ tag, one behind the other. Where one call ends and the next
    /// begins means nothing.
    ///
    /// # Errors
    /// [`Error::Busy`] when the places for chunks do not suffice: nothing changed.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let sealed = self.sealed();
        let after = self.received.saturating_add(bytes.len() as u64);
        self.held.reserve(usize::try_from(after.div_ceil(sealed.get())).unwrap_or(usize::MAX))?;
        while !bytes.is_empty() {
            let index = u32::try_from(self.received / sealed).unwrap_or(u32::MAX);
            let (from, all) = (self.received % sealed, bytes.len());
            let room = usize::try_from(sealed.get() - from).unwrap_or(usize::MAX);
            let now = bytes.split_off(..all.min(room)).unwrap_or_default();
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            self.held.place(index, |place| {
                let place = place.get_mut(from..from.saturating_add(now.len())).ok_or(Error::MemoryCorrupted)?;
                place.copy_from_slice(now);
                Ok(())
            })?;
            self.received = self.received.saturating_add(now.len() as u64);
        }
        Ok(())
    }

    /// Bytes of ciphertext and tags that have come.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// What the chunks must be bound to.
    #[must_use]
    pub fn binding(&self) -> Binding {
        self.held.binding()
    }

    /// Makes the document of `length` bytes of plaintext, once every chunk's tag was checked with `key`, **which is wiped**.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the chunks do not make up `length` bytes, [`Error::NotAuthentic`], [`Error::Busy`] when all key
    /// cells are in use, [`Error::NotErased`] when the caller's copy of the key could not be wiped, or as
    /// [`BorrowedBuffer::authenticate`]. Key and chunks are erased then, and the evidence is given.
    #[allow(clippy::result_large_err)]
    pub fn attach(mut self, key: &mut [u8; 32], length: u64) -> Result<BorrowedBuffer<'v, 'm>, (Error, Erasure)> {
        let tags = length.div_ceil(self.chunk().get()).max(1).saturating_mul(TAG_LENGTH as u64);
        let lease = if length.saturating_add(tags) == self.received {
            self.held.vault().put(key, false)
        } else {
            Err(Error::Mismatch { what: "the length of the document" })
        };
        let wiped = wipe::wipe(key, 0).map(drop);
        let outcome = lease.map(|lease| self.held.set_key(lease));
        if let Err(error) = wiped.and(outcome) {
            return Err((error, self.held.erase()));
        }
        let buffer = BorrowedBuffer::new(self.held, length);
        match buffer.authenticate() {
            Ok(()) => Ok(buffer),
            Err(error) => Err((error, buffer.erase())),
        }
    }

    /// Wipes the chunks and reads them back.
    pub fn erase(mut self) -> Erasure {
        self.held.erase()
    }

    /// Bytes of a full chunk as it travels.
    fn sealed(&self) -> NonZeroU64 {
        self.chunk().saturating_add(TAG_LENGTH as u64)
    }

    fn chunk(&self) -> NonZeroU64 {
        NonZeroU64::new(self.held.vault().chunk.get() as u64).unwrap_or(NonZeroU64::MIN)
    }
}

impl fmt::Debug for BorrowedIncoming<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BorrowedIncoming").field("received", &self.received).finish_non_exhaustive()
    }
}
