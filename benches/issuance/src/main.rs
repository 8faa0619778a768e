//! Whole issuances through four processes, beside the same bytes over the same connections: tables, and one line for each bar.
//!
//! Run it from the repository's root with `cargo bench --bench issuance`; names of sections after `--` run those alone, `quick`
//! runs everything once on a small scale. The processes are this program again, each running the library's own station or, for
//! the floor, nothing but mutual TLS. `docs/performance.md` tells what is measured and why.
#![cfg(unix)]

mod child;
mod floor;
mod kiosks;
mod memory;
mod place;
mod report;
mod saturation;
mod station;

use std::process::ExitCode;

use place::Place;
use report::Bars;

/// What can go wrong is told to a person and nothing else is done about it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How much is measured.
#[derive(Clone, Copy)]
struct Scale {
    rounds: usize,
    /// Documents of 1 MiB in a round; four times as many of 256 KiB.
    documents: usize,
    /// Issuances one at a time.
    alone: usize,
    /// Sessions held open at once.
    sessions: usize,
}

const WHOLE: Scale = Scale { rounds: 7, documents: 48, alone: 25, sessions: 1000 };
const QUICK: Scale = Scale { rounds: 1, documents: 4, alone: 2, sessions: 24 };

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [child::MARK, rest @ ..] => child::run(rest),
        names => measure(names),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(names: &[&str]) -> Result<(), Failure> {
    const SECTIONS: [&str; 2] = ["issuance", "relays"];
    let quick = names.contains(&"quick");
    let wanted: Vec<&str> = names.iter().copied().filter(|name| *name != "quick").collect();
    if let Some(unknown) = wanted.iter().find(|name| !SECTIONS.contains(name)) {
        return Err(format!("there is no section {unknown}; sections: {}", SECTIONS.join(" ")).into());
    }
    let scale = if quick { QUICK } else { WHOLE };
    let place = Place::new()?;
    let mut bars = Bars::default();
    if wanted.is_empty() || wanted.contains(&"issuance") {
        saturation::run(&place, scale, &mut bars)?;
    }
    if wanted.is_empty() || wanted.contains(&"relays") {
        memory::run(&place, scale, &mut bars)?;
    }
    bars.summary();
    Ok(())
}
