//! A list that a signal handler can walk: it takes no lock, does not allocate, and never meets what was given back.
//!
//! The list only grows; an entry whose value ended serves the next one. A value leaves its entry *before* it is looked whether
//! anyone walks, and who walks says so *before* looking at an entry, with a fence between the two steps of both: so either the
//! walker does not see the value, or the value's end sees the walker, and it stays until a later one ends.

use core::ptr::NonNull;

use super::sync::{AtomicPtr, AtomicUsize, Mutex, Ordering, fence, locked};

#[cfg(all(test, shokyo_loom))]
#[path = "models/list.rs"]
mod models;

/// The list. Entries are never freed: it is meant to live as long as the process.
pub(super) struct List<T: 'static> {
    first: AtomicPtr<Entry<T>>,
    walkers: AtomicUsize,
    /// Values that ended while someone walked.
    waiting: Mutex<Vec<Ended<T>>>,
}

/// A place for one value at a time.
pub(super) struct Entry<T> {
    value: AtomicPtr<T>,
    next: *mut Entry<T>,
}

/// A value that is in no entry any more.
pub(super) struct Ended<T>(pub(super) NonNull<T>);

// SAFETY: only an address; who makes a value of it again answers for that.
unsafe impl<T: Send> Send for Ended<T> {}
// SAFETY: an entry is two words; one is atomic, the other is never changed once the entry is in the list. Values are met by every
// thread that walks.
unsafe impl<T: Sync> Sync for Entry<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Send for Entry<T> {}

impl<T> List<T> {
    #[cfg(not(shokyo_loom))]
    pub(super) const fn new() -> Self {
        Self {
            first: AtomicPtr::new(core::ptr::null_mut()),
            walkers: AtomicUsize::new(0),
            waiting: Mutex::new(Vec::new()),
        }
    }

    #[cfg(shokyo_loom)]
    pub(super) fn new() -> Self {
        Self {
            first: AtomicPtr::new(core::ptr::null_mut()),
            walkers: AtomicUsize::new(0),
            waiting: Mutex::new(Vec::new()),
        }
    }

    /// Puts a value into the list, where it stays until [`Entry::leave`].
    ///
    /// # Safety
    /// Until [`List::retire`] gives it back, the value is there, and nobody has it exclusively.
    pub(super) unsafe fn insert(&self, value: NonNull<T>) -> &'static Entry<T> {
        let mut entry = self.first.load(Ordering::Acquire);
        // SAFETY: entries are never freed.
        while let Some(there) = unsafe { entry.as_ref() } {
            let empty = core::ptr::null_mut();
            if there.value.compare_exchange(empty, value.as_ptr(), Ordering::Release, Ordering::Relaxed).is_ok() {
                return there;
            }
            entry = there.next;
        }
        let entry =
            Box::into_raw(Box::new(Entry { value: AtomicPtr::new(value.as_ptr()), next: core::ptr::null_mut() }));
        let mut first = self.first.load(Ordering::Acquire);
        loop {
            // SAFETY: nobody else knows the entry yet.
            unsafe { (*entry).next = first };
            match self.first.compare_exchange(first, entry, Ordering::AcqRel, Ordering::Acquire) {
                // SAFETY: entries are never freed.
                Ok(_) => return unsafe { &*entry },
                Err(now) => first = now,
            }
        }
    }

    /// Ends a value whose owner is gone, after it left its entry; all values that nobody meets any more.
    pub(super) fn retire(&self, value: NonNull<T>) -> Vec<Ended<T>> {
        let mut waiting = locked(&self.waiting);
        waiting.push(Ended(value));
        // Pairs with the fence of `walk`: either this sees the walker, or that sees the empty entries.
        fence(Ordering::SeqCst);
        // Seeing the end of a walk is seeing everything that was done on it.
        if self.walkers.load(Ordering::Acquire) != 0 {
            return Vec::new();
        }
        core::mem::take(&mut *waiting)
    }

    /// Visits every value that is in the list all the time, and perhaps others. Safe in a signal handler.
    pub(super) fn walk(&self, mut visit: impl FnMut(&T)) {
        self.walkers.fetch_add(1, Ordering::Relaxed);
        // Pairs with the fence of `retire`.
        fence(Ordering::SeqCst);
        let mut entry = self.first.load(Ordering::Acquire);
        // SAFETY: entries are never freed.
        while let Some(there) = unsafe { entry.as_ref() } {
            // SAFETY: a value that is in an entry while someone walks is given back only after that.
            if let Some(value) = unsafe { there.value.load(Ordering::Acquire).as_ref() } {
                visit(value);
            }
            entry = there.next;
        }
        self.walkers.fetch_sub(1, Ordering::Release);
    }
}

impl<T> Entry<T> {
    /// Takes the value out of the list. Who walks may still be looking at it.
    pub(super) fn leave(&self) {
        self.value.store(core::ptr::null_mut(), Ordering::Relaxed);
    }
}
