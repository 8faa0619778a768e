//! Looking from outside for what stays behind, with every drawn key known: in cores that the kernel writes in the middle of an
//! operation, and after every call in every register and mapping; for both backends of AES-256-GCM.
//!
//! It shares the build with the other negative controls.

use crate::call::Failure;
use crate::faults;
use crate::steps::Outcome;

/// The test program, with *ring* and with RustCrypto.
pub fn run() -> Result<Outcome, Failure> {
    let tests = || faults::cargo(&format!("{} --test memory_cores", faults::TESTS)).set("SHOKYO_FAULTS", "");
    tests().unset("SHOKYO_BACKEND").run()?;
    tests().set("SHOKYO_BACKEND", "rustcrypto").run()?;
    Ok(Outcome::Done)
}
