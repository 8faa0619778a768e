//! Threads, cancellation and forks.

use std::ptr::{null, null_mut};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;

use super::{begin, detail, erase_outcome, open, read_at, seal};

#[test]
fn a_document_freed_by_one_thread_is_whole_or_gone_in_the_others() {
    let vault = open();
    for _ in 0..20 {
        let buffer = seal(vault, &[0x5A; 20_000]).addr();
        let barrier = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let buffer: *mut shokyo_buffer = std::ptr::without_provenance_mut(buffer);
                    barrier.wait();
                    let mut outcomes =
                        (0..).map(|_| read_at(buffer, 0, |_, plain| i32::from(plain.iter().any(|byte| *byte != 0x5A))));
                    assert_eq!(outcomes.find(|outcome| *outcome != Status::Ok), Some(Status::InvalidHandle));
                });
            }
            scope.spawn(|| {
                barrier.wait();
                std::thread::sleep(std::time::Duration::from_millis(1));
                assert_eq!(unsafe { shokyo_buffer_free(std::ptr::without_provenance_mut(buffer)) }, Status::Ok);
            });
        });
    }
    let mut outcome = erase_outcome();
    unsafe {
        assert_eq!(shokyo_vault_erase_all(vault, &mut outcome), Status::Ok);
        assert_eq!((outcome.destroyed, outcome.in_flight), (0, 0), "a freed document's key was still there");
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn a_writer_used_by_two_threads_takes_each_piece_whole_or_not_at_all() {
    let vault = open();
    let writer = begin(vault).addr();
    let written = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..300 {
                    let writer: *mut shokyo_writer = std::ptr::without_provenance_mut(writer);
                    match unsafe { shokyo_writer_write(writer, [9; 100].as_ptr().cast(), 100) } {
                        Status::Ok => written.fetch_add(100, Ordering::Relaxed),
                        outcome => {
                            assert_eq!(outcome, Status::HandleInUse);
                            0
                        }
                    };
                }
            });
        }
    });
    let (mut buffer, mut length) = (null_mut(), 0);
    unsafe {
        assert_eq!(shokyo_writer_finish(std::ptr::without_provenance_mut(writer), &mut buffer), Status::Ok);
        assert_eq!(shokyo_buffer_length(buffer, &mut length), Status::Ok);
        assert_eq!(length, written.load(Ordering::Relaxed));
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn details_are_each_threads_own() {
    assert_eq!(unsafe { shokyo_vault_open(null(), null_mut()) }, Status::InvalidArgument);
    std::thread::spawn(|| assert_eq!(detail(), "")).join().unwrap();
    assert_eq!(detail(), "vault is NULL");
}

#[cfg(unix)]
#[test]
fn a_thread_cannot_be_cancelled_inside_a_callback() {
    unsafe extern "C" {
        fn pthread_setcancelstate(state: i32, previous: *mut i32) -> i32;
    }
    let state = || {
        let (mut found, mut ignored) = (-1, -1);
        unsafe {
            assert_eq!(pthread_setcancelstate(1, &mut found), 0);
            assert_eq!(pthread_setcancelstate(found, &mut ignored), 0);
        }
        found
    };
    let vault = open();
    let buffer = seal(vault, b"text");
    assert_eq!(state(), 0, "enabled outside");
    assert_eq!(read_at(buffer, 0, |_, _| i32::from(state() != 1)), Status::Ok);
    assert_eq!(state(), 0, "enabled again");
    unsafe {
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[cfg(unix)]
#[test]
fn a_forked_child_gets_a_status_and_the_parent_keeps_its_document() {
    let vault = open();
    let buffer = seal(vault, b"text");
    unsafe {
        let child = libc::fork();
        if child == 0 {
            let mut length = 0;
            let outcomes = [
                shokyo_buffer_length(buffer, &mut length),
                shokyo_buffer_free(buffer),
                shokyo_vault_free(vault),
                shokyo_vault_open(null(), &mut null_mut()),
            ];
            libc::_exit(i32::from(outcomes != [Status::ForkedChild; 4]));
        }
        let mut how = -1;
        assert_eq!(libc::waitpid(child, &mut how, 0), child);
        assert_eq!(how, 0);
        assert_eq!(read_at(buffer, 0, |_, plain| i32::from(plain != b"text")), Status::Ok);
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}
