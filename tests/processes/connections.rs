//! Connections that are reset, stall, are open on one side only, or slow: sessions go on over the next one, and no neighbour waits
//! for another.

use std::time::{Duration, Instant};

use crate::check::problems;
use crate::kills::rest;
use crate::proxy::Proxy;
use crate::town::{CENTRE, EC, KIOSK, OTHER_KIOSK, Town};

/// Does something to a connection while a document is half way over it, and wants the session to complete over the next one.
fn completes_in_spite_of(what: fn(&Proxy), slow: &str) {
    let mut town = Town::with(&[("transmit = 6", "transmit = 20")], &[]);
    for index in [CENTRE, EC, KIOSK] {
        let proxy = town.proxy(index).clone();
        proxy.throttle(3000);
        let before = (proxy.bytes(), proxy.accepted());
        let begun = town.apply(KIOSK, "large");
        let end = Instant::now() + Duration::from_secs(20);
        while proxy.bytes() < before.0 + 400_000 {
            assert!(Instant::now() < end, "{} of the document", proxy.bytes() - before.0);
            std::thread::sleep(Duration::from_millis(1));
        }
        what(&proxy);
        proxy.throttle(0);
        town.complete(&begun);
        assert!(proxy.accepted() > before.1, "over another connection ({slow})");
        assert!(proxy.bytes() < before.0 + 4_000_000, "from where it stood, not from the beginning");
    }
    rest(&mut town);
    town.stop();
    assert_eq!(problems(&town), [""; 0]);
}

#[test]
fn a_session_whose_connection_is_reset_goes_on_where_it_stood() {
    completes_in_spite_of(Proxy::reset, "at once");
}

#[test]
fn a_session_whose_connection_stalls_goes_on_over_another() {
    completes_in_spite_of(Proxy::stall, "after the silence");
}

#[test]
fn a_session_whose_connection_is_open_on_one_side_only_goes_on_over_another() {
    completes_in_spite_of(Proxy::half_open, "after the silence");
}

#[test]
fn a_connection_that_does_not_come_back_ends_its_sessions_at_the_deadline() {
    let mut town = Town::new();
    let proxy = town.proxy(KIOSK).clone();
    proxy.throttle(300);
    let begun = town.apply(KIOSK, "large");
    town.station(KIOSK).wait_of(&begun.session, "offered");
    // Nobody listens there.
    proxy.retarget("127.0.0.1:1");
    proxy.reset();
    let erased = town.station(KIOSK).wait_of(&begun.session, "erased");
    assert_eq!(erased["cause"], "deadline");
    assert_eq!(town.station(KIOSK).wait_of(&begun.session, "deadline-exceeded")["deadline"], "reconnect");
    assert_ne!(town.outcome(&begun), "complete");
    rest(&mut town);
    assert!(town.store(KIOSK).alarms().unwrap().iter().any(|alarm| alarm.what.contains("reconnect deadline")));
    town.stop();
    assert_eq!(problems(&town), [""; 0]);
}

#[test]
fn a_kiosk_that_takes_nothing_does_not_hold_up_another() {
    let mut town = Town::new();
    // Four documents on their way to a kiosk that takes 40 KB in a second, then nothing at all.
    town.proxy(OTHER_KIOSK).throttle(40);
    let slow: Vec<_> = (0..4).map(|_| town.apply(OTHER_KIOSK, "large")).collect();
    std::thread::sleep(Duration::from_millis(500));
    for round in 0..6 {
        if round == 3 {
            town.proxy(OTHER_KIOSK).stall();
        }
        let started = Instant::now();
        let begun = town.apply(KIOSK, "small");
        town.complete(&begun);
        let taken = started.elapsed();
        // Waiting for the other one would take longer than its deadline.
        assert!(taken < Duration::from_secs(5), "{taken:?} beside a slow kiosk");
    }
    town.proxy(OTHER_KIOSK).throttle(0);
    for begun in slow {
        town.outcome(&begun);
    }
    town.issue(OTHER_KIOSK);
    rest(&mut town);
    town.stop();
    assert_eq!(problems(&town), [""; 0]);
}

#[test]
fn a_second_connection_of_a_neighbour_takes_the_place_of_the_first() {
    let mut town = Town::new();
    let begun = town.apply_and(KIOSK, "small", true);
    town.station(KIOSK).wait_of(&begun.session, "ready");
    // The same station once more, with a store of its own: by its certificate it is the same neighbour.
    let mut twin = town.starts[KIOSK].clone();
    let text = std::fs::read_to_string(&twin.config).unwrap().replace("kiosk-1.sqlite3", "twin.sqlite3");
    twin.config = town.path().join("twin.toml");
    std::fs::write(&twin.config, text).unwrap();
    town.station(EC).listen();
    let first = town.station(EC).seen.len();
    let mut twin = twin.start();
    twin.wait_for("connected");
    let gone = town.station(EC).wait_from(first, "end of the first", Duration::from_secs(20), |notice| {
        notice["event"] == "disconnected" && notice["station"] == "kiosk-1"
    });
    assert!(gone["reason"].as_str().unwrap().contains("newer"), "{gone}");
    twin.kill();
    town.station(KIOSK).tell(&serde_json::json!({ "command": "paid" }));
    town.complete(&begun);
    town.stop();
    assert_eq!(problems(&town), [""; 0]);
}
