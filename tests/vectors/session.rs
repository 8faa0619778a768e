//! A recorded session as it stands in a file: frames, the stations' public keys, and the secrets that a decoder needs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use shokyo::handover::{Frame, frame_hash};

/// What is known of a station besides its private keys.
#[derive(Clone, Debug)]
pub struct Station {
    pub station: String,
    pub operator: String,
    pub messages: [u8; 32],
    pub receipts: [u8; 32],
    pub certificate: Vec<u8>,
    pub receipt_certificate: Vec<u8>,
}

/// A session. Secrets and derived values are named byte strings, or numbers and lists as they are.
#[derive(Clone, Debug)]
pub struct Session {
    pub title: String,
    /// By the number of the role.
    pub stations: BTreeMap<u8, Station>,
    pub frames: Vec<Vec<u8>>,
    pub secrets: BTreeMap<String, Vec<u8>>,
    /// What the checks give, see [`check`](super::check).
    pub derived: Value,
}

/// The folder of the vectors.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    assert_eq!(text.len() % 2, 0, "hexadecimal digits come in pairs");
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

pub fn read(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

/// The bytes of a frame that must be refused, with its zeros where they belong.
pub fn with_zeros(vector: &Value) -> Vec<u8> {
    let mut frame = bytes(&vector["bytes"]);
    if let (Some(at), Some(zeros)) = (vector["at"].as_u64(), vector["zeros"].as_u64()) {
        let rest = frame.split_off(usize::try_from(at).unwrap());
        frame.resize(frame.len() + usize::try_from(zeros).unwrap(), 0);
        frame.extend(rest);
    }
    frame
}

impl Session {
    pub fn from_json(value: &Value) -> Self {
        let stations = value["stations"].as_array().unwrap().iter().map(|station| {
            let key = |name: &str| bytes(&station[name]).try_into().unwrap();
            let text = |name: &str| station[name].as_str().unwrap().to_string();
            let found = Station {
                station: text("station"),
                operator: text("operator"),
                messages: key("messages_public"),
                receipts: key("receipts_public"),
                certificate: bytes(&station["messages_certificate"]),
                receipt_certificate: bytes(&station["receipts_certificate"]),
            };
            (u8::try_from(station["role"].as_u64().unwrap()).unwrap(), found)
        });
        let secrets = value["secrets"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), bytes(value)));
        Self {
            title: value["title"].as_str().unwrap().into(),
            stations: stations.collect(),
            frames: value["frames"].as_array().unwrap().iter().map(|frame| bytes(&frame["bytes"])).collect(),
            secrets: secrets.collect(),
            derived: value["derived"].clone(),
        }
    }

    pub fn to_json(&self) -> Value {
        let stations: Vec<_> = self
            .stations
            .iter()
            .map(|(role, station)| {
                json!({
                    "role": role, "station": station.station, "operator": station.operator,
                    "messages_public": hexadecimal(&station.messages),
                    "messages_certificate": hexadecimal(&station.certificate),
                    "receipts_public": hexadecimal(&station.receipts),
                    "receipts_certificate": hexadecimal(&station.receipt_certificate),
                })
            })
            .collect();
        let frames: Vec<_> = self.frames.iter().map(|frame| described(frame)).collect();
        let secrets: Map<_, _> =
            self.secrets.iter().map(|(name, secret)| (name.clone(), json!(hexadecimal(secret)))).collect();
        json!({
            "title": self.title, "stations": stations, "frames": frames, "secrets": secrets, "derived": self.derived,
        })
    }
}

/// A frame with what a reader wants to know before decoding it.
fn described(bytes: &[u8]) -> Value {
    let frame = Frame::decode(bytes).unwrap();
    json!({
        "message": frame.kind.name(), "from": frame.role.name(), "hash": hexadecimal(&frame_hash(bytes)),
        "bytes": hexadecimal(bytes),
    })
}
