//! shokyo measured against its peers: tables, and one line for each bar.
//!
//! Run it from the repository's root with `cargo bench --bench versus`; names of sections after `--` run those alone. Contenders
//! take turns in one process, so that ratios hold on a busy machine, where absolute times do not. `docs/performance.md` tells
//! what is measured and why.

mod aead;
mod calls;
mod capacity;
mod contention;
mod destroying;
mod documents;
mod machine;
mod measure;
mod report;
mod sodium;
mod wiping;

use std::process::ExitCode;

use report::Bars;
use sodium::Sodium;

type Section = (&'static str, fn(&mut Bars, Option<Sodium>) -> Result<(), shokyo::Error>);

/// Everything that is measured, in its order.
const SECTIONS: [Section; 9] = [
    ("wipe", |bars, _| {
        wiping::run(bars);
        Ok(())
    }),
    ("seal", documents::seal_read_erase),
    ("create", documents::create_write_erase),
    ("breakdown", |_, _| documents::breakdown()),
    ("live", |bars, _| {
        capacity::run(bars);
        Ok(())
    }),
    ("destroy", |bars, _| destroying::run(bars)),
    ("aead", |bars, _| {
        aead::run(bars);
        Ok(())
    }),
    ("call", |bars, _| calls::run(bars)),
    ("contention", |bars, _| contention::run(bars)),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [capacity::CHILD, contender, limit] => {
            limit.parse().map_err(|_| shokyo::Error::Unfinished).and_then(|limit| capacity::in_child(contender, limit))
        }
        names => compare(names),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(names: &[&str]) -> Result<(), shokyo::Error> {
    if let Some(unknown) = names.iter().find(|name| SECTIONS.iter().all(|(section, _)| section != *name)) {
        eprintln!("there is no section {unknown}; sections: {}", SECTIONS.map(|(name, _)| name).join(" "));
        return Ok(());
    }
    let sodium = Sodium::load_or_install();
    machine::describe(sodium);
    assert!(aead::agree(), "the libraries do not give the same ciphertext");
    let mut bars = Bars::default();
    for (name, run) in SECTIONS {
        if names.is_empty() || names.contains(&name) {
            run(&mut bars, sodium)?;
        }
    }
    bars.summary();
    Ok(())
}
