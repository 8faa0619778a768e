//! One place of the table: an object, and one atomic word that says which handle is live and how many calls use the object.
//!
//! The word, from its lowest bit: the uses, the live bit, the kind of the handle, the generation. Whoever changes the word from live and
//! unused to anything else has the object alone; whoever adds a use shares it until the use ends. A handle that is closed while it is used
//! leaves its object to the last use. Nothing waits: what cannot be had now is refused.

#[cfg(all(test, shokyo_loom))]
#[path = "models.rs"]
mod models;

#[cfg(not(shokyo_loom))]
use std::sync::atomic::{AtomicUsize, Ordering, fence};

#[cfg(shokyo_loom)]
use loom::cell::UnsafeCell;
#[cfg(shokyo_loom)]
use loom::sync::atomic::{AtomicUsize, Ordering};

#[cfg(not(shokyo_loom))]
use self::unchecked::UnsafeCell;
#[cfg(shokyo_loom)]
use crate::arena::fence;

/// Bits of the word below the generation, which has the rest.
pub(super) const LOW_BITS: u32 = if usize::BITS >= 64 { 25 } else { 15 };
const KIND_BITS: u32 = 4;
const USE_BITS: u32 = LOW_BITS - KIND_BITS - 1;
/// In the place of the number of uses: one call has the object alone.
const ALONE: usize = (1 << USE_BITS) - 1;
const LIVE: usize = 1 << USE_BITS;
const KIND: u32 = USE_BITS + 1;
/// The last generation of a place. After it comes 0, which no handle has.
pub(super) const LAST_GENERATION: usize = usize::MAX >> LOW_BITS;

/// An object that is told when a place has become vacant.
pub(super) trait Stored {
    /// The object left the place, which can be filled again. Called before the object is dropped.
    fn vacated(place: usize);
}

/// A place.
pub(super) struct Entry<O> {
    word: AtomicUsize,
    object: UnsafeCell<Option<O>>,
}

// SAFETY: the object is reached only as the word allows: by shared uses, for which it is `Sync`, or by one call alone, for which it is
// `Send`.
unsafe impl<O: Send + Sync> Sync for Entry<O> {}

/// What a handle says of its place.
#[derive(Clone, Copy)]
pub(super) struct Name {
    pub(super) place: usize,
    pub(super) generation: usize,
    /// Below 16.
    pub(super) kind: usize,
}

/// Why a place is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The handle is not live.
    Missing,
    /// It is a handle of another kind.
    OtherKind,
    /// Calls use the object, or one has it alone.
    InUse,
}

/// A use of an object, for the time of a call.
pub(super) struct Shared<'e, O: Stored> {
    entry: &'e Entry<O>,
    place: usize,
}

/// The only use of an object, whose handle stays live.
pub(super) struct Alone<'e, O: Stored> {
    entry: &'e Entry<O>,
    place: usize,
}

/// The only use of an object, whose handle is not live any more. Dropping it makes it live again.
pub(super) struct Turning<'e, O: Stored> {
    entry: &'e Entry<O>,
    name: Name,
}

impl Name {
    /// The word of a live handle without uses.
    const fn live(self) -> usize {
        self.generation << LOW_BITS | self.kind << KIND | LIVE
    }

    /// The uses in a word of which this is the live handle.
    const fn uses(self, word: usize) -> Result<usize, Refusal> {
        let uses = word ^ self.live();
        if uses <= ALONE {
            Ok(uses)
        } else if word & LIVE == 0 || word >> LOW_BITS != self.generation {
            Err(Refusal::Missing)
        } else {
            Err(Refusal::OtherKind)
        }
    }
}

impl<O> Entry<O> {
    /// A vacant one, of the first generation.
    pub(super) fn new() -> Self {
        Self { word: AtomicUsize::new(1 << LOW_BITS), object: UnsafeCell::new(None) }
    }

    /// Puts an object in, under a handle of this kind; the handle's generation.
    ///
    /// # Safety
    /// The place is vacant, and the caller alone may fill it.
    pub(super) unsafe fn fill(&self, kind: usize, object: O) -> usize {
        let generation = self.word.load(Ordering::Relaxed) >> LOW_BITS;
        // SAFETY: no handle of the place is live and nobody else fills it, as the caller promises.
        self.object.with_mut(|place| unsafe { *place = Some(object) });
        self.word.store(Name { place: 0, generation, kind }.live(), Ordering::Release);
        generation
    }

    /// Whether this generation is the last of the place.
    pub(super) fn is_last(generation: usize) -> bool {
        generation >= LAST_GENERATION
    }

    #[cfg(test)]
    pub(super) fn age(&self, generation: usize) {
        self.word.store(generation << LOW_BITS, Ordering::Relaxed);
    }

    /// Changes the word of a live handle as `next` says from its uses.
    fn change(&self, name: Name, next: impl Fn(usize) -> Result<usize, Refusal>) -> Result<usize, Refusal> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let uses = name.uses(word)?;
            // Acquire: what those who had it before did to the object, they did before they released the word.
            match self.word.compare_exchange_weak(word, next(uses)?, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Ok(uses),
                Err(other) => word = other,
            }
        }
    }
}

impl<O: Stored> Entry<O> {
    /// Shares the object of a handle.
    pub(super) fn share(&self, name: Name) -> Result<Shared<'_, O>, Refusal> {
        self.change(name, |uses| if uses + 1 < ALONE { Ok(name.live() + uses + 1) } else { Err(Refusal::InUse) })?;
        Ok(Shared { entry: self, place: name.place })
    }

    /// Has the object of a handle alone, for the time of a call.
    pub(super) fn alone(&self, name: Name) -> Result<Alone<'_, O>, Refusal> {
        self.change(name, |uses| if uses == 0 { Ok(name.live() + ALONE) } else { Err(Refusal::InUse) })?;
        Ok(Alone { entry: self, place: name.place })
    }

    /// Has the object of a handle alone, and ends the handle.
    pub(super) fn turn(&self, name: Name) -> Result<Turning<'_, O>, Refusal> {
        self.change(name, |uses| if uses == 0 { Ok(name.live() - LIVE + ALONE) } else { Err(Refusal::InUse) })?;
        Ok(Turning { entry: self, name })
    }

    /// Ends a handle; its object ends with the last use, of which what is returned is one. `None` if one call has the object alone, or
    /// if no more uses can be counted.
    pub(super) fn close(&self, name: Name) -> Result<Option<Shared<'_, O>>, Refusal> {
        let closed = name.live() - LIVE;
        let uses = self.change(name, |uses| Ok(closed + if uses + 1 < ALONE { uses + 1 } else { uses }))?;
        Ok((uses + 1 < ALONE).then(|| Shared { entry: self, place: name.place }))
    }

    /// Ends a use.
    fn leave(&self, place: usize, uses: usize) {
        // Release: whatever this call did to the object is before what the next one does.
        let word = self.word.fetch_sub(uses, Ordering::Release);
        if word & (LIVE | ALONE) == uses {
            fence(Ordering::Acquire);
            // SAFETY: the handle is not live and no use is left, so that nobody else reaches the object, and nobody will.
            drop(unsafe { self.vacate(place, word >> LOW_BITS) });
        }
    }

    /// Takes the object out and ends the generation. A place whose generations are used up is left for ever.
    ///
    /// # Safety
    /// The handle is not live, and no other use is left.
    unsafe fn vacate(&self, place: usize, generation: usize) -> Option<O> {
        // SAFETY: nobody else reaches the object, as the caller promises.
        let object = self.object.with_mut(|object| unsafe { (*object).take() });
        let is_last = Self::is_last(generation);
        let next = if is_last { 0 } else { generation + 1 };
        self.word.store(next << LOW_BITS, Ordering::Release);
        if !is_last {
            O::vacated(place);
        }
        object
    }
}

impl<O: Stored> Shared<'_, O> {
    /// The object.
    pub(super) fn object(&self) -> Option<&O> {
        // SAFETY: while there are shared uses, of which this is one, nobody changes the object or takes it out.
        self.entry.object.with(|object| unsafe { (*object).as_ref() })
    }
}

impl<O: Stored> Drop for Shared<'_, O> {
    fn drop(&mut self) {
        self.entry.leave(self.place, 1);
    }
}

impl<O: Stored> Alone<'_, O> {
    /// The object.
    pub(super) fn object(&mut self) -> Option<&mut O> {
        // SAFETY: this is the only use, and while it lasts no other begins.
        self.entry.object.with_mut(|object| unsafe { (*object).as_mut() })
    }
}

impl<O: Stored> Drop for Alone<'_, O> {
    fn drop(&mut self) {
        self.entry.leave(self.place, ALONE);
    }
}

impl<O: Stored> Turning<'_, O> {
    /// The object.
    pub(super) fn object(&mut self) -> Option<&mut O> {
        // SAFETY: this is the only use, and as long as the handle is not live no other begins.
        self.entry.object.with_mut(|object| unsafe { (*object).as_mut() })
    }

    /// Makes the handle of the next generation live, which must not be beyond the last; its generation.
    pub(super) fn turned(self, kind: usize) -> usize {
        let Name { place, generation, .. } = self.name;
        let next = Name { place, generation: generation + 1, kind };
        // Release: the object as it is now is what the next handle stands for.
        self.entry.word.store(next.live(), Ordering::Release);
        core::mem::forget(self);
        next.generation
    }

    /// Takes the object out; the place can be filled again.
    pub(super) fn take(self) -> Option<O> {
        // SAFETY: the handle is not live, and this is the only use.
        let object = unsafe { self.entry.vacate(self.name.place, self.name.generation) };
        core::mem::forget(self);
        object
    }
}

impl<O: Stored> Drop for Turning<'_, O> {
    fn drop(&mut self) {
        self.entry.word.store(self.name.live(), Ordering::Release);
    }
}

/// What the model checker watches, as it is without one.
#[cfg(not(shokyo_loom))]
mod unchecked {
    pub(in super::super) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(in super::super) const fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }

        pub(in super::super) fn with<R>(&self, look: impl FnOnce(*const T) -> R) -> R {
            look(self.0.get())
        }

        pub(in super::super) fn with_mut<R>(&self, change: impl FnOnce(*mut T) -> R) -> R {
            change(self.0.get())
        }
    }
}
