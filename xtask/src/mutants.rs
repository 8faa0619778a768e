//! Mutation testing: one change after another is made in a copy of the sources, and tests must fail with each.
//!
//! Takes hours, so that it is no step of `cargo xtask test`. `docs/mutation-testing.md` says what was run and what survives.

use std::fs;

use crate::call::{Call, Failure};

/// The survivors that are accepted, each with its reason.
const ACCEPTED: &str = ".cargo/mutants.accepted";

/// Where copies are built and results are written.
const FOLDER: &str = "target/mutants";

/// KiB of address space for the tool and all that it starts: a mutant may allocate without an end.
const MEMORY: u64 = 14_000_000;

/// Folders below `src`, each with the features and the tests that say most about it soonest.
const MODULES: [(&str, &str, &str); 5] = [
    ("wipe", "secrecy", "--lib --test memory_types --test memory_residue"),
    ("arena", "secrecy", "--lib --test memory_core --test memory_protections --test memory_residue"),
    (
        "buffer",
        "secrecy",
        "--lib --test memory_core --test memory_protections --test memory_endings --test memory_residue",
    ),
    ("handover", "std", "--lib --test handover --test handover_links --test receipts --test customer"),
    ("custody", "custody", "--lib --test custody --test custody_crashes --test outbox --test custody_log"),
];

/// The command `cargo xtask mutants [MODULE…]`: fails when something survives that is not accepted.
pub fn run(words: &[&str]) -> Result<(), Failure> {
    let names: Vec<_> = MODULES.iter().map(|(name, ..)| *name).collect();
    if let Some(unknown) = words.iter().find(|word| !names.contains(word)) {
        return Err(Failure::new(format!("no module {unknown} is set up; there are {}", names.join(", "))));
    }
    if !Call::cargo("mutants --version").succeeds_silently() {
        return Err(Failure::new("cargo-mutants is not installed: cargo install --locked cargo-mutants"));
    }
    let accepted = read(ACCEPTED)?;
    let accepted: Vec<&str> = accepted.lines().filter_map(named).collect();
    let mut new = Vec::new();
    for (name, features, tests) in MODULES.iter().filter(|(name, ..)| words.is_empty() || words.contains(name)) {
        let survivors = survivors(name, features, tests)?;
        new.extend(beyond(survivors.lines(), &accepted));
    }
    if new.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("no test fails with these, and {ACCEPTED} does not name them:\n{}", new.join("\n"))))
}

/// What survives in one module, a line each, as the tool names it.
fn survivors(name: &str, features: &str, tests: &str) -> Result<String, Failure> {
    let output = format!("{FOLDER}/{name}");
    fs::create_dir_all(&output).map_err(|error| Failure::new(format!("{output} cannot be made: {error}")))?;
    let tests: String = tests.split_whitespace().map(|word| format!(" --cargo-arg={word}")).collect();
    let here = std::env::current_dir().map_err(|error| Failure::new(format!("the current folder: {error}")))?;
    // The tool runs the tests without a change first, and stops when they fail.
    let call = Call::new("sh", "-c")
        .argument(format!(
            "ulimit -v {MEMORY} && exec cargo mutants --file 'src/{name}/**' --features {features} --jobs 1 \
             --build-timeout 300 --no-shuffle --colors never --output {output}{tests}"
        ))
        // With the faults compiled in and none active: what reads back is seen to work by bytes that do not go.
        .set("RUSTFLAGS", "--cfg shokyo_faults")
        .set("SHOKYO_FAULTS", "")
        .set("CARGO_INCREMENTAL", "1")
        // The copy is new each time; what was compiled of dependencies stays.
        .set("CARGO_TARGET_DIR", &here.join(FOLDER).join("build").display().to_string());
    match call.exit_code()? {
        // All were caught; some were not; some ran until they were stopped, which a test run notices, too.
        0 | 2 | 3 => read(&format!("{output}/mutants.out/missed.txt")),
        code => Err(call.failure(format!("exit code {code}: see {output}/mutants.out/log"))),
    }
}

fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::new(format!("{path}: {error}")))
}

/// The survivor that a line of the list accepts. A line without a reason accepts nothing.
fn named(line: &str) -> Option<&str> {
    let (mutant, reason) = line.split_once(" # ")?;
    (!line.starts_with('#') && !reason.trim().is_empty()).then_some(mutant.trim())
}

/// Those survivors that are not accepted, with their places; each line of the list accepts one.
fn beyond<'a>(survivors: impl Iterator<Item = &'a str>, accepted: &[&str]) -> Vec<String> {
    let mut left = accepted.to_vec();
    let mut new = Vec::new();
    for survivor in survivors {
        match left.iter().position(|mutant| *mutant == without_place(survivor)) {
            Some(at) => drop(left.swap_remove(at)),
            None => new.push(survivor.to_owned()),
        }
    }
    new
}

/// `src/a.rs:1:2: replace …` without line and column, which change with every edit above them.
fn without_place(survivor: &str) -> String {
    let mut parts = survivor.splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(file), Some(_), Some(_), Some(change)) => format!("{file}:{change}"),
        _ => survivor.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_list_names_with_a_reason_is_accepted_and_as_often_as_it_does() {
        let list = "# a # comment\nsrc/a.rs: replace + with - in f # the same\nsrc/a.rs: replace f with () # \n";
        let accepted: Vec<&str> = list.lines().filter_map(named).collect();
        let survivors = [
            "src/a.rs:1:2: replace + with - in f",
            "src/a.rs:1:9: replace + with - in f",
            "src/a.rs:3:1: replace f with ()",
        ];
        assert_eq!(beyond(survivors.into_iter(), &accepted), survivors[1..]);
        assert!(beyond(survivors[..1].iter().copied(), &accepted).is_empty());
    }

    #[test]
    fn every_accepted_survivor_has_a_reason_and_a_file() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let list = fs::read_to_string(root.join(ACCEPTED)).expect("the list");
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let mutant = named(line).unwrap_or_else(|| panic!("no reason: {line}"));
            let (file, _) = mutant.split_once(": ").unwrap_or_else(|| panic!("no file: {line}"));
            assert!(root.join(file).is_file(), "{line}");
        }
    }
}
