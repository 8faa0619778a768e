//! `shokyo custody prove`: that receipts are in the log, for whoever holds nothing else of it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use shokyo::custody::log::NoteSigner;
use shokyo::custody::{LogKey, ReceiptProof, Store};
use shokyo::error::Error;
use shokyo::receipt;
use shokyo::station::config::Config;
use shokyo::types::SessionId;

use crate::{fail, hexadecimal};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The store.
    store: PathBuf,
    /// The receipt's hash (SHA-256 of its bytes), 64 hexadecimal digits.
    #[arg(long = "receipt", value_name = "HASH", required_unless_present = "sessions")]
    receipts: Vec<String>,
    /// All receipts of this session, 64 hexadecimal digits.
    #[arg(long = "session", value_name = "ID")]
    sessions: Vec<String>,
    /// The station's configuration: sign a COSE receipt of inclusion (RFC 9942) with its key for the log.
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Print the proofs on one line. They are JSON in any case.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match prove(arguments) {
        Ok(proofs) if arguments.json => {
            anstream::println!("{proofs}");
            ExitCode::SUCCESS
        }
        Ok(proofs) => {
            anstream::println!("{proofs:#}");
            ExitCode::SUCCESS
        }
        Err(reason) => fail(&reason),
    }
}

fn prove(arguments: &Arguments) -> Result<Value, String> {
    let said = |error: Error| error.to_string();
    let digits =
        |text: &String| hexadecimal::decode::<32>(text).ok_or_else(|| format!("{text} is not 64 hexadecimal digits"));
    let store = Store::open_read_only(&arguments.store).map_err(said)?;
    let signer = match &arguments.config {
        Some(file) => Some(Config::load(file).and_then(|config| shokyo::station::log_key(&config)).map_err(said)?),
        None => None,
    };
    let mut hashes = arguments.receipts.iter().map(digits).collect::<Result<Vec<_>, _>>()?;
    for session in &arguments.sessions {
        hashes.extend(store.receipt_hashes(SessionId(digits(session)?)).map_err(said)?);
    }
    if hashes.is_empty() {
        return Err("the store has no receipt of that session".into());
    }
    let mut proofs = Vec::new();
    for hash in hashes {
        let proof = store.prove(&hash).map_err(said)?;
        let proof = proof.ok_or_else(|| format!("the store has no receipt {}", hexadecimal::encode(&hash)))?;
        proofs.push(proof_as_json(&proof, signer.as_ref()).map_err(said)?);
    }
    Ok(json!({ "proofs": proofs }))
}

/// Bytes are hexadecimal. `entry`, `leaf` and `inclusion` are for others' tools: they follow from the rest.
fn proof_as_json(proof: &ReceiptProof, signer: Option<&LogKey>) -> Result<Value, Error> {
    let inclusion = signer.map(|signer| proof.inclusion_receipt(signer as &dyn NoteSigner)).transpose()?;
    Ok(json!({
        "receipt": hexadecimal::encode(&proof.receipt),
        "receipt_hash": hexadecimal::encode(&receipt::hash(&proof.receipt)),
        "own": proof.own,
        "stored_unix_ms": proof.stored_unix_ms,
        "position": proof.position,
        "salt": hexadecimal::encode(&proof.salt),
        "entry": hexadecimal::encode(&proof.entry()?),
        "leaf": hexadecimal::encode(&proof.leaf()?),
        "path": proof.path.iter().map(|hash| hexadecimal::encode(hash)).collect::<Vec<_>>(),
        "checkpoint": proof.checkpoint,
        "inclusion": inclusion.map(|bytes| hexadecimal::encode(&bytes)),
    }))
}

/// The proof that [`proof_as_json`] wrote.
pub(super) fn proof_from_json(value: &Value) -> Option<ReceiptProof> {
    let text = |name: &str| value[name].as_str();
    let path = value["path"].as_array()?.iter().map(|hash| hexadecimal::decode(hash.as_str()?));
    Some(ReceiptProof {
        receipt: hexadecimal::decode_all(text("receipt")?)?,
        own: value["own"].as_bool()?,
        stored_unix_ms: value["stored_unix_ms"].as_u64()?,
        position: value["position"].as_u64()?,
        salt: hexadecimal::decode(text("salt")?)?,
        path: path.collect::<Option<_>>()?,
        checkpoint: text("checkpoint")?.to_owned(),
    })
}
