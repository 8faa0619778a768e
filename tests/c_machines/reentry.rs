//! A host's callback calls back, and another thread calls meanwhile: neither waits, crashes or finds a document that is gone.

use std::ptr::null_mut;
use std::sync::mpsc::channel;

use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;
use shokyo::types::Role;

use crate::town::*;

#[test]
fn a_callback_that_calls_back_gets_an_answer_at_once() {
    let mut town = Town::new();
    town.get_ready();
    let (kiosk, now, mut shown) = (town.kiosk, town.now, 0);
    let (mut other, mut none) = (null_mut(), null_mut());
    ok(apply(town.kiosk_station, &now, SUBJECT, &mut other));
    ok(for_each(kiosk, &now, |_, plain| {
        shown += plain.len();
        let answers = kiosk_answers(kiosk, &now);
        assert!(answers.iter().all(|status| *status == Status::HandleInUse), "{answers:?}");
        // Another object of the same station may be used, but not for what needs a window, too.
        ok(unsafe { shokyo_kiosk_handle_timeout(other, &now) });
        assert_eq!(apply(town.kiosk_station, &now, SUBJECT, &mut none), Status::WindowInUse);
        0
    }));
    assert!(shown == 50_000 && none.is_null());
    ok(unsafe { shokyo_kiosk_free(other) });
    // The control: afterwards the answers are others.
    let answers = kiosk_answers(kiosk, &now);
    assert!(!answers.contains(&Status::HandleInUse), "{answers:?}");
    town.close();
}

#[test]
fn another_thread_does_not_wait_while_a_callback_runs() {
    let mut town = Town::new();
    town.get_ready();
    let (now, kiosk) = (town.now, town.kiosk.addr());
    let (ask_now, asked) = channel::<()>();
    let (answer, answered) = channel();
    let other = std::thread::spawn(move || {
        asked.recv().unwrap();
        let kiosk: *mut shokyo_kiosk = std::ptr::without_provenance_mut(kiosk);
        answer.send(kiosk_answers(kiosk, &now)).unwrap();
        // The door is opened: this is taken at any time.
        ok(unsafe { shokyo_kiosk_cancel(kiosk, &now, SHOKYO_CAUSE_DEVICE_FAULT) });
        answer.send(Vec::new()).unwrap();
    });
    let mut shown = 0;
    let outcome = for_each(town.kiosk, &now, |_, plain| {
        shown += plain.len();
        ask_now.send(()).unwrap();
        let answers = answered.recv().unwrap();
        assert!(answers.iter().all(|status| *status == Status::HandleInUse), "{answers:?}");
        answered.recv().unwrap();
        0
    });
    other.join().unwrap();
    assert_eq!((outcome, shown), (Status::Erased, 16_384), "no window is lent after it");
    town.run();
    let erased = town.happened(Role::Kiosk, SHOKYO_EVENT_ERASED).unwrap();
    assert_eq!((erased.cause, erased.verified), (SHOKYO_CAUSE_DEVICE_FAULT, 1));
    town.close();
}

#[test]
fn a_callback_can_cancel_and_free_its_transaction() {
    let mut town = Town::new();
    town.get_ready();
    let (kiosk, now) = (town.kiosk, town.now);
    let outcome = read_at(kiosk, &now, 0, |_, plain| {
        ok(unsafe { shokyo_kiosk_cancel(kiosk, &now, SHOKYO_CAUSE_CANCELLED) });
        // The first cause counts, and what is lent stays until the return.
        ok(unsafe { shokyo_kiosk_cancel(kiosk, &now, SHOKYO_CAUSE_SHUTDOWN) });
        i32::from(plain[..] != town.document[..16_384])
    });
    assert_eq!(outcome, Status::Erased);
    town.run();
    assert_eq!(town.happened(Role::Kiosk, SHOKYO_EVENT_ERASED).unwrap().cause, SHOKYO_CAUSE_CANCELLED);
    town.close();

    drop(town);
    let mut town = Town::new();
    town.get_ready();
    let (kiosk, now) = (town.kiosk, town.now);
    let outcome = read_at(kiosk, &now, 0, |_, plain| {
        ok(unsafe { shokyo_kiosk_free(kiosk) });
        assert_eq!(unsafe { shokyo_kiosk_free(kiosk) }, Status::InvalidHandle);
        i32::from(plain[..] != town.document[..16_384])
    });
    ok(outcome);
    assert_eq!(read_at(kiosk, &now, 0, |_, _| panic!("shown")), Status::InvalidHandle);
    town.kiosk = null_mut();
    town.close();
}

#[test]
fn a_callback_that_stops_keeps_the_document() {
    let mut town = Town::new();
    town.get_ready();
    let mut calls = 0;
    let outcome = for_each(town.kiosk, &town.now, |offset, _| {
        calls += 1;
        i32::from(offset > 0)
    });
    assert_eq!((outcome, calls), (Status::CallbackStopped, 2));
    let (outcome, seen) = town.read();
    assert!(outcome == Status::Ok && seen == town.document);
    town.close();
}

#[test]
fn an_issuers_callback_that_calls_back_gets_an_answer_at_once() {
    unsafe extern "C-unwind" fn call_back(
        town: *mut std::ffi::c_void,
        _: *const u8,
        _: usize,
        _: *const u8,
        _: usize,
    ) -> i32 {
        let (issuer, now, session) = unsafe { &*town.cast::<(*mut shokyo_issuer, shokyo_now, [u8; 32])>() };
        let mut count = 0;
        let answers = unsafe {
            let session = session.as_ptr();
            [
                shokyo_issuer_open_sessions(*issuer, &mut count),
                shokyo_issuer_write(*issuer, session, std::ptr::null(), 0, session.cast(), 1),
                shokyo_issuer_cancel(*issuer, now, session, SHOKYO_CAUSE_REFUSED),
                shokyo_issuer_shutdown(*issuer, now),
                shokyo_issuer_store_records(*issuer, now),
                shokyo_issuer_application(*issuer, session, Some(call_back), town),
            ]
        };
        i32::from(answers.iter().any(|status| *status != Status::HandleInUse))
    }
    let mut town = Town::new();
    town.composing = false;
    town.apply();
    town.run();
    let session = town.happened(Role::Issuer, SHOKYO_EVENT_APPLICATION).unwrap().session;
    let mut context = (town.issuer, town.now, session);
    let application = |reader, user_data| unsafe {
        shokyo_issuer_application(town.issuer, session.as_ptr(), Some(reader), user_data)
    };
    ok(application(call_back, (&raw mut context).cast()));
    let wrong = [9; 32];
    let outcome =
        unsafe { shokyo_issuer_application(town.issuer, wrong.as_ptr(), Some(call_back), (&raw mut context).cast()) };
    assert_eq!(outcome, Status::WrongState);
    town.close();
}

#[test]
fn a_fault_destroys_the_keys_and_leaves_nothing_to_use_but_to_free() {
    let mut town = Town::new();
    town.get_ready();
    let (kiosk, now, mut other) = (town.kiosk, town.now, null_mut());
    ok(apply(town.kiosk_station, &now, SUBJECT, &mut other));
    // A panic on the way through the library, as a fault of its own would be.
    assert_eq!(read_at(kiosk, &now, 0, |_, _| panic!("a fault")), Status::Panic);
    for of in [kiosk, other] {
        let answers = kiosk_answers(of, &now);
        assert!(answers.iter().all(|status| *status == Status::VaultPoisoned), "{answers:?}");
        let cancelled = unsafe { shokyo_kiosk_cancel(of, &now, SHOKYO_CAUSE_CANCELLED) };
        assert_eq!(cancelled, Status::VaultPoisoned);
    }
    let mut none = null_mut();
    assert_eq!(apply(town.kiosk_station, &now, SUBJECT, &mut none), Status::VaultPoisoned);
    let mut vault = null_mut();
    let mut erased =
        shokyo_erase_all_outcome { struct_size: sized::<shokyo_erase_all_outcome>(), ..Default::default() };
    unsafe {
        ok(shokyo_station_vault(town.kiosk_station, &mut vault));
        ok(shokyo_vault_erase_all(vault, &mut erased));
        assert_eq!(erased.destroyed, 0, "they were destroyed when it happened");
        ok(shokyo_vault_free(vault));
        ok(shokyo_kiosk_free(other));
    }
    // The other stations are not concerned, and this one says at its next start that the session is lost.
    let session = town.happened(Role::Kiosk, SHOKYO_EVENT_READY).unwrap().session;
    let mut count = 0;
    ok(unsafe { shokyo_issuer_open_sessions(town.issuer, &mut count) });
    town.close();
    let station = open(&town.folder.path().join("keys/kiosk.toml"));
    let mut lost = shokyo_lost_session { struct_size: sized::<shokyo_lost_session>(), ..unsafe { std::mem::zeroed() } };
    ok(unsafe { shokyo_station_lost_at(station, 0, &mut lost) });
    assert_eq!(lost.session, session);
    ok(unsafe { shokyo_station_free(station) });
}
