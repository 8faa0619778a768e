//! Every arena of the process, in a list that a signal handler can walk: it takes no lock, does not allocate, and never meets
//! memory that was given back.
//!
//! The list only grows; an entry whose arena ended serves the next one. An arena leaves its entry *before* it is looked whether
//! anyone walks, and who walks says so *before* looking at an entry: so either the walker does not see the arena, or the arena sees
//! the walker and stays until a later one ends.

use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::Mutex;

use super::sync::locked;
use super::{Arena, Destroyed};

static FIRST: AtomicPtr<Entry> = AtomicPtr::new(core::ptr::null_mut());
static WALKERS: AtomicUsize = AtomicUsize::new(0);
/// Arenas that ended while someone walked.
static WAITING: Mutex<Vec<Ended>> = Mutex::new(Vec::new());

struct Entry {
    arena: AtomicPtr<Arena>,
    next: *mut Entry,
}

struct Ended(NonNull<Arena>);

// SAFETY: an arena may be dropped by any thread.
unsafe impl Send for Ended {}

/// An arena that is in the list until this is dropped.
pub(crate) struct Registered {
    arena: NonNull<Arena>,
    entry: &'static Entry,
}

// SAFETY: owns an arena, which is shared and sent like its parts.
unsafe impl Send for Registered where Arena: Send {}
// SAFETY: as above.
unsafe impl Sync for Registered where Arena: Sync {}

// SAFETY: an entry is two words; one is atomic, the other is never changed once the entry is in the list.
unsafe impl Sync for Entry {}

impl Registered {
    /// Puts an arena into the list.
    pub(crate) fn new(arena: Arena) -> Self {
        // SAFETY: a box is never null.
        let arena = unsafe { NonNull::new_unchecked(Box::into_raw(Box::new(arena))) };
        let mut entry = FIRST.load(Ordering::Acquire);
        // SAFETY: entries are never freed.
        while let Some(there) = unsafe { entry.as_ref() } {
            let empty = core::ptr::null_mut();
            if there.arena.compare_exchange(empty, arena.as_ptr(), Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                return Self { arena, entry: there };
            }
            entry = there.next;
        }
        let entry =
            Box::into_raw(Box::new(Entry { arena: AtomicPtr::new(arena.as_ptr()), next: core::ptr::null_mut() }));
        let mut first = FIRST.load(Ordering::Acquire);
        loop {
            // SAFETY: nobody else knows the entry yet.
            unsafe { (*entry).next = first };
            match FIRST.compare_exchange(first, entry, Ordering::SeqCst, Ordering::Acquire) {
                // SAFETY: entries are never freed.
                Ok(_) => return Self { arena, entry: unsafe { &*entry } },
                Err(now) => first = now,
            }
        }
    }
}

impl Deref for Registered {
    type Target = Arena;

    fn deref(&self) -> &Arena {
        // SAFETY: the arena lives as long as `self`.
        unsafe { self.arena.as_ref() }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.entry.arena.store(core::ptr::null_mut(), Ordering::SeqCst);
        // A forked child may not touch the parent's memory; the lock below may have been held when it was made.
        if self.owner().check().is_err() {
            return;
        }
        let mut ended = {
            let mut waiting = locked(&WAITING);
            waiting.push(Ended(self.arena));
            if WALKERS.load(Ordering::SeqCst) != 0 {
                return;
            }
            core::mem::take(&mut *waiting)
        };
        for Ended(arena) in ended.drain(..) {
            // SAFETY: it is in no entry, nobody walked after that, and its owner is gone.
            drop(unsafe { Box::from_raw(arena.as_ptr()) });
        }
    }
}

/// Destroys every key of this process; how many, and what is in flight. Safe in a signal handler.
pub(crate) fn destroy_all() -> (Destroyed, u64) {
    WALKERS.fetch_add(1, Ordering::SeqCst);
    let (mut all, mut in_flight) = (Destroyed::default(), 0);
    let mut entry = FIRST.load(Ordering::SeqCst);
    // SAFETY: entries are never freed.
    while let Some(there) = unsafe { entry.as_ref() } {
        // SAFETY: an arena that is in an entry while someone walks is not dropped until that ends.
        if let Some(arena) = unsafe { there.arena.load(Ordering::SeqCst).as_ref() } {
            let done = arena.cells.destroy_all();
            all.destroyed += done.destroyed;
            all.failed += done.failed;
            all.filling += done.filling;
            in_flight += arena.in_flight();
        }
        entry = there.next;
    }
    WALKERS.fetch_sub(1, Ordering::SeqCst);
    (all, in_flight)
}
