#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::sync::Arc;

use super::table::{BLOCKS, FIRST, whereabouts};
use super::*;

struct Number(u32);
struct Word;
/// The handle of a number, and the one after it.
struct A;
struct B;
/// The handle of a word.
struct W;

impl Handle for A {
    type Object = Number;
    const KIND: Kind = Kind::Writer;
    const NAME: &'static str = "the number";
}

impl Handle for B {
    type Object = Number;
    const KIND: Kind = Kind::Buffer;
    const NAME: &'static str = "the number";
}

impl Handle for W {
    type Object = Word;
    const KIND: Kind = Kind::Vault;
    const NAME: &'static str = "the word";
}

fn give(number: u32) -> *mut A {
    Place::reserve().unwrap().fill(Number(number))
}

fn value<H: Handle<Object = Number>>(handle: *const H) -> Result<u32, Failure> {
    Ok(get(handle)?.0)
}

/// Frees the number, which nobody uses; what it was.
fn freed<H: Handle<Object = Number>>(handle: *mut H) -> Result<u32, Failure> {
    Ok(free(handle)?.unwrap().0)
}

fn entry_of(place: &Place) -> &'static Entry<Object> {
    TABLE.entry(place.0).unwrap()
}

#[test]
fn no_handle_value_comes_back() {
    let mut seen = HashSet::new();
    for number in 0..10_000 {
        let handle = give(number);
        assert!(!handle.is_null() && handle.addr() & 1 == 1);
        assert!(seen.insert(handle.addr()), "a handle came back");
        assert_eq!(freed(handle).unwrap(), number);
    }
    assert!(seen.iter().all(|address| value::<A>(std::ptr::without_provenance(*address)).is_err()));
}

#[test]
fn a_neighbouring_value_is_no_handle() {
    let handle = give(1);
    for bit in 0..usize::BITS {
        let wrong = handle.addr() ^ 1 << bit;
        // Another test's handle may differ in one bit of the place.
        assert!(get::<W>(std::ptr::without_provenance(wrong)).is_err());
        if !(1..=PLACE_BITS).contains(&bit) {
            assert!(matches!(value::<A>(std::ptr::without_provenance(wrong)), Err(Failure::Handle(..))), "bit {bit}");
        }
    }
    assert_eq!(take(handle).unwrap().0, 1);
}

#[test]
fn a_handle_of_another_kind_is_told_and_stays() {
    let handle = give(1);
    let (word, next): (*mut W, *mut B) = (handle.cast(), handle.cast());
    assert!(matches!(get(word), Err(Failure::Handle("the word", OTHER_KIND))));
    assert!(matches!(free(word), Err(Failure::Handle(_, OTHER_KIND))));
    assert!(matches!(take(word), Err(Failure::Handle(_, OTHER_KIND))));
    assert!(matches!(alone(word, |_| Ok(())), Err(Failure::Handle(_, OTHER_KIND))));
    assert!(matches!(turn::<W, W>(word, |_| Ok(())), Err(Failure::Handle(_, OTHER_KIND))));
    assert!(matches!(free(next), Err(Failure::Handle(_, OTHER_KIND))), "the same object, and not this handle");
    assert_eq!(freed(handle).unwrap(), 1);
    assert!(matches!(get(word), Err(Failure::Handle(_, MISSING))));
}

#[test]
fn what_is_in_use_cannot_be_changed_or_consumed_but_freed() {
    let handle = give(7);
    let used = get(handle).unwrap();
    assert!(matches!(take(handle), Err(Failure::InUse(_))));
    assert!(matches!(alone(handle, |_| Ok(())), Err(Failure::InUse(_))));
    assert_eq!(value(handle).unwrap(), 7, "a refused consumption keeps the handle");
    assert_eq!(freed(handle).unwrap(), 7);
    assert!(value(handle).is_err() && free(handle).is_err());
    assert_eq!(used.0, 7);
}

#[test]
fn what_one_call_has_alone_can_be_freed_and_ends_with_it() {
    let handle = give(7);
    let outcome = alone(handle, |number| {
        assert!(matches!(get(handle), Err(Failure::InUse(_))));
        assert!(matches!(take(handle), Err(Failure::InUse(_))));
        assert!(matches!(alone(handle, |_| Ok(())), Err(Failure::InUse(_))));
        number.0 += 1;
        Ok(number.0)
    });
    assert_eq!((outcome.unwrap(), value(handle).unwrap()), (8, 8));
    let ended = Arc::new(());
    let other: *mut Witness = Place::reserve().unwrap().fill(Arc::clone(&ended));
    alone(other, |_| {
        assert!(free(other).unwrap().is_none());
        assert!(matches!(get(other), Err(Failure::Handle(_, MISSING))));
        assert_eq!(Arc::strong_count(&ended), 2, "not yet");
        Ok(())
    })
    .unwrap();
    assert_eq!(Arc::strong_count(&ended), 1);
    freed(handle).unwrap();
}

/// The handle of an object that tells when it is dropped.
struct Witness;

impl Handle for Witness {
    type Object = Arc<()>;
    const KIND: Kind = Kind::Copy;
    const NAME: &'static str = "the witness";
}

#[test]
fn an_object_ends_with_the_last_call_that_uses_it() {
    let ended = Arc::new(());
    let handle: *mut Witness = Place::reserve().unwrap().fill(Arc::clone(&ended));
    let (first, second) = (get(handle).unwrap(), get(handle).unwrap());
    drop(free(handle).unwrap().unwrap());
    drop(first);
    assert_eq!(Arc::strong_count(&ended), 2);
    drop(second);
    assert_eq!(Arc::strong_count(&ended), 1);
}

#[test]
fn no_more_uses_are_counted_than_there_is_room_for() {
    let handle = give(1);
    let uses: Vec<_> = std::iter::from_fn(|| get(handle).ok()).take(1 << 21).collect();
    assert!(uses.len() > 1000 && uses.len() < 1 << 21, "{}", uses.len());
    assert!(matches!(get(handle), Err(Failure::InUse(_))));
    assert!(free(handle).unwrap().is_none());
    assert!(uses.iter().all(|number| number.0 == 1) && get(handle).is_err());
}

#[test]
fn what_is_turned_has_another_handle() {
    let first = give(1);
    let second: *mut B = turn(first, |number| {
        assert!(value(first).is_err() && free(first).is_err(), "not while it is being turned");
        number.0 = 2;
        Ok(())
    })
    .unwrap();
    assert!(first.addr() != second.addr() && value(first).is_err() && free(first).is_err());
    let used = get(second).unwrap();
    assert!(matches!(turn::<B, A>(second, |_| unreachable!()), Err(Failure::InUse(_))));
    assert_eq!(used.0, 2);
    drop(used);
    assert_eq!(freed(second).unwrap(), 2);
}

#[test]
fn what_could_not_be_turned_keeps_its_handle() {
    let handle = give(1);
    for panics in [false, true] {
        let turned = std::panic::catch_unwind(|| {
            turn::<A, B>(handle, |number| {
                number.0 += 1;
                if panics { std::panic::resume_unwind(Box::new(())) } else { Err(Failure::Stopped) }
            })
        });
        assert!(turned.map_or(panics, |turned| matches!(turned, Err(Failure::Stopped))));
    }
    assert_eq!(freed(handle).unwrap(), 3);
}

#[test]
fn what_is_turned_at_the_last_generation_moves() {
    let place = Place::reserve().unwrap();
    let number = place.0;
    entry_of(&place).age(entry::LAST_GENERATION);
    let last: *mut A = place.fill(Number(3));
    assert!(turn::<A, B>(last, |_| Err(Failure::Stopped)).is_err());
    let moved: *mut B = turn(last, |_| Ok(())).unwrap();
    assert!(value(last).is_err() && !table::is_free(number));
    assert_eq!(freed(moved).unwrap(), 3);
}

#[test]
fn a_place_that_was_not_filled_is_given_back() {
    // Another test may take it at once, and give back another.
    let given_back = (0..100).any(|_| {
        let place = Place::reserve().unwrap();
        let number = place.0;
        drop(place);
        table::is_free(number)
    });
    assert!(given_back);
}

#[test]
fn a_place_without_generations_is_never_filled_again() {
    let place = Place::reserve().unwrap();
    let number = place.0;
    entry_of(&place).age(entry::LAST_GENERATION);
    let last: *mut A = place.fill(Number(3));
    assert_eq!(value(last).unwrap(), 3);
    assert_eq!(freed(last).unwrap(), 3);
    assert!(value(last).is_err());
    assert!(!table::is_free(number));
}

#[test]
fn every_place_has_one_whereabouts() {
    let mut expected = (0, 0);
    for place in 0..PLACES.min(1 << 16) {
        assert_eq!(whereabouts(place), Some(expected));
        expected.1 += 1;
        if expected.1 == FIRST << expected.0 {
            expected = (expected.0 + 1, 0);
        }
    }
    assert!(whereabouts(PLACES - 1).is_some_and(|(block, _)| block < BLOCKS));
    assert_eq!(whereabouts(usize::MAX), None);
}

#[test]
fn threads_that_give_take_and_use_at_once_agree() {
    let shared: Vec<_> = (0..300).map(give).map(|handle| handle.addr()).collect();
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let shared = &shared;
            scope.spawn(move || {
                for round in 0..300 {
                    let own = give(thread * 1000 + round);
                    for (number, address) in shared.iter().enumerate() {
                        let object = get::<A>(std::ptr::without_provenance(*address)).unwrap();
                        assert_eq!(object.0, number as u32);
                    }
                    assert_eq!(take(own).unwrap().0, thread * 1000 + round);
                    assert!(value(own).is_err());
                }
            });
        }
    });
    for address in shared {
        let handle = || std::ptr::without_provenance_mut::<A>(address);
        let ended = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(move || free(handle()).is_ok())).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|ended| *ended).count()
        });
        assert_eq!(ended, 1);
        assert!(value(handle()).is_err());
    }
}
