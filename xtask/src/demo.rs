//! The demonstration, and its negative control.

use crate::call::{Call, Failure};
use crate::steps::Outcome;
use crate::{checks, faults};

/// A test of the step before. With it cargo builds the program, from the dependencies that the tests have; alone it would be built
/// anew from others, which differ in features alone.
const WITH_PROGRAM: &str = "--test memory_core --no-run";

/// The exit code of `shokyo demo` when everything went right except that residue of the document was found.
const RESIDUE_FOUND: i32 = 3;

/// The command line, as [`program`] builds it.
pub const PROGRAM: &str = "target/library/release/shokyo";

/// Builds the command line as it is shipped.
pub fn program() -> Result<(), Failure> {
    checks::shipped(WITH_PROGRAM)?.run()
}

/// The document is delivered, erased and verified in four processes, and nothing of it is found afterwards.
pub fn run() -> Result<Outcome, Failure> {
    program()?;
    Call::new(PROGRAM, "demo").run()?;
    Ok(Outcome::Done)
}

/// The same command without wiping must find residue. Any other failure would not show that the scan can find something.
pub fn run_without_wiping() -> Result<Outcome, Failure> {
    faults::cargo(&format!("{} {WITH_PROGRAM}", faults::TESTS)).run()?;
    finds_residue(&Call::new(&format!("{}/release/shokyo", faults::FOLDER), "demo").unset("SHOKYO_FAULTS"))
}

fn finds_residue(demo: &Call) -> Result<Outcome, Failure> {
    match demo.exit_code()? {
        RESIDUE_FOUND => {
            println!("as it must be: residue was found (exit code {RESIDUE_FOUND})");
            Ok(Outcome::Done)
        }
        code => Err(demo
            .failure(format!("without wiping, exit code {RESIDUE_FOUND} (residue found) must come, but {code} came"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, finds_residue};

    #[test]
    fn only_residue_satisfies_the_negative_control() {
        let shell = |script: &str| Call::new("sh", "-c").argument(script);
        assert!(finds_residue(&shell("exit 3")).is_ok());
        assert!(finds_residue(&shell("exit 0")).is_err());
        assert!(finds_residue(&shell("exit 1")).is_err());
        assert!(finds_residue(&shell("kill -9 $$")).is_err());
        assert!(finds_residue(&Call::new("target/no-such-program", "")).is_err());
    }

    #[test]
    fn the_variable_that_switches_faults_off_is_not_inherited() {
        let call = Call::new("sh", "-c").argument("test -z \"${SHOKYO_FAULTS+set}\" && exit 3");
        assert!(finds_residue(&call.clone().set("SHOKYO_FAULTS", "")).is_err());
        assert!(finds_residue(&call.set("SHOKYO_FAULTS", "").unset("SHOKYO_FAULTS")).is_ok());
    }
}
