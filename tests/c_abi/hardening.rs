//! Hardening of a process through the C interface, in a process of its own, because it stays.

use std::mem::size_of;
use std::process::Command;
use std::ptr::{null, null_mut};

use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;

use super::detail;

fn hardened() -> shokyo_hardened {
    shokyo_hardened { struct_size: size_of::<shokyo_hardened>() as u32, ..Default::default() }
}

fn options(steps: u32, best_effort: u32) -> shokyo_hardening_options {
    let struct_size = size_of::<shokyo_hardening_options>() as u32;
    shokyo_hardening_options { struct_size, steps, best_effort }
}

fn dumpable() -> i32 {
    unsafe { libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0) }
}

#[test]
fn a_process_is_hardened_and_told_what_was_achieved() {
    let name = "hardening::in_a_process_of_its_own";
    let output = Command::new(std::env::current_exe().unwrap()).args(["--exact", name, "--ignored"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "in a process of its own"]
fn in_a_process_of_its_own() {
    let mut done = hardened();
    unsafe {
        // What is asked for wrongly changes nothing.
        assert_eq!(dumpable(), 1);
        assert_eq!(shokyo_harden_process(null(), null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_harden_process(&options(1 << 31, 0), &mut done), Status::InvalidArgument);
        assert_eq!(shokyo_harden_process(&options(0, 2), &mut done), Status::InvalidArgument);
        assert_eq!(detail(), "options has a best_effort that is neither 0 nor 1");
        assert_eq!(shokyo_harden_process(null(), &mut shokyo_hardened::default()), Status::InvalidArgument);
        assert_eq!((dumpable(), done.achieved), (1, 0));

        // One step alone.
        assert_eq!(shokyo_harden_process(&options(SHOKYO_HARDENING_NO_CORE_FILE, 0), &mut done), Status::Ok);
        assert_eq!((done.achieved, done.nothing_to_do, done.failed), (SHOKYO_HARDENING_NO_CORE_FILE, 0, 0));
        assert_eq!(dumpable(), 1);
        let mut limit = libc::rlimit { rlim_cur: 9, rlim_max: 9 };
        assert_eq!(libc::getrlimit(libc::RLIMIT_CORE, &mut limit), 0);
        assert_eq!(limit.rlim_cur, 0);

        // All that can be undone; what the kernel does not have is said.
        assert_eq!(shokyo_harden_process(&options(0, 1), &mut done), Status::Ok);
        let sure = SHOKYO_HARDENING_NOT_DUMPABLE | SHOKYO_HARDENING_NO_CORE_FILE;
        let asked = sure | SHOKYO_HARDENING_NO_TRACER_EXCEPTION | SHOKYO_HARDENING_NO_PAGE_MERGING;
        assert_eq!(done.achieved & sure, sure);
        assert_eq!(done.achieved | done.nothing_to_do | done.failed, asked);
        assert_eq!(dumpable(), 0);
        for (place, os_error) in done.os_error.into_iter().enumerate() {
            assert!(os_error == 0 || done.failed & 1 << place != 0);
        }
        assert_eq!(libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0, "not unasked");
        let last = options(SHOKYO_HARDENING_NO_NEW_PRIVILEGES, 0);
        assert_eq!(shokyo_harden_process(&last, &mut done), Status::Ok);
        assert_eq!(done.achieved, SHOKYO_HARDENING_NO_NEW_PRIVILEGES);
        assert_eq!(libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    }
}
