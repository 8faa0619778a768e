//! How long the page of `shokyo custody report` takes over many sessions, and whether its memory grows with them.

#[path = "../../tests/support/evidence.rs"]
mod evidence;

use std::path::Path;
use std::time::Instant;

use evidence::{Case, Town};
use shokyo::custody::report::summarise;
use shokyo::types::Role;

/// Sessions in the store of an issuing system, which holds the receipts of all four.
const SESSIONS: u64 = 100_000;

/// Prints a `bar` line for each figure that the project promises, through `at_most`.
pub(crate) fn run(folder: &Path, peak_kib: fn() -> f64, at_most: fn(&str, f64, f64)) {
    let town = Town::new();
    let small = town.write(&new(folder, "small"), &[Role::Issuer], Case::many(SESSIONS / 10)).remove(0);
    let store = town.write(&new(folder, "large"), &[Role::Issuer], Case::many(SESSIONS)).remove(0);
    // Once before, so that what is measured is not the disk, and so that what is needed in any case is there.
    let _warm = summarise(&[&small, &store], None, &|_| {}).expect("stores");
    let before = peak_kib();
    let started = Instant::now();
    let sums = summarise(&[&store], None, &|_| {}).expect("a store");
    let taken = started.elapsed().as_secs_f64();
    let grown = (peak_kib() - before) / 1024.0;
    assert_eq!(sums.session_count(), SESSIONS);
    let started = Instant::now();
    let checked =
        summarise(&[&store], Some(&|unverified| town.key_of(&unverified.statement)), &|_| {}).expect("a store");
    let signatures = checked.signatures.as_ref().map_or(0, |signatures| signatures.verified);
    println!(
        "  a report on {SESSIONS} sessions: {taken:.2} s; with all {signatures} signatures {:.2} s",
        started.elapsed().as_secs_f64()
    );
    at_most("custody_report_seconds", taken, 10.0);
    at_most("custody_report_memory_growth_mib", grown, 8.0);
}

fn new(folder: &Path, name: &str) -> std::path::PathBuf {
    let folder = folder.join(name);
    std::fs::create_dir(&folder).expect("a folder");
    folder
}
