//! `shokyo doctor`: what this host achieves and lacks for the stations that are to run on it. It changes nothing.

mod check;
mod exposure;
mod host;
mod machine;
mod memory;
mod show;
mod storage;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use check::Need::{Advised, Required};
use check::{Check, Finding, Need, Profile, State};
use host::Host;

/// Exit codes, beside 2 for a wrong command line.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 nothing is weak or bad; 2 the command line is wrong; 8 something is weak; 9 something is bad. What \
                                     could not be seen is named, and counts only with --strict. With --strict, whatever the profile requires \
                                     and is not good counts as bad, and what it only advises counts as weak when it is bad, and else not.";

const WEAK: u8 = 8;
const BAD: u8 = 9;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Which station the host is to run: says what of it is required.
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// What the profile requires must be good: weak or not seen is not enough.
    #[arg(long, requires = "profile")]
    strict: bool,
    /// A folder that the station writes to, such as a spool.
    #[arg(long, value_name = "DIR")]
    folder: Vec<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// A check, and how much it counts for a kiosk, an issuing system and a relay.
const fn check(name: &'static str, needs: [Need; 3], look: fn(&Host) -> Finding) -> Check {
    Check { name, needs, look }
}

/// All checks. A relay never has a key or a document in the clear: what protects these is only advised there.
const CHECKS: [Check; 16] = [
    check("locked-memory", [Required; 3], memory::locked_memory),
    check("swap", [Required, Required, Advised], memory::swap),
    check("hibernation", [Required, Required, Advised], memory::hibernation),
    check("core-pattern", [Required, Required, Advised], exposure::core_pattern),
    check("suid-dumpable", [Advised; 3], exposure::dumpable),
    check("hardening", [Required; 3], exposure::hardening),
    check("ptrace-scope", [Required, Required, Advised], exposure::ptrace_scope),
    check("secret-memory", [Advised; 3], memory::secret_memory),
    check("init-on-free", [Advised; 3], memory::init_on_free),
    check("temporary", [Required, Advised, Advised], storage::temporary),
    check("folders", [Required, Required, Advised], storage::folders),
    check("clock", [Required; 3], machine::clock),
    check("processor", [Required; 3], machine::processor),
    check("huge-pages", [Advised; 3], memory::huge_pages),
    check("page-merging", [Required, Required, Advised], memory::page_merging),
    check("build", [Required; 3], machine::build),
];

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let folders: Result<Vec<PathBuf>, _> = arguments
        .folder
        .iter()
        .map(|folder| {
            folder.canonicalize().map_err(|error| format!("{}: cannot be found ({})", folder.display(), error.kind()))
        })
        .collect();
    let host = match folders {
        Ok(folders) => Host::here(&folders),
        Err(reason) => return crate::fail(&reason),
    };
    let judged = check::judge(&CHECKS, &host, arguments.profile, arguments.strict);
    let worst = check::worst(&judged);
    // Whoever reads may have gone; the exit code still tells.
    let _ = if arguments.json {
        writeln!(std::io::stdout(), "{}", show::as_json(&judged, arguments.profile, arguments.strict))
    } else {
        show::as_text(&judged, arguments.strict)
    };
    match worst {
        State::Good | State::Unknown => ExitCode::SUCCESS,
        State::Weak => ExitCode::from(WEAK),
        State::Bad => ExitCode::from(BAD),
    }
}
