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
//! receipts/NAME.receipt    a receipt (COSE_Sign1), with the Ed25519 public key in NAME.key
//! signed/NAME.message      what is signed, .signature, and the key as .pem: a receipt's Sig_structure, a checkpoint's text
//! ```

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use shokyo::Error;
use shokyo::custody::Store;
use shokyo::custody::log::{
    AddCheckpoint, Checkpoint, Decision, Folder, Hash, Note, NoteSigner, SignatureKind, TileId, Tiles, add_line,
    decide, inclusion_proof, inclusion_receipt,
};
use shokyo::handover::{Outcome, Record};
use shokyo::receipt::{Event, to_be_signed};
use shokyo::types::{Role, SessionId};

use crate::station::{KIND, LogKey, Station};

const STARTED: u64 = 1_790_000_000_000;
/// Between two sessions, in milliseconds: several hours in all, and of each a checkpoint stays.
const APART: u64 = 60_000;

pub(crate) struct Made {
    pub(crate) size: u64,
    pub(crate) proofs: Vec<u64>,
}

/// Writes the material of a log with about five entries for each of the sessions.
pub(crate) fn write(to: &Path, sessions: u64) -> Made {
    fs::create_dir_all(to.join("proofs")).unwrap();
    fs::create_dir_all(to.join("receipts")).unwrap();
    fs::create_dir_all(to.join("signed")).unwrap();
    let stations = (Station::new(Role::Issuer, "issuer-0001"), Station::new(Role::Kiosk, "kiosk-0001"));
    let log = LogKey::new("an operator", "issuer-0001", 101);
    let witness = LogKey::new("another operator", "certificate-centre-0001", 102);
    store(&to.join("store.db"), sessions, &stations);
    let store = ReadStore::open(&to.join("store.db"));

    let (older, newest) = store.checkpoints();
    let seen = Checkpoint::verify(&older, log.verifier_key()).unwrap();
    let request = AddCheckpoint::new(&store, seen.size, &newest).unwrap();
    let Decision::Consistent(consistent) = decide(log.verifier_key(), Some(&older), &request).unwrap() else {
        panic!("the log has one history")
    };
    let cosigned = add_line(&newest, &consistent.cosign(&witness, (STARTED + sessions * APART) / 1000 + 60).unwrap());
    let cosigned = cosigned.unwrap();
    // Published when it was smaller, and again.
    let folder = Folder::open(&to.join("log")).unwrap();
    for note in [&older, &cosigned] {
        folder.publish(note, log.verifier_key(), &store, &mut |range| store.leaves(range.start, range.end)).unwrap();
    }
    fs::write(to.join("checkpoint.older"), &older).unwrap();
    fs::write(to.join("cosign-request"), request.text()).unwrap();
    fs::write(to.join("log.vkey"), log.verifier_key().to_string()).unwrap();
    let witness = witness.verifier_key().with_kind(SignatureKind::Cosignature);
    fs::write(to.join("witness.vkey"), witness.to_string()).unwrap();

    let size = consistent.checkpoint().size;
    let proofs = proofs(to, size, &store, &cosigned, &log);
    receipts(to, &store, &stations);
    let note = Note::parse(&newest).unwrap();
    let signature = &note.signatures_of(log.verifier_key()).next().unwrap().signature;
    signed(to, "checkpoint", note.text.as_bytes(), signature, log.verifier_key().public_key());
    Made { size, proofs }
}

/// A store as a station writes it, in batches; the oldest sessions have expired.
fn store(path: &Path, sessions: u64, (issuer, kiosk): &(Station, Station)) {
    let signer = Box::new(LogKey::new("an operator", "issuer-0001", 101));
    let mut store = Store::open_signed(path, signer).unwrap();
    let numbers: Vec<u64> = (0..sessions).collect();
    for batch in numbers.chunks(7) {
        let mut records = Vec::new();
        for number in batch {
            let mut session = [0xA7; 32];
            session[..8].copy_from_slice(&number.to_be_bytes());
            let (session, time) = (SessionId(session), STARTED + number * APART);
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
    let (now, period) = (STARTED + sessions * APART, (sessions - 10) * APART);
    let expired = store.expire(std::time::Duration::from_millis(period), now).unwrap().unwrap();
    assert!(0 < expired.sessions && expired.sessions < 20);
}

/// Of the first and the last entries, those beside the borders of tiles, and some between, as long as they have not expired.
fn proofs(to: &Path, size: u64, store: &ReadStore, note: &str, log: &LogKey) -> Vec<u64> {
    let wanted = [60, 61, 62, 255, 256, 257, 511, 512, 1_024, 2_047, 2_048, 3_000];
    let mut wanted: Vec<u64> = wanted.into_iter().chain(size - 10..size).filter(|index| *index < size).collect();
    wanted.dedup();
    for index in &wanted {
        let receipt = inclusion_receipt(store, *index, size, log).unwrap();
        fs::write(to.join(format!("proofs/{index}.inclusion")), receipt).unwrap();
        let mut text = format!("c2sp.org/tlog-proof@v1\nindex {index}\n");
        for hash in inclusion_proof(store, *index, size).unwrap() {
            text += &format!("{}\n", base64(&hash));
        }
        fs::write(to.join(format!("proofs/{index}.tlog-proof")), format!("{text}\n{note}")).unwrap();
    }
    wanted
}

/// One receipt of each station, out of the store.
fn receipts(to: &Path, store: &ReadStore, stations: &(Station, Station)) {
    for (name, own, station) in [("own", 1, &stations.0), ("peer", 0, &stations.1)] {
        let query = "SELECT receipt FROM receipts WHERE own = ?1 ORDER BY id DESC LIMIT 1";
        let receipt: Vec<u8> = store.0.query_row(query, [own], |row| row.get(0)).unwrap();
        let (message, signature) = to_be_signed(&receipt).unwrap();
        fs::write(to.join(format!("receipts/{name}.receipt")), &receipt).unwrap();
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

/// The store as anyone can read it.
struct ReadStore(Connection);

impl ReadStore {
    fn open(path: &Path) -> Self {
        Self(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap())
    }

    /// An older checkpoint that was kept, and the newest.
    fn checkpoints(&self) -> (String, String) {
        let mut notes = self.0.prepare("SELECT note FROM checkpoints ORDER BY size").unwrap();
        let notes: Vec<String> = notes.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert!(notes.len() > 1);
        (notes[(notes.len() - 1) / 2].clone(), notes[notes.len() - 1].clone())
    }

    fn leaves(&self, start: u64, end: u64) -> Result<Vec<Hash>, Error> {
        let mut leaves =
            self.0.prepare("SELECT leaf FROM log WHERE position >= ?1 AND position < ?2 ORDER BY position").unwrap();
        let leaves = leaves.query_map([start.cast_signed(), end.cast_signed()], |row| row.get(0)).unwrap();
        Ok(leaves.map(Result::unwrap).collect())
    }
}

impl Tiles for ReadStore {
    fn tile(&self, id: TileId) -> Result<Vec<u8>, Error> {
        let query = "SELECT hashes FROM tiles WHERE level = ?1 AND tile = ?2";
        let tile = self.0.query_row(query, (id.level, id.index.cast_signed()), |row| row.get(0));
        tile.map_err(|_| Error::Store { what: "reading a tile" })
    }
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
