//! A kiosk whose software is replaced, with a certificate and real cryptography: what it can make others do, and what it ends up with.

use shokyo::error::Error;
use shokyo::handover::{MessageType, Outcome, Policy};
use shokyo::receipt::Event;
use shokyo::types::Role;

use crate::ends::{alarmed, ends, nothing_is_left, outcome};
use crate::forge::{Item, body, erased, receipt, signed};
use crate::rogue::{Rogue, received};
use crate::town::{Hop, Member, Pins, Town, document_of};

/// A rogue kiosk in the usual town, its offer in its hands. Its document has three chunks.
fn rogue() -> (Town, Rogue) {
    let (mut town, _, kiosk) = Town::usual(Policy::default());
    let rogue = Rogue::new(&mut town, &kiosk, b"holder-1");
    (town, rogue)
}

fn released(town: &Town) -> bool {
    town.saw(2, MessageType::Release)
}

#[test]
fn a_kiosk_that_claims_chunks_that_were_never_sent_gets_nothing() {
    let (mut town, rogue) = rogue();
    rogue.received(&mut town, 3);
    assert!(!released(&town), "nothing was sent");
    rogue.credit(&mut town, 0, 2);
    rogue.received(&mut town, 3);
    assert!(!released(&town), "the last chunk was not sent");
    rogue.received(&mut town, 2);
    assert!(!released(&town), "another number of chunks than was offered");
    let wrong = town.errors.iter().filter(|(role, error)| {
        *role == Role::Issuer && matches!(error, Error::Mismatch { what } if what.contains("received"))
    });
    assert_eq!(wrong.count(), 3);
    // The control: with every chunk asked for, the same words are believed.
    rogue.credit(&mut town, 2, 3);
    assert_eq!(rogue.chunks(&town), 3);
    rogue.received(&mut town, 3);
    assert!(released(&town));
    nothing_is_left(&mut town);
}

#[test]
fn a_kiosk_that_claims_what_it_did_not_keep_has_a_key_to_nothing_and_the_issuer_has_erased() {
    let (mut town, rogue) = rogue();
    // It has the last chunk sent alone, and claims the document.
    rogue.credit(&mut town, 2, 3);
    assert_eq!(rogue.chunks(&town), 1);
    rogue.received(&mut town, 3);
    // It gets the key of a document of which it has a third; nobody has the rest, for the issuer wiped key and ciphertext first.
    assert_eq!(town.events_of(&town.servers[0].records), [Event::KeyWiped]);
    rogue.credit(&mut town, 0, 3);
    assert_eq!(rogue.chunks(&town), 1, "the rest cannot be had any more");
    // Without its own receipt the session is not complete.
    nothing_is_left(&mut town);
    assert_eq!(outcome(&town.servers[0].records, rogue.session), Some(Outcome::Unresolved));
    assert!(alarmed(&town.servers[0].records, rogue.session));
}

#[test]
fn a_kiosk_that_names_another_offer_gets_nothing() {
    let (mut town, rogue) = rogue();
    rogue.credit(&mut town, 0, 3);
    for previous in [[0; 32], [7; 32], rogue.apply_hash] {
        rogue.say(&mut town, MessageType::Received, previous, &received(3));
        assert!(!released(&town));
    }
    rogue.received(&mut town, 3);
    assert!(released(&town), "the control: the offer that was made");
    nothing_is_left(&mut town);
}

#[test]
fn a_kiosk_that_claims_twice_gets_the_same_bytes_and_no_second_wrap() {
    let (mut town, rogue) = rogue();
    rogue.credit(&mut town, 0, 3);
    rogue.received(&mut town, 3);
    let first = rogue.answer(&town, MessageType::Release).unwrap();
    for _ in 0..3 {
        rogue.received(&mut town, 3);
        assert_eq!(rogue.answer(&town, MessageType::Release).unwrap(), first);
    }
    // Another claim, with other attachments, would be another transcript: there is no key left to wrap under it.
    let other = body(&[Item::Number(3), Item::Bytes(vec![9; 32])]);
    let before = town.tape.len();
    let offer_hash = rogue.offer_hash(&town);
    rogue.say(&mut town, MessageType::Received, offer_hash, &other);
    assert!(!town.tape[before..].iter().any(|hop| hop.kind() == Some(MessageType::Release)));
    assert_eq!(town.errors.pop(), Some((Role::Issuer, Error::UnexpectedMessage { message: "Received" })));
    assert_eq!(town.events_of(&town.servers[0].records), [Event::KeyWiped]);
    nothing_is_left(&mut town);
}

#[test]
fn a_kiosk_that_lies_about_opening_changes_only_what_it_is_believed_to_hold() {
    for verified in [true, false] {
        let (mut town, rogue) = rogue();
        rogue.credit(&mut town, 0, 3);
        rogue.received(&mut town, 3);
        // Of another release than came: refused.
        rogue.say(&mut town, MessageType::Opened, [5; 32], &body(&[Item::Flag(verified)]));
        assert_eq!(town.events_of(&town.servers[0].records), [Event::KeyWiped]);
        // It never unwrapped anything, and says what it likes. The issuer wipes the wrapped key too, in both cases.
        rogue.opened(&mut town, verified);
        assert_eq!(town.events_of(&town.servers[0].records), [Event::KeyWiped, Event::Closed]);
        assert_eq!(alarmed(&town.servers[0].records, rogue.session), !verified);
        // A second, other answer is not heard.
        rogue.opened(&mut town, !verified);
        assert_eq!(town.events_of(&town.servers[0].records), [Event::KeyWiped, Event::Closed]);
        // With a false receipt it ends the session; whether that is called complete depends on its first word. A signature proves
        // who claims, not that it happened.
        let member = &rogue.member;
        let false_receipt = erased(member, rogue.session, receipt(member, rogue.session, Event::Erased));
        rogue.send(&mut town, false_receipt);
        let ended = outcome(&town.servers[0].records, rogue.session);
        assert_eq!(ended, Some(if verified { Outcome::Complete } else { Outcome::Unresolved }));
        nothing_is_left(&mut town);
    }
}

#[test]
fn a_kiosk_cannot_have_its_receipt_counted_before_the_key_is_gone_from_the_issuer() {
    let (mut town, rogue) = rogue();
    let member = rogue.member.clone();
    let early = erased(&member, rogue.session, receipt(&member, rogue.session, Event::Erased));
    // Straight to the issuer, as a kiosk with a relay for an accomplice can.
    let refused = town.deliver(Hop { link: 2, up: true, end: 0, bytes: early });
    assert_eq!(refused, Err((Role::Issuer, Error::UnexpectedMessage { message: "Erased" })));
    assert_eq!(town.servers[0].machine.open_sessions(), 1);
    nothing_is_left(&mut town);
    assert_eq!(outcome(&town.servers[0].records, rogue.session), Some(Outcome::Ended));
}

#[test]
fn asking_for_chunks_again_and_again_is_bounded_and_then_the_session_is_erased() {
    let (mut town, rogue) = rogue();
    let mut sent = 0;
    for _ in 0..1_000 {
        rogue.credit(&mut town, 0, 3);
        if rogue.chunks(&town) == sent {
            break;
        }
        sent = rogue.chunks(&town);
    }
    assert!((3..=64).contains(&sent), "{sent} chunks were sent for a document of 3");
    // Not released, and erased: the issuer says why.
    assert!(!released(&town));
    assert_eq!(town.events_of(&town.servers[0].records), [Event::Erased]);
    assert!(town.errors.iter().any(|(role, error)| *role == Role::Issuer && matches!(error, Error::Busy { .. })));
    nothing_is_left(&mut town);
    assert_eq!(outcome(&town.servers[0].records, rogue.session), Some(Outcome::Ended));
}

#[test]
fn credit_beyond_every_bound_moves_no_more_than_the_window() {
    let (mut town, rogue) = rogue();
    for (from, until, more) in [(0, u32::MAX, 3), (u32::MAX, u32::MAX, 0), (3, 1, 0), (2, u32::MAX, 1), (7, 9, 0)] {
        let before = rogue.chunks(&town);
        rogue.credit(&mut town, from, until);
        assert_eq!(rogue.chunks(&town) - before, more, "from {from} until {until}");
    }
    nothing_is_left(&mut town);
}

#[test]
fn two_kiosks_of_one_name_and_different_operators_are_two_stations() {
    let mut pins = Pins::new();
    let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
    let shops = ["shops A", "shops B"].map(|operator| Member::new(Role::Kiosk, "kiosk-1", operator, &mut pins));
    let mut town = Town::new(pins, &[&issuer], Policy::default());
    for (shop, subject) in shops.iter().zip([b"holder-1", b"holder-2"]) {
        town.apply(shop, subject);
    }
    // Neither's report counts for the other's session: word for word under the other's number, or signed anew.
    assert!(town.run_until(|town| town.tape.iter().filter(|hop| hop.kind() == Some(MessageType::Offer)).count() == 6));
    let sessions = [0, 1].map(|counter| town.counters[counter].machine.id());
    assert_ne!(sessions[0], sessions[1]);
    let foreign = erased(&shops[1], sessions[0], receipt(&shops[1], sessions[0], Event::Erased));
    let cancel = crate::forge::cancel(&shops[1], sessions[0]);
    let opened = signed(&shops[1], MessageType::Opened, sessions[0], [0; 32], &body(&[Item::Flag(true)]));
    for link in [0, 2] {
        for bytes in [&foreign, &cancel, &opened] {
            let hop = Hop { link, up: true, end: town.counters[1].peer, bytes: bytes.clone() };
            assert!(town.deliver(hop).is_err(), "link {link}");
        }
    }
    town.run();
    for (counter, subject) in [b"holder-1", b"holder-2"].into_iter().enumerate() {
        assert_eq!(town.counters[counter].printed, Some(document_of(subject)));
        assert_eq!(ends(&town, counter), [Some(Outcome::Complete); 2]);
    }
    nothing_is_left(&mut town);
}
