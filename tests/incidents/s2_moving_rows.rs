//! S2, Adachi, 2023. A synchronisation of the register met requests that were being processed, and documents were made from other rows
//! than were asked for.

use shokyo::error::Error;
use shokyo::handover::{MessageType, Outcome, Policy};
use shokyo::types::Role;

use crate::former::Rows;
use crate::town::{Town, document_of, outcomes, row_of};

#[test]
fn s2_a_document_made_from_another_row_than_was_asked_for_never_leaves_as_readable() {
    let (mut town, _, kiosk) = Town::usual(Policy::default());
    // The rows moved on: the software reads the neighbour's row, and says honestly whose it read.
    town.register = Box::new(|subject| match subject {
        b"holder-2" => row_of(b"holder-1"),
        other => row_of(other),
    });
    let wrong = town.apply(&kiosk, b"holder-2");
    town.run();
    assert!(
        town.errors.iter().any(|(role, error)| *role == Role::Kiosk
            && matches!(error, Error::Mismatch { what } if what.contains("subject")))
    );
    assert!(!town.saw(2, MessageType::Received) && !town.saw(2, MessageType::Release), "no key moved");
    assert_eq!(town.counters[wrong].printed, None);
    assert_eq!(outcomes(&town.counters[wrong].records), [Outcome::Ended]);

    // The control: with the row that was asked for, the same holder gets their own.
    town.register = Box::new(row_of);
    let right = town.apply(&kiosk, b"holder-2");
    town.run();
    assert_eq!(town.counters[right].printed, Some(document_of(b"holder-2")));
}

#[test]
fn s2_control_a_row_looked_up_by_its_place_is_anothers_after_a_synchronisation() {
    let mut rows = Rows(vec!["holder-1", "holder-2"]);
    let place = rows.position("holder-2");
    assert_eq!(rows.read(place), "holder-2");
    rows.synchronise("holder-0");
    assert_eq!(rows.read(place), "holder-1");
}
