//! Slots: ordinary memory for ciphertext, kept for the next document because fresh pages cost more than the encryption.
//!
//! A slot in the pool is all zeros. Slots are left out of dumps and of forked children, and are not locked: without its key
//! ciphertext says nothing. No plaintext may ever be written here.

use core::ptr::NonNull;
use std::sync::{Arc, Mutex};

use super::sync::locked;
use super::{Policy, Region};
use crate::error::Error;
use crate::types::Protections;
use crate::wipe::{self, Wiped};

/// Slots in the first slab; each further slab doubles, up to [`LARGEST`].
const FIRST: usize = 64;
const LARGEST: usize = 2048;

/// The pool.
pub(crate) struct Slots {
    size: usize,
    policy: Policy,
    state: Mutex<State>,
}

struct State {
    free: Vec<Slot>,
    next: usize,
}

/// One slot, the owner's alone. Dropped without being wiped it is never used again.
pub(crate) struct Slot {
    /// Keeps the pages; unmapped only after every slot of it is gone and it was found or made zero.
    _slab: Arc<Region>,
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: a slot is the only way to its range, so it may move between threads like a vector.
unsafe impl Send for Slot {}
// SAFETY: a shared slot can only be read.
unsafe impl Sync for Slot {}

impl Slots {
    /// Slots of at least `size` bytes. Nothing is mapped yet.
    pub(crate) fn new(size: usize, policy: Policy) -> Self {
        let policy = Policy { locked: false, ..policy };
        Self { size: size.next_multiple_of(64), policy, state: Mutex::new(State { free: Vec::new(), next: FIRST }) }
    }

    /// Maps the first slots now, so that their protections are known; the protections achieved.
    pub(crate) fn prepare(&self) -> Result<Protections, Error> {
        let mut state = locked(&self.state);
        self.grow(&mut state)
    }

    fn grow(&self, state: &mut State) -> Result<Protections, Error> {
        let count = state.next;
        let slab = Arc::new(Region::new(self.size * count, 1, self.policy)?);
        state.next = (count * 2).min(LARGEST);
        state.free.extend((0..count).rev().map(|index| Slot {
            _slab: Arc::clone(&slab),
            // SAFETY: the slab holds `count` slots.
            start: unsafe { slab.start().add(index * self.size) },
            size: self.size,
        }));
        Ok(slab.achieved())
    }

    /// Appends `count` empty slots to `to`.
    pub(crate) fn take(&self, count: usize, to: &mut Vec<Slot>) -> Result<(), Error> {
        self.policy.owner.check()?;
        let mut state = locked(&self.state);
        while state.free.len() < count {
            self.grow(&mut state)?;
        }
        let from = state.free.len() - count;
        to.extend(state.free.drain(from..).rev());
        Ok(())
    }

    /// Wipes the first `used` bytes of a slot, reads them back, and keeps it for the next document.
    ///
    /// # Errors
    /// [`Error::NotErased`], [`Error::ForkedChild`]; the slot is then never used again.
    pub(crate) fn give_back(&self, mut slot: Slot, used: usize, tag: u128) -> Result<Wiped, Error> {
        if let Err(error) = self.policy.owner.check() {
            core::mem::forget(slot);
            return Err(error);
        }
        let wiped = wipe::wipe(slot.bytes_mut(used), tag)?;
        locked(&self.state).free.push(slot);
        Ok(wiped)
    }
}

impl Slot {
    /// The first `length` bytes; at most the whole slot.
    pub(crate) fn bytes(&self, length: usize) -> &[u8] {
        // SAFETY: the slot is the only way to its range, and is borrowed.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), length.min(self.size)) }
    }

    /// The first `length` bytes, to be written.
    pub(crate) fn bytes_mut(&mut self, length: usize) -> &mut [u8] {
        // SAFETY: the slot is the only way to its range, and is borrowed exclusively.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), length.min(self.size)) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn slots_grow_and_come_back_zero() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let owner = crate::platform::ProcessMark::of_this_process().unwrap();
        let slots = Slots::new(100, Policy { strict: true, locked: false, total: 0, owner, alternate: false });
        let mut held = Vec::new();
        slots.take(FIRST * 3, &mut held).unwrap();
        let starts: std::collections::BTreeSet<_> = held.iter().map(|slot| slot.start).collect();
        assert_eq!(starts.len(), held.len());
        for mut slot in held.drain(..) {
            slot.bytes_mut(100).fill(0x3C);
            assert_eq!(slots.give_back(slot, 100, 5).unwrap().bytes(), 100);
        }
        slots.take(FIRST * 3, &mut held).unwrap();
        assert!(held.iter().all(|slot| slot.bytes(100).iter().all(|byte| *byte == 0)));
    }
}
