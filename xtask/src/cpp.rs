//! The C++ layer `include/shokyo.hpp`: without a warning in every style, and every class of it at work.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::call::{Call, Failure};
use crate::steps::Outcome;
use crate::{demo, package};

const EACH_CLASS: &str = "tests/cpp/each_class.cpp";
const BUILT: &str = "target/cpp";

const LAYER: &str = "include/shokyo";
/// Functions of the C interface that have no class: they give a static text or a number, and are called as they are.
const NO_CLASS: [&str; 8] = [
    "shokyo_abi_version",
    "shokyo_cause_name",
    "shokyo_copy_class_name",
    "shokyo_not_covered_text",
    "shokyo_receipt_event_name",
    "shokyo_receipt_event_text",
    "shokyo_role_name",
    "shokyo_version",
];

/// How failures arrive: by the choice of the file, or because there are no exceptions.
const STYLES: [(&str, &str); 3] =
    [("exceptions", ""), ("results", "-DSHOKYO_RESULTS"), ("without-exceptions", "-fno-exceptions")];
const GCC: &str = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow";
const CLANG: &str = "-Weverything -Wno-padded -Wno-c++98-compat -Wno-c++98-compat-pedantic";

/// The header compiles strictly with each compiler that is there, and a program uses every class in each style.
pub fn run() -> Result<Outcome, Failure> {
    calls_every_function()?;
    let _ = fs::remove_dir_all(BUILT);
    fs::create_dir_all(BUILT).map_err(|error| Failure::new(format!("{BUILT}: {error}")))?;
    demo::program()?;
    let library = package::pkg_config("shared")?;
    for (compiler, warnings) in [("g++", GCC), ("clang++", CLANG)] {
        if !Call::new(compiler, "--version").succeeds_silently() {
            continue;
        }
        for (style, option) in STYLES {
            for standard in ["c++17", "c++20"] {
                Call::new(compiler, &format!("-x c++ -std={standard} {option} {warnings} -Werror -fsyntax-only"))
                    .arguments(&format!("-I{}/include -include shokyo.hpp /dev/null", package::PREFIX))
                    .run()?;
            }
            let program = format!("{BUILT}/each-class-{compiler}-{style}");
            Call::new(compiler, &format!("-std=c++17 {option} {GCC} -Werror -O2 -Wl,-z,now -o {program} {EACH_CLASS}"))
                .arguments(&library)
                .run()?;
            // A town of its own for each: a store is one process's.
            let keys = format!("{BUILT}/keys-{compiler}-{style}");
            Call::new(demo::PROGRAM, "keys init").argument(&keys).run()?;
            Call::new(&program, &keys).set("LD_LIBRARY_PATH", &format!("{}/lib", package::PREFIX)).run()?;
        }
    }
    Ok(Outcome::Done)
}

/// No function of the C interface was forgotten.
fn calls_every_function() -> Result<(), Failure> {
    let read =
        |path: &Path| fs::read_to_string(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())));
    let mut layer = read(Path::new("include/shokyo.hpp"))?;
    for entry in fs::read_dir(LAYER).map_err(|error| Failure::new(format!("{LAYER}: {error}")))?.flatten() {
        layer.push_str(&read(&entry.path())?);
    }
    let called: HashSet<&str> = layer.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let symbols = read(Path::new("include/shokyo.symbols"))?;
    let missing = symbols
        .lines()
        .filter(|name| name.starts_with("shokyo_"))
        .find(|name| called.contains(name) == NO_CLASS.contains(name));
    missing.map_or(Ok(()), |name| Err(Failure::new(format!("{LAYER} calls {name}, or is to call it: see NO_CLASS"))))
}
