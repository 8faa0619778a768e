//! A document that was sealed elsewhere: its chunks arrive first, its key last.

use core::fmt;

use super::seal::erase_slots;
use super::{CopyClass, EphemeralBuffer, Erasure, KeyCell, Vault};
use crate::aead::TAG_LENGTH;
use crate::arena::Slot;
use crate::error::Error;
use crate::types::Binding;

/// Sealed chunks on their way in. Dropping it erases them; [`Incoming::erase`] does the same and gives the evidence.
///
/// ```
/// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
/// # let vault = Vault::open(VaultOptions::new())?;
/// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
/// # let elsewhere = Vault::open(VaultOptions::new())?;
/// let sealed_elsewhere = elsewhere.seal(binding, b"a document")?;
/// let mut incoming = vault.incoming(binding)?;
/// incoming.push(sealed_elsewhere.sealed_chunk(0)?)?;
/// assert_eq!(incoming.received(), 1);
/// // Without the very key of the document nothing opens, and what has come is erased.
/// let (error, erasure) = incoming.attach(vault.new_key()?, 10).unwrap_err();
/// assert_eq!(error, shokyo::Error::NotAuthentic);
/// assert!(erasure.is_verified());
/// # Ok::<(), shokyo::Error>(())
/// ```
pub struct Incoming {
    vault: Vault,
    binding: Binding,
    slots: Vec<Slot>,
    /// Bytes of plaintext in the chunk that came last.
    last: usize,
}

impl Incoming {
    pub(super) fn new(vault: &Vault, binding: Binding) -> Self {
        Self { vault: vault.clone(), binding, slots: Vec::new(), last: 0 }
    }

    /// Takes the next chunk, ciphertext ‖ tag. Every chunk but the last has the vault's chunk size and 16 bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a wrong size, or for a chunk after a shorter one; [`Error::TooLarge`] beyond the vault's limit;
    /// [`Error::OutOfMemory`]. Nothing changed.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let size = self.vault.chunk_size();
        let malformed = Error::Malformed { what: "the size of a sealed chunk" };
        let plain = chunk.len().checked_sub(TAG_LENGTH).ok_or(malformed.clone())?;
        let first = self.slots.is_empty();
        if plain > size || (plain == 0 && !first) || (self.last != size && !first) {
            return Err(malformed);
        }
        let limit = self.vault.inner().options.max_document;
        if self.received().saturating_mul(size as u64).saturating_add(plain as u64) > limit {
            return Err(Error::TooLarge { what: "the document", limit });
        }
        self.vault.inner().slots.take(1, &mut self.slots)?;
        if let Some(slot) = self.slots.last_mut() {
            slot.bytes_mut(chunk.len()).copy_from_slice(chunk);
        }
        self.last = plain;
        Ok(())
    }

    /// How many chunks have come.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.slots.len() as u64
    }

    /// What the chunks must be bound to.
    #[must_use]
    pub fn binding(&self) -> Binding {
        self.binding
    }

    /// Makes the document of `length` bytes of plaintext, once every chunk's tag was checked with `key`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the chunks do not make up `length` bytes, [`Error::NotAuthentic`], or as
    /// [`EphemeralBuffer::authenticate`]. Key and chunks are erased then, and the evidence is given.
    #[allow(clippy::result_large_err)]
    pub fn attach(mut self, key: KeyCell, length: u64) -> Result<EphemeralBuffer, (Error, Erasure)> {
        let complete = self.received().saturating_sub(1).saturating_mul(self.vault.chunk_size() as u64);
        if self.slots.is_empty() || complete.saturating_add(self.last as u64) != length {
            let mut evidence = Erasure::new(self.binding.session, self.vault.protections());
            evidence.weaken(key.vault().protections());
            evidence.record(CopyClass::Key, key.erase());
            self.erase_into(&mut evidence);
            return Err((Error::Mismatch { what: "the length of the document" }, evidence));
        }
        let evidence = Erasure::new(self.binding.session, self.vault.protections());
        let slots = core::mem::take(&mut self.slots);
        let buffer = EphemeralBuffer::new(&self.vault, self.binding, key, slots, length, evidence, None);
        match buffer.authenticate() {
            Ok(()) => Ok(buffer),
            Err(error) => Err((error, buffer.erase())),
        }
    }

    /// Wipes the chunks and reads them back.
    pub fn erase(mut self) -> Erasure {
        let mut evidence = Erasure::new(self.binding.session, self.vault.protections());
        self.erase_into(&mut evidence);
        evidence
    }

    fn erase_into(&mut self, evidence: &mut Erasure) {
        erase_slots(&self.vault, &mut self.slots, self.last, 0, evidence);
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let mut evidence = Erasure::new(self.binding.session, self.vault.protections());
        self.erase_into(&mut evidence);
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("received", &self.received()).finish_non_exhaustive()
    }
}
