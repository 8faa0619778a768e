//! Every arena of the process, in a [list](super::list) that a signal handler can walk.

use core::ops::Deref;
use core::ptr::NonNull;

use super::list::{Ended, Entry, List};
use super::{Arena, Destroyed};
use crate::platform;

static ARENAS: List<Arena> = List::new();
/// Whose list it is: a forked child may have inherited its lock held, and walkers that never end.
static FIRST: platform::FirstProcess = platform::FirstProcess::new();

/// An arena that is in the list until this is dropped.
pub(crate) struct Registered {
    arena: NonNull<Arena>,
    entry: &'static Entry<Arena>,
}

// SAFETY: owns an arena, which is shared and sent like its parts.
unsafe impl Send for Registered where Arena: Send {}
// SAFETY: as above.
unsafe impl Sync for Registered where Arena: Sync {}

impl Registered {
    /// Puts an arena into the list.
    pub(crate) fn new(arena: Arena) -> Self {
        // The first is remembered now, not when it ends. Without a mark there would be no arena.
        let _ = FIRST.check();
        // SAFETY: a box is never null.
        let arena = unsafe { NonNull::new_unchecked(Box::into_raw(Box::new(arena))) };
        // SAFETY: it is dropped only when the list has given it back, and only ever shared until then.
        Self { arena, entry: unsafe { ARENAS.insert(arena) } }
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
        self.entry.leave();
        // A forked child may not touch the parent's memory; and vaults of its own stay, wiped, until it ends.
        if self.owner().check().is_err() {
            return;
        }
        if FIRST.check().is_err() {
            self.cells.destroy_all();
            return;
        }
        for Ended(arena) in ARENAS.retire(self.arena) {
            // SAFETY: it is in no entry, nobody walked after that, and its owner is gone.
            drop(unsafe { Box::from_raw(arena.as_ptr()) });
        }
    }
}

/// Destroys every key of this process; how many, and what is in flight. Safe in a signal handler.
pub(crate) fn destroy_all() -> (Destroyed, u64) {
    let (mut all, mut in_flight) = (Destroyed::default(), 0);
    ARENAS.walk(|arena| {
        let done = arena.cells.destroy_all();
        all.destroyed += done.destroyed;
        all.failed += done.failed;
        all.filling += done.filling;
        in_flight += arena.in_flight();
    });
    (all, in_flight)
}
