//! A process that stands still and goes on: it must find its deadlines passed, not its sessions as they were.

use std::time::Duration;

use crate::check::problems;
use crate::kills::rest;
use crate::town::{ALL, KIOSK, OTHER_KIOSK, Town};

#[test]
fn a_station_that_stood_still_ends_or_completes_its_sessions_and_serves_new_ones() {
    let mut town = Town::hasty();
    for index in ALL {
        let begun = [town.apply(KIOSK, "large"), town.apply(OTHER_KIOSK, "large")];
        town.station(index).signal(libc::SIGSTOP);
        // Longer than neighbours wait for a word.
        std::thread::sleep(Duration::from_millis(2600));
        town.station(index).signal(libc::SIGCONT);
        for begun in begun {
            let outcome = town.outcome(&begun);
            assert!(["complete", "ended", "unresolved"].contains(&outcome.as_str()), "{outcome}");
        }
        town.issue(KIOSK);
        town.issue(OTHER_KIOSK);
    }
    rest(&mut town);
    town.stop();
    assert_eq!(problems(&town), [""; 0]);
}

#[test]
fn a_kiosk_that_stood_still_beyond_the_delivery_deadline_does_not_deliver_any_more() {
    let mut town = Town::new();
    let begun = town.apply_and(KIOSK, "small", true);
    town.station(KIOSK).wait_of(&begun.session, "ready");
    town.station(KIOSK).signal(libc::SIGSTOP);
    std::thread::sleep(Duration::from_secs(5));
    town.station(KIOSK).tell(&serde_json::json!({ "command": "paid" }));
    town.station(KIOSK).signal(libc::SIGCONT);
    let erased = town.station(KIOSK).wait_of(&begun.session, "erased");
    assert_eq!((&erased["cause"], &erased["verified"]), (&serde_json::json!("deadline"), &serde_json::json!(true)));
    assert_ne!(town.outcome(&begun), "complete");
    assert!(!town.station(KIOSK).seen.iter().any(|notice| notice["event"] == "proved"), "nothing was delivered");
    town.issue(KIOSK);
    rest(&mut town);
    town.stop();
    assert_eq!(problems(&town), [""; 0]);
}
