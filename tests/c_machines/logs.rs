//! What the log callback hears of sessions: their alarms, and those that an earlier process left open.

use std::ffi::{CString, c_void};
use std::ptr::null_mut;
use std::sync::Mutex;

use shokyo::custody::Store;
use shokyo::ffi::*;
use shokyo::handover::Record;
use shokyo::station::config::Config;
use shokyo::station::log_key;
use shokyo::types::{Role, SessionId};

use super::town::{Town, alone, infrastructure, ok};

/// Kind, session and number of an event about sessions.
type Heard = (u32, Option<[u8; 32]>, u64);

static HEARD: Mutex<Vec<Heard>> = Mutex::new(Vec::new());

unsafe extern "C-unwind" fn hear(_: *mut c_void, event: *const shokyo_log_event) {
    let event = unsafe { &*event };
    if event.kind == SHOKYO_LOG_ALARM || event.kind == SHOKYO_LOG_LOST {
        let session = (event.has_session == 1).then_some(event.session);
        HEARD.lock().unwrap().push((event.kind, session, event.number));
    }
}

fn heard() -> Vec<Heard> {
    std::mem::take(&mut HEARD.lock().unwrap())
}

#[test]
fn alarms_are_heard_and_a_session_that_goes_well_raises_none() {
    let mut town = Town::new();
    ok(unsafe { shokyo_log_to(Some(hear), null_mut(), None) });
    heard();
    town.get_ready();
    let session = town.happened(Role::Kiosk, SHOKYO_EVENT_READY).unwrap().session;
    town.print();
    ok(unsafe { shokyo_kiosk_delivered(town.kiosk, &town.now) });
    town.run();
    assert_eq!(heard(), []);
    town.close();
    drop(town);

    let mut town = Town::new();
    // Other tests may have come between.
    ok(unsafe { shokyo_log_to(Some(hear), null_mut(), None) });
    heard();
    town.get_ready();
    let late = town.happened(Role::Kiosk, SHOKYO_EVENT_READY).unwrap().session;
    assert_ne!(late, session);
    town.pass(3_600_000);
    town.tick();
    let alarms = heard();
    assert!(alarms.len() >= 2, "of the kiosk and of the issuing system: {alarms:?}");
    assert!(alarms.iter().all(|alarm| *alarm == (SHOKYO_LOG_ALARM, Some(late), 0)), "{alarms:?}");
    ok(unsafe { shokyo_log_to(None, null_mut(), None) });
    town.close();
}

#[test]
fn sessions_that_an_earlier_process_left_open_are_counted() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = infrastructure(folder.path()).join("issuer.toml");
    let config = Config::load(&path).unwrap();
    let mut store = Store::open_signed(&config.store, Box::new(log_key(&config).unwrap())).unwrap();
    for number in [1, 2] {
        let record = Record::Opened { session: SessionId([number; 32]), kind: "certificate".into() };
        store.write(&record, 1_000).unwrap();
    }
    drop(store);
    let (path, mut heard_of) = (CString::new(path.to_str().unwrap()).unwrap(), Vec::new());
    ok(unsafe { shokyo_log_to(Some(hear), null_mut(), None) });
    for _ in 0..2 {
        heard();
        let mut station = null_mut();
        ok(unsafe { shokyo_station_open(path.as_ptr(), std::ptr::null(), &mut station) });
        heard_of.extend(heard().into_iter().filter(|(kind, ..)| *kind == SHOKYO_LOG_LOST));
        ok(unsafe { shokyo_station_free(station) });
    }
    assert_eq!(heard_of, [(SHOKYO_LOG_LOST, None, 2)], "once");
    ok(unsafe { shokyo_log_to(None, null_mut(), None) });
}
