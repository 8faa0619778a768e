//! `shokyo custody export`: the log as static files, the receipts for an auditor, and the request to a witness.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use shokyo::custody::Store;
use shokyo::custody::log::{Folder, VerifierKey, verify_cosigned};
use shokyo::error::Error;
use shokyo::receipt;

use super::keys::Keys;
use crate::{fail, hexadecimal};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The store.
    store: PathBuf,
    #[command(flatten)]
    keys: Keys,
    /// Publish the checkpoint, the tiles and the salted leaves into this folder (C2SP tlog-tiles); again and again into the same.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Write every receipt into this folder, HASH.cose each: for an auditor, not for everyone.
    #[arg(long, value_name = "FOLDER")]
    receipts: Option<PathBuf>,
    /// Write the request to a witness (C2SP tlog-witness, add-checkpoint) that saw the log last at --old entries.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// How many entries the witness saw last; 0 when it never saw the log.
    #[arg(long, value_name = "SIZE", default_value_t = 0, requires = "request")]
    old: u64,
    /// A witness's answer to the request for the newest checkpoint: published with it.
    #[arg(long = "cosignature", value_name = "FILE", requires_all = ["to", "witnesses"])]
    cosignatures: Vec<PathBuf>,
    /// The verifier key of a witness, whose cosignature must be among those that are given.
    #[arg(long = "witness", value_name = "VKEY", requires = "cosignatures")]
    witnesses: Vec<String>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match export(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => fail(&reason),
    }
}

fn export(arguments: &Arguments) -> Result<(), String> {
    if arguments.to.is_none() && arguments.receipts.is_none() && arguments.request.is_none() {
        return Err("nothing to write; give --to, --receipts or --request".into());
    }
    let said = |error: Error| error.to_string();
    let store = Store::open_read_only(&arguments.store).map_err(said)?;
    let believed = arguments.keys.load()?;
    let (mut published, mut receipts) = (None, None);
    if let Some(to) = &arguments.to {
        let lines = cosignatures(arguments, &store, believed.log()?)?;
        let folder = Folder::open(to).map_err(said)?;
        published = Some(store.publish(&folder, believed.log()?, &lines).map_err(said)?);
    }
    if let Some(folder) = &arguments.receipts {
        receipts = Some(write_receipts(&store, folder)?);
    }
    if let Some(file) = &arguments.request {
        let request = store.cosign_request(arguments.old).map_err(said)?;
        fs::write(file, request.text()).map_err(|error| format!("{}: {}", file.display(), error.kind()))?;
    }
    if arguments.json {
        let written = json!({ "files_published": published, "receipts": receipts, "request": arguments.request });
        anstream::println!("{written}");
    } else {
        for (count, what) in [(published, "files of the log"), (receipts, "receipts")] {
            if let Some(count) = count {
                anstream::println!("wrote {count} {what}");
            }
        }
    }
    Ok(())
}

/// The lines to add to the newest checkpoint, once they are shown to be the witnesses'.
fn cosignatures(arguments: &Arguments, store: &Store, log: &VerifierKey) -> Result<Vec<String>, String> {
    let said = |error: Error| error.to_string();
    let read =
        |file: &PathBuf| fs::read_to_string(file).map_err(|error| format!("{}: {}", file.display(), error.kind()));
    let lines = arguments.cosignatures.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if lines.is_empty() {
        return Ok(lines);
    }
    let witnesses =
        arguments.witnesses.iter().map(|key| VerifierKey::parse(key)).collect::<Result<Vec<_>, _>>().map_err(said)?;
    let mut note = store.newest_checkpoint().map_err(said)?.unwrap_or_default();
    for line in &lines {
        note = shokyo::custody::log::add_line(&note, line).map_err(said)?;
    }
    let cosigned = verify_cosigned(&note, log, &witnesses).map_err(said)?;
    match cosigned.missing.first() {
        None => Ok(lines),
        Some(missing) => {
            Err(format!("no cosignature of {} over the newest checkpoint is there; ask it again", missing.name()))
        }
    }
}

/// Writes those that are not there yet, and returns how many. A file is named by what is in it, and is whole or not there.
fn write_receipts(store: &Store, folder: &Path) -> Result<u64, String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {}", folder.display(), error.kind()))?;
    let mut written = 0;
    store.each_receipt(|kept, receipt| {
        let hash = receipt::hash(receipt);
        if hash != kept {
            let (kept, hash) = (hexadecimal::encode(&kept), hexadecimal::encode(&hash));
            return Err(Stop(format!("the receipt on record as {kept} is {hash}: run custody verify on the store")));
        }
        let file = folder.join(format!("{}.cose", hexadecimal::encode(&hash)));
        written += u64::from(write_once(&file, receipt).map_err(|error| Stop(format!("{}: {error}", file.display())))?);
        Ok(())
    })?;
    sync(folder).map_err(|error| format!("{}: {}", folder.display(), error.kind()))?;
    Ok(written)
}

/// Whether it was written: a file with these bytes is left, one with others is refused, and a crash leaves no part of one.
fn write_once(file: &Path, bytes: &[u8]) -> Result<bool, String> {
    let said = |error: io::Error| error.kind().to_string();
    match fs::read(file) {
        Ok(there) if there == bytes => return Ok(false),
        Ok(_) => return Err("it holds something else than the receipt; move it away and look who wrote it".into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(said(error)),
    }
    let temporary = file.with_extension(format!("{}.new", std::process::id()));
    let written = File::options().write(true).create_new(true).open(&temporary).and_then(|mut new| {
        let done = new.write_all(bytes).and_then(|()| new.sync_all()).and_then(|()| fs::rename(&temporary, file));
        if done.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        done
    });
    written.map(|()| true).map_err(said)
}

/// Makes the names of the files in a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Why writing receipts ended early.
struct Stop(String);

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl From<Stop> for String {
    fn from(stop: Stop) -> Self {
        stop.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_receipts_file_is_whole_and_no_other_is_taken_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("00.cose");
        assert_eq!(write_once(&file, b"receipt"), Ok(true));
        assert_eq!(write_once(&file, b"receipt"), Ok(false), "the control: the same bytes are fine");
        // What a crash in the middle of an older version's writing left, and what somebody put there.
        for other in [&b"rec"[..], b"", b"receiqt"] {
            fs::write(&file, other).unwrap();
            assert!(write_once(&file, b"receipt").unwrap_err().contains("something else"));
            assert_eq!(fs::read(&file).unwrap(), other, "it is left as it was");
        }
        assert!(write_once(&folder.path().join("none/00.cose"), b"receipt").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }
}
