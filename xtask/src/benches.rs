//! The benches that are packages of their own, `benches/versus` and `benches/issuance`, which no other step builds.

use crate::call::{Call, Failure};
use crate::library;
use crate::steps::Outcome;

/// They build without a warning, and whole issuances run once on a small scale. Figures belong to a quiet machine: no bar is judged.
pub fn check() -> Result<Outcome, Failure> {
    Call::cargo("clippy --locked -p shokyo-versus -p shokyo-issuance -- -D warnings").run()?;
    library::cargo("run -p shokyo-issuance -- quick")?.run()?;
    Ok(Outcome::Done)
}
