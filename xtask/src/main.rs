//! Set-up, checks and tests of the repository in one command: `cargo xtask test`.
//!
//! It only starts programs and compares their results. It never changes a source file; `cargo xtask header`, `abi`, `vectors`
//! and `fuzz --seeds` alone write into the tree, and only what is generated.

mod abi;
mod auditors;
mod bare;
mod benches;
mod c_program;
mod c_stations;
mod call;
mod checks;
mod cores;
mod cpp;
mod demo;
mod disassembly;
mod faults;
mod fuzz;
mod handover_model;
mod header;
mod injection;
mod install;
mod known_answers;
mod library;
mod misuse;
mod models;
mod mutants;
mod other_targets;
mod package;
mod packages;
mod processors;
mod report;
mod sanitizers;
mod soak;
mod steps;
mod vectors;
mod windows;

use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test [--quick]    everything that must hold before a change is taken in; --quick leaves out what takes long
cargo xtask step NAME…        the named steps of it alone, in this order
cargo xtask steps             the names of the steps and what each is for
cargo xtask soak              a million simulated handovers with faults; --sessions N, --seed S; --world SEED runs one world
                              again and prints what happens in it
cargo xtask header            write include/shokyo.h anew from src/ffi
cargo xtask install [--windows] --prefix DIR
                              build the C libraries and install them with header, pkg-config and CMake files;
                              --windows for Windows, with mingw-w64
cargo xtask abi               write include/shokyo.symbols and shokyo.abi anew, after something was added to the C interface;
                              --unreleased also when something changed that no release has
cargo xtask vectors           make the test vectors in tests/vectors anew, after a change of the protocol
cargo xtask known-answers     fetch the packages again from which tests/vectors/others was taken (60 MB), compare, and run all of
                              their vectors that apply
cargo xtask fuzz [--minutes N] [TARGET…]
                              every target of fuzz/, or the named ones, for N minutes each (10); --seeds writes the seeds anew
cargo xtask mutants [MODULE…] one change after another in src/MODULE, each of which a test must notice; takes hours
cargo xtask help              this text

Missing Debian packages are installed when the user is root; otherwise the command to install them is printed.
";

fn main() -> ExitCode {
    // Programs are started from the repository's root, wherever this command was given.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if let Err(error) = std::env::set_current_dir(&root) {
        eprintln!("the repository at {} cannot be entered: {error}", root.display());
        return ExitCode::FAILURE;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => steps::run(&steps::all(), false),
        ["test", "--quick"] => steps::run(&steps::all(), true),
        ["step", names @ ..] if !names.is_empty() => match steps::named(names) {
            Ok(chosen) => steps::run(&chosen, false),
            Err(unknown) => {
                eprintln!("there is no step {unknown}; `cargo xtask steps` names them");
                ExitCode::FAILURE
            }
        },
        ["steps"] => {
            steps::print();
            ExitCode::SUCCESS
        }
        ["vectors"] => told(vectors::write()),
        ["known-answers"] => told(known_answers::fetch()),
        ["soak", options @ ..] => told(soak::run(options)),
        ["install", options @ ..] => told(install::named(options)),
        ["abi"] => told(abi::write(false)),
        ["abi", "--unreleased"] => told(abi::write(true)),
        ["header"] => told(header::write()),
        ["fuzz", "--seeds"] => told(fuzz::seeds()),
        ["mutants", words @ ..] => told(mutants::run(words)),
        ["fuzz", words @ ..] => told(fuzz::long(words)),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{HELP}");
            ExitCode::FAILURE
        }
    }
}

fn told(outcome: Result<(), call::Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
