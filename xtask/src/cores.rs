//! Looking from outside for what stays behind, with every drawn key known: in cores that the kernel writes in the middle of an
//! operation, and after every call in every register and mapping; for both backends of AES-256-GCM.
//!
//! It shares the build with the other negative controls.

use crate::call::Failure;
use crate::faults;
use crate::steps::Outcome;

/// The test program, with *ring* and the wipes of a processor without AVX, and with RustCrypto. The step `faults` has run it with
/// *ring* and this processor's own wipes.
pub fn run() -> Result<Outcome, Failure> {
    let tests = || faults::cargo(&format!("{} --test memory_cores", faults::TESTS)).set("SHOKYO_FAULTS", "");
    tests().unset("SHOKYO_BACKEND").set("SHOKYO_PROCESSOR", "sse2").run()?;
    tests().set("SHOKYO_BACKEND", "rustcrypto").unset("SHOKYO_PROCESSOR").run()?;
    Ok(Outcome::Done)
}
