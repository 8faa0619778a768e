//! The handover over a simulated network: the real machines, the real cryptography, every exit.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use shokyo::buffer::Cause;
use shokyo::error::Error;
use shokyo::handover::{MessageType, Outcome, Policy, Record, RelayEvent};
use shokyo::receipt::{Event, verify};
use shokyo::types::Role;
use world::{Hop, World, kind_of};

fn document(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64 ^ length as u64;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .collect()
}

fn drop_first(kind: MessageType) -> world::Meddle {
    let mut dropped = false;
    Box::new(move |hop: &mut Hop| {
        let drop = !dropped && kind_of(&hop.bytes) == Some(kind);
        dropped |= drop;
        !drop
    })
}

fn drop_all(kind: MessageType) -> world::Meddle {
    Box::new(move |hop: &mut Hop| kind_of(&hop.bytes) != Some(kind))
}

fn events(world: &World, station: usize) -> Vec<Event> {
    let keys = world.trust.0.values();
    world
        .receipts(station)
        .iter()
        .map(|receipt| {
            keys.clone()
                .find_map(|(_, identity)| verify(receipt, &identity.key).ok())
                .expect("a receipt verifies")
                .event
        })
        .collect()
}

fn cell_is_empty(world: &World) -> bool {
    // Nothing is open any more at either end: reading the document is refused.
    world.kiosk.document().is_err()
}

#[test]
fn a_document_of_any_size_is_delivered_once_and_erased_at_all_four() {
    for length in [1, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 300_000] {
        let document = document(length);
        let mut world = World::new(&document);
        world.run();
        assert_eq!(world.errors, [], "length {length}");
        assert_eq!(world.read_back.as_ref(), Some(&document), "length {length}");
        for station in 0..4 {
            assert_eq!(world.outcome(station), Some(Outcome::Complete), "station {station}, length {length}");
        }
        assert_eq!(events(&world, 0), [Event::KeyWiped, Event::Closed]);
        assert_eq!(events(&world, 1), [Event::RelayedNotRetained]);
        assert_eq!(events(&world, 2), [Event::RelayedNotRetained]);
        assert_eq!(events(&world, 3), [Event::Erased]);
        assert!(cell_is_empty(&world));
        assert_eq!(world.issuer.open_sessions(), 0);
    }
}

#[test]
fn twenty_megabytes_pass_and_a_relay_never_holds_more_than_64_kib() {
    let document = document(20_000_000);
    let mut world = World::new(&document);
    world.run();
    assert_eq!(world.errors, []);
    assert!(world.read_back.as_ref() == Some(&document));
    let peaks: Vec<_> = world
        .relay_events
        .iter()
        .filter_map(|(_, event)| match event {
            RelayEvent::NotRetained { peak_bytes, .. } => Some(*peak_bytes),
            _ => None,
        })
        .collect();
    assert_eq!(peaks.len(), 2);
    assert!(peaks.iter().all(|peak| (1..=64 * 1024).contains(peak)), "{peaks:?}");
}

#[test]
fn the_document_is_never_on_the_wire_in_the_clear() {
    let document = document(50_000);
    let mut world = World::new(&document);
    world.run();
    for hop in &world.tape {
        for piece in document.chunks_exact(16) {
            assert!(!hop.bytes.windows(16).any(|window| window == piece), "{:?}", kind_of(&hop.bytes));
        }
    }
    // The control: the same search finds a piece that is there.
    assert!(document.windows(16).any(|window| window == &document[4096..4112]));
}

#[test]
fn the_release_leaves_only_after_the_receipt_for_the_wipe_is_durable() {
    let mut world = World::new(&document(40_000));
    let released = |world: &World| world.tape.iter().any(|hop| kind_of(&hop.bytes) == Some(MessageType::Release));
    // Everything up to the receipt for the wipe is confirmed; that record is not.
    loop {
        let moved = world.collect() | world.deliver_one();
        if world.tape.iter().any(|hop| hop.link == 2 && kind_of(&hop.bytes) == Some(MessageType::Received)) {
            break;
        }
        assert!(moved);
    }
    world.hold_records = true;
    world.run();
    assert!(!released(&world), "nothing is released before the record");
    world.hold_records = false;
    world.run();
    assert!(released(&world), "and it is released after it");
    assert_eq!(world.outcome(0), Some(Outcome::Complete));
}

#[test]
fn a_record_that_cannot_be_written_stops_the_release_and_erases() {
    let mut world = World::new(&document(40_000));
    loop {
        let moved = world.collect() | world.deliver_one();
        if world.tape.iter().any(|hop| hop.link == 2 && kind_of(&hop.bytes) == Some(MessageType::Received)) {
            break;
        }
        assert!(moved);
    }
    let persist = std::iter::from_fn(|| world.issuer.poll_persist())
        .find(|persist| matches!(persist.record, Record::OwnReceipt { .. }))
        .unwrap();
    world.issuer.handle_persist_failed(world.now, persist.token);
    world.run();
    assert!(!world.tape.iter().any(|hop| kind_of(&hop.bytes) == Some(MessageType::Release)));
    assert_eq!(world.read_back, None);
    assert_eq!(world.outcome(3), Some(Outcome::Ended));
}

#[test]
fn either_end_can_cancel_at_any_step_and_everything_is_erased() {
    for step in 0.. {
        for by_issuer in [false, true] {
            let mut world = World::new(&document(40_000));
            world.auto_deliver = false;
            let mut moved = true;
            for _ in 0..step {
                moved = world.collect() | world.deliver_one();
            }
            if by_issuer {
                let session = world.kiosk.id();
                world.issuer.cancel(world.now, session, Cause::Requested);
            } else {
                world.cancel_kiosk();
            }
            world.run();
            assert!(world.kiosk.document().is_err() || by_issuer, "step {step}");
            world.only_ticks();
            assert!(world.kiosk.document().is_err(), "step {step}");
            assert!(world.kiosk.is_finished(), "step {step}");
            assert_eq!(world.issuer.open_sessions(), 0, "step {step}");
            assert_eq!(world.relays[0].open_sessions() + world.relays[1].open_sessions(), 0, "step {step}");
            if !moved {
                assert!(step > 20, "the walk covers the whole session");
                return;
            }
        }
    }
}

#[test]
fn from_every_step_the_clock_alone_erases() {
    for step in 0.. {
        let mut world = World::new(&document(40_000));
        world.auto_deliver = false;
        let mut moved = true;
        for _ in 0..step {
            moved = world.collect() | world.deliver_one();
        }
        world.only_ticks();
        assert!(world.kiosk.document().is_err(), "step {step}");
        assert!(world.kiosk.is_finished(), "step {step}");
        assert_eq!(world.issuer.open_sessions(), 0, "step {step}");
        assert_eq!(world.relays[0].open_sessions() + world.relays[1].open_sessions(), 0, "step {step}");
        let opened = |records: &[Record]| records.iter().any(|record| matches!(record, Record::Opened { .. }));
        let ended = |records: &[Record]| records.iter().filter(|record| matches!(record, Record::Ended { .. })).count();
        for records in &world.records {
            assert_eq!(usize::from(opened(records)), ended(records), "every opened session ends once, step {step}");
        }
        if !moved {
            assert!(step > 20);
            return;
        }
    }
}

#[test]
fn without_an_answer_to_the_release_the_issuer_records_unresolved_never_delivered() {
    let mut world = World::new(&document(40_000));
    world.meddle = drop_all(MessageType::Opened);
    world.run();
    assert!(world.read_back.is_some(), "the kiosk has delivered");
    world.only_ticks();
    assert_eq!(world.outcome(0), Some(Outcome::Unresolved));
    assert_eq!(events(&world, 0), [Event::KeyWiped, Event::Unresolved]);
}

#[test]
fn a_lost_release_is_sent_again_as_it_was_when_received_comes_again() {
    let mut world = World::new(&document(40_000));
    world.meddle = drop_first(MessageType::Release);
    world.run();
    assert_eq!(world.read_back, None);
    let received = world
        .tape
        .iter()
        .find(|hop| hop.link == 2 && kind_of(&hop.bytes) == Some(MessageType::Received))
        .unwrap()
        .clone();
    world.deliver(received);
    world.run();
    assert!(world.read_back.is_some());
    let releases: Vec<_> = world
        .tape
        .iter()
        .filter(|hop| hop.link == 1 && kind_of(&hop.bytes) == Some(MessageType::Release))
        .map(|hop| hop.bytes.clone())
        .collect();
    assert_eq!(releases.len(), 1);
    assert_eq!(world.outcome(0), Some(Outcome::Complete));
}

#[test]
fn repeated_frames_change_nothing() {
    let document = document(40_000);
    let mut world = World::new(&document);
    world.run();
    let before = world.records.clone();
    for hop in world.tape.clone() {
        world.deliver(hop);
        world.run();
    }
    assert_eq!(world.records, before);
    assert_eq!(world.read_back.as_ref(), Some(&document));
}

#[test]
fn a_changed_byte_anywhere_never_gives_another_document() {
    let document = document(40_000);
    for kind in [
        MessageType::Hello,
        MessageType::Challenge,
        MessageType::Apply,
        MessageType::Offer,
        MessageType::Chunk,
        MessageType::Received,
        MessageType::Release,
        MessageType::Opened,
        MessageType::Erased,
    ] {
        for place in [6, 60, 90, 150] {
            let mut world = World::new(&document);
            let mut done = false;
            world.meddle = Box::new(move |hop: &mut Hop| {
                if !done && kind_of(&hop.bytes) == Some(kind) && hop.bytes.len() > place {
                    done = true;
                    hop.bytes[place] ^= 0x10;
                }
                true
            });
            world.run();
            world.only_ticks();
            assert!(
                world.read_back.is_none() || world.read_back.as_ref() == Some(&document),
                "{kind:?} changed at {place}"
            );
            assert!(world.kiosk.document().is_err());
            assert_eq!(world.issuer.open_sessions(), 0);
        }
    }
}

#[test]
fn a_forged_end_does_not_make_a_relay_sign_before_the_document_has_passed() {
    let mut world = World::new(&document(40_000));
    while !world.tape.iter().any(|hop| hop.link == 2 && kind_of(&hop.bytes) == Some(MessageType::Apply)) {
        world.collect();
        world.deliver_one();
    }
    let mut real = World::new(&document(40_000));
    real.run();
    let erased =
        real.tape.iter().find(|hop| hop.link == 0 && kind_of(&hop.bytes) == Some(MessageType::Erased)).unwrap();
    let mut forged = shokyo::handover::Frame::decode(&erased.bytes).unwrap();
    forged.session = world.kiosk.id();
    for signature in [[0; 64], forged.signature.unwrap()] {
        forged.signature = Some(signature);
        world.deliver(Hop { link: 0, up: true, bytes: forged.encode() });
        let (role, error) = world.errors.pop().unwrap();
        assert_eq!(role, Role::EcCentre);
        assert!(matches!(error, Error::BadSignature | Error::Mismatch { .. }), "{error}");
    }
    world.run();
    assert_eq!(events(&world, 1), [Event::RelayedNotRetained]);
    assert_eq!(world.outcome(0), Some(Outcome::Complete));
}

#[test]
fn a_receipt_is_sent_only_once_it_is_durable() {
    let mut world = World::new(&document(1000));
    world.auto_deliver = false;
    world.run();
    world.kiosk.print(world.now).unwrap();
    world.run();
    let mut world = World::new(&document(1000));
    let sent =
        |world: &World| world.tape.iter().any(|hop| hop.link == 0 && kind_of(&hop.bytes) == Some(MessageType::Erased));
    while world.read_back.is_none() {
        world.collect();
        world.deliver_one();
    }
    world.hold_records = true;
    world.run();
    assert!(!sent(&world));
    world.hold_records = false;
    world.run();
    assert!(sent(&world));
    assert_eq!(world.outcome(3), Some(Outcome::Complete));
}

#[test]
fn a_kind_with_a_control_character_is_refused_before_anything_is_written() {
    let mut pins = std::collections::BTreeMap::new();
    let kiosk = world::station(Role::Kiosk, "kiosk-9", &mut pins);
    let application = shokyo::handover::Application {
        operator: "o",
        issuer: "issuer-1",
        kind: "certificate\n",
        copies: 1,
        subject: b"s",
        details: b"",
    };
    let now = shokyo::types::Now::default();
    let made = shokyo::handover::Kiosk::apply(now, kiosk, world::Pinned::default(), Policy::default(), &application);
    assert!(matches!(made.err(), Some(Error::Malformed { .. })));
}

#[test]
fn a_transaction_that_ends_while_printing_is_never_called_undelivered() {
    let mut world = World::new(&document(1000));
    world.auto_deliver = false;
    world.run();
    world.kiosk.print(world.now).unwrap();
    while let Some(persist) = world.kiosk.poll_persist() {
        world.records[3].push(persist.record);
        world.kiosk.handle_persisted(world.now, persist.token);
    }
    world.kiosk.cancel(world.now, Cause::DeviceFault);
    while world.kiosk.poll_event().is_some() {}
    world.run();
    assert_eq!(world.outcome(3), Some(Outcome::Unresolved));
    assert!(world.records[3].iter().any(|record| matches!(record, Record::Alarm { .. })));
    // What the kiosk does not know the issuing system does not know better.
    assert_eq!(events(&world, 3), [Event::Unresolved]);
    assert_eq!(world.outcome(0), Some(Outcome::Unresolved));
}

#[test]
fn a_document_of_another_subject_is_refused_before_any_key_moves() {
    let mut world = World::new(&document(40_000));
    world.source_subject = b"holder-0002".to_vec();
    world.run();
    assert!(world.errors.iter().any(|(role, error)| {
        *role == Role::Kiosk && matches!(error, Error::Mismatch { what } if what.contains("subject"))
    }));
    assert_eq!(world.read_back, None);
    assert!(!world.tape.iter().any(|hop| kind_of(&hop.bytes) == Some(MessageType::Release)));
    assert_eq!(world.outcome(3), Some(Outcome::Ended));
}

#[test]
fn frames_of_one_session_do_nothing_in_another() {
    let mut first = World::new(&document(40_000));
    first.run();
    let mut second = World::new(&document(50_000));
    second.auto_deliver = false;
    let mut foreign = first.tape.clone().into_iter();
    loop {
        let moved = second.collect() | second.deliver_one();
        // One frame of the other session between every two of this one, at every place it was seen.
        match foreign.next() {
            Some(hop) => {
                let before = second.kiosk.id();
                second.deliver(hop);
                assert_eq!(before, second.kiosk.id());
            }
            None if !moved => break,
            None => {}
        }
    }
    second.kiosk.print(second.now).unwrap();
    second.run();
    assert_eq!(second.read_back, Some(document(50_000)));
}

#[test]
fn an_empty_document_is_refused_with_a_clear_error_and_the_session_ends() {
    let mut world = World::new(&[]);
    world.run();
    assert!(world.errors.contains(&(Role::Issuer, Error::EmptyDocument)));
    assert_eq!(world.outcome(3), Some(Outcome::Ended));
    assert_eq!(world.outcome(0), Some(Outcome::Ended));
}

#[test]
fn a_document_above_the_limit_is_refused() {
    let mut policy = Policy::default();
    policy.max_document = 30_000;
    let mut world = World::with_policy(&document(40_000), policy);
    world.run();
    assert!(world.errors.iter().any(|(_, error)| matches!(error, Error::TooLarge { limit: 30_000, .. })));
    assert_eq!(world.read_back, None);
    assert_eq!(world.outcome(3), Some(Outcome::Ended));
}

#[test]
fn a_document_is_printed_at_most_once() {
    let mut world = World::new(&document(1000));
    world.auto_deliver = false;
    world.run();
    world.hold_records = true;
    world.kiosk.print(world.now).unwrap();
    assert!(matches!(world.kiosk.print(world.now), Err(Error::WrongState { .. })));
    assert!(matches!(world.kiosk.delivered(world.now), Err(Error::WrongState { .. })), "not before it is on record");
    world.hold_records = false;
    world.run();
    assert!(matches!(world.kiosk.print(world.now), Err(Error::WrongState { .. })));
    assert!(world.records[3].iter().filter(|record| matches!(record, Record::PrintStarted { .. })).count() == 1);
}

#[test]
fn an_application_works_once() {
    let mut world = World::new(&document(1000));
    world.run();
    let apply = world.tape.iter().find(|hop| hop.link == 2 && kind_of(&hop.bytes) == Some(MessageType::Apply)).unwrap();
    let again = world.issuer.handle_frame(world.now, shokyo::handover::Peer(1), &apply.bytes);
    assert_eq!(again, Err(Error::Replayed));
}

#[test]
fn an_application_opens_one_session_at_a_relay_even_when_that_is_forgotten() {
    let mut world = World::new(&document(1000));
    while !world.tape.iter().any(|hop| hop.link == 2 && kind_of(&hop.bytes) == Some(MessageType::Apply)) {
        world.collect();
        world.deliver_one();
    }
    let at = |link: usize, world: &World| {
        world
            .tape
            .iter()
            .find(|hop| hop.link == link && kind_of(&hop.bytes) == Some(MessageType::Apply))
            .unwrap()
            .bytes
            .clone()
    };
    let opened = |world: &World, relay: usize| {
        world.records[relay + 1].iter().filter(|record| matches!(record, Record::Opened { .. })).count()
    };
    let (apply, passed) = (at(0, &world), at(1, &world));
    world.deliver(Hop { link: 0, up: true, bytes: apply.clone() });
    assert!(world.errors.is_empty(), "the control: while its session is open, it only passes again");
    world.run();
    assert_eq!((world.outcome(0), opened(&world, 0), opened(&world, 1)), (Some(Outcome::Complete), 1, 1));
    for wait in [0, 3600] {
        world.pass(Duration::from_secs(wait));
        for (relay, bytes) in [&apply, &passed].into_iter().enumerate() {
            world.deliver(Hop { link: relay, up: true, bytes: bytes.clone() });
            assert!(matches!(world.errors.pop(), Some((_, Error::Replayed))), "after {wait} s");
        }
    }
    world.run();
    assert_eq!((opened(&world, 0), opened(&world, 1)), (1, 1));
    assert!(world.relays.iter().all(|relay| relay.open_sessions() == 0));
}

#[test]
fn a_challenge_expires() {
    let mut world = World::new(&document(1000));
    let mut world_clock = Duration::ZERO;
    while !world.tape.iter().any(|hop| hop.link == 0 && kind_of(&hop.bytes) == Some(MessageType::Challenge)) {
        world.collect();
        world.deliver_one();
        world_clock += Duration::from_millis(1);
    }
    let apply = loop {
        world.collect();
        if let Some(hop) = world.network.pop_front() {
            break hop;
        }
    };
    world.now.monotonic = world.now.monotonic.after(Duration::from_secs(31));
    let late = world.issuer.handle_frame(world.now, shokyo::handover::Peer(1), &apply.bytes);
    assert_eq!(late, Err(Error::Replayed));
    assert_eq!(world.issuer.open_sessions(), 0);
}
