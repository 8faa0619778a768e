//! A receipt, proofs and a checkpoint: small files, read whole.

use serde_json::{Value, json};
use shokyo::custody::log::{Checkpoint, Note};
use shokyo::receipt;

use super::{Finding, about_checkpoint};
use crate::custody::keys::Believed;
use crate::custody::prove::proof_from_json;
use crate::hexadecimal;

pub(super) fn receipt(bytes: &[u8], believed: &Believed) -> Result<Finding, String> {
    let claimed = receipt::read_unverified(bytes).map_err(|error| error.to_string())?;
    let key = believed.of_receipt(&claimed).ok_or(
        "no certificate for the key that the receipt names was given; give --certificate with --trust, or --config",
    )?;
    let problems: Vec<String> = receipt::verify(bytes, &key).err().iter().map(ToString::to_string).collect();
    Ok(Finding {
        text: claimed.statement.describe(),
        json: json!({
            "what": "receipt", "problems": problems, "hash": hexadecimal::encode(&receipt::hash(bytes)),
            "session": claimed.statement.session.to_string(), "event": claimed.statement.event.name(),
            "role": claimed.statement.role.name(), "station": claimed.statement.station,
        }),
        problems,
    })
}

/// What `custody prove` printed: each proof against the log's key, and each receipt against its station's.
pub(super) fn proofs(bytes: &[u8], believed: &Believed) -> Result<Finding, String> {
    let wrong = "it is no proof of `shokyo custody prove`";
    let value: Value = serde_json::from_slice(bytes).map_err(|_| wrong)?;
    let proofs = match &value["proofs"] {
        Value::Array(proofs) => proofs.iter().collect(),
        _ => vec![&value],
    };
    if proofs.is_empty() {
        return Err("there is no proof in it".into());
    }
    let log = believed.log()?;
    let (mut problems, mut lines) = (Vec::new(), Vec::new());
    for (index, value) in proofs.iter().enumerate() {
        let proof = proof_from_json(value).ok_or(wrong)?;
        let included = believed.logs.iter().map(|key| proof.verify(key)).find(Result::is_ok);
        match included.unwrap_or_else(|| proof.verify(log)) {
            Ok(checkpoint) => lines.push(format!(
                "receipt {} is entry {} of {}, which had {} entries",
                hexadecimal::encode(&receipt::hash(&proof.receipt)),
                proof.position,
                checkpoint.origin,
                checkpoint.size
            )),
            Err(error) => problems.push(format!("proof {}: {error}", index + 1)),
        }
        let claimed = receipt::read_unverified(&proof.receipt).map_err(|error| error.to_string())?;
        match believed.of_receipt(&claimed).map(|key| receipt::verify(&proof.receipt, &key)) {
            Some(Ok(_)) => {}
            Some(Err(error)) => problems.push(format!("proof {}: {error}", index + 1)),
            None if believed.knows_receipts() => {
                problems.push(format!("proof {}: no certificate for the receipt's key was given", index + 1));
            }
            None => lines.push("  its own signature was not checked: no certificate for its key was given".into()),
        }
    }
    let json = json!({ "what": "proof", "problems": problems, "included": lines });
    Ok(Finding { text: lines.join("\n"), json, problems })
}

pub(super) fn checkpoint(bytes: &[u8], believed: &Believed) -> Result<Finding, String> {
    let wrong = "it is neither a store, a receipt, a proof nor a checkpoint";
    let note = std::str::from_utf8(bytes).map_err(|_| wrong)?;
    let claimed = Note::parse(note).and_then(|note| Checkpoint::parse_text(note.text)).map_err(|_| wrong)?;
    let log = believed.log()?;
    let verified = believed.logs.iter().map(|key| Checkpoint::verify(note, key)).find(Result::is_ok);
    let problems: Vec<String> =
        verified.unwrap_or_else(|| Checkpoint::verify(note, log)).err().iter().map(ToString::to_string).collect();
    let Checkpoint { origin, size, root } = &claimed;
    let text = format!("checkpoint of {origin}, size {size}, root {}", hexadecimal::encode(root));
    Ok(about_checkpoint("checkpoint", text, &claimed, problems))
}
