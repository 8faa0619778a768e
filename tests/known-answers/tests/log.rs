//! Logs of others: transparency-dev's and Sigsum's proofs, two proofs of Certificate Transparency's log argon2020, Go's signed notes, and
//! an entry of Sigsum's test log with everything that vouches for it.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use shokyo::Error;
use shokyo::custody::log::{
    Checkpoint, Hash, Note, SignatureKind, VerifierKey, leaf_hash, verify_consistency, verify_cosigned,
    verify_inclusion,
};
use shokyo::receipt::verify_signature;
use support::{array, bytes, vectors};

fn decode(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().unwrap_or_default()).unwrap()
}

/// `None` for what is not 32 bytes long, which cannot be given to our functions at all.
fn hash(text: &Value) -> Option<Hash> {
    decode(text).try_into().ok()
}

/// A root; transparency-dev writes "don't care 1" and the like where it only matters whether two are equal.
fn root(text: &Value) -> Option<Hash> {
    let mut root = decode(text);
    if root.starts_with(b"don't care") {
        root.resize(32, 0);
    }
    root.try_into().ok()
}

/// Whether our functions accept a proof.
fn accepts(vector: &Value) -> Option<bool> {
    let proof: Vec<Hash> = vector["proof"].as_array().unwrap().iter().map(hash).collect::<Option<_>>()?;
    let number = |field: &str| vector[field].as_u64();
    if vector.get("treeSize").is_none() {
        let (old, new) = (root(&vector["root1"])?, root(&vector["root2"])?);
        return Some(verify_consistency(number("size1")?, &old, number("size2")?, &new, &proof).is_ok());
    }
    let leaf =
        if vector.get("leaf").is_some() { leaf_hash(&decode(&vector["leaf"])) } else { hash(&vector["leafHash"])? };
    Some(verify_inclusion(&leaf, number("leafIdx")?, number("treeSize")?, &proof, &root(&vector["root"])?).is_ok())
}

fn is_right(vector: &Value) -> bool {
    accepts(vector).unwrap_or(false) != vector["wantErr"].as_bool().unwrap()
}

#[test]
fn every_proof_is_answered_rightly_and_a_changed_root_is_noticed() {
    let vectors = vectors("merkle.json");
    let wrong: Vec<_> = vectors.iter().filter(|vector| !is_right(vector)).map(|vector| &vector["in"]).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let (mut valid, mut given) = (0, 0);
    for mut vector in vectors.clone() {
        given += usize::from(accepts(&vector).is_some());
        if vector["wantErr"] == false {
            valid += 1;
            let field = if vector.get("treeSize").is_some() { "root" } else { "root2" };
            let mut changed = decode(&vector[field]);
            *changed.last_mut().unwrap() ^= 1;
            vector[field] = STANDARD.encode(changed).into();
            assert!(!is_right(&vector), "{vector}");
        }
    }
    println!("{} proofs, {valid} valid, {given} with hashes of 32 bytes", vectors.len());
    // The rest has hashes of other lengths, and must be refused.
    assert_eq!((vectors.len(), valid, given), (205, 19, 163), "unexpectedly more or fewer");
}

#[test]
fn the_notes_of_go_verify_and_what_go_refuses_is_refused() {
    let vector = &vectors("notes.json")[0];
    let texts = |field: &str| -> Vec<String> {
        vector[field].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let (text, keys, lines) = (vector["text"].as_str().unwrap(), texts("keys"), texts("lines"));
    let keys: Vec<VerifierKey> = keys.iter().map(|key| VerifierKey::parse(key).unwrap()).collect();
    let note = format!("{text}\n{}", lines.concat());
    for key in &keys {
        assert_eq!(Note::parse(&note).unwrap().verify(key), Ok(()));
        let changed = note.replace("cryptography", "Cryptography");
        assert_eq!(Note::parse(&changed).unwrap().verify(key), Err(Error::BadSignature));
    }
    // Signed by one, and not by the other.
    let one = format!("{text}\n{}", lines[0]);
    assert!(
        Note::parse(&one).unwrap().verify(&keys[0]).is_ok() && Note::parse(&one).unwrap().verify(&keys[1]).is_err()
    );
    // Four bytes in the middle of a signature.
    let longer = format!("{text}\n{}ABCD{}", &lines[0][..62], &lines[0][62..]);
    assert!(Note::parse(&longer).is_ok_and(|note| note.verify(&keys[0]).is_err()));
    for malformed in [
        text.to_owned(),
        format!("\n{text}"),
        format!("{text}\n{}", &lines[0][..lines[0].len() - 1]),
        format!("\u{1}{text}\n{}", lines[0]),
        format!("{text}\n{}", lines[0].replace("PeterNeumann", "Bad Name")),
        format!("{text}\n{}", lines[0].repeat(101)),
    ] {
        assert!(Note::parse(&malformed).is_err(), "{malformed}");
    }
}

/// Sigsum's checkpoints and cosignatures are those of C2SP; only its files look different.
struct Sigsum {
    log: VerifierKey,
    note: String,
    witnesses: Vec<VerifierKey>,
    leaf: Vec<u8>,
    index: u64,
    path: Vec<Hash>,
}

fn sigsum() -> Sigsum {
    let vector = &vectors("sigsum.json")[0];
    let proof = vector["proof"].as_str().unwrap();
    let values = |name: &str| -> Vec<Vec<String>> {
        let value = proof.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.map(|value| value.split(' ').map(str::to_owned).collect()).collect()
    };
    let value = |name: &str| values(name).concat().remove(0);
    let hexadecimal = |text: &str| bytes(&text.into());
    let id = hexadecimal(&value("log"));
    let public =
        vector["logs"].as_array().unwrap().iter().map(array::<32>).find(|key| Sha256::digest(key)[..] == id).unwrap();
    let log = VerifierKey::new(&format!("sigsum.org/v1/tree/{}", value("log")), public).unwrap();
    let line = |key: &VerifierKey, signed: &[u8]| {
        format!("— {} {}\n", key.name(), STANDARD.encode([&key.id()[..], signed].concat()))
    };
    let root = STANDARD.encode(hexadecimal(&value("root_hash")));
    let mut note = format!("{}\n{}\n{root}\n\n", log.name(), value("size"));
    note.push_str(&line(&log, &hexadecimal(&value("signature"))));
    let mut witnesses = Vec::new();
    for witness in vector["witnesses"].as_array().unwrap() {
        let public = array::<32>(&witness[1]);
        let key = VerifierKey::new(witness[0].as_str().unwrap(), public).unwrap().with_kind(SignatureKind::Cosignature);
        let own =
            values("cosignature").into_iter().find(|fields| hexadecimal(&fields[0])[..] == Sha256::digest(public)[..]);
        if let Some(fields) = own {
            let time = fields[1].parse::<u64>().unwrap().to_be_bytes();
            note.push_str(&line(&key, &[&time[..], &hexadecimal(&fields[2])].concat()));
            witnesses.push(key);
        }
    }
    // A leaf: the hash of the hash of the data, the signer's signature over it, and the hash of the signer's key.
    let checksum = Sha256::digest(Sha256::digest(vector["data"].as_str().unwrap())).to_vec();
    let leaf = values("leaf").concat();
    let signer = array::<32>(&vector["signer"]);
    let signed = [&b"sigsum.org/v1/tree-leaf\0"[..], &checksum].concat();
    assert_eq!(verify_signature(&signer, &signed, &array(&leaf[1].as_str().into())), Ok(()));
    Sigsum {
        log,
        note,
        witnesses,
        leaf: [checksum, hexadecimal(&leaf[1]), hexadecimal(&leaf[0])].concat(),
        index: value("leaf_index").parse().unwrap(),
        path: values("node_hash").concat().iter().map(|hash| array(&hash.as_str().into())).collect(),
    }
}

#[test]
fn an_entry_of_sigsums_log_is_vouched_for_by_the_log_its_witnesses_and_its_path() {
    let Sigsum { log, note, witnesses, leaf, index, path } = sigsum();
    let cosigned = verify_cosigned(&note, &log, &witnesses).unwrap();
    assert_eq!(Checkpoint::verify(&note, &log).unwrap(), cosigned.checkpoint);
    println!("Sigsum: a checkpoint of {} entries, {} cosignatures", cosigned.checkpoint.size, cosigned.by.len());
    assert!(cosigned.by.len() >= 7 && cosigned.missing.is_empty());
    let included = |leaf: &[u8], index| {
        let Checkpoint { size, root, .. } = cosigned.checkpoint;
        verify_inclusion(&leaf_hash(leaf), index, size, &path, &root)
    };
    assert_eq!(included(&leaf, index), Ok(()));
    assert!(included(&leaf, index - 1).is_err() && included(&leaf[1..], index).is_err());

    // One byte of the text, of the log's signature, of a cosignature's time, of a cosignature.
    let changed = note.replacen(&cosigned.checkpoint.size.to_string(), &(cosigned.checkpoint.size + 1).to_string(), 1);
    assert_eq!(verify_cosigned(&changed, &log, &witnesses), Err(Error::BadSignature));
    let lines: Vec<&str> = note.split_inclusive('\n').filter(|line| line.starts_with('—')).collect();
    for line in &lines {
        let (name, signed) = line.trim_end().rsplit_once(' ').unwrap();
        let mut signed = STANDARD.decode(signed).unwrap();
        for at in [4, 11, signed.len() - 40] {
            signed[at] ^= 1;
            let changed = note.replace(line, &format!("{name} {}\n", STANDARD.encode(&signed)));
            assert_eq!(verify_cosigned(&changed, &log, &witnesses), Err(Error::BadSignature), "{name} {at}");
            signed[at] ^= 1;
        }
    }
    assert_eq!(lines.len(), witnesses.len() + 1);
}
