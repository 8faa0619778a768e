//! The calendar's clock jumps; deadlines run on the other one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::check::problems;
use crate::kills::rest;
use crate::town::{KIOSK, OTHER_KIOSK, Town};

/// Makes the library that moves the calendar's clock of a process.
fn moving_clock(folder: &Path) -> PathBuf {
    let library = folder.join("libmovingclock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/processes/moving_clock.c");
    let mut compiler = Command::new("cc");
    let compiled =
        compiler.args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(compiled.unwrap().success(), "cc failed");
    library
}

#[test]
fn jumps_of_the_calendar_move_no_deadline_and_lose_no_session() {
    let folder = tempfile::tempdir().unwrap();
    let library = moving_clock(folder.path());
    let clock = folder.path().join("clock");
    // Written in place, because the stations have it mapped.
    std::fs::write(&clock, 0i64.to_ne_bytes()).unwrap();
    let jump = |days: i64| {
        let file = std::fs::OpenOptions::new().write(true).open(&clock).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &(days * 86_400).to_ne_bytes(), 0).unwrap();
    };
    let mut town =
        Town::with(&[], &[("LD_PRELOAD", library.to_str().unwrap()), ("MOVING_CLOCK", clock.to_str().unwrap())]);
    let unix_ms = |town: &Town, begun: &crate::town::Begun| {
        let sessions = town.store(KIOSK).sessions().unwrap();
        sessions.iter().find(|of| json!(of.session.to_string()) == begun.session).unwrap().opened_unix_ms
    };
    // Forward in the middle of a session, and back again.
    let before = town.apply(OTHER_KIOSK, "small");
    town.complete(&before);
    let begun = town.apply_and(KIOSK, "large", true);
    town.station(KIOSK).wait_of(&begun.session, "ready");
    jump(30);
    town.station(KIOSK).tell(&json!({ "command": "paid" }));
    town.complete(&begun);
    let late = town.apply(KIOSK, "large");
    town.complete(&late);
    let moved = unix_ms(&town, &late) - unix_ms(&town, &begun);
    assert!(moved > 29 * 86_400_000, "the stations' calendar did jump: {moved} ms");
    let back = town.apply_and(KIOSK, "large", true);
    jump(0);
    town.station(KIOSK).wait_of(&back.session, "ready");
    // A deadline passes when it does, whatever the calendar says: neither at once nor never.
    let started = Instant::now();
    jump(300);
    let erased = town.station(KIOSK).wait_of(&back.session, "erased");
    assert_eq!(erased["cause"], "deadline");
    let taken = started.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(8)).contains(&taken), "{taken:?}");
    jump(0);
    town.issue(KIOSK);
    rest(&mut town);
    town.stop();
    assert_eq!(problems(&town), [""; 0]);
}
