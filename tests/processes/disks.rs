//! A disk that takes nothing more: what cannot be written down does not happen, and others are not disturbed.

use std::process::Command;

use serde_json::json;
use shokyo::handover::Outcome;

use crate::check::problems;
use crate::kills::rest;
use crate::station::PATIENCE;
use crate::town::{EC, ISSUER, KIOSK, OTHER_KIOSK, Town};

/// Limits the size of the files that a running station may write, or lifts the limit.
fn limit_files(town: &mut Town, index: usize, bytes: &str) {
    let process = town.station(index).process.id().to_string();
    let set =
        Command::new("prlimit").args(["--pid", &process, &format!("--fsize={bytes}:unlimited")]).output().unwrap();
    assert!(set.status.success(), "{set:?}");
}

#[test]
fn a_kiosk_without_disk_erases_and_another_is_not_disturbed() {
    let mut town = Town::with(&[("deliver = 4", "deliver = 30")], &[]);
    let open = town.apply_and(KIOSK, "small", true);
    town.station(KIOSK).wait_of(&open.session, "ready");
    let other = town.apply_and(OTHER_KIOSK, "large", true);
    town.station(OTHER_KIOSK).wait_of(&other.session, "ready");
    limit_files(&mut town, KIOSK, "1");

    // Printing must be on record before it begins; it does not begin.
    town.station(KIOSK).tell(&json!({ "command": "paid" }));
    let erased = town.station(KIOSK).wait_of(&open.session, "erased");
    assert_eq!((&erased["cause"], &erased["verified"]), (&json!("device-fault"), &json!(true)));
    assert!(!town.station(KIOSK).seen.iter().any(|notice| notice["event"] == "printing"));
    // No new transaction begins either: nothing is applied for without a record.
    let first = town.station(KIOSK).seen.len();
    town.station(KIOSK).tell(&json!({
        "command": "apply", "operator": "municipality", "issuer": "issuer-1", "kind": "small", "subject": "S-1",
        "challenge": "00".repeat(32),
    }));
    let refused = town
        .station(KIOSK)
        .wait_from(first, "end", PATIENCE, |notice| notice["event"] == "finished" && notice["session"] != open.session);
    assert_eq!(refused["outcome"], "ended");

    town.station(OTHER_KIOSK).tell(&json!({ "command": "paid" }));
    town.complete(&other);
    town.issue(OTHER_KIOSK);

    // With room again the end is written down without a restart.
    limit_files(&mut town, KIOSK, "unlimited");
    town.outcome(&open);
    rest(&mut town);
    town.issue(KIOSK);
    town.stop();
    assert_eq!(problems(&town), [""; 0]);
}

#[test]
fn an_issuer_or_relay_without_disk_refuses_and_serves_again_when_there_is_room() {
    let mut town = Town::new();
    for index in [ISSUER, EC] {
        let waiting = town.apply_and(OTHER_KIOSK, "small", true);
        town.station(OTHER_KIOSK).wait_of(&waiting.session, "ready");
        limit_files(&mut town, index, "1");
        let begun = town.apply(KIOSK, "small");
        assert_ne!(town.outcome(&begun), "complete");
        let document = town
            .station(KIOSK)
            .seen
            .iter()
            .any(|notice| notice["event"] == "ready" && notice["session"] == begun.session);
        assert!(!document, "no key was released without a record of it");
        limit_files(&mut town, index, "unlimited");
        town.outcome(&waiting);
        town.issue(KIOSK);
        town.issue(OTHER_KIOSK);
    }
    rest(&mut town);
    town.stop();
    assert_eq!(problems(&town), [""; 0]);
}

#[test]
fn the_check_finds_a_session_that_is_called_complete_without_its_receipts() {
    let mut town = Town::new();
    town.proxy(KIOSK).throttle(500);
    let begun = town.apply(KIOSK, "large");
    town.station(KIOSK).wait_of(&begun.session, "offered");
    town.station(KIOSK).tell(&json!({ "command": "cancel" }));
    assert_eq!(town.outcome(&begun), "ended");
    town.proxy(KIOSK).throttle(0);
    town.issue(KIOSK);
    rest(&mut town);
    town.stop();
    assert_eq!(problems(&town), [""; 0]);

    // The same stores with one word changed.
    let file = town.store_file(KIOSK);
    let connection = rusqlite::Connection::open(&file).unwrap();
    let ended = Outcome::Ended as u8;
    let changed = connection
        .execute_batch("DROP TRIGGER sessions_only_go_on")
        .and_then(|()| connection.execute("UPDATE sessions SET outcome = 1 WHERE outcome = ?1", [ended]))
        .unwrap();
    assert_eq!(changed, 1);
    drop(connection);
    let found = problems(&town);
    assert!(found.iter().any(|problem| problem.contains("complete, but")), "{found:?}");
}
