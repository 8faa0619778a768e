//! Receipts that were not acknowledged in time: they are sent until the issuing system answers, and change nothing that was said.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use shokyo::custody::{Store, record_lost};
use shokyo::error::Error;
use shokyo::handover::relay::UPSTREAM;
use shokyo::handover::suite::StationCrypto;
use shokyo::handover::{
    Crypto, Frame, MessageType, Outbox, Outcome, Peer, Policy, Record, Relay, Suite, Suites, Unacknowledged,
};
use shokyo::types::{Role, SessionId};
use world::{Hop, Pinned, World, kind_of};

const DOWN: Peer = Peer(1);

/// A session whose kiosk's receipt never arrives, until every deadline has passed.
fn unresolved() -> World {
    let mut world = World::new(&[7; 40_000]);
    world.meddle = Box::new(|hop: &mut Hop| kind_of(&hop.bytes) != Some(MessageType::Erased));
    world.run();
    world.only_ticks();
    for station in 0..4 {
        assert_eq!(world.outcome(station), Some(Outcome::Unresolved), "station {station}");
    }
    world.meddle = Box::new(|_| true);
    world.tape.clear();
    world.errors.clear();
    world
}

fn kiosk_outbox(world: &World) -> Outbox<StationCrypto, Pinned> {
    Outbox::new(world.kiosk.crypto().clone(), world.trust.clone(), Policy::default()).unwrap()
}

fn waiting(world: &World, station: usize, position: u64) -> Unacknowledged {
    let receipt = world.receipts(station).pop().unwrap();
    let session = world.records[station][0].session();
    Unacknowledged { position, session, receipt, certificate: None }
}

/// The frame that the outbox sends next.
fn sent(outbox: &mut Outbox<StationCrypto, Pinned>) -> Vec<u8> {
    let frame = outbox.poll_transmit().expect("something is sent").frame;
    assert!(outbox.poll_transmit().is_none());
    frame
}

/// What comes down to the kiosk when this goes up from it.
fn answers(world: &mut World, frame: &[u8]) -> Vec<Vec<u8>> {
    world.tape.clear();
    world.network.push_back(Hop { link: 0, up: true, bytes: frame.to_vec() });
    world.run();
    world.tape.iter().filter(|hop| hop.link == 0 && !hop.up).map(|hop| hop.bytes.clone()).collect()
}

#[test]
fn a_receipt_that_a_deadline_left_is_kept_late_and_changes_nothing_that_was_said() {
    let mut world = unresolved();
    let said: Vec<Record> = world.records[0].clone();
    let mut outbox = kiosk_outbox(&world);
    outbox.handle_found(world.now, vec![waiting(&world, 3, 1)]).unwrap();
    let frame = sent(&mut outbox);
    let answers = answers(&mut world, &frame);
    assert_eq!(world.errors, []);
    let [answer] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(kind_of(answer), Some(MessageType::Recorded));
    // The receipt is the only thing that is new at the issuing system: the outcome and the alarm stand.
    let receipt = world.receipts(3).pop().unwrap();
    let late = Record::PeerReceipt { session: said[0].session(), receipt: receipt.clone() };
    assert_eq!(world.records[0], [said, vec![late]].concat());

    assert!(outbox.handle_frame(world.now, answer).unwrap());
    let persist = outbox.poll_persist().unwrap();
    let session = world.records[3][0].session();
    let hash = shokyo::receipt::hash(&receipt);
    assert_eq!(persist.record, Record::Acknowledged { session, receipt: hash });
    assert!(outbox.poll_persist().is_none(), "no alarm");
    // Until that is durable it stays, and is not sent.
    assert_eq!(outbox.next_deadline(), None);
    outbox.handle_persisted(persist.token);
    assert_eq!(outbox.wants().unwrap().1, 16);
    world.pass(Duration::from_secs(3600));
    outbox.handle_timeout(world.now);
    assert!(outbox.poll_transmit().is_none());
}

#[test]
fn a_receipt_that_is_missing_at_the_deadline_is_an_alarm_whichever_role_it_is_of_and_stays_one() {
    for (role, station) in [(Role::EcCentre, 1), (Role::CertificateCentre, 2), (Role::Kiosk, 3)] {
        let mut world = World::new(&[7; 40_000]);
        // Only what this role says of itself never reaches the issuing system.
        world.meddle = Box::new(move |hop: &mut Hop| {
            let frame = Frame::decode(&hop.bytes).unwrap();
            hop.link != 2 || frame.kind != MessageType::Erased || frame.role != role
        });
        world.run();
        let alarms = |world: &World, station: usize| {
            world.records[station].iter().filter(|record| matches!(record, Record::Alarm { .. })).count()
        };
        assert_eq!((world.outcome(0), alarms(&world, 0)), (None, 0), "{role}: until the deadline it may still come");
        world.only_ticks();
        for at in [0, station] {
            assert_eq!((world.outcome(at), alarms(&world, at)), (Some(Outcome::Unresolved), 1), "{role} at {at}");
        }
        // On disk, with the late receipt behind it: the alarm and the outcome are as they were.
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("issuer.sqlite3");
        let mut store = Store::open(&path).unwrap();
        world.records[0].iter().for_each(|record| store.write(record, 1).unwrap());
        let session = world.records[0][0].session();
        store.write(&Record::PeerReceipt { session, receipt: world.receipts(station).remove(0) }, 2).unwrap();
        assert!(store.write(&Record::Ended { session, outcome: Outcome::Complete }, 3).is_err());
        drop(store);
        let store = Store::open_read_only(&path).unwrap();
        assert_eq!(store.alarms().unwrap().len(), 1);
        assert!(matches!(store.session(session).unwrap().unwrap().ended, Some((Outcome::Unresolved, _))));
        let of_others = store.receipts(session).unwrap().iter().filter(|receipt| !receipt.own).count();
        assert_eq!(of_others, 3, "and all three receipts are there by now");
    }
}

#[test]
fn without_an_answer_it_is_sent_again_less_and_less_often_and_makes_room_for_others() {
    let mut world = unresolved();
    let mut outbox = kiosk_outbox(&world);
    let receipt = waiting(&world, 3, 5);
    outbox.handle_found(world.now, vec![receipt.clone()]).unwrap();
    let first = sent(&mut outbox);
    let mut pauses = Vec::new();
    while let Some(next) = outbox.next_deadline() {
        pauses.push(next.since(world.now.monotonic) / 1000);
        world.pass(Duration::from_millis(next.since(world.now.monotonic)));
        outbox.handle_timeout(world.now);
        if let Some(again) = outbox.poll_transmit() {
            assert_eq!(again.frame, first, "stored bytes, never a new message");
        }
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
    // Then others have their turn, and it comes again.
    assert_eq!(outbox.wants(), Some((5, 16)));
    outbox.handle_found(world.now, Vec::new()).unwrap();
    assert_eq!(outbox.wants(), Some((0, 16)));
    outbox.handle_found(world.now, vec![receipt]).unwrap();
    assert_eq!(sent(&mut outbox), first);
    // Nothing is sent without a connection, and everything once there is one.
    outbox.handle_peer_lost();
    assert_eq!((outbox.next_deadline(), outbox.wants()), (None, None));
    outbox.handle_peer_back(world.now);
    assert_eq!(sent(&mut outbox), first);
}

#[test]
fn an_answer_that_is_lost_is_given_again_and_a_replayed_one_does_nothing() {
    let mut world = unresolved();
    let mut outbox = kiosk_outbox(&world);
    outbox.handle_found(world.now, vec![waiting(&world, 3, 1)]).unwrap();
    let frame = sent(&mut outbox);
    let first = answers(&mut world, &frame);
    let again = answers(&mut world, &frame);
    assert_eq!((first.len(), &first), (1, &again), "the same answer, although the way back was forgotten");
    assert!(outbox.handle_frame(world.now, &again[0]).unwrap());
    assert!(outbox.poll_persist().is_some());
    assert!(outbox.handle_frame(world.now, &first[0]).unwrap(), "passed over while the first is being written");
    assert!(outbox.poll_persist().is_none());
}

#[test]
fn only_an_issuers_answer_to_this_very_frame_counts() {
    let mut world = unresolved();
    let mut outbox = kiosk_outbox(&world);
    outbox.handle_found(world.now, vec![waiting(&world, 3, 1)]).unwrap();
    let frame = sent(&mut outbox);
    let answer = answers(&mut world, &frame).remove(0);
    for at in [answer.len() - 1, answer.len() / 2, 45, 80] {
        let mut forged = answer.clone();
        forged[at] ^= 1;
        assert!(!outbox.handle_frame(world.now, &forged).unwrap_or(false), "byte {at}");
    }
    // Signed by the kiosk itself, which is no issuer.
    let real = Frame::decode(&answer).unwrap();
    for role in [Role::Kiosk, Role::Issuer] {
        let crypto = world.kiosk.crypto();
        let mut body = vec![0x82, 0xF5, 0x58, crypto.certificate().len() as u8];
        body.extend_from_slice(crypto.certificate());
        let mut forged = Frame { role, body: &body, signature: None, ..real };
        forged.signature = Some(crypto.sign(&forged.to_be_signed()).unwrap());
        assert!(matches!(outbox.handle_frame(world.now, &forged.encode()), Err(Error::Untrusted { .. })), "{role}");
    }
    assert!(outbox.poll_persist().is_none());
    // The control: the real one counts.
    assert!(outbox.handle_frame(world.now, &answer).unwrap());
}

#[test]
fn what_the_issuer_does_not_keep_is_an_alarm_here_and_not_sent_again() {
    let mut world = unresolved();
    let mut outbox = kiosk_outbox(&world);
    outbox.handle_found(world.now, vec![waiting(&world, 3, 1)]).unwrap();
    let frame = sent(&mut outbox);
    // A disk that refuses gives no answer at all.
    world.issuer.handle_frame(world.now, DOWN, &frame).unwrap();
    let persist = world.issuer.poll_persist().unwrap();
    world.issuer.handle_persist_failed(world.now, persist.token);
    assert!(world.issuer.poll_transmit().is_none());
    // The store's word that there never was such a session gives one.
    world.issuer.handle_frame(world.now, DOWN, &frame).unwrap();
    let persist = world.issuer.poll_persist().unwrap();
    world.issuer.handle_persist_refused(world.now, persist.token);
    let answer = world.issuer.poll_transmit().unwrap().frame;
    assert!(outbox.handle_frame(world.now, &answer).unwrap());
    let records: Vec<Record> = std::iter::from_fn(|| outbox.poll_persist()).map(|persist| persist.record).collect();
    assert!(matches!(records[..], [Record::Alarm { .. }, Record::Acknowledged { .. }]), "{records:?}");
}

#[test]
fn a_station_started_anew_reaches_a_session_that_is_still_waited_for_whatever_its_suite() {
    let policy = |suites| {
        let mut policy = Policy::default();
        policy.suites = suites;
        policy
    };
    let small = policy(Suites::only(Suite::X25519));
    let mut world = World::with_policies(&[7; 40_000], small, small, small);
    // The kiosk's own receipt is lost with its process.
    world.meddle = Box::new(|hop: &mut Hop| hop.link != 0 || kind_of(&hop.bytes) != Some(MessageType::Erased));
    world.run();
    assert_eq!(world.outcome(0), None);
    let mut outbox =
        Outbox::new(world.kiosk.crypto().clone(), world.trust.clone(), policy(Suites::at_least(Suite::X25519)))
            .unwrap();
    outbox.handle_found(world.now, vec![waiting(&world, 3, 1)]).unwrap();
    let frame = sent(&mut outbox);
    assert_eq!(Frame::decode(&frame).unwrap().suite, Suite::XWing, "another than the session's");
    world.meddle = Box::new(|_| true);
    answers(&mut world, &frame);
    assert_eq!(world.outcome(0), Some(Outcome::Complete));
    assert_eq!(world.errors, []);
}

#[test]
fn nobody_calls_a_session_complete_in_which_a_relay_was_lost_after_the_delivery() {
    let mut world = World::new(&[7; 40_000]);
    // The EC centre dies with its receipt, and everybody else has done their part.
    world.meddle = Box::new(|hop: &mut Hop| {
        let frame = Frame::decode(&hop.bytes).unwrap();
        (frame.kind, frame.role) != (MessageType::Erased, Role::EcCentre)
    });
    world.run();
    assert_eq!([0, 2, 3].map(|station| world.outcome(station)), [None; 3]);
    let crypto = world.kiosk_relay_crypto();
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(&directory.path().join("ec.sqlite3")).unwrap();
    store.write(&world.records[1][0], 1).unwrap();
    assert_eq!(record_lost(&crypto, &mut store, world.now.unix_ms).unwrap().len(), 1);
    let mut outbox = Outbox::new(crypto, world.trust.clone(), Policy::default()).unwrap();
    outbox.handle_found(world.now, store.unacknowledged(0, 9).unwrap()).unwrap();
    world.meddle = Box::new(|_| true);
    world.network.push_back(Hop { link: 1, up: true, bytes: sent(&mut outbox) });
    world.run();
    assert_eq!(world.errors, []);
    // Every receipt is there, before any deadline; what one of them says counts for all.
    for station in [0, 2, 3] {
        assert_eq!(world.outcome(station), Some(Outcome::Unresolved), "station {station}");
        let told = world.records[station].iter().filter(|record| matches!(record, Record::Alarm { .. })).count();
        assert_eq!(told, 1, "station {station}");
    }
}

/// So many receipts of the kiosk for sessions that nobody else ever heard of.
fn of_nowhere(world: &World, count: u64) -> Vec<Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(&directory.path().join("kiosk.sqlite3")).unwrap();
    for number in 0..count {
        let mut session = SessionId([0xEE; 32]);
        session.0[..8].copy_from_slice(&number.to_be_bytes());
        store.write(&Record::Opened { session, kind: "certificate".into() }, 1).unwrap();
    }
    record_lost(world.kiosk.crypto(), &mut store, 2).unwrap();
    let mut frames = Vec::new();
    let mut behind = 0;
    loop {
        let found = store.unacknowledged(behind, 16).unwrap();
        let Some(last) = found.last() else { return frames };
        behind = last.position;
        let mut outbox = kiosk_outbox(world);
        outbox.handle_found(world.now, found).unwrap();
        frames.extend(std::iter::from_fn(|| outbox.poll_transmit()).map(|transmit| transmit.frame));
    }
}

#[test]
fn a_flood_of_late_receipts_is_bounded_at_relay_and_issuer_and_others_still_pass() {
    let mut world = unresolved();
    let flood = of_nowhere(&world, 40);
    assert_eq!(flood.len(), 40);
    let mut policy = Policy::default();
    policy.max_sessions = 4;
    let mut relay = Relay::new(world.kiosk_relay_crypto(), world.trust.clone(), policy).unwrap();
    let passed = |relay: &mut Relay<StationCrypto, Pinned>, from: Peer, frame: &[u8]| {
        relay.handle_frame(world.now, from, frame.to_vec()).is_ok()
    };
    let count = flood.iter().filter(|frame| passed(&mut relay, Peer(7), frame)).count();
    assert_eq!(count, 4, "a quarter of sixteen ways back");
    assert!(passed(&mut relay, Peer(8), flood.last().unwrap()), "another neighbour has its own share");
    // What came from one neighbour is answered to it, and another cannot take the way over.
    assert!(!passed(&mut relay, Peer(8), &flood[0]));

    let mut asked = 0;
    for frame in &flood {
        asked += usize::from(world.issuer.handle_frame(world.now, Peer(7), frame).is_ok());
    }
    assert_eq!(asked, 16);
    let mut other = kiosk_outbox(&world);
    other.handle_found(world.now, vec![waiting(&world, 3, 1)]).unwrap();
    world.issuer.handle_frame(world.now, DOWN, &sent(&mut other)).unwrap();
}

#[test]
fn the_store_keeps_late_receipts_only_of_sessions_that_were_opened_and_only_so_many_of_each_station() {
    let world = unresolved();
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(&directory.path().join("issuer.sqlite3")).unwrap();
    let receipt = world.receipts(3).pop().unwrap();
    let session = world.records[3][0].session();
    let late = Record::PeerReceipt { session, receipt };
    assert!(matches!(store.write(&late, 1), Err(Error::WrongState { .. })), "a session of which nobody knows here");
    store.write(&Record::Opened { session, kind: "certificate".into() }, 2).unwrap();
    store.write(&Record::Alarm { session, what: "receipts are missing" }, 3).unwrap();
    store.write(&Record::Ended { session, outcome: Outcome::Unresolved }, 4).unwrap();
    store.write(&late, 5).unwrap();
    store.write(&late, 6).unwrap();
    // As many other receipts of the same session as a hostile station can sign.
    let mut kept = 1;
    for number in 0..20 {
        let other = tempfile::tempdir().unwrap();
        let mut other = Store::open(&other.path().join("kiosk.sqlite3")).unwrap();
        other.write(&Record::Opened { session, kind: format!("certificate {number}") }, 1).unwrap();
        record_lost(world.kiosk.crypto(), &mut other, 2).unwrap();
        let receipt = other.receipts(session).unwrap().remove(0).receipt;
        match store.write(&Record::PeerReceipt { session, receipt }, 7) {
            Ok(()) => kept += 1,
            Err(error) => assert!(matches!(error, Error::Busy { .. }), "{error}"),
        }
    }
    assert_eq!((kept, store.receipts(session).unwrap().len()), (4, 4));
    // It takes no other station's place.
    for relay in [1, 2] {
        let receipt = world.receipts(relay).pop().unwrap();
        store.write(&Record::PeerReceipt { session, receipt }, 7).unwrap();
    }
    assert_eq!(store.receipts(session).unwrap().len(), 6);
    store.write(&late, 8).unwrap();
    assert_eq!(store.session(session).unwrap().unwrap().ended, Some((Outcome::Unresolved, 4)));
    assert_eq!(store.alarms().unwrap().len(), 1);
}

#[test]
fn a_receipt_leaves_the_durable_outbox_when_it_is_acknowledged_and_not_before() {
    let world = unresolved();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kiosk.sqlite3");
    let mut store = Store::open(&path).unwrap();
    let receipt = world.receipts(3).pop().unwrap();
    let session = world.records[3][0].session();
    store.write(&Record::Opened { session, kind: "certificate".into() }, 1).unwrap();
    store.write(&Record::OwnReceipt { session, receipt: receipt.clone() }, 2).unwrap();
    assert_eq!(store.unacknowledged(0, 9).unwrap(), [], "while the session is open its own machine sends it");
    store.write(&Record::Ended { session, outcome: Outcome::Unresolved }, 3).unwrap();
    drop(store);
    let mut store = Store::open(&path).unwrap();
    let found = store.unacknowledged(0, 9).unwrap();
    let [waiting] = &found[..] else { panic!("{found:?}") };
    assert_eq!((waiting.session, &waiting.receipt), (session, &receipt));
    assert_eq!(store.unacknowledged(waiting.position, 9).unwrap(), []);
    store.write(&Record::Acknowledged { session, receipt: shokyo::receipt::hash(&receipt) }, 4).unwrap();
    assert_eq!(store.unacknowledged(0, 9).unwrap(), []);
    assert_eq!(store.receipts(session).unwrap().len(), 1, "the receipt itself stays");
}

#[test]
fn a_relay_started_anew_passes_a_receipt_and_its_answer_and_nothing_else() {
    let mut world = unresolved();
    world.restart_relays();
    let mut outbox = kiosk_outbox(&world);
    outbox.handle_found(world.now, vec![waiting(&world, 3, 1)]).unwrap();
    let frame = sent(&mut outbox);
    let answer = answers(&mut world, &frame).remove(0);
    assert!(outbox.handle_frame(world.now, &answer).unwrap());
    // The way back served once; what is signed badly never gets one.
    let relay = &mut world.relays[0];
    assert!(relay.handle_frame(world.now, UPSTREAM, answer).is_err());
    let mut forged = frame.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert!(relay.handle_frame(world.now, DOWN, forged).is_err());
}
