//! Whole issuances from station to station, and what is left of them: receipts that verify, and stores that hold together.

use std::ptr::null_mut;

use shokyo::buffer::Cause;
use shokyo::custody::{LogCheck, check_session, verify_log};
use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;
use shokyo::handover::{MessageType, Outcome};
use shokyo::receipt::{Event, Statement};
use shokyo::types::{Role, SessionId};

use crate::town::*;

#[test]
fn a_document_goes_from_the_issuer_to_the_kiosk_and_is_erased_everywhere() {
    let mut town = Town::new();
    town.attach = true;
    town.get_ready();
    let ready = *town.happened(Role::Kiosk, SHOKYO_EVENT_READY).unwrap();
    assert_eq!(ready.length, 50_000);
    let application = *town.happened(Role::Issuer, SHOKYO_EVENT_APPLICATION).unwrap();
    assert_eq!((text(&application.document_kind), text(&application.kiosk)), (KIND, "kiosk-1"));
    assert_eq!((application.copies, application.session), (1, ready.session));

    let attached = town.happened(Role::Kiosk, SHOKYO_EVENT_ATTACHED).unwrap();
    assert_eq!((attached.role, attached.length), (SHOKYO_ROLE_CERTIFICATE_CENTRE, 10));
    let (mut data, mut length) = ([0_u8; 10], 0);
    let attachment = |data: &mut [u8], length: &mut usize, role| unsafe {
        shokyo_kiosk_attachment(town.kiosk, role, data.as_mut_ptr().cast(), data.len(), length)
    };
    assert_eq!(attachment(&mut data[..9], &mut length, SHOKYO_ROLE_CERTIFICATE_CENTRE), Status::CapacityTooSmall);
    assert_eq!((length, data), (10, [0; 10]));
    ok(attachment(&mut data, &mut length, SHOKYO_ROLE_CERTIFICATE_CENTRE));
    assert_eq!((length, &data), (10, b"parameters"));
    assert_eq!(attachment(&mut data, &mut length, SHOKYO_ROLE_EC_CENTRE), Status::WrongState);

    let (outcome, seen) = town.read();
    ok(outcome);
    assert!(seen == town.document);
    let mut proof = [0_u8; 32];
    ok(unsafe { shokyo_kiosk_prove(town.kiosk, &town.now, b"challenge".as_ptr().cast(), 9, proof.as_mut_ptr()) });
    assert_eq!(proof, hmac(b"challenge", &town.document));

    town.print();
    assert_eq!(unsafe { shokyo_kiosk_print(town.kiosk, &town.now) }, Status::WrongState, "printed once");
    town.pass(30_000);
    ok(unsafe { shokyo_kiosk_delivered(town.kiosk, &town.now) });
    town.run();
    assert_eq!(town.read().0, Status::WrongState, "there is nothing to read any more");

    let erased = *town.happened(Role::Kiosk, SHOKYO_EVENT_ERASED).unwrap();
    assert_eq!((erased.cause, erased.verified, erased.session), (SHOKYO_CAUSE_DELIVERED, 1, ready.session));
    assert_eq!(town.happened(Role::Issuer, SHOKYO_EVENT_CLOSED).unwrap().verified, 1);
    for role in Role::ALL {
        let finished = town.happened(role, SHOKYO_EVENT_FINISHED).unwrap_or_else(|| panic!("{role}"));
        assert_eq!(finished.outcome, SHOKYO_OUTCOME_COMPLETE, "{role}");
    }
    let measured = town.happened(Role::EcCentre, SHOKYO_EVENT_NOT_RETAINED).unwrap();
    assert!(measured.frames > 8 && (16_384..=65_536).contains(&measured.peak_bytes), "{measured:?}");
    assert!(town.refused.is_empty(), "{:?}", town.refused);

    let mut finished = false;
    ok(unsafe { shokyo_kiosk_is_finished(town.kiosk, &mut finished) });
    assert!(finished);
    town.close();
    town.evidence_holds(&ready.session);
}

#[test]
fn a_document_of_the_next_persons_row_is_refused_and_erased() {
    let mut town = Town::new();
    // The issuer's software took the next person's row.
    town.row_subject = b"S-0002".to_vec();
    town.apply();
    town.run();
    assert!(town.happened(Role::Kiosk, SHOKYO_EVENT_READY).is_none());
    let erased = *town.happened(Role::Kiosk, SHOKYO_EVENT_ERASED).unwrap();
    assert_eq!((erased.cause, erased.verified), (SHOKYO_CAUSE_REFUSED, 1));
    assert!(town.refused.contains(&(Role::Kiosk, Status::Mismatch)), "{:?}", town.refused);
    assert_eq!(town.happened(Role::Issuer, SHOKYO_EVENT_ERASED).unwrap().cause, SHOKYO_CAUSE_CANCELLED);
    town.close();
    let [receipt] = &town.own_receipts(Role::Kiosk, &erased.session)[..] else { panic!() };
    assert_eq!((receipt.event, receipt.cause), (Event::Erased, Cause::Refused));
}

#[test]
fn a_release_that_was_changed_on_the_way_opens_nothing() {
    let mut town = Town::new();
    town.meddle = Box::new(|kind, frame| {
        if kind == MessageType::Release {
            *frame.last_mut().unwrap() ^= 1;
        }
        true
    });
    town.apply();
    town.run();
    assert!(town.happened(Role::Kiosk, SHOKYO_EVENT_READY).is_none());
    assert!(town.refused.iter().any(|(_, status)| *status == Status::BadSignature), "{:?}", town.refused);
    // No message is needed to erase.
    town.meddle = Box::new(|_, _| false);
    town.pass(3_600_000);
    town.tick();
    let erased = town.happened(Role::Kiosk, SHOKYO_EVENT_ERASED).unwrap();
    assert_eq!((erased.cause, erased.verified), (SHOKYO_CAUSE_DEADLINE, 1));
    let deadline = town.happened(Role::Kiosk, SHOKYO_EVENT_DEADLINE_EXCEEDED).unwrap();
    assert_eq!(deadline.deadline, SHOKYO_DEADLINE_RELEASE);
    town.close();
}

#[test]
fn deadlines_erase_at_the_time_that_is_told_and_not_before() {
    let mut town = Town::new();
    town.get_ready();
    let (mut deadline, mut is_some) = (0, false);
    ok(unsafe { shokyo_kiosk_next_deadline(town.kiosk, &mut deadline, &mut is_some) });
    assert!(is_some && deadline == town.now.monotonic_ms + 300_000, "{deadline} {}", town.now.monotonic_ms);
    town.pass(299_999);
    ok(unsafe { shokyo_kiosk_handle_timeout(town.kiosk, &town.now) });
    // One window, since the time that reading the whole document takes counts as well.
    ok(read_at(town.kiosk, &town.now, 0, |_, _| 0));
    town.pass(1);
    // Reading looks at the deadline by itself.
    let (outcome, seen) = town.read();
    assert_eq!((outcome, seen.len()), (Status::WrongState, 0));
    town.run();
    assert_eq!(town.happened(Role::Kiosk, SHOKYO_EVENT_ERASED).unwrap().cause, SHOKYO_CAUSE_DEADLINE);
    town.close();
}

#[test]
fn the_receipt_counts_a_copy_of_the_host_and_says_when_it_was_left() {
    for erase in [true, false] {
        let mut town = Town::new();
        town.get_ready();
        town.print();
        let (mut copy, mut page) = (null_mut(), vec![0xAB_u8; 3_000]);
        let now = &town.now;
        unsafe {
            for class in [0, SHOKYO_COPY_KEY, SHOKYO_COPY_CIPHERTEXT, SHOKYO_COPY_DERIVATIVE + 1, u32::MAX] {
                let outcome = shokyo_kiosk_register_copy(town.kiosk, now, class, &mut copy);
                assert_eq!((outcome, copy.is_null()), (Status::InvalidArgument, true), "{class}");
            }
            ok(shokyo_kiosk_register_copy(town.kiosk, now, SHOKYO_COPY_DERIVATIVE, &mut copy));
            assert_eq!(shokyo_kiosk_delivered(town.kiosk, now), Status::WrongState);
            if erase {
                assert_eq!(shokyo_copy_erase(copy, page.as_mut_ptr().cast(), 0), Status::InvalidArgument);
                ok(shokyo_copy_erase(copy, page.as_mut_ptr().cast(), page.len()));
                assert_eq!(page, [0; 3_000]);
                assert_eq!(shokyo_copy_erase(copy, page.as_mut_ptr().cast(), 1), Status::InvalidHandle);
                ok(shokyo_kiosk_delivered(town.kiosk, now));
            } else {
                // The deadline does not wait for it.
                town.pass(300_000);
                town.tick();
            }
        }
        town.run();
        let erased = *town.happened(Role::Kiosk, SHOKYO_EVENT_ERASED).unwrap();
        assert_eq!(erased.verified, u32::from(erase));
        if !erase {
            // Too late: the receipt is made. The memory is wiped all the same.
            let outcome = unsafe { shokyo_copy_erase(copy, page.as_mut_ptr().cast(), page.len()) };
            assert_eq!((outcome, &page[..]), (Status::WrongState, &[0; 3_000][..]));
        }
        town.close();
        let [receipt] = &town.own_receipts(Role::Kiosk, &erased.session)[..] else { panic!() };
        let event = if erase { Event::Erased } else { Event::NotErased };
        assert_eq!(receipt.event, event);
    }
}

#[test]
fn a_relay_reports_only_when_every_frame_was_given_back() {
    let mut town = Town::new();
    town.keep_a_ticket = true;
    town.get_ready();
    town.print();
    ok(unsafe { shokyo_kiosk_delivered(town.kiosk, &town.now) });
    town.run();
    assert!(town.happened(Role::CertificateCentre, SHOKYO_EVENT_NOT_RETAINED).is_some());
    assert!(town.happened(Role::EcCentre, SHOKYO_EVENT_NOT_RETAINED).is_none(), "a frame is still out");
    assert!(town.happened(Role::Issuer, SHOKYO_EVENT_FINISHED).is_none());
    town.pass(5_000);
    ok(unsafe { shokyo_relay_handle_sent(town.ec, &town.now, town.kept_ticket) });
    town.run();
    let measured = town.happened(Role::EcCentre, SHOKYO_EVENT_NOT_RETAINED).unwrap();
    assert!(measured.longest_hold_ms >= 5_000, "{measured:?}");
    assert_eq!(town.happened(Role::Issuer, SHOKYO_EVENT_FINISHED).unwrap().outcome, SHOKYO_OUTCOME_COMPLETE);
    town.close();
}

#[test]
fn a_frame_is_given_once_and_given_back_once() {
    let mut town = Town::new();
    town.apply();
    let (mut frame, mut length) = (vec![0_u8; SHOKYO_MAX_FRAME], 0);
    let place: *mut std::ffi::c_void = frame.as_mut_ptr().cast();
    unsafe {
        ok(shokyo_kiosk_poll_frame(town.kiosk, place, SHOKYO_MAX_FRAME, &mut length));
        ok(shokyo_relay_handle_frame(town.ec, &town.now, 1, place, length));
        let (mut peer, mut ticket, hello) = (77, 0, length);
        let small = hello - 1;
        let outcome = shokyo_relay_poll_frame(town.ec, place, small, &mut length, &mut peer, &mut ticket);
        assert_eq!((outcome, length, peer, ticket), (Status::CapacityTooSmall, hello, 77, 0));
        ok(shokyo_relay_poll_frame(town.ec, place, hello, &mut length, &mut peer, &mut ticket));
        assert_eq!((length, peer, ticket), (hello, SHOKYO_UPSTREAM, 1));
        for wrong in [0, 2, u64::MAX] {
            assert_eq!(shokyo_relay_handle_sent(town.ec, &town.now, wrong), Status::InvalidArgument);
        }
        ok(shokyo_relay_handle_sent(town.ec, &town.now, ticket));
        assert_eq!(shokyo_relay_handle_sent(town.ec, &town.now, ticket), Status::InvalidArgument, "given back twice");
    }
    town.close();
}

#[test]
fn a_cancelled_transaction_is_erased_at_every_station() {
    let mut town = Town::new();
    town.get_ready();
    for wrong in [0, SHOKYO_CAUSE_DELIVERED, SHOKYO_CAUSE_HANDED_OVER, SHOKYO_CAUSE_BUSY + 1, u32::MAX] {
        assert_eq!(unsafe { shokyo_kiosk_cancel(town.kiosk, &town.now, wrong) }, Status::InvalidArgument, "{wrong}");
    }
    ok(town.read().0);
    ok(unsafe { shokyo_kiosk_cancel(town.kiosk, &town.now, SHOKYO_CAUSE_DEVICE_FAULT) });
    assert_eq!(town.read().0, Status::WrongState);
    town.run();
    let erased = *town.happened(Role::Kiosk, SHOKYO_EVENT_ERASED).unwrap();
    assert_eq!((erased.cause, erased.verified), (SHOKYO_CAUSE_DEVICE_FAULT, 1));
    town.close();
    let [receipt] = &town.own_receipts(Role::Kiosk, &erased.session)[..] else { panic!() };
    assert_eq!((receipt.event, receipt.cause), (Event::Erased, Cause::DeviceFault));
}

#[test]
fn a_station_that_was_closed_with_a_session_open_finds_it_lost() {
    let mut town = Town::new();
    town.get_ready();
    town.print();
    let session = town.happened(Role::Kiosk, SHOKYO_EVENT_MAY_PRINT).unwrap().session;
    // As if the process had died: no cancellation, no shutdown.
    town.close();
    let station = open(&town.folder.path().join("keys/kiosk.toml"));
    let mut info = shokyo_station_info { struct_size: sized::<shokyo_station_info>(), ..unsafe { std::mem::zeroed() } };
    let mut lost = shokyo_lost_session { struct_size: sized::<shokyo_lost_session>(), ..unsafe { std::mem::zeroed() } };
    unsafe {
        ok(shokyo_station_describe(station, &mut info));
        assert_eq!((info.role, info.lost_sessions), (SHOKYO_ROLE_KIOSK, 1));
        assert_eq!((text(&info.station), text(&info.operator_name)), ("kiosk-1", "convenience"));
        assert!(info.protections & SHOKYO_PROTECTION_LOCKED != 0);
        ok(shokyo_station_lost_at(station, 0, &mut lost));
        assert_eq!((lost.session, lost.print_started, text(&lost.kind)), (session, 1, KIND));
        assert_eq!(shokyo_station_lost_at(station, 1, &mut lost), Status::OutOfRange);
        let mut outbox = null_mut();
        ok(shokyo_outbox_new(station, &mut outbox));
        ok(shokyo_outbox_handle_timeout(outbox, &town.now));
        let (mut frame, mut length) = (vec![0_u8; SHOKYO_MAX_FRAME], 0);
        ok(shokyo_outbox_poll_frame(outbox, frame.as_mut_ptr().cast(), frame.len(), &mut length));
        let mut of = [0; 32];
        ok(shokyo_frame_session(frame.as_ptr().cast(), length, of.as_mut_ptr()));
        assert_eq!(of, session, "the receipt of the loss waits for the issuer's answer");
        ok(shokyo_outbox_free(outbox));
        ok(shokyo_station_free(station));
    }
    let [receipt] = &town.own_receipts(Role::Kiosk, &session)[..] else { panic!() };
    assert_eq!(receipt.event, Event::LostAtRestart);
}

impl Town {
    /// Every store verifies, the session is complete, and changed evidence is found to be so.
    fn evidence_holds(&self, session: &[u8; 32]) {
        let keys: Vec<(Role, [u8; 32])> = Role::ALL.map(|role| (role, self.receipt_key(role))).into();
        let key = |claimed: &Statement| keys.iter().find(|(role, _)| *role == claimed.role).map(|(_, key)| *key);
        let stored = self.records(Role::Issuer).receipts(SessionId(*session)).unwrap();
        let mut receipts: Vec<Vec<u8>> = stored.into_iter().map(|of| of.receipt).collect();
        let report = check_session(&receipts, &key, SessionId(*session));
        assert!(report.complete, "{:?}", report.problems);
        assert_eq!(
            self.records(Role::Kiosk).session(SessionId(*session)).unwrap().unwrap().ended.unwrap().0,
            Outcome::Complete
        );
        // The control: one bit of the kiosk's receipt.
        let kiosk = self.own_receipts(Role::Kiosk, session);
        assert_eq!((kiosk.len(), kiosk[0].event, kiosk[0].cause), (1, Event::Erased, Cause::Delivered));
        let of_kiosk = self.records(Role::Kiosk).receipts(SessionId(*session)).unwrap().remove(0).receipt;
        let place = receipts.iter_mut().find(|receipt| **receipt == of_kiosk).unwrap();
        let middle = place.len() / 2;
        place[middle] ^= 1;
        assert!(!check_session(&receipts, &key, SessionId(*session)).complete);

        for role in Role::ALL {
            let store = self.records(role);
            let config = self.config(role);
            let note = store.newest_checkpoint().unwrap().unwrap();
            let log_key = shokyo::station::log_key(&config).unwrap();
            let verifier = shokyo::custody::log::NoteSigner::verifier_key(&log_key).clone();
            let receipt_keys = |claimed: &shokyo::receipt::Unverified| key(&claimed.statement);
            let check = LogCheck { keys: &[verifier], receipt_keys: &receipt_keys, known: &[note] };
            let report = verify_log(&store, &check).unwrap();
            assert!(report.problems.is_empty() && report.receipts_verified > 0, "{role}: {report:?}");
        }
    }
}

/// HMAC-SHA256 by another implementation than the library's clean room.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5C)).chain_update(inner).finalize().into()
}
