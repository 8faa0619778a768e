//! The wipe as it is shipped: the shared library is built as for a release, with thin and with fat link-time optimisation, taken
//! apart by `objdump`, and its wiping functions are executed instruction by instruction on a machine that watches every byte.
//!
//! That also covers the paths for registers that the processor at hand does not have. It must never pass because something was not
//! found.

mod listing;
mod machine;
mod proof;

use std::collections::{BTreeMap, BTreeSet};

use crate::call::{Call, Failure};
use crate::library;
use crate::steps::Outcome;

use listing::Function;
use proof::Kind;

const ANY: usize = usize::MAX;
/// The functions that wipe, and what each is for.
const WIPES: [(&str, Kind); 5] = [
    ("wipe_tiny", Kind::Range { from: 1, to: 15, vector: 4 }),
    ("wipe_sse2", Kind::Range { from: 16, to: ANY, vector: 16 }),
    ("wipe_avx", Kind::Range { from: 32, to: ANY, vector: 32 }),
    ("wipe_avx512", Kind::Range { from: 64, to: ANY, vector: 64 }),
    ("wipe_words", Kind::Words),
];
/// The walks over key cells: one overwrites, one reads back.
const WALKS: [(&str, &str); 2] = [("clear_sse2", "count_sse2"), ("clear_avx", "count_avx")];
/// What chooses among the first four of [`WIPES`].
const CHOICE: &str = "zero_and_check";
/// Where the functions stand.
const MODULE: &str = "shokyo::wipe::";

/// Functions of the C ABI that end a key or a plaintext: from each, a wipe of a range or of a cell must be within reach.
const ENDS: [&str; 8] = [
    "shokyo_buffer_erase",
    "shokyo_buffer_free",
    "shokyo_buffer_read_at",
    "shokyo_writer_write",
    "shokyo_writer_erase",
    "shokyo_writer_free",
    "shokyo_vault_erase_all",
    "shokyo_vault_free",
];

/// Builds the library in both ways and checks each. The one that is shipped comes last and stays.
pub fn run() -> Result<Outcome, Failure> {
    if cfg!(not(target_arch = "x86_64")) {
        return Ok(Outcome::Skipped("the check knows the instructions of x86-64 alone".to_owned()));
    }
    for (optimisation, flags) in [("fat", "-C lto=fat"), ("as shipped", "")] {
        library::build(flags)?;
        let objdump = Call::new("objdump", "--disassemble --demangle --disassembler-options=intel --no-show-raw-insn")
            .argument(library::SHARED);
        let functions = listing::parse(&objdump.output()?);
        for line in check(functions).map_err(|reason| objdump.failure(format!("{optimisation}: {reason}")))? {
            println!("{optimisation}: {line}");
        }
    }
    Ok(Outcome::Done)
}

/// Checks one listing; what was found.
fn check(functions: Vec<Function>) -> Result<Vec<String>, String> {
    let mut found = reached(&functions)?;
    let mut wiping: BTreeMap<String, Vec<Function>> = BTreeMap::new();
    for function in functions.into_iter().filter(|function| function.name.starts_with(MODULE)) {
        wiping.entry(function.short_name().to_owned()).or_default().push(function);
    }
    for (name, kind) in WIPES {
        let function = only(&mut wiping, name)?.ok_or(format!("there is no {name}"))?;
        proof::of_wipe(&function, kind)?;
        let accesses = proof::every_access_matters(function, |function| proof::of_wipe(function, kind))?;
        found.push(format!("{name}: every byte stored, then loaded; each of {accesses} accesses is missed without"));
    }
    for (clear, count) in WALKS {
        let both = (only(&mut wiping, clear)?, only(&mut wiping, count)?);
        let (Some(clearing), Some(counting)) = both else { return Err(format!("there is no {clear} and {count}")) };
        proof::of_walks(&clearing, &counting)?;
        proof::every_access_matters(clearing, |clearing| proof::of_walks(clearing, &counting))?;
        found.push(format!("{clear}, {count}: every cell stored, then loaded"));
    }
    Ok(found)
}

/// The one function with this name, taken out.
fn only(functions: &mut BTreeMap<String, Vec<Function>>, name: &str) -> Result<Option<Function>, String> {
    let mut all = functions.remove(name).unwrap_or_default();
    let last = all.pop();
    if all.is_empty() { Ok(last) } else { Err(format!("there is more than one {name}")) }
}

/// The choice refers to every path, and what ends a key or a plaintext comes to a wipe.
fn reached(functions: &[Function]) -> Result<Vec<String>, String> {
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for function in functions {
        let targets = function.instructions.iter().filter_map(|instruction| instruction.target.as_deref());
        edges.entry(&function.name).or_default().extend(targets);
    }
    let is_wipe = |name: &str| {
        let cleared = WALKS.iter().map(|(clear, _)| *clear);
        let known = [CHOICE, "wipe_words"].into_iter().chain(cleared);
        name.strip_prefix(MODULE)
            .is_some_and(|rest| known.into_iter().any(|known| rest.ends_with(&format!("::{known}"))))
    };
    let choice = edges.iter().find(|(name, _)| name.starts_with(MODULE) && name.ends_with(&format!("::{CHOICE}")));
    let (_, chosen) = choice.ok_or(format!("there is no {CHOICE}"))?;
    for (path, _) in WIPES.iter().filter(|(_, kind)| *kind != Kind::Words) {
        if !chosen.iter().any(|name| name.ends_with(&format!("::{path}"))) {
            return Err(format!("{CHOICE} does not choose {path}"));
        }
    }
    for end in ENDS {
        let mut seen = BTreeSet::from([end]);
        let mut open = vec![end];
        while let Some(name) = open.pop() {
            open.extend(edges.get(name).into_iter().flatten().filter(|next| seen.insert(next)));
        }
        if !edges.contains_key(end) || !seen.iter().any(|name| is_wipe(name)) {
            return Err(format!("no wipe is within reach of {end}"));
        }
    }
    let callers = edges.iter().filter(|(_, to)| to.iter().any(|name| is_wipe(name))).map(|(name, _)| *name);
    let callers: Vec<&str> = callers.filter(|name| !name.starts_with(MODULE)).collect();
    Ok(vec![format!("wipes are called by {}", callers.join(", "))])
}
