//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shokyo::types::Role;

use crate::custody::CustodyCommand;

/// Documents that may exist only for minutes: sealed once, handed over once, erased everywhere, with evidence.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all is well; 1 something failed, the reason is printed; 2 the command line is wrong; \
                          3 residue of a document was found in memory; 4 the document is too plain for a scan to tell; \
                          5 something is wrong with the evidence; 6 to 9 as `scan` and `doctor` say in their own help; 130 stopped \
                          with Ctrl-C.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send a real PDF through all four systems on this machine, erase it everywhere, and check the evidence.
    #[command(after_help = EXIT_CODES)]
    Demo(DemoArguments),
    /// Run one of the four systems until Ctrl-C.
    Station(StationArguments),
    /// Overwrite files in place, and say what that did and what may remain. No file can be *erased* through a file system.
    #[command(after_help = crate::erase::EXIT_CODES)]
    Erase(crate::erase::Arguments),
    /// Look for what is left of secrets in a process or a core file, from outside (Linux).
    #[cfg(target_os = "linux")]
    #[command(after_help = crate::scan::EXIT_CODES)]
    Scan(crate::scan::Arguments),
    /// Say what this host achieves and lacks, and what to do about it. Changes nothing (Linux).
    #[cfg(target_os = "linux")]
    #[command(after_help = crate::doctor::EXIT_CODES)]
    Doctor(crate::doctor::Arguments),
    /// Make keys and certificates.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Verify, publish and cosign a station's evidence.
    #[command(subcommand)]
    Custody(CustodyCommand),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// The document to issue; a fictional certificate when it is left out.
    #[arg(long, value_name = "PDF")]
    pub(crate) file: Option<PathBuf>,
    /// How many times to issue it, one after the other.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) count: u32,
    /// Write what the kiosk delivers to this file, IN THE CLEAR.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StationArguments {
    /// Which system to run.
    pub(crate) kind: StationKind,
    /// The station's configuration (TOML); `shokyo keys init` makes an example.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Listen here instead of where the configuration says.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Connect here instead of where the configuration says.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) upstream: Option<String>,
    /// Print one JSON object a line instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// Take commands as JSON objects, one a line, from standard input; its end stops the station.
    #[arg(long)]
    pub(crate) control: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StationKind {
    /// The automatic issuing system.
    Issuer,
    /// The EC centre or the certificate centre, as its configuration says.
    Relay,
    /// The kiosk.
    Kiosk,
}

impl StationKind {
    /// Whether a configuration for this role is one for this kind of station.
    pub(crate) fn fits(self, role: Role) -> bool {
        match self {
            Self::Issuer => role == Role::Issuer,
            Self::Relay => role.is_relay(),
            Self::Kiosk => role == Role::Kiosk,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a development infrastructure in a new folder: three authorities, four stations, four configurations.
    Init {
        /// The folder; it must not exist or be empty.
        directory: PathBuf,
    },
}
