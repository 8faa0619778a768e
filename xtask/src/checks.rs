//! The steps that are cargo's own commands.

use crate::call::{Call, Failure};
use crate::library;
use crate::steps::Outcome;

/// Features and targets that are checked, without the ones that another line covers.
const FEATURES: [&str; 8] = [
    "--no-default-features --lib",
    "--no-default-features --features alloc --lib",
    "--all-targets",
    "--features custody --lib",
    "--features net --lib",
    "--features capi --lib",
    // What is shipped, without the features that tests add to dependencies.
    "--features cli --bins",
    "--all-features --all-targets",
];

/// rustfmt changes nothing.
pub fn format() -> Result<Outcome, Failure> {
    Call::cargo("fmt --all --check").run()?;
    Ok(Outcome::Done)
}

/// No warning of the compiler or of clippy.
pub fn clippy() -> Result<Outcome, Failure> {
    for features in FEATURES {
        Call::cargo(&format!("clippy --locked {features} -- -D warnings")).run()?;
    }
    Call::cargo("clippy --locked -p xtask --all-targets -- -D warnings").run()?;
    Ok(Outcome::Done)
}

/// Tests and documentation tests: all of them with all features; with the default ones alone those that such a build could fail. (That
/// all compile with those, clippy has seen.) Many wait for other processes, so more run at once than there are processors.
pub fn test() -> Result<Outcome, Failure> {
    Call::cargo("test --locked --lib --test memory_core --test handover").run()?;
    Call::cargo("test --locked --all-features").set("RUST_TEST_THREADS", "4").run()?;
    Call::cargo("test --locked -p xtask").run()?;
    Ok(Outcome::Done)
}

/// Tests of what is shipped. The features are the demonstration's: cargo builds the program along with the tests, and the step `demo`
/// runs it.
pub fn shipped(tests: &str) -> Result<Call, Failure> {
    library::cargo(&format!("test --features cli {tests}"))
}

/// Tests of memory and handover with the optimisations that are shipped, the link-time ones included: those are what could remove
/// a wipe or outgrow a room.
pub fn release() -> Result<Outcome, Failure> {
    let tests = "--lib --test memory_core --test memory_limits --test memory_residue --test memory_whole --test memory_convert --test handover";
    shipped(tests)?.run()?;
    Ok(Outcome::Done)
}

/// The documentation, as it is published.
pub fn documentation() -> Result<Outcome, Failure> {
    Call::cargo("doc --locked --all-features --no-deps").set("RUSTDOCFLAGS", "-Dwarnings").run()?;
    Ok(Outcome::Done)
}

/// Licences, sources and banned crates. Advisories change without a change here, so they are for the release check.
pub fn deny() -> Result<Outcome, Failure> {
    if !Call::cargo("deny --version").succeeds_silently() {
        return Ok(Outcome::Skipped("cargo-deny is not installed: cargo install --locked cargo-deny".to_owned()));
    }
    Call::cargo("deny --all-features check bans licenses sources").run()?;
    Ok(Outcome::Done)
}
