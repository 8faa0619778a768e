//! Key cells: 32 bytes each in blocks of locked pages, with a state and a generation beside the pages.
//!
//! The first block is made when a vault opens. When no cell is free, another block as large as all before it follows, up to the
//! limit; where the operating system gives less, less. Blocks stay until the vault ends.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::cell::{Cell, DEAD, Epochs, LAST_GENERATION, Words, is_filling};
use super::sync::{AtomicU32, Mutex, Ordering, locked};
use super::{Policy, Region};
use crate::error::Error;
use crate::platform;
use crate::types::{KeyId, Protections};
use crate::wipe::{self, Wiped};

/// Bytes in a cell.
const CELL: usize = 32;
/// Blocks a vault may have; each but the last few doubles what there is.
const BLOCKS: usize = 64;
/// Bits of a cell's number that are its place in its block; the rest are the block's number.
const PLACE_BITS: u32 = 26;
/// How long a new key waits for a destruction of all keys to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// All cells of a vault.
pub(crate) struct Cells {
    vault: u64,
    policy: Policy,
    /// Bytes of pages that all blocks together may have.
    limit: usize,
    canary: [u32; 8],
    blocks: [OnceLock<Block>; BLOCKS],
    epochs: Epochs,
    free: Mutex<Vec<u32>>,
}

struct Block {
    region: Arc<Region>,
    states: Box<[AtomicU32]>,
}

/// The right to one cell until it is [returned](Cells::give_back).
pub(crate) struct Lease {
    id: KeyId,
    epoch: u64,
}

/// A copy of a key that was taken, to be checked again before anything made with it is published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    id: KeyId,
    epoch: u64,
}

/// What [`Cells::destroy_all`] did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Destroyed {
    /// Cells that held something.
    pub(crate) destroyed: u64,
    /// Cells that could not be read back as zero.
    pub(crate) failed: u64,
    /// Cells that someone is filling, who will find out and wipe them.
    pub(crate) filling: u64,
}

impl Words for &[AtomicU32; 8] {
    const COUNT: usize = 8;

    fn store(self, index: usize, value: u32) {
        self[index].store(value, Ordering::Relaxed);
    }

    fn load(self, index: usize) -> u32 {
        self[index].load(Ordering::Relaxed)
    }

    fn wipe(self, tag: u128) -> Result<Wiped, Error> {
        wipe::wipe_cell(self, tag)
    }
}

impl Cells {
    /// Bytes of locked memory that [`Cells::new`] takes at first.
    pub(crate) fn bytes(count: usize, other: usize) -> usize {
        count.saturating_mul(CELL).max(other * 4).next_multiple_of(platform::page_size())
    }

    /// Pages for `count` cells, less two that are canaries, and less `other` bytes (a multiple of a cell's) at their end for
    /// whoever asks for [`Cells::other`]. More blocks follow when they are needed, until the pages hold `most` cells.
    pub(crate) fn new(count: usize, most: usize, other: usize, vault: u64, policy: Policy) -> Result<Self, Error> {
        let mut canary = [0u8; CELL];
        platform::random(&mut canary)?;
        let mut words = [0u32; 8];
        for (word, bytes) in words.iter_mut().zip(canary.as_chunks::<4>().0) {
            // Never zero: a canary that reads as zero is one that was overwritten.
            *word = u32::from_ne_bytes(*bytes) | 1;
        }
        let first = Self::bytes(count, other);
        let cells = Self {
            vault,
            policy,
            limit: Self::bytes(most, 0).max(first),
            canary: words,
            blocks: [const { OnceLock::new() }; BLOCKS],
            epochs: Epochs::new(),
            free: Mutex::new(Vec::new()),
        };
        cells.add_block(0, Block::new(first, other, words, policy)?, &mut locked(&cells.free))?;
        Ok(cells)
    }

    /// The first block's pages, and where in them the bytes begin that hold no cells.
    pub(crate) fn other(&self) -> Option<(Arc<Region>, usize)> {
        let first = self.blocks[0].get()?;
        Some((Arc::clone(&first.region), (first.states.len() + 1) * CELL))
    }

    /// The protections that all blocks have.
    pub(crate) fn achieved(&self) -> Protections {
        self.blocks().fold(Protections::from_bits(u32::MAX), |all, block| all.intersection(block.region.achieved()))
    }

    /// How many keys fit without another block.
    pub(crate) fn capacity(&self) -> usize {
        self.blocks().map(|block| block.states.len()).sum()
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().map_while(OnceLock::get)
    }

    fn block(&self, cell: u32) -> Result<(&Block, usize), Error> {
        let (number, place) = ((cell >> PLACE_BITS) as usize, cell as usize & ((1 << PLACE_BITS) - 1));
        let block = self.blocks.get(number).and_then(OnceLock::get).filter(|block| place < block.states.len());
        // Never: a lease is of a cell that there is.
        block.map(|block| (block, place)).ok_or(Error::Erased)
    }

    fn cell(&self, id: KeyId, epoch: u64) -> Result<Cell<'_, &[AtomicU32; 8]>, Error> {
        let (block, place) = self.block(id.cell)?;
        Ok(Cell {
            state: &block.states[place],
            words: block.words(place),
            epochs: &self.epochs,
            generation: id.generation,
            epoch,
            tag: id.to_tag(),
        })
    }

    /// An empty cell.
    pub(crate) fn lease(&self) -> Result<Lease, Error> {
        self.policy.owner.check()?;
        let epoch = self.epoch()?;
        let cell = {
            let mut free = locked(&self.free);
            if free.is_empty() {
                self.grow(&mut free)?;
            }
            free.pop().ok_or(Error::Erased)?
        };
        let (block, place) = self.block(cell)?;
        let generation = (block.states[place].load(Ordering::Acquire) >> 3) + 1;
        let lease = Lease { id: KeyId { vault: self.vault, cell, generation }, epoch };
        self.cell(lease.id, epoch)?.begin();
        Ok(lease)
    }

    fn epoch(&self) -> Result<u64, Error> {
        if let Some(epoch) = self.epochs.enter() {
            return Ok(epoch);
        }
        let until = Instant::now() + PATIENCE;
        loop {
            std::thread::yield_now();
            match self.epochs.enter() {
                Some(epoch) => return Ok(epoch),
                None if Instant::now() > until => return Err(Error::Busy { what: "key cells", limit: 0 }),
                None => {}
            }
        }
    }

    /// Adds a block: as many pages as there are, or what the limit and the operating system leave of that.
    #[cold]
    fn grow(&self, free: &mut Vec<u32>) -> Result<(), Error> {
        let page = platform::page_size();
        let have: usize = self.blocks().map(|block| block.region.length()).sum();
        let number = self.blocks().count();
        let exhausted = Error::LockedMemoryExhausted { needed: (have + CELL) as u64, limit: have as u64 };
        let mut want = have.min(self.limit.saturating_sub(have)) / page * page;
        if number == BLOCKS {
            want = 0;
        }
        while want >= page {
            let policy = Policy { total: self.policy.total + (have + want) as u64, ..self.policy };
            match Block::new(want, 0, self.canary, policy) {
                Ok(block) => return self.add_block(number, block, free),
                Err(Error::LockedMemoryExhausted { .. }) if want > page => want = want / 2 / page * page,
                Err(error) => return Err(error),
            }
        }
        Err(exhausted)
    }

    fn add_block(&self, number: usize, block: Block, free: &mut Vec<u32>) -> Result<(), Error> {
        let cells = block.states.len();
        // Giving a cell back must not need memory.
        let all = self.capacity() + cells;
        free.try_reserve(all - free.len()).map_err(|_| Error::OutOfMemory { needed: (all * 4) as u64 })?;
        let first = u32::try_from(number).unwrap_or(u32::MAX) << PLACE_BITS;
        let places = (0..u32::try_from(cells).unwrap_or(u32::MAX)).rev();
        // Never refused: blocks are added under the lock of the free list.
        if self.blocks[number].set(block).is_ok() {
            free.extend(places.map(|place| first | place));
        }
        Ok(())
    }

    /// Whether no key was put into the lease's cell yet.
    pub(crate) fn is_empty(&self, lease: &Lease) -> bool {
        self.cell(lease.id, lease.epoch).is_ok_and(|cell| cell.is_empty())
    }

    /// Puts a key into an empty cell.
    pub(crate) fn fill(&self, lease: &mut Lease, key: &[u8; CELL]) -> Result<(), Error> {
        let words = key.as_chunks::<4>().0;
        self.cell(lease.id, lease.epoch)?.fill(|index| u32::from_ne_bytes(words[index]))
    }

    /// Copies a key out. Whoever makes something with it must ask [`Cells::check`] before letting it out.
    pub(crate) fn copy(&self, lease: &Lease, out: &mut [u8; CELL]) -> Result<Reading, Error> {
        let words = out.as_chunks_mut::<4>().0;
        self.cell(lease.id, lease.epoch)?.copy(|index, word| words[index] = word.to_ne_bytes())?;
        Ok(Reading { id: lease.id, epoch: lease.epoch })
    }

    /// Whether a key that was copied is still in its cell, so that the copy is whole.
    ///
    /// # Errors
    /// [`Error::Erased`], or [`Error::Expired`].
    pub(crate) fn check(&self, reading: Reading) -> Result<(), Error> {
        let cell = self.cell(reading.id, reading.epoch)?;
        if cell.is_current() { Ok(()) } else { Err(cell.ended()) }
    }

    /// Whether the lease's key is in its cell.
    ///
    /// # Errors
    /// [`Error::Erased`], [`Error::Expired`], or [`Error::ForkedChild`].
    pub(crate) fn check_live(&self, lease: &Lease) -> Result<(), Error> {
        self.policy.owner.check()?;
        let cell = self.cell(lease.id, lease.epoch)?;
        if cell.is_live() { Ok(()) } else { Err(cell.ended()) }
    }

    /// Destroys the key of a lease if it is still there, because its time is over. Any thread may do so.
    pub(crate) fn expire(&self, id: KeyId) -> Option<Result<Wiped, Error>> {
        self.policy.owner.check().ok()?;
        self.cell(id, 0).ok()?.expire()
    }

    /// Destroys the key of a lease, reads the cell back and ends the lease. A cell whose read-back failed, or that has no generation left, is never handed out again; and
    /// none of a block is once a canary of it was overwritten.
    pub(crate) fn give_back(&self, lease: &Lease) -> Result<Wiped, Error> {
        self.policy.owner.check()?;
        let outcome = self.cell(lease.id, lease.epoch)?.erase();
        if !self.block(lease.id.cell)?.0.canaries_are_whole(self.canary) {
            return Err(Error::MemoryCorrupted);
        }
        if outcome.is_ok() && lease.id.generation < LAST_GENERATION {
            locked(&self.free).push(lease.id.cell);
        }
        outcome
    }

    /// Destroys every key, live or about to be, and reads the cells back. Takes no lock and does not allocate: safe in a signal
    /// handler.
    pub(crate) fn destroy_all(&self) -> Destroyed {
        let mut done = Destroyed::default();
        if !self.policy.owner.is_here() {
            return done;
        }
        self.epochs.destroy();
        for block in self.blocks() {
            let count = block.states.len();
            // Before the words are wiped: who writes some after that was filling now.
            done.filling += block.states.iter().filter(|state| is_filling(state)).count() as u64;
            // SAFETY: `count` cells stand one after the other behind the first canary, in pages that live as long as the block, and
            // are only ever seen as atomics.
            let wiped = unsafe { wipe::wipe_cells(block.region.start().add(CELL).cast().as_ptr(), count) };
            done.destroyed += wiped.present;
            if wiped.stuck > 0 {
                // Whoever was filling a cell may have been late; what then does not become zero is not erased.
                let kept = |place: &usize| {
                    let words = block.words(*place);
                    words.iter().any(|word| word.load(Ordering::Relaxed) != 0) && wipe::wipe_cell(words, 0).is_err()
                };
                done.failed += (0..count).filter(kept).count() as u64;
            }
        }
        self.epochs.destroyed();
        done
    }

    /// Writes beside the cells, as a defect elsewhere would.
    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    pub(crate) fn overrun(&self) {
        self.blocks[0].get().unwrap().slot(0)[7].fetch_xor(1, Ordering::SeqCst);
    }

    /// The bytes of a lease's cell as they stand in memory.
    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    pub(crate) fn peek(&self, id: KeyId) -> [u8; CELL] {
        let mut bytes = [0; CELL];
        let (block, place) = self.block(id.cell).unwrap();
        for (word, bytes) in block.words(place).iter().zip(bytes.as_chunks_mut::<4>().0) {
            *bytes = word.load(Ordering::SeqCst).to_ne_bytes();
        }
        bytes
    }
}

impl Block {
    fn new(bytes: usize, other: usize, canary: [u32; 8], policy: Policy) -> Result<Self, Error> {
        let region = Arc::new(Region::new(bytes, 1, policy)?);
        let slots = region.length() / CELL;
        let usable = (slots - 2 - other / CELL).min(1 << PLACE_BITS);
        let block = Self { region, states: (0..usable).map(|_| AtomicU32::new(DEAD)).collect() };
        for slot in [0, slots - 1] {
            for (word, value) in block.slot(slot).iter().zip(canary) {
                word.store(value, Ordering::Relaxed);
            }
        }
        Ok(block)
    }

    /// The words of a cell or a canary; never of the bytes that hold no cells.
    fn slot(&self, slot: usize) -> &[AtomicU32; 8] {
        debug_assert!(slot <= self.states.len() || slot == self.region.length() / CELL - 1);
        // SAFETY: the slot lies in the region, which lives as long as `self`, is aligned for words and only ever seen as atomics.
        unsafe { &*self.region.start().as_ptr().add(slot * CELL).cast::<[AtomicU32; 8]>() }
    }

    fn words(&self, place: usize) -> &[AtomicU32; 8] {
        self.slot(place + 1)
    }

    /// Whether the canaries on both sides are whole.
    fn canaries_are_whole(&self, canary: [u32; 8]) -> bool {
        [0, self.region.length() / CELL - 1].into_iter().all(|slot| {
            let words = self.slot(slot).iter().map(|word| word.load(Ordering::Relaxed));
            words.eq(canary)
        })
    }
}

impl Lease {
    /// Which cell at which time.
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }
}
