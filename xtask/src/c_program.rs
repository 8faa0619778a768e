//! The programs of `bindings/c` and `bindings/cpp`, and the hosts of `tests/hosts` that misbehave, compiled strictly, linked in both ways and run.
//!
//! Every `.c` or `.cpp` file there is one program; it checks for itself and exits with 0.

use std::fs;
use std::path::{Path, PathBuf};

use crate::call::{Call, Failure};
use crate::cpp;
use crate::package;
use crate::steps::Outcome;

const PROGRAMS: [&str; 3] = ["bindings/c", "bindings/cpp", "tests/hosts"];
const BUILT: &str = "target/c";

/// Compiles and runs each program against the installed static and shared library, as pkg-config says.
pub fn run() -> Result<Outcome, Failure> {
    let programs = programs();
    if programs.is_empty() {
        return Ok(Outcome::Skipped("no programs".to_owned()));
    }
    package::installed()?;
    fs::create_dir_all(BUILT).map_err(|error| Failure::new(format!("{BUILT}: {error}")))?;
    for kind in ["static", "shared"] {
        let library = package::pkg_config(kind)?;
        for source in &programs {
            let name = source.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let program = format!("{BUILT}/{name}-{kind}");
            compile(source, &program).arguments(&library).run()?;
            let call = Call::new(&program, "");
            match kind {
                "static" => call.run()?,
                _ => call.set("LD_LIBRARY_PATH", &format!("{}/lib", package::PREFIX)).run()?,
            }
        }
    }
    cpp::run()
}

fn programs() -> Vec<PathBuf> {
    let entries = PROGRAMS.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "c" || extension == "cpp"));
    found.sort();
    found
}

/// The compiler's call up to the libraries. Symbols are bound at the start (`-z now`): binding them at the first call can write
/// registers that hold secrets to the stack.
pub fn compile(source: &Path, output: &str) -> Call {
    let (compiler, standard) = match source.extension() {
        Some(extension) if extension == "cpp" => ("c++", "-std=c++17"),
        _ => ("cc", "-std=c11"),
    };
    Call::new(compiler, standard)
        .arguments("-Wall -Wextra -Werror -pedantic -O2 -g -Wl,-z,now -o")
        .argument(output)
        .argument(source.display().to_string())
}
