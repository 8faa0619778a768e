//! The demonstration, and its negative control.

use crate::call::{Call, Failure};
use crate::faults;
use crate::steps::Outcome;

/// The exit code of `shokyo demo` when everything went right except that residue of the document was found.
const RESIDUE_FOUND: i32 = 3;

/// The document is delivered, erased and verified in four processes, and nothing of it is found afterwards.
pub fn run() -> Result<Outcome, Failure> {
    Call::cargo("build --locked --release --features cli --bin shokyo").run()?;
    Call::new("target/release/shokyo", "demo").run()?;
    Ok(Outcome::Done)
}

/// The same command without wiping must find residue. Any other failure would not show that the scan can find something.
pub fn run_without_wiping() -> Result<Outcome, Failure> {
    faults::cargo("build --locked --release --all-features --bin shokyo").run()?;
    let demo = Call::new(&format!("{}/release/shokyo", faults::FOLDER), "demo").unset("SHOKYO_FAULTS");
    match demo.exit_code()? {
        RESIDUE_FOUND => {
            println!("as it must be: residue was found (exit code {RESIDUE_FOUND})");
            Ok(Outcome::Done)
        }
        code => Err(demo
            .failure(format!("without wiping, exit code {RESIDUE_FOUND} (residue found) must come, but {code} came"))),
    }
}
