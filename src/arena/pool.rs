//! Handing out a fixed number of places: without a lock while one is free, first come, first served when none is, and never
//! waiting without an end.
//!
//! A place is a bit. Who finds none waits in a queue; who gives one back looks whether anyone waits *after* setting the bit, and
//! who waits looks for a bit *after* saying so, with a fence between the two steps of both, so that one always sees the other.

use std::collections::VecDeque;
use std::time::Duration;

use super::sync::{AtomicU64, AtomicUsize, Condvar, Deadline, Mutex, Ordering, fence, locked, seat};

#[cfg(all(test, shokyo_loom))]
#[path = "models/pool.rs"]
mod models;

/// Which of `0..count` are free, and who waits.
pub(super) struct Pool {
    /// One bit for each place, set while it is free.
    free: Box<[AtomicU64]>,
    count: usize,
    /// Places that are never handed out again.
    quarantined: AtomicUsize,
    /// Threads that wait for a place, or for all places.
    waiting: AtomicUsize,
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    tickets: VecDeque<u64>,
    next_ticket: u64,
}

impl Pool {
    pub(super) fn new(count: usize) -> Self {
        let word = |index: usize| match count - index * 64 {
            64.. => u64::MAX,
            rest => (1 << rest) - 1,
        };
        Self {
            free: (0..count.div_ceil(64)).map(|index| AtomicU64::new(word(index))).collect(),
            count,
            quarantined: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            queue: Mutex::new(Queue { tickets: VecDeque::new(), next_ticket: 0 }),
            changed: Condvar::new(),
        }
    }

    /// A place, in the order of asking; `None` when none became free within `patience`.
    pub(super) fn take(&self, patience: Duration) -> Option<usize> {
        // Only so that nobody overtakes those who wait; at worst one who has just begun to.
        if self.waiting.load(Ordering::Relaxed) == 0
            && let Some(place) = self.claim()
        {
            return Some(place);
        }
        self.take_in_turn(patience)
    }

    #[cold]
    fn take_in_turn(&self, patience: Duration) -> Option<usize> {
        let mut until = Deadline::after(patience);
        let mut queue = locked(&self.queue);
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.tickets.push_back(ticket);
        self.announce();
        let found = loop {
            if queue.tickets.front() == Some(&ticket)
                && let Some(place) = self.claim()
            {
                break Some(place);
            }
            let Some(left) = until.left() else { break None };
            queue = self.changed.wait_timeout(queue, left);
        };
        queue.tickets.retain(|other| *other != ticket);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        // The next in the queue may have what it needs now.
        self.changed.notify_all();
        found
    }

    /// A free place without waiting. Each thread begins to look at a place of its own, whose memory is likely in its cache.
    fn claim(&self) -> Option<usize> {
        let seat = seat() % self.count.max(1);
        let words = self.free.len();
        for step in 0..words {
            let index = (seat / 64 + step) % words;
            let word = &self.free[index];
            let mut seen = word.load(Ordering::Relaxed);
            while seen != 0 {
                let turn = if step == 0 { (seat % 64) as u32 } else { 0 };
                let bit = (seen.rotate_right(turn).trailing_zeros() + turn) % 64;
                match word.compare_exchange(seen, seen & !(1 << bit), Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return Some(index * 64 + bit as usize),
                    Err(now) => seen = now,
                }
            }
        }
        None
    }

    /// Gives a place back for the next one.
    pub(super) fn give_back(&self, place: usize) {
        self.free[place / 64].fetch_or(1 << (place % 64), Ordering::Release);
        self.wake();
    }

    /// Ends a loan whose place must never be handed out again.
    pub(super) fn quarantine(&self) {
        self.quarantined.fetch_add(1, Ordering::Release);
        self.wake();
    }

    /// Says that the caller waits. It must look for what it wants after this and before it sleeps.
    fn announce(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // Pairs with the fence of `wake`: either that sees who waits here, or they see what was given back.
        fence(Ordering::SeqCst);
    }

    fn wake(&self) {
        // Pairs with the fence of `announce`.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            // Whoever is between looking and sleeping holds the lock.
            drop(locked(&self.queue));
            self.changed.notify_all();
        }
    }

    /// How many places are lent. Safe in a signal handler.
    pub(super) fn lent(&self) -> usize {
        // First, so that a place that is seen free and then quarantined is not counted twice and another's loan not at all.
        let quarantined = self.quarantined.load(Ordering::Acquire);
        let free = self.free.iter().map(|word| word.load(Ordering::Acquire).count_ones() as usize).sum::<usize>();
        self.count.saturating_sub(free + quarantined)
    }

    /// Waits until at most `own` of the loans that began before are left; how many are lent after `patience`, one's own included.
    pub(super) fn wait_idle(&self, own: usize, patience: Duration) -> usize {
        let mut until = Deadline::after(patience);
        let mut queue = locked(&self.queue);
        self.announce();
        let lent = loop {
            let lent = self.lent();
            if lent <= own {
                break lent;
            }
            let Some(left) = until.left() else { break lent };
            queue = self.changed.wait_timeout(queue, left);
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        drop(queue);
        self.changed.notify_all();
        lent
    }
}

#[cfg(all(test, not(shokyo_loom)))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::Arc;

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

    #[test]
    fn every_place_is_handed_out_once() {
        for count in [1, 2, 63, 64, 65, 200] {
            let pool = Pool::new(count);
            let taken: std::collections::BTreeSet<_> = (0..count).map(|_| pool.take(Duration::ZERO).unwrap()).collect();
            assert_eq!((taken.len(), taken.last()), (count, Some(&(count - 1))));
            assert_eq!(pool.lent(), count);
            assert_eq!(pool.take(Duration::ZERO), None);
            taken.iter().for_each(|place| pool.give_back(*place));
            assert_eq!(pool.lent(), 0);
        }
    }

    #[test]
    fn who_came_first_is_served_first() {
        let pool = Arc::new(Pool::new(1));
        let place = pool.take(Duration::ZERO).unwrap();
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut threads = Vec::new();
        for number in 0..5 {
            let (pool, order) = (Arc::clone(&pool), Arc::clone(&order));
            while pool.waiting.load(Ordering::SeqCst) < number {
                std::thread::yield_now();
            }
            threads.push(std::thread::spawn(move || {
                let place = pool.take(Duration::from_secs(20)).unwrap();
                order.lock().unwrap().push(number);
                pool.give_back(place);
            }));
        }
        while pool.waiting.load(Ordering::SeqCst) < 5 {
            std::thread::yield_now();
        }
        pool.give_back(place);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn waiting_for_idleness_does_not_wait_for_ones_own() {
        let pool = Pool::new(3);
        let own = pool.take(Duration::ZERO).unwrap();
        assert_eq!(pool.wait_idle(1, Duration::from_secs(20)), 1);
        let _other = pool.take(Duration::ZERO).unwrap();
        assert_eq!(pool.wait_idle(1, Duration::from_millis(5)), 2);
        pool.give_back(own);
    }
}
