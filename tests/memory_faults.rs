//! What fails while a vault is in use: memory for ciphertext, the limit on locked memory, a thread with next to no stack.
//!
//! Limits hold for a whole process, so each case is this program started again. Failing system calls one by one is
//! `cargo xtask step injection`.
#![cfg(all(feature = "std", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::process::Command;

use shokyo::types::{Binding, Protections, SessionId};
use shokyo::{Error, Protection, SecretMemory, Vault, VaultOptions};

const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };

/// Runs one of the ignored tests below in a process of its own.
fn in_a_child(test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env("SHOKYO_TEST_CHILD", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{} {text}", output.status);
}

fn is_child() -> bool {
    std::env::var_os("SHOKYO_TEST_CHILD").is_some()
}

/// Bytes of address space in use.
fn address_space() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn limit_address_space(bytes: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place to write to and to read from. The hard limit stays what it is.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_AS, &raw mut limit), 0);
        limit.rlim_cur = bytes.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &raw const limit), 0);
    }
}

#[test]
fn a_document_for_which_no_memory_is_left_is_erased_and_the_vault_goes_on() {
    in_a_child("child_that_runs_out_of_memory");
}

#[test]
#[ignore = "run in a child process by the test above"]
fn child_that_runs_out_of_memory() {
    if !is_child() {
        return;
    }
    let vault = Vault::open(VaultOptions::new()).unwrap();
    let before = vault.seal(BINDING, b"was there before").unwrap();
    let piece = vec![0x61; 1 << 20];
    let mut writer = vault.writer(BINDING).unwrap();
    limit_address_space(address_space() + (12 << 20));
    let mut written = 0;
    let error = loop {
        match writer.write(&piece) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 100, "the limit must be felt");
    };
    assert!(matches!(error, Error::OutOfMemory { needed } if needed > 0), "{error:?}");
    assert!(error.to_string().contains("free memory"), "{error}");
    assert!(written >= 4, "slots are made for what is needed where many are too many: {written}");
    // The document is lost as a whole, and says so.
    assert_eq!(writer.write(b"more"), Err(Error::Erased));
    let evidence = writer.erase();
    assert!(evidence.is_verified(), "{evidence:?}");

    assert!(before.read_at(0, |plain| plain == b"was there before").unwrap());
    // As large as what fitted, still under the limit: its slots are used again.
    let again = vault.seal(BINDING, &piece).unwrap();
    assert!(again.read_at(1 << 19, |plain| plain[0] == 0x61).unwrap());
    assert!(again.erase().is_verified());
    limit_address_space(libc::RLIM_INFINITY);
    let mut writer = vault.writer(BINDING).unwrap();
    (0..=written).for_each(|_| writer.write(&piece).unwrap());
    assert!(writer.finish().unwrap().erase().is_verified());
}

#[test]
fn a_vault_for_which_there_are_no_addresses_does_not_open_and_leaves_none_taken() {
    in_a_child("child_without_addresses");
}

#[test]
#[ignore = "run in a child process by the test above"]
fn child_without_addresses() {
    if !is_child() {
        return;
    }
    drop(Vault::open(VaultOptions::new()).unwrap());
    let before = address_space();
    let mut failed = 0;
    // From no room at all to enough, in steps smaller than the largest regions.
    for room in (0..8 << 20).step_by(200_000) {
        limit_address_space(before + room);
        match Vault::open(VaultOptions::new()) {
            Ok(vault) => drop(vault),
            Err(error) => {
                assert!(matches!(error, Error::OutOfMemory { .. }), "{error:?}");
                failed += 1;
            }
        }
        limit_address_space(libc::RLIM_INFINITY);
        let after = address_space();
        assert!(after <= before + (1 << 20), "{before} {after}");
    }
    assert!(failed > 3, "{failed}");
    drop(Vault::open(VaultOptions::new()).unwrap());
}

/// Runs out of descriptors: secret memory needs one for a moment.
#[test]
fn without_a_descriptor_there_is_no_secret_memory_and_that_is_said() {
    in_a_child("child_without_descriptors");
}

#[test]
#[ignore = "run in a child process by the test above"]
fn child_without_descriptors() {
    if !is_child() {
        return;
    }
    let limit = libc::rlimit { rlim_cur: 3, rlim_max: 3 };
    // SAFETY: `limit` is a valid place to read from.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    let open = |protection, secret_memory| {
        let mut options = VaultOptions::small();
        (options.protection, options.secret_memory) = (protection, secret_memory);
        Vault::open(options)
    };
    let pinned = |vault: Vault| vault.protections().contains(Protections::FRAME_PINNED);
    let error = open(Protection::Strict, SecretMemory::Require).unwrap_err();
    assert!(matches!(error, Error::ProtectionUnavailable { protection: "FRAME_PINNED", .. }), "{error:?}");
    assert!(error.to_string().contains("FRAME_PINNED"), "{error}");
    assert!(!pinned(open(Protection::BestEffort, SecretMemory::Require).unwrap()));
    assert!(!pinned(open(Protection::Strict, SecretMemory::Auto).unwrap()));
    assert!(open(Protection::Strict, SecretMemory::Auto).unwrap().protections().contains(Protections::LOCKED));
}

#[test]
fn a_thread_with_the_least_stack_there_is_can_do_everything() {
    in_a_child("child_with_little_stack");
}

#[test]
#[ignore = "run in a child process by the test above"]
fn child_with_little_stack() {
    if !is_child() {
        return;
    }
    let vault = Vault::open(VaultOptions::new()).unwrap();
    let whole = move || {
        let plain = [0x21; 300];
        let mut writer = vault.writer(BINDING).unwrap();
        (0..200).for_each(|_| writer.write(&plain).unwrap());
        writer.copy_from(&mut &plain[..]).unwrap();
        let buffer = writer.finish().unwrap();
        assert!(buffer.read_at(20_000, |plain| plain[0] == 0x21).unwrap());
        buffer
            .for_each_window(|_, plain| plain.iter().all(|byte| *byte == 0x21).then_some(()).ok_or(Error::Erased))
            .unwrap();
        buffer.authenticate().unwrap();
        buffer.hmac_sha256(b"key").unwrap();
        assert!(buffer.erase().is_verified());
        assert!(vault.erase_all().failed == 0);
    };
    // The smallest that the C library takes; Rust's own start of a thread needs part of it.
    std::thread::Builder::new().stack_size(libc::PTHREAD_STACK_MIN).spawn(whole).unwrap().join().unwrap();
}
