//! Signed notes, verifier keys and checkpoints, as others write them and as this library does.

use proptest::prelude::*;
use shokyo::Error;
use shokyo::custody::log::{
    AddCheckpoint, Checkpoint, Note, NoteSigner, SignatureKind, VerifierKey, add_line, empty_root, origin, read_bundle,
    verify_cosigned, verify_inclusion_receipt,
};

use crate::support::{Key, Memory, checkpoint, leaves};

/// The note and the key in the documentation of Go's `golang.org/x/mod/sumdb/note`.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn a_note_that_go_signed_verifies_and_a_changed_one_does_not() {
    let key = VerifierKey::parse(KEY).unwrap();
    assert_eq!((key.name(), key.kind()), ("PeterNeumann", SignatureKind::Note));
    assert_eq!(Note::parse(NOTE).unwrap().verify(&key), Ok(()));
    let changed = NOTE.replace("cryptography", "Cryptography");
    assert_eq!(Note::parse(&changed).unwrap().verify(&key), Err(Error::BadSignature));
    let renamed = NOTE.replace("— PeterNeumann", "— Someone");
    assert!(matches!(Note::parse(&renamed).unwrap().verify(&key), Err(Error::Mismatch { .. })));
}

#[test]
fn published_verifier_keys_are_read_and_written_as_they_are() {
    for text in [KEY, "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"] {
        assert_eq!(VerifierKey::parse(text).unwrap().to_string(), text);
    }
    let other = VerifierKey::parse(KEY).unwrap().with_kind(SignatureKind::Cosignature);
    assert_eq!(VerifierKey::parse(&other.to_string()), Ok(other));
    for wrong in [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AQpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Q=",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
    ] {
        assert!(VerifierKey::parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(VerifierKey::parse("n+00000000+Ag=="), Err(Error::UnsupportedSuite { found: 2 }));
    // Keys of small order verify anything: the neutral element is one.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert!(matches!(VerifierKey::new("weak", neutral), Err(Error::Untrusted { .. })));
}

#[test]
fn a_checkpoint_is_read_as_it_was_signed() {
    let key = Key::new("shokyo/an-operator/station-1", 1);
    let memory = Memory::of(&leaves(300));
    let (made, note) = checkpoint(&memory, 300, &key);
    let lines: Vec<_> = note.lines().collect();
    assert_eq!((lines[0], lines[1], lines[3]), ("shokyo/an-operator/station-1", "300", ""));
    assert!(lines[4].starts_with("— shokyo/an-operator/station-1 ") && lines.len() == 5);
    assert_eq!(Checkpoint::verify(&note, key.verifier_key()), Ok(made.clone()));

    // Another log's key, the same name with another key, another name with the same key.
    for other in [Key::new("shokyo/an-operator/station-2", 2), Key::new("shokyo/an-operator/station-1", 2)] {
        assert!(Checkpoint::verify(&note, other.verifier_key()).is_err());
    }
    let renamed = Key::new("shokyo/an-operator/station-3", 1);
    assert!(matches!(made.sign(&renamed), Err(Error::Mismatch { .. })));
    let foreign = Checkpoint { origin: "shokyo/an-operator/station-3".into(), ..made };
    assert_eq!(Checkpoint::verify(&foreign.sign(&renamed).unwrap(), renamed.verifier_key()), Ok(foreign));
}

#[test]
fn each_changed_character_of_a_checkpoint_is_noticed() {
    let key = Key::new("shokyo/an-operator/station-1", 1);
    let note = checkpoint(&Memory::of(&leaves(300)), 300, &key).1;
    for (place, character) in note.char_indices() {
        for other in ['A', 'B', '0', ' ', '\n', '+'] {
            if other != character {
                let (before, after) = (&note[..place], &note[place + character.len_utf8()..]);
                let changed = format!("{before}{other}{after}");
                assert!(Checkpoint::verify(&changed, key.verifier_key()).is_err(), "{changed}");
            }
        }
        let cut = format!("{}{}", &note[..place], &note[place + character.len_utf8()..]);
        assert!(Checkpoint::verify(&cut, key.verifier_key()).is_err(), "{cut}");
    }
}

#[test]
fn only_the_one_form_of_a_checkpoint_is_read() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let good = format!("example.com/behind-the-sofa\n20852163\n{root}\n");
    let read = Checkpoint::parse_text(&good).unwrap();
    assert_eq!((read.size, read.text()), (20_852_163, good.clone()));
    // Other logs may write further lines.
    assert_eq!(Checkpoint::parse_text(&format!("{good}an extension\n")), Ok(read));
    for wrong in [
        String::new(),
        "\n".into(),
        good[..good.len() - 1].into(),
        format!("\n1\n{root}\n"),
        format!("{good}\n"),
        format!("{good}\nmore\n"),
        good.replace("20852163", "020852163"),
        good.replace("20852163", "+20852163"),
        good.replace("20852163", ""),
        good.replace("20852163", "9223372036854775808"),
        good.replace("20852163", "18446744073709551616"),
        good.replace("20852163", "0"),
        good.replace('=', ""),
        // The same 32 bytes, with a stray bit.
        good.replace("q2I=", "q2J="),
        good.replace(root, "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw=="),
    ] {
        assert!(Checkpoint::parse_text(&wrong).is_err(), "{wrong:?}");
    }
    let empty = Checkpoint { origin: "log".into(), size: 0, root: empty_root() };
    assert_eq!(Checkpoint::parse_text(&empty.text()), Ok(empty));
}

#[test]
fn notes_with_too_much_in_them_are_refused() {
    let key = Key::new("log", 1);
    let note = checkpoint(&Memory::of(&leaves(3)), 3, &key).1;
    let line = note.lines().last().unwrap().to_owned() + "\n";
    let many = |lines: usize| format!("{note}{}", line.repeat(lines));
    assert!(Checkpoint::verify(&many(99), key.verifier_key()).is_ok());
    assert!(matches!(Checkpoint::verify(&many(100), key.verifier_key()), Err(Error::TooLarge { .. })));
    assert!(matches!(Checkpoint::verify(&many(2_000), key.verifier_key()), Err(Error::TooLarge { .. })));
    for wrong in ["\r", "\0", "\u{1f}", "\t"] {
        assert!(Note::parse(&note.replacen("log", wrong, 1)).is_err(), "{wrong:?}");
    }
    // One good signature of a key does not hide a bad one of the same key.
    let bad = checkpoint(&Memory::of(&leaves(4)), 4, &key).1;
    let both = format!("{note}{}\n", bad.lines().last().unwrap());
    assert_eq!(Checkpoint::verify(&both, key.verifier_key()), Err(Error::BadSignature));
    assert_eq!(add_line(&note, &line), Ok(note.clone()), "what is there is not added again");
    for wrong in ["", "— log\n", "\n", "more text\n\n— log AAAAAAA=\n", &line[..line.len() - 1], &line.repeat(2)] {
        assert!(add_line(&note, wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_logs_name_is_one_word_and_no_other_logs() {
    assert_eq!(origin("An Operator", "kiosk+7").as_deref(), Ok("shokyo/An%20Operator/kiosk%2B7"));
    assert_eq!(origin("市役所", "発行\u{3000}一").as_deref(), Ok("shokyo/市役所/発行%E3%80%80一"));
    assert_ne!(origin("a/b", "c"), origin("a", "b/c"));
    assert_ne!(origin("a%20b", "c"), origin("a b", "c"));
    assert!(origin("", "c").is_err() && origin("a", "").is_err());
    assert!(matches!(origin(&"+".repeat(64), &" ".repeat(64)), Err(Error::TooLarge { .. })));
    for name in ["a b", "a+b", "", "a\nb", "a\u{3000}b"] {
        assert!(VerifierKey::new(name, *Key::new("log", 1).verifier_key().public_key()).is_err(), "{name:?}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_is_no_note_and_no_panic(text in "(?s)[—a+= \n0-9A-Z/]{0,200}|(?s).{0,200}") {
        let key = Key::new("log", 1);
        let _ = VerifierKey::parse(&text);
        let _ = Checkpoint::parse_text(&text);
        let _ = add_line(&text, &text);
        prop_assert!(Checkpoint::verify(&text, key.verifier_key()).is_err());
        prop_assert!(verify_cosigned(&text, key.verifier_key(), &[]).is_err());
        if let Ok(request) = AddCheckpoint::parse(&text) {
            prop_assert_eq!(request.text(), text);
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_receipt_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let key = Key::new("log", 1);
        prop_assert!(verify_inclusion_receipt(&bytes, b"", key.verifier_key()).is_err());
        if let Ok(entries) = read_bundle(&bytes) {
            prop_assert_eq!(shokyo::custody::log::bundle(&entries).unwrap(), bytes);
        }
    }
}
