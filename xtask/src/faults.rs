//! The build with deliberate faults, in its own folder so that the ordinary build is not thrown away.
//!
//! Its binaries are for tests alone: without `SHOKYO_FAULTS` they do not wipe.

use std::path::{Path, PathBuf};

use crate::call::{Call, Failure};
use crate::steps::Outcome;

/// The folder of the build.
pub const FOLDER: &str = "target/faults";

/// What all steps with faults build: tests with the same features, so that dependencies are built once.
pub const TESTS: &str = "test --locked --release --all-features";

/// Dependencies that see neither keys nor plaintext and take long to optimise.
const UNOPTIMISED: [&str; 12] = [
    "clap",
    "clap_builder",
    "indicatif",
    "libsqlite3-sys",
    "proptest",
    "regex-automata",
    "regex-syntax",
    "rusqlite",
    "serde_json",
    "toml",
    "toml_parser",
    "tracing-subscriber",
];

/// The negative controls: what looks for residue must find it when wiping is switched off. And what reckons in pages, with larger
/// ones.
pub fn run() -> Result<Outcome, Failure> {
    let named = with_faults()?.iter().map(|name| format!(" --test {name}")).collect::<String>();
    cargo(&format!("{TESTS} --lib{named}")).set("SHOKYO_FAULTS", "").run()?;
    // As on a kernel with pages of 64 KiB and a processor without AVX.
    cargo(&format!(
        "{TESTS} --lib --test memory_core --test memory_limits --test memory_protections --test memory_residue"
    ))
    .set("SHOKYO_FAULTS", "")
    .set("SHOKYO_PAGE_SIZE", "65536")
    .set("SHOKYO_PROCESSOR", "sse2")
    .run()?;
    Ok(Outcome::Done)
}

/// The test programs that have something to do with faults, or with memory: what all others claim, the step `test` sees to.
fn with_faults() -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in read_folder(Path::new("tests"))? {
        let name = entry.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_program =
            entry.extension().is_some_and(|extension| extension == "rs") || entry.join("main.rs").is_file();
        if is_program && (name.starts_with("memory_") || speaks_of_faults(&entry)?) {
            names.push(name);
        }
    }
    names.sort();
    if names.len() < 10 { Err(Failure::new("the tests with faults are not found in tests/")) } else { Ok(names) }
}

fn speaks_of_faults(path: &Path) -> Result<bool, Failure> {
    if path.is_dir() {
        for entry in read_folder(path)? {
            if speaks_of_faults(&entry)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    let is_source = path.extension().is_some_and(|extension| extension == "rs");
    Ok(is_source && std::fs::read_to_string(path).map_err(|error| cannot_read(path, &error))?.contains("shokyo_faults"))
}

fn read_folder(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    Ok(entries.map_err(|error| cannot_read(path, &error))?.into_iter().map(|entry| entry.path()).collect())
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

/// A call of cargo that builds with the faults compiled in. Link-time optimisation is off: it takes minutes, and a control that
/// must find residue gains nothing from it.
pub fn cargo(arguments: &str) -> Call {
    Call::cargo(arguments)
        .options(&format!("--target-dir {FOLDER}"))
        .unoptimised("release", &UNOPTIMISED)
        .set("RUSTFLAGS", "--cfg shokyo_faults")
        .set("CARGO_PROFILE_RELEASE_LTO", "off")
}
