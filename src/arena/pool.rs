//! Handing out a fixed number of places: first come, first served, and never waiting without an end.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use super::locked;

/// Which of `0..count` are free, and who waits.
pub(super) struct Pool {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    free: Vec<usize>,
    lent: usize,
    waiting: VecDeque<u64>,
    next_ticket: u64,
}

impl Pool {
    pub(super) fn new(count: usize) -> Self {
        let state = State { free: (0..count).rev().collect(), lent: 0, waiting: VecDeque::new(), next_ticket: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A place, in the order of asking; `None` when none became free within `patience`.
    pub(super) fn take(&self, patience: Duration) -> Option<usize> {
        let mut state = locked(&self.state);
        if state.waiting.is_empty()
            && let Some(place) = state.free.pop()
        {
            state.lent += 1;
            return Some(place);
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(ticket);
        let until = Instant::now() + patience;
        loop {
            if state.waiting.front() == Some(&ticket)
                && let Some(place) = state.free.pop()
            {
                state.waiting.pop_front();
                state.lent += 1;
                self.changed.notify_all();
                return Some(place);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.waiting.retain(|other| *other != ticket);
                self.changed.notify_all();
                return None;
            }
            state = match self.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Gives a place back for the next one.
    pub(super) fn give_back(&self, place: usize) {
        let mut state = locked(&self.state);
        state.free.push(place);
        state.lent -= 1;
        self.changed.notify_all();
    }

    /// Ends a loan whose place must never be handed out again.
    pub(super) fn quarantine(&self) {
        locked(&self.state).lent -= 1;
        self.changed.notify_all();
    }

    /// Waits until at most `own` places are lent; how many more are lent after `patience`.
    pub(super) fn wait_idle(&self, own: usize, patience: Duration) -> usize {
        let state = locked(&self.state);
        let state = match self.changed.wait_timeout_while(state, patience, |state| state.lent > own) {
            Ok((state, _)) => state,
            Err(poisoned) => poisoned.into_inner().0,
        };
        state.lent
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn waiting_ends() {
        let pool = Pool::new(1);
        let place = pool.take(Duration::ZERO).unwrap();
        assert_eq!(pool.take(Duration::from_millis(20)), None);
        pool.give_back(place);
        assert_eq!(pool.take(Duration::ZERO), Some(place));
    }

    #[test]
    fn a_quarantined_place_does_not_come_back() {
        let pool = Pool::new(1);
        pool.take(Duration::ZERO).unwrap();
        pool.quarantine();
        assert_eq!(pool.take(Duration::from_millis(5)), None);
        assert_eq!(pool.wait_idle(0, Duration::ZERO), 0);
    }

    #[test]
    fn many_threads_share_few_places() {
        let pool = Arc::new(Pool::new(2));
        let inside = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (pool, inside) = (Arc::clone(&pool), Arc::clone(&inside));
                std::thread::spawn(move || {
                    for _ in 0..200 {
                        let place = pool.take(Duration::from_secs(20)).unwrap();
                        assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        pool.give_back(place);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(pool.wait_idle(0, Duration::ZERO), 0);
    }
}
