//! The comparison with the peers, `benches/versus`, which no other step builds.

use crate::call::{Call, Failure};
use crate::steps::Outcome;

/// It builds without a warning. Its figures belong to a quiet machine, so it is not run.
pub fn check() -> Result<Outcome, Failure> {
    Call::cargo("clippy --locked -p shokyo-versus -- -D warnings").run()?;
    Ok(Outcome::Done)
}
