//! The programs of `bindings/c`, and the hosts of `tests/hosts` that misbehave, compiled strictly, linked in both ways and run.
//!
//! Every `.c` or `.cpp` file there is one program; it checks for itself and exits with 0.

use std::fs;
use std::path::{Path, PathBuf};

use crate::call::{Call, Failure};
use crate::steps::Outcome;

const PROGRAMS: [&str; 2] = ["bindings/c", "tests/hosts"];
const BUILT: &str = "target/c";
const LIBRARIES: &str = "target/release";

/// The shared library of [`build_library`].
pub const SHARED_LIBRARY: &str = "target/release/libshokyo.so";

/// What Rust's standard library needs from the system (`rustc --print native-static-libs` on Linux with glibc).
const SYSTEM_LIBRARIES: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

/// How the shared library is linked: `dlclose` must not take away code whose locked memory and handles live on; a symbol that is
/// bound at its first call can write registers that hold secrets to the stack; what was bound cannot be changed afterwards.
const LINKED: &str = "-C link-arg=-Wl,-z,nodelete,-z,now,-z,relro";

/// Compiles and runs each program against the static and against the shared library.
pub fn run() -> Result<Outcome, Failure> {
    let programs = programs();
    if programs.is_empty() {
        return Ok(Outcome::Skipped("no programs".to_owned()));
    }
    build_library("")?;
    linked_to_stay(SHARED_LIBRARY)?;
    fs::create_dir_all(BUILT).map_err(|error| Failure::new(format!("{BUILT}: {error}")))?;
    for source in programs {
        let name = source.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let compiled = |kind: &str| format!("{BUILT}/{name}-{kind}");
        compile_static(&source, &compiled("static")).run()?;
        Call::new(&compiled("static"), "").run()?;
        compile(&source, &compiled("shared")).arguments(&format!("-L{LIBRARIES} -lshokyo")).run()?;
        Call::new(&compiled("shared"), "").set("LD_LIBRARY_PATH", LIBRARIES).run()?;
    }
    Ok(Outcome::Done)
}

/// The compiler's call for a program with the static library of [`build_library`] in it.
pub fn compile_static(source: &Path, output: &str) -> Call {
    compile(source, output).argument(format!("{LIBRARIES}/libshokyo.a")).arguments(SYSTEM_LIBRARIES)
}

/// Builds the libraries as they are shipped, with these flags of the compiler besides.
pub fn build_library(flags: &str) -> Result<(), Failure> {
    Call::cargo("rustc --locked --release --lib --features capi --crate-type staticlib,cdylib --")
        .arguments(LINKED)
        .arguments(flags)
        .run()
}

/// What the linker was asked for has reached the library: it is never unloaded, and its symbols are bound at the start.
fn linked_to_stay(library: &str) -> Result<(), Failure> {
    Call::new("sh", "-c").argument(format!("LC_ALL=C readelf -d {library} | grep 'FLAGS_1.*NOW.*NODELETE'")).run()
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
fn compile(source: &Path, output: &str) -> Call {
    let (compiler, standard) = match source.extension() {
        Some(extension) if extension == "cpp" => ("c++", "-std=c++17"),
        _ => ("cc", "-std=c11"),
    };
    Call::new(compiler, standard)
        .arguments("-Wall -Wextra -Werror -pedantic -O2 -g -Iinclude -Wl,-z,now -o")
        .argument(output)
        .argument(source.display().to_string())
}
