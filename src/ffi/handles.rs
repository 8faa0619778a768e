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

static TABLE: Mutex<Table> = Mutex::new(Table { entries: Vec::new(), free: Vec::new() });

/// Something that callers know by a handle.
pub(super) trait Object: Any + Send + Sync {
    /// The type of the handle in C.
    type Handle;
    /// The name in messages.
    const NAME: &'static str;
}

/// A place in the table that is set aside, so that what fills it cannot fail after the work was done.
pub(super) struct Place(usize);

struct Table {
    entries: Vec<Entry>,
    /// Places that can be filled.
    free: Vec<usize>,
}

struct Entry {
    generation: usize,
    object: Option<Arc<dyn Any + Send + Sync>>,
}

/// The object of a handle, shared for the time of a call.
pub(super) fn get<T: Object>(handle: *const T::Handle) -> Result<Arc<T>, Failure> {
    shared(locked().entry::<T>(handle.addr())?)
}

/// Takes the object out of the table. It ends when the last call that uses it does.
pub(super) fn remove<T: Object>(handle: *const T::Handle) -> Result<Arc<T>, Failure> {
    let mut table = locked();
    let object = shared(table.entry::<T>(handle.addr())?)?;
    // The object itself lives on in what is returned, so that nothing is dropped here.
    table.vacate(handle.addr());
    Ok(object)
}

/// Takes the object out of the table to consume it; refused, and nothing changed, while any call uses it.
pub(super) fn take<T: Object>(handle: *const T::Handle) -> Result<T, Failure> {
    let mut table = locked();
    let object = shared(table.entry::<T>(handle.addr())?)?;
    // One is the table's and one is ours. Others are made only under the lock.
    if Arc::strong_count(&object) > 2 {
        return Err(Failure::InUse(T::NAME));
    }
    table.vacate(handle.addr());
    drop(table);
    Arc::into_inner(object).ok_or(Failure::InUse(T::NAME))
}

impl Place {
    /// Sets a place aside.
    pub(super) fn reserve() -> Result<Self, Failure> {
        mask()?;
        let mut table = locked();
        if let Some(place) = table.free.pop() {
            return Ok(Self(place));
        }
        let place = table.entries.len();
        if place >= PLACES {
            return Err(Failure::Exhausted);
        }
        let failed = |_| Error::OutOfMemory { needed: size_of::<Entry>() as u64 };
        table.entries.try_reserve(1).map_err(failed)?;
        // Giving a place back must not need memory.
        let missing = (place + 1).saturating_sub(table.free.len());
        table.free.try_reserve(missing).map_err(failed)?;
        table.entries.push(Entry { generation: 1, object: None });
        Ok(Self(place))
    }

    /// Puts an object there; its handle.
    pub(super) fn fill<T: Object>(self, object: T) -> *mut T::Handle {
        let object = Arc::new(object);
        let mut table = locked();
        let Some(entry) = table.entries.get_mut(self.0) else {
            unreachable!("a place that was set aside is in the table, which never shrinks")
        };
        let hidden = (entry.generation << PLACE_BITS | self.0) ^ MASK.get().copied().unwrap_or_default();
        entry.object = Some(object);
        drop(table);
        std::mem::forget(self);
        std::ptr::without_provenance_mut(hidden << 1 | 1)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        locked().free.push(self.0);
    }
}

impl Table {
    fn entry<T: Object>(&mut self, address: usize) -> Result<&Arc<dyn Any + Send + Sync>, Failure> {
        let missing = Failure::Handle(T::NAME, "is not live: it was freed, consumed or never given");
        let object = self.live(address).and_then(|entry| entry.object.as_ref()).ok_or(missing)?;
        if object.is::<T>() { Ok(object) } else { Err(Failure::Handle(T::NAME, "is of another kind")) }
    }

    /// The entry that a handle's value stands for, if its generation lasts.
    fn live(&mut self, address: usize) -> Option<&mut Entry> {
        if address & 1 == 0 {
            return None;
        }
        let plain = (address >> 1) ^ MASK.get()?;
        let entry = self.entries.get_mut(plain % PLACES)?;
        (entry.generation == plain >> PLACE_BITS).then_some(entry)
    }

    /// Ends a generation, whose object the caller holds. A place whose generations are used up is left for ever.
    fn vacate(&mut self, address: usize) {
        let Some(entry) = self.live(address) else { return };
        entry.object = None;
        entry.generation += 1;
        if entry.generation <= LAST_GENERATION {
            let place = ((address >> 1) ^ MASK.get().copied().unwrap_or_default()) % PLACES;
            self.free.push(place);
        }
    }
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

fn shared<T: Object>(object: &Arc<dyn Any + Send + Sync>) -> Result<Arc<T>, Failure> {
    Arc::clone(object).downcast().map_err(|_| Failure::Handle(T::NAME, "is of another kind"))
}

fn locked() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert!(locked().free.contains(&number) || locked().entries[number].object.is_some());
    }

    #[test]
    fn a_place_without_generations_is_never_filled_again() {
        let place = Place::reserve().unwrap();
        let number = place.0;
        locked().entries[number].generation = LAST_GENERATION;
        let last = place.fill(Number(3));
        assert_eq!(get::<Number>(last).unwrap().0, 3);
        drop(remove::<Number>(last).unwrap());
        assert!(get::<Number>(last).is_err());
        assert!(!locked().free.contains(&number));
    }
}
