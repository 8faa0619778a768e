//! A witness cosigns one history, and sees two.

use proptest::prelude::*;
use shokyo::Error;
use shokyo::custody::log::{
    AddCheckpoint, Checkpoint, Decision, Evidence, NoteSigner, SignatureKind, add_line, decide, verify_cosigned,
};

use crate::support::{Key, Memory, checkpoint, leaves};

const NOW: u64 = 1_679_315_147;

fn log() -> Key {
    Key::new("shokyo/an-operator/station-1", 1)
}

fn witness() -> Key {
    Key::new("shokyo/another-operator/station-9", 2)
}

/// The log's first `size` leaves, and another log's that differs at one of them.
fn histories(size: u64, differs_at: usize) -> (Memory, Memory) {
    let honest = leaves(size);
    let mut forged = honest.clone();
    forged[differs_at][0] ^= 1;
    (Memory::of(&honest), Memory::of(&forged))
}

fn request(memory: &Memory, old: u64, size: u64) -> AddCheckpoint {
    AddCheckpoint::new(memory, old, &checkpoint(memory, size, &log()).1).unwrap()
}

fn seen(memory: &Memory, size: u64) -> String {
    checkpoint(memory, size, &log()).1
}

fn decided(seen: Option<&str>, request: &AddCheckpoint) -> Decision {
    decide(log().verifier_key(), seen, request).unwrap()
}

#[test]
fn a_log_that_only_grows_is_cosigned_and_everyone_can_check_it() {
    let (honest, _) = histories(500, 0);
    let mut last: Option<String> = None;
    let mut size = 0;
    for next in [0, 1, 7, 7, 64, 300, 500] {
        let request = request(&honest, size, next);
        let Decision::Consistent(consistent) = decided(last.as_deref(), &request) else { panic!("{size} to {next}") };
        assert_eq!(consistent.checkpoint().size, next);
        let line = consistent.cosign(&witness(), NOW).unwrap();
        let note = add_line(consistent.note(), &line).unwrap();
        let wanted = [witness().verifier_key().clone(), Key::new("nobody", 3).verifier_key().clone()];
        let cosigned = verify_cosigned(&note, log().verifier_key(), &wanted).unwrap();
        assert_eq!(cosigned.checkpoint, *consistent.checkpoint());
        assert_eq!(cosigned.by, [(wanted[0].with_kind(SignatureKind::Cosignature), NOW)]);
        assert_eq!(cosigned.missing, [wanted[1].with_kind(SignatureKind::Cosignature)]);
        // What is kept may be the note with or without cosignatures.
        last = Some(note);
        size = next;
    }
}

#[test]
fn a_cosignature_is_over_the_text_the_time_and_nothing_else() {
    let (honest, _) = histories(10, 0);
    let Decision::Consistent(consistent) = decided(None, &request(&honest, 0, 10)) else { panic!() };
    let note = add_line(consistent.note(), &consistent.cosign(&witness(), NOW).unwrap()).unwrap();
    let wanted = [witness().verifier_key().clone()];
    let verify = |note: &str| verify_cosigned(note, log().verifier_key(), &wanted);
    assert!(verify(&note).is_ok_and(|cosigned| cosigned.by.len() == 1));

    // Under another log's checkpoint of the same key holder; the line alone is moved.
    let line = note.lines().last().unwrap();
    let moved = add_line(&seen(&honest, 9), &format!("{line}\n")).unwrap();
    assert_eq!(verify(&moved), Err(Error::BadSignature));
    // A note signature of the witness's key is no cosignature, and the other way about.
    let as_note = Checkpoint { origin: witness().verifier_key().name().into(), ..consistent.checkpoint().clone() };
    let as_note = as_note.sign(&witness()).unwrap();
    let added = add_line(&seen(&honest, 10), &format!("{}\n", as_note.lines().last().unwrap())).unwrap();
    assert_eq!(verify(&added).unwrap().missing.len(), 1);
    // Each bit of the time and the signature counts; the id only finds the key.
    let bytes = decode(line.rsplit(' ').next().unwrap());
    assert_eq!(bytes.len(), 4 + 8 + 64);
    assert_eq!(bytes[4..12], NOW.to_be_bytes());
    for place in 4..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        let changed = note.replace(&encode(&bytes), &encode(&changed));
        assert_eq!(verify(&changed), Err(Error::BadSignature), "byte {place}");
    }
}

#[test]
fn the_log_cannot_vouch_for_itself() {
    let (honest, _) = histories(10, 0);
    let Decision::Consistent(consistent) = decided(None, &request(&honest, 0, 10)) else { panic!() };
    assert!(matches!(consistent.cosign(&log(), NOW), Err(Error::Untrusted { .. })));
    let wanted = [log().verifier_key().clone()];
    assert!(matches!(verify_cosigned(consistent.note(), &wanted[0], &wanted), Err(Error::Untrusted { .. })));
    assert!(matches!(consistent.cosign(&witness(), u64::MAX), Err(Error::TooLarge { .. })));
}

#[test]
fn two_roots_for_one_size_are_a_split_view_whatever_the_request_says() {
    let (honest, forged) = histories(100, 50);
    for old in [0, 50, 100] {
        let Decision::SplitView(evidence) = decided(Some(&seen(&honest, 100)), &request(&forged, old, 100)) else {
            panic!("from {old}")
        };
        assert_eq!(evidence.seen, seen(&honest, 100));
        assert_eq!(evidence.offered, seen(&forged, 100));
        assert_eq!(evidence.shows_split_view(log().verifier_key()), Ok(true));
        assert!(evidence.shows_split_view(witness().verifier_key()).is_err(), "another log's are no evidence");
    }
}

#[test]
fn a_log_that_changed_its_past_and_grew_is_never_cosigned() {
    let mut proven = 0;
    for old in 1..=64 {
        let (honest, forged) = histories(70, (old - 1) as usize);
        let evidence = match decided(Some(&seen(&honest, old)), &request(&forged, old, 70)) {
            Decision::SplitView(evidence) => {
                proven += 1;
                assert_eq!(evidence.shows_split_view(log().verifier_key()), Ok(true), "{old}");
                evidence
            }
            Decision::Unproven(evidence) => {
                assert!(old.is_power_of_two(), "{old}");
                evidence
            }
            other => panic!("{old}: {other:?}"),
        };
        assert_eq!((evidence.seen, evidence.offered), (seen(&honest, old), seen(&forged, 70)));
    }
    assert_eq!(proven, 64 - 7, "only where the old tree is one complete subtree, one proof shows too little");
}

#[test]
fn an_honest_log_with_a_broken_proof_is_not_accused() {
    let (honest, _) = histories(100, 0);
    let good = request(&honest, 37, 100);
    for place in 0..good.proof.len() {
        let mut broken = good.clone();
        broken.proof[place][5] ^= 1;
        let decision = decided(Some(&seen(&honest, 37)), &broken);
        assert!(matches!(decision, Decision::Unproven(_)), "{place}: {decision:?}");
    }
    for proof in [vec![], good.proof[1..].to_vec(), [good.proof.clone(), vec![[0; 32]]].concat()] {
        assert!(matches!(
            decided(Some(&seen(&honest, 37)), &AddCheckpoint { proof, ..good.clone() }),
            Decision::Unproven(_)
        ));
    }
    let innocent = Evidence { seen: seen(&honest, 37), offered: seen(&honest, 100), proof: good.proof };
    assert_eq!(innocent.shows_split_view(log().verifier_key()), Ok(false));
}

#[test]
fn what_does_not_begin_at_what_was_seen_is_stale() {
    let (honest, _) = histories(100, 0);
    let stale = |seen: Option<&str>, request: &AddCheckpoint, size| {
        assert_eq!(decided(seen, request), Decision::Stale { size });
    };
    stale(None, &request(&honest, 10, 100), 0);
    stale(Some(&seen(&honest, 50)), &request(&honest, 0, 100), 50);
    stale(Some(&seen(&honest, 50)), &request(&honest, 40, 100), 50);
    // An older checkpoint than the one that was seen is not cosigned any more.
    stale(Some(&seen(&honest, 50)), &request(&honest, 10, 40), 50);
    let beyond = AddCheckpoint { old: 101, ..request(&honest, 50, 100) };
    assert!(matches!(decide(log().verifier_key(), None, &beyond), Err(Error::OutOfRange { .. })));
}

#[test]
fn what_another_key_signed_is_not_looked_at() {
    let (honest, _) = histories(100, 0);
    let others = AddCheckpoint::new(&honest, 0, &checkpoint(&honest, 100, &witness()).1).unwrap();
    assert!(matches!(decide(log().verifier_key(), None, &others), Err(Error::Mismatch { .. })));
    let kept = checkpoint(&honest, 50, &witness()).1;
    assert!(decide(log().verifier_key(), Some(&kept), &request(&honest, 50, 100)).is_err());
}

#[test]
fn a_request_is_read_as_it_was_written_and_in_one_form() {
    let (honest, _) = histories(100, 0);
    let good = request(&honest, 37, 100);
    let text = good.text();
    assert!(text.starts_with("old 37\n"));
    assert_eq!(AddCheckpoint::parse(&text), Ok(good.clone()));
    let none = request(&honest, 0, 100);
    assert_eq!(AddCheckpoint::parse(&none.text()), Ok(none));
    let long = AddCheckpoint { proof: vec![[1; 32]; 63], ..good.clone() };
    assert_eq!(AddCheckpoint::parse(&long.text()), Ok(long.clone()));
    let longer = AddCheckpoint { proof: vec![[1; 32]; 64], ..good };
    assert!(matches!(AddCheckpoint::parse(&longer.text()), Err(Error::TooLarge { .. })));
    for wrong in [
        text.replace("old 37", "old 037"),
        text.replace("old 37", "old  37"),
        text.replace("old 37", "old 9223372036854775808"),
        text.replace("old 37\n", ""),
        text.replace("old 37", "37"),
        text.replace("\n\n", "\n"),
        text.replace("=\n", "\n"),
        text[..text.len() - 1].into(),
        "\n\n".into(),
        format!("{text}{}", " ".repeat(70_000)),
    ] {
        assert!(AddCheckpoint::parse(&wrong).is_err(), "{wrong:.200}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sequence_of_requests_gets_two_histories_cosigned(steps in prop::collection::vec((any::<bool>(), 0_u64..40), 1..12)) {
        let (honest, forged) = histories(40, 3);
        let mut last: Option<(bool, u64, String)> = None;
        for (honestly, size) in steps {
            let memory = if honestly { &honest } else { &forged };
            let old = last.as_ref().map_or(0, |(_, size, _)| *size);
            if size < old {
                continue;
            }
            let decision = decided(last.as_ref().map(|(_, _, note)| note.as_str()), &request(memory, old, size));
            if let Decision::Consistent(consistent) = decision {
                // Up to the fourth leaf both histories are one.
                if let Some((before, old, _)) = &last {
                    prop_assert!(*before == honestly || *old <= 3);
                }
                last = Some((honestly, size, consistent.note().to_owned()));
            } else {
                prop_assert!(last.as_ref().is_some_and(|(before, _, _)| *before != honestly));
            }
        }
    }
}

fn decode(text: &str) -> Vec<u8> {
    let digits =
        text.trim_end_matches('=').bytes().map(|byte| ALPHABET.iter().position(|other| *other == byte).unwrap());
    let bits: Vec<bool> = digits.flat_map(|digit| (0..6).rev().map(move |bit| digit >> bit & 1 == 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit))).collect()
}

fn encode(bytes: &[u8]) -> String {
    let digits = bytes.chunks(3).map(|three| {
        let number = three.iter().chain([0, 0].iter()).take(3).fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let digits = (0..4).map(|digit| char::from(ALPHABET[number >> (18 - 6 * digit) & 63]));
        digits.take(three.len() + 1).chain("==".chars().take(3 - three.len())).collect::<String>()
    });
    digits.collect()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
