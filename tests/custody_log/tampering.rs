//! Someone owns the file, drops the triggers and changes it. Each change is found, and where.

use shokyo::custody::Store;
use shokyo::handover::{Outcome, Record};
use shokyo::receipt::Event;
use shokyo::types::Role;

use crate::chain::{Station, opened, session};
use crate::{as_owner, problems, store_of};

/// Makes the change on a store of 50 sessions (350 entries) and gives what an auditor is told.
fn told(sql: &str) -> Vec<String> {
    let (_directory, path) = store_of(50);
    assert_eq!(problems(&path, &[]), [""; 0], "the control: nothing is wrong before");
    as_owner(&path, sql);
    problems(&path, &[])
}

#[track_caller]
fn found(sql: &str, expected: &[&str]) {
    let told = told(sql);
    for expected in expected {
        assert!(told.iter().any(|line| line.contains(expected)), "{sql}\n{expected}\n{told:#?}");
    }
    assert!(told.len() < 12, "one change is told in few lines: {told:#?}");
}

#[test]
fn dropping_the_triggers_and_putting_them_back_changes_nothing() {
    assert_eq!(told(""), [""; 0]);
}

#[test]
fn an_edited_row_is_found() {
    found(
        "UPDATE alarms SET what = 'nothing' WHERE id = 3",
        &["entry 18 (alarm, row 3 of alarms): its row or its salt was changed"],
    );
    found("UPDATE sessions SET kind = 'other' WHERE id = 2", &["entry 7 (opened, row 2 of sessions): its row"]);
    found("UPDATE sessions SET outcome = 3 WHERE id = 2", &["entry 13 (ended, row 2 of sessions): its row"]);
    found(
        "UPDATE sessions SET print_started_unix_ms = 5 WHERE id = 2",
        &["entry 9 (print-started, row 2 of sessions)"],
    );
    found(
        "UPDATE receipts SET stored_unix_ms = -stored_unix_ms WHERE id = 4",
        &["entry 8 (own-receipt, row 4 of receipts)"],
    );
    found(
        "UPDATE receipts SET station = 'kiosk-9' WHERE id = 1",
        &["entry 1 (own-receipt, row 1 of receipts): the columns"],
    );
    found(
        "PRAGMA ignore_check_constraints = ON; UPDATE receipts SET own = 7 WHERE id = 1",
        &["entry 1 (own-receipt, row 1 of receipts): the columns"],
    );
    found("UPDATE receipts SET own = 0 WHERE id = 1", &["entry 1 (own-receipt, row 1 of receipts): the columns"]);
    let changed = "UPDATE receipts SET receipt = CAST(substr(receipt, 1, length(receipt) - 1) \
                   || CASE substr(receipt, -1) WHEN x'00' THEN x'01' ELSE x'00' END AS BLOB) WHERE id = 1";
    found(
        changed,
        &[
            "entry 1 (own-receipt, row 1 of receipts): the receipt was changed",
            "entry 1 (own-receipt, row 1 of receipts): the signature",
        ],
    );
}

#[test]
fn an_edited_log_is_found() {
    found(
        "UPDATE log SET salt = zeroblob(32) WHERE position = 20",
        &["entry 20 (ended, row 3 of sessions): its row or its salt"],
    );
    found(
        "UPDATE log SET leaf = zeroblob(32) WHERE position = 20",
        &["entry 20 (ended, row 3 of sessions): its leaf in the log"],
    );
    found(
        "UPDATE log SET row = 4 WHERE position = 14",
        &["entry 14 (opened, row 4 of sessions): its row", "row 3 of sessions: inserted"],
    );
    found("UPDATE log SET entry = 3 WHERE position = 1", &["entry 1 (peer-receipt, row 1 of receipts): its row"]);
}

#[test]
fn a_deleted_row_is_found() {
    found("DELETE FROM alarms WHERE id = 3", &["entry 18 (alarm, row 3 of alarms): its row was deleted"]);
    found("DELETE FROM receipts WHERE id = 7", &["entry 15 (own-receipt, row 7 of receipts): its row was deleted"]);
    found("DELETE FROM sessions WHERE id = 50", &["entry 343 (opened, row 50 of sessions): its row was deleted"]);
    found(
        "UPDATE sessions SET outcome = NULL, ended_unix_ms = NULL WHERE id = 2",
        &["entry 13 (ended, row 2 of sessions): its row was deleted"],
    );
    found(
        "UPDATE log SET row = NULL, salt = NULL WHERE position = 18",
        &["entry 18 (alarm): its row was deleted, and no entry says that it expired"],
    );
    found(
        "DELETE FROM log WHERE position BETWEEN 30 AND 33; DELETE FROM alarms WHERE id = 5",
        &["entries 30 to 33: deleted from the log"],
    );
}

#[test]
fn an_inserted_row_is_found() {
    let session = "x'".to_string() + &"11".repeat(32) + "'";
    found(
        &format!("INSERT INTO alarms (session, what, raised_unix_ms) VALUES ({session}, 'a', 5)"),
        &["row 51 of alarms: inserted"],
    );
    found(
        &format!(
            "INSERT INTO sessions (session, kind, opened_unix_ms, print_started_unix_ms) VALUES ({session}, 'a', 5, 6)"
        ),
        &["row 51 of sessions: inserted", "row 51 of sessions: printing was put in afterwards"],
    );
    found(
        &format!(
            "INSERT INTO receipts (session, own, event, role, station, stored_unix_ms, hash, receipt) \
             VALUES ({session}, 0, 3, 4, 'kiosk-1', 5, zeroblob(32), zeroblob(99))"
        ),
        &["row 151 of receipts: inserted"],
    );
    found(
        "INSERT INTO log (position, entry, row, salt, leaf) VALUES (350, 5, 1, zeroblob(32), zeroblob(32))",
        &[
            "entry 350 (alarm, row 1 of alarms)",
            "entry 350: the newest checkpoint that verifies covers only the first 350",
        ],
    );
    found(
        "INSERT INTO expired (before_unix_ms, stored_unix_ms, sessions, receipts, alarms) VALUES (1, 2, 3, 4, 5)",
        &["row 1 of expired: inserted"],
    );
}

#[test]
fn a_reordered_log_is_found() {
    let swap = "CREATE TEMP TABLE t AS SELECT * FROM log WHERE position IN (100, 107); DELETE FROM log WHERE position IN (100, 107); \
                INSERT INTO log SELECT 207 - position, entry, row, salt, leaf FROM t;";
    found(
        swap,
        &[
            "entry 100 (print-started, row 16 of sessions): it was appended as entry 107: the log was reordered",
            "entry 107",
        ],
    );
}

#[test]
fn a_changed_tile_is_found() {
    let changed = "UPDATE tiles SET hashes = CAST(substr(hashes, 1, 320) || zeroblob(32) || substr(hashes, 353) AS BLOB) WHERE level = 0 AND tile = 0";
    found(
        changed,
        &["entry 10 ", "tile 0 of level 1: its hash 0 is not the root of the tile below", "tiles were changed"],
    );
    found("UPDATE tiles SET hashes = zeroblob(32) WHERE level = 1", &["tile 0 of level 1: its hash 0 is not the root"]);
    found(
        "DELETE FROM tiles WHERE level = 0 AND tile = 1",
        &["tile 1 of level 0: it lacks the hashes from position 256 on"],
    );
    found(
        "UPDATE tiles SET hashes = CAST(hashes || zeroblob(32) AS BLOB) WHERE level = 0 AND tile = 1",
        &["tile 1 of level 0: it has 95 hashes, and the tree has only 94"],
    );
    found(
        "INSERT INTO tiles VALUES (2, 0, zeroblob(32))",
        &["tile 0 of level 2: it has 1 hashes, and the tree has only 0"],
    );
}

#[test]
fn a_forged_checkpoint_is_found() {
    found(
        "UPDATE checkpoints SET note = replace(note, '350', '351')",
        &["checkpoint of size 350: no key that you gave has signed it"],
    );
    found(
        "UPDATE checkpoints SET size = 349",
        &["checkpoint of size 349: it is not about this size but about 350", "entries 0 to 349: no checkpoint"],
    );
    found("DELETE FROM checkpoints", &["entries 0 to 349: no checkpoint that verifies covers them"]);
    // Signed by the key of another log of the same name.
    let (_directory, path) = store_of(5);
    let foreign = { crate::chain::boxed_log_key(8) };
    let size_and_root =
        shokyo::custody::log::Checkpoint { origin: foreign.verifier_key().name().into(), size: 35, root: [1; 32] };
    let note = size_and_root.sign(&*foreign).unwrap();
    as_owner(&path, &format!("UPDATE checkpoints SET note = '{note}'"));
    assert!(problems(&path, &[])[0].contains("checkpoint of size 35: no key that you gave has signed it"));
}

/// Everything changed that does not need the key: only the checkpoints show it.
#[test]
fn a_history_that_was_written_anew_with_its_tiles_is_found_by_the_signature() {
    let (_directory, path) = store_of(50);
    let (_other_directory, other) = store_of(50);
    let other = other.display();
    as_owner(
        &path,
        &format!(
            "ATTACH '{other}' AS other; DELETE FROM log; INSERT INTO log SELECT * FROM other.log; \
             DELETE FROM tiles; INSERT INTO tiles SELECT * FROM other.tiles; DELETE FROM receipts; \
             INSERT INTO receipts SELECT * FROM other.receipts; DETACH other;"
        ),
    );
    let told = problems(&path, &[]);
    assert!(told.len() == 1 && told[0].contains("checkpoint of size 350: it signs another history"), "{told:?}");
}

#[test]
fn a_log_that_was_cut_off_is_found_by_whoever_kept_a_checkpoint() {
    let (directory, path) = store_of(30);
    let earlier = directory.path().join("earlier.sqlite");
    std::fs::copy(&path, &earlier).unwrap();
    let mut store = Store::open_signed(&path, crate::chain::boxed_log_key(9)).unwrap();
    crate::fill(&mut store, 30..50);
    let kept = [store.newest_checkpoint().unwrap().unwrap()];
    drop(store);
    assert_eq!(problems(&path, &kept), [""; 0], "the control");
    // An older copy in its place is the best that can be done without the key.
    assert_eq!(problems(&earlier, &[]), [""; 0], "it is consistent, and nobody who has nothing else can tell");
    let told = problems(&earlier, &kept);
    assert!(
        told.len() == 1 && told[0].contains("checkpoint of size 350: you kept it, and the log has only 210 entries"),
        "{told:?}"
    );
    // Rows alone cut off, with the checkpoint left.
    as_owner(&path, "DELETE FROM log WHERE position >= 340");
    let told = problems(&path, &[]).concat();
    assert!(told.contains("checkpoint of size 350: it covers more than the 340 entries that are there"), "{told}");
}

#[test]
fn two_histories_of_one_log_are_found_by_whoever_kept_a_checkpoint() {
    let (_directory, path) = store_of(10);
    let (_other_directory, other) = store_of(20);
    let kept = [Store::open_read_only(&path).unwrap().newest_checkpoint().unwrap().unwrap()];
    assert_eq!(problems(&path, &kept), [""; 0], "the control");
    let told = problems(&other, &kept);
    assert!(told[0].contains("checkpoint of size 70: you kept it, and it signs another history"), "{told:?}");
}

#[test]
fn a_schema_without_its_guards_is_found() {
    let (_directory, path) = store_of(2);
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("DROP TRIGGER alarms_stay; CREATE TRIGGER mine AFTER INSERT ON alarms BEGIN SELECT 1; END;")
        .unwrap();
    assert_eq!(problems(&path, &[]), ["the schema's alarms_stay was taken away", "\"mine\" was added to the schema"]);
}

#[test]
fn what_is_only_said_to_have_expired_is_found() {
    // Nobody's entry says so; every step but the last is one that the triggers allow.
    found(
        "PRAGMA foreign_keys = OFF; INSERT INTO expired_positions VALUES (999, 18, 18);
         UPDATE log SET row = NULL, salt = NULL WHERE position = 18; DELETE FROM alarms WHERE id = 3",
        &["entry 18: they are said to have expired, and no entry", "PRAGMA foreign_key_check finds: expired_positions"],
    );
}

#[test]
fn a_row_behind_an_impossible_position_is_found() {
    for position in ["-1", "9223372036854775807"] {
        found(
            &format!(
                "PRAGMA ignore_check_constraints = ON;
                 INSERT INTO alarms (id, session, what, raised_unix_ms) VALUES (99, zeroblob(32), 'a', 5);
                 INSERT INTO log VALUES ({position}, 5, 99, zeroblob(32), zeroblob(32))"
            ),
            &[&format!("row {position} of log: no entry can have this position")],
        );
    }
}

#[test]
fn an_index_that_hides_a_row_is_found() {
    // While the row goes in, the index is one that takes none.
    found(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = sql || ' WHERE raised_unix_ms IS NULL' WHERE name LIKE 'alarms_by_%';
         PRAGMA writable_schema = RESET;
         INSERT INTO alarms (session, what, raised_unix_ms) VALUES (zeroblob(32), 'a', 5);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, ' WHERE raised_unix_ms IS NULL', '') WHERE name LIKE 'alarms_by_%';
         PRAGMA writable_schema = RESET",
        &["PRAGMA integrity_check finds"],
    );
}

#[test]
fn exchanged_rows_are_found() {
    // Two alarms with their numbers exchanged, everywhere.
    found(
        "UPDATE alarms SET id = -3 WHERE id = 3; UPDATE alarms SET id = 3 WHERE id = 4; UPDATE alarms SET id = 4 WHERE id = -3;
         UPDATE log SET row = CASE row WHEN 3 THEN 4 ELSE 3 END WHERE entry = 5 AND row IN (3, 4)",
        &["entry 25 (alarm, row 3 of alarms): its row has not a greater number"],
    );
}

#[test]
fn a_value_that_no_station_writes_is_found_where_it_is_and_nothing_else_is_passed_over() {
    const NOT_READ: &str = "a value of it, or of the row that it names, is none that a station writes";
    // A second change, far behind the first, is found as well.
    let later = "UPDATE alarms SET what = 'nothing' WHERE id = 40";
    for (place, sql) in [
        ("entry 8:", "UPDATE log SET salt = zeroblob(31) WHERE position = 8"),
        ("entry 8:", "UPDATE log SET leaf = zeroblob(33) WHERE position = 8"),
        ("entry 8:", "UPDATE log SET entry = 9 WHERE position = 8"),
        ("entry 8:", "UPDATE log SET entry = 300 WHERE position = 8"),
        ("entry 1:", "UPDATE receipts SET hash = zeroblob(5) WHERE id = 1"),
        ("entry 1:", "UPDATE receipts SET station = CAST(x'C328' AS TEXT) WHERE id = 1"),
        ("entry 13:", "UPDATE sessions SET outcome = 300 WHERE id = 2"),
        ("entry 7:", "UPDATE sessions SET session = x'01' WHERE id = 2"),
        ("entry 18:", "UPDATE alarms SET session = x'01' WHERE id = 3"),
    ] {
        let told = told(&format!("PRAGMA ignore_check_constraints = ON; {sql}; {later}"));
        let found = told.iter().any(|line| line.starts_with(place) && line.contains(NOT_READ));
        assert!(found, "{sql}\n{told:#?}");
        assert!(told.iter().any(|line| line.contains("row 40 of alarms")), "{sql}\n{told:#?}");
    }
    let told = told(&format!("UPDATE checkpoints SET note = CAST(x'C328' AS TEXT) WHERE size = 350; {later}"));
    assert!(told.iter().any(|line| line.contains("checkpoint of size 350")), "{told:#?}");
    assert!(told.iter().any(|line| line.contains("row 40 of alarms")), "{told:#?}");
}

#[test]
fn a_receipt_that_cannot_be_read_keeps_no_other_from_being_sent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kiosk.sqlite");
    let mut store = Store::open(&path).unwrap();
    let mut kiosk = Station::new(Role::Kiosk);
    for number in 0..3 {
        let session = session(number);
        store.write(&opened(session), 1).unwrap();
        let receipt = kiosk.receipt(session, Event::Erased);
        store.write(&Record::OwnReceipt { session, receipt }, 2).unwrap();
        store.write(&Record::Ended { session, outcome: Outcome::Unresolved }, 3).unwrap();
    }
    drop(store);
    let waiting = |limit| {
        let found = Store::open(&path).unwrap().unacknowledged(0, limit).unwrap();
        found.iter().map(|waiting| waiting.session).collect::<Vec<_>>()
    };
    assert_eq!(waiting(9), [session(0), session(1), session(2)]);
    as_owner(&path, "UPDATE receipts SET receipt = x'00' WHERE id < 3");
    assert_eq!((waiting(9), waiting(1)), (vec![session(2)], vec![session(2)]));
    assert_eq!(waiting(0), []);
}
