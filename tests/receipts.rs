//! Claims about receipts: what they may say, who can check them, and what is refused.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/receipt_key.rs"]
mod receipt_key;

use std::cell::Cell;
use std::sync::OnceLock;

use coset::cbor::value::Value;
use coset::{CborSerializable, TaggedCborSerializable};
use ed25519_dalek::VerifyingKey;
use proptest::prelude::*;
use receipt_key::ReceiptKey as Key;
use shokyo::buffer::{Cause, CopyClass, Erasure};
use shokyo::error::Error;
use shokyo::receipt::{
    Details, Event, NotCovered, Receipt, ReceiptSigner, RelayFigures, Retained, StationInfo, key_id, read_unverified,
    verify,
};
use shokyo::types::{KeyId, Protections, Role, SessionId};
use shokyo::wipe::{Wiped, wipe};
use shokyo::{KeyCell, Vault, VaultOptions};

type ChangeBytes = fn(&mut Vec<u8>);
type ChangeFields = fn(&mut Vec<(Value, Value)>);

const SESSION: SessionId = SessionId([0x5A; 32]);
const OPENED: u64 = 1_679_875_200_000;
const MARKER: &[u8] = b"q7ZtPage one of a document: 1-2-3 Somewhere";

fn station(role: Role) -> StationInfo {
    StationInfo { role, station: "station-0001".into(), operator: "an operator".into(), post: "P-17".into() }
}

fn details(event: Event) -> Details<'static> {
    Details {
        duration_ms: Some(1_234),
        previous: Some([0x77; 32]),
        ..Details::new(event, Cause::Delivered, "resident-certificate", OPENED, OPENED + 1_234)
    }
}

thread_local! {
    /// The key that [`wiped`] destroyed last in this test.
    static DESTROYED: Cell<Option<KeyId>> = const { Cell::new(None) };
}

/// What destroying a real key gives: nothing else is evidence for one.
fn a_key_wiped() -> Result<Wiped, Error> {
    let key = a_key();
    DESTROYED.set(Some(key.id()));
    key.erase()
}

fn a_key() -> KeyCell {
    static VAULT: OnceLock<Vault> = OnceLock::new();
    VAULT.get_or_init(|| Vault::open(VaultOptions::small()).unwrap()).new_key().unwrap()
}

fn wiped(classes: &[(CopyClass, usize)]) -> Erasure {
    let mut erasure = Erasure::new(SESSION, Protections::LOCKED.with(Protections::NO_DUMP));
    for (class, length) in classes {
        if *class == CopyClass::Key {
            erasure.record(*class, a_key_wiped());
            continue;
        }
        let mut memory: Vec<u8> = MARKER.iter().copied().cycle().take(*length).collect();
        let outcome = wipe(&mut memory, 0);
        // What enters a receipt as wiped is zero: with the wipe switched off, this is what fails.
        assert!(outcome.is_err() || memory.iter().all(|byte| *byte == 0), "claimed as wiped and is not");
        erasure.record(*class, outcome);
    }
    erasure
}

fn key_and_ciphertext() -> Erasure {
    wiped(&[
        (CopyClass::Key, 32),
        (CopyClass::Ciphertext, 5_000),
        (CopyClass::Ciphertext, 5_000),
        (CopyClass::Ciphertext, 77),
    ])
}

fn issue(erasure: Erasure, details: &Details<'_>, role: Role) -> Result<Receipt, Error> {
    Receipt::issue(erasure, details, &station(role), &Key::new(1))
}

fn full() -> Receipt {
    let details = Details {
        retained: &[Retained { class: CopyClass::WrappedKey, until_unix_ms: OPENED + 60_000 }],
        not_covered: &[NotCovered::StorageBelowFiles],
        window_lent_until_unix_ms: Some(OPENED + 1_300),
        ..details(Event::KeyWiped)
    };
    issue(key_and_ciphertext(), &details, Role::Issuer).unwrap()
}

#[test]
fn a_receipt_says_what_was_issued_to_whoever_has_the_public_key() {
    let receipt = full();
    let statement = verify(receipt.as_bytes(), &Key::new(1).public()).unwrap();
    assert_eq!(&statement, receipt.statement());
    assert_eq!(statement.session, SESSION);
    assert_eq!(receipt.session(), SESSION);
    assert!(receipt.erased_key().is_some());
    assert_eq!(receipt.erased_key(), DESTROYED.get());
    assert_eq!((statement.event, statement.attempted), (Event::KeyWiped, None));
    assert_eq!((statement.role, statement.post.as_str()), (Role::Issuer, "P-17"));
    assert_eq!(statement.protections, Protections::LOCKED.with(Protections::NO_DUMP));
    assert_eq!(statement.previous, Some([0x77; 32]));
    assert_eq!(statement.window_lent_until_unix_ms, Some(OPENED + 1_300));
    assert_eq!(statement.software, env!("CARGO_PKG_VERSION"));
    assert!(statement.is_verified());
    assert!(statement.not_covered.contains(&NotCovered::StorageBelowFiles));
    assert_eq!(read_unverified(receipt.as_bytes()).unwrap().key_id, Key::new(1).key_id());
}

#[test]
fn a_relay_says_what_it_held_at_most() {
    let figures = RelayFigures { peak_bytes: 40_000, longest_hold_ms: 17, frames: 21 };
    let details = Details { relay: Some(figures), ..details(Event::RelayedNotRetained) };
    let receipt = issue(wiped(&[(CopyClass::Ciphertext, 100)]), &details, Role::EcCentre).unwrap();
    let statement = verify(receipt.as_bytes(), &Key::new(1).public()).unwrap();
    assert_eq!(statement.relay, Some(RelayFigures { peak_bytes: 65_536, longest_hold_ms: 17, frames: 32 }));
    assert_eq!(receipt.erased_key(), None);

    let idle = Details { relay: Some(RelayFigures { peak_bytes: 0, longest_hold_ms: 0, frames: 0 }), ..details };
    assert!(issue(wiped(&[]), &idle, Role::CertificateCentre).is_ok());
}

#[test]
fn sizes_are_told_only_as_powers_of_two() {
    let statement = full().statement().clone();
    let copy = |class| *statement.copies.iter().find(|copy| copy.class == class).unwrap();
    let ciphertext = copy(CopyClass::Ciphertext);
    assert_eq!((ciphertext.verified, ciphertext.failed, ciphertext.bytes), (4, 0, 16_384));
    assert_eq!(copy(CopyClass::Key).verified, 1);
    let same_bucket = wiped(&[(CopyClass::Key, 32), (CopyClass::Ciphertext, 9_000), (CopyClass::Ciphertext, 7_000)]);
    let fewer = issue(same_bucket, &details(Event::KeyWiped), Role::Issuer).unwrap();
    assert_eq!(fewer.statement().copies[1].bytes, ciphertext.bytes);
}

#[test]
fn a_receipt_holds_neither_content_nor_the_keys_place() {
    let receipt = full();
    let (bytes, vault) = (receipt.as_bytes(), receipt.erased_key().unwrap().vault);
    for needle in [MARKER, &MARKER[..8], &vault.to_be_bytes(), &vault.to_le_bytes()] {
        assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{needle:x?}");
    }
}

#[test]
fn two_receipts_never_have_the_same_identifier() {
    let later = Details { event_unix_ms: OPENED + 1_235, ..details(Event::KeyWiped) };
    let ids = [
        full(),
        issue(key_and_ciphertext(), &details(Event::KeyWiped), Role::Issuer).unwrap(),
        issue(key_and_ciphertext(), &later, Role::Issuer).unwrap(),
        Receipt::issue(key_and_ciphertext(), &later, &station(Role::Issuer), &Key::new(2)).unwrap(),
    ]
    .map(|receipt| receipt.statement().receipt_id);
    assert!(ids.iter().enumerate().all(|(index, id)| !ids[..index].contains(id)));
}

#[test]
fn every_changed_byte_is_refused() {
    let receipt = full().into_bytes();
    let public = Key::new(1).public();
    for position in 0..receipt.len() {
        for change in [0x01, 0x20, 0x80, 0xFF] {
            let mut changed = receipt.clone();
            changed[position] ^= change;
            assert!(verify(&changed, &public).is_err(), "byte {position} ^ {change:#x}");
        }
    }
}

#[test]
fn every_truncation_and_every_trailing_byte_is_refused() {
    let receipt = full().into_bytes();
    let public = Key::new(1).public();
    for length in 0..receipt.len() {
        assert!(verify(&receipt[..length], &public).is_err(), "{length} bytes");
    }
    assert!(verify(&[receipt.as_slice(), &[0]].concat(), &public).is_err());
    assert_eq!(verify(&[0xD2; 4_097], &public), Err(Error::TooLarge { what: "a receipt", limit: 4_096 }));
}

#[test]
fn a_receipt_is_not_believed_with_another_stations_key() {
    let receipt = full();
    assert!(matches!(verify(receipt.as_bytes(), &Key::new(2).public()), Err(Error::Mismatch { .. })));
    // The same statement, claimed under the other key's name.
    let theirs = resigned(receipt.as_bytes(), &Key::new(1), |_| {});
    let relabelled = replace(&theirs, &Key::new(1).key_id(), &Key::new(2).key_id());
    assert!(verify(&relabelled, &Key::new(2).public()).is_err());
}

#[test]
fn a_small_order_key_signs_nothing() {
    // The identity point: under it, a careless verifier accepts one signature for every message.
    let mut identity = [0; 32];
    identity[0] = 1;
    let forged = replace(full().as_bytes(), &Key::new(1).key_id(), &key_id(&identity));
    let signature_starts = forged.len() - 64;
    let mut forged = forged;
    forged[signature_starts..].fill(0);
    forged[signature_starts] = 1;
    assert_eq!(verify(&forged, &identity), Err(Error::BadSignature));
}

#[test]
fn an_independent_cose_library_reads_the_receipt_and_its_signature_verifies() {
    let receipt = full();
    let sign1 = coset::CoseSign1::from_tagged_slice(receipt.as_bytes()).unwrap();
    assert_eq!(
        sign1.protected.header.alg,
        Some(coset::RegisteredLabelWithPrivate::Assigned(coset::iana::Algorithm::EdDSA))
    );
    assert_eq!(sign1.protected.header.key_id, Key::new(1).key_id());
    assert!(sign1.unprotected.is_empty());
    let key = VerifyingKey::from_bytes(&Key::new(1).public()).unwrap();
    let signature = ed25519_dalek::Signature::from_slice(&sign1.signature).unwrap();
    key.verify_strict(&sign1.tbs_data(&[]), &signature).unwrap();
    assert_eq!(sign1.clone().to_tagged_vec().unwrap(), receipt.as_bytes());

    let Value::Map(fields) = Value::from_slice(sign1.payload.as_ref().unwrap()).unwrap() else { panic!("no map") };
    let labels: Vec<i128> = fields.iter().map(|(label, _)| label.as_integer().unwrap().into()).collect();
    assert_eq!(labels, [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 24]);
    assert_eq!(fields[2].1.as_bytes().unwrap(), SESSION.as_bytes());
}

#[test]
fn a_correctly_signed_statement_in_another_encoding_is_refused() {
    let receipt = full().into_bytes();
    let key = Key::new(1);
    let unchanged = resigned(&receipt, &key, |_| {});
    assert_eq!(unchanged, receipt, "the helper itself changes nothing");
    let changes: [(&str, ChangeBytes); 8] = [
        ("a trailing byte", |payload| payload.push(0)),
        ("a longer form of a number", |payload| drop(payload.splice(2..3, [0x18, 0x01]))),
        ("a longer form of a label", |payload| drop(payload.splice(1..2, [0x18, 0x01]))),
        ("an indefinite map", |payload| {
            payload[0] = 0xBF;
            payload.push(0xFF);
        }),
        ("a map that promises more", |payload| payload[0] += 1),
        ("a map that promises less", |payload| payload[0] -= 1),
        ("a floating-point version", |payload| drop(payload.splice(2..3, [0xF9, 0x3C, 0x00]))),
        ("nothing at all", Vec::clear),
    ];
    for (what, change) in changes {
        let changed = resigned(&receipt, &key, change);
        assert!(matches!(verify(&changed, &key.public()), Err(Error::Malformed { .. })), "{what}");
    }
    // Labels out of order, repeated, unknown.
    let values: [(&str, ChangeFields); 4] = [
        ("labels out of order", |fields| fields.swap(4, 5)),
        ("a label twice", |fields| fields.insert(4, fields[4].clone())),
        ("an unknown label", |fields| fields.push((Value::from(25), Value::from(0)))),
        ("a missing label", |fields| drop(fields.remove(8))),
    ];
    for (what, change) in values {
        let changed = resigned(&receipt, &key, |payload| edit(payload, change));
        assert!(matches!(verify(&changed, &key.public()), Err(Error::Malformed { .. })), "{what}");
    }
}

#[test]
fn an_unknown_version_is_refused_by_its_number() {
    let key = Key::new(1);
    let later = resigned(full().as_bytes(), &key, |payload| payload[2] = 3);
    assert_eq!(verify(&later, &key.public()), Err(Error::UnsupportedVersion { found: 3 }));
}

#[test]
fn a_statement_has_the_lowest_version_that_knows_all_of_its_numbers_and_no_other() {
    let key = Key::new(1);
    let of_host = |not_covered: &[NotCovered]| {
        let details = Details { not_covered, ..details(Event::KeyWiped) };
        issue(key_and_ciphertext(), &details, Role::Issuer).unwrap().into_bytes()
    };
    let version = |receipt: &[u8]| coset::CoseSign1::from_tagged_slice(receipt).unwrap().payload.unwrap()[2];
    for number in 11..=14 {
        let newer = of_host(&[NotCovered::from_number(number).unwrap()]);
        assert_eq!(version(&newer), 2, "a reader of version 1 refuses it by that, not in its middle");
        assert!(verify(&newer, &key.public()).is_ok());
        let downgraded = resigned(&newer, &key, |payload| payload[2] = 1);
        assert!(matches!(verify(&downgraded, &key.public()), Err(Error::Malformed { .. })));
    }
    let older = of_host(&[NotCovered::StorageBelowFiles]);
    assert_eq!(version(&older), 1, "what was version 1 stays so, byte for byte");
    let raised = resigned(&older, &key, |payload| payload[2] = 2);
    assert!(matches!(verify(&raised, &key.public()), Err(Error::Malformed { .. })));
    assert!(NotCovered::from_number(15).is_none());
}

#[test]
fn a_length_that_promises_gigabytes_allocates_nothing() {
    let public = Key::new(1).public();
    for bomb in [
        &[0xD2, 0x84, 0x5B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF][..],
        &[0xD2, 0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF][..],
    ] {
        assert!(matches!(verify(bomb, &public), Err(Error::Malformed { .. })));
    }
    let key = Key::new(1);
    let bomb = resigned(full().as_bytes(), &key, |payload| {
        edit(payload, |fields| fields[10].1 = Value::Array(vec![Value::from(0); 200]));
    });
    assert!(matches!(verify(&bomb, &key.public()), Err(Error::Malformed { .. })));
}

#[test]
fn a_signed_overclaim_is_refused_by_the_reader_too() {
    let key = Key::new(1);
    let public = key.public();
    let overclaims: [(&str, ChangeFields); 5] = [
        ("a failed copy", |fields| fields[10].1.as_array_mut().unwrap()[0].as_array_mut().unwrap()[2] = Value::from(1)),
        ("no wiped key", |fields| drop(fields[10].1.as_array_mut().unwrap().remove(0))),
        ("erased while retained", |fields| fields[8].1 = Value::from(Event::Erased as u8)),
        ("lost but verified", |fields| fields[8].1 = Value::from(Event::LostAtRestart as u8)),
        ("an issuing system that relays", |fields| fields[8].1 = Value::from(Event::RelayedNotRetained as u8)),
    ];
    for (what, change) in overclaims {
        let changed = resigned(full().as_bytes(), &key, |payload| edit(payload, change));
        assert!(
            matches!(verify(&changed, &public), Err(Error::WrongState { .. })),
            "{what}: {:?}",
            verify(&changed, &public)
        );
    }
    let exact = resigned(full().as_bytes(), &key, |payload| {
        edit(payload, |fields| {
            fields[10].1.as_array_mut().unwrap()[1].as_array_mut().unwrap()[3] = Value::from(10_077)
        });
    });
    assert!(verify(&exact, &public).is_err(), "an exact size");
    let renamed = resigned(full().as_bytes(), &key, |payload| {
        edit(payload, |fields| fields[1].1 = Value::Bytes(vec![9; 32]));
    });
    assert!(matches!(verify(&renamed, &public), Err(Error::Mismatch { .. })), "a chosen receipt id");
}

#[test]
fn no_key_wiped_receipt_without_a_verified_wipe_of_a_key() {
    for erasure in [wiped(&[]), wiped(&[(CopyClass::Ciphertext, 64)])] {
        let refused = issue(erasure, &details(Event::KeyWiped), Role::Issuer);
        assert!(matches!(refused, Err(Error::WrongState { .. })));
    }
    let retained =
        Details { retained: &[Retained { class: CopyClass::Key, until_unix_ms: OPENED }], ..details(Event::KeyWiped) };
    assert!(issue(key_and_ciphertext(), &retained, Role::Issuer).is_err());
    assert!(issue(key_and_ciphertext(), &details(Event::KeyWiped), Role::Kiosk).is_err());
}

#[test]
fn s10_no_erasure_receipt_while_a_registered_copy_lives() {
    let retained = [Retained { class: CopyClass::Spool, until_unix_ms: OPENED }];
    for (event, role) in
        [(Event::Erased, Role::Kiosk), (Event::Closed, Role::Issuer), (Event::RelayedNotRetained, Role::EcCentre)]
    {
        let relay = role.is_relay().then_some(RelayFigures { peak_bytes: 1, longest_hold_ms: 1, frames: 1 });
        let honest = Details { relay, ..details(event) };
        assert!(issue(key_and_ciphertext(), &honest, role).is_ok(), "{event}");
        let dishonest = Details { retained: &retained, ..honest };
        assert!(matches!(issue(key_and_ciphertext(), &dishonest, role), Err(Error::WrongState { .. })), "{event}");
    }
    let not_erased = Details { retained: &retained, ..details(Event::NotErased) };
    let receipt = issue(key_and_ciphertext(), &not_erased, Role::Kiosk).unwrap();
    assert_eq!(receipt.statement().retained, retained);
    assert_eq!(receipt.erased_key(), None, "a copy lives, so no release may follow");
}

#[test]
fn a_failed_read_back_turns_every_claim_into_not_erased() {
    for (event, role) in [
        (Event::KeyWiped, Role::Issuer),
        (Event::Closed, Role::Issuer),
        (Event::Erased, Role::Kiosk),
        (Event::RelayedNotRetained, Role::EcCentre),
        (Event::Unresolved, Role::Issuer),
    ] {
        let mut erasure = key_and_ciphertext();
        erasure.record(CopyClass::Window, Err(Error::NotErased { bytes: 16_384 }));
        let receipt = issue(erasure, &details(event), role).unwrap();
        let statement = verify(receipt.as_bytes(), &Key::new(1).public()).unwrap();
        assert_eq!((statement.event, statement.attempted), (Event::NotErased, Some(event)));
        assert_eq!(receipt.erased_key(), None);
        assert!(!statement.is_verified());
    }
}

#[test]
fn loss_is_reported_and_never_as_verified() {
    for event in [Event::LostAtRestart, Event::Forgotten] {
        assert!(issue(wiped(&[]), &details(event), Role::Kiosk).unwrap().erased_key().is_none());
        assert!(matches!(issue(key_and_ciphertext(), &details(event), Role::Kiosk), Err(Error::WrongState { .. })));
    }
}

#[test]
fn what_a_role_can_never_cover_is_always_listed() {
    for role in Role::ALL {
        let receipt = issue(wiped(&[]), &details(Event::LostAtRestart), role).unwrap();
        assert_eq!(receipt.statement().not_covered, NotCovered::always(role));
    }
    assert!(NotCovered::always(Role::Kiosk).contains(&NotCovered::Printer));
}

#[test]
fn texts_that_could_forge_a_report_are_refused() {
    for kind in ["", "two\nlines", "escape \u{1b}[2J", &"long ".repeat(13)] {
        let details = Details { kind, ..details(Event::Erased) };
        assert!(issue(key_and_ciphertext(), &details, Role::Kiosk).is_err(), "{kind:?}");
    }
    let many = [Retained { class: CopyClass::Spool, until_unix_ms: 0 }; 33];
    let details = Details { retained: &many, ..details(Event::NotErased) };
    assert!(matches!(issue(wiped(&[]), &details, Role::Kiosk), Err(Error::TooLarge { .. })));
}

#[test]
fn the_largest_possible_receipt_fits() {
    let long = "x".repeat(64);
    let retained = [Retained { class: CopyClass::Derivative, until_unix_ms: u64::MAX }; 32];
    let details = Details {
        event: Event::Erased,
        kind: &long,
        opened_unix_ms: u64::MAX,
        event_unix_ms: u64::MAX,
        duration_ms: Some(u64::MAX),
        relay: Some(RelayFigures { peak_bytes: u64::MAX, longest_hold_ms: u64::MAX, frames: u64::MAX }),
        window_lent_until_unix_ms: Some(u64::MAX),
        retained: &retained,
        not_covered: &NotCovered::ALL,
        ..details(Event::Erased)
    };
    let mut erasure = wiped(&CopyClass::ALL.map(|class| (class, 100)));
    for class in CopyClass::ALL {
        erasure.record(class, Err(Error::NotErased { bytes: u64::MAX }));
    }
    let station =
        StationInfo { role: Role::EcCentre, station: long.clone(), operator: long.clone(), post: long.clone() };
    let receipt = Receipt::issue(erasure, &details, &station, &Key::new(1)).unwrap();
    assert!(verify(receipt.as_bytes(), &Key::new(1).public()).is_ok());
    assert!(!receipt.statement().describe().is_empty());
}

#[test]
fn the_plain_words_tell_what_is_unknown_and_promise_nothing_more() {
    let figures = RelayFigures { peak_bytes: 40_000, longest_hold_ms: 17, frames: 21 };
    for event in Event::ALL {
        let role = match event {
            Event::KeyWiped | Event::Closed => Role::Issuer,
            Event::RelayedNotRetained => Role::EcCentre,
            _ => Role::Kiosk,
        };
        let erasure = if event.claims_erasure() { key_and_ciphertext() } else { wiped(&[]) };
        let details = Details { relay: role.is_relay().then_some(figures), ..details(event) };
        let text = issue(erasure, &details, role).unwrap().statement().describe();
        for forbidden in ["completely", "purge", "Purge", "destroyed forever", "all copies", "guarantee"] {
            assert!(!text.contains(forbidden), "{text}");
        }
        for expected in
            ["Not covered, and therefore unknown:", event.name(), "Still retained", "2023-03-27T00:00:01.234Z"]
        {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
    let text = full().statement().describe();
    assert!(text.contains("overwritten with zeros, read back in the CPU's coherent view"));
    assert!(text.contains("wrapped-key, until 2023-03-27T00:01:00.000Z at the latest"));
}

#[cfg(shokyo_faults)]
#[test]
fn a_stuck_byte_is_never_receipted_as_wiped() {
    // Faults belong to a process: one of its own, so that the other tests are not touched.
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_with_a_stuck_byte", "--ignored"])
        .env("SHOKYO_FAULTS", "")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[cfg(shokyo_faults)]
#[test]
#[ignore = "run by another test in a process of its own"]
fn a_process_with_a_stuck_byte() {
    let key = a_key();
    shokyo::faults::set(&[shokyo::faults::Fault::StuckByte]);
    let mut erasure = Erasure::new(SESSION, Protections::LOCKED);
    erasure.record(CopyClass::Key, key.erase());
    erasure.record(CopyClass::Ciphertext, wipe(&mut [0x5C; 1000], 0));
    let receipt = issue(erasure, &details(Event::KeyWiped), Role::Issuer).unwrap();
    assert_eq!((receipt.statement().event, receipt.erased_key()), (Event::NotErased, None));
    assert!(receipt.statement().build.contains("worthless as evidence"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(verify(&bytes, &Key::new(1).public()).is_err());
        prop_assert!(read_unverified(&bytes).is_err());
    }

    #[test]
    fn mangled_receipts_and_signed_garbage_are_refused_without_a_panic(
        at in any::<proptest::sample::Index>(),
        remove in 0_usize..9,
        insert in proptest::collection::vec(any::<u8>(), 0..9),
    ) {
        let key = Key::new(1);
        let original = full().into_bytes();
        let mangled = resigned(&original, &key, |payload| {
            let at = at.index(payload.len());
            let end = (at + remove).min(payload.len());
            payload.splice(at..end, insert.clone());
        });
        // Correctly signed, so that the decoder itself is reached. A change of one number may leave a valid statement, but
        // never under the same identifier.
        if let Ok(statement) = verify(&mangled, &key.public()) {
            prop_assert_eq!(mangled, original);
            prop_assert_eq!(statement.session, SESSION);
        }
    }
}

/// The receipt with a changed payload, signed again as COSE demands by a library that is not this one.
fn resigned(receipt: &[u8], key: &Key, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut sign1 = coset::CoseSign1::from_tagged_slice(receipt).unwrap();
    change(sign1.payload.as_mut().unwrap());
    sign1.signature = key.sign(&sign1.tbs_data(&[])).unwrap().to_vec();
    sign1.to_tagged_vec().unwrap()
}

fn edit(payload: &mut Vec<u8>, change: impl FnOnce(&mut Vec<(Value, Value)>)) {
    let Value::Map(mut fields) = Value::from_slice(payload).unwrap() else { panic!("no map") };
    change(&mut fields);
    *payload = Value::Map(fields).to_vec().unwrap();
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}
