//! The ends of a process, each in a process of its own: keys are destroyed first where that was asked for, and live otherwise.

use std::process::Command;
use std::sync::OnceLock;

use shokyo::{FatalSignal, KeyCell, Vault, VaultOptions, erase_on_exit, erase_on_signals};
use windows_sys::Win32::System::Diagnostics::Debug::{EXCEPTION_POINTERS, SetUnhandledExceptionFilter};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, TerminateProcess};

/// Which end, and whether erasing was asked for, as the child is told.
const END: &str = "SHOKYO_TEST_END";
const ERASED: i32 = 71;
const ALIVE: i32 = 72;

static KEY: OnceLock<KeyCell> = OnceLock::new();

/// What the host itself does last: ends the process with the state of the key.
fn tell() -> ! {
    let code = if KEY.get().is_some_and(KeyCell::is_live) { ALIVE } else { ERASED };
    // SAFETY: ends this process.
    unsafe { TerminateProcess(GetCurrentProcess(), code.cast_unsigned()) };
    unreachable!("the process has ended")
}

extern "C" fn tell_at_exit() {
    tell()
}

extern "C" fn tell_of_abort(_signal: i32) {
    tell()
}

unsafe extern "system" fn tell_of_fault(_exception: *const EXCEPTION_POINTERS) -> i32 {
    tell()
}

#[test]
#[ignore = "a child of the other tests"]
fn child() {
    let Ok(end) = std::env::var(END) else { return };
    let vault = Vault::open(VaultOptions::small()).unwrap();
    assert!(KEY.set(vault.new_key().unwrap()).is_ok());
    let (end, asked) = end.split_once(' ').unwrap();
    let asked = asked == "asked";
    match end {
        "exit" => {
            // SAFETY: the function stays where it is. It was registered first, so that it runs last.
            assert_eq!(unsafe { libc::atexit(tell_at_exit) }, 0);
            if asked {
                erase_on_exit().unwrap();
            }
            std::process::exit(1);
        }
        "fault" => {
            // SAFETY: the filter has the form that is demanded.
            unsafe { SetUnhandledExceptionFilter(Some(tell_of_fault)) };
            if asked {
                erase_on_signals(&FatalSignal::FAULTS).unwrap();
            }
            // SAFETY: not sound, on purpose: there is nothing at this address.
            unsafe { std::ptr::without_provenance_mut::<u8>(64).write_volatile(1) };
        }
        "abort" => {
            // SAFETY: the handler has the form that is demanded.
            unsafe { libc::signal(libc::SIGABRT, tell_of_abort as *const () as usize) };
            if asked {
                erase_on_signals(&[FatalSignal::Abort]).unwrap();
            }
            // SAFETY: ends this process, by way of the handlers.
            unsafe { libc::abort() };
        }
        other => panic!("there is no end {other}"),
    }
    panic!("the process did not end");
}

fn ends(how: &str, asked: bool) -> Option<i32> {
    let asked = if asked { "asked" } else { "not" };
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "ends::child"])
        .env(END, format!("{how} {asked}"))
        .output()
        .unwrap();
    child.status.code()
}

#[test]
fn keys_are_destroyed_before_the_process_ends_where_that_was_asked_for_and_not_otherwise() {
    for how in ["exit", "fault", "abort"] {
        assert_eq!((ends(how, true), ends(how, false)), (Some(ERASED), Some(ALIVE)), "{how}");
    }
}
