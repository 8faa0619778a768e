//! The C++ layer `include/shokyo.hpp`: without a warning in every style, and every class of it at work.

use std::fs;

use crate::call::{Call, Failure};
use crate::steps::Outcome;
use crate::{demo, package};

const EACH_CLASS: &str = "tests/cpp/each_class.cpp";
const BUILT: &str = "target/cpp";

/// How failures arrive: by the choice of the file, or because there are no exceptions.
const STYLES: [(&str, &str); 3] =
    [("exceptions", ""), ("results", "-DSHOKYO_RESULTS"), ("without-exceptions", "-fno-exceptions")];
const GCC: &str = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow";
const CLANG: &str = "-Weverything -Wno-padded -Wno-c++98-compat -Wno-c++98-compat-pedantic";

/// The header compiles strictly with each compiler that is there, and a program uses every class in each style.
pub fn run() -> Result<Outcome, Failure> {
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
