//! Makes the vectors: a process whose randomness is a published sequence, so that the same bytes come out every time, and every
//! secret can be found again in the sequence by what was made from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::rand_core::{Infallible, TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeS, Serializable, setup_sender_with_rng};
use serde_json::{Value, json};
use shokyo::faults::{Fault, known_draw, set};
use shokyo::handover::{Frame, MessageType, Suite};

use super::cbor::items;
use super::check::{check, commitment, frame_hash, hash, hpke_open, public_key};
use super::refused::refused;
use super::session::{Session, folder};
use super::stations::{CHUNK, Stations};

/// More draws than three sessions take.
const DRAWS: u32 = 2048;

/// `cargo xtask vectors` starts it, alone in a process.
#[test]
#[ignore = "writes into the folder that SHOKYO_VECTORS names"]
fn writes_the_vectors() {
    let Some(to) = std::env::var_os("SHOKYO_VECTORS").map(PathBuf::from) else { return };
    set(&[Fault::KnownRandom]);
    let document: Vec<u8> = (0..2 * CHUNK + 22).map(|at| b"shokyo, a document of three chunks. "[at % 36]).collect();
    let sessions = [
        ("session-x-wing.json", "a whole session, X-Wing", Suite::XWing, false),
        ("session-x25519.json", "a whole session, X25519 chosen by the issuer", Suite::X25519, false),
        ("session-cancelled.json", "cancelled by the kiosk when the document was offered", Suite::X25519, true),
    ];
    for (file, title, suite, cancelled) in sessions {
        let session = session(title, suite, &document, cancelled);
        write(&to.join(file), &session.to_json());
        if !cancelled && suite == Suite::X25519 {
            write(&to.join("refused.json"), &json!(refused(&session)));
        }
    }
}

/// A change of the protocol shows here: the vectors are then made anew with `cargo xtask vectors`, and the change is one of the
/// protocol's version or of its specification.
#[test]
fn the_machines_still_make_the_same_vectors() {
    let to = tempfile::tempdir().unwrap();
    let test = "generate::writes_the_vectors";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--ignored"]).env("SHOKYO_FAULTS", "").env("SHOKYO_VECTORS", to.path());
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    for file in ["session-x-wing.json", "session-x25519.json", "session-cancelled.json", "refused.json"] {
        let made = std::fs::read_to_string(to.path().join(file)).unwrap();
        let kept = std::fs::read_to_string(folder().join(file)).unwrap();
        assert!(made == kept, "{file} is not what the machines make: cargo xtask vectors, and look at the difference");
    }
}

fn write(path: &Path, value: &Value) {
    std::fs::write(path, serde_json::to_string_pretty(value).unwrap() + "\n").unwrap();
}

fn session(title: &str, suite: Suite, document: &[u8], cancelled: bool) -> Session {
    let mut stations = Stations::new(suite, document, cancelled);
    stations.run();
    if cancelled {
        stations.late();
    }
    let frames = stations.frames;
    let mut session = Session {
        title: title.into(),
        stations: stations.known,
        secrets: BTreeMap::new(),
        frames,
        derived: Value::Null,
    };
    session.secrets = secrets(&session, suite);
    session.derived = check(&session).unwrap();
    session
}

/// The private keys and the randomness behind what is in the frames.
fn secrets(session: &Session, suite: Suite) -> BTreeMap<String, Vec<u8>> {
    let draws: Vec<[u8; 64]> = (0..DRAWS).map(known_draw).collect();
    let find = |what: &str, fits: &dyn Fn(&[u8; 64]) -> bool| -> [u8; 64] {
        *draws.iter().find(|draw| fits(draw)).unwrap_or_else(|| panic!("{what} was not drawn"))
    };
    let key =
        |public: &[u8]| find("a private key", &|draw| public_key(suite, &draw[..32]).unwrap() == public)[..32].to_vec();
    let body = |kind: MessageType| {
        let frame = session.frames.iter().find(|frame| Frame::decode(frame).unwrap().kind == kind)?;
        Some((frame_hash(frame), Frame::decode(frame).unwrap().body))
    };
    let mut secrets = BTreeMap::new();
    for (role, station) in &session.stations {
        for (name, public) in [("messages", station.messages), ("receipts", station.receipts)] {
            let seed = find("a signing key", &|draw| {
                let seed: [u8; 32] = draw[..32].try_into().unwrap();
                ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes() == public
            });
            secrets.insert(format!("station_{role}_{name}_seed"), seed[..32].to_vec());
        }
    }
    let [_, _, challenged, _, _] = items(body(MessageType::Challenge).unwrap().1).unwrap();
    let challenge = key(challenged.bytes().unwrap());
    let (context, apply) = body(MessageType::Apply).unwrap();
    let [header, encapsulated, sealed] = items(apply).unwrap();
    let [_, _, _, _, _, _, reply, _] = items(header.bytes().unwrap()).unwrap();
    let info = hash("shokyo application v1", &[header.bytes().unwrap()]);
    let encapsulation = encapsulated.bytes().unwrap();
    let (_, subject_key) =
        hpke_open(suite, &challenge, encapsulation, &info, b"application", sealed.bytes().unwrap()).unwrap();
    let randomness = |to: &[u8], encapsulated: &[u8]| {
        find("an encapsulation", &|draw| encapsulates(suite, draw, to) == encapsulated).to_vec()
    };
    secrets.insert("application_randomness".into(), randomness(challenged.bytes().unwrap(), encapsulation));
    secrets.insert("subject_key".into(), subject_key);
    secrets.insert("challenge_private".into(), challenge);
    secrets.insert("reply_private".into(), key(reply.bytes().unwrap()));
    let [_, _, _, committed, _] = items(body(MessageType::Offer).unwrap().1).unwrap();
    let committed = committed.hash().unwrap();
    let document = find("the document key", &|draw| commitment(&draw[..32], &context) == committed);
    secrets.insert("document_key".into(), document[..32].to_vec());
    if let Some((_, release)) = body(MessageType::Release) {
        let [encapsulated, _, _, _] = items(release).unwrap();
        secrets.insert("wrap_randomness".into(), randomness(reply.bytes().unwrap(), encapsulated.bytes().unwrap()));
    }
    secrets
}

/// Gives out what was drawn before.
struct Drawn<'d>(&'d [u8]);

impl TryRng for Drawn<'_> {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("encapsulations draw bytes")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("encapsulations draw bytes")
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        let (now, rest) = self.0.split_at(out.len());
        out.copy_from_slice(now);
        self.0 = rest;
        Ok(())
    }
}

impl TryCryptoRng for Drawn<'_> {}

fn encapsulates(suite: Suite, draw: &[u8; 64], to: &[u8]) -> Vec<u8> {
    fn encapsulated<K: Kem>(draw: &[u8; 64], to: &[u8]) -> Vec<u8> {
        let to = K::PublicKey::from_bytes(to).unwrap();
        let setup = setup_sender_with_rng::<AesGcm256, HkdfSha256, K>(&OpModeS::Base, &to, b"", &mut Drawn(draw));
        setup.unwrap().0.to_bytes().to_vec()
    }
    match suite {
        Suite::XWing => encapsulated::<XWing>(draw, to),
        Suite::X25519 => encapsulated::<X25519HkdfSha256>(draw, to),
    }
}
