//! The model checker's side of the arena's atomics, locks and deadlines. Works only inside a model.
//!
//! Time does not pass by itself: no patience ends, except none at all, and [`SOON`], which ends at the first waking, whoever caused
//! it. A model that wants it to end at any moment has a thread that [wakes](Condvar::notify_all) everyone.

use std::cell::Cell;
use std::sync::PoisonError;
use std::time::Duration;

pub(in super::super) use loom::sync::Mutex;
use loom::sync::MutexGuard;
pub(in super::super) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
pub(in super::super) use loom::thread::yield_now;

/// A patience that has ended when its owner is woken.
pub(in super::super) const SOON: Duration = Duration::from_millis(1);

pub(in super::super) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(in super::super) fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    pub(in super::super) fn wait_timeout<'g, T>(
        &self,
        guard: MutexGuard<'g, T>,
        _patience: Duration,
    ) -> MutexGuard<'g, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    pub(in super::super) fn notify_all(&self) {
        self.0.notify_all();
    }
}

pub(in super::super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(in super::super) struct Deadline(Duration);

impl Deadline {
    pub(in super::super) fn after(patience: Duration) -> Self {
        Self(patience)
    }

    pub(in super::super) fn left(&mut self) -> Option<Duration> {
        let left = (!self.0.is_zero()).then_some(self.0);
        if self.0 == SOON {
            self.0 = Duration::ZERO;
        }
        left
    }
}

/// All threads begin at the same place: they meet as often as they can.
pub(in super::super) fn seat() -> usize {
    0
}

loom::thread_local! {
    /// Fences that this thread still passes before the one that is missing.
    static MISSING: Cell<Option<usize>> = Cell::new(None);
}

pub(crate) fn fence(order: Ordering) {
    let missing = MISSING.with(|missing| missing.replace(missing.get().and_then(|left| left.checked_sub(1))));
    if missing != Some(0) {
        loom::sync::atomic::fence(order);
    }
}

/// What `work` does when the fence that it comes to after `passed` others is not there: for models that must fail.
pub(crate) fn without_fence<T>(passed: usize, work: impl FnOnce() -> T) -> T {
    MISSING.with(|missing| missing.set(Some(passed)));
    let outcome = work();
    MISSING.with(|missing| missing.set(None));
    outcome
}
