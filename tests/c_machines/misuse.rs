//! Mistakes of a caller: each answers a status and changes nothing.

use std::ffi::CString;
use std::ptr::{null, null_mut};

use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;
use shokyo::types::Role;

use crate::town::*;

/// What each function that takes this handle answers, everything else being right.
fn issuer_answers(issuer: *mut shokyo_issuer, now: &shokyo_now) -> Vec<Status> {
    let (mut event, mut record, mut bytes, mut length) = (no_event(), no_record(), [0_u8; 64], 0);
    let (mut number, mut answer, mut count) = (0, false, 0);
    let place = bytes.as_mut_ptr();
    unsafe {
        vec![
            shokyo_issuer_handle_frame(issuer, now, 1, place.cast(), 64),
            shokyo_issuer_handle_timeout(issuer, now),
            shokyo_issuer_handle_peer_lost(issuer, now, 1),
            shokyo_issuer_handle_peer_back(issuer, now, 1),
            shokyo_issuer_store_records(issuer, now),
            shokyo_issuer_poll_record(issuer, &mut record, place.cast(), 64, &mut length),
            shokyo_issuer_handle_stored(issuer, now, 1, SHOKYO_STORED_DURABLE),
            shokyo_issuer_poll_frame(issuer, place.cast(), 64, &mut length, &mut number),
            shokyo_issuer_poll_event(issuer, &mut event),
            shokyo_issuer_next_deadline(issuer, &mut number, &mut answer),
            shokyo_issuer_application(issuer, place, Some(keep_subject), null_mut()),
            shokyo_issuer_write(issuer, place, null(), 0, place.cast(), 1),
            shokyo_issuer_offer(issuer, now, place, place.cast(), 1, null(), 0),
            shokyo_issuer_cancel(issuer, now, place, SHOKYO_CAUSE_REFUSED),
            shokyo_issuer_open_sessions(issuer, &mut count),
            shokyo_issuer_shutdown(issuer, now),
            shokyo_issuer_abandon(issuer, now),
        ]
    }
}

fn relay_answers(relay: *mut shokyo_relay, now: &shokyo_now) -> Vec<Status> {
    let (mut event, mut record, mut bytes, mut length) = (no_event(), no_record(), [0_u8; 64], 0);
    let (mut number, mut ticket, mut answer, mut count) = (0, 0, false, 0);
    let place = bytes.as_mut_ptr();
    unsafe {
        vec![
            shokyo_relay_handle_frame(relay, now, 1, place.cast(), 64),
            shokyo_relay_must_wait(relay, place.cast(), 64, &mut answer),
            shokyo_relay_handle_timeout(relay, now),
            shokyo_relay_handle_peer_lost(relay, now, 1),
            shokyo_relay_handle_peer_back(relay, now, 1),
            shokyo_relay_store_records(relay, now),
            shokyo_relay_poll_record(relay, &mut record, place.cast(), 64, &mut length),
            shokyo_relay_handle_stored(relay, now, 1, SHOKYO_STORED_DURABLE),
            shokyo_relay_poll_frame(relay, place.cast(), 64, &mut length, &mut number, &mut ticket),
            shokyo_relay_handle_sent(relay, now, 1),
            shokyo_relay_poll_event(relay, &mut event),
            shokyo_relay_next_deadline(relay, &mut number, &mut answer),
            shokyo_relay_attach(relay, now, place, place.cast(), 1),
            shokyo_relay_open_sessions(relay, &mut count),
            shokyo_relay_shutdown(relay, now),
            shokyo_relay_abandon(relay, now),
        ]
    }
}

fn outbox_answers(outbox: *mut shokyo_outbox, now: &shokyo_now) -> Vec<Status> {
    let (mut bytes, mut length, mut number, mut answer) = ([0_u8; 64], 0, 0, false);
    let place = bytes.as_mut_ptr();
    unsafe {
        vec![
            shokyo_outbox_handle_frame(outbox, now, place.cast(), 64, &mut answer),
            shokyo_outbox_handle_timeout(outbox, now),
            shokyo_outbox_handle_peer_lost(outbox, now),
            shokyo_outbox_handle_peer_back(outbox, now),
            shokyo_outbox_store_records(outbox, now),
            shokyo_outbox_poll_frame(outbox, place.cast(), 64, &mut length),
            shokyo_outbox_next_deadline(outbox, &mut number, &mut answer),
        ]
    }
}

fn customer_answers(customer: *mut shokyo_customer, now: &shokyo_now) -> Vec<Status> {
    let (mut event, mut record, kiosk_event) = (no_customer_event(), no_record(), of_kind(SHOKYO_EVENT_READY));
    let (mut info, mut number, mut answer) = (no_customer(), 0, false);
    unsafe {
        vec![
            shokyo_customer_handle_authentication(customer, now, 1),
            shokyo_customer_handle_device(customer, now, SHOKYO_DEVICE_JAM),
            shokyo_customer_handle_payment(customer, now, SHOKYO_PAYMENT_HELD),
            shokyo_customer_handle_kiosk(customer, now, &kiosk_event),
            shokyo_customer_handle_apply_failed(customer, now),
            shokyo_customer_handle_timeout(customer, now),
            shokyo_customer_choose(customer, now),
            shokyo_customer_acknowledge(customer, now),
            shokyo_customer_cancel(customer, now, SHOKYO_CAUSE_CANCELLED),
            shokyo_customer_store_records(customer, now),
            shokyo_customer_poll_record(customer, &mut record),
            shokyo_customer_poll_event(customer, &mut event),
            shokyo_customer_describe(customer, &mut info),
            shokyo_customer_next_deadline(customer, &mut number, &mut answer),
        ]
    }
}

fn all(answers: &[Status], wanted: Status) {
    assert!(answers.iter().all(|status| *status == wanted), "{answers:?}");
}

#[test]
fn a_handle_that_is_none_or_of_another_kind_is_refused_by_every_function() {
    let mut town = Town::new();
    let now = town.now;
    town.apply();
    let (kiosk, issuer, relay) = (town.kiosk, town.issuer, town.ec);
    let (mut outbox, mut customer) = (null_mut(), null_mut());
    unsafe {
        ok(shokyo_outbox_new(town.kiosk_station, &mut outbox));
        ok(shokyo_customer_begin(town.kiosk_station, &now, null(), SHOKYO_CREDENTIAL_CARD, &mut customer));
    }
    // Of another kind: nothing happens to what the handle stands for.
    all(&kiosk_answers(issuer.cast(), &now), Status::InvalidHandle);
    all(&issuer_answers(kiosk.cast(), &now), Status::InvalidHandle);
    all(&relay_answers(kiosk.cast(), &now), Status::InvalidHandle);
    all(&outbox_answers(relay.cast(), &now), Status::InvalidHandle);
    all(&customer_answers(outbox.cast(), &now), Status::InvalidHandle);
    unsafe {
        for outcome in [
            shokyo_kiosk_free(issuer.cast()),
            shokyo_issuer_free(relay.cast()),
            shokyo_relay_free(kiosk.cast()),
            shokyo_outbox_free(customer.cast()),
            shokyo_customer_free(outbox.cast()),
            shokyo_station_free(kiosk.cast()),
            shokyo_copy_free(kiosk.cast()),
        ] {
            assert_eq!(outcome, Status::InvalidHandle);
        }
    }
    all(&kiosk_answers(null_mut(), &now), Status::InvalidHandle);
    assert_eq!(unsafe { shokyo_kiosk_cancel(null_mut(), &now, SHOKYO_CAUSE_CANCELLED) }, Status::InvalidHandle);
    all(&issuer_answers(std::ptr::without_provenance_mut(0x1001), &now), Status::InvalidHandle);
    // The controls: the right handles are taken.
    for answers in [
        kiosk_answers(kiosk, &now),
        issuer_answers(issuer, &now),
        relay_answers(relay, &now),
        outbox_answers(outbox, &now),
        customer_answers(customer, &now),
    ] {
        assert!(!answers.contains(&Status::InvalidHandle), "{answers:?}");
    }
    unsafe {
        ok(shokyo_outbox_free(outbox));
        ok(shokyo_customer_free(customer));
        for outcome in [
            shokyo_kiosk_free(null_mut()),
            shokyo_issuer_free(null_mut()),
            shokyo_relay_free(null_mut()),
            shokyo_outbox_free(null_mut()),
            shokyo_customer_free(null_mut()),
            shokyo_copy_free(null_mut()),
            shokyo_station_free(null_mut()),
        ] {
            ok(outcome);
        }
    }
    town.close();
    // Freed.
    all(&kiosk_answers(kiosk, &now), Status::InvalidHandle);
    all(&issuer_answers(issuer, &now), Status::InvalidHandle);
    all(&relay_answers(relay, &now), Status::InvalidHandle);
    all(&outbox_answers(outbox, &now), Status::InvalidHandle);
    all(&customer_answers(customer, &now), Status::InvalidHandle);
    unsafe {
        assert_eq!(shokyo_kiosk_free(kiosk), Status::InvalidHandle);
        assert_eq!(shokyo_station_free(town.kiosk_station), Status::InvalidHandle);
    }
}

#[test]
fn a_transaction_outlives_the_handle_of_its_station() {
    let mut town = Town::new();
    let station = town.kiosk_station;
    town.apply();
    ok(unsafe { shokyo_station_free(station) });
    let mut other = null_mut();
    assert_eq!(apply(station, &town.now, SUBJECT, &mut other), Status::InvalidHandle);
    assert!(other.is_null());
    town.run();
    let (outcome, seen) = town.read();
    assert!(outcome == Status::Ok && seen == town.document);
    // The store is held until the last of it goes.
    let path = CString::new(town.folder.path().join("keys/kiosk.toml").to_str().unwrap()).unwrap();
    let mut again = null_mut();
    assert_eq!(unsafe { shokyo_station_open(path.as_ptr(), null(), &mut again) }, Status::Store);
    assert!(detail().contains("another process writes to it"), "{}", detail());
    ok(unsafe { shokyo_kiosk_free(town.kiosk) });
    ok(unsafe { shokyo_station_open(path.as_ptr(), null(), &mut again) });
    ok(unsafe { shokyo_station_free(again) });
}

#[test]
fn null_and_structs_of_no_version_are_refused_and_nothing_is_written() {
    let mut town = Town::new();
    town.get_ready();
    let (kiosk, now) = (town.kiosk, &town.now);
    let (mut length, mut frame, mut answer, mut number) = (77, [7_u8; 64], false, 77);
    let place: *mut std::ffi::c_void = frame.as_mut_ptr().cast();
    let mut other = null_mut();
    unsafe {
        for outcome in [
            shokyo_clock(null_mut()),
            shokyo_kiosk_session(kiosk, null_mut()),
            shokyo_kiosk_handle_frame(kiosk, null(), place, 64),
            shokyo_kiosk_handle_frame(kiosk, now, null(), 64),
            shokyo_kiosk_handle_frame(kiosk, now, place, usize::MAX),
            shokyo_kiosk_handle_timeout(kiosk, null()),
            shokyo_kiosk_poll_frame(kiosk, null_mut(), 64, &mut length),
            shokyo_kiosk_poll_frame(kiosk, place, 64, null_mut()),
            shokyo_kiosk_poll_frame(kiosk, place, usize::MAX, &mut length),
            shokyo_kiosk_poll_event(kiosk, null_mut()),
            shokyo_kiosk_next_deadline(kiosk, null_mut(), &mut answer),
            shokyo_kiosk_next_deadline(kiosk, &mut number, null_mut()),
            shokyo_kiosk_read_at(kiosk, now, 0, None, null_mut()),
            shokyo_kiosk_for_each_window(kiosk, now, None, null_mut()),
            shokyo_kiosk_prove(kiosk, now, null(), 5, frame.as_mut_ptr()),
            shokyo_kiosk_prove(kiosk, now, place, 5, null_mut()),
            shokyo_kiosk_is_finished(kiosk, null_mut()),
            shokyo_kiosk_apply(town.kiosk_station, now, null(), &mut other),
            apply_to(town.kiosk_station, now, |application| application.copies = 0),
            apply_to(town.kiosk_station, now, |application| application.copies = 256),
            apply_to(town.kiosk_station, now, |application| application.issuer = null()),
            apply_to(town.kiosk_station, now, |application| application.subject = null()),
            apply_to(town.kiosk_station, now, |application| application.struct_size -= 1),
            shokyo_kiosk_handle_stored(kiosk, now, 1, 0),
            shokyo_kiosk_handle_stored(kiosk, now, 1, SHOKYO_STORED_REFUSED + 1),
            shokyo_issuer_application(town.issuer, null(), Some(keep_subject), null_mut()),
            shokyo_issuer_application(town.issuer, frame.as_ptr(), None, null_mut()),
            shokyo_issuer_write(town.issuer, frame.as_ptr(), null(), 1, place, 1),
            shokyo_issuer_poll_frame(town.issuer, place, 64, &mut length, null_mut()),
            shokyo_relay_poll_frame(town.ec, place, 64, &mut length, &mut number, null_mut()),
            shokyo_relay_must_wait(town.ec, place, 64, null_mut()),
            shokyo_station_open(null(), null(), null_mut()),
            shokyo_station_describe(town.kiosk_station, null_mut()),
            shokyo_copy_erase(null_mut(), null_mut(), 5),
            shokyo_wipe(null_mut(), 5),
            shokyo_frame_session(place, 64, null_mut()),
        ] {
            assert_eq!(outcome, Status::InvalidArgument, "{}", detail());
        }
        ok(shokyo_wipe(null_mut(), 0));
    }
    for struct_size in [0, 4, 239, 4097, u32::MAX] {
        let mut event = shokyo_event { struct_size, length: 5, ..no_event() };
        assert_eq!(unsafe { shokyo_kiosk_poll_event(kiosk, &mut event) }, Status::InvalidArgument, "{struct_size}");
        assert_eq!(event.length, 5);
        let outcome = unsafe { shokyo_kiosk_handle_timeout(kiosk, &shokyo_now { struct_size, ..*now }) };
        assert_eq!(outcome, Status::InvalidArgument);
    }
    let unclear = shokyo_now { reserved: 1, ..*now };
    assert_eq!(unsafe { shokyo_kiosk_handle_timeout(kiosk, &unclear) }, Status::InvalidArgument);
    assert_eq!((length, number, frame, answer), (77, 77, [7; 64], false));
    assert!(other.is_null());
    // None of this hurt the document.
    let (outcome, seen) = town.read();
    assert!(outcome == Status::Ok && seen == town.document);
    town.close();
}

#[test]
fn an_event_of_a_newer_library_is_written_as_far_as_it_is_known() {
    #[repr(C)]
    struct Newer {
        known: shokyo_event,
        more: u64,
        beyond: u64,
    }
    let mut town = Town::new();
    town.apply();
    let size = sized::<shokyo_event>() + 8;
    let mut event = Newer { known: shokyo_event { struct_size: size, ..no_event() }, more: u64::MAX, beyond: u64::MAX };
    ok(unsafe { shokyo_kiosk_poll_event(town.kiosk, (&raw mut event).cast()) });
    assert_eq!((event.known.struct_size, event.more, event.beyond), (size, 0, u64::MAX));
    town.close();
}

#[test]
fn stations_of_other_roles_are_refused() {
    let mut town = Town::new();
    let (mut kiosk, mut issuer, mut relay) = (null_mut(), null_mut(), null_mut());
    let (mut outbox, mut customer) = (null_mut(), null_mut());
    for outcome in unsafe {
        [
            apply(town.issuer_station, &town.now, SUBJECT, &mut kiosk),
            apply(town.ec_station, &town.now, SUBJECT, &mut kiosk),
            shokyo_issuer_new(town.kiosk_station, &mut issuer),
            shokyo_relay_new(town.kiosk_station, &mut relay),
            shokyo_relay_new(town.issuer_station, &mut relay),
            shokyo_outbox_new(town.issuer_station, &mut outbox),
            shokyo_outbox_new(town.ec_station, &mut outbox),
            shokyo_customer_begin(town.ec_station, &town.now, null(), SHOKYO_CREDENTIAL_PHONE, &mut customer),
        ]
    } {
        assert_eq!(outcome, Status::Mismatch, "{}", detail());
    }
    assert!(kiosk.is_null() && issuer.is_null() && relay.is_null() && outbox.is_null() && customer.is_null());
    town.close();
}

#[test]
fn what_cannot_be_now_answers_so_and_changes_nothing() {
    let mut town = Town::new();
    town.apply();
    let (kiosk, now, mut proof, mut copy) = (town.kiosk, town.now, [0_u8; 32], null_mut());
    let early = || unsafe {
        [
            shokyo_kiosk_print(kiosk, &now),
            shokyo_kiosk_delivered(kiosk, &now),
            read_at(kiosk, &now, 0, |_, _| panic!("shown")),
            for_each(kiosk, &now, |_, _| panic!("shown")),
        ]
    };
    all(&early(), Status::WrongState);
    unsafe {
        assert_eq!(shokyo_kiosk_prove(kiosk, &now, null(), 0, proof.as_mut_ptr()), Status::WrongState);
        assert_eq!(shokyo_kiosk_register_copy(kiosk, &now, SHOKYO_COPY_SPOOL, &mut copy), Status::WrongState);
        // The station's store keeps the records.
        let (mut record, mut length) = (no_record(), 0);
        assert_eq!(shokyo_kiosk_poll_record(kiosk, &mut record, null_mut(), 0, &mut length), Status::WrongState);
        assert_eq!(shokyo_kiosk_handle_stored(kiosk, &now, 1, SHOKYO_STORED_DURABLE), Status::WrongState);
        assert_eq!(record.struct_size, sized::<shokyo_record>());
    }
    town.run();
    assert!(town.happened(Role::Kiosk, SHOKYO_EVENT_READY).is_some());
    assert_eq!(unsafe { shokyo_kiosk_delivered(kiosk, &now) }, Status::WrongState, "not printed");
    assert_eq!(read_at(kiosk, &now, 50_000, |_, _| panic!("shown")), Status::OutOfRange);
    town.close();
}

#[test]
fn a_frame_of_another_session_or_of_garbage_changes_nothing() {
    let mut town = Town::new();
    let mut tape = Vec::new();
    let (sender, frames) = std::sync::mpsc::channel();
    town.meddle = Box::new(move |_, frame| sender.send(frame.clone()).is_ok());
    town.get_ready();
    tape.extend(frames.try_iter());
    let mut other = null_mut();
    ok(apply(town.kiosk_station, &town.now, SUBJECT, &mut other));
    for frame in &tape {
        let outcome = unsafe { shokyo_kiosk_handle_frame(other, &town.now, frame.as_ptr().cast(), frame.len()) };
        assert_eq!(outcome, Status::Mismatch);
    }
    let garbage = vec![0xFF_u8; SHOKYO_MAX_FRAME + 1];
    for (length, wanted) in [(0, Status::Malformed), (9, Status::Malformed), (garbage.len(), Status::TooLarge)] {
        let outcome = unsafe { shokyo_kiosk_handle_frame(other, &town.now, garbage.as_ptr().cast(), length) };
        assert_eq!(outcome, wanted);
        let mut session = [5; 32];
        assert_eq!(unsafe { shokyo_frame_session(garbage.as_ptr().cast(), length, session.as_mut_ptr()) }, wanted);
        assert_eq!(session, [5; 32]);
    }
    ok(unsafe { shokyo_kiosk_free(other) });
    // Everything again at the first transaction: duplicates change nothing.
    for frame in &tape {
        let _ = unsafe { shokyo_kiosk_handle_frame(town.kiosk, &town.now, frame.as_ptr().cast(), frame.len()) };
    }
    let (outcome, seen) = town.read();
    assert!(outcome == Status::Ok && seen == town.document);
    town.close();
}

#[test]
fn a_configuration_that_cannot_be_used_is_named_with_its_remedy() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let keys = infrastructure(folder.path());
    let open = |path: &std::path::Path, options: Option<shokyo_station_options>| {
        let (path, mut station) = (CString::new(path.to_str().unwrap()).unwrap(), null_mut());
        let options = options.as_ref().map_or(null(), |options| &raw const *options);
        let outcome = unsafe { shokyo_station_open(path.as_ptr(), options, &mut station) };
        assert_eq!(outcome == Status::Ok, !station.is_null());
        assert_eq!(unsafe { shokyo_station_free(station) }, Status::Ok);
        outcome
    };
    let file = keys.join("kiosk.toml");
    assert_eq!(open(&keys.join("nowhere.toml"), None), Status::Configuration);
    assert!(detail().contains("nowhere.toml"), "{}", detail());
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("responsible-post = ", "responsible-pest = ")).unwrap();
    assert_eq!(open(&file, None), Status::Configuration);
    assert!(detail().contains("responsible-pest"), "{}", detail());
    std::fs::write(&file, text.replace("kiosk-1/messages-key.der", "kiosk-1/receipts-key.der")).unwrap();
    assert_eq!(open(&file, None), Status::Configuration);
    std::fs::write(&file, &text).unwrap();
    let options = shokyo_station_options { struct_size: sized::<shokyo_station_options>(), ..Default::default() };
    for wrong in [
        shokyo_station_options { leave_alternate_stacks: 2, ..options },
        shokyo_station_options { records_by_host: 2, ..options },
        shokyo_station_options { has_last_receipt: 1, ..options },
        shokyo_station_options { struct_size: 3, ..options },
    ] {
        assert_eq!(open(&file, Some(wrong)), Status::InvalidArgument, "{wrong:?}");
    }
    let long = CString::new(vec![b'x'; 5_000]).unwrap();
    let mut station = null_mut();
    assert_eq!(unsafe { shokyo_station_open(long.as_ptr(), null(), &mut station) }, Status::InvalidArgument);
    assert_eq!(unsafe { shokyo_station_open(c"\xFF".as_ptr(), null(), &mut station) }, Status::InvalidArgument);
    assert_eq!(
        open(&file, Some(shokyo_station_options { leave_alternate_stacks: 1, patience: 100, ..options })),
        Status::Ok
    );
}

#[test]
fn a_kiosk_has_only_as_many_transactions_as_its_configuration_says() {
    let mut town = Town::with(|role, text| {
        if role == Role::Kiosk {
            *text = text.replace("sessions = 64\nper-neighbour = 64", "sessions = 2\nper-neighbour = 2");
        }
    });
    let mut kiosks = [null_mut(); 3];
    ok(apply(town.kiosk_station, &town.now, SUBJECT, &mut kiosks[0]));
    ok(apply(town.kiosk_station, &town.now, SUBJECT, &mut kiosks[1]));
    assert_eq!(apply(town.kiosk_station, &town.now, SUBJECT, &mut kiosks[2]), Status::Busy);
    ok(unsafe { shokyo_kiosk_free(kiosks[0]) });
    ok(apply(town.kiosk_station, &town.now, SUBJECT, &mut kiosks[2]));
    ok(unsafe { shokyo_kiosk_free(kiosks[1]) });
    ok(unsafe { shokyo_kiosk_free(kiosks[2]) });
    town.close();
}

#[test]
fn erasing_a_stations_vault_ends_what_was_read_from_it() {
    let mut town = Town::new();
    town.get_ready();
    let mut vault = null_mut();
    let mut outcome =
        shokyo_erase_all_outcome { struct_size: sized::<shokyo_erase_all_outcome>(), ..Default::default() };
    ok(town.read().0);
    unsafe {
        ok(shokyo_station_vault(town.kiosk_station, &mut vault));
        ok(shokyo_vault_erase_all(vault, &mut outcome));
        assert!(outcome.destroyed >= 1 && outcome.verified == outcome.destroyed, "{outcome:?}");
        ok(shokyo_vault_free(vault));
    }
    assert_eq!(town.read().0, Status::Erased);
    ok(unsafe { shokyo_kiosk_cancel(town.kiosk, &town.now, SHOKYO_CAUSE_SHUTDOWN) });
    town.run();
    let session = town.happened(Role::Kiosk, SHOKYO_EVENT_ERASED).unwrap().session;
    town.close();
    assert_eq!(town.own_receipts(Role::Kiosk, &session).len(), 1, "its own keys lie elsewhere");
}

/// An application with one thing changed.
fn apply_to(station: *const shokyo_station, now: &shokyo_now, change: impl FnOnce(&mut shokyo_application)) -> Status {
    let mut application = shokyo_application {
        struct_size: sized::<shokyo_application>(),
        copies: 1,
        operator_name: c"municipality".as_ptr(),
        issuer: c"issuer-1".as_ptr(),
        document_kind: c"resident-certificate".as_ptr(),
        subject: SUBJECT.as_ptr().cast(),
        subject_length: SUBJECT.len(),
        details: null(),
        details_length: 0,
    };
    change(&mut application);
    let mut kiosk = null_mut();
    let outcome = unsafe { shokyo_kiosk_apply(station, now, &application, &mut kiosk) };
    assert!(kiosk.is_null());
    outcome
}
