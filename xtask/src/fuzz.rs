//! The fuzzers of `fuzz/`: built with the instrumentation that libFuzzer needs, which the stable compiler has, and run for a while.

use std::fs;
use std::time::Instant;

use crate::call::{Call, Failure};
use crate::steps::Outcome;

/// What there is to be fuzzed, and the longest input of each in bytes.
const TARGETS: [(&str, u32); 10] = [
    ("frame_decode", 4_096),
    ("body_decode", 4_096),
    ("receipt_verify", 4_096),
    ("readers", 8_192),
    ("customer", 512),
    ("issuer", 512),
    ("relay", 512),
    ("kiosk", 512),
    ("world", 512),
    ("c_calls", 2_048),
];

/// Those whose planted defect the step looks for: two decoders, everything together, and calls of the C interface.
const CONTROLS: [&str; 4] = ["frame_decode", "readers", "world", "c_calls"];

/// Seconds for each target in the step, and at most for each control.
const SHORT: u64 = 5;
const CONTROL: u64 = 60;

/// The target for which it is built; cargo must be told, or it would build its own tools with instrumentation.
const MACHINE: &str = "x86_64-unknown-linux-gnu";

/// What libFuzzer finds when something does not hold.
const FOUND: i32 = 77;

/// Basic blocks, edges and comparisons; cargo-fuzz asks for the same.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Every target for a few seconds, and three planted defects are found.
pub fn short() -> Result<Outcome, Failure> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Ok(Outcome::Skipped(format!("only {MACHINE} is set up for it")));
    }
    Call::cargo("fmt --manifest-path fuzz/Cargo.toml --check").run()?;
    build().run()?;
    // Two at a time: a machine of CI has two cores.
    for pair in TARGETS.chunks(2) {
        std::thread::scope(|scope| {
            let started: Vec<_> =
                pair.iter().map(|(target, longest)| scope.spawn(|| fuzz(target, *longest, SHORT)?.run())).collect();
            started
                .into_iter()
                .try_for_each(|run| run.join().unwrap_or_else(|_| Err(Failure::new("a thread panicked"))))
        })?;
    }
    for target in CONTROLS {
        let started = Instant::now();
        let longest = longest(target).unwrap_or(4_096);
        let control = fuzz(target, longest, CONTROL)?.set("SHOKYO_PLANTED", "1");
        match control.exit_code()? {
            FOUND => {
                println!("as it must be: the defect of {target} was found in {:.1} s", started.elapsed().as_secs_f64())
            }
            code => return Err(control.failure(format!("the planted defect was not found: exit code {code}"))),
        }
    }
    Ok(Outcome::Done)
}

/// The command `cargo xtask fuzz [--minutes N] [TARGET…]`: each target for that long, ten minutes if nothing is said.
pub fn long(words: &[&str]) -> Result<(), Failure> {
    let (minutes, targets) = match words {
        ["--minutes", minutes, targets @ ..] => {
            let minutes = minutes.parse::<u64>().ok().filter(|minutes| (1..=100_000).contains(minutes));
            (minutes.ok_or_else(|| Failure::new("--minutes needs a number from 1"))?, targets)
        }
        targets => (10, targets),
    };
    let chosen: Vec<&str> =
        if targets.is_empty() { TARGETS.iter().map(|(name, _)| *name).collect() } else { targets.to_vec() };
    if let Some(unknown) = chosen.iter().find(|target| longest(target).is_none()) {
        let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
        return Err(Failure::new(format!("there is no target {unknown}; there are {}", names.join(", "))));
    }
    build().run()?;
    for target in chosen {
        fuzz(target, longest(target).unwrap_or(4_096), minutes * 60)?.run()?;
    }
    Ok(())
}

/// Writes the seeds anew, from an honest run. Receipts among them are part of a target, which is built again after it.
pub fn seeds() -> Result<(), Failure> {
    build().run()?;
    Call::new(&program("world"), "").set("SHOKYO_SEEDS", "fuzz/seeds").run()
}

fn longest(target: &str) -> Option<u32> {
    TARGETS.iter().find(|(name, _)| *name == target).map(|(_, longest)| *longest)
}

fn build() -> Call {
    Call::cargo("build --locked --release --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --target")
        .argument(MACHINE)
        .set("RUSTFLAGS", INSTRUMENTATION)
}

fn program(target: &str) -> String {
    format!("target/fuzz/{MACHINE}/release/{target}")
}

/// One target, from the committed seeds and whatever was found before. What makes it fail is kept beside that.
fn fuzz(target: &str, longest: u32, seconds: u64) -> Result<Call, Failure> {
    let corpus = format!("target/fuzz/corpus/{target}");
    let artifacts = format!("target/fuzz/artifacts/{target}/");
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| Failure::new(format!("{folder} cannot be made: {error}")))?;
    }
    Ok(Call::new(
        &program(target),
        &format!(
            "-max_total_time={seconds} -max_len={longest} -timeout=60 -rss_limit_mb=2048 -len_control=0 -verbosity=0"
        ),
    )
    .argument(format!("-error_exitcode={FOUND}"))
    .argument(format!("-artifact_prefix={artifacts}"))
    .argument(corpus)
    .argument(format!("fuzz/seeds/{target}"))
    .set("RUST_BACKTRACE", "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_program_and_seeds() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let mut programs: Vec<_> = fs::read_dir(root.join("fuzz_targets"))
            .expect("the programs")
            .map(|entry| entry.expect("a program").path().file_stem().expect("a name").to_string_lossy().into_owned())
            .collect();
        programs.sort_unstable();
        let mut targets: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        targets.sort_unstable();
        assert_eq!(programs, targets);
        for target in targets {
            assert!(fs::read_dir(root.join("seeds").join(&target)).is_ok_and(|seeds| seeds.count() > 0), "{target}");
        }
    }

    #[test]
    fn every_function_of_the_c_interface_is_called_or_left_out_by_name() {
        let names = include_str!("../../fuzz/src/c_calls/names.rs");
        // Statements of the language begin with other words; structs stand behind the functions.
        let (functions, _) = names.split_once("\nstructs! {").expect("the list of structs");
        let words = functions.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        let mut named: Vec<&str> = words.filter(|word| word.starts_with("shokyo_")).collect();
        named.sort_unstable();
        let mut symbols: Vec<&str> = include_str!("../../include/shokyo.symbols").lines().collect();
        symbols.sort_unstable();
        assert_eq!(named, symbols, "a function must be in fuzz/src/c_calls/names.rs once: called, or left out");
    }
}
