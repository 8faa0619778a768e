//! What the C interface promises to callers who make mistakes: a status each time, and never a crash, a hang or a leak of plaintext.
#![cfg(feature = "capi")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::undocumented_unsafe_blocks, missing_docs)]

mod callbacks;
#[path = "../support/chain.rs"]
mod chain;
#[cfg(target_os = "linux")]
mod hardening;
mod links;
mod logs;
#[path = "../support/note_key.rs"]
mod note_key;
mod numbers;
#[path = "../support/receipt_key.rs"]
mod receipt_key;
mod receipts;
mod stores;
mod threads;

use std::ffi::{CStr, c_void};
use std::mem::size_of;
use std::ptr::{null, null_mut};

use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;

fn open_with(change: impl FnOnce(&mut shokyo_vault_options)) -> *mut shokyo_vault {
    let mut options =
        shokyo_vault_options { struct_size: size_of::<shokyo_vault_options>() as u32, ..Default::default() };
    change(&mut options);
    let mut vault = null_mut();
    assert_eq!(unsafe { shokyo_vault_open(&options, &mut vault) }, Status::Ok, "{}", detail());
    vault
}

fn open() -> *mut shokyo_vault {
    open_with(|options| options.patience = 500)
}

fn binding() -> shokyo_binding {
    shokyo_binding { struct_size: size_of::<shokyo_binding>() as u32, session: [1; 32], context: [2; 32] }
}

fn begin(vault: *mut shokyo_vault) -> *mut shokyo_writer {
    let mut writer = null_mut();
    assert_eq!(unsafe { shokyo_writer_new(vault, &binding(), &mut writer) }, Status::Ok, "{}", detail());
    writer
}

fn seal(vault: *mut shokyo_vault, plain: &[u8]) -> *mut shokyo_buffer {
    let (writer, mut buffer) = (begin(vault), null_mut());
    assert_eq!(unsafe { shokyo_writer_write(writer, plain.as_ptr().cast(), plain.len()) }, Status::Ok);
    assert_eq!(unsafe { shokyo_writer_finish(writer, &mut buffer) }, Status::Ok);
    buffer
}

fn detail() -> String {
    let mut bytes = [0_u8; 600];
    let length = unsafe { shokyo_detail(bytes.as_mut_ptr().cast(), bytes.len()) };
    let text = CStr::from_bytes_until_nul(&bytes).unwrap().to_str().unwrap();
    assert_eq!(text.len(), length);
    text.to_owned()
}

unsafe extern "C-unwind" fn collect(into: *mut c_void, offset: u64, plain: *const u8, length: usize) -> i32 {
    let into = unsafe { &mut *into.cast::<Vec<u8>>() };
    assert_eq!(offset, into.len() as u64);
    into.extend_from_slice(unsafe { std::slice::from_raw_parts(plain, length) });
    0
}

unsafe extern "C-unwind" fn not_null(_: *mut c_void, _: u64, plain: *const u8, length: usize) -> i32 {
    if plain.is_null() || length != 0 { 1 } else { 0 }
}

/// Runs the Rust closure behind `run`, which gives the callback's answer.
unsafe extern "C-unwind" fn call(run: *mut c_void, offset: u64, plain: *const u8, length: usize) -> i32 {
    let run = unsafe { &mut *run.cast::<&mut dyn FnMut(u64, &[u8]) -> i32>() };
    run(offset, unsafe { std::slice::from_raw_parts(plain, length) })
}

fn read_at(buffer: *const shokyo_buffer, offset: u64, mut run: impl FnMut(u64, &[u8]) -> i32) -> Status {
    let mut run: &mut dyn FnMut(u64, &[u8]) -> i32 = &mut run;
    unsafe { shokyo_buffer_read_at(buffer, offset, Some(call), (&raw mut run).cast()) }
}

#[test]
fn a_document_goes_round() {
    let (vault, plain) = (open(), (0..50_000_u32).map(|index| ((index * 7) >> 3) as u8).collect::<Vec<_>>());
    let (writer, mut buffer) = (begin(vault), null_mut());
    for piece in plain.chunks(999) {
        assert_eq!(unsafe { shokyo_writer_write(writer, piece.as_ptr().cast(), piece.len()) }, Status::Ok);
    }
    assert_eq!(unsafe { shokyo_writer_finish(writer, &mut buffer) }, Status::Ok);
    let (mut length, mut found) = (0, Vec::<u8>::new());
    assert_eq!(unsafe { shokyo_buffer_length(buffer, &mut length) }, Status::Ok);
    assert_eq!(length, 50_000);
    let outcome = unsafe { shokyo_buffer_for_each_window(buffer, Some(collect), (&raw mut found).cast()) };
    assert_eq!(outcome, Status::Ok);
    assert!(found == plain);
    let outcome = read_at(buffer, 16_385, |offset, window| {
        assert!(offset == 16_385 && window == &plain[16_385..2 * 16_384]);
        0
    });
    assert_eq!(outcome, Status::Ok);
    unsafe {
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn an_empty_document_shows_one_empty_window() {
    let vault = open();
    let (writer, mut buffer) = (begin(vault), null_mut());
    unsafe {
        assert_eq!(shokyo_writer_write(writer, null(), 0), Status::Ok);
        assert_eq!(shokyo_writer_finish(writer, &mut buffer), Status::Ok);
        assert_eq!(shokyo_buffer_read_at(buffer, 0, Some(not_null), null_mut()), Status::Ok);
        let mut calls = 0;
        assert_eq!(read_at(buffer, 0, |_, plain| (calls += 1, plain.len() as i32).1), Status::Ok);
        assert_eq!(calls, 1);
        assert_eq!(read_at(buffer, 1, |_, _| 0), Status::OutOfRange);
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn a_second_free_and_every_use_after_it_answer_a_status() {
    let vault = open();
    let buffer = seal(vault, b"text");
    unsafe {
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_buffer_free(buffer), Status::InvalidHandle);
        assert!(detail().contains("the buffer is not live"), "{}", detail());
        // The place is used again, and the old handle still is none.
        let other = seal(vault, b"other");
        assert_ne!(other, buffer);
        let mut length = 77;
        assert_eq!(shokyo_buffer_length(buffer, &mut length), Status::InvalidHandle);
        assert_eq!(length, 77, "a failed call wrote its output");
        assert_eq!(read_at(buffer, 0, |_, _| panic!("shown")), Status::InvalidHandle);
        let mut erasure = null_mut();
        assert_eq!(shokyo_buffer_erase(buffer, &mut erasure), Status::InvalidHandle);
        assert!(erasure.is_null());
        assert_eq!(shokyo_buffer_free(other), Status::Ok);

        let writer = begin(vault);
        assert_eq!(shokyo_writer_free(writer), Status::Ok);
        assert_eq!(shokyo_writer_free(writer), Status::InvalidHandle);
        assert_eq!(shokyo_writer_write(writer, b"x".as_ptr().cast(), 1), Status::InvalidHandle);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::InvalidHandle);
        let mut writer = null_mut();
        assert_eq!(shokyo_writer_new(vault, &binding(), &mut writer), Status::InvalidHandle);
        assert!(writer.is_null());
    }
}

#[test]
fn a_handle_of_another_kind_and_garbage_are_refused() {
    let vault = open();
    let (writer, buffer) = (begin(vault), seal(vault, b"text"));
    unsafe {
        assert_eq!(shokyo_writer_free(vault.cast()), Status::InvalidHandle);
        assert!(detail().contains("of another kind"), "{}", detail());
        assert_eq!(shokyo_vault_free(buffer.cast()), Status::InvalidHandle);
        assert_eq!(shokyo_buffer_free(writer.cast()), Status::InvalidHandle);
        assert_eq!(shokyo_erasure_free(buffer.cast()), Status::InvalidHandle);
        let on_the_stack = 5_u64;
        for garbage in [1, 2, usize::MAX, usize::MAX - 1, 0x0101_0101, (&raw const on_the_stack).addr()] {
            let mut length = 0;
            let garbage: *mut shokyo_buffer = std::ptr::without_provenance_mut(garbage);
            assert_eq!(shokyo_buffer_length(garbage, &mut length), Status::InvalidHandle);
            assert_eq!(shokyo_buffer_free(garbage), Status::InvalidHandle);
        }
        // All of them still live.
        assert_eq!(shokyo_writer_free(writer), Status::Ok);
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn freeing_null_does_nothing_and_other_nulls_are_refused() {
    let vault = open();
    let buffer = seal(vault, b"text");
    let mut writer = null_mut();
    unsafe {
        assert_eq!(shokyo_vault_free(null_mut()), Status::Ok);
        assert_eq!(shokyo_writer_free(null_mut()), Status::Ok);
        assert_eq!(shokyo_buffer_free(null_mut()), Status::Ok);
        assert_eq!(shokyo_erasure_free(null_mut()), Status::Ok);

        assert_eq!(shokyo_vault_open(null(), null_mut()), Status::InvalidArgument);
        assert_eq!(detail(), "vault is NULL");
        assert_eq!(shokyo_vault_protections(vault, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_vault_erase_all(vault, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_writer_new(vault, null(), &mut writer), Status::InvalidArgument);
        assert_eq!(shokyo_writer_new(vault, &binding(), null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_writer_new(null(), &binding(), &mut writer), Status::InvalidHandle);
        assert!(writer.is_null());
        assert_eq!(shokyo_writer_finish(null_mut(), null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_buffer_length(buffer, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_buffer_read_at(buffer, 0, None, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_buffer_for_each_window(buffer, None, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_buffer_read_at(null(), 0, Some(not_null), null_mut()), Status::InvalidHandle);
        assert_eq!(shokyo_buffer_erase(buffer, null_mut()), Status::InvalidArgument);
        // None of this erased anything.
        assert_eq!(read_at(buffer, 0, |_, plain| i32::from(plain != b"text")), Status::Ok);
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn lengths_that_no_memory_has_are_refused_before_a_byte_is_read() {
    let vault = open();
    let (writer, byte) = (begin(vault), 0_u8);
    let data: *const c_void = (&raw const byte).cast();
    unsafe {
        for length in [usize::MAX, isize::MAX as usize + 1] {
            assert_eq!(shokyo_writer_write(writer, data, length), Status::InvalidArgument);
        }
        // Within the limits of lengths, but around the end of the address space.
        let last: *const c_void = std::ptr::without_provenance(usize::MAX - 3);
        assert_eq!(shokyo_writer_write(writer, last, 5), Status::InvalidArgument);
        assert_eq!(shokyo_writer_write(writer, null(), 1), Status::InvalidArgument);
        assert_eq!(shokyo_writer_write(writer, data, 1), Status::Ok, "the writer is as it was");
        assert_eq!(shokyo_writer_free(writer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn structs_of_other_versions_are_taken_as_far_as_they_can_be() {
    #[repr(C)]
    struct Longer<T> {
        known: T,
        more: [u64; 3],
    }
    let size = size_of::<shokyo_vault_options>() as u32;
    let open = |options: *const shokyo_vault_options| {
        let mut vault = null_mut();
        let outcome = unsafe { shokyo_vault_open(options, &mut vault) };
        assert_eq!(outcome == Status::Ok, !vault.is_null());
        assert_eq!(unsafe { shokyo_vault_free(vault) }, Status::Ok);
        outcome
    };
    let known = shokyo_vault_options { struct_size: size, ..Default::default() };
    let newer = |last| Longer { known: shokyo_vault_options { struct_size: size + 24, ..known }, more: [0, 0, last] };
    let options = newer(0);
    assert_eq!(open((&raw const options).cast()), Status::Ok);
    let options = newer(1 << 63);
    assert_eq!(open((&raw const options).cast()), Status::InvalidArgument);
    // An older version ends before `windows`: that field is not read.
    let older = shokyo_vault_options { struct_size: 12, windows: u32::MAX, ..known };
    assert_eq!(open(&older), Status::Ok);
    for wrong in [0, 3, 4097, u32::MAX] {
        assert_eq!(open(&shokyo_vault_options { struct_size: wrong, ..known }), Status::InvalidArgument);
    }
    assert_eq!(open(&shokyo_vault_options { best_effort: 2, ..known }), Status::InvalidArgument);
    assert_eq!(open(&shokyo_vault_options { secret_memory: 3, ..known }), Status::InvalidArgument);
    assert_eq!(open(&shokyo_vault_options { leave_alternate_stacks: 2, ..known }), Status::InvalidArgument);
    assert_eq!(open(&shokyo_vault_options { chunk_size: 17, ..known }), Status::Configuration);
}

#[test]
fn a_binding_is_never_taken_in_part() {
    let vault = open();
    let mut writer = null_mut();
    for struct_size in [0, 4, 36, 67] {
        let binding = shokyo_binding { struct_size, ..binding() };
        assert_eq!(unsafe { shokyo_writer_new(vault, &binding, &mut writer) }, Status::InvalidArgument);
        assert!(writer.is_null());
    }
    assert_eq!(unsafe { shokyo_vault_free(vault) }, Status::Ok);
}

#[test]
fn evidence_is_written_into_structs_of_newer_callers_and_not_beyond_them() {
    #[repr(C)]
    struct Newer {
        known: shokyo_erased_copy,
        more: u64,
        beyond: u64,
    }
    let vault = open();
    let (buffer, mut erasure) = (seal(vault, &[7; 1000]), null_mut());
    assert_eq!(read_at(buffer, 0, |_, _| 0), Status::Ok);
    unsafe {
        assert_eq!(shokyo_buffer_erase(buffer, &mut erasure), Status::Ok);
        let size = size_of::<shokyo_erased_copy>() as u32;
        let mut copy = Newer {
            known: shokyo_erased_copy { struct_size: size + 8, ..Default::default() },
            more: u64::MAX,
            beyond: u64::MAX,
        };
        assert_eq!(shokyo_erasure_copy_at(erasure, 0, (&raw mut copy).cast()), Status::Ok);
        assert_eq!((copy.known.struct_size, copy.known.copy_class), (size + 8, SHOKYO_COPY_KEY));
        assert_eq!((copy.known.failed, copy.more, copy.beyond), (0, 0, u64::MAX));
        assert_eq!(copy.known.bytes, copy.known.verified * 32);

        let mut older = shokyo_erased_copy { struct_size: size - 1, bytes: 77, ..Default::default() };
        assert_eq!(shokyo_erasure_copy_at(erasure, 0, &mut older), Status::InvalidArgument);
        assert_eq!(older.bytes, 77);

        let mut info =
            shokyo_erasure_info { struct_size: size_of::<shokyo_erasure_info>() as u32, ..Default::default() };
        assert_eq!(shokyo_erasure_describe(erasure, &mut info), Status::Ok);
        assert_eq!((info.verified, info.has_key, info.session, info.copy_count), (1, 1, [1; 32], 3));
        let (mut verified, mut count) = (false, 0);
        assert_eq!(shokyo_erasure_verified(erasure, &mut verified), Status::Ok);
        assert_eq!(shokyo_erasure_copy_count(erasure, &mut count), Status::Ok);
        assert_eq!((verified, count), (true, 3));
        let mut copy = shokyo_erased_copy { struct_size: size, ..Default::default() };
        assert_eq!(shokyo_erasure_copy_at(erasure, 3, &mut copy), Status::OutOfRange);
        assert_eq!(shokyo_erasure_copy_at(erasure, usize::MAX, &mut copy), Status::OutOfRange);
        let mut again = null_mut();
        assert_eq!(shokyo_buffer_erase(buffer, &mut again), Status::InvalidHandle);
        assert_eq!(shokyo_erasure_free(erasure), Status::Ok);
        assert_eq!(shokyo_erasure_free(erasure), Status::InvalidHandle);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn a_writer_that_is_given_up_leaves_evidence_when_it_is_asked_for() {
    let vault = open_with(|options| options.max_document = 10);
    let (writer, mut erasure, mut verified) = (begin(vault), null_mut(), false);
    unsafe {
        assert_eq!(shokyo_writer_write(writer, b"0123456789".as_ptr().cast(), 10), Status::Ok);
        assert_eq!(shokyo_writer_write(writer, b"x".as_ptr().cast(), 1), Status::TooLarge);
        assert!(detail().contains("10"), "{}", detail());
        assert_eq!(shokyo_writer_erase(writer, &mut erasure), Status::Ok);
        assert_eq!(shokyo_erasure_verified(erasure, &mut verified), Status::Ok);
        assert!(verified);
        assert_eq!(shokyo_writer_erase(writer, &mut erasure), Status::InvalidHandle);
        assert_eq!(shokyo_erasure_free(erasure), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn a_writer_whose_document_was_lost_can_still_be_freed() {
    let vault = open();
    let (writer, mut buffer, mut erasure) = (begin(vault), null_mut(), null_mut());
    let mut outcome = erase_outcome();
    unsafe {
        assert_eq!(shokyo_writer_write(writer, b"text".as_ptr().cast(), 4), Status::Ok);
        assert_eq!(shokyo_vault_erase_all(vault, &mut outcome), Status::Ok);
        assert_eq!((outcome.destroyed, outcome.verified, outcome.failed, outcome.in_flight), (1, 1, 0, 0));
        assert_eq!(shokyo_writer_finish(writer, &mut buffer), Status::Erased);
        assert!(buffer.is_null());
        assert_eq!(shokyo_writer_write(writer, b"text".as_ptr().cast(), 4), Status::Erased);
        assert_eq!(shokyo_writer_finish(writer, &mut buffer), Status::Erased);
        assert_eq!(shokyo_writer_erase(writer, &mut erasure), Status::Erased);
        assert_eq!(shokyo_writer_free(writer), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
}

#[test]
fn documents_outlive_the_handle_of_their_vault() {
    let vault = open();
    let buffer = seal(vault, b"text");
    let writer = begin(vault);
    unsafe {
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
        assert_eq!(read_at(buffer, 0, |_, plain| i32::from(plain != b"text")), Status::Ok);
        assert_eq!(shokyo_buffer_free(buffer), Status::Ok);
        assert_eq!(shokyo_writer_write(writer, b"x".as_ptr().cast(), 1), Status::Ok);
        assert_eq!(shokyo_writer_free(writer), Status::Ok);
    }
}

/// The control of every test that asks whether an erasure is verified. Faults hold for a whole process, so it has one of its own.
#[cfg(shokyo_faults)]
#[test]
fn a_byte_that_stays_is_in_the_evidence() {
    use shokyo::faults::{Fault, set};
    const NAME: &str = "a_byte_that_stays_is_in_the_evidence";
    const CHILD: &str = "SHOKYO_C_ABI_CHILD";
    if std::env::var_os(CHILD).is_none() {
        let this = std::env::current_exe().unwrap();
        let child = std::process::Command::new(this).args(["--exact", NAME]).env(CHILD, "1").output().unwrap();
        let output = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && output.contains("1 passed"), "{output}");
        return;
    }
    set(&[]);
    let vault = open();
    let (buffer, mut erasure, mut verified) = (seal(vault, b"text"), null_mut(), true);
    let other = seal(vault, b"other");
    logs::listen();
    // What the host is told: the status of the call.
    let told = || logs::told().iter().map(|told| (told.0, told.1)).collect::<Vec<_>>();
    let not_erased = |status: Status| [(SHOKYO_LOG_NOT_ERASED, status as i32)];
    set(&[Fault::StuckByte]);
    unsafe {
        assert_eq!(shokyo_buffer_erase(buffer, &mut erasure), Status::Ok);
        assert_eq!(told(), not_erased(Status::Ok));
        assert_eq!(shokyo_erasure_verified(erasure, &mut verified), Status::Ok);
        assert!(!verified);
        let mut copy = shokyo_erased_copy { struct_size: size_of::<shokyo_erased_copy>() as u32, ..Default::default() };
        assert_eq!(shokyo_erasure_copy_at(erasure, 0, &mut copy), Status::Ok);
        assert_eq!((copy.copy_class, copy.failed > 0), (SHOKYO_COPY_KEY, true));
        assert_eq!(read_at(other, 0, |_, _| 0), Status::NotErased);
        assert_eq!(told(), not_erased(Status::NotErased));
        let mut outcome = erase_outcome();
        assert_eq!(shokyo_vault_erase_all(vault, &mut outcome), Status::Ok);
        // The other document's key, and the cell that kept a byte.
        assert!(outcome.destroyed == 2 && outcome.verified < 2 && outcome.failed > 0);
        assert_eq!(told(), not_erased(Status::Ok));
    }
}

fn erase_outcome() -> shokyo_erase_all_outcome {
    shokyo_erase_all_outcome { struct_size: size_of::<shokyo_erase_all_outcome>() as u32, ..Default::default() }
}
