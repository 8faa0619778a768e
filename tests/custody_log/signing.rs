//! Whose key signs a log, from when on.

use std::path::Path;

use shokyo::custody::log::{self, Checkpoint, verify_inclusion_receipt};
use shokyo::custody::{LogCheck, ReceiptProof, Store, verify_log};
use shokyo::error::Error;
use shokyo::handover::Record;
use shokyo::types::SessionId;

use crate::chain::{boxed_log_key, keys, log_key, opened, session, verify};
use crate::{as_owner, problems, store_of};

#[test]
fn what_was_appended_without_a_key_is_signed_only_when_somebody_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("station.sqlite");
    let mut store = Store::open(&path).unwrap();
    store.write(&opened(session(1)), 1).unwrap();
    store.write(&opened(session(2)), 1).unwrap();
    assert_eq!(store.newest_checkpoint().unwrap(), None);
    drop(store);
    assert_eq!(problems(&path, &[]), ["entries 0 to 1: no checkpoint that verifies covers them"]);
    refused(&path, "not what its newest checkpoint says");
    Store::open(&path).unwrap().adopt_unsigned(&log_key(9), 1).unwrap();
    let store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    let checkpoint = Checkpoint::verify(&store.newest_checkpoint().unwrap().unwrap(), &log_key(9).verifier()).unwrap();
    assert_eq!(checkpoint.size, 2);
    assert_eq!(verify(&store, &[]).problems, []);
}

/// A station does not start, and what was signed stays what it was.
fn refused(path: &Path, why: &str) {
    let before = Store::open_read_only(path).unwrap().newest_checkpoint().unwrap();
    let error = Store::open_signed(path, boxed_log_key(9)).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
    assert!(error.contains("custody verify"), "it says what to do: {error}");
    assert_eq!(Store::open_read_only(path).unwrap().newest_checkpoint().unwrap(), before);
}

/// Somebody who can write the file appends an entry: the lock is a file that can be removed.
fn append_as_owner(path: &Path, number: u64) {
    let _ = std::fs::remove_file(path.with_extension("sqlite.lock"));
    Store::open(path).unwrap().write(&opened(session(number)), 5).unwrap();
}

#[test]
fn a_station_that_starts_signs_nothing_that_somebody_else_appended() {
    // The control: a log that nobody touched goes on.
    let (_directory, path) = store_of(3);
    Store::open_signed(&path, boxed_log_key(9)).unwrap().write(&opened(session(50)), 5).unwrap();
    // An entry behind the newest checkpoint.
    append_as_owner(&path, 51);
    refused(&path, "not what its newest checkpoint says");
    // No checkpoint at all.
    let (_directory, path) = store_of(3);
    as_owner(&path, "DELETE FROM checkpoints");
    refused(&path, "not what its newest checkpoint says");
    // A tail under a checkpoint that says the right thing, under another key.
    append_as_owner(&path, 51);
    Store::open(&path).unwrap().adopt_unsigned(&log_key(8), 5).unwrap();
    refused(&path, "the station's key for it");
    // Entries that are gone from the end.
    let (_directory, path) = store_of(3);
    as_owner(&path, "DELETE FROM log WHERE position = 20");
    refused(&path, "not what its newest checkpoint says");
}

#[test]
fn a_station_that_runs_signs_nothing_that_somebody_else_wrote() {
    let other_root = "UPDATE tiles SET hashes = zeroblob(32 * 21)";
    let one_less = "DELETE FROM log WHERE position = 20";
    let no_tiles = "DELETE FROM tiles";
    let appended: &dyn Fn(&Path) = &|path| append_as_owner(path, 51);
    let changes: [&dyn Fn(&Path); 4] =
        [appended, &|path| as_owner(path, other_root), &|path| as_owner(path, one_less), &|path| {
            as_owner(path, no_tiles)
        }];
    for (number, change) in changes.into_iter().enumerate() {
        let (_directory, path) = store_of(3);
        let mut store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
        change(&path);
        let before = store.newest_checkpoint().unwrap();
        for _ in 0..2 {
            let error = store.write(&opened(session(52)), 5).unwrap_err().to_string();
            assert!(error.contains("another program changed the file"), "{number}: {error}");
        }
        assert_eq!(store.newest_checkpoint().unwrap(), before, "{number}");
        drop(store);
        refused(&path, "not what its newest checkpoint says");
    }
    // The control: others who only read change nothing, and an untouched log goes on over many batches.
    let (_directory, path) = store_of(3);
    let mut store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    for number in 60..70 {
        assert_eq!(problems(&path, &[]), [""; 0]);
        store.write(&opened(session(number)), 5).unwrap();
    }
}

#[test]
fn every_batch_is_covered_by_a_checkpoint_when_it_is_durable() {
    let (_directory, path) = store_of(1);
    let mut store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    for number in 100..120 {
        store.write_all(&[(opened(session(number)), 5), (opened(session(number + 1000)), 5)]).unwrap();
        let note = Store::open_read_only(&path).unwrap().newest_checkpoint().unwrap().unwrap();
        let checkpoint = Checkpoint::verify(&note, &log_key(9).verifier()).unwrap();
        assert_eq!(checkpoint.size, store.log_size().unwrap());
    }
    // A batch of which one record is refused leaves nothing, in the log neither.
    let size = store.log_size().unwrap();
    let refused = Record::PrintStarted { session: SessionId([1; 32]) };
    store.write_all(&[(opened(session(500)), 5), (refused, 5)]).unwrap_err();
    assert_eq!(store.log_size().unwrap(), size);
    assert_eq!(verify(&store, &[]).problems, []);
}

#[test]
fn a_new_key_goes_on_where_the_old_one_ended() {
    let (_directory, path) = store_of(10);
    let unnamed = Store::open_signed(&path, boxed_log_key(8)).unwrap_err().to_string();
    assert!(unnamed.contains("custody.previous-log-keys"), "{unnamed}");
    let old = log_key(9).verifier();
    let mut store = Store::open_signed_after(&path, boxed_log_key(8), &[old]).unwrap();
    crate::fill(&mut store, 10..12);
    // In another hour, so that the old key's last checkpoint stays.
    store.write(&opened(session(99)), 4_000_000).unwrap();
    let check = |seeds: &[u8]| {
        let log_keys: Vec<_> = seeds.iter().map(|seed| log_key(*seed).verifier()).collect();
        verify_log(&store, &LogCheck { keys: &log_keys, receipt_keys: &keys, known: &[] }).unwrap()
    };
    assert_eq!(check(&[9, 8]).problems, []);
    assert_eq!(check(&[9]).problem_count, 3, "the control: the new key is not believed unseen");
}

#[test]
fn a_log_is_refused_that_is_not_what_it_signed() {
    let (_directory, path) = store_of(3);
    as_owner(&path, "UPDATE tiles SET hashes = zeroblob(32 * 21)");
    let error = Store::open_signed(&path, boxed_log_key(9)).unwrap_err().to_string();
    assert!(error.contains("custody verify"), "{error}");
    Store::open(&path).unwrap();
}

#[test]
fn a_store_of_another_station_is_refused() {
    struct Named(shokyo::custody::log::VerifierKey);
    impl shokyo::custody::log::NoteSigner for Named {
        fn verifier_key(&self) -> &shokyo::custody::log::VerifierKey {
            &self.0
        }
        fn sign(&self, _: &[u8]) -> Result<[u8; 64], shokyo::error::Error> {
            Err(shokyo::error::Error::Erased)
        }
    }
    let (_directory, path) = store_of(1);
    let public = *log_key(9).verifier().public_key();
    let other = shokyo::custody::log::VerifierKey::new("shokyo/an-operator/issuer-2", public).unwrap();
    let error = Store::open_signed(&path, Box::new(Named(other))).unwrap_err().to_string();
    assert!(error.contains("station's name"), "{error}");
    // A key that cannot be used: nothing is written that it has not signed.
    let mut store = Store::open_signed(&path, Box::new(Named(log_key(9).verifier()))).unwrap();
    assert!(store.write(&opened(session(77)), 5).is_err());
    drop(store);
    assert_eq!(problems(&path, &[]), [""; 0]);
    assert_eq!(Store::open(&path).unwrap().session(session(77)).unwrap(), None);
}

#[test]
fn a_store_of_an_older_version_is_named_as_such() {
    for (version, said) in [(1, "version 1, which has no log"), (2, "version 2, which has no outbox")] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("station.sqlite");
        // What this version makes, but for the number: no table tells, so that it is the number that does.
        drop(Store::open(&path).unwrap());
        rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
        for error in [Store::open(&path).unwrap_err(), Store::open_read_only(&path).unwrap_err()] {
            assert!(error.to_string().contains(said), "{error}");
        }
        rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 3).unwrap();
        Store::open(&path).unwrap();
    }
}

#[test]
fn nothing_is_proven_and_signed_that_the_checkpoint_does_not_cover() {
    let (_directory, path) = store_of(3);
    let key = log_key(9);
    let hash = |store: &Store| store.receipt_hashes(session(1)).unwrap()[0];
    // The control: what is there untouched is proven, and the proof holds.
    let store = Store::open_read_only(&path).unwrap();
    let proof = store.prove(&hash(&store)).unwrap().unwrap();
    let inclusion = proof.inclusion_receipt(&key).unwrap();
    verify_inclusion_receipt(&inclusion, &proof.leaf().unwrap(), &key.verifier()).unwrap();
    // Other tiles under the signed checkpoint: the tree that they make is not the one that was signed.
    let position = proof.position;
    let leaf = log::leaf_hash(&proof.leaf().unwrap());
    let tiles = [leaf; 21].concat().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    as_owner(&path, &format!("UPDATE tiles SET hashes = x'{tiles}'"));
    let refused = store.prove(&hash(&store));
    assert!(matches!(refused, Err(Error::Mismatch { .. })), "{refused:?}");
    // The same proof by hand: it leads to a root, and not to the signed one.
    let path_of_tiles = vec![leaf; proof.path.len()];
    let forged = ReceiptProof { path: path_of_tiles, ..proof.clone() };
    assert!(matches!(forged.inclusion_receipt(&key), Err(Error::Mismatch { .. })));
    // Another salt, another place, and a checkpoint of another key.
    for forged in
        [ReceiptProof { salt: [0; 32], ..proof.clone() }, ReceiptProof { position: position + 1, ..proof.clone() }]
    {
        assert!(matches!(forged.inclusion_receipt(&key), Err(Error::Mismatch { .. })));
    }
    assert!(proof.inclusion_receipt(&log_key(8)).is_err());
}
