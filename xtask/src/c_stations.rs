//! The kiosk and the issuing system of `bindings/c/stations`, compiled strictly, among stations in Rust over real connections: the test
//! `c_stations`.

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
    fs::create_dir_all(BUILT).map_err(|error| Failure::new(format!("{BUILT}: {error}")))?;
    for name in ["kiosk", "issuer"] {
        let source = format!("bindings/c/stations/{name}.c");
        c_program::compile(source.as_ref(), &format!("{BUILT}/{name}")).arguments(&library).run()?;
    }
    let folder = current_dir().map_err(|error| Failure::new(format!("the current folder: {error}")))?.join(BUILT);
    checks::shipped("--test c_stations -- --include-ignored")?
        .set("SHOKYO_C_PROGRAMS", &folder.display().to_string())
        .run()?;
    Ok(Outcome::Done)
}
