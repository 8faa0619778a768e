//! What stands in compiled callers and so can never change: numbers, flags and the layout of structs.

use std::collections::HashSet;
use std::ffi::CStr;
use std::mem::size_of;

use shokyo::buffer::CopyClass;
use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;
use shokyo::types::Protections;

use super::open;

#[test]
fn protections_have_the_numbers_of_the_receipts() {
    let vault = open();
    let mut flags = 0;
    unsafe {
        assert_eq!(shokyo_vault_protections(vault, &mut flags), Status::Ok);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
    }
    assert!(Protections::from_bits(flags).contains(Protections::LOCKED.with(Protections::CLEAN_ROOM)));
    for (number, flag) in [
        (SHOKYO_PROTECTION_LOCKED, Protections::LOCKED),
        (SHOKYO_PROTECTION_FRAME_PINNED, Protections::FRAME_PINNED),
        (SHOKYO_PROTECTION_GUARDED, Protections::GUARDED),
        (SHOKYO_PROTECTION_NO_DUMP, Protections::NO_DUMP),
        (SHOKYO_PROTECTION_NOT_INHERITED, Protections::NOT_INHERITED),
        (SHOKYO_PROTECTION_CANARY, Protections::CANARY),
        (SHOKYO_PROTECTION_CLEAN_ROOM, Protections::CLEAN_ROOM),
        (SHOKYO_PROTECTION_REGISTERS_SCRUBBED, Protections::REGISTERS_SCRUBBED),
        (SHOKYO_PROTECTION_ALTSTACK_COVERED, Protections::ALTSTACK_COVERED),
    ] {
        assert_eq!(number, flag.bits());
    }
    let classes = [
        SHOKYO_COPY_KEY,
        SHOKYO_COPY_WRAPPED_KEY,
        SHOKYO_COPY_CIPHERTEXT,
        SHOKYO_COPY_WINDOW,
        SHOKYO_COPY_SPOOL,
        SHOKYO_COPY_DERIVATIVE,
    ];
    assert_eq!(classes, CopyClass::ALL.map(|class| class as u32));
}

/// A number that was ever released is listed here for ever. Each has a text of its own, and no other number has one.
#[test]
fn numbers_and_layouts_never_change() {
    let statuses = [
        (Status::Ok, 0),
        (Status::LockedMemoryExhausted, 1),
        (Status::OutOfMemory, 2),
        (Status::ProtectionUnavailable, 3),
        (Status::RandomnessUnavailable, 4),
        (Status::System, 5),
        (Status::Erased, 6),
        (Status::Expired, 7),
        (Status::WindowInUse, 8),
        (Status::WindowTimeout, 9),
        (Status::NotErased, 10),
        (Status::NotAuthentic, 11),
        (Status::OutOfRange, 12),
        (Status::TooLarge, 13),
        (Status::EmptyDocument, 14),
        (Status::Unfinished, 15),
        (Status::Malformed, 16),
        (Status::UnsupportedVersion, 17),
        (Status::UnsupportedSuite, 18),
        (Status::BadSignature, 19),
        (Status::Untrusted, 20),
        (Status::Mismatch, 21),
        (Status::UnexpectedMessage, 22),
        (Status::WrongState, 23),
        (Status::Replayed, 24),
        (Status::Busy, 25),
        (Status::Cancelled, 26),
        (Status::ForkedChild, 27),
        (Status::RoomTooSmall, 28),
        (Status::MemoryCorrupted, 29),
        (Status::Unsupported, 30),
        (Status::Io, 31),
        (Status::Store, 32),
        (Status::Configuration, 33),
        (Status::InvalidArgument, 1001),
        (Status::InvalidHandle, 1002),
        (Status::HandleInUse, 1003),
        (Status::HandlesExhausted, 1004),
        (Status::CallbackStopped, 1005),
        (Status::Panic, 1006),
        (Status::VaultPoisoned, 1007),
        (Status::CapacityTooSmall, 1008),
    ];
    let text = |status| unsafe { CStr::from_ptr(shokyo_status_text(status)) }.to_str().unwrap();
    let mut texts = HashSet::new();
    for (status, number) in statuses {
        assert_eq!(status as i32, number);
        assert!(!text(number).is_empty() && texts.insert(text(number)), "{number}");
    }
    let known: Vec<i32> = statuses.map(|(_, number)| number).into();
    let others = (-10..2000).chain([i32::MIN, i32::MAX]).filter(|number| !known.contains(number));
    for number in others {
        assert_eq!(text(number), text(-1));
    }
    assert!(!texts.contains(text(-1)));

    // Grew at its end: 48 bytes before secret_memory.
    assert_eq!(size_of::<shokyo_vault_options>(), 64);
    assert_eq!(std::mem::offset_of!(shokyo_vault_options, secret_memory), 48);
    assert_eq!(size_of::<shokyo_binding>(), 68);
    assert_eq!(size_of::<shokyo_erase_all_outcome>(), 40);
    assert_eq!(size_of::<shokyo_erasure_info>(), 72);
    assert_eq!(size_of::<shokyo_erased_copy>(), 32);
    assert_eq!(size_of::<shokyo_receipt_info>(), 280);
    assert_eq!(std::mem::offset_of!(shokyo_receipt_info, opened_unix_ms), 224);
    assert_eq!(size_of::<shokyo_retained_copy>(), 16);
    assert_eq!(size_of::<shokyo_hardening_options>(), 12);
    assert_eq!(size_of::<shokyo_link_info>(), 168);
    assert_eq!(size_of::<shokyo_store_counts>(), 48);
    assert_eq!(size_of::<shokyo_session_info>(), 136);
    assert_eq!(size_of::<shokyo_log_report>(), 152);
    assert_eq!(size_of::<shokyo_hardened>(), 80);
    #[cfg(target_pointer_width = "64")]
    assert_eq!(size_of::<shokyo_log_event>(), 64);
    assert_eq!(shokyo_abi_version(), SHOKYO_ABI_VERSION);
    let version = unsafe { CStr::from_ptr(shokyo_version()) };
    assert_eq!(version.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
}
