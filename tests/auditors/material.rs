//! Writes the material.
//!
//! ```text
//! store.db                 the station's store
//! log/                     its log, published (C2SP tlog-tiles), the checkpoint cosigned by another operator's station
//! log.vkey, witness.vkey   the verifier keys of both, without a newline
//! checkpoint.older         a checkpoint that the log signed before
//! cosign-request           from that one to the newest (C2SP tlog-witness, add-checkpoint)
//! proofs/N.inclusion       entry N is in the log: a COSE receipt (RFC 9942)
//! proofs/N.tlog-proof      the same as text (C2SP tlog-proof)
//! proofs/N.receipt         of some, the receipt that the entry is about, with N.salt and N.entry: what its leaf is hashed from
//! receipts/NAME.receipt    a receipt (COSE_Sign1), with the Ed25519 public key in NAME.key
//! signed/NAME.message      what is signed, .signature, and the key as .pem: a receipt's Sig_structure, a checkpoint's text
//! ```

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use shokyo::custody::Store;
use shokyo::custody::log::{
    Checkpoint, Decision, Folder, Hash, Note, NoteSigner, Published, SignatureKind, decide, inclusion_proof,
    inclusion_receipt, origin,
};
use shokyo::handover::{Outcome, Record};
use shokyo::receipt::{Event, to_be_signed};
use shokyo::types::{Role, SessionId};

use crate::note_key::NoteKey;
use crate::station::{KIND, Station};

const STARTED: u64 = 1_790_000_000_000;
/// Between two sessions, in milliseconds.
const APART: u64 = 60_000;

pub(crate) struct Made {
    pub(crate) size: u64,
    pub(crate) proofs: Vec<u64>,
}

/// Writes the material of a log with about five entries for each of the sessions.
pub(crate) fn write(to: &Path, sessions: u64) -> Made {
    for folder in ["proofs", "receipts", "signed"] {
        fs::create_dir_all(to.join(folder)).unwrap();
    }
    let stations = [Station::new(Role::Issuer, "issuer-0001"), Station::new(Role::Kiosk, "kiosk-0001")];
    let log = NoteKey::new(&origin("an operator", "issuer-0001").unwrap(), 101);
    let witness = NoteKey::new(&origin("another operator", "certificate-centre-0001").unwrap(), 102);
    let signer = Box::new(NoteKey::new(&origin("an operator", "issuer-0001").unwrap(), 101));
    let mut store = Store::open_signed(&to.join("store.db"), signer).unwrap();
    let folder = Folder::open(&to.join("log")).unwrap();

    // Published once, and again when the log has grown and its oldest sessions have expired.
    fill(&mut store, 0..sessions / 2, &stations);
    store.publish(&folder, log.verifier_key(), &[]).unwrap();
    let older = store.newest_checkpoint().unwrap().unwrap();
    fill(&mut store, sessions / 2..sessions, &stations);
    expire(&mut store, sessions);
    let seen = Checkpoint::verify(&older, log.verifier_key()).unwrap();
    let request = store.cosign_request(seen.size).unwrap();
    let Decision::Consistent(consistent) = decide(log.verifier_key(), Some(&older), &request).unwrap() else {
        panic!("the log has one history")
    };
    let cosignature = consistent.cosign(&witness, (STARTED + sessions * APART) / 1000 + 60).unwrap();
    store.publish(&folder, log.verifier_key(), &[cosignature]).unwrap();

    fs::write(to.join("checkpoint.older"), &older).unwrap();
    fs::write(to.join("cosign-request"), request.text()).unwrap();
    fs::write(to.join("log.vkey"), log.verifier_key().to_string()).unwrap();
    let witness = witness.verifier_key().with_kind(SignatureKind::Cosignature);
    fs::write(to.join("witness.vkey"), witness.to_string()).unwrap();

    let published = Published::open(&to.join("log"), log.verifier_key()).unwrap();
    let proofs = [borders(to, &published, &log), of_receipts(to, &store, &published, &log, sessions)].concat();
    receipts(to, &store, sessions, &stations);
    let note = Note::parse(consistent.note()).unwrap();
    let signature = &note.signatures_of(log.verifier_key()).next().unwrap().signature;
    signed(to, "checkpoint", note.text.as_bytes(), signature, log.verifier_key().public_key());
    Made { size: published.checkpoint().size, proofs }
}

/// Records as a station writes them, in batches.
fn fill(store: &mut Store, sessions: Range<u64>, [issuer, kiosk]: &[Station; 2]) {
    for batch in sessions.collect::<Vec<_>>().chunks(7) {
        let mut records = Vec::new();
        for number in batch {
            let (session, time) = (session(*number), STARTED + number * APART);
            records.push((Record::Opened { session, kind: KIND.into() }, time));
            let receipt = issuer.receipt(session, Event::KeyWiped, time);
            records.push((Record::OwnReceipt { session, receipt }, time + 1000));
            if number % 10 == 3 {
                records.push((Record::Alarm { session, what: "the receipt deadline passed" }, time + 2000));
            }
            let receipt = kiosk.receipt(session, Event::Erased, time);
            records.push((Record::PeerReceipt { session, receipt }, time + 3000));
            records.push((Record::PrintStarted { session }, time + 4000));
            records.push((Record::Ended { session, outcome: Outcome::Complete }, time + 5000));
        }
        store.write_all(&records).unwrap();
    }
}

/// About the first ten sessions.
fn expire(store: &mut Store, sessions: u64) {
    let (now, period) = (STARTED + sessions * APART, (sessions - 10) * APART);
    let expired = store.expire(Duration::from_millis(period), now).unwrap().unwrap();
    assert!(0 < expired.sessions && expired.sessions < 20);
}

fn session(number: u64) -> SessionId {
    let mut session = [0xA7; 32];
    session[..8].copy_from_slice(&number.to_be_bytes());
    SessionId(session)
}

/// Proofs of the first and last entries, and of those beside the borders of tiles, from the published files.
fn borders(to: &Path, published: &Published, log: &NoteKey) -> Vec<u64> {
    let size = published.checkpoint().size;
    let wanted = [0, 1, 255, 256, 257, 511, 512, 1_024, 2_047, 2_048, 3_000, size - 2, size - 1];
    let wanted: Vec<u64> = wanted.into_iter().filter(|index| *index < size).collect();
    for index in &wanted {
        let entry = &published.entries(index / 256).unwrap()[(index % 256) as usize];
        let path = inclusion_proof(published, *index, size).unwrap();
        let receipt = inclusion_receipt(entry, *index, &path, published.checkpoint(), log).unwrap();
        fs::write(to.join(format!("proofs/{index}.inclusion")), receipt).unwrap();
        as_text(to, *index, &path, published.note());
    }
    wanted
}

/// Proofs that receipts are in the log, as a store gives them to whoever holds nothing else.
fn of_receipts(to: &Path, store: &Store, published: &Published, log: &NoteKey, sessions: u64) -> Vec<u64> {
    let mut positions = Vec::new();
    for session in [20, sessions / 2 - 1, sessions / 2, sessions - 1].map(session) {
        for hash in store.receipt_hashes(session).unwrap() {
            let proof = store.prove(&hash).unwrap().unwrap();
            let write = |name: &str, bytes: &[u8]| {
                fs::write(to.join(format!("proofs/{}.{name}", proof.position)), bytes).unwrap();
            };
            write("inclusion", &proof.inclusion_receipt(log).unwrap());
            write("receipt", &proof.receipt);
            write("salt", &proof.salt);
            write("entry", &proof.entry().unwrap());
            as_text(to, proof.position, &proof.path, published.note());
            positions.push(proof.position);
        }
    }
    positions
}

/// C2SP tlog-proof.
fn as_text(to: &Path, index: u64, path: &[Hash], note: &str) {
    let path: String = path.iter().map(|hash| base64(hash) + "\n").collect();
    let text = format!("c2sp.org/tlog-proof@v1\nindex {index}\n{path}\n{note}");
    fs::write(to.join(format!("proofs/{index}.tlog-proof")), text).unwrap();
}

/// One receipt of each station, out of the store.
fn receipts(to: &Path, store: &Store, sessions: u64, stations: &[Station; 2]) {
    for stored in store.receipts(session(sessions - 1)).unwrap() {
        let (name, station) = if stored.own { ("own", &stations[0]) } else { ("peer", &stations[1]) };
        let (message, signature) = to_be_signed(&stored.receipt).unwrap();
        fs::write(to.join(format!("receipts/{name}.receipt")), &stored.receipt).unwrap();
        fs::write(to.join(format!("receipts/{name}.key")), station.public()).unwrap();
        signed(to, &format!("{name}-receipt"), &message, &signature, &station.public());
    }
}

fn signed(to: &Path, name: &str, message: &[u8], signature: &[u8], public_key: &[u8; 32]) {
    fs::write(to.join(format!("signed/{name}.message")), message).unwrap();
    fs::write(to.join(format!("signed/{name}.signature")), signature).unwrap();
    // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 §4).
    let info = [&[0x30, 0x2A, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 3, 0x21, 0], public_key.as_slice()].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64(&info));
    fs::write(to.join(format!("signed/{name}.pem")), pem).unwrap();
}

/// Base64 (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = bytes.chunks(3).map(|three| {
        let number = three.iter().chain(&[0, 0]).take(3).fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let digits = (0..4).map(|digit| char::from(ALPHABET[number >> (18 - 6 * digit) & 63]));
        digits.take(three.len() + 1).chain("==".chars().take(3 - three.len())).collect::<String>()
    });
    digits.collect()
}
