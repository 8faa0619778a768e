//! Writing a document into the caller's memory: every full chunk is sealed before the next one is accepted, and what is not full
//! yet is sealed between calls as the tail, under a key and with a counter of its own. So no index is ever sealed twice under
//! the document's key, and no plaintext waits between calls.

use core::fmt;

use super::window::Lent;
use super::work::Part;
use super::{BorrowedBuffer, Held};
use crate::buffer::Erasure;
use crate::error::Error;

/// A document being written. Dropping it erases what was written; [`BorrowedWriter::finish`] makes it a [`BorrowedBuffer`].
pub struct BorrowedWriter<'v, 'm> {
    held: Held<'v, 'm>,
    progress: Progress,
    length: u64,
    broken: bool,
}

#[derive(Default)]
struct Progress {
    /// Chunks that are sealed for good.
    complete: u32,
    /// Bytes that are sealed as the tail, in the place after them.
    tail: usize,
    /// How often the tail was sealed.
    counter: u64,
}

impl<'v, 'm> BorrowedWriter<'v, 'm> {
    pub(super) fn new(held: Held<'v, 'm>) -> Self {
        Self { held, progress: Progress::default(), length: 0, broken: false }
    }

    /// Bytes of plaintext written so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends `plain`. The caller's own copy stays the caller's to wipe. Each call opens and seals the tail again: few large
    /// pieces are faster than many small ones.
    ///
    /// # Errors
    /// [`Error::Busy`] when the places for chunks do not suffice, [`Error::WindowInUse`] inside a reader's closure: nothing
    /// changed. After any other error, such as [`Error::Erased`] or [`Error::MemoryCorrupted`], the document is lost: drop it.
    pub fn write(&mut self, plain: &[u8]) -> Result<(), Error> {
        if plain.is_empty() { self.usable() } else { self.append(plain, false) }
    }

    /// Ends the document. A document of 0 bytes is one empty chunk.
    ///
    /// # Errors
    /// As [`BorrowedWriter::write`]; everything is erased then.
    pub fn finish(self) -> Result<BorrowedBuffer<'v, 'm>, Error> {
        self.finish_with(&[])
    }

    /// Appends `plain` and ends the document, without sealing a tail in between.
    ///
    /// # Errors
    /// As [`BorrowedWriter::write`]; everything is erased then.
    pub fn finish_with(mut self, plain: &[u8]) -> Result<BorrowedBuffer<'v, 'm>, Error> {
        self.append(plain, true)?;
        self.held.end_tail();
        Ok(BorrowedBuffer::new(self.held, self.length))
    }

    /// Erases what was written, and gives the evidence.
    pub fn erase(mut self) -> Erasure {
        self.held.erase()
    }

    fn usable(&self) -> Result<(), Error> {
        if self.broken || !self.held.is_live() { Err(Error::Erased) } else { Ok(()) }
    }

    fn append(&mut self, plain: &[u8], ends: bool) -> Result<(), Error> {
        self.usable()?;
        let (chunk, held) = (self.held.vault().chunk, &self.held);
        let total = self.progress.tail.saturating_add(plain.len());
        // The last bytes are always held back, a whole chunk of them if need be.
        let more = total.saturating_sub(1) / chunk + usize::from(ends || total > 0);
        let complete = usize::try_from(self.progress.complete).unwrap_or(usize::MAX);
        held.reserve(complete.saturating_add(more))?;
        let mut lent = held.lend()?;
        self.broken = true;
        self.progress.take_in(held, &mut lent, plain, ends)?;
        lent.close()?;
        self.length = self.length.saturating_add(plain.len() as u64);
        self.broken = false;
        Ok(())
    }
}

impl Progress {
    fn take_in(
        &mut self,
        held: &Held<'_, '_>,
        lent: &mut Lent<'_, '_>,
        mut plain: &[u8],
        ends: bool,
    ) -> Result<(), Error> {
        let chunk = held.vault().chunk.get();
        let mut filled = self.tail;
        if filled > 0 {
            held.open(Part::Tail(self.counter), self.complete, lent.body(filled)?)?;
            self.tail = 0;
        }
        loop {
            let now = plain.split_off(..plain.len().min(chunk.saturating_sub(filled))).unwrap_or_default();
            let until = filled.saturating_add(now.len());
            lent.body(until)?.get_mut(filled..).unwrap_or_default().copy_from_slice(now);
            filled = until;
            if plain.is_empty() {
                break;
            }
            held.seal(Part::Chunk(u64::from(self.complete), false), self.complete, lent.body(filled)?)?;
            self.complete = self.complete.saturating_add(1);
            filled = 0;
        }
        if ends {
            held.seal(Part::Chunk(u64::from(self.complete), true), self.complete, lent.body(filled)?)?;
            self.complete = self.complete.saturating_add(1);
        } else {
            self.counter = self.counter.checked_add(1).ok_or(Error::Unfinished)?;
            held.seal(Part::Tail(self.counter), self.complete, lent.body(filled)?)?;
            self.tail = filled;
        }
        Ok(())
    }
}

impl fmt::Debug for BorrowedWriter<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BorrowedWriter").field("length", &self.length).finish_non_exhaustive()
    }
}
