//! `shokyo custody cosign`: the witness's side. It signs only what continues the history that it saw before, and keeps what it saw;
//! two histories of one log are kept as evidence and never signed.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use shokyo::custody::log::{AddCheckpoint, Decision, Evidence, NoteSigner, VerifierKey, decide};
use shokyo::error::Error;
use shokyo::station::config::Config;
use shokyo::station::notice::now;

use super::WRONG;
use crate::fail;
use crate::words::RED;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The request (the body of C2SP tlog-witness add-checkpoint), as `custody export --request` writes it.
    request: PathBuf,
    /// The verifier key of the other operator's log.
    #[arg(long = "log", value_name = "VKEY")]
    log: String,
    /// This station's configuration, whose key for its log signs.
    #[arg(long, value_name = "FILE.toml")]
    config: PathBuf,
    /// The folder in which this witness keeps what it saw of each log. Losing it means to believe the next checkpoint unseen.
    #[arg(long, value_name = "FOLDER")]
    state: PathBuf,
    /// Write the cosignature line to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match cosign(arguments) {
        Ok(code) => code,
        Err(reason) => fail(&reason),
    }
}

fn cosign(arguments: &Arguments) -> Result<ExitCode, String> {
    let said = |error: Error| error.to_string();
    let log = VerifierKey::parse(&arguments.log).map_err(said)?;
    let config = Config::load(&arguments.config).map_err(said)?;
    let signer = shokyo::station::log_key(&config).map_err(said)?;
    let body = fs::read_to_string(&arguments.request)
        .map_err(|error| format!("{}: {}", arguments.request.display(), error.kind()))?;
    let request = AddCheckpoint::parse(&body).map_err(said)?;
    let state = State::open(&arguments.state, &log).map_err(said)?;
    match decide(&log, state.seen().map_err(said)?.as_deref(), &request).map_err(said)? {
        Decision::Consistent(consistent) => {
            // Kept before anyone has the cosignature.
            state.keep(consistent.note()).map_err(said)?;
            let line = consistent.cosign(&signer, now().unix_ms / 1000).map_err(said)?;
            if let Some(file) = &arguments.out {
                fs::write(file, &line).map_err(|error| format!("{}: {}", file.display(), error.kind()))?;
            }
            if arguments.json {
                let size = consistent.checkpoint().size;
                let by = signer.verifier_key().to_string();
                anstream::println!("{}", json!({ "cosigned": true, "size": size, "line": line, "by": by }));
            } else if arguments.out.is_none() {
                anstream::print!("{line}");
            }
            Ok(ExitCode::SUCCESS)
        }
        Decision::Stale { size } => {
            if arguments.json {
                anstream::println!("{}", json!({ "cosigned": false, "old": size }));
            }
            Err(format!("this log was seen last at {size} entries; make the request with --old {size}"))
        }
        Decision::SplitView(evidence) => {
            let file = state.record("split-view", &evidence).map_err(said)?;
            let what = format!("the log has signed two histories; the evidence is in {}", file.display());
            Ok(refuse(arguments, "split-view", &what))
        }
        Decision::Unproven(evidence) => {
            let _kept = state.record("unproven", &evidence).map_err(said)?;
            Ok(refuse(arguments, "unproven", "the proof does not show that the log has only grown; nothing was signed"))
        }
    }
}

fn refuse(arguments: &Arguments, name: &str, what: &str) -> ExitCode {
    if arguments.json {
        anstream::println!("{}", json!({ "cosigned": false, "refused": name, "what": what }));
    } else {
        anstream::eprintln!("{RED}wrong:{RED:#} {what}");
    }
    ExitCode::from(WRONG)
}

/// What this witness saw last of one log, as a file; one process at a time decides.
struct State {
    folder: PathBuf,
    name: String,
    _lock: File,
}

const KEEPING: &str = "keeping what was seen of a log";

impl State {
    fn open(folder: &Path, log: &VerifierKey) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::io(KEEPING, &error);
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(".lock"));
        let lock = lock.map_err(failed)?;
        lock.lock().map_err(failed)?;
        // A log that has changed its key is the same log.
        Ok(Self { folder: folder.to_owned(), name: file_name(log.name()), _lock: lock })
    }

    fn seen(&self) -> Result<Option<String>, Error> {
        match fs::read_to_string(self.folder.join(&self.name)) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(KEEPING, &error)),
        }
    }

    fn keep(&self, note: &str) -> Result<(), Error> {
        self.write(&self.name, note)
    }

    /// Two checkpoints that one log signed, one after the other, and the proof that was offered.
    fn record(&self, kind: &str, evidence: &Evidence) -> Result<PathBuf, Error> {
        let name = format!("{}.{kind}-{}", self.name, now().unix_ms);
        let proof = AddCheckpoint { old: 0, proof: evidence.proof.clone(), checkpoint: evidence.offered.clone() };
        self.write(&name, &format!("{}\n{}", evidence.seen, proof.text()))?;
        Ok(self.folder.join(name))
    }

    /// Complete and durable, or as before.
    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let temporary = self.folder.join(".new");
        File::create(&temporary)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, self.folder.join(name)))
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(|error| Error::io(KEEPING, &error))
    }
}

/// A log's name as the name of a file: no two names share one, none leaves the folder, and none is a name that stands for something else.
fn file_name(of: &str) -> String {
    let mut name = String::new();
    for byte in of.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn no_two_logs_share_a_file() {
        assert_eq!(file_name("shokyo/town/issuer-1"), "shokyo%2Ftown%2Fissuer-1");
        assert_ne!(file_name("shokyo/a_b/c"), file_name("shokyo/a/b_c"));
        assert_ne!(file_name("a%2Fb"), file_name("a/b"));
        for odd in ["..", ".lock", ".new", "a/../b", "消去"] {
            assert!(!file_name(odd).contains(['.', '/']), "{odd}");
        }
    }
}
