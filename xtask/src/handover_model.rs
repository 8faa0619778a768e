//! The model of the handover: every state of the real machines within bounds, built in a folder of its own.

use crate::call::{Call, Failure};
use crate::steps::Outcome;

/// The folder of the build.
const FOLDER: &str = "target/handover-model";

/// No state of the handover that is reached within the bounds breaks a claim of the protocol; and defects put in on purpose are found.
/// How many states there were is printed. `SHOKYO_MODEL=long` in the environment asks for larger bounds.
pub fn run() -> Result<Outcome, Failure> {
    Call::cargo(&format!(
        "test --locked --release --no-default-features --features alloc --lib --target-dir {FOLDER} --config"
    ))
    // Dependencies are built for the time that building takes: what they do is done once for each step of a station.
    .argument("profile.release.package.\"*\".opt-level=1")
    .arguments("handover::model:: -- --test-threads 1")
    .set("RUSTFLAGS", "--cfg shokyo_model")
    .set("CARGO_PROFILE_RELEASE_LTO", "off")
    .set("CARGO_PROFILE_RELEASE_OPT_LEVEL", "2")
    .set("CARGO_PROFILE_RELEASE_DEBUG", "0")
    .run()?;
    Ok(Outcome::Done)
}
