//! One kiosk or one neighbour that asks for more than its share: others are still served, and it is told.

use std::time::Duration;

use shokyo::error::Error;
use shokyo::handover::{Frame, MessageType, Outcome, Peer, Policy, Relay, frame_hash};
use shokyo::types::{Role, SessionId};

use crate::ends::{ends, nothing_is_left};
use crate::forge::{Item, body, cancel, certificate, erased, resigned, signed};
use crate::rogue::Rogue;
use crate::town::{Hop, Member, Pins, Town, document_of};

fn hello(member: &Member, number: u8) -> Vec<u8> {
    let suites = Item::Bytes(vec![1]);
    let body = body(&[Item::Text("the ward".into()), Item::Text("issuer-1".into()), suites, certificate(member)]);
    signed(member, MessageType::Hello, SessionId([number; 32]), [0; 32], &body)
}

/// An honest kiosk and one that floods, each on its own link.
fn two_kiosks(policy: Policy) -> (Town, Member, Member) {
    let mut pins = Pins::new();
    let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
    let honest = Member::new(Role::Kiosk, "kiosk-1", "shops A", &mut pins);
    let flooding = Member::new(Role::Kiosk, "kiosk-2", "shops A", &mut pins);
    let mut town = Town::new(pins, &[&issuer], policy);
    town.neighbour(&honest);
    town.neighbour(&flooding);
    (town, honest, flooding)
}

/// Frames of a type that came down on the first link for a neighbour.
fn answers(town: &Town, end: usize, kind: MessageType) -> Vec<Vec<u8>> {
    let answer = |hop: &&Hop| hop.link == 0 && !hop.up && hop.end == end && hop.kind() == Some(kind);
    town.tape.iter().filter(answer).map(|hop| hop.bytes.clone()).collect()
}

#[test]
fn a_kiosk_that_floods_with_greetings_is_refused_with_an_answer_and_others_are_served() {
    let mut policy = Policy::default();
    policy.max_sessions = 16;
    let (mut town, honest, flooding) = two_kiosks(policy);
    for number in 0..100 {
        let bytes = hello(&flooding, number);
        town.network.push_back(Hop { link: 0, up: true, end: 1, bytes });
    }
    town.run();
    let challenges = answers(&town, 1, MessageType::Challenge).len();
    let refusals = answers(&town, 1, MessageType::Cancel);
    assert_eq!((challenges, refusals.len()), (policy.max_per_kiosk, 100 - policy.max_per_kiosk));
    // Each refusal names the greeting that it answers, and says that later there may be room.
    let refused = Frame::decode(&refusals[0]).unwrap();
    assert_eq!(refused.previous, frame_hash(&hello(&flooding, refused.session.0[0])));
    assert_eq!(refused.body[1], shokyo::buffer::Cause::Busy as u8);
    let busy = |error: &&(Role, Error)| matches!(error, (Role::EcCentre, Error::Busy { .. }));
    assert_eq!(town.errors.iter().filter(busy).count(), refusals.len());
    // In the middle of it: the honest kiosk.
    let counter = town.apply(&honest, b"holder-1");
    town.run();
    assert_eq!(town.counters[counter].printed, Some(document_of(b"holder-1")));
    // When its challenges are over, the one that flooded is served again.
    town.pass(Duration::from_secs(31));
    town.run();
    let later = town.apply(&flooding, b"holder-2");
    town.run();
    assert_eq!(town.counters[later].printed, Some(document_of(b"holder-2")));
    nothing_is_left(&mut town);
}

#[test]
fn a_kiosk_with_its_share_of_sessions_open_is_refused_more_until_one_ends() {
    let (mut town, honest, busy) = two_kiosks(Policy::default());
    // Documents that nobody fetches from the printer.
    let open: Vec<_> = (0..Policy::default().max_per_kiosk)
        .map(|number| {
            let counter = town.apply(&busy, format!("holder-{number}").as_bytes());
            town.counters[counter].auto = false;
            town.run();
            assert!(town.counters[counter].machine.document().is_ok());
            counter
        })
        .collect();
    let refused = town.apply(&busy, b"holder-9");
    town.run();
    assert!(town.counters[refused].machine.is_finished(), "told at once, and erased");
    assert_eq!(town.counters[refused].records, [], "there never was a session");
    let other = town.apply(&honest, b"holder-8");
    town.run();
    assert_eq!(town.counters[other].printed, Some(document_of(b"holder-8")));
    // One is delivered, and its place is free.
    town.counters[open[0]].machine.print(town.now).unwrap();
    town.run();
    town.counters[open[0]].machine.delivered(town.now).unwrap();
    town.run();
    let next = town.apply(&busy, b"holder-7");
    town.run();
    assert_eq!(town.counters[next].printed, Some(document_of(b"holder-7")));
    assert_eq!(ends(&town, next), [Some(Outcome::Complete); 2]);
    nothing_is_left(&mut town);
}

#[test]
fn a_kiosk_that_leaves_sessions_without_receipts_behind_keeps_a_bounded_number_of_places() {
    let (mut town, honest, flooding) = two_kiosks(Policy::default());
    let most = 4 * Policy::default().max_per_kiosk;
    for _ in 0..most {
        let rogue = Rogue::new(&mut town, &flooding, b"holder-1");
        rogue.send(&mut town, cancel(&flooding, rogue.session));
        // Signed, so that the relays take it for the end of the session; and no receipt, so that the issuer waits for one.
        rogue.send(&mut town, erased(&flooding, rogue.session, b"no receipt".to_vec()));
    }
    assert_eq!(town.servers[0].machine.open_sessions(), most);
    let refused = town.apply(&flooding, b"holder-2");
    town.run();
    assert!(town.counters[refused].machine.is_finished(), "told at once");
    assert_eq!(town.counters[refused].records, [], "there never was a session");
    let counter = town.apply(&honest, b"holder-3");
    town.run();
    assert_eq!(town.counters[counter].printed, Some(document_of(b"holder-3")));
    nothing_is_left(&mut town);
}

#[test]
fn greetings_in_anothers_name_take_nothing_of_its_share() {
    let (mut town, honest, flooding) = two_kiosks(Policy::default());
    for number in 0..20 {
        // With the honest kiosk's certificate and the flooding one's signature; on both links.
        for end in [0, 1] {
            let bytes = resigned(&flooding, &hello(&honest, number));
            let refused = town.deliver(Hop { link: 0, up: true, end, bytes });
            assert_eq!(refused, Err((Role::EcCentre, Error::BadSignature)));
        }
        // Real ones of the honest kiosk's, caught and sent by another: they count for the link on which they come.
        town.network.push_back(Hop { link: 0, up: true, end: 1, bytes: hello(&honest, 100 + number) });
    }
    town.relays[0].handle_timeout(town.now);
    let mut first = town.network.clone();
    first.truncate(4);
    town.network.clear();
    let counter = town.apply(&honest, b"holder-1");
    town.network.extend(first);
    town.run();
    assert_eq!(town.counters[counter].printed, None, "the issuer counts kiosks, and sees one neighbour");
    town.pass(Duration::from_secs(31));
    let counter = town.apply(&honest, b"holder-1");
    town.run();
    assert_eq!(town.counters[counter].printed, Some(document_of(b"holder-1")), "and the next one is served");
    nothing_is_left(&mut town);
}

#[test]
fn a_neighbour_that_floods_leaves_the_others_their_share() {
    let mut pins = Pins::new();
    let kiosks: Vec<_> =
        (0..6).map(|number| Member::new(Role::Kiosk, &format!("kiosk-{number}"), "shops A", &mut pins)).collect();
    let centre = Member::new(Role::CertificateCentre, "centre-1", "the centre", &mut pins);
    let mut policy = Policy::default();
    policy.max_per_neighbour = 8;
    let trust = crate::town::Pinned(std::sync::Arc::new(pins));
    let mut relay = Relay::new(centre.crypto.clone(), trust, policy).unwrap();
    let now = shokyo::types::Now::default();
    // One EC centre brings greetings of many kiosks, each within its own share.
    let mut taken = [0; 2];
    for number in 0..12u8 {
        let kiosk = &kiosks[usize::from(number) % 4];
        match relay.handle_frame(now, Peer(1), hello(kiosk, number)) {
            Ok(()) => taken[0] += 1,
            Err(error) => assert_eq!(error, Error::Busy { what: "sessions of one neighbour", limit: 8 }),
        }
    }
    // Another EC centre finds its whole share.
    for number in 20..28u8 {
        let kiosk = &kiosks[4 + usize::from(number) % 2];
        taken[1] += usize::from(relay.handle_frame(now, Peer(2), hello(kiosk, number)).is_ok());
    }
    assert_eq!(taken, [8, 8]);
    // Everything that was refused was answered, to whom it came from.
    let mut refusals = [0; 3];
    while let Some(passing) = relay.poll_transmit() {
        if crate::town::kind_of(passing.bytes()) == Some(MessageType::Cancel) {
            refusals[passing.peer.0 as usize] += 1;
        }
        relay.handle_sent(now, passing);
    }
    assert_eq!(refusals, [0, 4, 0]);
}

#[test]
fn a_relay_whose_neighbour_takes_nothing_any_more_holds_no_more_than_its_bound() {
    let (mut town, honest, _) = two_kiosks(Policy::default());
    let counter = town.apply(&honest, b"holder-1");
    // The kiosk's link takes nothing: frames stay with the EC centre's host, which asks before it takes more.
    assert!(town.run_until(|town| town.saw(1, MessageType::Offer)));
    let chunk = |town: &mut Town| {
        town.run_until(|town| town.network.iter().any(|hop| hop.link == 1 && hop.kind() == Some(MessageType::Chunk)))
    };
    assert!(chunk(&mut town));
    let hop = town.network.iter().find(|hop| hop.link == 1 && hop.kind() == Some(MessageType::Chunk)).unwrap().clone();
    town.network.clear();
    let mut held = Vec::new();
    let mut taken = 0;
    while !town.relays[0].would_hold_too_much(&hop.bytes) {
        town.deliver(hop.clone()).unwrap();
        held.extend(std::iter::from_fn(|| town.relays[0].poll_transmit()));
        taken += 1;
        assert!(taken < 10, "64 KiB hold three chunks and no fourth");
    }
    assert_eq!(taken, 3);
    // A host that does not ask: the session ends, with everything wiped, rather than hold more.
    let refused = town.deliver(hop);
    assert!(matches!(refused, Err((Role::EcCentre, Error::Busy { .. }))), "{refused:?}");
    for passing in held {
        town.relays[0].handle_sent(town.now, passing);
    }
    town.run();
    assert_eq!(town.counters[counter].printed, None);
    assert!(town.counters[counter].machine.document().is_err());
    nothing_is_left(&mut town);
}
