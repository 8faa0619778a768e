//! The atomics, locks and deadlines that the arena's synchronisation is written with: the operating system's, or the model
//! checker's in a build with `--cfg shokyo_loom`, which tries every order that the memory model allows.
//!
//! The model checker orders accesses with `SeqCst` no better than `AcqRel`, so nothing here may rest on them: where two threads
//! each write one thing and then look at the other's, both have a `fence(SeqCst)` in between, which is right everywhere.

#[cfg(shokyo_loom)]
#[path = "models/sync.rs"]
mod imp;
#[cfg(all(test, shokyo_loom))]
pub(super) use imp::SOON;
#[cfg(all(test, shokyo_loom))]
pub(crate) use imp::{fence, without_fence};

#[cfg(not(shokyo_loom))]
pub(super) use imp::fence;
pub(super) use imp::{
    AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Condvar, Deadline, Mutex, Ordering, locked, seat, yield_now,
};

#[cfg(not(shokyo_loom))]
mod imp {
    use std::sync::PoisonError;
    use std::time::{Duration, Instant};

    pub(in super::super) use std::sync::Mutex;
    use std::sync::MutexGuard;
    pub(in super::super) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
    pub(in super::super) use std::thread::yield_now;

    /// A condition variable whose waits end.
    pub(in super::super) struct Condvar(std::sync::Condvar);

    impl Condvar {
        pub(in super::super) fn new() -> Self {
            Self(std::sync::Condvar::new())
        }

        pub(in super::super) fn wait_timeout<'g, T>(
            &self,
            guard: MutexGuard<'g, T>,
            patience: Duration,
        ) -> MutexGuard<'g, T> {
            self.0.wait_timeout(guard, patience).unwrap_or_else(PoisonError::into_inner).0
        }

        pub(in super::super) fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    /// The guard of a mutex whose data a panic cannot leave half changed.
    pub(in super::super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When patience ends.
    pub(in super::super) struct Deadline(Instant);

    impl Deadline {
        pub(in super::super) fn after(patience: Duration) -> Self {
            /// What no machine waits for: a patience that the clock cannot express is cut to a century.
            const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
            let now = Instant::now();
            Self(now.checked_add(patience).or_else(|| now.checked_add(CENTURY)).unwrap_or(now))
        }

        /// The patience that is left; `None` when none is.
        pub(in super::super) fn left(&mut self) -> Option<Duration> {
            let left = self.0.saturating_duration_since(Instant::now());
            (!left.is_zero()).then_some(left)
        }
    }

    /// A small number of the calling thread's own, so that threads begin to look for something free at different places.
    pub(in super::super) fn seat() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static SEAT: usize = NEXT.fetch_add(1, Ordering::Relaxed);
        }
        SEAT.try_with(|seat| *seat).unwrap_or(0)
    }
}
