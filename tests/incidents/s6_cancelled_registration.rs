//! S6, Niigata, Saitama and Kumamoto. Registrations that had been cancelled were issued: what was read was out of date when it left.

use std::cell::Cell;
use std::rc::Rc;

use shokyo::error::Error;
use shokyo::handover::{MessageType, Outcome, Policy};
use shokyo::types::Role;

use crate::former::Rows;
use crate::town::{Town, document_of, outcomes, row_of};

#[test]
fn s6_a_row_that_changes_while_the_document_is_made_is_never_issued() {
    let (mut town, _, kiosk) = Town::usual(Policy::default());
    // The registration is cancelled between reading the row and offering the document.
    let changing = Rc::new(Cell::new(true));
    let change = changing.clone();
    town.register = Box::new(move |subject| {
        let mut row = row_of(subject);
        if change.get() {
            row.offered = b"v2, cancelled".to_vec();
        }
        row
    });
    let stale = town.apply(&kiosk, b"holder-1");
    town.run();
    let refused = |error: &(Role, Error)| {
        error.0 == Role::Issuer && matches!(error.1, Error::Mismatch { what } if what.contains("version"))
    };
    assert!(town.errors.iter().any(refused));
    assert!(!town.saw(2, MessageType::Offer), "nothing was even offered");
    assert_eq!(town.counters[stale].printed, None);
    assert_eq!(outcomes(&town.counters[stale].records), [Outcome::Ended]);
    assert_eq!(outcomes(&town.servers[0].records), [Outcome::Ended]);

    // The control: the same row, unchanged, is issued.
    changing.set(false);
    let fresh = town.apply(&kiosk, b"holder-1");
    town.run();
    assert_eq!(town.counters[fresh].printed, Some(document_of(b"holder-1")));
}

#[test]
fn s6_no_piece_of_a_document_is_written_from_another_version_than_the_first() {
    let (mut town, _, kiosk) = Town::usual(Policy::default());
    let counter = town.apply(&kiosk, b"holder-1");
    town.composing = false;
    town.run();
    let (session, now) = (town.counters[counter].machine.id(), town.now);
    let issuer = &mut town.servers[0].machine;
    issuer.document(session, b"v1").unwrap().write(b"page one, page two").unwrap();
    assert!(issuer.document(session, b"v1").is_ok(), "the control: the same version goes on");
    assert!(matches!(issuer.document(session, b"v2"), Err(Error::Mismatch { .. })));
    issuer.cancel(now, session, shokyo::buffer::Cause::Requested);
    town.run();
    town.only_ticks();
    assert!(town.is_quiet());
}

#[test]
fn s6_control_a_row_that_is_read_once_is_issued_after_it_was_cancelled() {
    let mut rows = Rows(vec!["holder-1, registered"]);
    let read = rows.read(0);
    rows.0[0] = "holder-1, cancelled";
    assert_eq!(read, "holder-1, registered", "and that is what is printed");
}
