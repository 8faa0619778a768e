//! Models of the pool of places.

use std::sync::Arc;
use std::time::Duration;

use loom::cell::UnsafeCell;
use loom::thread;

use super::super::sync::locked;
use super::super::{SOON, fails, holds, holds_within, without_fence};
use super::{Ordering, Pool, fence};

/// A patience that does not end.
const EVER: Duration = Duration::MAX;
const WAITS_FOR_EVER: &str = "deadlock";
const TWO_HOLDERS: &str = "Causality violation";

/// A pool with one place, and what only its holder may touch.
struct Shared {
    pool: Pool,
    held: UnsafeCell<u32>,
}

// SAFETY: the cell is the holder's of the only place; that there is only one is what the model checker looks for.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

fn one_place() -> Arc<Shared> {
    Arc::new(Shared { pool: Pool::new(1), held: UnsafeCell::new(0) })
}

impl Shared {
    /// What a holder does.
    fn use_it(&self) {
        // SAFETY: see `Shared`.
        self.held.with_mut(|held| unsafe { *held += 1 });
    }

    fn uses(&self) -> u32 {
        // SAFETY: see `Shared`.
        self.held.with(|held| unsafe { *held })
    }
}

/// Two threads that need the only place, and one that gives it back in this way.
fn two_take_turns(give_back: fn(&Pool, usize)) {
    let shared = one_place();
    let other = Arc::clone(&shared);
    let work = move |shared: Arc<Shared>| {
        let place = shared.pool.take(EVER).unwrap();
        shared.use_it();
        give_back(&shared.pool, place);
    };
    let thread = thread::spawn(move || work(other));
    work(Arc::clone(&shared));
    thread.join().unwrap();
    assert_eq!((shared.uses(), shared.pool.lent()), (2, 0));
    assert_eq!(shared.pool.waiting.load(Ordering::Relaxed), 0);
}

#[test]
fn two_threads_share_a_place_one_at_a_time_and_neither_waits_for_ever() {
    holds(|| two_take_turns(Pool::give_back));
}

#[test]
fn control_giving_back_without_looking_for_who_waits_is_found() {
    fails(WAITS_FOR_EVER, || {
        two_take_turns(|pool, place| {
            pool.free[0].fetch_or(1 << place, Ordering::SeqCst);
        });
    });
}

#[test]
fn control_looking_for_who_waits_before_giving_back_is_found() {
    fails(WAITS_FOR_EVER, || {
        two_take_turns(|pool, place| {
            fence(Ordering::SeqCst);
            let waited = pool.waiting.load(Ordering::SeqCst) > 0;
            pool.free[0].fetch_or(1 << place, Ordering::SeqCst);
            if waited {
                drop(locked(&pool.queue));
                pool.changed.notify_all();
            }
        });
    });
}

#[test]
fn control_giving_back_without_the_fence_is_found() {
    fails(WAITS_FOR_EVER, || two_take_turns(|pool, place| without_fence(0, || pool.give_back(place))));
}

#[test]
fn control_waking_who_does_not_sleep_yet_is_found() {
    fails(WAITS_FOR_EVER, || {
        two_take_turns(|pool, place| {
            pool.free[0].fetch_or(1 << place, Ordering::Release);
            fence(Ordering::SeqCst);
            if pool.waiting.load(Ordering::Relaxed) > 0 {
                pool.changed.notify_all();
            }
        });
    });
}

/// One gives back while another begins to wait.
fn one_gives_back(take: fn(&Pool) -> Option<usize>) {
    let shared = one_place();
    let place = shared.pool.take(EVER).unwrap();
    shared.use_it();
    let other = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        assert_eq!(take(&other.pool), Some(0));
        other.use_it();
    });
    shared.pool.give_back(place);
    thread.join().unwrap();
    assert_eq!((shared.uses(), shared.pool.lent()), (2, 1));
}

#[test]
fn who_begins_to_wait_while_a_place_is_given_back_gets_it() {
    holds(|| one_gives_back(|pool| pool.take_in_turn(EVER)));
}

#[test]
fn control_waiting_without_the_fence_is_found() {
    fails(WAITS_FOR_EVER, || one_gives_back(|pool| without_fence(0, || pool.take_in_turn(EVER))));
}

#[test]
fn control_taking_a_place_in_two_steps_is_found() {
    fails(TWO_HOLDERS, || {
        let shared = one_place();
        let work = |shared: Arc<Shared>| {
            let seen = shared.pool.free[0].load(Ordering::SeqCst);
            if seen != 0 {
                shared.pool.free[0].store(0, Ordering::SeqCst);
                shared.use_it();
            }
        };
        let other = Arc::clone(&shared);
        let thread = thread::spawn(move || work(other));
        work(shared);
        thread.join().unwrap();
    });
}

/// Two wait for two places that come back; who gets one keeps it.
fn two_places_come_back(take: fn(&Pool) -> Option<usize>) {
    let pool = Arc::new(Pool::new(2));
    let places = [pool.take(EVER).unwrap(), pool.take(EVER).unwrap()];
    let threads = [(); 2].map(|()| {
        let pool = Arc::clone(&pool);
        thread::spawn(move || take(&pool).unwrap())
    });
    places.into_iter().for_each(|place| pool.give_back(place));
    let [one, other] = threads.map(|thread| thread.join().unwrap());
    assert_ne!(one, other);
}

#[test]
fn who_gets_a_place_passes_the_turn_on() {
    holds_within(3, || two_places_come_back(|pool| pool.take(EVER)));
}

#[test]
fn control_not_passing_the_turn_on_is_found() {
    fails(WAITS_FOR_EVER, || {
        two_places_come_back(|pool| {
            let mut queue = locked(&pool.queue);
            let ticket = queue.next_ticket;
            queue.next_ticket += 1;
            queue.tickets.push_back(ticket);
            pool.announce();
            let found = loop {
                if queue.tickets.front() == Some(&ticket)
                    && let Some(place) = pool.claim()
                {
                    break Some(place);
                }
                queue = pool.changed.wait_timeout(queue, EVER);
            };
            queue.tickets.retain(|other| *other != ticket);
            pool.waiting.fetch_sub(1, Ordering::Relaxed);
            found
        });
    });
}

#[test]
fn who_gives_up_waiting_takes_no_place_along_and_keeps_nobody_waiting() {
    holds_within(3, || {
        let shared = one_place();
        let place = shared.pool.take(EVER).unwrap();
        let [hasty, patient] = [SOON, EVER].map(|patience| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let place = shared.pool.take(patience);
                if let Some(place) = place {
                    shared.use_it();
                    shared.pool.give_back(place);
                }
                place.is_some()
            })
        });
        // The hasty one's time is over at some moment: before the place comes back, or with that.
        {
            let queue = locked(&shared.pool.queue);
            shared.pool.changed.notify_all();
            drop(queue);
        }
        shared.pool.give_back(place);
        let hasty = hasty.join().unwrap();
        assert!(patient.join().unwrap());
        assert_eq!((shared.uses(), shared.pool.lent()), (1 + u32::from(hasty), 0));
        assert!(locked(&shared.pool.queue).tickets.is_empty());
    });
}

/// One waits until nothing is lent while another ends the only loan in this way.
fn one_waits_for_idleness(wait: fn(&Pool) -> usize, end: fn(&Pool, usize)) {
    let shared = one_place();
    let place = shared.pool.take(EVER).unwrap();
    let other = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        other.use_it();
        end(&other.pool, place);
    });
    assert_eq!(wait(&shared.pool), 0);
    // What the holder did is over, and seen.
    assert_eq!(shared.uses(), 1);
    thread.join().unwrap();
}

#[test]
fn who_waits_for_idleness_is_woken_by_the_last_that_is_given_back() {
    holds(|| one_waits_for_idleness(|pool| pool.wait_idle(0, EVER), Pool::give_back));
}

#[test]
fn who_waits_for_idleness_is_woken_by_a_quarantine() {
    holds(|| one_waits_for_idleness(|pool| pool.wait_idle(0, EVER), |pool, _| pool.quarantine()));
}

#[test]
fn control_a_quarantine_that_wakes_nobody_is_found() {
    fails(WAITS_FOR_EVER, || {
        one_waits_for_idleness(
            |pool| pool.wait_idle(0, EVER),
            |pool, _| {
                pool.quarantined.fetch_add(1, Ordering::SeqCst);
            },
        );
    });
}

#[test]
fn control_waiting_for_idleness_without_the_fence_is_found() {
    fails(WAITS_FOR_EVER, || {
        one_waits_for_idleness(|pool| without_fence(0, || pool.wait_idle(0, EVER)), Pool::give_back);
    });
}

#[test]
fn two_that_share_a_place_and_one_that_waits_for_idleness_all_come_to_their_end() {
    holds_within(3, || {
        let shared = one_place();
        let threads = [(); 2].map(|()| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let place = shared.pool.take(EVER).unwrap();
                shared.use_it();
                shared.pool.give_back(place);
            })
        });
        assert_eq!(shared.pool.wait_idle(0, EVER), 0);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((shared.uses(), shared.pool.lent()), (2, 0));
    });
}

/// One place is lent all the time, another is taken and quarantined: is nothing ever counted as lent?
fn one_loan_lasts(lent: fn(&Pool) -> usize) {
    let pool = Arc::new(Pool::new(2));
    let _lasting = pool.take(EVER).unwrap();
    let other = Arc::clone(&pool);
    let thread = thread::spawn(move || {
        let _place = other.take(EVER).unwrap();
        other.quarantine();
    });
    assert!(lent(&pool) >= 1, "a loan was overlooked");
    thread.join().unwrap();
    assert_eq!(pool.lent(), 1);
}

#[test]
fn a_loan_is_never_overlooked_while_another_place_is_quarantined() {
    holds(|| one_loan_lasts(Pool::lent));
}

#[test]
fn control_counting_a_place_as_free_and_as_quarantined_is_found() {
    fails("a loan was overlooked", || {
        one_loan_lasts(|pool| {
            let free = pool.free[0].load(Ordering::SeqCst).count_ones() as usize;
            pool.count.saturating_sub(free + pool.quarantined.load(Ordering::SeqCst))
        });
    });
}
