//! What a callback may do while it looks through a window, and what happens when it does more.

use std::ptr::null_mut;

use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;

use super::{begin, binding, call, detail, erase_outcome, open, read_at, seal};

#[test]
fn a_callback_stops_with_any_number_but_zero() {
    let vault = open();
    let buffer = seal(vault, &[1; 40_000]);
    for answer in [1, -1, i32::MIN, i32::MAX] {
        let mut calls = 0;
        let mut run = |_: u64, _: &[u8]| {
            calls += 1;
            if calls == 2 { answer } else { 0 }
        };
        let mut run: &mut dyn FnMut(u64, &[u8]) -> i32 = &mut run;
        let outcome = unsafe { shokyo_buffer_for_each_window(buffer, Some(call), (&raw mut run).cast()) };
        assert_eq!((outcome, calls), (Status::CallbackStopped, 2));
        assert_eq!(read_at(buffer, 3, |_, _| answer), Status::CallbackStopped);
    }
    unsafe {
        assert_eq!(read_at(buffer, 40_000, |_, _| 0), Status::OutOfRange);
        assert_eq!(read_at(buffer, u64::MAX, |_, _| 0), Status::OutOfRange);
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn a_callback_may_free_its_own_document_and_its_vault() {
    let vault = open();
    let buffer = seal(vault, b"text");
    let outcome = read_at(buffer, 0, |_, plain| unsafe {
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_buffer_free(buffer), Status::InvalidHandle);
        i32::from(plain != b"text")
    });
    assert_eq!(outcome, Status::Ok);
    assert_eq!(unsafe { shokyo_buffer_free(buffer) }, Status::InvalidHandle);
}

#[test]
fn a_callback_cannot_consume_its_own_document_but_can_destroy_its_key() {
    let vault = open();
    let buffer = seal(vault, b"text");
    let mut erasure = null_mut();
    let outcome = read_at(buffer, 0, |_, _| unsafe {
        assert_eq!(shokyo_buffer_erase(buffer, &mut erasure), Status::HandleInUse);
        0
    });
    assert_eq!(outcome, Status::Ok);
    assert!(erasure.is_null());
    let outcome = read_at(buffer, 0, |_, plain| unsafe {
        let mut outcome = erase_outcome();
        assert_eq!(shokyo_vault_erase_all(vault, &mut outcome), Status::Ok);
        // The window that this callback looks through is still lent.
        assert_eq!((outcome.destroyed, outcome.in_flight), (1, 1));
        i32::from(plain != b"text")
    });
    assert_eq!(outcome, Status::Erased);
    unsafe {
        let mut verified = false;
        assert_eq!(shokyo_buffer_erase(buffer, &mut erasure), Status::Ok);
        assert_eq!(shokyo_erasure_verified(erasure, &mut verified), Status::Ok);
        assert!(verified);
        assert_eq!(shokyo_erasure_free(erasure), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn a_second_window_in_one_thread_is_refused_and_the_first_goes_on() {
    let vault = open();
    let (buffer, writer) = (seal(vault, b"text"), begin(vault));
    let outcome = read_at(buffer, 0, |_, plain| unsafe {
        assert_eq!(read_at(buffer, 0, |_, _| 0), Status::WindowInUse);
        assert_eq!(shokyo_writer_write(writer, b"x".as_ptr().cast(), 1), Status::WindowInUse);
        i32::from(plain != b"text")
    });
    assert_eq!(outcome, Status::Ok);
    unsafe {
        assert_eq!(shokyo_writer_write(writer, b"x".as_ptr().cast(), 1), Status::Ok);
        assert_eq!(shokyo_writer_free(writer), Status::Ok);
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn a_panic_becomes_a_status_and_costs_the_vault_its_keys() {
    let (vault, other) = (open(), open());
    let (buffer, unread, spared) = (seal(vault, b"text"), seal(vault, b"unread"), seal(other, b"spared"));
    let writer = begin(vault);
    assert_eq!(read_at(buffer, 0, |_, _| panic!("on purpose")), Status::Panic);
    assert!(!detail().contains("on purpose"), "a panic's message may hold anything");
    unsafe {
        assert_eq!(read_at(buffer, 0, |_, _| 0), Status::VaultPoisoned);
        assert_eq!(read_at(unread, 0, |_, _| 0), Status::VaultPoisoned);
        assert_eq!(shokyo_writer_write(writer, b"x".as_ptr().cast(), 1), Status::VaultPoisoned);
        let mut more = null_mut();
        assert_eq!(shokyo_writer_new(vault, &binding(), &mut more), Status::VaultPoisoned);
        // The keys were destroyed at the panic: nothing is left to destroy.
        let mut outcome = erase_outcome();
        assert_eq!(shokyo_vault_erase_all(vault, &mut outcome), Status::Ok);
        assert_eq!((outcome.destroyed, outcome.in_flight), (0, 0));
        for erased in [buffer, unread] {
            let (mut erasure, mut verified) = (null_mut(), false);
            assert_eq!(shokyo_buffer_erase(erased, &mut erasure), Status::Ok);
            assert_eq!(shokyo_erasure_verified(erasure, &mut verified), Status::Ok);
            assert!(verified);
            assert_eq!(shokyo_erasure_free(erasure), Status::Ok);
        }
        assert_eq!(shokyo_writer_free(writer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);

        assert_eq!(read_at(spared, 0, |_, plain| i32::from(plain != b"spared")), Status::Ok);
        assert_eq!(shokyo_buffer_free(spared), Status::Ok);
        assert_eq!(shokyo_vault_free(other), Status::Ok);
    }
}
