//! Receipts read through the C interface: what they say, whose signature is believed, and what is refused.

use std::ffi::c_void;
use std::mem::size_of;
use std::ptr::{null, null_mut};

use shokyo::buffer::{Cause, CopyClass, Erasure};
use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;
use shokyo::receipt::{Details, Event, NotCovered, Receipt, RelayFigures, Retained, StationInfo, to_be_signed};
use shokyo::types::{Protections, Role, SessionId};

use super::receipt_key::{ReceiptKey, a_key_wiped};
use super::{detail, open};

const OPENED: u64 = 1_679_875_200_000;

/// A receipt with all that one can have.
fn signed(event: Event, role: Role) -> Vec<u8> {
    let mut erasure = Erasure::new(SessionId([0x5A; 32]), Protections::LOCKED.with(Protections::NO_DUMP));
    erasure.record(CopyClass::Key, a_key_wiped());
    erasure.record(CopyClass::Ciphertext, shokyo::wipe::wipe(&mut [7; 5000], 0));
    let details = Details {
        duration_ms: Some(1_234),
        previous: Some([0x77; 32]),
        relay: role.is_relay().then_some(RelayFigures { peak_bytes: 1000, longest_hold_ms: 17, frames: 3 }),
        retained: if event == Event::KeyWiped {
            &[Retained { class: CopyClass::WrappedKey, until_unix_ms: OPENED + 60_000 }]
        } else {
            &[]
        },
        not_covered: &[NotCovered::StorageBelowFiles],
        window_lent_until_unix_ms: Some(OPENED + 1_300),
        ..Details::new(event, Cause::Delivered, "resident-certificate", OPENED, OPENED + 1_234)
    };
    let station = StationInfo { role, station: "消-1".into(), operator: "an operator".into(), post: "P-17".into() };
    Receipt::issue(erasure, &details, &station, &ReceiptKey::new(1)).unwrap().into_bytes()
}

fn verify(bytes: &[u8], key: &[u8], receipt: &mut *mut shokyo_receipt) -> Status {
    unsafe { shokyo_receipt_verify(bytes.as_ptr().cast(), bytes.len(), key.as_ptr().cast(), key.len(), receipt) }
}

fn read(bytes: &[u8], receipt: &mut *mut shokyo_receipt) -> Status {
    unsafe { shokyo_receipt_read_unverified(bytes.as_ptr().cast(), bytes.len(), receipt) }
}

fn verified(bytes: &[u8]) -> *mut shokyo_receipt {
    let mut receipt = null_mut();
    assert_eq!(verify(bytes, &ReceiptKey::new(1).public(), &mut receipt), Status::Ok, "{}", detail());
    receipt
}

fn info(receipt: *const shokyo_receipt) -> shokyo_receipt_info {
    let mut info = shokyo_receipt_info { struct_size: size_of::<shokyo_receipt_info>() as u32, ..Default::default() };
    assert_eq!(unsafe { shokyo_receipt_describe(receipt, &mut info) }, Status::Ok);
    info
}

fn text(receipt: *const shokyo_receipt, which: u32) -> String {
    let mut length = 0;
    assert_eq!(unsafe { shokyo_receipt_text(receipt, which, null_mut(), 0, &mut length) }, Status::Ok);
    let mut bytes = vec![0xEE_u8; length + 1];
    let into = bytes.as_mut_ptr().cast();
    assert_eq!(unsafe { shokyo_receipt_text(receipt, which, into, bytes.len(), &mut length) }, Status::Ok);
    assert_eq!(bytes.pop(), Some(0));
    String::from_utf8(bytes).unwrap()
}

fn export(receipt: *const shokyo_receipt, which: u32) -> Vec<u8> {
    let (mut bytes, mut length) = (vec![0_u8; 5000], 0);
    let outcome = unsafe { shokyo_receipt_export(receipt, which, bytes.as_mut_ptr().cast(), 5000, &mut length) };
    assert_eq!(outcome, Status::Ok);
    bytes.truncate(length);
    bytes
}

#[test]
fn a_verified_receipt_tells_every_field() {
    let bytes = signed(Event::KeyWiped, Role::Issuer);
    let receipt = verified(&bytes);
    let statement = shokyo::receipt::verify(&bytes, &ReceiptKey::new(1).public()).unwrap();
    let says = info(receipt);
    assert_eq!((says.authenticated, says.verified, says.method), (1, 1, 1));
    assert_eq!((says.session, says.previous, says.has_previous), ([0x5A; 32], [0x77; 32], 1));
    assert_eq!((says.receipt_id, says.hash), (statement.receipt_id, shokyo::receipt::hash(&bytes)));
    assert_eq!(says.key_id, shokyo::receipt::key_id(&ReceiptKey::new(1).public()));
    assert_eq!((says.role, says.event), (SHOKYO_ROLE_ISSUER, SHOKYO_RECEIPT_EVENT_KEY_WIPED));
    assert_eq!((says.attempted, says.cause), (0, SHOKYO_CAUSE_DELIVERED));
    assert_eq!(says.protections, SHOKYO_PROTECTION_LOCKED | SHOKYO_PROTECTION_NO_DUMP);
    assert_eq!((says.opened_unix_ms, says.event_unix_ms), (OPENED, OPENED + 1_234));
    assert_eq!((says.has_duration, says.duration_ms), (1, 1_234));
    assert_eq!((says.has_window_lent, says.window_lent_until_unix_ms), (1, OPENED + 1_300));
    assert_eq!((says.has_relay, says.relay_peak_bytes, says.relay_longest_hold_ms, says.relay_frames), (0, 0, 0, 0));
    assert_eq!((says.copy_count, says.retained_count), (2, 1));

    let mut copy = shokyo_erased_copy { struct_size: size_of::<shokyo_erased_copy>() as u32, ..Default::default() };
    let mut held = shokyo_retained_copy { struct_size: size_of::<shokyo_retained_copy>() as u32, ..Default::default() };
    unsafe {
        assert_eq!(shokyo_receipt_copy_at(receipt, 1, &mut copy), Status::Ok);
        assert_eq!((copy.copy_class, copy.verified, copy.failed, copy.bytes), (SHOKYO_COPY_CIPHERTEXT, 1, 0, 8192));
        assert_eq!(shokyo_receipt_copy_at(receipt, 2, &mut copy), Status::OutOfRange);
        assert_eq!(shokyo_receipt_retained_at(receipt, 0, &mut held), Status::Ok);
        assert_eq!((held.copy_class, held.until_unix_ms), (SHOKYO_COPY_WRAPPED_KEY, OPENED + 60_000));
        assert_eq!(shokyo_receipt_retained_at(receipt, 1, &mut held), Status::OutOfRange);
        let numbers = (0..says.not_covered_count as usize).map(|index| {
            let mut number = 0;
            assert_eq!(shokyo_receipt_not_covered_at(receipt, index, &mut number), Status::Ok);
            number
        });
        assert!(numbers.eq(statement.not_covered.iter().map(|number| *number as u32)));
        let mut number = 77;
        assert_eq!(shokyo_receipt_not_covered_at(receipt, usize::MAX, &mut number), Status::OutOfRange);
        assert_eq!(number, 77);
    }
    for (which, expected) in [
        (SHOKYO_RECEIPT_STATION, "消-1"),
        (SHOKYO_RECEIPT_OPERATOR, "an operator"),
        (SHOKYO_RECEIPT_POST, "P-17"),
        (SHOKYO_RECEIPT_KIND, "resident-certificate"),
        (SHOKYO_RECEIPT_SOFTWARE, env!("CARGO_PKG_VERSION")),
        (SHOKYO_RECEIPT_BUILD, &statement.build),
        (SHOKYO_RECEIPT_PLAIN, &statement.describe()),
    ] {
        assert_eq!(text(receipt, which), expected);
    }
    assert_eq!(unsafe { shokyo_receipt_free(receipt) }, Status::Ok);
}

#[test]
fn a_relays_figures_are_told_and_its_absent_fields_are_zero() {
    let receipt = verified(&signed(Event::RelayedNotRetained, Role::EcCentre));
    let says = info(receipt);
    assert_eq!((says.role, says.event), (SHOKYO_ROLE_EC_CENTRE, SHOKYO_RECEIPT_EVENT_RELAYED_NOT_RETAINED));
    assert_eq!(says.has_relay, 1);
    assert_eq!((says.relay_peak_bytes, says.relay_longest_hold_ms, says.relay_frames), (1024, 17, 4));
    assert_eq!(says.retained_count, 0);
    assert_eq!(unsafe { shokyo_receipt_free(receipt) }, Status::Ok);
}

#[test]
fn a_receipt_is_exported_for_tools_that_know_ed25519_alone() {
    let bytes = signed(Event::KeyWiped, Role::Issuer);
    let receipt = verified(&bytes);
    let (message, signature) = to_be_signed(&bytes).unwrap();
    assert_eq!(export(receipt, SHOKYO_RECEIPT_COSE), bytes);
    assert_eq!(export(receipt, SHOKYO_RECEIPT_SIGNED_BYTES), message);
    assert_eq!(export(receipt, SHOKYO_RECEIPT_SIGNATURE), signature);
    let mut small = [0xEE_u8; 64];
    for capacity in [0, 1, 63] {
        let mut length = 0;
        let into: *mut c_void = if capacity == 0 { null_mut() } else { small.as_mut_ptr().cast() };
        let outcome = unsafe { shokyo_receipt_export(receipt, SHOKYO_RECEIPT_SIGNATURE, into, capacity, &mut length) };
        assert_eq!((outcome, length), (Status::CapacityTooSmall, 64));
        assert_eq!(small, [0xEE; 64]);
    }
    let mut length = 0;
    unsafe {
        let into = small.as_mut_ptr().cast();
        assert_eq!(shokyo_receipt_export(receipt, SHOKYO_RECEIPT_SIGNATURE, into, 64, &mut length), Status::Ok);
        assert_eq!(small, signature);
        assert_eq!(shokyo_receipt_export(receipt, 99, into, 64, &mut length), Status::InvalidArgument);
        assert_eq!(shokyo_receipt_export(receipt, 1, null_mut(), 64, &mut length), Status::InvalidArgument);
        assert_eq!(shokyo_receipt_export(receipt, 1, into, usize::MAX, &mut length), Status::InvalidArgument);
        assert_eq!(shokyo_receipt_export(receipt, 1, into, 64, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_receipt_free(receipt), Status::Ok);
    }
}

#[test]
fn what_was_changed_or_signed_by_another_is_refused() {
    let bytes = signed(Event::KeyWiped, Role::Issuer);
    let key = ReceiptKey::new(1).public();
    let mut receipt = null_mut();
    for place in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        assert_ne!(verify(&changed, &key, &mut receipt), Status::Ok, "byte {place}");
        assert!(receipt.is_null());
    }
    let mut forged = bytes.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(verify(&forged, &key, &mut receipt), Status::BadSignature);
    assert_eq!(verify(&bytes, &ReceiptKey::new(2).public(), &mut receipt), Status::Mismatch);
    assert_eq!(verify(&bytes[..bytes.len() - 1], &key, &mut receipt), Status::Malformed);
    assert_eq!(verify(&[], &key, &mut receipt), Status::Malformed);
    assert_eq!(verify(&[0; 5000], &key, &mut receipt), Status::TooLarge);
    assert_eq!(read(&bytes[1..], &mut receipt), Status::Malformed);
    assert!(receipt.is_null());
    // Without a key the forged one is read, and says that nobody vouches for it.
    assert_eq!(read(&forged, &mut receipt), Status::Ok);
    let says = info(receipt);
    assert_eq!((says.authenticated, says.key_id), (0, shokyo::receipt::key_id(&key)));
    assert_eq!(unsafe { shokyo_receipt_free(receipt) }, Status::Ok);
}

#[test]
fn every_misuse_of_a_receipt_answers_a_status() {
    let bytes = signed(Event::KeyWiped, Role::Issuer);
    let key = ReceiptKey::new(1).public();
    let (data, mut receipt) = (bytes.as_ptr().cast(), null_mut());
    unsafe {
        assert_eq!(verify(&bytes, &key[..31], &mut receipt), Status::InvalidArgument);
        assert_eq!(detail(), "public_key does not have 32 bytes");
        assert_eq!(shokyo_receipt_verify(data, bytes.len(), null(), 32, &mut receipt), Status::InvalidArgument);
        assert_eq!(shokyo_receipt_verify(null(), 9, key.as_ptr().cast(), 32, &mut receipt), Status::InvalidArgument);
        let nowhere = null_mut();
        assert_eq!(shokyo_receipt_verify(data, bytes.len(), key.as_ptr().cast(), 32, nowhere), Status::InvalidArgument);
        assert_eq!(shokyo_receipt_read_unverified(null(), 9, &mut receipt), Status::InvalidArgument);
        assert_eq!(shokyo_receipt_read_unverified(data, bytes.len(), null_mut()), Status::InvalidArgument);
        assert!(receipt.is_null());

        let receipt = verified(&bytes);
        let mut says = shokyo_receipt_info::default();
        assert_eq!(shokyo_receipt_describe(receipt, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_receipt_describe(receipt, &mut says), Status::InvalidArgument, "without a struct_size");
        let (mut place, mut length) = ([0xEE_u8; 4], 0);
        let into = place.as_mut_ptr().cast();
        assert_eq!(shokyo_receipt_text(receipt, 0, into, 4, &mut length), Status::InvalidArgument);
        assert_eq!(shokyo_receipt_text(receipt, 1, into, 4, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_receipt_text(receipt, 1, null_mut(), 4, &mut length), Status::InvalidArgument);
        assert_eq!(place, [0xEE; 4]);
        assert_eq!(shokyo_receipt_text(receipt, SHOKYO_RECEIPT_STATION, into, 4, &mut length), Status::Ok);
        assert_eq!((place, length), ("消\0".as_bytes().try_into().unwrap(), 5), "cut between characters");

        says.struct_size = size_of::<shokyo_receipt_info>() as u32;
        let vault = open();
        assert_eq!(shokyo_receipt_describe(vault.cast(), &mut says), Status::InvalidHandle);
        assert_eq!(shokyo_receipt_free(vault.cast()), Status::InvalidHandle);
        assert_eq!(shokyo_vault_free(vault), Status::Ok);
        assert_eq!(shokyo_receipt_free(receipt), Status::Ok);
        assert_eq!(shokyo_receipt_free(receipt), Status::InvalidHandle);
        assert_eq!(shokyo_receipt_free(null_mut()), Status::Ok);

        let mut copy = shokyo_erased_copy { struct_size: 32, ..Default::default() };
        let mut held = shokyo_retained_copy { struct_size: 16, ..Default::default() };
        let mut number = 0;
        assert_eq!(shokyo_receipt_describe(receipt, &mut says), Status::InvalidHandle);
        assert_eq!(shokyo_receipt_text(receipt, 1, into, 4, &mut length), Status::InvalidHandle);
        assert_eq!(shokyo_receipt_export(receipt, 1, into.cast(), 4, &mut length), Status::InvalidHandle);
        assert_eq!(shokyo_receipt_copy_at(receipt, 0, &mut copy), Status::InvalidHandle);
        assert_eq!(shokyo_receipt_retained_at(receipt, 0, &mut held), Status::InvalidHandle);
        assert_eq!(shokyo_receipt_not_covered_at(receipt, 0, &mut number), Status::InvalidHandle);
        assert_eq!(shokyo_receipt_copy_at(receipt, 0, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_receipt_retained_at(receipt, 0, null_mut()), Status::InvalidArgument);
        assert_eq!(shokyo_receipt_not_covered_at(receipt, 0, null_mut()), Status::InvalidArgument);
    }
}
