//! What a session survives and what it does not: lost frames, lost connections, relays that attach, suites that differ.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use shokyo::error::Error;
use shokyo::handover::{
    Deadline, Frame, IssuerEvent, KioskEvent, MessageType, Outcome, Policy, Record, RelayEvent, Suite, Suites,
};
use shokyo::types::{Role, Roles};
use world::{World, kind_of};

fn document() -> Vec<u8> {
    (0..100_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// One frame on any hop.
fn step(world: &mut World) -> bool {
    world.collect() | world.deliver_one()
}

fn wait(world: &mut World, seconds: u64) {
    for _ in 0..seconds {
        world.pass(Duration::from_secs(1));
        world.run();
    }
}

fn suite_of(bytes: &[u8]) -> Suite {
    Frame::decode(bytes).unwrap().suite
}

fn with(suites: Suites) -> Policy {
    let mut policy = Policy::default();
    policy.suites = suites;
    policy
}

#[test]
fn a_connection_that_is_lost_and_comes_back_at_any_moment_of_a_session_loses_nothing() {
    let document = document();
    for link in 0..3 {
        let mut lost_at = 0;
        loop {
            let mut world = World::new(&document);
            // Before an application is sent, a kiosk begins anew.
            while world.kiosk_events.is_empty() {
                step(&mut world);
            }
            let mut moved = true;
            for _ in 0..lost_at {
                moved &= step(&mut world);
            }
            world.lose_connection(link);
            wait(&mut world, 3);
            world.regain_connection(link);
            wait(&mut world, 10);
            let when = format!("link {link} lost after {lost_at} frames: {:?}", world.errors);
            assert!(world.read_back.as_ref() == Some(&document), "{when}");
            for station in 1..4 {
                assert_eq!(world.outcome(station), Some(Outcome::Complete), "station {station}, {when}");
            }
            assert_eq!(world.outcome(0), Some(Outcome::Complete), "{when}");
            if !moved {
                break;
            }
            lost_at += 3;
        }
    }
}

#[test]
fn a_connection_that_stays_lost_ends_the_session_at_the_reconnect_deadline_and_everything_is_erased() {
    for link in 0..3 {
        let mut world = World::new(&document());
        while !world.tape.iter().any(|hop| hop.link == 0 && kind_of(&hop.bytes) == Some(MessageType::Chunk)) {
            step(&mut world);
        }
        world.lose_connection(link);
        world.meddle = Box::new(move |hop| hop.link != link);
        wait(&mut world, 11);
        let alarm = |station: usize| {
            world.records[station]
                .iter()
                .any(|record| matches!(record, Record::Alarm { what, .. } if what.contains("reconnect deadline")))
        };
        match link {
            0 => assert!(alarm(3) && alarm(1)),
            1 => assert!(alarm(1) && alarm(2)),
            _ => assert!(alarm(2) && alarm(0)),
        }
        assert!(world.kiosk.document().is_err());
        assert_eq!(world.read_back, None);
        world.only_ticks();
        assert_eq!(world.issuer.open_sessions() + world.relays[0].open_sessions() + world.relays[1].open_sessions(), 0);
        assert!(!world.records.iter().flatten().any(|r| matches!(r, Record::Ended { outcome: Outcome::Complete, .. })));
    }
}

#[test]
fn a_document_that_is_open_may_be_delivered_without_a_connection() {
    let mut world = World::new(&document());
    world.auto_deliver = false;
    world.run();
    world.lose_connection(0);
    wait(&mut world, 30);
    assert!(world.kiosk.document().is_ok());
    world.kiosk.print(world.now).unwrap();
    world.run();
    assert!(world.read_back == Some(document()));
}

#[test]
fn any_one_frame_that_is_lost_on_any_hop_is_made_up_for() {
    use MessageType::{Apply, Attachment, Chunk, Complete, Credit, Erased, Offer, Received, Release};
    for kind in [Apply, Offer, Credit, Chunk, Received, Release, Erased, Complete, Attachment] {
        for link in 0..3 {
            let mut policy = Policy::default();
            policy.attachments = Roles::NONE.with(Role::CertificateCentre);
            let mut world = World::with_policy(&document(), policy);
            world.attachments[1] = Some(b"parameters".to_vec());
            let mut lost = false;
            world.meddle = Box::new(move |hop| {
                let drop = !lost && hop.link == link && kind_of(&hop.bytes) == Some(kind);
                lost |= drop;
                !drop
            });
            world.run();
            wait(&mut world, 12);
            assert!(world.read_back == Some(document()), "{kind:?} lost on link {link}: {:?}", world.errors);
            for station in 0..4 {
                let outcome = world.outcome(station);
                assert_eq!(outcome, Some(Outcome::Complete), "{kind:?} lost on link {link}, station {station}");
            }
        }
    }
}

#[test]
fn the_strongest_suite_that_both_accept_is_used_in_every_frame() {
    let both = Suites::at_least(Suite::X25519);
    let small = Suites::only(Suite::X25519);
    for (issuer, kiosk, expected) in
        [(both, both, Suite::XWing), (both, small, Suite::X25519), (small, both, Suite::X25519)]
    {
        let mut world = World::with_policies(&document(), with(issuer), Policy::default(), with(kiosk));
        world.run();
        assert_eq!(world.errors, []);
        assert!(world.read_back == Some(document()));
        let after_hello = world.tape.iter().filter(|hop| kind_of(&hop.bytes) != Some(MessageType::Hello));
        assert!(after_hello.map(|hop| suite_of(&hop.bytes)).all(|suite| suite == expected));
        for station in 0..4 {
            assert_eq!(world.outcome(station), Some(Outcome::Complete), "station {station}");
        }
    }
}

#[test]
fn without_a_common_suite_nothing_begins_and_nothing_falls_back() {
    let strong = with(Suites::at_least(Suite::XWing));
    let mut world = World::with_policies(&document(), strong, Policy::default(), with(Suites::only(Suite::X25519)));
    world.run();
    assert!(world.errors.contains(&(Role::Issuer, Error::UnsupportedSuite { found: 2 })));
    assert!(world.kiosk.is_finished(), "the refusal reaches the kiosk");
    assert!(world.tape.iter().all(|hop| kind_of(&hop.bytes) != Some(MessageType::Apply)));
}

#[test]
fn a_relay_cannot_change_the_suite_of_any_message() {
    let both = with(Suites::at_least(Suite::X25519));
    for kind in
        [MessageType::Hello, MessageType::Challenge, MessageType::Apply, MessageType::Offer, MessageType::Release]
    {
        let mut world = World::with_policy(&document(), both);
        world.meddle = Box::new(move |hop| {
            // The third byte, after the array's head and the version.
            if kind_of(&hop.bytes) == Some(kind) && hop.bytes[2] == Suite::XWing as u8 {
                hop.bytes[2] = Suite::X25519 as u8;
            }
            true
        });
        world.run();
        assert!(!world.errors.is_empty(), "{kind:?}");
        assert!(world.read_back.is_none(), "{kind:?}");
        world.only_ticks();
        assert!(world.kiosk.is_finished());
    }
}

fn with_attachment() -> World {
    let mut policy = Policy::default();
    policy.attachments = Roles::NONE.with(Role::CertificateCentre);
    World::with_policy(&document(), policy)
}

#[test]
fn what_a_relay_attaches_reaches_the_kiosk_signed_before_it_acknowledges() {
    let mut world = with_attachment();
    world.attachments[1] = Some(b"parameters against forgery".to_vec());
    world.run();
    assert_eq!(world.errors, []);
    assert!(world.read_back == Some(document()));
    let expected = KioskEvent::Attached { role: Role::CertificateCentre, data: b"parameters against forgery".to_vec() };
    let attached = world.kiosk_events.iter().position(|event| *event == expected).unwrap();
    let received = world.kiosk_events.iter().position(|event| *event == KioskEvent::Received).unwrap();
    assert!(attached < received);
}

#[test]
fn without_a_required_attachment_the_kiosk_never_acknowledges_and_no_key_moves() {
    let mut world = with_attachment();
    world.run();
    wait(&mut world, 61);
    assert!(world.kiosk_events.contains(&KioskEvent::DeadlineExceeded { deadline: Deadline::Transmit }));
    assert!(
        !world.tape.iter().any(|hop| matches!(kind_of(&hop.bytes), Some(MessageType::Received | MessageType::Release)))
    );
    world.only_ticks();
    assert_eq!(world.read_back, None);
}

#[test]
fn a_changed_attachment_is_refused_and_one_of_another_relay_does_not_count() {
    let mut world = with_attachment();
    world.attachments[1] = Some(b"parameters".to_vec());
    world.meddle = Box::new(|hop| {
        if kind_of(&hop.bytes) == Some(MessageType::Attachment) {
            let at = hop.bytes.windows(10).position(|window| window == b"parameters").unwrap();
            hop.bytes[at] ^= 1;
        }
        true
    });
    world.run();
    assert!(world.errors.contains(&(Role::EcCentre, Error::BadSignature)));
    assert_eq!(world.read_back, None);

    let mut world = with_attachment();
    world.attachments[0] = Some(b"parameters".to_vec());
    world.run();
    assert_eq!(world.read_back, None, "the EC centre's is not the certificate centre's");
}

#[test]
fn a_relay_attaches_once_to_an_offer_that_has_passed_and_at_most_4096_bytes() {
    let mut world = World::new(&document());
    while !world.relay_events.iter().any(|(index, event)| *index == 1 && matches!(event, RelayEvent::Offered { .. })) {
        step(&mut world);
    }
    let (now, session) = (world.now, world.kiosk.id());
    assert!(matches!(world.relays[1].attach(now, session, &[0; 4097]), Err(Error::TooLarge { limit: 4096, .. })));
    world.relays[1].attach(now, session, &[0; 4096]).unwrap();
    assert!(matches!(world.relays[1].attach(now, session, b"again"), Err(Error::WrongState { .. })));
    world.run();
    assert_eq!(world.errors, []);
    assert!(matches!(world.relays[1].attach(now, session, b"late"), Err(Error::WrongState { .. })));
}

#[test]
fn every_deadline_that_passes_is_an_event_and_a_record_that_a_later_success_leaves_there() {
    // The kiosk takes longer to deliver than the issuing system waits; what comes late still comes.
    let mut policy = Policy::default();
    policy.deliver = Duration::from_secs(5);
    policy.receipt = Duration::from_secs(5);
    let mut world = World::with_policies(&document(), policy, Policy::default(), Policy::default());
    world.auto_deliver = false;
    world.run();
    wait(&mut world, 11);
    let session = world.kiosk.id();
    assert!(world.issuer_events.contains(&IssuerEvent::DeadlineExceeded { session, deadline: Deadline::Receipt }));
    world.kiosk.print(world.now).unwrap();
    world.run();
    assert!(world.read_back == Some(document()));
    let alarm = world.records[0].iter().position(|record| matches!(record, Record::Alarm { .. })).unwrap();
    assert!(
        world.records[0][alarm..]
            .iter()
            .all(|record| !matches!(record, Record::Ended { outcome: Outcome::Complete, .. }))
    );
    assert_eq!(world.outcome(0), Some(Outcome::Unresolved));
}

#[test]
fn an_issuing_system_that_restarted_refuses_an_application_that_comes_again() {
    let mut world = World::new(&document());
    world.meddle = Box::new(|hop| kind_of(&hop.bytes) != Some(MessageType::Offer));
    world.run();
    world.restart_issuer();
    world.meddle = Box::new(|_| true);
    wait(&mut world, 3);
    assert!(world.errors.contains(&(Role::Issuer, Error::Replayed)));
    assert!(world.kiosk_events.iter().any(|event| matches!(event, KioskEvent::Erased { verified: true, .. })));
}

#[test]
fn a_session_that_ended_before_its_record_was_refused_was_never_there() {
    let mut world = World::new(&document());
    for _ in 0..1_000 {
        world.collect();
        if world.network.front().is_some_and(|hop| hop.link == 0 && kind_of(&hop.bytes) == Some(MessageType::Apply)) {
            break;
        }
        world.deliver_one();
    }
    world.hold_records = true;
    world.deliver_one();
    assert_eq!(world.relays[0].open_sessions(), 1);
    world.pass(Policy::default().transmit + Duration::from_secs(1));
    world.collect();
    let opened = world.relays[0].poll_persist().unwrap();
    assert!(matches!(opened.record, Record::Opened { .. }));
    // The deadline is on record, and nothing claims that anything was passed on or not retained.
    world.relays[0].handle_persist_failed(world.now, opened.token);
    assert_eq!(world.relays[0].open_sessions(), 0);
    while let Some(persist) = world.relays[0].poll_persist() {
        assert!(matches!(persist.record, Record::Alarm { .. }), "{:?}", persist.record);
    }
    assert!(!world.network.iter().any(|hop| hop.link == 1 && kind_of(&hop.bytes) == Some(MessageType::Apply)));
}
