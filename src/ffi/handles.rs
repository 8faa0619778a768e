//! Handles, and who owns what: the one table of every object that a caller has been given.
//!
//! A handle looks like a pointer and is never followed. It is a place in the table and the place's generation, hidden behind a random
//! number of the process, so that a freed, consumed, invented, foreign or otherwise wrong one is refused. A generation ends when
//! its object leaves the table, and no handle value comes back in the life of the process.
//!
//! The rules: the table owns each object, and calls in progress share it. `free` removes it; it then ends with the last call that uses it.
//! What consumes an object needs it alone. Nothing is dropped and nothing is called while the table is locked.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::boundary::Failure;
use crate::error::Error;
use crate::platform;

/// Bits of the place; the generation has the rest, less the lowest, which is always 1 so that no handle is null or aligned.
const PLACE_BITS: u32 = if usize::BITS >= 64 { 24 } else { 14 };
const PLACES: usize = 1 << PLACE_BITS;
const LAST_GENERATION: usize = usize::MAX >> (PLACE_BITS + 1);

/// Places of the first block; each later block has as many as all before it together and the first once more.
const FIRST_BITS: u32 = 8;
const FIRST: usize = 1 << FIRST_BITS;
const BLOCKS: usize = (PLACE_BITS - FIRST_BITS + 1) as usize;

static TABLE: Table =
    Table { blocks: [const { OnceLock::new() }; BLOCKS], free: Mutex::new(Free { places: Vec::new(), used: 0 }) };

/// Something that callers know by a handle.
pub(super) trait Object: Any + Send + Sync {
    /// The type of the handle in C.
    type Handle;
    /// The name in messages.
    const NAME: &'static str;
}

/// A place in the table that is set aside, so that what fills it cannot fail after the work was done.
pub(super) struct Place(usize);

/// Every place has a lock of its own, so that calls on different objects do not wait for each other. Blocks are made when they are
/// needed and stay, so that a place is found without a lock.
struct Table {
    blocks: [OnceLock<Box<[Mutex<Entry>]>>; BLOCKS],
    free: Mutex<Free>,
}

struct Free {
    /// Places that can be filled.
    places: Vec<usize>,
    /// Places that were ever set aside: all below this number.
    used: usize,
}

struct Entry {
    generation: usize,
    object: Option<Arc<dyn Any + Send + Sync>>,
}

/// The object of a handle, shared for the time of a call.
pub(super) fn get<T: Object>(handle: *const T::Handle) -> Result<Arc<T>, Failure> {
    let (_, entry) = live::<T>(handle.addr())?;
    entry.object::<T>()
}

/// Takes the object out of the table. It ends when the last call that uses it does.
pub(super) fn remove<T: Object>(handle: *const T::Handle) -> Result<Arc<T>, Failure> {
    let (place, mut entry) = live::<T>(handle.addr())?;
    let object = entry.object::<T>()?;
    // The object itself lives on in what is returned, so that nothing is dropped here.
    entry.vacate(place);
    Ok(object)
}

/// Takes the object out of the table to consume it; refused, and nothing changed, while any call uses it.
pub(super) fn take<T: Object>(handle: *const T::Handle) -> Result<T, Failure> {
    let (place, mut entry) = live::<T>(handle.addr())?;
    let object = entry.object::<T>()?;
    // One is the table's and one is ours. Others are made only under the lock of the place.
    if Arc::strong_count(&object) > 2 {
        return Err(Failure::InUse(T::NAME));
    }
    entry.vacate(place);
    drop(entry);
    Arc::into_inner(object).ok_or(Failure::InUse(T::NAME))
}

impl Place {
    /// Sets a place aside.
    pub(super) fn reserve() -> Result<Self, Failure> {
        mask()?;
        let mut free = free();
        if let Some(place) = free.places.pop() {
            return Ok(Self(place));
        }
        let place = free.used;
        if place >= PLACES {
            return Err(Failure::Exhausted);
        }
        // Giving a place back must not need memory.
        let missing = (place + 1).saturating_sub(free.places.len());
        free.places
            .try_reserve(missing)
            .map_err(|_| Error::OutOfMemory { needed: (missing * size_of::<usize>()) as u64 })?;
        TABLE.make_block_of(place)?;
        free.used += 1;
        Ok(Self(place))
    }

    /// Puts an object there; its handle.
    pub(super) fn fill<T: Object>(self, object: T) -> *mut T::Handle {
        let object = Arc::new(object);
        let Some(mut entry) = TABLE.entry(self.0) else {
            unreachable!("a place that was set aside is in the table, which never shrinks")
        };
        let hidden = (entry.generation << PLACE_BITS | self.0) ^ MASK.get().copied().unwrap_or_default();
        entry.object = Some(object);
        drop(entry);
        std::mem::forget(self);
        std::ptr::without_provenance_mut(hidden << 1 | 1)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        free().places.push(self.0);
    }
}

impl Table {
    /// The place, locked; `None` beyond those that were ever set aside.
    fn entry(&self, place: usize) -> Option<MutexGuard<'_, Entry>> {
        let (block, offset) = whereabouts(place)?;
        let entry = self.blocks.get(block)?.get()?.get(offset)?;
        Some(entry.lock().unwrap_or_else(PoisonError::into_inner))
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
        let needed = (length * size_of::<Mutex<Entry>>()) as u64;
        entries.try_reserve_exact(length).map_err(|_| Error::OutOfMemory { needed })?;
        entries.resize_with(length, || Mutex::new(Entry { generation: 1, object: None }));
        block.get_or_init(|| entries.into_boxed_slice());
        Ok(())
    }
}

impl Entry {
    /// The object, if it is of this kind.
    fn object<T: Object>(&self) -> Result<Arc<T>, Failure> {
        let object = self.object.as_ref().ok_or(Failure::Handle(T::NAME, MISSING))?;
        Arc::clone(object).downcast().map_err(|_| Failure::Handle(T::NAME, "is of another kind"))
    }

    /// Ends the generation, whose object the caller holds. A place whose generations are used up is left for ever.
    fn vacate(&mut self, place: usize) {
        self.object = None;
        self.generation += 1;
        if self.generation <= LAST_GENERATION {
            free().places.push(place);
        }
    }
}

const MISSING: &str = "is not live: it was freed, consumed or never given";

/// The place that a handle's value stands for, locked, if its generation lasts.
fn live<T: Object>(address: usize) -> Result<(usize, MutexGuard<'static, Entry>), Failure> {
    let find = || {
        if address & 1 == 0 {
            return None;
        }
        let plain = (address >> 1) ^ MASK.get()?;
        let place = plain % PLACES;
        let entry = TABLE.entry(place)?;
        (entry.generation == plain >> PLACE_BITS).then_some((place, entry))
    };
    find().ok_or(Failure::Handle(T::NAME, MISSING))
}

/// The block of a place, and where in it.
fn whereabouts(place: usize) -> Option<(usize, usize)> {
    let from_first = place.checked_add(FIRST)?;
    let block = from_first.ilog2() - FIRST_BITS;
    Some((block as usize, from_first - (FIRST << block)))
}

/// What hides places and generations: random, made once.
static MASK: OnceLock<usize> = OnceLock::new();

fn mask() -> Result<usize, Error> {
    if let Some(mask) = MASK.get() {
        return Ok(*mask);
    }
    let mut bytes = [0; size_of::<usize>()];
    platform::random(&mut bytes)?;
    Ok(*MASK.get_or_init(|| usize::from_ne_bytes(bytes) >> 1))
}

fn free() -> MutexGuard<'static, Free> {
    TABLE.free.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    struct Number(u32);
    struct Word;

    impl Object for Number {
        type Handle = u8;
        const NAME: &'static str = "the number";
    }

    impl Object for Word {
        type Handle = u8;
        const NAME: &'static str = "the word";
    }

    fn give(number: u32) -> *mut u8 {
        Place::reserve().unwrap().fill(Number(number))
    }

    #[test]
    fn no_handle_value_comes_back() {
        let mut seen = HashSet::new();
        for number in 0..10_000 {
            let handle = give(number);
            assert!(!handle.is_null() && handle.addr() & 1 == 1);
            assert!(seen.insert(handle.addr()), "a handle came back");
            assert_eq!(remove::<Number>(handle).unwrap().0, number);
        }
        assert!(seen.iter().all(|address| get::<Number>(std::ptr::without_provenance(*address)).is_err()));
    }

    #[test]
    fn a_neighbouring_value_is_no_handle() {
        let handle = give(1);
        for bit in 0..usize::BITS {
            let wrong = std::ptr::without_provenance(handle.addr() ^ 1 << bit);
            // Another test's handle may differ in one bit of the place.
            assert!(get::<Word>(wrong).is_err());
            if !(1..=PLACE_BITS).contains(&bit) {
                assert!(matches!(get::<Number>(wrong), Err(Failure::Handle(..))), "bit {bit}");
            }
        }
        assert_eq!(take::<Number>(handle).unwrap_or(Number(0)).0, 1);
    }

    #[test]
    fn what_is_in_use_cannot_be_consumed_but_freed() {
        let handle = give(7);
        let used = get::<Number>(handle).unwrap();
        assert!(matches!(take::<Number>(handle), Err(Failure::InUse(_))));
        assert!(get::<Number>(handle).is_ok(), "a refused consumption keeps the handle");
        drop(remove::<Number>(handle).unwrap());
        assert!(get::<Number>(handle).is_err());
        assert_eq!(used.0, 7);
    }

    #[test]
    fn a_place_that_was_not_filled_is_given_back() {
        let place = Place::reserve().unwrap();
        let number = place.0;
        drop(place);
        let filled = TABLE.entry(number).unwrap().object.is_some();
        assert!(filled || free().places.contains(&number) || TABLE.entry(number).unwrap().object.is_some());
    }

    #[test]
    fn a_place_without_generations_is_never_filled_again() {
        let place = Place::reserve().unwrap();
        let number = place.0;
        TABLE.entry(number).unwrap().generation = LAST_GENERATION;
        let last = place.fill(Number(3));
        assert_eq!(get::<Number>(last).unwrap().0, 3);
        drop(remove::<Number>(last).unwrap());
        assert!(get::<Number>(last).is_err());
        assert!(!free().places.contains(&number));
    }

    #[test]
    fn every_place_has_one_whereabouts() {
        let mut expected = (0, 0);
        for place in 0..PLACES.min(1 << 16) {
            assert_eq!(whereabouts(place), Some(expected));
            expected.1 += 1;
            if expected.1 == FIRST << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        assert!(whereabouts(PLACES - 1).is_some_and(|(block, _)| block < BLOCKS));
        assert_eq!(whereabouts(usize::MAX), None);
    }

    #[test]
    fn threads_that_give_take_and_use_at_once_agree() {
        let shared: Vec<_> = (0..300).map(give).map(|handle| handle.addr()).collect();
        std::thread::scope(|scope| {
            for thread in 0..4_u32 {
                let shared = &shared;
                scope.spawn(move || {
                    for round in 0..300 {
                        let own = give(thread * 1000 + round);
                        for (number, address) in shared.iter().enumerate() {
                            let object = get::<Number>(std::ptr::without_provenance(*address)).unwrap();
                            assert_eq!(object.0, number as u32);
                        }
                        assert_eq!(take::<Number>(own).unwrap_or(Number(0)).0, thread * 1000 + round);
                        assert!(get::<Number>(own).is_err());
                    }
                });
            }
        });
        for address in shared {
            let handle = std::ptr::without_provenance(address);
            let removed = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..2)
                    .map(|_| scope.spawn(move || remove::<Number>(std::ptr::without_provenance(address)).is_ok()))
                    .collect();
                threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|removed| *removed).count()
            });
            assert_eq!(removed, 1);
            assert!(get::<Number>(handle).is_err());
        }
    }
}
