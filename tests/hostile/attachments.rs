//! What relays attach to an offer: by whom, once, and to this offer.

use shokyo::error::Error;
use shokyo::handover::{Frame, KioskEvent, MessageType, Outcome, Policy, frame_hash};
use shokyo::types::{Role, Roles};

use crate::ends::{ends, nothing_is_left};
use crate::forge::{Item, body, certificate, signed, signed_as};
use crate::town::{Hop, Member, Pins, Town, document_of};

struct Attaching {
    town: Town,
    ec: Member,
    centre: Member,
    issuer: Member,
    stranger: Member,
}

/// A kiosk that waits for the centre's parameters, up to the offer.
fn attaching(attached: Option<&[u8]>) -> Attaching {
    let mut pins = Pins::new();
    let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
    let kiosk = Member::new(Role::Kiosk, "kiosk-1", "shops A", &mut pins);
    let stranger = Member::new(Role::Kiosk, "kiosk-2", "shops A", &mut pins);
    let ec = Member::new(Role::EcCentre, "ec-1", "shops A", &mut pins);
    let centre = Member::new(Role::CertificateCentre, "centre-1", "the centre", &mut pins);
    let mut policy = Policy::default();
    policy.attachments = Roles::NONE.with(Role::CertificateCentre);
    let mut town = Town::with_relays(pins, &[&issuer], &[&ec, &centre], policy);
    town.attachments[1] = attached.map(<[u8]>::to_vec);
    town.apply(&kiosk, b"holder-1");
    assert!(town.run_until(|town| town.saw(0, MessageType::Offer)));
    Attaching { town, ec, centre, issuer, stranger }
}

fn to_kiosk(bytes: Vec<u8>) -> Hop {
    Hop { link: 0, up: false, end: 0, bytes }
}

fn attached(town: &Town) -> usize {
    town.counters[0].events.iter().filter(|event| matches!(event, KioskEvent::Attached { .. })).count()
}

fn data(by: &Member, data: &[u8]) -> Vec<u8> {
    body(&[Item::Bytes(data.to_vec()), certificate(by)])
}

#[test]
fn an_attachment_counts_only_when_the_relay_of_its_role_signed_it() {
    let Attaching { mut town, ec, centre, issuer, stranger } = attaching(Some(b"parameters"));
    let session = town.counters[0].machine.id();
    let offer = frame_hash(&town.find(0, MessageType::Offer).bytes);
    let kind = MessageType::Attachment;
    let refused = [
        // The EC centre in the centre's place: with its own certificate, and with the centre's.
        signed_as(&ec, Role::CertificateCentre, kind, session, offer, &data(&ec, b"x")),
        signed_as(&ec, Role::CertificateCentre, kind, session, offer, &data(&centre, b"x")),
        signed(&issuer, kind, session, offer, &data(&issuer, b"x")),
        signed(&stranger, kind, session, offer, &data(&stranger, b"x")),
    ];
    for (number, forged) in refused.into_iter().enumerate() {
        let answer = town.deliver(to_kiosk(forged));
        assert!(matches!(answer, Err((_, Error::Untrusted { .. } | Error::BadSignature))), "{number}: {answer:?}");
    }
    assert_eq!(attached(&town), 0);
    town.run();
    // The control: the centre's own.
    assert_eq!(attached(&town), 1);
    assert_eq!(town.counters[0].printed, Some(document_of(b"holder-1")));
    assert_eq!(ends(&town, 0), [Some(Outcome::Complete); 2]);
    nothing_is_left(&mut town);
}

#[test]
fn without_the_attachment_that_must_be_there_no_key_moves() {
    for other in [None, Some(b"the EC centre's is another".to_vec())] {
        let Attaching { mut town, .. } = attaching(None);
        town.attachments[0] = other;
        town.wait(70);
        assert!(!town.saw(0, MessageType::Received) && !town.saw(2, MessageType::Release));
        assert_eq!(town.counters[0].printed, None);
        assert_eq!(ends(&town, 0)[0], Some(Outcome::Ended));
        nothing_is_left(&mut town);
    }
}

#[test]
fn an_attachment_repeated_is_counted_once_and_a_second_one_ends_the_transaction() {
    let Attaching { mut town, centre, .. } = attaching(Some(b"parameters"));
    assert!(town.run_until(|town| town.saw(0, MessageType::Attachment)));
    let first = town.find(0, MessageType::Attachment);
    assert_eq!(attached(&town), 0, "events are collected by the next step");
    town.collect();
    for _ in 0..3 {
        town.deliver(first.clone()).unwrap();
    }
    town.collect();
    assert_eq!(attached(&town), 1);
    let frame = Frame::decode(&first.bytes).unwrap();
    let second = signed(&centre, MessageType::Attachment, frame.session, frame.previous, &data(&centre, b"others"));
    let refused = town.deliver(to_kiosk(second));
    assert!(matches!(refused, Err((Role::Kiosk, Error::Mismatch { .. }))), "{refused:?}");
    town.run();
    assert_eq!(town.counters[0].printed, None);
    assert!(!town.saw(2, MessageType::Release));
    nothing_is_left(&mut town);
}

#[test]
fn an_attachment_to_another_offer_ends_the_transaction() {
    let Attaching { mut town, centre, .. } = attaching(Some(b"parameters"));
    let session = town.counters[0].machine.id();
    let other = signed(&centre, MessageType::Attachment, session, [3; 32], &data(&centre, b"parameters"));
    let refused = town.deliver(to_kiosk(other));
    assert!(matches!(refused, Err((Role::Kiosk, Error::Mismatch { .. }))), "{refused:?}");
    town.run();
    assert_eq!(town.counters[0].printed, None);
    assert!(!town.saw(2, MessageType::Release));
    nothing_is_left(&mut town);
}
