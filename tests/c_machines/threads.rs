//! Transactions of one station in several threads at once.

use std::ptr::null_mut;
use std::sync::Barrier;

use shokyo::custody::{LogCheck, verify_log};
use shokyo::ffi::*;
use shokyo::types::Role;

use crate::town::*;

#[test]
fn receipts_of_threads_that_end_at_once_are_stored_in_the_order_in_which_they_name_each_other() {
    let mut town = Town::new();
    let mut kiosks = Vec::new();
    for _ in 0..4 {
        town.get_ready();
        town.events.clear();
        kiosks.push(std::mem::replace(&mut town.kiosk, null_mut()));
    }
    let (start, now) = (Barrier::new(kiosks.len()), town.now);
    std::thread::scope(|scope| {
        for kiosk in &kiosks {
            let (address, start) = (kiosk.addr(), &start);
            scope.spawn(move || {
                let kiosk = std::ptr::without_provenance_mut(address);
                start.wait();
                ok(unsafe { shokyo_kiosk_cancel(kiosk, &now, SHOKYO_CAUSE_SHUTDOWN) });
                ok(unsafe { shokyo_kiosk_store_records(kiosk, &now) });
                ok(unsafe { shokyo_kiosk_free(kiosk) });
            });
        }
    });
    town.close();
    let store = town.records(Role::Kiosk);
    let log_key = shokyo::station::log_key(&town.config(Role::Kiosk)).unwrap();
    let verifier = shokyo::custody::log::NoteSigner::verifier_key(&log_key).clone();
    let key = town.receipt_key(Role::Kiosk);
    let check = LogCheck { keys: &[verifier], receipt_keys: &|_| Some(key), known: &[] };
    let report = verify_log(&store, &check).unwrap();
    assert_eq!((report.problems.len(), report.receipts_verified), (0, 4), "{report:?}");
}
