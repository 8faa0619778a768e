//! What is older than the configured period goes, and the log says so and stays whole.

use std::time::Duration;

use shokyo::custody::{Journal, Store};
use shokyo::handover::{Outcome, Record};

use crate::chain::{boxed_log_key, opened, session, verify};
use crate::{ENTRIES, as_owner, fill, problems, store_of};

const PERIOD: Duration = Duration::from_secs(100);

/// Of 50 sessions, ten seconds apart, those that ended before 200 s.
fn expired() -> (tempfile::TempDir, std::path::PathBuf, Vec<String>) {
    let (directory, path) = store_of(50);
    let mut store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    let kept = vec![store.newest_checkpoint().unwrap().unwrap()];
    let gone = store.expire(PERIOD, 300_000).unwrap().unwrap();
    assert_eq!((gone.before_unix_ms, gone.sessions, gone.receipts, gone.alarms), (200_000, 20, 60, 20));
    assert_eq!(gone.positions, [(0, 20 * ENTRIES - 1)]);
    assert_eq!(store.expire(PERIOD, 300_000).unwrap(), None, "nothing is left that is so old");
    assert_eq!(store.expired().unwrap(), [gone]);
    (directory, path, kept)
}

#[test]
fn what_is_too_old_goes_and_the_log_still_verifies() {
    let (_directory, path, kept) = expired();
    let mut store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    assert_eq!(store.sessions().unwrap().len(), 30);
    assert!(store.receipts(session(3)).unwrap().is_empty() && store.alarms().unwrap().len() == 30);
    let report = verify(&store, &kept);
    assert_eq!(report.problems, []);
    assert_eq!((report.expired, report.entries[6], report.receipts_verified), (20 * ENTRIES, 1, 90));
    // The station goes on, and more expires.
    fill(&mut store, 50..60);
    let gone = store.expire(PERIOD, 400_000).unwrap().unwrap();
    assert_eq!((gone.sessions, gone.positions), (10, vec![(20 * ENTRIES, 30 * ENTRIES - 1)]));
    assert_eq!(verify(&store, &kept).problems, []);
}

#[test]
fn the_bytes_of_what_expired_are_gone_from_the_file() {
    let bytes_of = |path: &std::path::Path| {
        let checkpoint = rusqlite::Connection::open(path).unwrap();
        checkpoint.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        std::fs::read(path).unwrap()
    };
    let holds = |bytes: &[u8], number| bytes.windows(32).any(|window| window == session(number).as_bytes());
    let (_directory, path) = store_of(50);
    assert!(holds(&bytes_of(&path), 3), "the control");
    let (_directory, path, _) = expired();
    let bytes = bytes_of(&path);
    assert!(!holds(&bytes, 3) && holds(&bytes, 30));
}

#[test]
fn open_sessions_and_the_newest_receipt_stay() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("station.sqlite");
    let mut store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    store.write(&opened(session(1000)), 1).unwrap();
    fill(&mut store, 0..3);
    // An alarm and an end of sessions that were never opened here, or that raised nothing else.
    store.write(&Record::Alarm { session: session(2000), what: "a stranger asked" }, 1).unwrap();
    let gone = store.expire(PERIOD, 1_000_000_000).unwrap().unwrap();
    assert_eq!((gone.sessions, gone.receipts, gone.alarms), (2, 6, 3));
    assert_eq!(gone.positions, [(1, 2 * ENTRIES), (3 * ENTRIES + 1, 3 * ENTRIES + 1)]);
    assert_eq!(store.open_sessions().unwrap()[0].session, session(1000));
    assert!(store.session(session(2)).unwrap().is_some(), "its last receipt is what the next one names");
    fill(&mut store, 3..5);
    store.write(&Record::Ended { session: session(1000), outcome: Outcome::Lost }, 1).unwrap();
    assert_eq!(store.expire(PERIOD, 1_000_000_000).unwrap().unwrap().sessions, 3);
    assert_eq!(verify(&store, &[]).problems, []);
}

#[test]
fn nothing_can_pretend_to_have_expired() {
    let (_directory, path, _) = expired();
    as_owner(
        &path,
        "UPDATE log SET row = NULL, salt = NULL WHERE position = 200; INSERT INTO expired_positions VALUES (1, 200, 200)",
    );
    let told = problems(&path, &[]).concat();
    assert!(told.contains("entry 350 (expired, row 1 of expired): its row or its salt was changed"), "{told}");
    let (_directory, path, _) = expired();
    as_owner(&path, "UPDATE expired_positions SET last = 139 + 7");
    let told = problems(&path, &[]).concat();
    assert!(
        told.contains("entry 140 (opened, row 21 of sessions): it has expired, and its row is still there"),
        "{told}"
    );
    let (_directory, path, _) = expired();
    as_owner(&path, "UPDATE expired SET before_unix_ms = 5");
    assert!(problems(&path, &[]).concat().contains("entry 350 (expired, row 1 of expired): its row"), "{told}");
}

#[test]
fn the_triggers_let_go_only_what_has_expired() {
    let (_directory, path, _) = expired();
    let connection = rusqlite::Connection::open(&path).unwrap();
    for sql in [
        "DELETE FROM sessions WHERE id = 25",
        "DELETE FROM receipts WHERE id = 70",
        "DELETE FROM alarms WHERE id = 25",
        "UPDATE log SET row = NULL, salt = NULL WHERE position = 140",
        "DELETE FROM expired",
        "DELETE FROM expired_positions",
        "UPDATE expired_positions SET last = 340",
        "DELETE FROM checkpoints",
    ] {
        assert!(connection.execute(sql, []).is_err(), "{sql}");
    }
}

#[test]
fn a_journal_expires_by_itself() {
    let (_directory, path) = store_of(30);
    let store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    // The times of these sessions are of 1970.
    let journal = Journal::start(store, Some(Duration::from_secs(365 * 86_400))).unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(30);
    let reader = Store::open_read_only(&path).unwrap();
    while reader.sessions().unwrap().len() != 1 {
        assert!(std::time::Instant::now() < end, "nothing expired");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(journal);
    assert_eq!(problems(&path, &[]), [""; 0]);
}
