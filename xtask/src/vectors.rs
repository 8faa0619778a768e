//! The test vectors of docs/protocol.md, made anew by the machines and read by programs that are not this project's; and those of others.

use std::path::Path;

use crate::call::{Call, Failure};
use crate::faults;
use crate::known_answers;
use crate::steps::Outcome;

/// The published libraries are installed here and nowhere else.
const FOLDER: &str = "target/vectors";
const FILES: &str = "tests/vectors";

/// The vectors of others are answered rightly; the decoder in Python finds every vector of the protocol as docs/protocol.md says, and
/// notices when one is changed.
pub fn run() -> Result<Outcome, Failure> {
    known_answers::run()?;
    let Some(python) = python()? else { return Ok(Outcome::Skipped(NO_PYTHON.to_owned())) };
    let decoder = Call::new(&python, &format!("-B {FILES}/decode.py"));
    decoder.run()?;
    decoder.argument("--control").run()?;
    Ok(Outcome::Done)
}

/// Why there is no [`python`], and what to do.
pub const NO_PYTHON: &str = "there is no Python with venv: sudo apt-get install --yes python3 python3-venv";

/// A Python that has the published libraries, installed into the folder with their hashes checked; `None` without Python.
pub fn python() -> Result<Option<String>, Failure> {
    let python = format!("{FOLDER}/bin/python");
    if !Call::new(&python, "-m pip --version").succeeds_silently()
        && !Call::new("python3", &format!("-m venv --clear {FOLDER}")).succeeds_silently()
    {
        return Ok(None);
    }
    let install = "-m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:";
    Call::new(&python, &format!("{install} --requirement {FILES}/requirements.txt")).run()?;
    Ok(Some(python))
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
