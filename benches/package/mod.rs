//! Builds and runs a comparison that is a package of its own, and does nothing else; arguments after `--` are passed on.

use std::path::Path;
use std::process::{Command, ExitCode};

pub(crate) fn run(package: &str) -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    command.args(["run", "--release", "--package", package, "--"]);
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
