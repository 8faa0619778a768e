//! Many handovers at once in simulated worlds: the real machines with the real cryptography, on simulated clocks, lines and disks,
//! with faults of every kind. What happens follows from a seed; what must never happen is counted.
//!
//! `cargo xtask soak` runs a million sessions; `cargo xtask soak --world SEED` runs one world again and prints what happens in it.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]
#![cfg(target_os = "linux")]

mod audit;
mod clock;
mod disk;
mod issuers;
mod kiosks;
mod ledger;
mod line;
mod machine;
mod network;
mod plan;
mod process;
mod rack;
mod random;
mod relays;
mod soak;
mod station;
mod watched;
mod world;

use ledger::Check;
use plan::Design;
use soak::{Racks, Total};

/// Sessions in the tests that run every time.
const FEW: u64 = 400;

fn run(seed: u64, sessions: u64, design: Design) -> Total {
    let total = soak::run(seed, sessions, 2, design, false);
    if design == Design::Sound && !total.is_clean() {
        total.print();
    }
    total
}

/// Faults of the build hold for the whole process: tests take turns.
macro_rules! take_turns {
    ($($fault:expr),*) => {
        #[cfg(shokyo_faults)]
        let _alone = shokyo::faults::serialised(&[$($fault),*]);
    };
}

#[test]
fn in_many_worlds_with_faults_nothing_happens_that_must_not() {
    take_turns!();
    let total = run(1, FEW, Design::Sound);
    assert!(total.is_clean());
    // It was no walk in the park, and documents were printed all the same.
    for what in ["crashes", "connections lost", "links stalled", "disks full", "records not written", "bits changed"] {
        assert!(total.counted(what) > 0, "no {what}");
    }
    for (what, least) in [("printed", 4), ("kiosks: complete", 4), ("issuers: complete", 5)] {
        assert!(total.counted(what) > FEW / least, "{what}: {}", total.counted(what));
    }
}

#[test]
fn the_same_seed_gives_the_same_events() {
    take_turns!();
    let totals = [run(2, FEW / 4, Design::Sound), run(2, FEW / 4, Design::Sound)];
    assert_eq!(totals[0].digest, totals[1].digest);
    assert_eq!(totals[0].counts, totals[1].counts);
    let other = run(3, FEW / 4, Design::Sound);
    assert_ne!(totals[0].digest, other.digest);
}

/// Runs hosts of a bad design and demands that a check finds it.
fn is_found(design: Design, checks: &[Check]) {
    take_turns!();
    let total = run(4, FEW / 2, design);
    for check in checks {
        assert!(total.found(*check) > 0, "{design:?} was not found by {check:?}: {:?}", total.findings);
    }
}

#[test]
fn a_late_document_that_is_printed_for_the_next_applicant_is_found() {
    is_found(Design::LateDocumentToTheNext, &[Check::Misdelivered]);
}

#[test]
fn a_document_that_is_looked_up_by_the_clock_is_found() {
    is_found(Design::LookUpByTime, &[Check::Misdelivered]);
}

#[test]
fn an_issuer_that_keeps_documents_is_found() {
    is_found(Design::KeepsDocuments, &[Check::TwoReaders, Check::LeftUnerased, Check::Overclaimed]);
}

#[test]
fn a_relay_that_keeps_frames_is_found() {
    is_found(Design::KeepsFrames, &[Check::Overclaimed]);
}

#[test]
fn a_delivery_that_was_never_printed_is_found() {
    is_found(Design::DeliversWithoutPrinting, &[Check::Overclaimed]);
}

#[test]
fn a_second_print_is_found() {
    is_found(Design::PrintsAgain, &[Check::PrintedTwice]);
}

#[test]
fn a_session_that_is_forgotten_at_a_restart_is_found() {
    is_found(Design::ForgetsTheLost, &[Check::WithoutEnd]);
}

#[test]
fn an_alarm_that_a_later_success_clears_is_found() {
    is_found(Design::ClearsAlarms, &[Check::AlarmsCleared]);
}

#[test]
#[cfg(shokyo_faults)]
fn keys_that_are_not_wiped_are_found() {
    take_turns!(shokyo::faults::Fault::NoWipe);
    let total = run(5, FEW / 4, Design::LateDocumentToTheNext);
    assert!(total.found(Check::LeftUnerased) > 0);
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let parsed = text.strip_prefix("0x").map_or_else(|| text.parse(), |digits| u64::from_str_radix(digits, 16));
    Some(parsed.unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Started by `cargo xtask soak`.
#[test]
#[ignore = "takes long: cargo xtask soak"]
fn soak() {
    take_turns!();
    if let Some(world) = number("SHOKYO_SOAK_WORLD") {
        let report = Racks::new().world(world, Design::Sound, true);
        println!("digest {:016x}; {:?}", report.digest, report.texts);
        assert_eq!(report.findings, [0; 7]);
        return;
    }
    let seed = number("SHOKYO_SOAK_SEED").unwrap_or(1);
    let sessions = number("SHOKYO_SOAK_SESSIONS").unwrap_or(1_000_000);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("seed {seed}, {sessions} sessions, {threads} threads");
    let total = soak::run(seed, sessions, threads, Design::Sound, true);
    total.print();
    assert!(total.is_clean(), "see above");
}
