//! The steps, their order, and how they are run: stopping at the first that does not hold.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::call::Failure;
use crate::{
    auditors, bare, benches, c_program, c_stations, checks, cores, demo, disassembly, faults, fuzz, handover_model,
    header, injection, misuse, models, package, packages, processors, report, sanitizers, soak, vectors, windows,
};

/// How a step ended that did not fail.
pub enum Outcome {
    /// Everything it is for was done.
    Done,
    /// Done, but for this reason less than it is for.
    Partly(String),
    /// Nothing was done, for this reason.
    Skipped(String),
}

/// One thing that must hold.
#[derive(Clone, Copy)]
pub struct Step {
    name: &'static str,
    purpose: &'static str,
    quick: bool,
    run: fn() -> Result<Outcome, Failure>,
}

/// All steps: the cheap ones that fail most often first.
pub fn all() -> Vec<Step> {
    let step = |name, purpose, quick, run| Step { name, purpose, quick, run };
    vec![
        step("packages", "the programs and libraries that the other steps start", true, packages::run),
        step("format", "rustfmt changes nothing", true, checks::format),
        step("header", "include/shokyo.h says what src/ffi does", true, header::check),
        step("clippy", "no warning, with every combination of features that matters", true, checks::clippy),
        step("bare", "the core builds and runs where there is no operating system and no allocator", true, bare::run),
        step("test", "tests and documentation tests, default features and all", true, checks::test),
        step(
            "vectors",
            "vectors of others are answered rightly; programs of others read the protocol's vectors, and notice a changed one",
            true,
            vectors::run,
        ),
        step(
            "auditors",
            "openssl, sqlite3, Python's and Go's libraries verify a store, its log and receipts, and notice each change",
            true,
            auditors::run,
        ),
        step("report", "a browser shows the report in both languages, wide, narrow and on A4", false, report::run),
        step("documentation", "the documentation builds without a warning", true, checks::documentation),
        step(
            "release",
            "tests as shipped: the optimiser removes no wipe, the clean room is large enough",
            false,
            checks::release,
        ),
        step("soak", "20,000 simulated handovers with faults, on the machines as shipped", false, soak::step),
        step("disassembly", "the shipped library stores, then loads every byte that it wipes", false, disassembly::run),
        step(
            "models",
            "no order of threads loses a wake-up, a key, an arena or a handle's object; defects are found",
            false,
            models::run,
        ),
        step(
            "handover-model",
            "no state of the handover's machines breaks a claim of the protocol; defects are found",
            false,
            handover_model::run,
        ),
        step(
            "c",
            "the programs of bindings/c, against the installed library, static and shared",
            false,
            c_program::run,
        ),
        step(
            "c-stations",
            "kiosks and issuing systems in C and C++ hand documents over with stations in Rust, over connections",
            false,
            c_stations::run,
        ),
        step(
            "package",
            "the installed C library: its files, consumers with CMake, interface as committed, documentation",
            false,
            package::run,
        ),
        step(
            "arm",
            "the core and the C interface on AArch64, the formats where numbers are the other way round",
            false,
            processors::run,
        ),
        step(
            "misuse",
            "what a caller in C must not do crashes nothing, under sanitizers and valgrind",
            false,
            misuse::run,
        ),
        step("windows", "tests and the C program on Windows, as far as wine shows it", false, windows::run),
        step("demo", "one document through four processes, and no residue", false, demo::run),
        step("faults", "tests with deliberate faults: every check of erasure can fail", false, faults::run),
        step(
            "injection",
            "every system call for memory fails once, and nothing breaks or stays",
            false,
            injection::run,
        ),
        step(
            "fuzz",
            "arbitrary bytes and arbitrary networks break no decoder and no machine; defects are found",
            false,
            fuzz::short,
        ),
        step("valgrind", "the memory core has no error and no leak under valgrind", false, sanitizers::valgrind),
        step("asan", "the memory core has no error and no leak with AddressSanitizer", false, sanitizers::address),
        step("demo-faults", "the same demo without wiping finds residue", false, demo::run_without_wiping),
        step(
            "cores",
            "no secret in any core, register or mapping, in the middle and after, both backends",
            false,
            cores::run,
        ),
        step("benches", "the comparison with the peers builds, and whole issuances run once", false, benches::check),
        step("deny", "licences and sources of dependencies", false, checks::deny),
    ]
}

/// The steps with these names, or the first name that there is none of.
pub fn named<'a>(names: &[&'a str]) -> Result<Vec<Step>, &'a str> {
    let all = all();
    names.iter().map(|name| all.iter().find(|step| step.name == *name).copied().ok_or(*name)).collect()
}

/// Prints the steps and what each is for.
pub fn print() {
    for step in all() {
        println!("{:14} {}{}", step.name, step.purpose, if step.quick { "" } else { " (not with --quick)" });
    }
}

/// Runs the steps in their order, up to the first that fails, and prints a summary.
pub fn run(steps: &[Step], quick: bool) -> ExitCode {
    let started = Instant::now();
    let mut summary = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        if quick && !step.quick {
            summary.push(line(step, "left out", "--quick", Duration::ZERO));
            continue;
        }
        println!("\n== {}/{} {}: {}", index + 1, steps.len(), step.name, step.purpose);
        let step_started = Instant::now();
        let outcome = (step.run)();
        let taken = step_started.elapsed();
        summary.push(match outcome {
            Ok(Outcome::Done) => line(step, "held", "", taken),
            Ok(Outcome::Partly(reason)) => line(step, "held in part", &reason, taken),
            Ok(Outcome::Skipped(reason)) => line(step, "SKIPPED", &reason, taken),
            Err(failure) => {
                summary.push(line(step, "FAILED", "", taken));
                print_summary(&summary, started.elapsed());
                eprintln!("\n{} failed: {failure}\n  this step alone: cargo xtask step {}", step.name, step.name);
                return ExitCode::FAILURE;
            }
        });
        println!("-- {}: {:.1} s", step.name, taken.as_secs_f64());
    }
    print_summary(&summary, started.elapsed());
    ExitCode::SUCCESS
}

fn line(step: &Step, how: &str, reason: &str, taken: Duration) -> String {
    format!("{:14} {how:13} {:7.1} s  {reason}", step.name, taken.as_secs_f64()).trim_end().to_owned()
}

fn print_summary(lines: &[String], taken: Duration) {
    println!("\n== summary, {:.0} s", taken.as_secs_f64());
    lines.iter().for_each(|line| println!("{line}"));
}
