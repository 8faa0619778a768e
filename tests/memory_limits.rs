//! What the operating system says about a vault's memory, and what happens when it grants none.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "support/child.rs"]
mod child;

use std::collections::BTreeMap;

use child::{in_a_child_with_limit, is_child};
use shokyo::types::{Binding, Protections, SessionId};
use shokyo::{Error, Protection, SecretMemory, Vault, VaultOptions};

const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };

#[test]
fn without_locked_memory_strict_mode_is_a_clear_error_and_best_effort_says_what_is_missing() {
    in_a_child_with_limit("child_without_locked_memory", 0);
}

#[test]
#[ignore = "run in a child process by the test above"]
fn child_without_locked_memory() {
    if !is_child() {
        return;
    }
    let error = Vault::open(VaultOptions::new()).unwrap_err();
    assert!(matches!(error, Error::LockedMemoryExhausted { limit: 0, .. }), "{error:?}");
    assert!(error.to_string().contains("RLIMIT_MEMLOCK"), "{error}");

    let mut options = VaultOptions::new();
    options.protection = Protection::BestEffort;
    let vault = Vault::open(options).unwrap();
    assert!(!vault.protections().contains(Protections::LOCKED));
    assert!(vault.protections().contains(Protections::GUARDED.with(Protections::NO_DUMP)));
    let buffer = vault.seal(BINDING, b"not locked, and not claimed to be").unwrap();
    assert!(!buffer.erase().protections().contains(Protections::LOCKED));
}

#[test]
fn sixty_four_kibibytes_hold_a_thousand_documents_and_then_say_so() {
    in_a_child_with_limit("child_with_sixty_four_kibibytes", smallest());
}

/// Locked memory for the smallest vault: 64 KiB, or with larger pages one each for cells, window and room.
fn smallest() -> u64 {
    let page = std::env::var("SHOKYO_PAGE_SIZE").ok().and_then(|size| size.parse().ok()).unwrap_or(4096);
    if cfg!(shokyo_faults) { (3 * page).max(64 * 1024) } else { 64 * 1024 }
}

#[test]
#[ignore = "run in a child process by the test above"]
fn child_with_sixty_four_kibibytes() {
    if !is_child() {
        return;
    }
    let vault = match Vault::open(VaultOptions::small()) {
        Ok(vault) => vault,
        // Debug builds need larger rooms, and must say so.
        Err(Error::LockedMemoryExhausted { needed, limit }) if cfg!(debug_assertions) && limit == smallest() => {
            return assert!(needed > limit, "{needed}");
        }
        Err(error) => panic!("{error}"),
    };
    assert!(vault.protections().contains(Protections::LOCKED));
    let mut documents = Vec::new();
    let error = loop {
        match vault.seal(BINDING, &[documents.len() as u8; 100]) {
            Ok(document) => documents.push(document),
            Err(error) => break error,
        }
    };
    assert!(documents.len() >= 1000, "{}", documents.len());
    assert!(matches!(error, Error::LockedMemoryExhausted { .. }), "{error:?}");
    for (number, document) in documents.iter().enumerate() {
        assert!(document.read_at(0, |plain| plain == [number as u8; 100]).unwrap());
    }
    drop(documents);
    vault.seal(BINDING, b"again").unwrap();
}

#[test]
fn the_limit_on_locked_memory_is_told_with_what_is_needed_whatever_it_is_and_whatever_kind_of_memory_is_asked_for() {
    for limit in [0, 4096, 16 * 1024, 64 * 1024] {
        in_a_child_with_limit("child_with_too_little", limit);
    }
}

#[test]
#[ignore = "run in a child process by the test above"]
fn child_with_too_little() {
    if !is_child() {
        return;
    }
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer.
    unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    for secret_memory in [SecretMemory::Auto, SecretMemory::Require, SecretMemory::Off] {
        let mut options = VaultOptions::new();
        options.secret_memory = secret_memory;
        // Four windows and four rooms of 16 KiB at least, and the cells.
        match Vault::open(options.clone()).unwrap_err() {
            Error::LockedMemoryExhausted { needed, limit: told } => {
                assert_eq!(told, limit.rlim_cur);
                assert!(needed >= 160 * 1024, "{needed}");
            }
            Error::ProtectionUnavailable { protection: "FRAME_PINNED", os_error: libc::ENOSYS }
                if secret_memory == SecretMemory::Require =>
            {
                eprintln!("this kernel has no secret memory");
            }
            error => panic!("{secret_memory:?}: {error}"),
        }
        // What the failed attempts took was given back: a vault that goes without opens, and says what is missing.
        options.protection = Protection::BestEffort;
        let vault = Vault::open(options).unwrap();
        assert!(!vault.protections().contains(Protections::LOCKED), "{}", vault.protections());
        assert!(!vault.protections().contains(Protections::FRAME_PINNED), "{}", vault.protections());
        let buffer = vault.seal(BINDING, b"in part locked, and not claimed to be").unwrap();
        assert!(buffer.read_at(3, |plain| plain.starts_with(b"part")).unwrap());
        assert!(buffer.erase().is_verified());
    }
}

/// Accessible mappings by address: size in bytes and flags.
fn mappings() -> BTreeMap<usize, (usize, Vec<String>)> {
    let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut found = BTreeMap::new();
    let mut current = (0, 0);
    for line in text.lines() {
        if let Some(flags) = line.strip_prefix("VmFlags:") {
            found.insert(current.0, (current.1, flags.split_whitespace().map(String::from).collect()));
        } else if let Some((start, end)) = line.split(' ').next().and_then(|range| range.split_once('-'))
            && let (Ok(start), Ok(end)) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
        {
            current = (start, end - start);
        }
    }
    found
}

fn has(flags: &[String], flag: &str) -> bool {
    flags.iter().any(|other| other == flag)
}

#[test]
fn windows_and_everything_else_locked_is_neither_dumped_nor_inherited_and_stands_between_guards() {
    let before: Vec<_> = mappings().into_iter().filter(|(_, (_, flags))| has(flags, "lo")).collect();
    assert!(before.is_empty(), "no other test of this process may lock memory: {before:?}");
    let mut options = VaultOptions::new();
    options.agreement = true;
    // Secret memory has other flags: tests/memory_protections.rs.
    options.secret_memory = SecretMemory::Off;
    let vault = Vault::open(options).unwrap();
    let buffer = vault.seal(BINDING, b"where am I").unwrap();
    let after = mappings();
    let locked: Vec<_> = after.iter().filter(|(_, (_, flags))| has(flags, "lo")).collect();
    // Cells, four windows, four small rooms, one large room: each alone between inaccessible pages.
    assert_eq!(locked.len(), 10, "{locked:?}");
    for (start, (size, flags)) in &locked {
        assert!(has(flags, "dd") && has(flags, "wf"), "{start:x}: {flags:?}");
        let accessible = |address: usize| {
            let (start, (size, flags)) = after.range(..=address).next_back().unwrap();
            address < start + size && has(flags, "rd")
        };
        assert!(!accessible(*start - 1) && !accessible(*start + size), "no guard beside {start:x}");
    }
    let total: usize = locked.iter().map(|(_, (size, _))| size).sum();
    assert!(total >= 32 * 1024 + 4 * 16 * 1024 + 4 * 8 * 1024 + 128 * 1024, "{total}");

    let lies_in_locked =
        |address: usize| locked.iter().any(|(start, (size, _))| (**start..**start + size).contains(&address));
    assert!(buffer.read_at(0, |plain| lies_in_locked(plain.as_ptr().addr())).unwrap());
    let sealed = buffer.sealed_chunk(0).unwrap().as_ptr().addr();
    assert!(!lies_in_locked(sealed));
    let (_, (_, flags)) = after.range(..=sealed).next_back().unwrap();
    assert!(has(flags, "dd") && has(flags, "wf"), "ciphertext is left out of dumps and children: {flags:?}");
    drop((buffer, vault));
    assert!(!mappings().values().any(|(_, flags)| has(flags, "lo")), "a vault that is gone holds no locked memory");
}
