//! Models of the list that signal handlers walk.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use super::super::{fails, holds, holds_within, without_fence};
use super::{Ended, Entry, List, NonNull, Ordering, fence, locked};

const GIVEN_BACK: &str = "a walker met what was given back";
/// Walking and giving back at the same time.
const AT_ONCE: &str = "Causality violation";

/// A value that knows whether it was given back. The memory itself stays until the model ends.
struct Value {
    there: UnsafeCell<bool>,
}

// SAFETY: written only by who gives it back; that nobody looks at the same time is what the model checker looks for.
unsafe impl Sync for Value {}
// SAFETY: as above.
unsafe impl Send for Value {}

impl Value {
    fn look(&self) {
        // SAFETY: see `Value`.
        assert!(self.there.with(|there| unsafe { *there }), "{GIVEN_BACK}");
    }
}

/// A list and values for it.
struct Shared {
    list: List<Value>,
    values: [Value; 3],
}

fn list() -> Arc<Shared> {
    Arc::new(Shared { list: List::new(), values: [(); 3].map(|()| Value { there: UnsafeCell::new(true) }) })
}

impl Shared {
    fn address(&self, value: usize) -> NonNull<Value> {
        NonNull::from(&self.values[value])
    }

    fn insert(&self, value: usize) -> &'static Entry<Value> {
        // SAFETY: the values live as long as the model.
        unsafe { self.list.insert(self.address(value)) }
    }

    /// Ends a value; how many were given back.
    fn end(&self, value: usize, entry: &Entry<Value>) -> usize {
        entry.leave();
        give_back(self.list.retire(self.address(value)))
    }

    /// How many values a walker met.
    fn walk(&self) -> usize {
        let mut met = 0;
        self.list.walk(|value| {
            value.look();
            met += 1;
        });
        met
    }
}

fn give_back(ended: Vec<Ended<Value>>) -> usize {
    let count = ended.len();
    for Ended(value) in ended {
        // SAFETY: the values live as long as the model.
        unsafe { value.as_ref() }.there.with_mut(|there| {
            // SAFETY: see `Value`.
            let was_there = unsafe { std::mem::replace(&mut *there, false) };
            assert!(was_there, "a value was given back twice");
        });
    }
    count
}

/// One value ends while another thread walks; then a second ends while nobody does.
fn one_walks_while_a_value_ends(end: fn(&Shared, usize, &Entry<Value>) -> usize, walk: fn(&Shared) -> usize) {
    let shared = list();
    let entry = shared.insert(0);
    let lasting = shared.insert(1);
    let other = Arc::clone(&shared);
    let walker = thread::spawn(move || {
        let met = walk(&other);
        assert!((1..=2).contains(&met), "a value that was there all the time was not met");
    });
    let given_back = end(&shared, 0, entry);
    walker.join().unwrap();
    assert_eq!(given_back + shared.end(1, lasting), 2, "what ended during a walk was not given back by a later end");
    assert_eq!(shared.walk(), 0);
}

#[test]
fn a_walker_never_meets_what_was_given_back_and_a_later_end_gives_back_what_it_kept() {
    holds(|| one_walks_while_a_value_ends(Shared::end, Shared::walk));
}

#[test]
fn control_leaving_the_list_after_looking_for_walkers_is_found() {
    fails("", || {
        one_walks_while_a_value_ends(
            |shared, value, entry| {
                let ended = shared.list.retire(shared.address(value));
                entry.leave();
                give_back(ended)
            },
            Shared::walk,
        );
    });
}

#[test]
fn control_ending_without_the_fence_is_found() {
    fails("", || {
        one_walks_while_a_value_ends(
            |shared, value, entry| without_fence(0, || shared.end(value, entry)),
            Shared::walk,
        );
    });
}

#[test]
fn control_walking_without_the_fence_is_found() {
    fails("", || one_walks_while_a_value_ends(Shared::end, |shared| without_fence(0, || shared.walk())));
}

#[test]
fn control_walking_unannounced_is_found() {
    fails("", || {
        one_walks_while_a_value_ends(Shared::end, |shared| {
            let entry = shared.list.first.load(Ordering::Acquire);
            // SAFETY: entries are never freed, and the values live as long as the model.
            let (first, second) = unsafe { (&*entry, &*(*entry).next) };
            let mut met = 0;
            for entry in [first, second] {
                let value = entry.value.load(Ordering::Acquire);
                shared.list.walkers.fetch_add(1, Ordering::Relaxed);
                fence(Ordering::SeqCst);
                // SAFETY: as above.
                if let Some(value) = unsafe { value.as_ref() } {
                    value.look();
                    met += 1;
                }
                shared.list.walkers.fetch_sub(1, Ordering::Release);
            }
            met
        });
    });
}

#[test]
fn control_a_walk_whose_end_says_nothing_about_it_is_found() {
    fails(AT_ONCE, || {
        one_walks_while_a_value_ends(Shared::end, |shared| {
            shared.list.walkers.fetch_add(1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            let entry = shared.list.first.load(Ordering::Acquire);
            // SAFETY: entries are never freed, and the values live as long as the model.
            let (first, second) = unsafe { (&*entry, &*(*entry).next) };
            let mut met = 0;
            for entry in [first, second] {
                // SAFETY: as above.
                if let Some(value) = unsafe { entry.value.load(Ordering::Acquire).as_ref() } {
                    value.look();
                    met += 1;
                }
            }
            shared.list.walkers.fetch_sub(1, Ordering::Relaxed);
            met
        });
    });
}

#[test]
fn two_that_end_at_once_while_a_third_walks_are_given_back_once_each() {
    holds_within(3, || {
        let shared = list();
        let entries = [shared.insert(0), shared.insert(1)];
        let other = Arc::clone(&shared);
        let walker = thread::spawn(move || other.walk());
        let other = Arc::clone(&shared);
        let second = thread::spawn(move || other.end(1, entries[1]));
        let first = shared.end(0, entries[0]);
        let given_back = first + second.join().unwrap();
        assert!(walker.join().unwrap() <= 2);
        let last = shared.insert(2);
        assert_eq!(given_back + shared.end(2, last), 3);
        assert!(locked(&shared.list.waiting).is_empty());
    });
}

#[test]
fn an_entry_serves_the_next_value_while_someone_walks() {
    holds(|| {
        let shared = list();
        let entry = shared.insert(0);
        let other = Arc::clone(&shared);
        let walker = thread::spawn(move || other.walk());
        let given_back = shared.end(0, entry);
        let next = shared.insert(1);
        assert!(std::ptr::eq(entry, next), "the entry was not used again");
        assert!(walker.join().unwrap() <= 1);
        assert_eq!(shared.walk(), 1);
        assert_eq!(given_back + shared.end(1, next), 2);
    });
}

#[test]
fn two_that_begin_at_once_are_both_met_from_then_on() {
    holds(|| {
        let shared = list();
        let other = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            other.insert(1);
        });
        shared.insert(0);
        assert!(shared.walk() >= 1);
        thread.join().unwrap();
        assert_eq!(shared.walk(), 2);
    });
}

#[test]
fn one_entry_is_never_given_to_two_values() {
    holds(|| {
        let shared = list();
        let entry = shared.insert(0);
        let other = Arc::clone(&shared);
        let thread = thread::spawn(move || other.insert(1));
        let given_back = shared.end(0, entry);
        let mine = shared.insert(2);
        let others = thread.join().unwrap();
        assert!(!std::ptr::eq(mine, others));
        assert_eq!(shared.walk(), 2);
        assert_eq!(given_back, 1);
    });
}
