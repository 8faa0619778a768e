//! The calendar's clock jumps; deadlines run on the other one.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::check::problems;
use crate::kills::rest;
use crate::town::{KIOSK, OTHER_KIOSK, Town};

const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

#[test]
fn jumps_of_the_calendar_move_no_deadline_and_lose_no_session() {
    let Some(library) = LIBRARIES.into_iter().find(|library| Path::new(library).exists()) else {
        println!("skipped: no libfaketime (Debian: faketime)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    let jump = |offset: &str| {
        let new = clock.with_extension("new");
        std::fs::write(&new, offset).unwrap();
        std::fs::rename(&new, &clock).unwrap();
    };
    jump("+0");
    let mut town = Town::with(
        |_| {},
        &[
            ("LD_PRELOAD", library),
            ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ],
    );
    let unix_ms = |town: &Town, begun: &crate::town::Begun| {
        let sessions = town.store(KIOSK).sessions().unwrap();
        sessions.iter().find(|of| json!(of.session.to_string()) == begun.session).unwrap().opened_unix_ms
    };
    // Forward in the middle of a session, and back again.
    let before = town.apply(OTHER_KIOSK, "small");
    town.complete(&before);
    let begun = town.apply_and(KIOSK, "large", true);
    town.station(KIOSK).wait_of(&begun.session, "ready");
    jump("+30d");
    town.station(KIOSK).tell(&json!({ "command": "paid" }));
    town.complete(&begun);
    let late = town.apply(KIOSK, "large");
    town.complete(&late);
    let moved = unix_ms(&town, &late) - unix_ms(&town, &begun);
    assert!(moved > 29 * 86_400_000, "the stations' calendar did jump: {moved} ms");
    let back = town.apply_and(KIOSK, "large", true);
    jump("+0");
    town.station(KIOSK).wait_of(&back.session, "ready");
    // A deadline passes when it does, whatever the calendar says: neither at once nor never.
    let started = Instant::now();
    jump("+300d");
    let erased = town.station(KIOSK).wait_of(&back.session, "erased");
    assert_eq!(erased["cause"], "deadline");
    let taken = started.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(8)).contains(&taken), "{taken:?}");
    jump("+0");
    town.issue(KIOSK);
    rest(&mut town);
    town.stop();
    assert_eq!(problems(&town), [""; 0]);
}
