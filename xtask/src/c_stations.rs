//! The kiosks and issuing systems of `bindings/c/stations` and `bindings/cpp/stations`, compiled strictly, among stations in Rust over real
//! connections: the test `c_stations`.

use std::env::current_dir;
use std::fs;

use crate::call::Failure;
use crate::steps::Outcome;
use crate::{c_program, checks, package};

const BUILT: &str = "target/c/stations";

/// Compiles them with the installed library in them, and starts the test with the command as it is shipped.
pub fn run() -> Result<Outcome, Failure> {
    package::installed()?;
    let library = package::pkg_config("static")?;
    for language in ["c", "cpp"] {
        let folder = format!("{BUILT}/{language}");
        fs::create_dir_all(&folder).map_err(|error| Failure::new(format!("{folder}: {error}")))?;
        for name in ["kiosk", "issuer"] {
            let source = format!("bindings/{language}/stations/{name}.{language}");
            c_program::compile(source.as_ref(), &format!("{folder}/{name}")).arguments(&library).run()?;
        }
    }
    let folder = current_dir().map_err(|error| Failure::new(format!("the current folder: {error}")))?.join(BUILT);
    checks::shipped("--test c_stations -- --include-ignored")?
        .set("SHOKYO_C_PROGRAMS", &folder.display().to_string())
        .run()?;
    Ok(Outcome::Done)
}
