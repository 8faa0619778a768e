//! Protections that are there, and those that are said to be missing.

use shokyo::types::{Binding, Protections, SessionId};
use shokyo::{
    Error, Hardening, HardeningOutcome, HardeningStep, Protection, SecretMemory, Vault, VaultOptions, harden_process,
};

const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };

#[test]
fn a_strict_vault_has_every_protection_but_pinned_frames() {
    let vault = Vault::open(VaultOptions::new()).unwrap();
    let found = vault.protections();
    for flag in [
        Protections::LOCKED,
        Protections::GUARDED,
        Protections::NO_DUMP,
        Protections::NOT_INHERITED,
        Protections::CANARY,
        Protections::CLEAN_ROOM,
        Protections::REGISTERS_SCRUBBED,
        Protections::ALTSTACK_COVERED,
    ] {
        assert!(found.contains(flag), "{flag} is not among {found}");
    }
    assert!(!found.contains(Protections::FRAME_PINNED));
    let document = vault.seal(BINDING, &[7; 50_000]).unwrap();
    document
        .for_each_window(|_, plain| plain.iter().all(|byte| *byte == 7).then_some(()).ok_or(Error::Erased))
        .unwrap();
    assert!(document.erase().is_verified());
}

#[test]
fn secret_memory_that_is_required_is_refused_or_said_to_be_missing() {
    let mut options = VaultOptions::small();
    options.secret_memory = SecretMemory::Require;
    let refused = Vault::open(options.clone()).map(drop).unwrap_err();
    assert!(matches!(refused, Error::ProtectionUnavailable { protection: "FRAME_PINNED", .. }), "{refused:?}");
    options.protection = Protection::BestEffort;
    assert!(!Vault::open(options).unwrap().protections().contains(Protections::FRAME_PINNED));
}

#[test]
fn more_blocks_than_can_be_left_out_of_reports_are_an_error_and_come_back() {
    let mut options = VaultOptions::new();
    options.windows = 300;
    let refused = Vault::open(options.clone()).map(drop).unwrap_err();
    assert!(matches!(refused, Error::ProtectionUnavailable { protection: "NO_DUMP", .. }), "{refused:?}");
    options.protection = Protection::BestEffort;
    assert!(!Vault::open(options).unwrap().protections().contains(Protections::NO_DUMP));
    for _ in 0..100 {
        Vault::open(VaultOptions::new()).unwrap();
    }
}

#[test]
fn hardening_that_only_linux_has_is_said_to_have_failed() {
    let mut asked = Hardening::new();
    assert!(matches!(harden_process(asked).map(drop), Err(Error::ProtectionUnavailable { .. })));
    asked.strict = false;
    let hardened = harden_process(asked).unwrap();
    for (step, outcome) in hardened.outcomes() {
        let expected = |outcome| match step {
            HardeningStep::NoNewPrivileges => outcome == HardeningOutcome::NotAsked,
            _ => matches!(outcome, HardeningOutcome::Failed(_)),
        };
        assert!(expected(outcome), "{step:?}: {outcome:?}");
        assert!(!hardened.has(step));
    }
}

#[test]
fn the_scanner_of_other_processes_says_that_it_is_not_for_windows() {
    let needles = shokyo::scan::Needles::of_document(&[0xA7; 100]);
    let refused = shokyo::scan::scan(1, &needles, &[1; 32], None).map(drop).unwrap_err();
    assert!(matches!(refused, Error::Unsupported { .. }), "{refused:?}");
}
