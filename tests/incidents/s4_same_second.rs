//! S4, Kawasaki, 2023-05-02. Two requests within one second; the later one overwrote the earlier one's document.

use std::collections::BTreeSet;

use shokyo::error::Error;
use shokyo::handover::{IssuerEvent, MessageType, Outcome, Policy};
use shokyo::types::Role;

use crate::former::FilesByClock;
use crate::town::{Member, Pins, Town, document_of, outcomes};

#[test]
fn s4_requests_of_the_same_millisecond_each_get_their_own_document() {
    const SHOPS: usize = 6;
    let mut pins = Pins::new();
    let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
    let kiosks: Vec<_> =
        (0..SHOPS).map(|shop| Member::new(Role::Kiosk, &format!("kiosk-{shop}"), "shops A", &mut pins)).collect();
    let mut town = Town::new(pins, &[&issuer], Policy::default());
    // The clock stands still from the first request to the last document.
    let subjects: Vec<_> = (0..SHOPS).map(|shop| format!("holder-{shop}").into_bytes()).collect();
    for (kiosk, subject) in kiosks.iter().zip(&subjects) {
        town.apply(kiosk, subject);
    }
    town.run();
    let sessions: BTreeSet<_> = town.counters.iter().map(|counter| counter.machine.id()).collect();
    assert_eq!(sessions.len(), SHOPS);
    for (counter, subject) in town.counters.iter().zip(&subjects) {
        assert_eq!(counter.printed, Some(document_of(subject)));
        assert_eq!(outcomes(&counter.records), [Outcome::Complete]);
    }
    assert_eq!(town.errors, []);
}

#[test]
fn s4_what_is_there_is_never_overwritten() {
    let (mut town, _, kiosk) = Town::usual(Policy::default());
    let counter = town.apply(&kiosk, b"holder-1");
    assert!(town.run_until(|town| town.saw(2, MessageType::Apply)));
    let apply = town.find(2, MessageType::Apply);
    // The same application again, at this moment and at every later one: it is refused, or gets the stored answer, and nothing is made
    // a second time.
    for _ in 0..40 {
        assert!(matches!(town.deliver(apply.clone()), Ok(()) | Err((Role::Issuer, Error::Replayed))));
        town.step();
    }
    town.run();
    let offers: Vec<_> =
        town.tape.iter().filter(|hop| hop.link == 2 && hop.kind() == Some(MessageType::Offer)).collect();
    assert!(offers.iter().all(|hop| hop.bytes == offers[0].bytes));
    let applications = |event: &&IssuerEvent| matches!(event, IssuerEvent::Application { .. });
    assert_eq!(town.servers[0].events.iter().filter(applications).count(), 1);
    assert_eq!(town.counters[counter].printed, Some(document_of(b"holder-1")));
    assert_eq!(outcomes(&town.servers[0].records), [Outcome::Complete]);
}

#[test]
fn s4_control_files_named_by_the_clock_overwrite_each_other() {
    let mut files = FilesByClock::default();
    let first = files.store(1_683_000_000_100, "first applicant's");
    assert_eq!(files.open(first), Some("first applicant's"));
    let second = files.store(1_683_000_000_900, "second applicant's");
    assert_eq!(first, second);
    assert_eq!(files.open(first), Some("second applicant's"), "and the first applicant gets it");
}
