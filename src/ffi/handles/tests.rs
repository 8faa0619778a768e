#![allow(clippy::unwrap_used)]

use super::*;
use std::collections::HashSet;

struct Number(u32);
struct Word;

impl Object for Number {
    type Handle = u8;
    const NAME: &'static str = "the number";
}

impl Object for Word {
    type Handle = u8;
    const NAME: &'static str = "the word";
}

fn give(number: u32) -> *mut u8 {
    Place::reserve().unwrap().fill(Number(number))
}

#[test]
fn no_handle_value_comes_back() {
    let mut seen = HashSet::new();
    for number in 0..10_000 {
        let handle = give(number);
        assert!(!handle.is_null() && handle.addr() & 1 == 1);
        assert!(seen.insert(handle.addr()), "a handle came back");
        assert_eq!(remove::<Number>(handle).unwrap().0, number);
    }
    assert!(seen.iter().all(|address| get::<Number>(std::ptr::without_provenance(*address)).is_err()));
}

#[test]
fn a_neighbouring_value_is_no_handle() {
    let handle = give(1);
    for bit in 0..usize::BITS {
        let wrong = std::ptr::without_provenance(handle.addr() ^ 1 << bit);
        // Another test's handle may differ in one bit of the place.
        assert!(get::<Word>(wrong).is_err());
        if !(1..=PLACE_BITS).contains(&bit) {
            assert!(matches!(get::<Number>(wrong), Err(Failure::Handle(..))), "bit {bit}");
        }
    }
    assert_eq!(take::<Number>(handle).unwrap_or(Number(0)).0, 1);
}

#[test]
fn what_is_in_use_cannot_be_consumed_but_freed() {
    let handle = give(7);
    let used = get::<Number>(handle).unwrap();
    assert!(matches!(take::<Number>(handle), Err(Failure::InUse(_))));
    assert!(get::<Number>(handle).is_ok(), "a refused consumption keeps the handle");
    drop(remove::<Number>(handle).unwrap());
    assert!(get::<Number>(handle).is_err());
    assert_eq!(used.0, 7);
}

fn turn(handle: *mut u8, work: impl FnOnce(&mut Number) -> Result<(), Failure>) -> Result<*mut u8, Failure> {
    turn_at(handle.addr(), "the number", work).map(std::ptr::without_provenance_mut)
}

#[test]
fn what_is_turned_has_another_handle() {
    let first = give(1);
    let second = turn(first, |number| {
        assert!(get::<Number>(first).is_err(), "not while it is being turned");
        number.0 = 2;
        Ok(())
    })
    .unwrap();
    assert!(first != second && get::<Number>(first).is_err() && remove::<Number>(first).is_err());
    let used = get::<Number>(second).unwrap();
    assert!(matches!(turn(second, |_| unreachable!()), Err(Failure::InUse(_))));
    assert_eq!(used.0, 2);
    drop(used);
    assert!(matches!(turn_at::<Word>(second.addr(), "the word", |_| unreachable!()), Err(Failure::Handle(..))));
    assert_eq!(remove::<Number>(second).unwrap().0, 2);
}

#[test]
fn what_could_not_be_turned_keeps_its_handle() {
    let handle = give(1);
    for panics in [false, true] {
        let turned = std::panic::catch_unwind(|| {
            turn(handle, |number| {
                number.0 += 1;
                if panics { std::panic::resume_unwind(Box::new(())) } else { Err(Failure::Stopped) }
            })
        });
        assert!(turned.map_or(panics, |turned| matches!(turned, Err(Failure::Stopped))));
    }
    assert_eq!(remove::<Number>(handle).unwrap().0, 3);
}

#[test]
fn what_is_turned_at_the_last_generation_moves() {
    let place = Place::reserve().unwrap();
    let number = place.0;
    TABLE.entry(number).unwrap().generation = LAST_GENERATION;
    let last = place.fill(Number(3));
    assert!(turn(last, |_| Err(Failure::Stopped)).is_err());
    let moved = turn(last, |_| Ok(())).unwrap();
    assert!(get::<Number>(last).is_err() && !free().places.contains(&number));
    assert_eq!(remove::<Number>(moved).unwrap().0, 3);
}

#[test]
fn a_place_that_was_not_filled_is_given_back() {
    let place = Place::reserve().unwrap();
    let number = place.0;
    drop(place);
    let filled = TABLE.entry(number).unwrap().object.is_some();
    assert!(filled || free().places.contains(&number) || TABLE.entry(number).unwrap().object.is_some());
}

#[test]
fn a_place_without_generations_is_never_filled_again() {
    let place = Place::reserve().unwrap();
    let number = place.0;
    TABLE.entry(number).unwrap().generation = LAST_GENERATION;
    let last = place.fill(Number(3));
    assert_eq!(get::<Number>(last).unwrap().0, 3);
    drop(remove::<Number>(last).unwrap());
    assert!(get::<Number>(last).is_err());
    assert!(!free().places.contains(&number));
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
                        let object = get::<Number>(std::ptr::without_provenance(*address)).unwrap();
                        assert_eq!(object.0, number as u32);
                    }
                    assert_eq!(take::<Number>(own).unwrap_or(Number(0)).0, thread * 1000 + round);
                    assert!(get::<Number>(own).is_err());
                }
            });
        }
    });
    for address in shared {
        let handle = std::ptr::without_provenance(address);
        let removed = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2)
                .map(|_| scope.spawn(move || remove::<Number>(std::ptr::without_provenance(address)).is_ok()))
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|removed| *removed).count()
        });
        assert_eq!(removed, 1);
        assert!(get::<Number>(handle).is_err());
    }
}
