//! `shokyo custody verify`: a store, a published log, a receipt, a proof or a checkpoint, told by what the file is.

mod small;

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use shokyo::custody::log::{Checkpoint, Published};
use shokyo::custody::{EntryKind, LogCheck, LogReport, Store, verify_log};
use shokyo::error::Error;

use super::WRONG;
use super::keys::{Believed, Keys};
use crate::words::{GREEN, RED};
use crate::{fail, hexadecimal};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What to check: a store (SQLite), the folder of a published log, a receipt (COSE), a proof of `custody prove` (JSON), or a
    /// checkpoint (signed note).
    #[arg(value_name = "STORE|FOLDER|RECEIPT|PROOF|CHECKPOINT")]
    what: PathBuf,
    #[command(flatten)]
    keys: Keys,
    /// The log that is meant, when keys of several were given: shokyo/OPERATOR/STATION.
    #[arg(long, value_name = "ORIGIN")]
    log: Option<String>,
    /// A checkpoint of the log that you kept, for a store or a folder: only that shows that the newest entries were cut off.
    #[arg(long = "known", value_name = "FILE")]
    known: Vec<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// What was found of whatever was looked at.
struct Finding {
    json: Value,
    text: String,
    problems: Vec<String>,
}

/// The largest file that is read whole.
const LARGEST: u64 = 1 << 20;

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match check(arguments) {
        Ok(finding) => show(&finding, arguments.json),
        Err(reason) => fail(&reason),
    }
}

fn check(arguments: &Arguments) -> Result<Finding, String> {
    let mut believed = arguments.keys.load()?;
    believed.keep_log(arguments.log.as_deref())?;
    let file = &arguments.what;
    let unreadable = |error: std::io::Error| format!("{}: cannot be read ({})", file.display(), error.kind());
    let only_stores = |outcome| match arguments.known.as_slice() {
        [] => outcome,
        _ => Err("--known is compared with a store or a published log; leave it out for anything else".into()),
    };
    if file.is_dir() {
        return published(arguments, &believed);
    }
    let mut start = Vec::new();
    std::fs::File::open(file).and_then(|opened| opened.take(LARGEST).read_to_end(&mut start)).map_err(unreadable)?;
    match start.first() {
        Some(b'S') if start.starts_with(b"SQLite format 3\0") => store(arguments, &believed),
        Some(0xD2) => only_stores(small::receipt(&start, &believed)),
        Some(b'{' | b'[') => only_stores(small::proofs(&start, &believed)),
        _ => only_stores(small::checkpoint(&start, &believed)),
    }
}

fn show(finding: &Finding, as_json: bool) -> ExitCode {
    if as_json {
        anstream::println!("{}", finding.json);
    } else {
        for problem in &finding.problems {
            anstream::println!("{RED}wrong:{RED:#} {problem}");
        }
        anstream::println!("{}", finding.text);
        if finding.problems.is_empty() {
            anstream::println!("{GREEN}nothing wrong was found in what was checked{GREEN:#}");
        }
    }
    if finding.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(WRONG) }
}

fn store(arguments: &Arguments, believed: &Believed) -> Result<Finding, String> {
    let _one_at_least = believed.log()?;
    let known = kept(arguments)?;
    let store = Store::open_read_only(&arguments.what).map_err(|error| error.to_string())?;
    let keys = |unverified: &shokyo::receipt::Unverified| believed.of_receipt(unverified);
    let check = LogCheck { keys: &believed.logs, receipt_keys: &keys, known: &known };
    let report = verify_log(&store, &check).map_err(|error| error.to_string())?;
    let mut problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    let (told, mut count) = (report.problems.len() as u64, report.problem_count);
    let untold = count - told;
    if untold > 0 {
        problems.push(format!("and {untold} more"));
    }
    if report.checkpoint.is_none() {
        count += 1;
        problems.push("there is no checkpoint: nothing that the log says is signed".into());
    }
    if believed.knows_receipts() && report.receipts_without_key > 0 {
        count += 1;
        let receipts = report.receipts_without_key;
        problems.push(format!(
            "{receipts} receipts are not vouched for: no certificate for their stations' keys was given"
        ));
    }
    // What an auditor keeps, and an operator names as `previous-log-keys` before the key is changed.
    let keys: Vec<String> = believed.logs.iter().map(ToString::to_string).collect();
    let text = format!("{}\nverifier key: {}", log_as_text(&report), keys.join("\nverifier key: "));
    let mut json = log_as_json(&report, &problems, count);
    json["keys"] = json!(keys);
    Ok(Finding { json, text, problems })
}

fn log_as_text(report: &LogReport) -> String {
    let mut text = format!("{} entries", report.size);
    let kinds = EntryKind::ALL.iter().zip(report.entries).filter(|(_, count)| *count > 0);
    for (index, (kind, count)) in kinds.enumerate() {
        text.push_str(&format!("{} {count} {}", if index == 0 { ":" } else { "," }, kind.name()));
    }
    match &report.checkpoint {
        Some(newest) => text.push_str(&format!(
            "\nnewest checkpoint: {} of size {}, root {}; {} checkpoints compared",
            newest.origin,
            newest.size,
            hexadecimal::encode(&newest.root),
            report.checkpoints
        )),
        None => text.push_str("\nno checkpoint"),
    }
    text.push_str(&format!("\nreceipts: {} signatures verified", report.receipts_verified));
    if report.receipts_without_key > 0 {
        text.push_str(&format!(
            "; {} not checked, because no certificate for their keys was given",
            report.receipts_without_key
        ));
    }
    if report.expired > 0 {
        text.push_str(&format!("\nexpired in order: the rows of {} entries", report.expired));
    }
    text
}

fn log_as_json(report: &LogReport, problems: &[String], problem_count: u64) -> Value {
    json!({
        "what": "store",
        "problems": problems,
        "problem_count": problem_count,
        "size": report.size,
        "root": hexadecimal::encode(&report.root),
        "entries": EntryKind::ALL.iter().zip(report.entries)
            .map(|(kind, count)| (kind.name().to_owned(), json!(count)))
            .collect::<serde_json::Map<_, _>>(),
        "checkpoint": report.checkpoint.as_ref().map(|newest| json!({
            "origin": newest.origin, "size": newest.size, "root": hexadecimal::encode(&newest.root),
        })),
        "checkpoints_compared": report.checkpoints,
        "receipts_verified": report.receipts_verified,
        "receipts_without_key": report.receipts_without_key,
        "expired": report.expired,
    })
}

/// The checkpoints that the auditor kept.
fn kept(arguments: &Arguments) -> Result<Vec<String>, String> {
    let read = |file: &PathBuf| {
        std::fs::read_to_string(file).map_err(|error| format!("{}: cannot be read ({})", file.display(), error.kind()))
    };
    arguments.known.iter().map(read).collect()
}

fn published(arguments: &Arguments, believed: &Believed) -> Result<Finding, String> {
    let published = Published::open(&arguments.what, believed.log()?).map_err(|error| error.to_string())?;
    let mut problems: Vec<String> = published.check().err().iter().map(ToString::to_string).collect();
    for (file, note) in arguments.known.iter().zip(kept(arguments)?) {
        let checkpoint = Checkpoint::verify(&note, believed.log()?);
        match checkpoint.and_then(|kept| published.extends(&kept).map(|()| kept)) {
            Err(Error::OutOfRange { at, length }) => problems.push(format!(
                "{}: you kept it, it covers {at} entries, and the log has only {length}: it was cut off or put back",
                file.display()
            )),
            Err(error) => problems.push(format!("{}: {error}", file.display())),
            Ok(_) => {}
        }
    }
    let Checkpoint { origin, size, root } = published.checkpoint();
    let text = format!("published log {origin} of size {size}, root {}", hexadecimal::encode(root));
    Ok(about_checkpoint("published-log", text, published.checkpoint(), problems))
}

/// What is told of a checkpoint, whatever brought it.
fn about_checkpoint(what: &str, text: String, checkpoint: &Checkpoint, problems: Vec<String>) -> Finding {
    let Checkpoint { origin, size, root } = checkpoint;
    let root = hexadecimal::encode(root);
    let json = json!({ "what": what, "problems": problems, "origin": origin, "size": size, "root": root });
    Finding { json, text, problems }
}
