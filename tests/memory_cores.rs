//! Looks from outside for what an operation leaves behind: after every call in every register and mapping, and in cores that the
//! kernel writes in the middle of an operation.
//!
//! With `--cfg shokyo_faults` every key that is drawn is known, and so are round keys, inverse keys, hash subkeys and what HPKE and
//! Ed25519 derive; without it only the plaintext is looked for. `--cfg shokyo_rustcrypto` does the same with the other backend.
#![cfg(all(feature = "std", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod cores_target;

use cores_target::calls::{self, Call, Unwiped};
use cores_target::observer::Target;

/// Every key that is drawn is known; everything is wiped.
const KNOWN: &str = "known-random";

#[test]
#[ignore = "the program that the other tests start and look into"]
fn a_target_for_the_observer() {
    let Ok(mode) = std::env::var("SHOKYO_CORES_TARGET") else { return };
    match mode.strip_prefix("call ") {
        Some(name) => calls::run(name),
        None => cores_target::moments::run(&mode),
    }
}

/// What each call of a table leaves, in words.
fn left_by<'t>(table: impl IntoIterator<Item = &'t Call>, faults: &str) -> Vec<(&'static str, Unwiped, Vec<String>)> {
    let mut left = Vec::new();
    for (name, unwiped, _) in table {
        let mut target = Target::start(&format!("call {name}"), faults);
        let (_, found) = target.look();
        left.push((*name, *unwiped, found));
    }
    left
}

fn assert_nothing_left(table: &[Call]) {
    let left: Vec<String> = left_by(table, KNOWN)
        .into_iter()
        .filter(|(_, _, found)| !found.is_empty())
        .map(|(name, _, found)| format!("{name}:\n  {}", found.join("\n  ")))
        .collect();
    assert!(left.is_empty(), "{}", left.join("\n"));
}

#[test]
fn no_call_leaves_key_schedule_or_plaintext_in_any_register_or_mapping() {
    assert_nothing_left(calls::CALLS);
}

#[test]
fn no_call_that_fails_or_panics_leaves_any_either() {
    assert_nothing_left(calls::FAILURES);
}

#[test]
fn no_call_of_a_station_leaves_any_either() {
    assert_nothing_left(cores_target::handover::CALLS);
}

/// The ends of a process after everything was done.
const ENDS: [(&str, i32); 4] = [
    ("after everything, abort", libc::SIGABRT),
    ("after everything, exit", libc::SIGABRT),
    ("after everything, panic", libc::SIGABRT),
    ("after everything, segmentation fault", libc::SIGSEGV),
];

#[test]
fn however_a_process_ends_its_core_holds_no_secret() {
    for (end, signal) in ENDS {
        let Some((report, found)) = Target::start(end, KNOWN).core(signal) else { return };
        assert!(found.is_empty() && report.total_hits() == 0, "{end}: {report}");
    }
}

#[test]
fn a_core_written_at_any_moment_of_sealing_and_opening_holds_secrets_in_registers_only() {
    for moment in 0..8u64 {
        let mut target = Target::start("work", KNOWN);
        target.work_for(std::time::Duration::from_micros(20_000 + moment * 1_370));
        // Not one that a shell may have had ignored for programs in the background.
        target.signal(libc::SIGABRT);
        let Some((report, found)) = target.core(libc::SIGABRT) else { return };
        assert!(found.is_empty(), "{report}");
    }
}

#[test]
fn a_signal_handler_on_the_rooms_own_stack_leaves_nothing_in_a_core() {
    let Some((report, found)) = Target::start("timer-own-stack", KNOWN).core(libc::SIGABRT) else { return };
    assert!(found.is_empty(), "{report}");
}

#[test]
fn a_signal_handler_on_an_alternate_stack_leaves_nothing_in_a_core() {
    // Not every moment has a secret in its registers.
    for _ in 0..4 {
        let Some((report, found)) = Target::start("timer-alternate-stack", KNOWN).core(libc::SIGABRT) else { return };
        assert!(found.is_empty(), "{report}");
    }
}

#[cfg(shokyo_faults)]
mod with_faults {
    use super::*;
    use cores_target::observer::has;
    use shokyo::scan::NeedleKind;

    const CRASHES: [&str; 6] =
        ["crash-in-seal", "crash-in-open", "crash-in-hash", "crash-in-signature", "crash-in-wrap", "crash-in-unwrap"];

    #[test]
    fn a_core_written_in_the_middle_of_an_operation_holds_secrets_in_registers_only() {
        for crash in CRASHES {
            let target = Target::start(&format!("{crash}, default"), KNOWN);
            let Some((report, found)) = target.core(libc::SIGSEGV) else { return };
            assert!(found.is_empty(), "{crash}: {report}");
        }
    }

    /// The standard library's own handler for stack overflow runs on an alternate stack, where the kernel spills the registers.
    #[test]
    fn and_the_handler_of_the_standard_library_changes_nothing_about_that() {
        for crash in CRASHES {
            let target = Target::start(&format!("{crash}, of the standard library"), KNOWN);
            let Some((report, found)) = target.core(libc::SIGSEGV) else { return };
            assert!(found.is_empty(), "{crash}: {report}");
        }
    }

    #[test]
    fn on_an_ordinary_stack_the_same_crashes_show_keys_round_keys_and_plaintext() {
        for crash in CRASHES {
            let target = Target::start(&format!("{crash}, default"), "known-random,room-off");
            let Some((report, found)) = target.core(libc::SIGSEGV) else { return };
            assert!(!found.is_empty(), "{crash}: {report}");
            let wanted: &[NeedleKind] = match crash {
                "crash-in-hash" => &[NeedleKind::Key, NeedleKind::RoundKeys, NeedleKind::Marker],
                "crash-in-signature" => &[NeedleKind::Key],
                _ => &[NeedleKind::Key, NeedleKind::RoundKeys],
            };
            for kind in wanted {
                assert!(has(&report, *kind), "{crash}, {kind}: {report}");
            }
        }
    }

    #[test]
    fn what_is_looked_for_of_key_agreement_is_what_the_library_derives() {
        assert!(cores_target::needles::known::derivation_agrees_with_the_library());
    }

    #[test]
    fn without_the_wipe_every_call_leaves_something() {
        let silent: Vec<&str> = left_by(calls::all(), "known-random,no-wipe")
            .into_iter()
            .filter(|(_, unwiped, found)| *unwiped == Unwiped::Something && found.is_empty())
            .map(|(name, _, _)| name)
            .collect();
        assert!(silent.is_empty(), "nothing was found after: {silent:?}");
    }

    #[test]
    fn without_the_wipe_cores_hold_secrets_however_a_process_ends() {
        for (end, signal) in ENDS {
            let Some((report, _)) = Target::start(end, "known-random,no-wipe").core(signal) else { return };
            assert!(report.total_hits() > 0, "{end}: {report}");
        }
    }
}
