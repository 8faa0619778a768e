//! The models of the synchronisation of the arena and of the handles, built with the model checker's atomics in a folder of their own.

use crate::call::{Call, Failure};
use crate::steps::Outcome;

/// The folder of the build.
const FOLDER: &str = "target/loom";

/// Every order of the pool, the key cell, the list of arenas and a place of the table of handles that the memory model allows; and
/// defects put in on purpose are found. How many orders there were is printed.
pub fn run() -> Result<Outcome, Failure> {
    // Little optimisation: what takes time is building, and switching between the threads of a model.
    Call::cargo(&format!("test --locked --release --no-default-features --lib --target-dir {FOLDER} ::models::"))
        .set("RUSTFLAGS", "--cfg shokyo_loom")
        .set("CARGO_PROFILE_RELEASE_LTO", "off")
        .set("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .set("CARGO_PROFILE_RELEASE_DEBUG", "0")
        // Unset: the bounds are the models' own.
        .unset("LOOM_MAX_PREEMPTIONS")
        .unset("LOOM_MAX_PERMUTATIONS")
        .unset("LOOM_MAX_DURATION")
        .run()?;
    Ok(Outcome::Done)
}
