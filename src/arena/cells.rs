//! Key cells: 32 bytes each in locked pages, with a state and a generation beside the pages.
//!
//! ```text
//! free ──lease──▶ empty ──fill──▶ filling ──▶ live ──┐
//!   ▲               └────────────────┴───────────────┴─erase──▶ wiping ──▶ dead ──end of the lease──▶ free
//! ```
//!
//! A state and a generation are one atomic word. Whoever changes `live` to `wiping` wipes; everyone else waits for that or
//! leaves. A cell comes back to the free list only when its lease ends, so that no one wipes another's new key, and a reader
//! that finds the generation unchanged after its copy has the whole key.

use core::sync::atomic::{AtomicU32, Ordering, fence};
use std::sync::{Arc, Mutex};

use super::{Policy, Region, locked};
use crate::error::Error;
use crate::platform;
use crate::types::{KeyId, Protections};
use crate::wipe::{self, Wiped};

/// Bytes in a cell.
const CELL: usize = 32;

const DEAD: u32 = 0;
const EMPTY: u32 = 1;
const FILLING: u32 = 2;
const LIVE: u32 = 3;
const WIPING: u32 = 4;
const MASK: u32 = 7;
/// The last generation of a cell; after it the cell is retired, because an identifier is never used twice.
const LAST_GENERATION: u32 = u32::MAX >> 3;

/// All cells of a vault.
pub(crate) struct Cells {
    region: Arc<Region>,
    vault: u64,
    canary: [u32; 8],
    states: Box<[AtomicU32]>,
    free: Mutex<Vec<u32>>,
}

/// The right to one cell until it is [returned](Cells::give_back).
pub(crate) struct Lease {
    id: KeyId,
}

/// A copy of a key that was taken, to be checked again before anything made with it is published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    cell: u32,
    live: u32,
}

/// What [`Cells::destroy_all`] did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Destroyed {
    pub(crate) destroyed: u64,
    pub(crate) verified: u64,
    pub(crate) failed: u64,
    pub(crate) filling: u64,
}

impl Cells {
    /// Bytes of locked memory that [`Cells::new`] takes.
    pub(crate) fn bytes(count: usize, other: usize) -> usize {
        count.saturating_mul(CELL).max(other * 4).next_multiple_of(platform::page_size())
    }

    /// Pages for `count` cells, less two that are canaries, and less `other` bytes (a multiple of a cell's) at their end for
    /// whoever asks for [`Cells::other`].
    pub(crate) fn new(count: usize, other: usize, vault: u64, policy: Policy) -> Result<Self, Error> {
        let region = Arc::new(Region::new(Self::bytes(count, other), 1, policy)?);
        let slots = region.length() / CELL;
        let usable = slots - 2 - other / CELL;
        let mut canary = [0u8; CELL];
        platform::random(&mut canary)?;
        let mut words = [0u32; 8];
        for (word, bytes) in words.iter_mut().zip(canary.chunks_exact(4)) {
            *word = bytes.iter().fold(0, |all, byte| all << 8 | u32::from(*byte));
        }
        let cells = Self {
            region,
            vault,
            canary: words,
            states: (0..usable).map(|_| AtomicU32::new(DEAD)).collect(),
            free: Mutex::new((0..u32::try_from(usable).unwrap_or(u32::MAX)).rev().collect()),
        };
        for slot in [0, slots - 1] {
            for (word, value) in cells.slot(slot).iter().zip(words) {
                word.store(value, Ordering::Relaxed);
            }
        }
        Ok(cells)
    }

    /// The pages, and where in them the bytes begin that hold no cells.
    pub(crate) fn other(&self) -> (Arc<Region>, usize) {
        (Arc::clone(&self.region), (self.states.len() + 1) * CELL)
    }

    /// The words of a cell or a canary; never of the bytes that hold no cells.
    fn slot(&self, slot: usize) -> &[AtomicU32; 8] {
        debug_assert!(slot <= self.states.len() || slot == self.region.length() / CELL - 1);
        // SAFETY: the slot lies in the region, which lives as long as `self`, is aligned for words and only ever seen as atomics.
        unsafe { &*self.region.start().as_ptr().add(slot * CELL).cast::<[AtomicU32; 8]>() }
    }

    fn words(&self, cell: u32) -> &[AtomicU32; 8] {
        self.slot(cell as usize + 1)
    }

    fn state(&self, cell: u32) -> &AtomicU32 {
        &self.states[cell as usize]
    }

    /// The protections of the cells' pages.
    pub(crate) fn achieved(&self) -> Protections {
        self.region.achieved()
    }

    /// How many keys fit.
    pub(crate) fn capacity(&self) -> usize {
        self.states.len()
    }

    /// Whether the canaries on both sides are whole.
    fn canaries_are_whole(&self) -> bool {
        [0, self.region.length() / CELL - 1].into_iter().all(|slot| {
            self.slot(slot).iter().zip(self.canary).all(|(word, value)| word.load(Ordering::Relaxed) == value)
        })
    }

    /// An empty cell.
    pub(crate) fn lease(&self) -> Result<Lease, Error> {
        let exhausted = Error::LockedMemoryExhausted {
            needed: (self.region.length() + CELL) as u64,
            limit: self.region.length() as u64,
        };
        let cell = locked(&self.free).pop().ok_or(exhausted)?;
        let generation = (self.state(cell).load(Ordering::Acquire) >> 3) + 1;
        self.state(cell).store(generation << 3 | EMPTY, Ordering::Release);
        Ok(Lease { id: KeyId { vault: self.vault, cell, generation } })
    }

    /// Puts a key into an empty cell.
    pub(crate) fn fill(&self, lease: &mut Lease, key: &[u8; CELL]) -> Result<(), Error> {
        let (state, base) = (self.state(lease.id.cell), lease.id.generation << 3);
        state
            .compare_exchange(base | EMPTY, base | FILLING, Ordering::AcqRel, Ordering::Acquire)
            .map_err(|_| Error::Erased)?;
        for (word, bytes) in self.words(lease.id.cell).iter().zip(key.as_chunks::<4>().0) {
            word.store(u32::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
        // Erased while being filled: whoever did it left the wiping to us.
        if state.compare_exchange(base | FILLING, base | LIVE, Ordering::Release, Ordering::Acquire).is_err() {
            let _ = wipe::wipe_cell(self.words(lease.id.cell), lease.id.to_tag());
            return Err(Error::Erased);
        }
        Ok(())
    }

    /// Copies a key out. Whoever makes something with it must ask [`Cells::is_current`] before letting it out.
    pub(crate) fn copy(&self, lease: &Lease, out: &mut [u8; CELL]) -> Result<Reading, Error> {
        let live = lease.id.generation << 3 | LIVE;
        if self.state(lease.id.cell).load(Ordering::Acquire) != live {
            return Err(Error::Erased);
        }
        for (word, bytes) in self.words(lease.id.cell).iter().zip(out.as_chunks_mut::<4>().0) {
            *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        let reading = Reading { cell: lease.id.cell, live };
        if self.is_current(reading) { Ok(reading) } else { Err(Error::Erased) }
    }

    /// Whether the key is still in its cell, so that a copy taken before is whole.
    pub(crate) fn is_current(&self, reading: Reading) -> bool {
        // Pairs with the fence before the wipe: a reader that saw a wiped word also sees the changed state.
        fence(Ordering::Acquire);
        self.state(reading.cell).load(Ordering::Relaxed) == reading.live
    }

    /// Whether the lease's key is in its cell.
    pub(crate) fn is_live(&self, lease: &Lease) -> bool {
        self.state(lease.id.cell).load(Ordering::Acquire) == lease.id.generation << 3 | LIVE
    }

    /// Destroys the key of a lease and reads the cell back. May be called again; then it wipes and checks again.
    pub(crate) fn erase(&self, lease: &Lease) -> Result<Wiped, Error> {
        let (state, base) = (self.state(lease.id.cell), lease.id.generation << 3);
        let mut seen = state.load(Ordering::Acquire);
        loop {
            match seen & MASK {
                // Someone else is wiping it this moment.
                WIPING => {
                    std::thread::yield_now();
                    seen = state.load(Ordering::Acquire);
                }
                // Never two at once in one lease: the lease is borrowed by whoever fills.
                _ => match state.compare_exchange(seen, base | WIPING, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => break,
                    Err(now) => seen = now,
                },
            }
        }
        fence(Ordering::SeqCst);
        let outcome = wipe::wipe_cell(self.words(lease.id.cell), lease.id.to_tag());
        state.store(base | DEAD, Ordering::Release);
        outcome
    }

    /// Erases and ends the lease. A cell whose read-back failed, or that has no generation left, is never handed out again; and
    /// none is once a canary was overwritten.
    pub(crate) fn give_back(&self, lease: &Lease) -> Result<Wiped, Error> {
        let outcome = self.erase(lease);
        if !self.canaries_are_whole() {
            return Err(Error::MemoryCorrupted);
        }
        if outcome.is_ok() && lease.id.generation < LAST_GENERATION {
            locked(&self.free).push(lease.id.cell);
        }
        outcome
    }

    /// Destroys every key, live or about to be, without taking a lock.
    pub(crate) fn destroy_all(&self) -> Destroyed {
        let mut done = Destroyed::default();
        for (cell, state) in self.states.iter().enumerate() {
            let cell = u32::try_from(cell).unwrap_or(u32::MAX);
            loop {
                let seen = state.load(Ordering::Acquire);
                let base = seen & !MASK;
                let next = match seen & MASK {
                    LIVE => WIPING,
                    EMPTY | FILLING => DEAD,
                    _ => break,
                };
                if state.compare_exchange(seen, base | next, Ordering::AcqRel, Ordering::Acquire).is_err() {
                    continue;
                }
                // Whoever is filling the cell finds out and wipes it.
                done.filling += u64::from(seen & MASK == FILLING);
                if next == WIPING {
                    fence(Ordering::SeqCst);
                    let tag = KeyId { vault: self.vault, cell, generation: base >> 3 }.to_tag();
                    let outcome = wipe::wipe_cell(self.words(cell), tag);
                    state.store(base | DEAD, Ordering::Release);
                    done.destroyed += 1;
                    done.verified += u64::from(outcome.is_ok());
                    done.failed += u64::from(outcome.is_err());
                }
                break;
            }
        }
        done
    }

    /// Writes beside the cells, as a defect elsewhere would.
    #[cfg(test)]
    pub(crate) fn overrun(&self) {
        self.slot(0)[7].fetch_xor(1, Ordering::SeqCst);
    }

    /// The bytes of a lease's cell as they stand in memory.
    #[cfg(test)]
    pub(crate) fn peek(&self, id: KeyId) -> [u8; CELL] {
        let mut bytes = [0; CELL];
        for (word, bytes) in self.words(id.cell).iter().zip(bytes.as_chunks_mut::<4>().0) {
            *bytes = word.load(Ordering::SeqCst).to_ne_bytes();
        }
        bytes
    }
}

impl Lease {
    /// Which cell at which time.
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }
}
