//! Vectors of others for HPKE and X-Wing, against the functions that wrap and unwrap document keys: `tests/vectors/others`.
//!
//! Nobody has published vectors for X-Wing with AES-256-GCM. What is known of it is the shared secret, so the key schedule of RFC 9180
//! §5.1 is written out here once more, checked with every vector, and what the contexts export is compared with it.

use std::string::String;
use std::vec;
use std::vec::Vec;

use hkdf::Hkdf;
use hpke::aead::{AeadTag, AesGcm256};
use hpke::inout::InOutBuf;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable, Serializable};
use serde_json::Value;
use sha2::Sha256;

use super::agreement::{Agreement, MAX_SEED, public_key, receiver, sender_with};
use crate::buffer::{RoomSize, Vault, VaultOptions};
use crate::error::Error;

/// AES-256-GCM (RFC 9180 §7.3).
const AEAD: u64 = 2;

fn vectors(name: &str) -> Vec<Value> {
    let kept = std::format!("{}/tests/vectors/others", env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var("SHOKYO_VECTORS_OF_OTHERS").unwrap_or(kept);
    serde_json::from_str(&std::fs::read_to_string(std::format!("{folder}/{name}")).unwrap()).unwrap()
}

fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    let digits: Vec<u8> = vector[field].as_str().unwrap().bytes().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// What one encapsulation must lead to.
struct Known {
    mechanism: u64,
    randomness: Vec<u8>,
    private: [u8; 32],
    public: Vec<u8>,
    encapsulated: Vec<u8>,
    shared: Vec<u8>,
    info: Vec<u8>,
    /// Associated data, plaintext, ciphertext with tag: with AES-256-GCM alone.
    messages: Vec<[Vec<u8>; 3]>,
}

/// Makes a vector wrong.
type Change = fn(&mut Known);

impl Known {
    fn of_hpke(vector: &Value) -> Self {
        let ours = vector["aead_id"] == AEAD;
        let messages = vector["encryptions"].as_array().unwrap().iter().filter(|_| ours);
        Self {
            mechanism: vector["kem_id"].as_u64().unwrap(),
            randomness: bytes(vector, "ikmE"),
            private: bytes(vector, "skRm").try_into().unwrap(),
            public: bytes(vector, "pkRm"),
            encapsulated: bytes(vector, "enc"),
            shared: bytes(vector, "shared_secret"),
            info: bytes(vector, "info"),
            messages: messages.map(|message| ["aad", "pt", "ct"].map(|field| bytes(message, field))).collect(),
        }
    }

    fn of_x_wing(vector: &Value) -> Self {
        Self {
            mechanism: 0x647A,
            randomness: bytes(vector, "eseed"),
            private: bytes(vector, "seed").try_into().unwrap(),
            public: bytes(vector, "pk"),
            encapsulated: bytes(vector, "ct"),
            shared: bytes(vector, "ss"),
            info: b"the information of a test".to_vec(),
            messages: Vec::new(),
        }
    }
}

/// What our functions make of it, both ways.
#[derive(PartialEq, Eq, Debug)]
struct Made {
    public: Vec<u8>,
    encapsulated: Vec<u8>,
    exported: [[u8; 32]; 2],
    sealed: Vec<Vec<u8>>,
    opened: Vec<Vec<u8>>,
}

fn make<K: Agreement>(vault: &Vault, known: &Known) -> Result<Made, Error> {
    let mut key = vault.empty_key()?;
    let lengths = || known.messages.iter().map(|[_, plain, _]| vec![0; plain.len()]).collect();
    let mut made = Made {
        public: vec![0; K::PUBLIC_KEY],
        encapsulated: vec![0; K::ENCAPSULATED],
        exported: [[0; 32]; 2],
        sealed: lengths(),
        opened: lengths(),
    };
    assert_eq!(known.randomness.len(), K::SEED);
    let mut drawn = [0; MAX_SEED];
    drawn[..K::SEED].copy_from_slice(&known.randomness);
    vault.room(RoomSize::Agreement, |desk| {
        public_key::<K>(&known.private, &mut made.public)?;
        let mut context = sender_with::<K>(&drawn, &known.public, &known.info, &mut made.encapsulated)?;
        context.export(b"subject", &mut made.exported[0]).map_err(|_| Error::NotAuthentic)?;
        for ([associated, plain, _], sealed) in known.messages.iter().zip(&mut made.sealed) {
            let buffer = InOutBuf::new(plain, sealed).map_err(|_| Error::NotAuthentic)?;
            let tag = context.seal_inout_detached(buffer, associated).map_err(|_| Error::NotAuthentic)?;
            sealed.extend_from_slice(&tag.to_bytes());
        }
        desk.store(&mut key, &known.private)
    })?;
    vault.room(RoomSize::Agreement, |desk| {
        let mut context = receiver::<K>(desk, &key, &known.encapsulated, &known.info)?;
        context.export(b"subject", &mut made.exported[1]).map_err(|_| Error::NotAuthentic)?;
        for ([associated, _, sealed], opened) in known.messages.iter().zip(&mut made.opened) {
            let (body, tag) = sealed.split_last_chunk::<16>().ok_or(Error::NotAuthentic)?;
            let tag = AeadTag::<AesGcm256>::from_bytes(tag).map_err(|_| Error::NotAuthentic)?;
            let buffer = InOutBuf::new(body, opened).map_err(|_| Error::NotAuthentic)?;
            context.open_inout_detached(buffer, associated, &tag).map_err(|_| Error::NotAuthentic)?;
        }
        Ok(())
    })?;
    Ok(made)
}

/// Whether all of it is as it must be.
fn is_right(vault: &Vault, known: &Known) -> bool {
    let made = match known.mechanism {
        0x0020 => make::<X25519HkdfSha256>(vault, known),
        0x647A => make::<XWing>(vault, known),
        other => panic!("mechanism {other}"),
    };
    let mut exported = [0; 32];
    let schedule = Schedule::new(known.mechanism, AEAD, &known.shared, &known.info);
    schedule.expand(&schedule.exporter_secret, b"sec", b"subject", &mut exported);
    made.is_ok_and(|made| {
        made.public == known.public
            && made.encapsulated == known.encapsulated
            && made.exported == [exported; 2]
            && made.sealed.iter().eq(known.messages.iter().map(|[.., sealed]| sealed))
            && made.opened.iter().eq(known.messages.iter().map(|[_, plain, _]| plain))
    })
}

/// The key schedule of RFC 9180 §5.1, base mode, HKDF-SHA256.
struct Schedule {
    suite: Vec<u8>,
    key: [u8; 32],
    base_nonce: [u8; 12],
    exporter_secret: [u8; 32],
}

impl Schedule {
    fn new(mechanism: u64, aead: u64, shared: &[u8], info: &[u8]) -> Self {
        let numbers = [mechanism, 1, aead].map(|number| u16::try_from(number).unwrap().to_be_bytes());
        let suite = [b"HPKE", numbers.as_flattened()].concat();
        let mut schedule = Self { suite, key: [0; 32], base_nonce: [0; 12], exporter_secret: [0; 32] };
        let [no_key, info] =
            [(&b"psk_id_hash"[..], &b""[..]), (b"info_hash", info)].map(|(l, i)| schedule.extract(b"", l, i));
        let context = [&[0][..], &no_key, &info].concat();
        let secret = schedule.extract(shared, b"secret", b"");
        let (mut key, mut base_nonce, mut exporter_secret) = ([0; 32], [0; 12], [0; 32]);
        let key_length = if aead == 1 { 16 } else { 32 };
        schedule.expand(&secret, b"key", &context, &mut key[..key_length]);
        schedule.expand(&secret, b"base_nonce", &context, &mut base_nonce);
        schedule.expand(&secret, b"exp", &context, &mut exporter_secret);
        (schedule.key, schedule.base_nonce, schedule.exporter_secret) = (key, base_nonce, exporter_secret);
        schedule
    }

    fn extract(&self, salt: &[u8], label: &[u8], input: &[u8]) -> [u8; 32] {
        let input = [b"HPKE-v1", &self.suite[..], label, input].concat();
        Hkdf::<Sha256>::extract(Some(salt), &input).0.into()
    }

    fn expand(&self, secret: &[u8; 32], label: &[u8], info: &[u8], out: &mut [u8]) {
        let length = u16::try_from(out.len()).unwrap().to_be_bytes();
        let info = [&length[..], b"HPKE-v1", &self.suite, label, info].concat();
        Hkdf::<Sha256>::from_prk(secret).unwrap().expand(&info, out).unwrap();
    }
}

fn vault() -> Vault {
    Vault::open(VaultOptions { agreement: true, ..VaultOptions::new() }).unwrap()
}

#[test]
fn the_key_schedule_that_is_written_out_here_is_that_of_every_vector() {
    let vectors = vectors("hpke.json");
    for vector in &vectors {
        let known = Known::of_hpke(vector);
        let aead = vector["aead_id"].as_u64().unwrap();
        let schedule = Schedule::new(known.mechanism, aead, &known.shared, &known.info);
        let key = bytes(vector, "key");
        assert_eq!(schedule.key[..key.len()], key);
        assert_eq!(schedule.base_nonce[..], bytes(vector, "base_nonce"));
        assert_eq!(schedule.exporter_secret[..], bytes(vector, "exporter_secret"));
        for export in vector["exports"].as_array().unwrap() {
            let mut exported = vec![0; usize::try_from(export["L"].as_u64().unwrap()).unwrap()];
            let context = bytes(export, "exporter_context");
            schedule.expand(&schedule.exporter_secret, b"sec", &context, &mut exported);
            assert_eq!(exported, bytes(export, "exported_value"));
        }
    }
    assert_eq!(vectors.len(), 4);
}

#[test]
fn hpke_and_x_wing_answer_every_vector_rightly_and_a_changed_one_is_noticed() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    let known = || {
        let x_wing = vectors("x-wing.json");
        vectors("hpke.json").iter().map(Known::of_hpke).chain(x_wing.iter().map(Known::of_x_wing)).collect::<Vec<_>>()
    };
    let of = |mechanism: u64| known().iter().filter(|known| known.mechanism == mechanism).count();
    let messages: usize = known().iter().map(|known| known.messages.len()).sum();
    std::println!("X25519: {} vectors, X-Wing: {}, messages with AES-256-GCM: {messages}", of(0x0020), of(0x647A));
    assert_eq!((of(0x0020), of(0x647A)), (3, 4));
    assert!(messages >= 10);
    for known in known() {
        assert!(is_right(&vault, &known), "{:x}", known.mechanism);
    }
    // Each field of each vector matters.
    let changes: [(&str, Change); 6] = [
        ("randomness", |known| known.randomness[9] ^= 1),
        ("private", |known| known.private[9] ^= 1),
        ("public", |known| known.public[9] ^= 1),
        ("encapsulated", |known| known.encapsulated[9] ^= 1),
        ("shared", |known| known.shared[9] ^= 1),
        ("messages", |known| known.messages.iter_mut().for_each(|message| message[2][3] ^= 1)),
    ];
    for (what, change) in changes {
        for mut known in known().into_iter().filter(|known| what != "messages" || !known.messages.is_empty()) {
            change(&mut known);
            assert!(
                !is_right(&vault, &known),
                "{what} of {}",
                String::from(if known.mechanism == 0x20 { "X25519" } else { "X-Wing" })
            );
        }
    }
}
