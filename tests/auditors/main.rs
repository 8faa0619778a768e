//! What an auditor would get from a station: a store, its published log, receipts and proofs. `cargo xtask step auditors` writes
//! it and lets programs that are not this project's check it.
#![cfg(feature = "custody")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod material;
#[path = "../support/note_key.rs"]
mod note_key;
#[path = "../support/receipt_key.rs"]
mod receipt_key;
mod station;

use std::path::PathBuf;

use shokyo::custody::log::{
    AddCheckpoint, Checkpoint, Note, Published, VerifierKey, verify_cosigned, verify_inclusion_receipt,
};
use shokyo::receipt;

/// The step starts it, alone in a process.
#[test]
#[ignore = "writes into the folder that SHOKYO_AUDITORS names"]
fn writes_the_material() {
    let Some(to) = std::env::var_os("SHOKYO_AUDITORS").map(PathBuf::from) else { return };
    material::write(&to, 700);
}

/// What the others are given is what this library accepts: a mistake in the material is none of theirs.
#[test]
fn the_material_verifies_here_too() {
    let folder = tempfile::tempdir().unwrap();
    let made = material::write(folder.path(), 80);
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let (log, witness) = ("log.vkey", "witness.vkey");
    let (log, witness) = (VerifierKey::parse(&text(log)).unwrap(), VerifierKey::parse(&text(witness)).unwrap());
    let published = Published::open(&folder.path().join("log"), &log).unwrap();
    published.check().unwrap();
    let cosigned = verify_cosigned(published.note(), &log, &[witness]).unwrap();
    assert_eq!((cosigned.by.len(), cosigned.missing.len()), (1, 0));
    assert_eq!(cosigned.checkpoint.size, made.size);
    let older = Checkpoint::verify(&text("checkpoint.older"), &log).unwrap();
    assert!(0 < older.size && older.size < made.size);
    assert_eq!(AddCheckpoint::parse(&text("cosign-request")).unwrap().old, older.size);
    assert!(made.proofs.len() >= 10);
    for index in made.proofs {
        let receipt = std::fs::read(folder.path().join(format!("proofs/{index}.inclusion"))).unwrap();
        let entry = &published.entries(index / 256).unwrap()[(index % 256) as usize];
        assert_eq!(verify_inclusion_receipt(&receipt, entry, &log).unwrap().index, index);
        let note = text(&format!("proofs/{index}.tlog-proof"));
        Note::parse(note.split_once("\n\n").unwrap().1).unwrap().verify(&log).unwrap();
    }
    for name in ["own", "peer"] {
        let bytes = std::fs::read(folder.path().join(format!("receipts/{name}.receipt"))).unwrap();
        let key = std::fs::read(folder.path().join(format!("receipts/{name}.key"))).unwrap();
        receipt::verify(&bytes, &key.try_into().unwrap()).unwrap();
    }
}
