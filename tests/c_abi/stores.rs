//! Stores of evidence through the C interface: what is read while a station writes, and what is found where somebody changed one.

use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::size_of;
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};

use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signer, SigningKey};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use shokyo::Error;
use shokyo::buffer::{Cause, Erasure};
use shokyo::custody::Store;
use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;
use shokyo::handover::{Outcome, Record};
use shokyo::receipt::{Details, Event, Receipt, ReceiptSigner, StationInfo, key_id};
use shokyo::station::{notice, pki};
use shokyo::types::{Protections, Role, SessionId};

use super::chain::{Station, boxed_log_key, log_key, opened, session, whole_session};
use super::{detail, open as open_vault};

/// A store of three whole sessions and an open one.
fn store_on_disk() -> (tempfile::TempDir, PathBuf, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("station.sqlite");
    let mut store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    let (mut issuer, mut kiosk) = (Station::new(Role::Issuer), Station::new(Role::Kiosk));
    for number in 0..3 {
        let records = whole_session(&mut issuer, &mut kiosk, number);
        let records: Vec<_> = records.into_iter().map(|record| (record, 1_000 + number)).collect();
        store.write_all(&records).unwrap();
    }
    store.write(&opened(session(3)), 2_000).unwrap();
    (folder, path, store)
}

fn text(path: &Path) -> CString {
    CString::new(path.to_str().unwrap()).unwrap()
}

fn open(path: &Path) -> *mut shokyo_store {
    let mut store = null_mut();
    assert_eq!(unsafe { shokyo_store_open(text(path).as_ptr(), &mut store) }, Status::Ok, "{}", detail());
    store
}

fn free(store: *mut shokyo_store) {
    assert_eq!(unsafe { shokyo_store_free(store) }, Status::Ok);
}

fn counts() -> shokyo_store_counts {
    shokyo_store_counts { struct_size: size_of::<shokyo_store_counts>() as u32, ..Default::default() }
}

fn session_info() -> shokyo_session_info {
    let mut info: shokyo_session_info = unsafe { std::mem::zeroed() };
    info.struct_size = size_of::<shokyo_session_info>() as u32;
    info
}

fn characters(field: &[c_char]) -> &str {
    unsafe { CStr::from_ptr(field.as_ptr()) }.to_str().unwrap()
}

/// What a callback collects, and after how many it stops.
struct Collected<T> {
    seen: Vec<T>,
    stop_after: usize,
}

impl<T> Collected<T> {
    fn new() -> Self {
        Self { seen: Vec::new(), stop_after: usize::MAX }
    }

    fn user_data(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }

    unsafe fn take(user_data: *mut c_void, item: T) -> i32 {
        let collected = unsafe { &mut *user_data.cast::<Self>() };
        collected.seen.push(item);
        i32::from(collected.seen.len() >= collected.stop_after)
    }
}

unsafe extern "C-unwind" fn take_session(user_data: *mut c_void, session: *const shokyo_session_info) -> i32 {
    unsafe { Collected::take(user_data, *session) }
}

unsafe extern "C-unwind" fn take_receipt(user_data: *mut c_void, receipt: *const shokyo_stored_receipt) -> i32 {
    let receipt = unsafe { &*receipt };
    let bytes = unsafe { std::slice::from_raw_parts(receipt.receipt.cast::<u8>(), receipt.length) };
    unsafe { Collected::take(user_data, (receipt.own, receipt.event, receipt.role, bytes.to_vec())) }
}

unsafe extern "C-unwind" fn take_alarm(user_data: *mut c_void, alarm: *const shokyo_alarm) -> i32 {
    let alarm = unsafe { &*alarm };
    let what = unsafe { CStr::from_ptr(alarm.what) }.to_str().unwrap().to_owned();
    unsafe { Collected::take(user_data, (alarm.session, alarm.raised_unix_ms, what)) }
}

unsafe extern "C-unwind" fn take_problem(user_data: *mut c_void, problem: *const c_char) -> i32 {
    unsafe { Collected::take(user_data, CStr::from_ptr(problem).to_str().unwrap().to_owned()) }
}

/// Uses the very store that is being read.
unsafe extern "C-unwind" fn read_again(user_data: *mut c_void, _: *const shokyo_session_info) -> i32 {
    let mut counts = counts();
    assert_eq!(unsafe { shokyo_store_count(user_data.cast(), &mut counts) }, Status::Ok);
    assert_eq!(unsafe { shokyo_store_free(user_data.cast()) }, Status::Ok);
    1
}

fn check(keys: &CStr) -> shokyo_log_check {
    shokyo_log_check {
        struct_size: size_of::<shokyo_log_check>() as u32,
        reserved: 0,
        keys: keys.as_ptr(),
        known: null(),
        trust: null(),
        certificates: null(),
    }
}

fn vkey(seed: u8) -> CString {
    use shokyo::custody::log::NoteSigner;
    CString::new(log_key(seed).verifier_key().to_string()).unwrap()
}

fn report() -> shokyo_log_report {
    shokyo_log_report { struct_size: size_of::<shokyo_log_report>() as u32, ..Default::default() }
}

/// What is found of a store's log, and its problems.
fn verify(path: &Path, check: &shokyo_log_check) -> (shokyo_log_report, Vec<String>) {
    let (store, mut report, mut problems) = (open(path), report(), Collected::new());
    let outcome =
        unsafe { shokyo_store_verify_log(store, check, &mut report, Some(take_problem), problems.user_data()) };
    assert_eq!(outcome, Status::Ok, "{}", detail());
    free(store);
    (report, problems.seen)
}

#[test]
fn a_store_is_read_while_its_station_writes() {
    let (_folder, path, mut writing) = store_on_disk();
    let (store, mut found) = (open(&path), counts());
    let (mut all, mut unfinished) = (Collected::new(), Collected::<shokyo_session_info>::new());
    unsafe {
        assert_eq!(shokyo_store_count(store, &mut found), Status::Ok);
        assert_eq!((found.sessions, found.open_sessions, found.receipts, found.alarms), (4, 1, 9, 3));
        assert_eq!(found.log_entries, 22);
        let (each, data) = (Some(take_session as _), all.user_data());
        assert_eq!(shokyo_store_for_each_session(store, SHOKYO_SESSIONS_ALL, each, data), Status::Ok);
        let data = unfinished.user_data();
        assert_eq!(shokyo_store_for_each_session(store, SHOKYO_SESSIONS_OPEN, each, data), Status::Ok);
    }
    let all: Vec<shokyo_session_info> = all.seen;
    assert_eq!(all.iter().map(|found| found.session).collect::<Vec<_>>(), [0, 1, 2, 3].map(|number| session(number).0));
    let first = &all[0];
    assert_eq!((first.outcome, first.opened_unix_ms, first.ended_unix_ms), (SHOKYO_OUTCOME_COMPLETE, 1_000, 1_000));
    assert_eq!((first.print_started_unix_ms, characters(&first.kind)), (1_000, "resident-certificate"));
    let [still_open] = unfinished.seen.try_into().unwrap();
    assert_eq!((still_open.session, still_open.outcome, still_open.ended_unix_ms), (session(3).0, 0, 0));

    // What the station writes meanwhile is there in the next call.
    writing.write(&Record::Ended { session: session(3), outcome: Outcome::Unresolved }, 3_000).unwrap();
    let (mut info, mut is_there) = (session_info(), false);
    unsafe {
        assert_eq!(shokyo_store_session(store, session(3).0.as_ptr(), &mut info, &mut is_there), Status::Ok);
        assert!(is_there);
        assert_eq!((info.outcome, info.ended_unix_ms), (SHOKYO_OUTCOME_UNRESOLVED, 3_000));
        assert_eq!(shokyo_store_session(store, session(9).0.as_ptr(), &mut info, &mut is_there), Status::Ok);
        assert!(!is_there && info.outcome == SHOKYO_OUTCOME_UNRESOLVED, "nothing was written");
    }
    free(store);
}

#[test]
fn receipts_and_alarms_come_in_their_order_and_the_receipts_verify() {
    let (_folder, path, _writing) = store_on_disk();
    let (store, mut receipts, mut alarms) = (open(&path), Collected::new(), Collected::new());
    unsafe {
        let (id, data) = (session(1), receipts.user_data());
        assert_eq!(shokyo_store_for_each_receipt(store, id.0.as_ptr(), Some(take_receipt), data), Status::Ok);
        let data = alarms.user_data();
        assert_eq!(shokyo_store_for_each_alarm(store, Some(take_alarm), data), Status::Ok);
    }
    let receipts: Vec<(u32, u32, u32, Vec<u8>)> = receipts.seen;
    let told: Vec<_> = receipts.iter().map(|(own, event, role, _)| (*own, *event, *role)).collect();
    assert_eq!(
        told,
        [
            (1, SHOKYO_RECEIPT_EVENT_KEY_WIPED, SHOKYO_ROLE_ISSUER),
            (0, SHOKYO_RECEIPT_EVENT_ERASED, SHOKYO_ROLE_KIOSK),
            (1, SHOKYO_RECEIPT_EVENT_CLOSED, SHOKYO_ROLE_ISSUER),
        ]
    );
    for (_, _, role, bytes) in &receipts {
        let key = Station::new(Role::from_number(*role as u8).unwrap()).public();
        let (mut receipt, data) = (null_mut(), bytes.as_ptr().cast());
        unsafe {
            let outcome = shokyo_receipt_verify(data, bytes.len(), key.as_ptr().cast(), 32, &mut receipt);
            assert_eq!(outcome, Status::Ok, "{}", detail());
            assert_eq!(shokyo_receipt_free(receipt), Status::Ok);
        }
    }
    let alarms: Vec<([u8; 32], u64, String)> = alarms.seen;
    assert_eq!(alarms.len(), 3);
    assert_eq!(alarms[2], (session(2).0, 1_002, "the receipt deadline passed".to_owned()));
    free(store);
}

#[test]
fn a_callback_stops_and_may_free_the_very_store() {
    let (_folder, path, _writing) = store_on_disk();
    let store = open(&path);
    let (mut sessions, mut receipts, mut alarms) = (Collected::new(), Collected::new(), Collected::new());
    (sessions.stop_after, receipts.stop_after, alarms.stop_after) = (2, 1, 1);
    unsafe {
        let data = sessions.user_data();
        assert_eq!(shokyo_store_for_each_session(store, 0, Some(take_session), data), Status::CallbackStopped);
        let (id, data) = (session(0), receipts.user_data());
        let outcome = shokyo_store_for_each_receipt(store, id.0.as_ptr(), Some(take_receipt), data);
        assert_eq!(outcome, Status::CallbackStopped);
        let data = alarms.user_data();
        assert_eq!(shokyo_store_for_each_alarm(store, Some(take_alarm), data), Status::CallbackStopped);
        let sessions: Vec<shokyo_session_info> = sessions.seen;
        let receipts: Vec<(u32, u32, u32, Vec<u8>)> = receipts.seen;
        let alarms: Vec<([u8; 32], u64, String)> = alarms.seen;
        assert_eq!((sessions.len(), receipts.len(), alarms.len()), (2, 1, 1));
        let outcome = shokyo_store_for_each_session(store, 0, Some(read_again), store.cast());
        assert_eq!(outcome, Status::CallbackStopped);
        assert_eq!(shokyo_store_free(store), Status::InvalidHandle);
    }
}

#[test]
fn an_untouched_log_verifies_and_every_change_is_told() {
    let (_folder, path, writing) = store_on_disk();
    let key = vkey(9);
    let (report, problems) = verify(&path, &check(&key));
    assert_eq!((report.problems, problems), (0, vec![]));
    assert_eq!((report.is_signed, report.size, report.checkpoint_size), (1, 22, 22));
    assert_eq!(report.entries, [4, 6, 3, 3, 3, 3, 0]);
    assert_eq!((report.receipts_verified, report.receipts_without_key), (0, 9), "no authorities were named");

    // A checkpoint that was kept, and the newest entries cut off after it.
    let kept = CString::new(writing.newest_checkpoint().unwrap().unwrap()).unwrap();
    let with_known = shokyo_log_check { known: kept.as_ptr(), ..check(&key) };
    assert_eq!(verify(&path, &with_known).0.problems, 0);
    drop(writing);
    for (sql, word) in [
        ("UPDATE sessions SET outcome = 2 WHERE id = 1", "entry"),
        ("UPDATE alarms SET what = 'nothing' WHERE id = 1", "alarms"),
        ("DELETE FROM log WHERE position = 21", "checkpoint"),
    ] {
        let copy = tempfile::tempdir().unwrap();
        let changed = copy.path().join("changed.sqlite");
        std::fs::copy(&path, &changed).unwrap();
        without_triggers(&changed, sql);
        let (report, problems) = verify(&changed, &with_known);
        assert!(report.problems > 0 && report.problems == problems.len() as u64, "{sql}");
        assert!(problems.iter().any(|problem| problem.contains(word)), "{sql}: {problems:?}");
    }

    // Another's key.
    let (report, problems) = verify(&path, &check(&vkey(8)));
    assert!(report.is_signed == 0 && !problems.is_empty());
}

/// Runs SQL as someone who owns the file.
fn without_triggers(path: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
    let triggers: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for trigger in triggers {
        connection.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    assert_eq!(connection.execute(sql, []).unwrap(), 1);
}

/// The key of a station of the development infrastructure.
struct StationKey(SigningKey);

impl ReceiptSigner for StationKey {
    fn key_id(&self) -> [u8; 32] {
        key_id(self.0.verifying_key().as_bytes())
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        Ok(self.0.sign(message).to_bytes())
    }
}

#[test]
fn receipts_are_vouched_for_by_the_authorities_that_the_auditor_names() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    pki::init(&ours).unwrap();
    pki::init(&theirs).unwrap();
    let now = notice::now().unix_ms;
    let certificate = |station: &str| ours.join(format!("stations/{station}/receipts-certificate.pem"));
    let sign = |role: Role, station: &str, operator: &str, event| {
        let file = ours.join(format!("stations/{station}/receipts-key.der"));
        let key = StationKey(SigningKey::from_pkcs8_der(&std::fs::read(file).unwrap()).unwrap());
        let info = StationInfo { role, station: station.into(), operator: operator.into(), post: "P".into() };
        let details = Details::new(event, Cause::Shutdown, "certificate", now, now);
        let erasure = Erasure::new(SessionId([4; 32]), Protections::none());
        (Receipt::issue(erasure, &details, &info, &key).unwrap().into_bytes(), key.key_id())
    };
    let (own, own_id) = sign(Role::Issuer, "issuer-1", "municipality", Event::LostAtRestart);
    let (peer, _) = sign(Role::Kiosk, "kiosk-1", "convenience", Event::LostAtRestart);
    let path = folder.path().join("station.sqlite");
    let mut store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    let der = CertificateDer::from_pem_file(certificate("issuer-1")).unwrap();
    store.keep_certificate(&own_id, &der, now).unwrap();
    let session = SessionId([4; 32]);
    store.write(&Record::Opened { session, kind: "certificate".into() }, now).unwrap();
    store.write(&Record::OwnReceipt { session, receipt: own }, now).unwrap();
    store.write(&Record::PeerReceipt { session, receipt: peer }, now).unwrap();
    drop(store);

    let key = vkey(9);
    let (trust, foreign) = (text(&ours.join("issuer.toml")), text(&theirs.join("issuer.toml")));
    let of_kiosk = text(&certificate("kiosk-1"));
    let named = shokyo_log_check { trust: trust.as_ptr(), ..check(&key) };
    let verified = |check| {
        let (report, problems) = verify(&path, &check);
        assert_eq!((report.problems, report.is_signed), (0, 1), "{problems:?}");
        (report.receipts_verified, report.receipts_without_key)
    };
    assert_eq!(verified(named), (1, 1), "its own");
    assert_eq!(verified(shokyo_log_check { certificates: of_kiosk.as_ptr(), ..named }), (2, 0));
    assert_eq!(verified(shokyo_log_check { trust: foreign.as_ptr(), ..check(&key) }), (0, 2));

    // Files that are not there, or not what they should be.
    let (opened, nothing, mut report) = (open(&path), text(&folder.path().join("nothing")), report());
    for (check, expected) in [
        (shokyo_log_check { trust: nothing.as_ptr(), ..check(&key) }, Status::Configuration),
        (shokyo_log_check { certificates: nothing.as_ptr(), ..named }, Status::Configuration),
        (shokyo_log_check { certificates: of_kiosk.as_ptr(), ..check(&key) }, Status::InvalidArgument),
        (shokyo_log_check { reserved: 1, ..check(&key) }, Status::InvalidArgument),
        (check(c""), Status::InvalidArgument),
        (check(c"no key"), Status::Malformed),
        (shokyo_log_check { keys: null(), ..check(&key) }, Status::InvalidArgument),
    ] {
        let outcome = unsafe { shokyo_store_verify_log(opened, &check, &mut report, None, null_mut()) };
        assert_eq!((outcome, report.size), (expected, 0), "{}", detail());
    }
    free(opened);
}

#[test]
fn a_log_is_published_and_its_checkpoint_copied_out() {
    let (folder, path, writing) = store_on_disk();
    let (store, published) = (open(&path), folder.path().join("published"));
    let (mut files, mut length) = (0, 0);
    unsafe {
        let to = text(&published);
        assert_eq!(shokyo_store_publish(store, to.as_ptr(), vkey(8).as_ptr(), &mut files), Status::Mismatch);
        assert_eq!(shokyo_store_publish(store, to.as_ptr(), c"x".as_ptr(), &mut files), Status::Malformed);
        assert_eq!(files, 0);
        assert_eq!(shokyo_store_publish(store, to.as_ptr(), vkey(9).as_ptr(), &mut files), Status::Ok, "{}", detail());
        assert!(files > 0 && published.join("checkpoint").exists());
        assert_eq!(shokyo_store_checkpoint(store, null_mut(), 0, &mut length), Status::Ok);
        let mut note = vec![0_u8; length + 1];
        let into = note.as_mut_ptr().cast();
        assert_eq!(shokyo_store_checkpoint(store, into, note.len(), &mut length), Status::Ok);
        assert_eq!(note.pop(), Some(0));
        assert_eq!(String::from_utf8(note).unwrap(), writing.newest_checkpoint().unwrap().unwrap());
    }
    free(store);
}

#[test]
fn every_misuse_of_a_store_answers_a_status() {
    let (folder, path, _writing) = store_on_disk();
    let foreign = folder.path().join("foreign.sqlite");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE other (id)").unwrap();
    let garbage = folder.path().join("garbage");
    std::fs::write(&garbage, [0x5A; 5000]).unwrap();
    let (mut store, mut found, mut files, mut length) = (null_mut(), counts(), 0, 0);
    let (id, key) = ([1; 32], vkey(9));
    unsafe {
        for bad in [&foreign, &garbage, &folder.path().join("nothing"), &folder.path().to_path_buf()] {
            assert_eq!(shokyo_store_open(text(bad).as_ptr(), &mut store), Status::Store, "{}", bad.display());
        }
        assert_eq!(shokyo_store_open(null(), &mut store), Status::InvalidArgument);
        assert_eq!(shokyo_store_open([0xC3_u8, 0x28, 0].as_ptr().cast(), &mut store), Status::InvalidArgument);
        assert_eq!(shokyo_store_open(text(&path).as_ptr(), null_mut()), Status::InvalidArgument);
        assert!(store.is_null());

        let open = open(&path);
        let (mut info, mut is_there, mut report) = (session_info(), false, report());
        assert_eq!(shokyo_store_count(open, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_store_count(open, &mut shokyo_store_counts::default()), Status::InvalidArgument);
        assert_eq!(shokyo_store_for_each_session(open, 2, Some(take_session), null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_store_for_each_session(open, 0, None, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_store_session(open, null(), &mut info, &mut is_there), Status::InvalidArgument);
        assert_eq!(shokyo_store_session(open, id.as_ptr(), null_mut(), &mut is_there), Status::InvalidArgument);
        assert_eq!(shokyo_store_session(open, id.as_ptr(), &mut info, null_mut()), Status::InvalidArgument);
        assert_eq!(
            shokyo_store_for_each_receipt(open, null(), Some(take_receipt), null_mut()),
            Status::InvalidArgument
        );
        assert_eq!(shokyo_store_for_each_receipt(open, id.as_ptr(), None, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_store_for_each_receipt(open, id.as_ptr(), Some(take_receipt), null_mut()), Status::Ok);
        assert_eq!(shokyo_store_for_each_alarm(open, None, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_store_checkpoint(open, null_mut(), 5, &mut length), Status::InvalidArgument);
        assert_eq!(shokyo_store_checkpoint(open, null_mut(), 0, null_mut()), Status::InvalidArgument);
        let checked = check(&key);
        assert_eq!(shokyo_store_verify_log(open, null(), &mut report, None, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_store_verify_log(open, &checked, null_mut(), None, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_store_publish(open, null(), key.as_ptr(), &mut files), Status::InvalidArgument);
        assert_eq!(shokyo_store_publish(open, key.as_ptr(), null(), &mut files), Status::InvalidArgument);
        assert_eq!(shokyo_store_publish(open, key.as_ptr(), key.as_ptr(), null_mut()), Status::InvalidArgument);
        free(open);

        let vault = open_vault();
        for wrong in [open, vault.cast(), null_mut()] {
            assert_eq!(shokyo_store_count(wrong, &mut found), Status::InvalidHandle);
            assert_eq!(shokyo_store_for_each_session(wrong, 0, Some(take_session), null_mut()), Status::InvalidHandle);
            assert_eq!(shokyo_store_session(wrong, id.as_ptr(), &mut info, &mut is_there), Status::InvalidHandle);
            let each = Some(take_receipt as _);
            assert_eq!(shokyo_store_for_each_receipt(wrong, id.as_ptr(), each, null_mut()), Status::InvalidHandle);
            assert_eq!(shokyo_store_for_each_alarm(wrong, Some(take_alarm), null_mut()), Status::InvalidHandle);
            assert_eq!(shokyo_store_checkpoint(wrong, null_mut(), 0, &mut length), Status::InvalidHandle);
            assert_eq!(shokyo_store_verify_log(wrong, &checked, &mut report, None, null_mut()), Status::InvalidHandle);
            let to = text(&folder.path().join("published"));
            assert_eq!(shokyo_store_publish(wrong, to.as_ptr(), key.as_ptr(), &mut files), Status::InvalidHandle);
            if !wrong.is_null() {
                assert_eq!(shokyo_store_free(wrong), Status::InvalidHandle);
            }
        }
        assert_eq!(shokyo_store_free(null_mut()), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}
