//! The build with deliberate faults, in its own folder so that the ordinary build is not thrown away.
//!
//! Its binaries are for tests alone: without `SHOKYO_FAULTS` they do not wipe.

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
    cargo(&format!("{TESTS} --lib --tests")).set("SHOKYO_FAULTS", "").run()?;
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

/// A call of cargo that builds with the faults compiled in. Link-time optimisation is off: it takes minutes, and a control that
/// must find residue gains nothing from it.
pub fn cargo(arguments: &str) -> Call {
    let (command, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    UNOPTIMISED
        .iter()
        .fold(Call::cargo(&format!("{command} --target-dir {FOLDER}")), |call, name| {
            call.argument("--config").argument(format!("profile.release.package.{name}.opt-level=0"))
        })
        .arguments(rest)
        .set("RUSTFLAGS", "--cfg shokyo_faults")
        .set("CARGO_PROFILE_RELEASE_LTO", "off")
}
