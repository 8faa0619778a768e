//! Claims about the log of a store: an untouched one verifies, and every way to change it is found where it was done.
#![cfg(feature = "custody")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/chain.rs"]
mod chain;
#[path = "../support/note_key.rs"]
mod note_key;
#[path = "../support/receipt_key.rs"]
mod receipt_key;
mod retention;
mod signing;
mod tampering;

use std::path::{Path, PathBuf};

use chain::{Station, boxed_log_key, log_key, verify, whole_session};
use shokyo::custody::Store;
use shokyo::types::Role;

/// Entries of one session.
const ENTRIES: u64 = 7;

/// A store with this many whole sessions, a batch each; the times are ten seconds apart.
fn store_of(sessions: u64) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("station.sqlite");
    let mut store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    fill(&mut store, 0..sessions);
    (directory, path)
}

fn fill(store: &mut Store, sessions: std::ops::Range<u64>) {
    let (mut issuer, mut kiosk) = (Station::new(Role::Issuer), Station::new(Role::Kiosk));
    for number in 0..sessions.end {
        let records = whole_session(&mut issuer, &mut kiosk, number);
        if sessions.contains(&number) {
            let records: Vec<_> = records.into_iter().map(|record| (record, number * 10_000)).collect();
            store.write_all(&records).unwrap();
        }
    }
}

/// Runs SQL as someone who owns the file: without the triggers, which are put back so that they do not give it away.
fn as_owner(path: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let triggers: Vec<(String, String)> = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (name, _) in &triggers {
        connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    connection.execute_batch(sql).unwrap();
    for (_, trigger) in &triggers {
        connection.execute_batch(trigger).unwrap();
    }
}

/// What an auditor is told, a line for each problem.
fn problems(path: &Path, known: &[String]) -> Vec<String> {
    let report = verify(&Store::open_read_only(path).unwrap(), known);
    assert_eq!(report.problems.len() as u64, report.problem_count.min(1000));
    report.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn an_untouched_log_verifies_and_says_what_is_in_it() {
    // Two levels of tiles, full and partial ones.
    let (_directory, path) = store_of(150);
    let store = Store::open_read_only(&path).unwrap();
    let report = verify(&store, &[store.newest_checkpoint().unwrap().unwrap()]);
    assert_eq!(report.problems, []);
    assert_eq!((report.size, report.entries), (150 * ENTRIES, [150, 300, 150, 150, 150, 150, 0]));
    assert_eq!((report.receipts_verified, report.receipts_without_key, report.expired), (450, 0, 0));
    let newest = report.checkpoint.unwrap();
    assert_eq!((newest.size, newest.root, newest.origin.as_str()), (1050, report.root, "shokyo/an-operator/issuer-1"));
    // 1,500 seconds: one checkpoint is kept, and the one that was given.
    assert_eq!(report.checkpoints, 2);
}

#[test]
fn an_empty_log_verifies() {
    let (_directory, path) = store_of(0);
    assert_eq!(problems(&path, &[]), [""; 0]);
}

#[test]
fn a_log_is_verified_while_a_station_writes_to_it() {
    let (_directory, path) = store_of(20);
    let mut store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| (0..10).map(|_| problems(&path, &[])).collect::<Vec<_>>());
        fill(&mut store, 20..120);
        assert!(reading.join().unwrap().iter().all(Vec::is_empty));
    });
    assert_eq!(problems(&path, &[]), [""; 0]);
}

#[test]
fn signatures_without_a_key_are_counted_and_not_believed() {
    let (_directory, path) = store_of(3);
    let key = log_key(9).verifier();
    let check = shokyo::custody::LogCheck { keys: &[key], receipt_keys: &|_| None, known: &[] };
    let report = shokyo::custody::verify_log(&Store::open_read_only(&path).unwrap(), &check).unwrap();
    assert_eq!((report.receipts_verified, report.receipts_without_key, report.is_clean()), (0, 9, true));
}
