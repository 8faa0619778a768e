//! A finished document in the caller's memory: ciphertext in the ordinary slice, its key in a cell, its plaintext only ever in the
//! window.

use core::fmt;

use super::Held;
use super::vault::Passing;
use super::work::{self, Part};
use crate::aead::TAG_LENGTH;
use crate::buffer::Erasure;
use crate::error::Error;
use crate::types::{Binding, KeyId};

/// A sealed document. Dropping it erases it; [`BorrowedBuffer::erase`] does the same and gives the evidence.
pub struct BorrowedBuffer<'v, 'm> {
    held: Held<'v, 'm>,
    length: u64,
}

impl<'v, 'm> BorrowedBuffer<'v, 'm> {
    /// `held` has the key and, in order, the sealed chunks of `length` bytes of plaintext, the last one final.
    pub(super) fn new(held: Held<'v, 'm>, length: u64) -> Self {
        Self { held, length }
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
        u64::from(self.held.chunk_count())
    }

    /// Bytes of plaintext in every chunk but the last.
    #[must_use]
    pub fn chunk_size(&self) -> usize {
        self.held.vault().chunk.get()
    }

    /// What every chunk is bound to.
    #[must_use]
    pub fn binding(&self) -> Binding {
        self.held.binding()
    }

    /// Which key the document is sealed with. Not secret.
    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        self.held.id()
    }

    /// Bytes of a chunk as it travels: ciphertext and tag.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn sealed_length(&self, index: u64) -> Result<usize, Error> {
        Ok(self.plain_length(self.index(index)?) + TAG_LENGTH)
    }

    /// Copies a chunk as it travels, ciphertext ‖ tag, from its byte `from` on, as far as `out` reaches. Gives how many bytes.
    ///
    /// A copy, because a reference would keep other documents of the vault from being erased while it lives; in pieces, because
    /// a device sends in pieces.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn sealed_chunk(&self, index: u64, from: usize, out: &mut [u8]) -> Result<usize, Error> {
        let (place, length) = (self.index(index)?, self.sealed_length(index)?);
        self.held.look(place, |bytes| {
            let out_of_range = Error::OutOfRange { at: from as u64, length: length as u64 };
            let rest = bytes.get(..length).and_then(|bytes| bytes.get(from..)).ok_or(out_of_range)?;
            let count = rest.len().min(out.len());
            out.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
            Ok(count)
        })
    }

    /// Lends the plaintext from `offset` to the end of its chunk to `reader`.
    ///
    /// The window is wiped and read back on every way out. What `reader` copies is the caller's; registers and dead stack are
    /// scrubbed afterwards, best effort.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] at or beyond the end (an empty document can be read at 0). [`Error::NotAuthentic`].
    /// [`Error::Erased`] when the key was destroyed before, or by `reader`. [`Error::WindowInUse`] inside another reader.
    /// [`Error::NotErased`], [`Error::MemoryCorrupted`] when the window could not be shown to be erased and whole.
    pub fn read_at<T>(&self, offset: u64, reader: impl FnOnce(&[u8]) -> T) -> Result<T, Error> {
        let out_of_range = Error::OutOfRange { at: offset, length: self.length };
        if offset >= self.length && !(offset == 0 && self.length == 0) {
            return Err(out_of_range);
        }
        let chunk = self.chunk_size() as u64;
        let index = self.index(offset.checked_div(chunk).unwrap_or(u64::MAX))?;
        let skip = usize::try_from(offset.checked_rem(chunk).unwrap_or(0)).unwrap_or(usize::MAX);
        let length = self.plain_length(index);
        let mut lent = self.held.lend()?;
        self.held.open(self.part(index), index, lent.body(length)?)?;
        let outcome = reader(lent.body(length)?.get(skip..).unwrap_or_default());
        work::scrub(self.held.vault().stack);
        lent.close()?;
        if self.held.is_live() { Ok(outcome) } else { Err(Error::Erased) }
    }

    /// Lends the whole document to `reader`, one chunk after the other, with the offset of each.
    ///
    /// # Errors
    /// What `reader` gave first, or as [`BorrowedBuffer::read_at`].
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
    /// [`Error::NotAuthentic`], or as [`BorrowedBuffer::read_at`].
    pub fn authenticate(&self) -> Result<(), Error> {
        let mut lent = self.held.lend()?;
        for index in 0..self.held.chunk_count() {
            self.held.open(self.part(index), index, lent.body(self.plain_length(index))?)?;
        }
        lent.close()
    }

    /// Lends the document's key to `wrap`, which encrypts it to its receiver's public key; afterwards erase the document.
    ///
    /// There is no key agreement in this build, so this is the only way for a key to leave. `wrap` sees a copy in this call's
    /// frame, wiped and read back on every way out; what `wrap` makes of it is the caller's.
    ///
    /// # Errors
    /// [`Error::Erased`], [`Error::MemoryCorrupted`].
    pub fn lend_key<T>(&self, wrap: impl FnOnce(&[u8; 32]) -> T) -> Result<T, Error> {
        let outcome = self.lend_below(wrap);
        work::scrub(self.held.vault().stack);
        outcome
    }

    #[inline(never)]
    fn lend_below<T>(&self, wrap: impl FnOnce(&[u8; 32]) -> T) -> Result<T, Error> {
        let mut key = Passing([0; 32]);
        self.held.copy_key(&mut key.0)?;
        Ok(wrap(&key.0))
    }

    /// Destroys the key, then wipes the ciphertext, and reads both back. The evidence counts every window that was lent, too.
    pub fn erase(mut self) -> Erasure {
        self.held.erase()
    }

    fn index(&self, index: u64) -> Result<u32, Error> {
        let count = self.held.chunk_count();
        let found = u32::try_from(index).ok().filter(|index| *index < count);
        found.ok_or(Error::OutOfRange { at: index, length: u64::from(count) })
    }

    fn part(&self, index: u32) -> Part {
        Part::Chunk(u64::from(index), index.saturating_add(1) == self.held.chunk_count())
    }

    /// Bytes of plaintext in a chunk.
    fn plain_length(&self, index: u32) -> usize {
        let chunk = self.chunk_size() as u64;
        let rest = self.length.saturating_sub(u64::from(index).saturating_mul(chunk)).min(chunk);
        usize::try_from(rest).unwrap_or(usize::MAX)
    }
}

impl fmt::Debug for BorrowedBuffer<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BorrowedBuffer")
            .field("key", &self.key_id())
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}
