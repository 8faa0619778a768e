//! `shokyo erase`: overwrites files in place and says honestly what that did.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use shokyo::Error;
use shokyo::media::{self, OverwriteOptions, Overwritten};

use crate::words::{BOLD, DIM, GREEN, YELLOW};

/// Exit codes, beside 2 for a wrong command line.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 every file was overwritten and every byte read back as zero; 1 one was refused or \
                                     failed, the reason is printed, and the others were done; 2 the command line is wrong.";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The files. Links, directories and devices are refused.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Leave the files, full of zeros, instead of truncating and unlinking them.
    #[arg(long)]
    keep: bool,
    /// Files of other users too, where root may write them.
    #[arg(long)]
    of_others: bool,
    /// Print one JSON object a file, one a line, instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut options = OverwriteOptions::default();
    options.keep = arguments.keep;
    options.of_others = arguments.of_others;
    let mut code = ExitCode::SUCCESS;
    for file in &arguments.files {
        let outcome = media::overwrite(file, options);
        if outcome.is_err() {
            code = ExitCode::FAILURE;
        }
        // Nobody who reads is no reason to leave the other files as they are.
        let _ = if arguments.json {
            writeln!(std::io::stdout(), "{}", as_json(file, &outcome))
        } else {
            match &outcome {
                Ok(done) => show(file, done),
                Err(error) => {
                    let _ = crate::fail(&format_args!("{}: {error}", file.display()));
                    Ok(())
                }
            }
        };
    }
    code
}

fn as_json(file: &Path, outcome: &Result<Overwritten, Error>) -> Value {
    let file = file.display().to_string();
    match outcome {
        Ok(done) => json!({
            "file": file,
            "claim": Overwritten::CLAIM,
            "bytes": done.bytes,
            "read_back": done.read_back.name(),
            "blocks": done.blocks.name(),
            "file_system": done.file_system,
            "removed": done.removed,
            "may_remain": done.remainders.iter()
                .map(|remainder| json!({ "name": remainder.name(), "text": remainder.to_string() }))
                .collect::<Vec<_>>(),
        }),
        Err(error) => json!({ "file": file, "error": error.to_string() }),
    }
}

fn show(file: &Path, done: &Overwritten) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    let (file, bytes, system) = (file.display(), done.bytes, &done.file_system);
    writeln!(out, "{BOLD}{file}{BOLD:#}: {GREEN}{}{GREEN:#}, {bytes} bytes on {system}", Overwritten::CLAIM)?;
    let read_back = match done.read_back {
        media::ReadBack::Device => "every byte read back as zero, from the device",
        media::ReadBack::Cache => "every byte read back as zero, through the page cache",
    };
    let blocks = match done.blocks {
        media::Blocks::Same => "the blocks are the same as before",
        media::Blocks::Moved => "the blocks are NOT the same as before",
        media::Blocks::Unknown => "whether the blocks are the same is not known",
    };
    let removed = if done.removed { "truncated and unlinked" } else { "the file stays, full of zeros" };
    writeln!(out, "  {read_back}; {blocks}; {removed}")?;
    writeln!(out, "  may remain:")?;
    for remainder in &done.remainders {
        let style = if remainder.is_general() { DIM } else { YELLOW };
        writeln!(out, "    {style}{:20} {remainder}{style:#}", remainder.name())?;
    }
    Ok(())
}
