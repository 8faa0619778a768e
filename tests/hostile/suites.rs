//! Attempts to have a session use the weaker suite: by changing numbers on the way, by offering nothing else.

use shokyo::error::Error;
use shokyo::handover::{Crypto, Frame, MessageType, Outcome, Policy, Suite, Suites, frame_hash};
use shokyo::types::Role;

use crate::ends::{ends, nothing_is_left};
use crate::forge::{Item, body, certificate, items};
use crate::town::{Hop, Member, Town, document_of, kind_of};

fn policy(suites: Suites) -> Policy {
    let mut policy = Policy::default();
    policy.suites = suites;
    policy
}

/// A town whose stations accept both suites.
fn both() -> (Town, Member, Member) {
    let (mut town, issuer, kiosk) = Town::usual(policy(Suites::at_least(Suite::X25519)));
    town.apply(&kiosk, b"holder-1");
    (town, issuer, kiosk)
}

fn with_suite(bytes: &[u8], suite: Suite) -> Vec<u8> {
    let mut frame = Frame::decode(bytes).unwrap();
    frame.suite = suite;
    frame.encode()
}

#[test]
fn the_suite_of_no_frame_can_be_changed_on_the_way() {
    let (mut town, ..) = both();
    let mut tried = std::collections::BTreeSet::new();
    loop {
        while town.collect() {}
        let Some(next) = town.network.front().cloned() else { break };
        assert_eq!(Frame::decode(&next.bytes).unwrap().suite, Suite::XWing, "the strongest that both accept");
        if (next.link, next.up) == (2, true) || (next.link, next.up) == (0, false) {
            let weaker = Hop { bytes: with_suite(&next.bytes, Suite::X25519), ..next.clone() };
            let refused = town.deliver(weaker);
            assert!(refused.is_err(), "{:?}", next.kind());
            tried.insert(next.kind().unwrap());
        }
        town.deliver_one();
    }
    // The control: every frame as it was, after its weakened copy, made the session that it would have been.
    assert_eq!(tried.len(), 11, "{tried:?}");
    assert_eq!(town.counters[0].printed, Some(document_of(b"holder-1")));
    assert_eq!(ends(&town, 0), [Some(Outcome::Complete); 2]);
    nothing_is_left(&mut town);
}

#[test]
fn the_list_in_a_greeting_cannot_be_shortened_on_the_way() {
    let (mut town, ..) = both();
    town.collect();
    let hello = town.network.front().unwrap().clone();
    let frame = Frame::decode(&hello.bytes).unwrap();
    let mut hello_items = items(frame.body);
    assert_eq!(hello_items[2], Item::Bytes(vec![1, 2]));
    hello_items[2] = Item::Bytes(vec![2]);
    let shorter = body(&hello_items);
    let weaker = Frame { body: &shorter, ..frame }.encode();
    for link in [0, 1, 2] {
        let refused = town.deliver(Hop { link, up: true, end: 0, bytes: weaker.clone() });
        assert_eq!(refused.unwrap_err().1, Error::BadSignature, "link {link}");
    }
    town.run();
    assert_eq!(town.counters[0].printed, Some(document_of(b"holder-1")));
    assert!(town.tape.iter().all(|hop| Frame::decode(&hop.bytes).unwrap().suite == Suite::XWing));
}

#[test]
fn an_issuer_that_offers_the_weaker_suite_alone_is_not_served_by_a_kiosk_that_wants_the_stronger() {
    // Honest on both sides: it is said, and both end.
    let (mut town, _, kiosk) = Town::usual(policy(Suites::only(Suite::X25519)));
    town.policy = policy(Suites::only(Suite::XWing));
    town.apply(&kiosk, b"holder-1");
    town.run();
    assert!(town.errors.contains(&(Role::Issuer, Error::UnsupportedSuite { found: 1 })), "{:?}", town.errors);
    assert!(town.tape.iter().any(|hop| hop.link == 0 && hop.kind() == Some(MessageType::Cancel)));
    assert!(!town.saw(0, MessageType::Apply), "the application never left the kiosk");
    nothing_is_left(&mut town);
    // The control: a kiosk that accepts it is served.
    town.policy = policy(Suites::at_least(Suite::X25519));
    let other = town.apply(&kiosk, b"holder-1");
    town.run();
    assert_eq!(town.counters[other].printed, Some(document_of(b"holder-1")));
    assert_eq!(Frame::decode(&town.find(0, MessageType::Apply).bytes).unwrap().suite, Suite::X25519);
    nothing_is_left(&mut town);
}

#[test]
fn an_issuer_that_signs_a_challenge_in_the_weaker_suite_ends_the_transaction_of_a_kiosk_that_wants_the_stronger() {
    let (mut town, issuer, kiosk) = Town::usual(Policy::default());
    let counter = town.apply(&kiosk, b"holder-1");
    assert!(town.run_until(|town| town.saw(2, MessageType::Hello)));
    let hello = town.find(2, MessageType::Hello);
    // The issuer's own key, whoever has it now.
    let (_private, public_key) = issuer.crypto.generate(Suite::X25519).unwrap();
    let challenge = body(&[
        Item::Bytes(vec![1; 32]),
        Item::Bytes(vec![2; 16]),
        Item::Bytes(public_key),
        Item::Number(30_000),
        certificate(&issuer),
    ]);
    let mut frame = Frame {
        suite: Suite::X25519,
        kind: MessageType::Challenge,
        role: Role::Issuer,
        session: hello.session(),
        previous: frame_hash(&hello.bytes),
        body: &challenge,
        signature: None,
    };
    frame.signature = Some(issuer.crypto.sign(&frame.to_be_signed()).unwrap());
    let refused = town.deliver(Hop { link: 0, up: false, end: 0, bytes: frame.encode() });
    assert_eq!(refused, Err((Role::Kiosk, Error::UnsupportedSuite { found: 2 })));
    town.run();
    assert_eq!(town.counters[counter].printed, None);
    assert!(!town.tape.iter().any(|hop| kind_of(&hop.bytes) == Some(MessageType::Apply)));
    nothing_is_left(&mut town);
}
