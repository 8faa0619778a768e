//! S1, Yokohama, 2023-03-27. Under load a time-out released only the lock of the print orders; the document that was late came out for
//! the next applicant. Ten documents, eighteen people.

use std::time::Duration;

use shokyo::error::Error;
use shokyo::handover::{KioskEvent, MessageType, Outcome, Policy};

use crate::former::PrintQueue;
use crate::town::{Town, document_of, outcomes};

const FIRST: &[u8] = b"first applicant";
const SECOND: &[u8] = b"second applicant";

#[test]
fn s1_a_time_out_never_prints_the_next_applicants_document() {
    let (mut town, _, kiosk) = Town::usual(Policy::default());
    let first = town.apply(&kiosk, FIRST);
    // Under load: the document is ready, but its last messages are late.
    assert!(town.run_until(|town| town.saw(1, MessageType::Release)));
    town.collect();
    let late: Vec<_> = town.network.drain(..).collect();
    assert!(late.iter().any(|hop| hop.link == 0 && hop.kind() == Some(MessageType::Release)));
    town.pass(Duration::from_secs(31));
    // The whole transaction is over, not a lock of it.
    town.collect();
    let erased = |event: &KioskEvent| matches!(event, KioskEvent::Erased { verified: true, .. });
    assert!(town.counters[first].events.iter().any(erased));
    assert!(town.counters[first].machine.document().is_err());

    // The next applicant, at the same kiosk, while the first document is still on its way.
    let second = town.apply(&kiosk, SECOND);
    town.counters[second].auto = false;
    assert!(town.run_until(|town| town.counters[second].machine.document().is_ok()));
    // Now the late messages arrive.
    for hop in late {
        town.network.push_back(hop);
    }
    town.run();
    town.counters[second].machine.print(town.now).unwrap();
    town.run();
    assert_eq!(town.counters[second].printed, Some(document_of(SECOND)));
    assert_eq!(town.counters[first].printed, None);

    // A late completion is an error, and there is no call for "the next item".
    let now = town.now;
    let machine = &mut town.counters[first].machine;
    assert!(matches!(machine.print(now), Err(Error::WrongState { .. })));
    assert!(matches!(machine.delivered(now), Err(Error::WrongState { .. })));
    town.counters[second].machine.delivered(now).unwrap();
    town.run();
    town.only_ticks();
    assert!(town.is_quiet());
    assert_ne!(outcomes(&town.counters[first].records), [Outcome::Complete]);
    assert_eq!(outcomes(&town.counters[second].records), [Outcome::Complete]);
}

#[test]
fn s1_at_every_moment_a_time_out_leaves_the_next_applicant_their_own_document() {
    for step in 0.. {
        let (mut town, _, kiosk) = Town::usual(Policy::default());
        let first = town.apply(&kiosk, FIRST);
        town.counters[first].auto = false;
        let moved = (0..step).fold(true, |_, _| town.step());
        // Everything that is on its way comes only after the time-out.
        let late: Vec<_> = town.network.drain(..).collect();
        town.pass(town.policy.whole());
        town.collect();
        let second = town.apply(&kiosk, SECOND);
        town.network.extend(late);
        town.run();
        assert_eq!(town.counters[second].printed, Some(document_of(SECOND)), "step {step}");
        assert_eq!(town.counters[first].printed, None, "step {step}");
        assert!(town.counters[first].machine.document().is_err(), "step {step}");
        if !moved {
            assert!(step > 20, "the walk covers the whole session");
            return;
        }
    }
}

#[test]
fn s1_control_a_lock_that_a_time_out_releases_hands_out_the_late_document() {
    let mut queue = PrintQueue::default();
    assert!(queue.begin());
    assert!(!queue.begin(), "without a time-out the lock keeps the second applicant waiting");
    queue.time_out();
    assert!(queue.begin());
    queue.finished("first applicant's");
    queue.finished("second applicant's");
    assert_eq!(queue.next(), Some("first applicant's"), "and the second applicant gets it");
}
