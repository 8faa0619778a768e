//! `cargo bench --bench issuance`: whole issuances through four processes, beside the same bytes moved and nothing else.
//!
//! The comparison is a package of its own, `benches/issuance`, because it needs the stations and starts itself again as each of
//! them. This program builds and runs it, and does nothing else; arguments after `--` are passed on.
#![allow(missing_docs)]

use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    command.args(["run", "--release", "--package", "shokyo-issuance", "--"]);
    // cargo tells every bench that it is one.
    command.args(std::env::args_os().skip(1).filter(|argument| argument != "--bench"));
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}
