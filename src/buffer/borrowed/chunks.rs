//! Places for sealed chunks in the caller's memory, each marked with the number of its document and its index there. They hold
//! ciphertext alone. A place whose erasure could not be verified is never used again.

use core::num::NonZeroUsize;

use crate::aead::TAG_LENGTH;
use crate::error::Error;
use crate::wipe::{self, Wiped};

/// Bytes of an owner and an index.
const MARK: usize = 8;
const FREE: u32 = 0;
const QUARANTINED: u32 = u32::MAX;

/// All places of a vault.
pub(super) struct Chunks<'m> {
    memory: &'m mut [u8],
    /// Bytes of a place: mark, ciphertext, tag.
    stride: NonZeroUsize,
    last_owner: u32,
}

impl<'m> Chunks<'m> {
    /// Bytes that `count` places for chunks of `chunk` bytes take.
    pub(super) const fn bytes(count: usize, chunk: usize) -> usize {
        count.saturating_mul(chunk.saturating_add(TAG_LENGTH + MARK))
    }

    /// As many places as fit into `memory`, which is all zero.
    pub(super) fn new(memory: &'m mut [u8], chunk: usize) -> Result<Self, Error> {
        let needed = Self::bytes(1, chunk);
        let short = Error::OutOfMemory { needed: needed as u64 };
        let stride = NonZeroUsize::new(needed).filter(|_| memory.len() >= needed).ok_or(short)?;
        memory.chunks_exact_mut(stride.get()).for_each(|place| set_mark(place, FREE, 0));
        Ok(Self { memory, stride, last_owner: FREE })
    }

    /// How many chunks fit.
    pub(super) fn capacity(&self) -> usize {
        self.memory.len() / self.stride
    }

    /// A number for a new document, never given twice.
    pub(super) fn new_owner(&mut self) -> Result<u32, Error> {
        let limit = QUARANTINED - 1;
        if self.last_owner >= limit {
            return Err(Error::Busy { what: "the numbers for documents", limit: u64::from(limit) });
        }
        self.last_owner += 1;
        Ok(self.last_owner)
    }

    /// Whether `count` more chunks fit now.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub(super) fn reserve(&self, count: usize) -> Result<(), Error> {
        let free = self.memory.chunks_exact(self.stride.get()).filter(|place| mark_of(place).0 == FREE).count();
        if count <= free { Ok(()) } else { Err(self.full()) }
    }

    /// The ciphertext and tag of a chunk, and whatever is behind them in the place.
    pub(super) fn get(&self, owner: u32, index: u32) -> Result<&[u8], Error> {
        let mut places = self.memory.chunks_exact(self.stride.get());
        let place = places.find(|place| mark_of(place) == (owner, index)).ok_or(Error::MemoryCorrupted)?;
        place.get(MARK..).ok_or(Error::MemoryCorrupted)
    }

    /// The place of a chunk, a free one if it has none yet.
    pub(super) fn place(&mut self, owner: u32, index: u32) -> Result<&mut [u8], Error> {
        let full = self.full();
        let position = |wanted: (u32, u32)| {
            self.memory.chunks_exact(self.stride.get()).position(|place| {
                let mark = mark_of(place);
                if wanted.0 == FREE { mark.0 == FREE } else { mark == wanted }
            })
        };
        let found = position((owner, index)).or_else(|| position((FREE, 0))).ok_or(full.clone())?;
        let place = self.memory.chunks_exact_mut(self.stride.get()).nth(found).ok_or(full.clone())?;
        set_mark(place, owner, index);
        place.get_mut(MARK..).ok_or(full)
    }

    /// Wipes every place of a document, reads each back, gives each outcome to `report` and frees it. Gives how many there were.
    pub(super) fn erase(&mut self, owner: u32, tag: u128, mut report: impl FnMut(Result<Wiped, Error>)) -> u32 {
        let mut count = 0;
        for place in self.memory.chunks_exact_mut(self.stride.get()) {
            if owner == FREE || owner == QUARANTINED || mark_of(place).0 != owner {
                continue;
            }
            count += 1;
            let outcome = wipe::wipe(place.get_mut(MARK..).unwrap_or_default(), tag);
            set_mark(place, if outcome.is_ok() { FREE } else { QUARANTINED }, 0);
            report(outcome);
        }
        count
    }

    /// Wipes everything.
    pub(super) fn wipe(&mut self) -> Result<(), Error> {
        wipe::wipe(self.memory, 0).map(drop)
    }

    /// Writes over the mark of a place, as a defect elsewhere would.
    #[cfg(all(test, feature = "std"))]
    pub(super) fn overwrite_mark(&mut self, place: usize) {
        self.memory[place * self.stride.get()] ^= 0x80;
    }

    fn full(&self) -> Error {
        Error::Busy { what: "the places for sealed chunks", limit: self.capacity() as u64 }
    }
}

/// Owner and index of a place.
fn mark_of(place: &[u8]) -> (u32, u32) {
    let both = place.first_chunk::<MARK>().map_or(0, |mark| u64::from_le_bytes(*mark));
    (both as u32, (both >> 32) as u32)
}

fn set_mark(place: &mut [u8], owner: u32, index: u32) {
    if let Some(mark) = place.first_chunk_mut::<MARK>() {
        *mark = (u64::from(index) << 32 | u64::from(owner)).to_le_bytes();
    }
}
