//! Handles, and who owns what: the one table of every object that a caller has been given.
//!
//! A handle looks like a pointer and is never followed. It is a place in the table and the place's generation, hidden behind a random
//! number of the process, so that a freed, consumed, invented, foreign or otherwise wrong one is refused. A generation ends when
//! its object leaves the table or gets another handle, and no handle value comes back in the life of the process.
//!
//! The rules: the table owns each object, and calls in progress share it. [`free`] ends its handle; the object then ends with the last call
//! that uses it. What changes or consumes an object needs it alone. No call waits for another, and nothing is dropped or called while
//! the list of free places is locked.

mod entry;
mod table;

use std::any::{Any, TypeId};
use std::ops::Deref;
use std::ptr::NonNull;

use self::entry::{Entry, Name, Refusal, Shared, Stored, Turning};
use self::table::{PLACE_BITS, PLACES, TABLE};
use super::boundary::Failure;
use crate::error::Error;

/// The kinds of handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Vault,
    Writer,
    Buffer,
    Erasure,
    Copy,
    Station,
    Link,
    Customer,
    Kiosk,
    Relay,
    Issuer,
    Outbox,
    Store,
    Receipt,
}

/// The type of a handle in C.
pub(super) trait Handle {
    /// What it stands for.
    type Object: Any + Send + Sync;
    const KIND: Kind;
    /// The name in messages.
    const NAME: &'static str;
}

/// An object in the table, and its type. (To ask the object itself costs more than all else that a short call does.)
struct Object {
    of_type: TypeId,
    object: Box<dyn Any + Send + Sync>,
}

impl Object {
    fn new<T: Any + Send + Sync>(object: Box<T>) -> Self {
        Self { of_type: TypeId::of::<T>(), object }
    }

    /// The object, if it is a `T`.
    fn get<T: Any>(&self) -> Option<&T> {
        let object: *const (dyn Any + Send + Sync) = &raw const *self.object;
        // SAFETY: it has this type, which was kept when it was still known.
        (self.of_type == TypeId::of::<T>()).then(|| unsafe { &*object.cast() })
    }

    /// The same, to change it.
    fn get_mut<T: Any>(&mut self) -> Option<&mut T> {
        let object: *mut (dyn Any + Send + Sync) = &raw mut *self.object;
        // SAFETY: it has this type, which was kept when it was still known.
        (self.of_type == TypeId::of::<T>()).then(|| unsafe { &mut *object.cast() })
    }
}

impl Stored for Object {
    fn vacated(place: usize) {
        table::give_back(place);
    }
}

/// A place in the table that is set aside, so that what fills it cannot fail after the work was done.
pub(super) struct Place(usize);

/// The object of a handle, shared for the time of a call.
pub(super) struct Use<T> {
    object: NonNull<T>,
    /// Keeps it.
    _shared: Shared<'static, Object>,
}

impl<T: 'static> Use<T> {
    /// `None` if it is no `T`.
    fn new(shared: Shared<'static, Object>) -> Option<Self> {
        let object = NonNull::from(shared.object()?.get::<T>()?);
        Some(Self { object, _shared: shared })
    }
}

impl<T> Deref for Use<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: while it is shared, the object stays where it is and nobody changes it.
        unsafe { self.object.as_ref() }
    }
}

/// The object of a handle, shared for the time of a call.
pub(super) fn get<H: Handle>(handle: *const H) -> Result<Use<H::Object>, Failure> {
    let (entry, name) = find(handle)?;
    Use::new(entry.share(name).map_err(refused::<H>)?).ok_or(Failure::Handle(H::NAME, OTHER_KIND))
}

/// Changes the object of a handle; refused while another call uses it, and others are refused meanwhile.
pub(super) fn alone<H: Handle, R>(
    handle: *mut H,
    work: impl FnOnce(&mut H::Object) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let (entry, name) = find(handle)?;
    let mut alone = entry.alone(name).map_err(refused::<H>)?;
    work(object_of::<H>(alone.object())?)
}

/// Changes an object into what its next handle stands for; refused, and nothing changed, while any call uses it. Meanwhile neither handle
/// is live. If the work fails, the old one is again.
pub(super) fn turn<H: Handle, N: Handle<Object = H::Object>>(
    handle: *mut H,
    work: impl FnOnce(&mut H::Object) -> Result<(), Failure>,
) -> Result<*mut N, Failure> {
    let (entry, name) = find(handle)?;
    let mut turning = entry.turn(name).map_err(refused::<H>)?;
    if Entry::<Object>::is_last(name.generation) {
        return turn_at_last::<H, N>(turning, work);
    }
    work(object_of::<H>(turning.object())?)?;
    Ok(pointer(name.place, turning.turned(N::KIND as usize)))
}

/// The same when the place's generations are used up: the object moves to another.
#[cold]
fn turn_at_last<H: Handle, N: Handle<Object = H::Object>>(
    mut turning: Turning<'_, Object>,
    work: impl FnOnce(&mut H::Object) -> Result<(), Failure>,
) -> Result<*mut N, Failure> {
    let other = Place::reserve()?;
    work(object_of::<H>(turning.object())?)?;
    let object = turning.take().ok_or(Failure::Handle(H::NAME, MISSING))?;
    Ok(other.fill_with(object))
}

/// Ends a handle; NULL does nothing. Its object ends with the last call that uses it: with this one, unless others do. `None` if one of
/// them has it alone.
pub(super) fn free<H: Handle>(handle: *mut H) -> Result<Option<Use<H::Object>>, Failure> {
    if handle.is_null() {
        return Ok(None);
    }
    let (entry, name) = find(handle)?;
    Ok(entry.close(name).map_err(refused::<H>)?.and_then(Use::new))
}

/// Takes an object out of the table to consume it; refused, and nothing changed, while any call uses it.
pub(super) fn take<H: Handle>(handle: *mut H) -> Result<Box<H::Object>, Failure> {
    let (entry, name) = find(handle)?;
    let object = entry.turn(name).map_err(refused::<H>)?.take();
    object.and_then(|object| object.object.downcast().ok()).ok_or(Failure::Handle(H::NAME, MISSING))
}

impl Place {
    /// Sets a place aside.
    pub(super) fn reserve() -> Result<Self, Failure> {
        table::set_aside()?.map(Self).ok_or(Failure::Exhausted)
    }

    /// Puts an object there; its handle.
    pub(super) fn fill<H: Handle>(self, object: H::Object) -> *mut H {
        self.fill_boxed(Box::new(object))
    }

    /// Puts an object there that is already where it stays; its handle.
    pub(super) fn fill_boxed<H: Handle>(self, object: Box<H::Object>) -> *mut H {
        self.fill_with(Object::new(object))
    }

    fn fill_with<H: Handle>(self, object: Object) -> *mut H {
        let place = self.0;
        let Some(entry) = TABLE.entry(place) else {
            unreachable!("a place that was set aside is in the table, which never shrinks")
        };
        std::mem::forget(self);
        // SAFETY: the place is vacant, as all that are set aside, and set aside for this caller.
        pointer(place, unsafe { entry.fill(H::KIND as usize, object) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        table::give_back(self.0);
    }
}

const MISSING: &str = "is not live: it was freed, consumed or never given";
const OTHER_KIND: &str = "is of another kind";

/// The place that a handle's value stands for, and what it says of it.
fn find<H: Handle>(handle: *const H) -> Result<(&'static Entry<Object>, Name), Failure> {
    let find = || {
        let address = handle.addr();
        let plain = (address >> 1) ^ table::known_mask()?;
        let name = Name { place: plain % PLACES, generation: plain >> PLACE_BITS, kind: H::KIND as usize };
        (address & 1 == 1).then_some((TABLE.entry(name.place)?, name))
    };
    find().ok_or(Failure::Handle(H::NAME, MISSING))
}

/// The handle of a place and a generation.
fn pointer<H>(place: usize, generation: usize) -> *mut H {
    let plain = generation << PLACE_BITS | place;
    std::ptr::without_provenance_mut((plain ^ table::known_mask().unwrap_or_default()) << 1 | 1)
}

fn object_of<H: Handle>(object: Option<&mut Object>) -> Result<&mut H::Object, Failure> {
    object.and_then(|object| object.get_mut()).ok_or(Failure::Handle(H::NAME, OTHER_KIND))
}

#[cold]
fn refused<H: Handle>(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Missing => Failure::Handle(H::NAME, MISSING),
        Refusal::OtherKind => Failure::Handle(H::NAME, OTHER_KIND),
        Refusal::InUse => Failure::InUse(H::NAME),
    }
}

#[cfg(test)]
mod tests;
