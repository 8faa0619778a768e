//! One key cell's protocol: who may fill, read and wipe its words, and how everyone else finds out.
//!
//! ```text
//! free ──lease──▶ empty ──fill──▶ filling ──▶ live ──┬──erase──▶ wiping ──▶ dead ─────┬─end of the lease──▶ free
//!                                                     └─expire──▶ wiping ──▶ expired ──┘
//! ```
//!
//! A state and a generation are one atomic word. Whoever changes it to `wiping` wipes; everyone else waits for that or leaves. A
//! cell comes back to the free list only when its lease ends, so that no one wipes another's new key.
//!
//! Destroying all keys touches no state. It opens a new *epoch* and overwrites every cell: a lease of an older epoch is dead
//! whatever its state says. A reader that finds generation and epoch unchanged *after* its copy has the whole key. Whoever fills
//! looks for a new epoch *before*, then writing nothing, and *after*, then wiping what it wrote; a destruction that sees no cell
//! being filled therefore leaves no word of a key behind, not even for a moment. Nothing here takes a lock or allocates.

use super::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence, yield_now};
use crate::error::Error;
use crate::wipe::Wiped;

#[cfg(all(test, shokyo_loom))]
#[path = "models/cell.rs"]
mod models;

pub(super) const DEAD: u32 = 0;
const EMPTY: u32 = 1;
const FILLING: u32 = 2;
const LIVE: u32 = 3;
const WIPING: u32 = 4;
const EXPIRED: u32 = 5;
/// Being wiped because its time is over.
const EXPIRING: u32 = 6;
const MASK: u32 = 7;
/// The last generation of a cell; after it the cell is retired, because an identifier is never used twice.
pub(super) const LAST_GENERATION: u32 = u32::MAX >> 3;

/// Where the words of a key stand.
pub(super) trait Words: Copy {
    /// How many there are.
    const COUNT: usize;
    fn store(self, index: usize, value: u32);
    fn load(self, index: usize) -> u32;
    /// Overwrites all words and reads them back.
    fn wipe(self, tag: u128) -> Result<Wiped, Error>;
}

/// Which epoch it is, and whether all keys are being destroyed this moment.
pub(super) struct Epochs {
    current: AtomicU64,
    destroying: AtomicUsize,
}

/// One cell at one time.
#[derive(Clone, Copy)]
pub(super) struct Cell<'c, W> {
    pub(super) state: &'c AtomicU32,
    pub(super) words: W,
    pub(super) epochs: &'c Epochs,
    pub(super) generation: u32,
    /// The epoch in which it was leased.
    pub(super) epoch: u64,
    /// What a wipe's evidence is about.
    pub(super) tag: u128,
}

impl Epochs {
    pub(super) fn new() -> Self {
        Self { current: AtomicU64::new(0), destroying: AtomicUsize::new(0) }
    }

    /// The epoch for a new lease; `None` while all keys are being destroyed: what was filled now could be overwritten.
    pub(super) fn enter(&self) -> Option<u64> {
        let epoch = self.current.load(Ordering::Acquire);
        // Seeing a destruction's epoch is seeing that it began; seeing its end is seeing everything it did.
        let quiet = self.destroying.load(Ordering::Acquire) == 0;
        // A lease of an epoch that is over would be in vain.
        (quiet && self.current.load(Ordering::Relaxed) == epoch).then_some(epoch)
    }

    /// Ends every lease there is. Until [`Epochs::destroyed`], no new ones are given. Whoever calls it counts the cells that are
    /// [being filled](is_filling), then overwrites all of them.
    pub(super) fn destroy(&self) {
        self.destroying.fetch_add(1, Ordering::Relaxed);
        self.current.fetch_add(1, Ordering::Release);
        // Pairs with the fences of `fill`; and readers that see a wiped word see the new epoch.
        fence(Ordering::SeqCst);
    }

    /// The cells are overwritten.
    pub(super) fn destroyed(&self) {
        self.destroying.fetch_sub(1, Ordering::Release);
    }
}

/// Whether someone is putting a key into a cell this moment. Asked after [`Epochs::destroy`] and *before* the cell is overwritten:
/// a cell that is not being filled then gets no word of an older epoch any more.
pub(super) fn is_filling(state: &AtomicU32) -> bool {
    state.load(Ordering::Acquire) & MASK == FILLING
}

impl<W: Words> Cell<'_, W> {
    fn word(&self, state: u32) -> u32 {
        self.generation << 3 | state
    }

    /// Makes a free cell the lease's, without a key.
    pub(super) fn begin(&self) {
        self.state.store(self.word(EMPTY), Ordering::Release);
    }

    /// Whether no key was put into it yet.
    pub(super) fn is_empty(&self) -> bool {
        self.state.load(Ordering::Acquire) == self.word(EMPTY)
    }

    /// Puts a key into an empty cell. Called by the lease's owner alone.
    pub(super) fn fill(&self, key: impl Fn(usize) -> u32) -> Result<(), Error> {
        self.state
            .compare_exchange(self.word(EMPTY), self.word(FILLING), Ordering::AcqRel, Ordering::Acquire)
            .map_err(|_| self.ended())?;
        // Pairs with the fence of `destroy`: either that sees this cell being filled, or this sees the new epoch.
        fence(Ordering::SeqCst);
        if self.epochs.current.load(Ordering::Relaxed) != self.epoch {
            self.state.store(self.word(DEAD), Ordering::Release);
            return Err(Error::Erased);
        }
        for index in 0..W::COUNT {
            self.words.store(index, key(index));
        }
        self.state.store(self.word(LIVE), Ordering::Release);
        // Pairs with the fence of `destroy`: either this sees the new epoch, or the destruction sees these words.
        fence(Ordering::SeqCst);
        if self.epochs.current.load(Ordering::Relaxed) == self.epoch {
            return Ok(());
        }
        let _ = self.words.wipe(self.tag);
        Err(Error::Erased)
    }

    /// Copies a key out. Whoever makes something with it must ask [`Cell::is_current`] before letting it out.
    pub(super) fn copy(&self, mut out: impl FnMut(usize, u32)) -> Result<(), Error> {
        if !self.is_live() {
            return Err(self.ended());
        }
        for index in 0..W::COUNT {
            out(index, self.words.load(index));
        }
        if self.is_current() { Ok(()) } else { Err(self.ended()) }
    }

    /// Whether the key is still in its cell, so that a copy taken before is whole.
    pub(super) fn is_current(&self) -> bool {
        // Pairs with the fences before a wipe: a reader that saw a wiped word also sees the changed state or epoch.
        fence(Ordering::Acquire);
        self.state.load(Ordering::Relaxed) == self.word(LIVE)
            && self.epochs.current.load(Ordering::Relaxed) == self.epoch
    }

    /// Whether the key is in its cell now.
    pub(super) fn is_live(&self) -> bool {
        self.state.load(Ordering::Acquire) == self.word(LIVE)
            && self.epochs.current.load(Ordering::Acquire) == self.epoch
    }

    /// Why the key is not there.
    pub(super) fn ended(&self) -> Error {
        let state = self.state.load(Ordering::Acquire);
        let expired = state == self.word(EXPIRED) || state == self.word(EXPIRING);
        if expired { Error::Expired } else { Error::Erased }
    }

    /// Destroys the key and reads the cell back. May be called again; then it wipes and checks again.
    pub(super) fn erase(&self) -> Result<Wiped, Error> {
        let mut seen = self.state.load(Ordering::Acquire);
        loop {
            if matches!(seen & MASK, WIPING | EXPIRING) {
                // A deadline is wiping it this moment.
                yield_now();
                seen = self.state.load(Ordering::Acquire);
                continue;
            }
            // Never `filling`: the lease is borrowed by whoever fills.
            match self.state.compare_exchange(seen, self.word(WIPING), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        fence(Ordering::SeqCst);
        let outcome = self.words.wipe(self.tag);
        // Once expired, always expired: what is asked later must be told why.
        let end = if seen == self.word(EXPIRED) { EXPIRED } else { DEAD };
        self.state.store(self.word(end), Ordering::Release);
        outcome
    }

    /// Destroys the key if it is there, whoever owns the lease; a cell that is still empty gets none any more. Not one that is being
    /// filled this moment: whoever fills a cell that has a deadline looks at it afterwards.
    pub(super) fn expire(&self) -> Option<Result<Wiped, Error>> {
        let change = |from, to| {
            self.state.compare_exchange(self.word(from), self.word(to), Ordering::AcqRel, Ordering::Acquire).is_ok()
        };
        if !change(LIVE, EXPIRING) && (change(EMPTY, EXPIRED) || !change(LIVE, EXPIRING)) {
            return None;
        }
        fence(Ordering::SeqCst);
        let outcome = self.words.wipe(self.tag);
        self.state.store(self.word(EXPIRED), Ordering::Release);
        Some(outcome)
    }
}
