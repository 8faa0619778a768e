//! A finished document: ciphertext in ordinary memory, its key in a cell, its plaintext only ever in a window.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::copies::Copies;
use super::seal::{erase_slots, open_chunk, with_key};
use super::writer::CALLER_STACK;
use super::{CopyClass, Desk, Erasure, KeyCell, RoomSize, Vault};
use crate::aead::{Backend, TAG_LENGTH};
use crate::arena::{STAYS, Slot, Window};
use crate::error::Error;
use crate::types::{Binding, KeyId};
use crate::wipe::{self, Wiped};

/// A sealed document. Dropping it erases it; [`EphemeralBuffer::erase`] does the same and gives the evidence.
///
/// It can be read from several threads, each with a window of its own.
///
/// ```
/// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
/// # let vault = Vault::open(VaultOptions::new())?;
/// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
/// let document = vault.seal(binding, &[b'x'; 40_000])?;
/// assert_eq!((document.len(), document.chunk_count()), (40_000, 3));
/// document.authenticate()?; // every tag, and nothing is shown
/// document.for_each_window(|offset, plain| {
///     // At most a chunk of plaintext, in locked memory, until the closure returns.
///     assert!(offset < 40_000 && plain.iter().all(|byte| *byte == b'x'));
///     Ok(())
/// })?;
/// let erasure = document.erase();
/// assert!(erasure.is_verified());
/// # Ok::<(), shokyo::Error>(())
/// ```
pub struct EphemeralBuffer {
    pub(super) vault: Vault,
    binding: Binding,
    id: KeyId,
    pub(super) key: Option<KeyCell>,
    slots: Vec<Slot>,
    length: u64,
    pub(super) lent: AtomicU64,
    pub(super) evidence: Mutex<Erasure>,
    /// What became of the key of the unfinished tail.
    tail: Option<Result<Wiped, Error>>,
    /// Copies that readers registered; most documents have none.
    pub(super) copies: OnceLock<Arc<Mutex<Copies>>>,
}

impl EphemeralBuffer {
    /// `slots` are the sealed chunks of `length` bytes of plaintext, in order, the last one final.
    pub(super) fn new(
        vault: &Vault,
        binding: Binding,
        key: KeyCell,
        slots: Vec<Slot>,
        length: u64,
        evidence: Erasure,
        tail: Option<Result<Wiped, Error>>,
    ) -> Self {
        let (vault, id) = (vault.clone(), key.id());
        let (lent, evidence, copies) = (AtomicU64::new(0), Mutex::new(evidence), OnceLock::new());
        Self { vault, binding, id, key: Some(key), slots, length, lent, evidence, tail, copies }
    }

    /// Bytes of plaintext.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether the document has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many chunks there are; at least 1.
    #[must_use]
    pub fn chunk_count(&self) -> u64 {
        self.slots.len() as u64
    }

    /// Bytes of plaintext in every chunk but the last.
    #[must_use]
    pub fn chunk_size(&self) -> usize {
        self.vault.chunk_size()
    }

    /// What every chunk is bound to.
    #[must_use]
    pub fn binding(&self) -> Binding {
        self.binding
    }

    /// Which key the document is sealed with. Not secret.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    /// How often a window on the plaintext was lent.
    #[must_use]
    pub fn windows_lent(&self) -> u64 {
        self.lent.load(Ordering::Relaxed)
    }

    /// The document's key, for wrapping it in a room.
    ///
    /// # Panics
    /// Never: the key leaves the buffer only when the buffer ends.
    pub(crate) fn key(&self) -> &KeyCell {
        match &self.key {
            Some(key) => key,
            None => unreachable!("the key leaves the buffer only when the buffer ends"),
        }
    }

    /// A chunk as it travels: ciphertext ‖ tag, [`chunk_size`](Self::chunk_size) + 16 bytes for every chunk but the last.
    ///
    /// # Errors
    /// [`Error::OutOfRange`]; [`Error::ForkedChild`].
    pub fn sealed_chunk(&self, index: u64) -> Result<&[u8], Error> {
        self.vault.inner().owner().check()?;
        let slot = usize::try_from(index).ok().and_then(|index| self.slots.get(index));
        let slot = slot.ok_or(Error::OutOfRange { at: index, length: self.chunk_count() })?;
        Ok(slot.bytes(self.plain_length(index) + TAG_LENGTH))
    }

    /// Lends the plaintext from `offset` to the end of its chunk to `reader`.
    ///
    /// The window is wiped and read back on every way out, a panic included. What `reader` copies is the caller's; the caller's
    /// registers and a bounded part of its dead stack are scrubbed, best effort. `reader` must not switch to another stack and come back later.
    ///
    /// ```
    /// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
    /// # let vault = Vault::open(VaultOptions::new())?;
    /// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
    /// let document = vault.seal(binding, b"name and address")?;
    /// let spaces = document.read_at(0, |plain| plain.iter().filter(|byte| **byte == b' ').count())?;
    /// assert_eq!(spaces, 2);
    /// assert!(document.read_at(9, |plain| plain == b"address")?);
    /// # Ok::<(), shokyo::Error>(())
    /// ```
    ///
    /// The plaintext cannot be kept:
    ///
    /// ```compile_fail,E0521
    /// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
    /// # let vault = Vault::open(VaultOptions::new())?;
    /// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
    /// let document = vault.seal(binding, b"name and address")?;
    /// let mut kept: &[u8] = &[];
    /// document.read_at(0, |plain| kept = plain)?;
    /// # Ok::<(), shokyo::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfRange`] at or beyond the end (an empty document can be read at 0). [`Error::NotAuthentic`].
    /// [`Error::Erased`], or [`Error::Expired`], when the key was destroyed before or meanwhile: `reader` saw whole, authentic
    /// plaintext or was not called. [`Error::WindowInUse`], [`Error::WindowTimeout`], [`Error::Busy`]. [`Error::NotErased`].
    #[inline(never)]
    pub fn read_at<R>(&self, offset: u64, reader: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        let chunk = self.chunk_size() as u64;
        if offset >= self.length && !(offset == 0 && self.length == 0) {
            return Err(Error::OutOfRange { at: offset, length: self.length });
        }
        let (index, skip) = (offset / chunk, usize::try_from(offset % chunk).unwrap_or(usize::MAX));
        let (length, frame) = (self.plain_length(index), 0u8);
        let mut lent = self.lend(core::hint::black_box(&raw const frame).addr())?;
        self.open_into(index, lent.window()?.body(length))?;
        let plain = lent.window()?.plain(length);
        let outcome = reader(plain.get(skip..).unwrap_or_default());
        wipe::scrub_stack(CALLER_STACK);
        let _ = wipe::scrub_registers();
        lent.close()?;
        self.key().check_live().map(|()| outcome)
    }

    /// Lends the whole document to `reader`, one chunk after the other, with the offset of each.
    ///
    /// # Errors
    /// What `reader` gave first, or as [`EphemeralBuffer::read_at`].
    pub fn for_each_window(&self, mut reader: impl FnMut(u64, &[u8]) -> Result<(), Error>) -> Result<(), Error> {
        for index in 0..self.chunk_count() {
            let offset = index * self.chunk_size() as u64;
            self.read_at(offset, |plain| reader(offset, plain))??;
        }
        Ok(())
    }

    /// Checks the tag of every chunk and shows nothing.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`], or as [`EphemeralBuffer::read_at`].
    pub fn authenticate(&self) -> Result<(), Error> {
        self.walk(None)
    }

    /// HMAC-SHA-256 (RFC 2104) over the whole plaintext. Plaintext and hash state stay in the clean room.
    ///
    /// ```
    /// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
    /// # let vault = Vault::open(VaultOptions::new())?;
    /// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
    /// let document = vault.seal(binding, b"what do ya want for nothing?")?; // RFC 4231, test case 2
    /// assert_eq!(document.hmac_sha256(b"Jefe")?[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    /// # Ok::<(), shokyo::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotAuthentic`], or as [`EphemeralBuffer::read_at`].
    pub fn hmac_sha256(&self, key: &[u8]) -> Result<[u8; 32], Error> {
        let mut digest = [0; 32];
        self.walk(Some((key, &mut digest)))?;
        Ok(digest)
    }

    /// Opens every chunk in one stay in a room, and hashes what it finds if asked to.
    fn walk(&self, hash: Option<(&[u8], &mut [u8; 32])>) -> Result<(), Error> {
        let mut lent = self.lend(STAYS)?;
        let body = lent.window()?.body(self.plain_length(0));
        let outcome = self.vault.room(RoomSize::Small, |desk| {
            let mut hasher = match &hash {
                Some((key, _)) => {
                    Some(Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::Malformed { what: "a key" })?)
                }
                None => None,
            };
            with_key(desk, self.key(), |desk, key| {
                for index in 0..self.chunk_count() {
                    let plain = body.get_mut(..self.plain_length(index)).unwrap_or_default();
                    self.open_one(key, index, plain)?;
                    desk.check()?;
                    if let Some(hasher) = &mut hasher {
                        hasher.update(plain);
                    }
                }
                Ok(())
            })?;
            if let (Some(hasher), Some((_, digest))) = (hasher, hash) {
                digest.copy_from_slice(&hasher.finalize().into_bytes());
            }
            Ok(())
        });
        lent.close()?;
        outcome
    }

    /// Uses the plaintext of a document of one chunk inside a clean room.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more than one chunk; [`Error::NotAuthentic`]; or as [`Vault::room`], [`Error::WindowInUse`], [`Error::WindowTimeout`].
    pub(crate) fn open_in_room(
        &self,
        size: RoomSize,
        work: impl FnOnce(&mut Desk<'_>, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.slots.len() != 1 {
            return Err(Error::TooLarge { what: "a document opened in one piece", limit: self.chunk_size() as u64 });
        }
        let mut lent = self.lend(STAYS)?;
        let body = lent.window()?.body(self.plain_length(0));
        let outcome = self.vault.room(size, |desk| {
            with_key(desk, self.key(), |desk, key| self.open_one(key, 0, body).and(desk.check()))?;
            work(desk, body)
        });
        lent.close()?;
        outcome
    }

    /// Destroys the key, then wipes the ciphertext, and reads both back. The evidence counts every window that was lent, too.
    ///
    /// ```
    /// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
    /// # let vault = Vault::open(VaultOptions::new())?;
    /// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
    /// use shokyo::buffer::CopyClass;
    ///
    /// let document = vault.seal(binding, b"a document")?;
    /// let key = document.key_id();
    /// let erasure = document.erase();
    /// assert_eq!(erasure.key(), Some(key));
    /// assert!(erasure.copies().all(|copy| copy.verified > 0 && copy.failed == 0));
    /// assert!(erasure.copies().any(|copy| copy.class == CopyClass::Ciphertext && copy.bytes == 10 + 16));
    /// # Ok::<(), shokyo::Error>(())
    /// ```
    pub fn erase(mut self) -> Erasure {
        self.erase_now()
    }

    pub(super) fn erase_now(&mut self) -> Erasure {
        let empty = Erasure::new(self.binding.session, self.vault.protections());
        let evidence = self.evidence.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut evidence = core::mem::replace(evidence, empty);
        if let Some(key) = self.key.take() {
            // The key may be of another vault, and a vault may have grown by weaker memory.
            evidence.weaken(key.vault().protections());
            evidence.record(CopyClass::Key, key.erase());
        }
        if let Some(tail) = self.tail.take() {
            evidence.record(CopyClass::Key, tail);
        }
        let last = self.plain_length(self.chunk_count().saturating_sub(1));
        erase_slots(&self.vault, &mut self.slots, last, self.id.to_tag(), &mut evidence);
        if let Some(copies) = self.copies.take() {
            Copies::tell(&copies, &mut evidence);
        }
        evidence
    }

    /// Bytes of plaintext in a chunk.
    pub(super) fn plain_length(&self, index: u64) -> usize {
        let chunk = self.chunk_size() as u64;
        let rest = self.length.saturating_sub(index.saturating_mul(chunk)).min(chunk);
        usize::try_from(rest).unwrap_or(usize::MAX)
    }

    pub(super) fn lend(&self, frame: usize) -> Result<Lent<'_>, Error> {
        let window = self.vault.inner().windows.take(self.vault.inner().options.patience, frame)?;
        self.lent.fetch_add(1, Ordering::Relaxed);
        Ok(Lent { buffer: self, window: Some(window) })
    }

    fn open_into(&self, index: u64, body: &mut [u8]) -> Result<(), Error> {
        self.vault.room(RoomSize::Small, |desk| with_key(desk, self.key(), |_, key| self.open_one(key, index, body)))
    }

    /// Opens a chunk at the desk of a room.
    pub(super) fn open_one(&self, key: &Backend, index: u64, body: &mut [u8]) -> Result<(), Error> {
        let count = self.chunk_count();
        let out_of_range = Error::OutOfRange { at: index, length: count };
        let slot = usize::try_from(index).ok().and_then(|index| self.slots.get(index)).ok_or(out_of_range)?;
        open_chunk(key, &self.binding, (index, index + 1 == count), slot, body)
    }
}

/// A window that is lent for one call, counted in the buffer's evidence however the call ends.
pub(super) struct Lent<'b> {
    buffer: &'b EphemeralBuffer,
    window: Option<Window<'b>>,
}

impl<'b> Lent<'b> {
    pub(super) fn window(&mut self) -> Result<&mut Window<'b>, Error> {
        self.window.as_mut().ok_or(Error::Erased)
    }

    /// Ends the loan; an error when the window could not be shown to be erased.
    pub(super) fn close(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        let Some(window) = self.window.take() else { return Ok(()) };
        let outcome = window.close(self.buffer.id.to_tag());
        let failure = outcome.as_ref().err().cloned();
        if failure == Some(Error::ForkedChild) {
            // Another of the parent's threads may have held the lock of the evidence.
            return Err(Error::ForkedChild);
        }
        let mut evidence = self.buffer.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        evidence.record(CopyClass::Window, outcome);
        failure.map_or(Ok(()), Err)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

impl Drop for EphemeralBuffer {
    fn drop(&mut self) {
        let _evidence = self.erase_now();
    }
}

impl fmt::Debug for EphemeralBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EphemeralBuffer").field("key", &self.id).field("length", &self.length).finish_non_exhaustive()
    }
}
