//! The build with deliberate faults, in its own folder so that the ordinary build is not thrown away.
//!
//! Its binaries are for tests alone: without `SHOKYO_FAULTS` they do not wipe.

use crate::call::{Call, Failure};
use crate::steps::Outcome;

/// The folder of the build.
pub const FOLDER: &str = "target/faults";

/// The negative controls: what looks for residue must find it when wiping is switched off. And what reckons in pages, with larger
/// ones.
pub fn run() -> Result<Outcome, Failure> {
    let tests = "test --locked --release --all-features --lib";
    cargo(&format!("{tests} --tests")).set("SHOKYO_FAULTS", "").run()?;
    // As on a kernel with pages of 64 KiB.
    cargo(&format!("{tests} --test memory_core --test memory_limits --test memory_protections --test memory_residue"))
        .set("SHOKYO_FAULTS", "")
        .set("SHOKYO_PAGE_SIZE", "65536")
        .run()?;
    Ok(Outcome::Done)
}

/// A call of cargo that builds with the faults compiled in. Link-time optimisation is off: it takes minutes, and a control that
/// must find residue gains nothing from it.
pub fn cargo(arguments: &str) -> Call {
    let (command, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    Call::cargo(&format!("{command} --target-dir {FOLDER} {rest}"))
        .set("RUSTFLAGS", "--cfg shokyo_faults")
        .set("CARGO_PROFILE_RELEASE_LTO", "off")
}
