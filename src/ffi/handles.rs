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

/// An object that changes its place's generation, and so its handle, while it stays where it is.
struct Turning {
    place: usize,
    /// Where it goes when the place's generations are used up.
    other: Option<Place>,
    /// Present until it is back in the table.
    object: Option<Arc<dyn Any + Send + Sync>>,
}

/// The object of a handle, shared for the time of a call.
pub(super) fn get<T: Object>(handle: *const T::Handle) -> Result<Arc<T>, Failure> {
    get_at(handle.addr(), T::NAME)
}

/// The same for an object that has handles of several types: the handle's value, and its name in messages.
pub(super) fn get_at<T: Any + Send + Sync>(address: usize, name: &'static str) -> Result<Arc<T>, Failure> {
    live(address, name)?.1.object(name)
}

/// Takes the object out of the table. It ends when the last call that uses it does.
pub(super) fn remove<T: Object>(handle: *const T::Handle) -> Result<Arc<T>, Failure> {
    remove_at(handle.addr(), T::NAME, |_| Ok(()))
}

/// The same for an object that has handles of several types, unless it is not of the right type.
pub(super) fn remove_at<T: Any + Send + Sync>(
    address: usize,
    name: &'static str,
    check: impl FnOnce(&T) -> Result<(), Failure>,
) -> Result<Arc<T>, Failure> {
    let (place, mut entry) = live(address, name)?;
    let object = entry.object(name)?;
    check(&object)?;
    // The object itself lives on in what is returned, so that nothing is dropped here.
    entry.vacate(place);
    Ok(object)
}

/// Changes an object into what its next handle stands for, whose value it gives; refused, and nothing changed, while any call uses it.
/// Meanwhile neither handle is live. If the work fails, the old one is again.
pub(super) fn turn_at<T: Any + Send + Sync>(
    address: usize,
    name: &'static str,
    work: impl FnOnce(&mut T) -> Result<(), Failure>,
) -> Result<usize, Failure> {
    let (place, mut entry) = live(address, name)?;
    let object = entry.object.as_ref().ok_or(Failure::Handle(name, MISSING))?;
    if !object.is::<T>() {
        return Err(Failure::Handle(name, OTHER_KIND));
    }
    // One is the table's. Others are made only under the lock of the place.
    if Arc::strong_count(object) > 1 {
        return Err(Failure::InUse(name));
    }
    let other = if entry.generation < LAST_GENERATION { None } else { Some(Place::reserve()?) };
    entry.generation += 1;
    let mut turning = Turning { place, other, object: entry.object.take() };
    drop(entry);
    let object = turning.object.as_mut().and_then(Arc::get_mut).and_then(|object| object.downcast_mut());
    work(object.ok_or(Failure::InUse(name))?)?;
    turning.turned()
}

/// Takes the object out of the table to consume it; refused, and nothing changed, while any call uses it.
pub(super) fn take<T: Object>(handle: *const T::Handle) -> Result<T, Failure> {
    let (place, mut entry) = live(handle.addr(), T::NAME)?;
    let object = entry.object(T::NAME)?;
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
        self.fill_with(Arc::new(object))
    }

    /// Puts an object there that others have as well; its handle.
    pub(super) fn fill_with<T: Object>(self, object: Arc<T>) -> *mut T::Handle {
        std::ptr::without_provenance_mut(self.fill_at(object))
    }

    /// The same for an object that has handles of several types: the value of its handle.
    pub(super) fn fill_at(self, object: Arc<dyn Any + Send + Sync>) -> usize {
        let address = TABLE.put(self.0, object);
        std::mem::forget(self);
        address
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        free().places.push(self.0);
    }
}

impl Turning {
    /// Puts the object back under its new handle, whose value it gives.
    fn turned(mut self) -> Result<usize, Failure> {
        let object = self.object.take().ok_or(Failure::Exhausted)?;
        Ok(match self.other.take() {
            Some(other) => other.fill_at(object),
            None => TABLE.put(self.place, object),
        })
    }
}

impl Drop for Turning {
    /// Puts the object back under its old handle, after the work has failed or panicked.
    fn drop(&mut self) {
        if let Some(object) = self.object.take()
            && let Some(mut entry) = TABLE.entry(self.place)
        {
            // The new generation was never given to anybody.
            entry.generation -= 1;
            entry.object = Some(object);
        }
    }
}

impl Table {
    /// Puts an object in a place that is set aside for the caller; the value of its handle.
    fn put(&self, place: usize, object: Arc<dyn Any + Send + Sync>) -> usize {
        let Some(mut entry) = self.entry(place) else {
            unreachable!("a place that was set aside is in the table, which never shrinks")
        };
        entry.object = Some(object);
        ((entry.generation << PLACE_BITS | place) ^ MASK.get().copied().unwrap_or_default()) << 1 | 1
    }

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
    fn object<T: Any + Send + Sync>(&self, name: &'static str) -> Result<Arc<T>, Failure> {
        let object = self.object.as_ref().ok_or(Failure::Handle(name, MISSING))?;
        Arc::clone(object).downcast().map_err(|_| Failure::Handle(name, OTHER_KIND))
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
pub(super) const OTHER_KIND: &str = "is of another kind";

/// The place that a handle's value stands for, locked, if its generation lasts.
fn live(address: usize, name: &'static str) -> Result<(usize, MutexGuard<'static, Entry>), Failure> {
    let find = || {
        if address & 1 == 0 {
            return None;
        }
        let plain = (address >> 1) ^ MASK.get()?;
        let place = plain % PLACES;
        let entry = TABLE.entry(place)?;
        (entry.generation == plain >> PLACE_BITS).then_some((place, entry))
    };
    find().ok_or(Failure::Handle(name, MISSING))
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
mod tests;
