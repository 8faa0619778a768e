//! A document in one piece, for code that cannot work chunk by chunk: in locked memory that is there for one call only.
//!
//! The plaintext never stands in the pools, on the heap or in memory with weaker protections than the vault demands.

use core::sync::atomic::Ordering;
use std::sync::PoisonError;

use super::seal::with_key;
use super::writer::CALLER_STACK;
use super::{CopyClass, Desk, EphemeralBuffer, Erasure, RoomSize};
use crate::aead::Backend;
use crate::arena::{STAYS, Whole, Window};
use crate::error::Error;
use crate::types::Protections;
use crate::wipe;

/// Chunks that one stay in a clean room opens at most, so that rooms are not held for long.
const BATCH: u64 = 64;

/// Protections that belong to a mapping, and not to the way in which operations run.
const OF_A_MAPPING: Protections = Protections::LOCKED
    .with(Protections::FRAME_PINNED)
    .with(Protections::GUARDED)
    .with(Protections::NO_DUMP)
    .with(Protections::NOT_INHERITED);

impl EphemeralBuffer {
    /// Lends the whole plaintext to `reader` in one piece, for renderers that need it so. Prefer [`EphemeralBuffer::read_at`].
    ///
    /// The locked, guarded memory is taken from the operating system for this call alone, at most
    /// [`max_whole`](super::VaultOptions::max_whole) bytes over all threads. Every chunk is opened into it in the clean room, and
    /// `reader` is called only when all of them are authentic. The memory is wiped, read back and given back on every way out, a
    /// panic included, and counts as a window in the evidence. Meanwhile the call also occupies one window of the vault: a thread
    /// looks at one document at a time. What `reader` copies is the caller's; the caller's registers and a bounded part of its dead
    /// stack are scrubbed, best effort.
    ///
    /// A vault that was opened with [`Protection::BestEffort`](super::Protection::BestEffort) goes on when the memory cannot be
    /// locked; the evidence of the document then says so: its [protections](Erasure::protections) are those that all of its memory
    /// had.
    ///
    /// ```
    /// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
    /// # let vault = Vault::open(VaultOptions::new())?;
    /// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
    /// let document = vault.seal(binding, &[b'%'; 100_000])?;
    /// let pages = document.with_whole(|plain| plain.iter().filter(|byte| **byte == b'%').count())?;
    /// assert_eq!(pages, 100_000);
    /// # Ok::<(), shokyo::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::LockedMemoryExhausted`] when the document does not fit, with the vault's limit or the process's;
    /// [`Error::ProtectionUnavailable`], [`Error::OutOfMemory`]. [`Error::WindowInUse`] inside another reader's closure. Otherwise
    /// as [`EphemeralBuffer::read_at`]: with [`Error::NotAuthentic`] `reader` was not called, with [`Error::Erased`] it was not
    /// called or saw whole, authentic plaintext.
    pub fn with_whole<R>(&self, reader: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        let mut lent = self.lend_whole()?;
        self.open_all(lent.whole()?.body())?;
        let outcome = reader(lent.whole()?.plain());
        wipe::scrub_stack(CALLER_STACK);
        let _ = wipe::scrub_registers();
        lent.close()?;
        self.key().check_live().map(|()| outcome)
    }

    fn lend_whole(&self) -> Result<LentWhole<'_>, Error> {
        let inner = self.vault.inner();
        self.key().check_live()?;
        let window = inner.windows.take(inner.options.patience, STAYS)?;
        let whole = inner.wholes.take(self.len())?;
        self.lent.fetch_add(1, Ordering::Relaxed);
        Ok(LentWhole { buffer: self, window: Some(window), whole: Some(whole) })
    }

    fn open_all(&self, mut whole: &mut [u8]) -> Result<(), Error> {
        self.in_batches(|_, key, index| {
            let length = self.plain_length(index);
            let plain = whole.split_off_mut(..length).ok_or(Error::OutOfRange { at: index, length: self.len() })?;
            self.open_one(key, index, plain)
        })
    }

    /// Runs `work` for every chunk's index, at the desk of a room and with the document's key, in stays of bounded length.
    pub(super) fn in_batches(
        &self,
        mut work: impl FnMut(&Desk<'_>, &Backend, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (count, mut next) = (self.chunk_count(), 0);
        while next < count {
            let end = count.min(next.saturating_add(BATCH));
            self.vault.room(RoomSize::Small, |desk| {
                with_key(desk, self.key(), |desk, key| {
                    while next < end {
                        work(desk, key, next)?;
                        next += 1;
                    }
                    Ok(())
                })
            })?;
        }
        Ok(())
    }
}

/// Memory that is lent for one call, counted in the buffer's evidence however the call ends.
struct LentWhole<'b> {
    buffer: &'b EphemeralBuffer,
    /// The right to look at plaintext; nothing is written into it.
    window: Option<Window<'b>>,
    whole: Option<Whole<'b>>,
}

impl<'b> LentWhole<'b> {
    fn whole(&mut self) -> Result<&mut Whole<'b>, Error> {
        self.whole.as_mut().ok_or(Error::Erased)
    }

    /// Ends the loan; an error when the memory could not be shown to be erased.
    fn close(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        let (Some(whole), Some(window)) = (self.whole.take(), self.window.take()) else { return Ok(()) };
        let (buffer, tag) = (self.buffer, self.buffer.key_id().to_tag());
        let of_the_vault = buffer.vault.protections();
        let missing = OF_A_MAPPING.bits() & !whole.achieved().bits();
        let protections = Protections::from_bits(of_the_vault.bits() & !missing);

        let mut evidence = Erasure::new(buffer.binding().session, protections);
        let wiped = whole.close(tag);
        let failure = wiped.as_ref().err().cloned();
        if failure == Some(Error::ForkedChild) {
            // Another of the parent's threads may have held the lock of the evidence.
            drop(window);
            return Err(Error::ForkedChild);
        }
        evidence.record(CopyClass::Window, wiped);
        let window = window.close(tag).err();
        if let Some(error) = &window {
            evidence.record(CopyClass::Window, Err(error.clone()));
        }
        let absorbed = buffer.evidence.lock().unwrap_or_else(PoisonError::into_inner).absorb(evidence);
        failure.or(window).map_or(absorbed, Err)
    }
}

impl Drop for LentWhole<'_> {
    fn drop(&mut self) {
        if self.whole.is_some() {
            let _ = self.end();
            // The reader panicked, or a chunk did not open.
            wipe::scrub_stack(CALLER_STACK);
            let _ = wipe::scrub_registers();
        }
    }
}

#[cfg(all(test, shokyo_faults))]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::error::Error;
    use crate::faults::{Fault, serialised, set};
    use crate::types::{Binding, SessionId};
    use crate::{Vault, VaultOptions};

    const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };

    #[test]
    fn a_whole_that_cannot_be_wiped_is_an_error_and_stays_counted() {
        let _alone = serialised(&[]);
        let vault = Vault::open(VaultOptions { max_whole: 64 * 1024, ..VaultOptions::new() }).unwrap();
        let buffer = vault.seal(BINDING, &[0xD7; 50_000]).unwrap();
        let outcome = buffer.with_whole(|_| set(&[Fault::StuckByte]));
        set(&[]);
        assert_eq!(outcome, Err(Error::NotErased { bytes: 50_000 }));
        assert!(matches!(buffer.with_whole(|_| ()), Err(Error::LockedMemoryExhausted { limit: 65_536, .. })));
        assert_eq!(buffer.read_at(0, |_| ()), Ok(()), "the window itself came back");
        assert!(!buffer.erase().is_verified());
    }
}
