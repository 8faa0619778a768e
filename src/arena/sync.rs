//! The atomics and locks that the arena's synchronisation is written with: the standard library's, or the model checker's in a
//! build with `--cfg shokyo_loom`, which tries every order that the memory model allows.

#[cfg(shokyo_loom)]
pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
#[cfg(not(shokyo_loom))]
pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

#[cfg(not(shokyo_loom))]
pub(super) use real::{Condvar, Mutex, locked, seat};

#[cfg(not(shokyo_loom))]
mod real {
    use std::sync::PoisonError;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    pub(in super::super) use std::sync::Mutex;
    use std::sync::MutexGuard;

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

    /// A small number of the calling thread's own, so that threads begin to look for something free at different places.
    pub(in super::super) fn seat() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static SEAT: usize = NEXT.fetch_add(1, Ordering::Relaxed);
        }
        SEAT.try_with(|seat| *seat).unwrap_or(0)
    }
}
