//! Readers of what comes from other operators, files and programs. The first byte says which.
//!
//! What is read is written as the same text or bytes where one form is right, and nothing verifies that was not signed.

use std::io::Write;
use std::path::PathBuf;
use std::sync::LazyLock;

use ed25519_dalek::{Signer, SigningKey};
use shokyo::Error;
use shokyo::custody::log::{
    AddCheckpoint, Checkpoint, Hash, Note, NoteSigner, TileId, Tiles, VerifierKey, add_line, append, bundle, decide,
    inclusion_receipt, leaf_hash, read_bundle, root, verify_cosigned, verify_inclusion_receipt,
};
use shokyo::scan::{Needles, scan_core};
use shokyo::station::config::{Config, TrustFiles};
use shokyo::station::profile::{claimed_by_station, operator_of_authority};

/// Looked for in core files.
pub const NEEDLE: [u8; 16] = *b"a needle, 16 B..";

/// A log's key, in ordinary memory: what it has signed is known.
struct Key(SigningKey, VerifierKey);

static LOG: LazyLock<Key> = LazyLock::new(|| {
    let key = SigningKey::from_bytes(&[7; 32]);
    let name = VerifierKey::new("shokyo/municipality/issuer-1", key.verifying_key().to_bytes()).unwrap();
    Key(key, name)
});

impl NoteSigner for Key {
    fn verifier_key(&self) -> &VerifierKey {
        &self.1
    }

    fn sign(&self, text: &[u8]) -> Result<[u8; 64], Error> {
        Ok(self.0.sign(text).to_bytes())
    }
}

const ENTRY: &[u8] = b"an entry";

/// All that the key has ever signed: a tree of two such entries.
fn signed() -> Checkpoint {
    let leaf = leaf_hash(ENTRY);
    let pair = [leaf, leaf].concat();
    Checkpoint { origin: LOG.1.name().into(), size: 2, root: root(&Bytes(&pair), 2).unwrap() }
}

/// The same bytes for every tile.
struct Bytes<'a>(&'a [u8]);

impl Tiles for Bytes<'_> {
    fn tile(&self, _: TileId) -> Result<Vec<u8>, Error> {
        Ok(self.0.to_vec())
    }
}

/// Reads.
pub fn read(data: &[u8]) {
    let Some((reader, data)) = data.split_first() else { return };
    match (reader, std::str::from_utf8(data)) {
        (0, Ok(text)) => note(text),
        (1, Ok(text)) => request(text),
        (2, _) => receipt(data),
        (3, _) => entries(data),
        (4, _) => tiles(data),
        (5, _) => configuration(data),
        (6, _) => core(data),
        (7, _) => certificate(data),
        _ => {}
    }
}

/// Notes, checkpoints, lines of cosigners, names of keys.
fn note(text: &str) {
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(VerifierKey::parse(&key.to_string()).as_ref(), Ok(&key));
    }
    if let Ok(checkpoint) = Checkpoint::parse_text(text) {
        assert_eq!(Checkpoint::parse_text(&checkpoint.text()).as_ref(), Ok(&checkpoint));
    }
    let verified = match Checkpoint::verify(text, &LOG.1) {
        // The defect: a reader that does not look at the signature.
        Err(_) if crate::planted() => Note::parse(text).and_then(|note| Checkpoint::parse_text(note.text)),
        verified => verified,
    };
    if let Ok(checkpoint) = verified {
        assert_eq!(checkpoint, signed(), "a checkpoint was forged");
    }
    if let Ok(cosigned) = verify_cosigned(text, &LOG.1, &[VerifierKey::new("other", *LOG.1.public_key()).unwrap()]) {
        assert!(cosigned.by.is_empty(), "a cosignature was forged");
    }
    if let Some((note, line)) = text.split_once('\0')
        && let Ok(both) = add_line(note, line)
    {
        assert_eq!(both, format!("{note}{line}"));
    }
}

/// What a log sends to those who cosign.
fn request(text: &str) {
    let Ok(request) = AddCheckpoint::parse(text) else { return };
    assert_eq!(request.text(), text, "a request has one form");
    for seen in [None, Some(&*signed().sign(&*LOG).unwrap())] {
        let _ = decide(&LOG.1, seen, &request);
    }
}

/// Receipts of inclusion.
fn receipt(data: &[u8]) {
    if verify_inclusion_receipt(data, ENTRY, &LOG.1).is_ok() {
        let genuine =
            [0, 1].map(|index| inclusion_receipt(ENTRY, index, &[leaf_hash(ENTRY)], &signed(), &*LOG).unwrap());
        assert!(genuine.iter().any(|genuine| genuine == data), "a receipt of inclusion was forged");
    }
}

/// Bundles of entries.
fn entries(data: &[u8]) {
    if let Ok(entries) = read_bundle(data) {
        assert_eq!(bundle(&entries).as_deref(), Ok(data), "a bundle has one form");
    }
}

/// Trees of any size over tiles of any length.
fn tiles(data: &[u8]) {
    let Some((size, tile)) = data.split_first_chunk() else { return };
    let size = u64::from_be_bytes(*size);
    let leaves: Vec<Hash> = tile.first_chunk().into_iter().copied().collect();
    let _ = (append(&Bytes(tile), size, &leaves), (size < 1 << 20).then(|| root(&Bytes(tile), size)));
}

/// A station's configuration, and that of an auditor.
fn configuration(data: &[u8]) {
    let file = file(data);
    let _ = (Config::load(&file), TrustFiles::load(&file));
}

/// A core file, which anybody may have made.
fn core(data: &[u8]) {
    let _ = scan_core(&file(data), &Needles::marker(&NEEDLE), &NEEDLE);
}

/// A neighbour's certificate.
fn certificate(data: &[u8]) {
    let _ = (claimed_by_station(data), operator_of_authority(data));
}

/// A file with these bytes, in memory where there is such a folder.
fn file(data: &[u8]) -> PathBuf {
    static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
        let folders = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
        let folder = folders.iter().find(|folder| folder.is_dir()).expect("a folder for a file");
        folder.join(format!("shokyo-readers-{}", std::process::id()))
    });
    std::fs::File::create(&*FILE).and_then(|mut file| file.write_all(data)).expect("a file");
    FILE.clone()
}

/// The seeds: a name and an input for each reader.
#[must_use]
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let folder = std::env::temp_dir().join(format!("shokyo-seeds-{}", std::process::id()));
    let made = shokyo::station::pki::init(&folder).expect("keys");
    let configuration = std::fs::read(&made.stations[0].1).expect("a configuration");
    std::fs::remove_dir_all(&folder).expect("a folder");
    // Seeds that are refused at once would show little.
    assert!(Config::load(&file(&configuration)).is_ok());
    assert!(
        scan_core(&file(&core_file()), &Needles::marker(&NEEDLE), &NEEDLE).is_ok_and(|report| report.control_found)
    );
    let checkpoint = signed().sign(&*LOG).expect("a checkpoint");
    let forged = checkpoint.replacen("\n2\n", "\n3\n", 1);
    let request = AddCheckpoint { old: 1, proof: vec![leaf_hash(ENTRY)], checkpoint: checkpoint.clone() }.text();
    let receipt = inclusion_receipt(ENTRY, 0, &[leaf_hash(ENTRY)], &signed(), &*LOG).expect("a receipt");
    let key = LOG.1.to_string();
    [
        ("note", 0, checkpoint.into_bytes()),
        ("note-of-another-size", 0, forged.into_bytes()),
        ("key", 0, key.into_bytes()),
        ("checkpoint", 0, signed().text().into_bytes()),
        ("request", 1, request.into_bytes()),
        ("inclusion", 2, receipt),
        ("bundle", 3, bundle(&[ENTRY, ENTRY]).expect("a bundle")),
        ("tiles", 4, [&2_u64.to_be_bytes()[..], &leaf_hash(ENTRY), &leaf_hash(ENTRY)].concat()),
        ("configuration", 5, configuration),
        ("core", 6, core_file()),
    ]
    .map(|(name, reader, bytes)| (name, [&[reader], &bytes[..]].concat()))
    .to_vec()
}

/// The least that is a core file: a header, one mapping, and the notes of one thread.
fn core_file() -> Vec<u8> {
    let mut file = [&b"\x7fELF\x02\x01\x01"[..], &[0; 9], &[4, 0, 62, 0, 1, 0, 0, 0]].concat();
    let word = |file: &mut Vec<u8>, value: u64| file.extend_from_slice(&value.to_le_bytes());
    for value in [0, 64, 0] {
        word(&mut file, value);
    }
    file.extend_from_slice(&[0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    for (kind, offset, length) in [(4_u64, 176, 356), (1 | 6 << 32, 176 + 356, 64)] {
        for value in [kind, offset, 0x1000, 0, length, length, 4] {
            word(&mut file, value);
        }
    }
    file.extend_from_slice(&[5, 0, 0, 0, 80, 1, 0, 0, 1, 0, 0, 0]);
    file.extend_from_slice(b"CORE\0\0\0\0");
    file.extend_from_slice(&[1; 336]);
    file.extend_from_slice(&NEEDLE.repeat(4));
    file
}
