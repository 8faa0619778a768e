//! What a relay keeps back, brings late, brings in another order, or brings to another session.

use shokyo::handover::{MessageType, Outcome, Policy};
use shokyo::receipt::Event;
use shokyo::types::Role;

use crate::ends::{alarmed, ends, nothing_is_left};
use crate::town::{Hop, Member, Pins, Town, document_of};

fn one_session_without(kind: MessageType) -> Town {
    let (mut town, _, kiosk) = Town::usual(Policy::default());
    town.apply(&kiosk, b"holder-1");
    town.meddle = Box::new(move |hop| hop.kind() != Some(kind));
    town.run();
    town
}

#[test]
fn a_release_that_is_withheld_leaves_both_ends_erased_and_the_issuer_unresolved_by_the_clock_alone() {
    let mut town = one_session_without(MessageType::Release);
    let session = town.counters[0].machine.id();
    nothing_is_left(&mut town);
    // The issuer wiped its key before it sent it, and cannot know; the kiosk never had it.
    assert_eq!(town.counters[0].printed, None);
    assert_eq!(town.events_of(&town.servers[0].records), [Event::KeyWiped, Event::Unresolved]);
    assert_eq!(town.events_of(&town.counters[0].records), [Event::Erased]);
    assert_eq!(ends(&town, 0), [Some(Outcome::Unresolved); 2]);
    assert!(alarmed(&town.servers[0].records, session) && alarmed(&town.counters[0].records, session));
}

#[test]
fn chunks_that_are_withheld_leave_both_ends_erased_and_no_key_moves() {
    let mut town = one_session_without(MessageType::Chunk);
    // The kiosk asks again, and again in vain, until the issuer sends no more or the kiosk's deadline has passed.
    town.wait(70);
    assert!(town.tape.iter().filter(|hop| hop.link == 2 && hop.kind() == Some(MessageType::Credit)).count() > 5);
    assert!(!town.saw(0, MessageType::Received) && !town.saw(2, MessageType::Release));
    assert_eq!(town.events_of(&town.servers[0].records), [Event::Erased]);
    assert_eq!(town.events_of(&town.counters[0].records), [Event::Erased]);
    assert_eq!(town.counters[0].printed, None);
    assert_eq!(ends(&town, 0), [Some(Outcome::Ended); 2]);
    nothing_is_left(&mut town);
}

#[test]
fn an_opened_that_is_withheld_is_a_delivery_that_the_issuer_calls_unresolved() {
    let mut town = one_session_without(MessageType::Opened);
    let session = town.counters[0].machine.id();
    town.wait(400);
    assert_eq!(town.counters[0].printed, Some(document_of(b"holder-1")), "printed once, and erased");
    assert_eq!(town.events_of(&town.counters[0].records), [Event::Erased]);
    assert_eq!(town.events_of(&town.servers[0].records), [Event::KeyWiped, Event::Unresolved]);
    assert_eq!(ends(&town, 0)[1], Some(Outcome::Unresolved), "never delivered, never not delivered");
    assert!(alarmed(&town.servers[0].records, session));
    nothing_is_left(&mut town);
}

#[test]
fn the_control_with_nothing_withheld_the_same_session_is_complete() {
    // Nothing of a session is a frame of this type from an issuer's point of view: nothing is withheld.
    let mut town = one_session_without(MessageType::Attachment);
    assert_eq!(ends(&town, 0), [Some(Outcome::Complete); 2]);
    nothing_is_left(&mut town);
}

/// A fixed sequence that looks like chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

fn two_kiosks() -> Town {
    let mut pins = Pins::new();
    let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
    let kiosks = ["kiosk-1", "kiosk-2"].map(|name| Member::new(Role::Kiosk, name, "shops A", &mut pins));
    let mut town = Town::new(pins, &[&issuer], Policy::default());
    town.apply(&kiosks[0], b"holder-1");
    town.apply(&kiosks[1], b"holder-2");
    town
}

/// Runs with something done to the waiting frames before each step, then the clock; nobody ever holds another's document.
fn disturbed(mut disturb: impl FnMut(&mut Town)) -> usize {
    let mut town = two_kiosks();
    for seconds in 0..30 {
        for _ in 0..2_000 {
            town.collect();
            disturb(&mut town);
            if !town.step() {
                break;
            }
        }
        if town.counters.iter().all(|counter| counter.machine.is_finished()) && seconds > 0 {
            break;
        }
        town.pass(std::time::Duration::from_secs(1));
    }
    let mut served = 0;
    for (counter, subject) in town.counters.iter().zip([b"holder-1", b"holder-2"]) {
        served += usize::from(counter.printed.is_some());
        assert!(counter.printed.is_none() || counter.printed == Some(document_of(subject)));
    }
    nothing_is_left(&mut town);
    served
}

#[test]
fn frames_in_any_order_give_each_holder_their_own_document_or_nothing() {
    let mut served = 0;
    for seed in 1..=6 {
        let mut chance = Chance(seed);
        served += disturbed(|town| {
            if town.network.len() > 1 {
                let (one, two) = (chance.below(town.network.len()), chance.below(town.network.len()));
                town.network.swap(one, two);
            }
        });
    }
    assert!(served >= 6, "what was only late is made up for: {served} of 12");
}

#[test]
fn bodies_exchanged_between_two_sessions_give_nobody_anothers_document() {
    for kind in [
        MessageType::Challenge,
        MessageType::Apply,
        MessageType::Offer,
        MessageType::Received,
        MessageType::Release,
        MessageType::Opened,
        MessageType::Erased,
    ] {
        let mut exchanged = 0;
        disturbed(|town| {
            let of_kind = |hop: &Hop| hop.kind() == Some(kind) && hop.link != 1;
            let mut places = (0..town.network.len()).filter(|place| of_kind(&town.network[*place]));
            let (Some(one), Some(two)) = (places.next(), places.next()) else { return };
            if town.network[one].session() == town.network[two].session() {
                return;
            }
            // Each whole frame goes to the other's kiosk, or the session is written over the other's body.
            exchanged += 1;
            let bytes = town.network[one].bytes.clone();
            if exchanged % 2 == 0 {
                town.network[one].bytes = town.network[two].bytes.clone();
                town.network[two].bytes = bytes;
            } else {
                let session = town.network[one].session();
                let other = town.network[two].bytes.clone();
                let mut frame = shokyo::handover::Frame::decode(&other).unwrap();
                frame.session = session;
                town.network[one].bytes = frame.encode();
            }
        });
    }
}
