//! `bindings/c/misuse`, a program that does what a caller must not, watched by everything that finds errors in memory and threads.

use std::fs;

use crate::call::{Call, Failure};
use crate::steps::Outcome;
use crate::{demo, package};

const SOURCES: &str = "bindings/c/misuse/main.c bindings/c/misuse/kinds.c bindings/c/misuse/stations.c";
const BUILT: &str = "target/misuse";
/// The exit code of valgrind when it found an error; none of the program's.
const FOUND: i32 = 9;
/// The exit codes of the program itself: what it is told to do wrong was not found.
const NOT_FOUND: [i32; 3] = [0, 2, 3];

/// Plain, with AddressSanitizer and UndefinedBehaviorSanitizer, with ThreadSanitizer, and under valgrind; each finds its control.
pub fn run() -> Result<Outcome, Failure> {
    package::installed()?;
    demo::program()?;
    fs::create_dir_all(BUILT).map_err(|error| Failure::new(format!("{BUILT}: {error}")))?;
    let plain = built("plain", "")?;
    plain.clone().argument(town("plain")?).run()?;
    watched(&built("addresses", "-fsanitize=address,undefined -fno-sanitize-recover=all")?, "--read-beyond-the-end")?;
    // The library is not instrumented, so its locks are not seen: what its copies do is not looked at, and the program's accesses are.
    let suppressions = format!("{BUILT}/suppressions");
    fs::write(&suppressions, "called_from_lib:libshokyo.so\n")
        .map_err(|error| Failure::new(format!("{suppressions}: {error}")))?;
    let threads = built("threads", "-fsanitize=thread")?;
    watched(&threads.set("TSAN_OPTIONS", &format!("suppressions={suppressions}")), "--race")?;
    if !Call::new("valgrind", "--version").succeeds_silently() {
        return Ok(Outcome::Partly("without valgrind: sudo apt-get install --yes valgrind libc6-dbg".to_owned()));
    }
    let valgrind = Call::new("valgrind", &format!("--quiet --error-exitcode={FOUND} --leak-check=full"))
        .arguments("--errors-for-leak-kinds=definite")
        .argument(format!("{BUILT}/plain"))
        .set("LD_LIBRARY_PATH", &format!("{}/lib", package::PREFIX));
    watched(&valgrind, "--read-beyond-the-end")?;
    Ok(Outcome::Done)
}

fn built(name: &str, sanitizers: &str) -> Result<Call, Failure> {
    let program = format!("{BUILT}/{name}");
    Call::new("gcc", &format!("-std=c11 -Wall -Wextra -Werror -pedantic -O1 -g {sanitizers} -o {program} {SOURCES}"))
        .arguments(&package::pkg_config("shared")?)
        .arguments("-pthread")
        .run()?;
    Ok(Call::new(&program, "").set("LD_LIBRARY_PATH", &format!("{}/lib", package::PREFIX)))
}

/// Nothing is found in the program, and what is wrong on purpose is.
fn watched(program: &Call, wrong: &str) -> Result<(), Failure> {
    program.clone().argument(town(wrong.trim_start_matches('-'))?).run()?;
    let control = program.clone().argument(wrong);
    match control.exit_code()? {
        code if NOT_FOUND.contains(&code) => Err(control.failure("an error that was made on purpose was not found")),
        _ => {
            println!("as it must be: the error was found");
            Ok(())
        }
    }
}

/// Stations for one run of the program: what an earlier one had left open would be lost sessions.
fn town(name: &str) -> Result<String, Failure> {
    let keys = format!("{BUILT}/keys-{name}");
    if fs::exists(&keys).unwrap_or_default() {
        fs::remove_dir_all(&keys).map_err(|error| Failure::new(format!("{keys}: {error}")))?;
    }
    Call::new(demo::PROGRAM, "keys init").argument(&keys).run()?;
    Ok(keys)
}
