//! A host that keeps the kiosk's records in a database of its own.

use std::ffi::CString;
use std::ptr::{null, null_mut};

use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;
use shokyo::receipt;
use shokyo::types::Role;

use crate::town::*;

/// A town whose kiosk's records are the host's.
fn town(last_receipt: Option<[u8; 32]>) -> Town {
    let mut town = Town::new();
    ok(unsafe { shokyo_station_free(town.kiosk_station) });
    let path = CString::new(town.folder.path().join("keys/kiosk.toml").to_str().unwrap()).unwrap();
    let options = shokyo_station_options {
        struct_size: sized::<shokyo_station_options>(),
        records_by_host: 1,
        has_last_receipt: last_receipt.is_some().into(),
        last_receipt: last_receipt.unwrap_or_default(),
        ..Default::default()
    };
    ok(unsafe { shokyo_station_open(path.as_ptr(), &options, &mut town.kiosk_station) });
    town.records_by_host = true;
    town
}

fn kinds(town: &Town) -> Vec<u32> {
    town.kept.iter().map(|(record, _)| record.kind).collect()
}

#[test]
fn records_come_in_their_order_and_nothing_goes_on_before_they_are_kept() {
    let last = [7; 32];
    let mut town = town(Some(last));
    // Nobody keeps anything yet: the kiosk waits.
    town.records_by_host = false;
    town.apply();
    town.run();
    assert!(town.happened(Role::EcCentre, SHOKYO_EVENT_OPENED).is_none(), "nothing is sent before it is on record");
    assert_eq!(unsafe { shokyo_kiosk_store_records(town.kiosk, &town.now) }, Status::WrongState);
    let mut outbox = null_mut();
    assert_eq!(unsafe { shokyo_outbox_new(town.kiosk_station, &mut outbox) }, Status::WrongState);
    town.records_by_host = true;
    town.run();
    assert_eq!(kinds(&town), [SHOKYO_RECORD_OPENED]);
    assert_eq!(text(&town.kept[0].0.text), KIND);
    town.print();
    ok(unsafe { shokyo_kiosk_delivered(town.kiosk, &town.now) });
    // A receipt does not fit anywhere, and is not lost.
    let (mut record, mut byte, mut length) = (no_record(), 9_u8, 77);
    let poll = |record: &mut shokyo_record, byte: &mut u8, capacity, length: &mut usize| unsafe {
        shokyo_kiosk_poll_record(town.kiosk, record, (&raw mut *byte).cast(), capacity, length)
    };
    assert_eq!(poll(&mut record, &mut byte, 1, &mut length), Status::CapacityTooSmall);
    assert!(length > 300 && byte == 9 && record.kind == SHOKYO_RECORD_NONE, "{length}");
    town.run();
    let wanted = [SHOKYO_RECORD_OPENED, SHOKYO_RECORD_PRINT_STARTED, SHOKYO_RECORD_OWN_RECEIPT, SHOKYO_RECORD_ENDED];
    assert_eq!(kinds(&town), wanted);
    assert!(town.kept.windows(2).all(|pair| pair[0].0.sequence < pair[1].0.sequence));
    assert_eq!(town.kept[3].0.outcome, SHOKYO_OUTCOME_COMPLETE);
    let statement = receipt::verify(&town.kept[2].1, &town.receipt_key(Role::Kiosk)).unwrap();
    assert_eq!(statement.previous, Some(last));
    town.close();
    assert!(town.records(Role::Kiosk).sessions().unwrap().is_empty(), "its own store has nothing");
}

#[test]
fn what_the_host_cannot_keep_does_not_happen() {
    for (kind, outcome) in [
        (SHOKYO_RECORD_OPENED, SHOKYO_STORED_FAILED),
        (SHOKYO_RECORD_OPENED, SHOKYO_STORED_REFUSED),
        (SHOKYO_RECORD_PRINT_STARTED, SHOKYO_STORED_FAILED),
    ] {
        let mut town = town(None);
        town.stored = Box::new(move |record| if record.kind == kind { outcome } else { SHOKYO_STORED_DURABLE });
        town.apply();
        town.run();
        if kind == SHOKYO_RECORD_PRINT_STARTED {
            ok(unsafe { shokyo_kiosk_print(town.kiosk, &town.now) });
            town.run();
        }
        assert!(town.happened(Role::Kiosk, SHOKYO_EVENT_MAY_PRINT).is_none());
        let erased = town.happened(Role::Kiosk, SHOKYO_EVENT_ERASED).unwrap();
        assert_eq!((erased.cause, erased.verified), (SHOKYO_CAUSE_DEVICE_FAULT, 1));
        assert_eq!(read_at(town.kiosk, &town.now, 0, |_, _| panic!("shown")), Status::WrongState);
        town.close();
    }
}

#[test]
fn a_customers_alarms_go_to_the_host_as_well() {
    let mut town = town(None);
    let (mut customer, mut record) = (null_mut(), no_record());
    unsafe {
        ok(shokyo_customer_begin(town.kiosk_station, &town.now, null(), SHOKYO_CREDENTIAL_CARD, &mut customer));
        ok(shokyo_customer_handle_device(customer, &town.now, SHOKYO_DEVICE_DOOR_OPENED));
        assert_eq!(shokyo_customer_store_records(customer, &town.now), Status::WrongState);
        ok(shokyo_customer_poll_record(customer, &mut record));
        assert_eq!((record.kind, record.session), (SHOKYO_RECORD_ALARM, [0; 32]));
        assert!(text(&record.text).contains("door"), "{}", text(&record.text));
        ok(shokyo_customer_poll_record(customer, &mut record));
        assert_eq!((record.kind, record.text[0]), (SHOKYO_RECORD_NONE, 0));
        ok(shokyo_customer_free(customer));
    }
    town.records_by_host = false;
    town.close();
}
