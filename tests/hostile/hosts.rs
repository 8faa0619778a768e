//! Software around an issuing machine that does its work wrongly.

use shokyo::buffer::Cause;
use shokyo::error::Error;
use shokyo::handover::{MessageType, Outcome, Policy, Source};
use shokyo::types::{Role, SessionId};

use crate::ends::{ends, nothing_is_left};
use crate::town::{Member, Pins, Town, document_of, row_of};

/// Two applications at an issuer whose software was not asked to do anything yet.
fn two_applications() -> Town {
    let mut pins = Pins::new();
    let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
    let kiosks = ["kiosk-1", "kiosk-2"].map(|name| Member::new(Role::Kiosk, name, "shops A", &mut pins));
    let mut town = Town::new(pins, &[&issuer], Policy::default());
    town.composing = false;
    town.apply(&kiosks[0], b"holder-1");
    town.apply(&kiosks[1], b"holder-2");
    town.run();
    town
}

/// The software answers a session with a row.
fn answer(town: &mut Town, counter: usize, subject: &[u8]) -> Result<(), Error> {
    let (session, now) = (town.counters[counter].machine.id(), town.now);
    let row = row_of(subject);
    let issuer = &mut town.servers[0].machine;
    issuer.document(session, &row.read)?.write(&row.document)?;
    issuer.offer(now, session, &Source { subject: &row.subject, version: &row.offered })
}

#[test]
fn answers_that_go_to_the_wrong_requests_are_refused_by_both_kiosks_before_any_key_moves() {
    let mut town = two_applications();
    answer(&mut town, 0, b"holder-2").unwrap();
    answer(&mut town, 1, b"holder-1").unwrap();
    town.run();
    for counter in 0..2 {
        // Each kiosk held ciphertext of another's document at most, and no key.
        assert_eq!(town.counters[counter].printed, None);
        assert_eq!(ends(&town, counter), [Some(Outcome::Ended); 2]);
    }
    assert!(!town.saw(2, MessageType::Received) && !town.saw(2, MessageType::Release));
    nothing_is_left(&mut town);
    // The control: each its own.
    let mut town = two_applications();
    answer(&mut town, 0, b"holder-1").unwrap();
    answer(&mut town, 1, b"holder-2").unwrap();
    town.run();
    for (counter, subject) in [b"holder-1", b"holder-2"].into_iter().enumerate() {
        assert_eq!(town.counters[counter].printed, Some(document_of(subject)));
    }
    nothing_is_left(&mut town);
}

#[test]
fn an_answer_is_given_once() {
    let mut town = two_applications();
    answer(&mut town, 0, b"holder-1").unwrap();
    assert!(matches!(answer(&mut town, 0, b"holder-1"), Err(Error::WrongState { .. })));
    let (session, now) = (town.counters[0].machine.id(), town.now);
    let again = town.servers[0].machine.offer(now, session, &Source { subject: b"holder-1", version: b"v1" });
    assert!(matches!(again, Err(Error::WrongState { .. })), "{again:?}");
    // To a session that is no more, and to one that never was.
    let unknown = town.servers[0].machine.document(SessionId([1; 32]), b"v1").err();
    assert!(matches!(unknown, Some(Error::WrongState { .. })));
    let other = town.counters[1].machine.id();
    town.servers[0].machine.cancel(now, other, Cause::Requested);
    assert!(matches!(answer(&mut town, 1, b"holder-2"), Err(Error::WrongState { .. })));
    town.run();
    assert_eq!(town.counters[1].printed, None);
    nothing_is_left(&mut town);
}

#[test]
fn an_answer_from_a_stale_version_of_the_row_is_refused_and_erased() {
    let mut town = two_applications();
    let (session, now) = (town.counters[0].machine.id(), town.now);
    let issuer = &mut town.servers[0].machine;
    issuer.document(session, b"v1").unwrap().write(&document_of(b"holder-1")).unwrap();
    let stale = issuer.offer(now, session, &Source { subject: b"holder-1", version: b"v2" });
    assert!(matches!(stale, Err(Error::Mismatch { what }) if what.contains("version")), "{stale:?}");
    town.run();
    assert!(!town.saw(2, MessageType::Offer));
    assert_eq!(ends(&town, 0), [Some(Outcome::Ended); 2]);
    // The control beside it.
    answer(&mut town, 1, b"holder-2").unwrap();
    town.run();
    assert_eq!(town.counters[1].printed, Some(document_of(b"holder-2")));
    nothing_is_left(&mut town);
}
