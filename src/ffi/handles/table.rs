//! Where the places are, which of them are free, and what hides them.
//!
//! Blocks of places are made when they are needed and stay, so that a place is found without a lock.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::entry::{Entry, LOW_BITS};
use super::{Error, Object};
use crate::platform;

/// Bits of the place in a handle; the generation has the rest, less the lowest, which is always 1 so that no handle is null or aligned.
pub(super) const PLACE_BITS: u32 = LOW_BITS - 1;
pub(super) const PLACES: usize = 1 << PLACE_BITS;

/// Places of the first block; each later block has as many as all before it together and the first once more.
const FIRST_BITS: u32 = 8;
pub(super) const FIRST: usize = 1 << FIRST_BITS;
pub(super) const BLOCKS: usize = (PLACE_BITS - FIRST_BITS + 1) as usize;

pub(super) static TABLE: Table = Table { blocks: [const { OnceLock::new() }; BLOCKS] };

static FREE: Mutex<Free> = Mutex::new(Free { places: Vec::new(), used: 0 });

/// What hides places and generations: random, made once.
static MASK: OnceLock<usize> = OnceLock::new();

pub(super) struct Table {
    blocks: [OnceLock<Box<[Entry<Object>]>>; BLOCKS],
}

struct Free {
    /// Places that can be filled.
    places: Vec<usize>,
    /// Places that were ever set aside: all below this number.
    used: usize,
}

impl Table {
    /// The place; `None` beyond those that were ever set aside.
    pub(super) fn entry(&self, place: usize) -> Option<&Entry<Object>> {
        let (block, offset) = whereabouts(place)?;
        self.blocks.get(block)?.get()?.get(offset)
    }

    /// Makes the block in which a place is, unless it is there. The caller holds the lock of the free places.
    fn make_block_of(&self, place: usize) -> Result<(), Error> {
        let Some((number, _)) = whereabouts(place) else { return Ok(()) };
        let Some(block) = self.blocks.get(number) else { return Ok(()) };
        if block.get().is_some() {
            return Ok(());
        }
        let length = FIRST << number;
        let mut entries = Vec::new();
        let needed = (length * size_of::<Entry<Object>>()) as u64;
        entries.try_reserve_exact(length).map_err(|_| Error::OutOfMemory { needed })?;
        entries.resize_with(length, Entry::new);
        block.get_or_init(|| entries.into_boxed_slice());
        Ok(())
    }
}

/// Sets a place aside for the caller, which is vacant; `None` if there is none.
pub(super) fn set_aside() -> Result<Option<usize>, Error> {
    make_mask()?;
    let mut free = free();
    if let Some(place) = free.places.pop() {
        return Ok(Some(place));
    }
    let place = free.used;
    if place >= PLACES {
        return Ok(None);
    }
    // Giving a place back must not need memory.
    let missing = (place + 1).saturating_sub(free.places.len());
    free.places
        .try_reserve(missing)
        .map_err(|_| Error::OutOfMemory { needed: (missing * size_of::<usize>()) as u64 })?;
    TABLE.make_block_of(place)?;
    free.used += 1;
    Ok(Some(place))
}

/// Gives a vacant place back.
pub(super) fn give_back(place: usize) {
    free().places.push(place);
}

/// The mask, if any handle was ever given.
pub(super) fn known_mask() -> Option<usize> {
    MASK.get().copied()
}

#[cfg(test)]
pub(super) fn is_free(place: usize) -> bool {
    free().places.contains(&place)
}

/// The block of a place, and where in it.
pub(super) fn whereabouts(place: usize) -> Option<(usize, usize)> {
    let from_first = place.checked_add(FIRST)?;
    let block = from_first.ilog2() - FIRST_BITS;
    Some((block as usize, from_first - (FIRST << block)))
}

fn make_mask() -> Result<(), Error> {
    if MASK.get().is_none() {
        let mut bytes = [0; size_of::<usize>()];
        platform::random(&mut bytes)?;
        MASK.get_or_init(|| usize::from_ne_bytes(bytes) >> 1);
    }
    Ok(())
}

fn free() -> MutexGuard<'static, Free> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}
