//! What the log callback is told, in which thread, and what it may do itself.
//!
//! The callback is the process's, so each test runs in a process of its own.

use std::ffi::{CStr, c_void};
use std::mem::size_of;
use std::process::Command;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ThreadId;

use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;

use super::{detail, open, read_at, seal};

pub(super) type Told = (u32, i32, String, ThreadId);

static TOLD: Mutex<Vec<Told>> = Mutex::new(Vec::new());
static DESTROYED: AtomicUsize = AtomicUsize::new(0);

pub(super) fn told() -> Vec<Told> {
    std::mem::take(&mut TOLD.lock().unwrap())
}

unsafe extern "C-unwind" fn keep(user_data: *mut c_void, event: *const shokyo_log_event) {
    assert_eq!(user_data.addr(), 0x77);
    let event = unsafe { &*event };
    assert_eq!(event.struct_size as usize, size_of::<shokyo_log_event>());
    let text = unsafe { CStr::from_ptr(event.text) }.to_str().unwrap().to_owned();
    TOLD.lock().unwrap().push((event.kind, event.status, text, std::thread::current().id()));
}

/// Has everything told to [`told`] from now on.
#[cfg(shokyo_faults)]
pub(super) fn listen() {
    assert_eq!(unsafe { shokyo_log_to(Some(keep), user_data(), None) }, Status::Ok);
}

unsafe extern "C-unwind" fn call_back(user_data: *mut c_void, event: *const shokyo_log_event) {
    let of_the_call = detail();
    unsafe {
        keep(user_data, event);
        // Fails inside the callback: it is not told, and the detail of the call outside comes back.
        assert_eq!(shokyo_vault_free(std::ptr::without_provenance_mut(1)), Status::InvalidHandle);
        assert_ne!(detail(), of_the_call);
        // Replaces the callback from inside it.
        assert_eq!(shokyo_log_to(None, null_mut(), None), Status::Ok);
    }
}

unsafe extern "C-unwind" fn panics(_: *mut c_void, _: *const shokyo_log_event) {
    panic!("in a callback");
}

unsafe extern "C-unwind" fn destroy(user_data: *mut c_void) {
    assert_eq!(user_data.addr(), 0x77);
    DESTROYED.fetch_add(1, Ordering::SeqCst);
}

fn user_data() -> *mut c_void {
    std::ptr::without_provenance_mut(0x77)
}

fn fail() -> Status {
    unsafe { shokyo_vault_open(std::ptr::null(), null_mut()) }
}

/// Runs a test of this file that is ignored, in a process of its own.
fn in_a_process(name: &str) {
    let test = format!("logs::{name}");
    let output = Command::new(std::env::current_exe().unwrap()).args(["--exact", &test, "--ignored"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn failed_calls_are_told_in_their_own_thread() {
    in_a_process("failures");
}

#[test]
fn a_callback_may_fail_itself_and_replace_itself() {
    in_a_process("reentry");
}

#[test]
fn a_fault_is_told_and_a_callback_that_panics_is_survived() {
    in_a_process("faults");
}

#[cfg(unix)]
#[test]
fn a_forked_child_is_told_nothing_and_does_not_hang() {
    in_a_process("fork");
}

#[test]
#[ignore = "in a process of its own"]
fn failures() {
    assert_eq!(fail(), Status::InvalidArgument);
    assert!(told().is_empty(), "nobody listens yet");
    unsafe {
        assert_eq!(shokyo_log_to(None, null_mut(), Some(destroy)), Status::InvalidArgument);
        assert_eq!(shokyo_log_to(Some(keep), user_data(), Some(destroy)), Status::Ok);
    }
    assert_eq!(fail(), Status::InvalidArgument);
    let (kind, status, text, thread) = told().pop().unwrap();
    assert_eq!((kind, status, thread), (SHOKYO_LOG_CALL_FAILED, 1001, std::thread::current().id()));
    assert_eq!(text, unsafe { CStr::from_ptr(shokyo_status_text(1001)) }.to_str().unwrap());
    let other = std::thread::spawn(|| (fail(), std::thread::current().id()).1).join().unwrap();
    assert_eq!(told().pop().unwrap().3, other);
    // Successes, and a length that is asked for, are no events.
    let vault = open();
    let buffer = seal(vault, b"text");
    assert_eq!(read_at(buffer, 0, |_, _| 0), Status::Ok);
    unsafe {
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
        assert!(told().is_empty());
        assert_eq!(DESTROYED.load(Ordering::SeqCst), 0);
        assert_eq!(shokyo_log_to(Some(keep), user_data(), Some(destroy)), Status::Ok);
        assert_eq!(DESTROYED.load(Ordering::SeqCst), 1);
        assert_eq!(shokyo_log_to(None, null_mut(), None), Status::Ok);
    }
    assert_eq!(DESTROYED.load(Ordering::SeqCst), 2);
    assert_eq!(fail(), Status::InvalidArgument);
    assert!(told().is_empty());
}

#[test]
#[ignore = "in a process of its own"]
fn reentry() {
    assert_eq!(unsafe { shokyo_log_to(Some(call_back), user_data(), Some(destroy)) }, Status::Ok);
    assert_eq!(fail(), Status::InvalidArgument);
    assert_eq!(detail(), "vault is NULL");
    assert_eq!(told().len(), 1);
    assert_eq!(DESTROYED.load(Ordering::SeqCst), 1, "after its last call has returned");
    assert_eq!(fail(), Status::InvalidArgument);
    assert!(told().is_empty());
}

#[test]
#[ignore = "in a process of its own"]
fn faults() {
    let vault = open();
    let buffer = seal(vault, b"text");
    assert_eq!(unsafe { shokyo_log_to(Some(keep), user_data(), None) }, Status::Ok);
    assert_eq!(read_at(buffer, 0, |_, _| panic!("on purpose")), Status::Panic);
    assert_eq!(read_at(buffer, 0, |_, _| 0), Status::VaultPoisoned);
    let told = told();
    assert_eq!((told[0].0, told[0].1), (SHOKYO_LOG_FAULT, Status::Panic as i32));
    assert_eq!((told[1].0, told[1].1), (SHOKYO_LOG_CALL_FAILED, Status::VaultPoisoned as i32));
    assert!(!told[0].2.contains("on purpose"), "a panic's message may hold anything");
    assert_eq!(unsafe { shokyo_log_to(Some(panics), null_mut(), None) }, Status::Ok);
    for _ in 0..2 {
        assert_eq!(fail(), Status::InvalidArgument);
        assert_eq!(detail(), "vault is NULL");
    }
    unsafe {
        assert_eq!(shokyo_log_to(None, null_mut(), None), Status::Ok);
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[cfg(unix)]
#[test]
#[ignore = "in a process of its own"]
fn fork() {
    assert_eq!(unsafe { shokyo_log_to(Some(keep), user_data(), Some(destroy)) }, Status::Ok);
    unsafe {
        let child = libc::fork();
        if child == 0 {
            let refused = [fail(), shokyo_log_to(None, null_mut(), None)] == [Status::ForkedChild; 2];
            libc::_exit(i32::from(!refused || !told().is_empty() || DESTROYED.load(Ordering::SeqCst) != 0));
        }
        let mut how = -1;
        assert_eq!(libc::waitpid(child, &mut how, 0), child);
        assert_eq!(how, 0);
    }
    assert_eq!(fail(), Status::InvalidArgument);
    assert_eq!(told().len(), 1);
}
