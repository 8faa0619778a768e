//! Models of one place: two threads in every order, and with every stale value, that the memory model allows.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize as Counter;

use loom::cell::UnsafeCell;
use loom::thread;

use super::{Entry, Name, Ordering, Refusal, Stored};
use crate::arena::{fails, holds, without_fence};

/// What the model checker says of two accesses that nothing orders.
const AT_ONCE: &str = "Causality violation";
const GONE: &str = "an object that has ended was used";
const NOT_ONCE: &str = "an object did not end once";

/// An object whose number is written by who has it alone, and at its end.
struct Value {
    number: UnsafeCell<u32>,
    ends: Arc<Counter>,
}

// SAFETY: that nobody writes while others read is what the model checker looks for.
unsafe impl Sync for Value {}
// SAFETY: as above.
unsafe impl Send for Value {}

impl Stored for Value {
    fn vacated(_: usize) {}
}

impl Value {
    fn read(&self) -> u32 {
        // SAFETY: see `Value`.
        let number = self.number.with(|number| unsafe { *number });
        assert!(number != 0, "{GONE}");
        number
    }

    fn write(&self, new: u32) {
        // SAFETY: see `Value`.
        self.number.with_mut(|number| unsafe { *number = new });
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // When a model has failed, the model checker is gone.
        if std::thread::panicking() {
            return;
        }
        self.write(0);
        self.ends.fetch_add(1, Ordering::Relaxed);
    }
}

/// A place with an object, and its handle.
struct Given {
    entry: Entry<Value>,
    ends: Arc<Counter>,
}

const KIND: usize = 3;
const NEXT_KIND: usize = 4;
const FIRST: Name = Name { place: 0, generation: 1, kind: KIND };
const SECOND: Name = Name { place: 0, generation: 2, kind: NEXT_KIND };

fn given() -> Arc<Given> {
    let ends = Arc::new(Counter::new(0));
    let given = Given { entry: Entry::new(), ends: Arc::clone(&ends) };
    // SAFETY: nobody else has the place.
    let generation = unsafe { given.entry.fill(KIND, Value { number: UnsafeCell::new(1), ends }) };
    assert_eq!(generation, 1);
    Arc::new(given)
}

impl Given {
    /// The number, read as a call does that shares the object.
    fn look(&self, name: Name) -> Result<u32, Refusal> {
        let shared = self.entry.share(name)?;
        Ok(shared.object().unwrap().read())
    }

    fn ended(&self) -> usize {
        self.ends.load(Ordering::Relaxed)
    }
}

fn with_another(first: impl FnOnce(&Given), second: impl FnOnce(&Given) + Send + 'static, last: impl FnOnce(&Given)) {
    let given = given();
    let other = Arc::clone(&given);
    let thread = thread::spawn(move || second(&other));
    first(&given);
    thread.join().unwrap();
    last(&given);
}

#[test]
fn an_object_ends_once_and_after_its_last_use() {
    holds(|| {
        with_another(
            |given| drop(given.entry.close(FIRST).unwrap().unwrap()),
            |given| assert!(matches!(given.look(FIRST), Ok(1) | Err(Refusal::Missing))),
            |given| {
                assert_eq!(given.ended(), 1, "{NOT_ONCE}");
                assert_eq!(given.look(FIRST), Err(Refusal::Missing));
            },
        );
    });
}

#[test]
fn control_ending_without_the_fence_is_found() {
    fails(AT_ONCE, || {
        with_another(
            |given| without_fence(0, || drop(given.entry.close(FIRST).unwrap())),
            |given| _ = without_fence(0, || given.look(FIRST)),
            |_| (),
        );
    });
}

#[test]
fn control_looking_after_the_use_is_found() {
    fails(AT_ONCE, || {
        with_another(
            |given| drop(given.entry.close(FIRST).unwrap()),
            |given| {
                if let Ok(shared) = given.entry.share(FIRST) {
                    let object: *const Value = shared.object().unwrap();
                    drop(shared);
                    // SAFETY: none, on purpose: the memory is the place's, which lives on.
                    unsafe { &*object }.read();
                }
            },
            |_| (),
        );
    });
}

#[test]
fn of_two_that_free_one_does() {
    holds(|| {
        let frees = || Arc::new(Counter::new(0));
        let (freed, other) = (frees(), frees());
        let theirs = Arc::clone(&other);
        with_another(
            |given| _ = freed.fetch_add(usize::from(given.entry.close(FIRST).is_ok()), Ordering::Relaxed),
            move |given| _ = theirs.fetch_add(usize::from(given.entry.close(FIRST).is_ok()), Ordering::Relaxed),
            |given| assert_eq!(given.ended(), 1, "{NOT_ONCE}"),
        );
        assert_eq!(freed.load(Ordering::Relaxed) + other.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn what_is_turned_is_seen_before_or_after_and_never_between() {
    holds(|| {
        with_another(
            |given| {
                let Ok(mut turning) = given.entry.turn(FIRST) else { return };
                turning.object().unwrap().write(7);
                turning.object().unwrap().write(2);
                assert_eq!(turning.turned(NEXT_KIND), 2);
            },
            |given| {
                assert!(matches!(given.look(FIRST), Ok(1) | Err(Refusal::Missing)));
                assert!(matches!(given.look(SECOND), Ok(2) | Err(Refusal::Missing)));
            },
            |given| assert!(given.look(FIRST) == Ok(1) || given.look(SECOND) == Ok(2)),
        );
    });
}

#[test]
fn what_is_turned_in_vain_is_as_before() {
    holds(|| {
        with_another(
            |given| drop(given.entry.turn(FIRST)),
            |given| assert!(matches!(given.look(FIRST), Ok(1) | Err(Refusal::Missing))),
            |given| assert_eq!(given.look(FIRST), Ok(1)),
        );
    });
}

#[test]
fn one_call_at_a_time_has_an_object_alone() {
    holds(|| {
        let change = |given: &Given| {
            if let Ok(mut alone) = given.entry.alone(FIRST) {
                let object = alone.object().unwrap();
                object.write(object.read() + 1);
            }
        };
        with_another(change, change, |given| assert!(matches!(given.look(FIRST), Ok(2 | 3))));
    });
}

#[test]
fn what_is_freed_while_one_call_has_it_alone_ends_with_that_call() {
    holds(|| {
        with_another(
            |given| drop(given.entry.close(FIRST).unwrap()),
            |given| {
                if let Ok(mut alone) = given.entry.alone(FIRST) {
                    alone.object().unwrap().write(2);
                }
            },
            |given| assert_eq!(given.ended(), 1, "{NOT_ONCE}"),
        );
    });
}

#[test]
fn who_takes_an_object_has_it_alone() {
    holds(|| {
        with_another(
            |given| {
                if let Ok(turning) = given.entry.turn(FIRST) {
                    let object = turning.take().unwrap();
                    object.write(object.read() + 1);
                    drop(object);
                    // SAFETY: the place is vacant, and nobody else fills it.
                    let generation = unsafe {
                        given.entry.fill(NEXT_KIND, Value { number: UnsafeCell::new(5), ends: Arc::clone(&given.ends) })
                    };
                    assert_eq!(generation, 2);
                }
            },
            |given| {
                assert!(matches!(given.look(FIRST), Ok(1) | Err(Refusal::Missing)));
                assert!(matches!(given.look(SECOND), Ok(5) | Err(Refusal::Missing)));
            },
            |given| assert_eq!(given.ended(), usize::from(given.look(FIRST).is_err())),
        );
    });
}
