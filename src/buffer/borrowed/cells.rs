//! Key cells in the caller's memory: 32 bytes each between guards of 32 random bytes, with a generation and a state of their own.
//!
//! One thread uses them at a time, so that no atomics are needed. A cell whose erasure could not be verified, or that has no
//! generation left, is never used again.

use subtle::ConstantTimeEq;

use crate::aead::KEY_LENGTH;
use crate::error::Error;
use crate::types::KeyId;
use crate::wipe::{self, Wiped};

/// Bytes in a guard.
pub(super) const GUARD: usize = 32;
/// Bytes of a generation and a state.
const STATE: usize = 8;

const FREE: u32 = 0;
const LIVE: u32 = 1;
/// Wiped while its lease is still held.
const DEAD: u32 = 2;
const RETIRED: u32 = 3;

/// All cells of a vault.
pub(super) struct Cells<'m> {
    vault: u64,
    guard: [u8; GUARD],
    /// Guard, key, guard, key, …, guard.
    places: &'m mut [[u8; KEY_LENGTH]],
    states: &'m mut [[u8; STATE]],
}

/// The right to one cell. It shows nothing, and ends with [`Cells::give_back`].
#[derive(Debug)]
pub(super) struct Lease {
    id: KeyId,
}

impl Lease {
    pub(super) fn id(&self) -> KeyId {
        self.id
    }
}

impl<'m> Cells<'m> {
    /// Bytes that `count` cells take.
    pub(super) const fn bytes(count: usize) -> usize {
        GUARD.saturating_add(count.saturating_mul(KEY_LENGTH + GUARD + STATE))
    }

    /// Cells in `memory`, which has [`Cells::bytes`] of `count` bytes and is all zero.
    pub(super) fn new(memory: &'m mut [u8], count: usize, vault: u64, guard: [u8; GUARD]) -> Result<Self, Error> {
        let needed = Self::bytes(count);
        let states_at = needed - count * STATE;
        let (places, states) =
            memory.split_at_mut_checked(states_at).ok_or(Error::OutOfMemory { needed: needed as u64 })?;
        let (places, states) = (places.as_chunks_mut().0, states.as_chunks_mut().0);
        for place in places.iter_mut().step_by(2) {
            *place = guard;
        }
        states.fill([0; STATE]);
        Ok(Self { vault, guard, places, states })
    }

    /// How many keys fit.
    pub(super) fn capacity(&self) -> usize {
        self.states.len()
    }

    /// Puts `key` into a free cell. The caller's copy stays the caller's to wipe.
    ///
    /// A key that another cell holds is refused when it must be `fresh`: under one key, no chunk's nonce may come twice.
    pub(super) fn fill(&mut self, key: &[u8; KEY_LENGTH], fresh: bool) -> Result<Lease, Error> {
        if fresh && self.holds(key) {
            return Err(Error::RandomnessUnavailable);
        }
        let full = Error::Busy { what: "the key cells", limit: self.capacity() as u64 };
        let free = |state: &[u8; STATE]| read(state).1 == FREE;
        let (cell, state) = self.states.iter_mut().enumerate().find(|(_, state)| free(state)).ok_or(full.clone())?;
        let generation = read(state).0.saturating_add(1);
        *self.places.get_mut(2 * cell + 1).ok_or(full)? = *key;
        write(state, generation, LIVE);
        Ok(Lease { id: KeyId { vault: self.vault, cell: u32::try_from(cell).unwrap_or(u32::MAX), generation } })
    }

    /// The key of a lease.
    pub(super) fn key(&self, lease: &Lease) -> Result<&[u8; KEY_LENGTH], Error> {
        if !self.is_live(lease) {
            return Err(Error::Erased);
        }
        if !self.guards_are_whole(lease) {
            return Err(Error::MemoryCorrupted);
        }
        self.places.get(2 * index(lease) + 1).ok_or(Error::Erased)
    }

    /// Whether the key of a lease is in its cell.
    pub(super) fn is_live(&self, lease: &Lease) -> bool {
        self.states.get(index(lease)).is_some_and(|state| read(state) == (lease.id.generation, LIVE))
    }

    /// Destroys the key of a lease, reads its cell back and frees it. A key that was destroyed before is wiped and read again.
    pub(super) fn give_back(&mut self, lease: &Lease) -> Result<Wiped, Error> {
        let whole = self.guards_are_whole(lease);
        let outcome = match self.places.get_mut(2 * index(lease) + 1) {
            Some(place) => wipe::wipe_key(place, lease.id.to_tag()),
            None => Err(Error::MemoryCorrupted),
        };
        let reusable = whole && outcome.is_ok() && lease.id.generation < u32::MAX;
        if let Some(state) = self.states.get_mut(index(lease)) {
            write(state, lease.id.generation, if reusable { FREE } else { RETIRED });
        }
        if whole { outcome } else { outcome.and(Err(Error::MemoryCorrupted)) }
    }

    /// Destroys every live key and gives each outcome to `report`. Leases stay, and find their keys gone.
    pub(super) fn destroy_all(&mut self, mut report: impl FnMut(Result<Wiped, Error>)) {
        let keys = self.places.iter_mut().skip(1).step_by(2);
        for ((cell, state), place) in self.states.iter_mut().enumerate().zip(keys) {
            let (generation, LIVE) = read(state) else { continue };
            let cell = u32::try_from(cell).unwrap_or(u32::MAX);
            write(state, generation, DEAD);
            report(wipe::wipe_key(place, KeyId { vault: self.vault, cell, generation }.to_tag()));
        }
    }

    /// Wipes everything, guards and states too.
    pub(super) fn wipe(&mut self) -> Result<(), Error> {
        let places = wipe::wipe(self.places.as_flattened_mut(), 0).map(drop);
        wipe::wipe(self.states.as_flattened_mut(), 0).map(drop).and(places)
    }

    /// Whether a live cell holds `key`; the time tells nothing about either.
    fn holds(&self, key: &[u8; KEY_LENGTH]) -> bool {
        let keys = self.places.iter().skip(1).step_by(2);
        let live = self.states.iter().zip(keys).filter(|(state, _)| read(state).1 == LIVE);
        live.fold(false, |found, (_, place)| found | bool::from(place.ct_eq(key)))
    }

    /// The bytes of a key's cell as they stand in memory.
    #[cfg(all(test, feature = "std"))]
    pub(super) fn peek(&self, id: KeyId) -> [u8; KEY_LENGTH] {
        self.places[2 * id.cell as usize + 1]
    }

    /// Writes beside a key's cell, as a defect elsewhere would.
    #[cfg(all(test, feature = "std"))]
    pub(super) fn overrun(&mut self, id: KeyId) {
        self.places[2 * id.cell as usize][31] ^= 1;
    }

    fn guards_are_whole(&self, lease: &Lease) -> bool {
        let whole = |place: usize| self.places.get(place) == Some(&self.guard);
        whole(2 * index(lease)) && whole(2 * index(lease) + 2)
    }
}

fn index(lease: &Lease) -> usize {
    lease.id.cell as usize
}

/// Generation and state.
fn read(state: &[u8; STATE]) -> (u32, u32) {
    let both = u64::from_le_bytes(*state);
    ((both >> 32) as u32, both as u32)
}

fn write(place: &mut [u8; STATE], generation: u32, state: u32) {
    *place = (u64::from(generation) << 32 | u64::from(state)).to_le_bytes();
}
