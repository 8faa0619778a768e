//! The test vectors of docs/protocol.md: made anew by the machines, and read by programs that are not this project's.

use std::path::Path;

use crate::call::{Call, Failure};
use crate::faults;
use crate::steps::Outcome;

/// The published libraries are installed here and nowhere else.
const FOLDER: &str = "target/vectors";
const FILES: &str = "tests/vectors";

/// The decoder in Python finds every vector as docs/protocol.md says, and notices when one is changed.
pub fn run() -> Result<Outcome, Failure> {
    let python = format!("{FOLDER}/bin/python");
    if !Call::new(&python, "-m pip --version").succeeds_silently()
        && !Call::new("python3", &format!("-m venv --clear {FOLDER}")).succeeds_silently()
    {
        let how = "there is no Python with venv: sudo apt-get install --yes python3 python3-venv";
        return Ok(Outcome::Skipped(how.to_owned()));
    }
    let install = "-m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:";
    Call::new(&python, &format!("{install} --requirement {FILES}/requirements.txt")).run()?;
    let decoder = Call::new(&python, &format!("-B {FILES}/decode.py"));
    decoder.run()?;
    decoder.argument("--control").run()?;
    Ok(Outcome::Done)
}

/// Lets the machines make the vectors, with randomness that is known. They are deliberately worthless: so says the build that the
/// receipts in them name.
pub fn write() -> Result<(), Failure> {
    let folder = std::env::current_dir().map_err(|error| Failure::new(format!("the folder is gone: {error}")))?;
    let folder = folder.join(Path::new(FILES));
    let test = "--exact generate::writes_the_vectors --ignored";
    faults::cargo(&format!("test --locked --release --all-features --test vectors -- {test}"))
        .set("SHOKYO_FAULTS", "")
        .set("SHOKYO_VECTORS", &folder.to_string_lossy())
        .run()
}
