//! What compiled programs rely on: the names that the shared library exports (`include/shokyo.symbols`), and every function, number
//! and layout of the header as a C compiler sees them (`include/shokyo.abi`). Both are committed and compared, so that neither
//! changes unnoticed; `cargo xtask abi` writes them anew.

mod declarations;
mod difference;
mod layout;

use std::fs;

use crate::call::{Call, Failure};
use crate::library;

use declarations::Declarations;
use difference::{Difference, compare};

const HEADER: &str = "include/shokyo.h";
const SYMBOLS: &str = "include/shokyo.symbols";
const INTERFACE: &str = "include/shokyo.abi";

/// The committed lists are what header and shared library say.
pub fn check(shared_library: &str) -> Result<(), Failure> {
    let current = Current::read(shared_library)?;
    let committed = |path: &str| fs::read_to_string(path).unwrap_or_default();
    same_symbols(&committed(SYMBOLS), &current.symbols)?;
    match compare(&committed(INTERFACE), &current.interface) {
        Difference::None => Ok(()),
        Difference::Grown(lines) => Err(Failure::new(format!(
            "the interface has more than {INTERFACE} says:\n{lines}  to take it in: cargo xtask abi"
        ))),
        Difference::Broken(lines) => {
            Err(Failure::new(format!("what compiled programs rely on has changed:\n{lines}{}", remedy())))
        }
    }?;
    println!(
        "{} functions, {} lines of {INTERFACE}",
        current.symbols.lines().count(),
        current.interface.lines().count()
    );
    defects_are_found(&current)
}

/// Writes both lists; what a released program may rely on changes only with the version of the interface.
pub fn write(unreleased: bool) -> Result<(), Failure> {
    library::build("")?;
    let current = Current::read(library::SHARED)?;
    let committed = fs::read_to_string(INTERFACE).unwrap_or_default();
    if let Difference::Broken(lines) = compare(&committed, &current.interface)
        && !unreleased
    {
        return Err(Failure::new(format!("what compiled programs rely on has changed:\n{lines}{}", remedy())));
    }
    for (path, text) in [(SYMBOLS, &current.symbols), (INTERFACE, &current.interface)] {
        fs::write(path, text).map_err(|error| Failure::new(format!("{path}: {error}")))?;
        println!("{path} is written");
    }
    Ok(())
}

fn remedy() -> &'static str {
    "  to keep programs working: take the change back, or add a second function or a field at a struct's end instead\n  \
     to break them: raise SHOKYO_ABI_VERSION (src/ffi/version.rs) and the versions in packaging/, enter numbers that went into RETIRED \
     (src/ffi/status.rs), then: cargo xtask header && cargo xtask abi\n  \
     where no release had it yet: cargo xtask abi --unreleased"
}

/// Header and library as they are now.
struct Current {
    symbols: String,
    interface: String,
}

impl Current {
    fn read(shared_library: &str) -> Result<Self, Failure> {
        let header = fs::read_to_string(HEADER).map_err(|error| Failure::new(format!("{HEADER}: {error}")))?;
        let declarations = Declarations::read(&header).map_err(|line| {
            Failure::new(format!("{HEADER} has a declaration of a form that xtask/src/abi does not know: {line}"))
        })?;
        let exports = Call::new("nm", "--dynamic --defined-only --format=posix").argument(shared_library).output()?;
        let mut exported: Vec<&str> = exports.lines().filter_map(|line| line.split(' ').next()).collect();
        exported.sort_unstable();
        let declared = declarations.function_names();
        if exported != declared {
            return Err(Failure::new(format!(
                "the library exports what the header does not declare, or the other way round: {}",
                one_sided(&exported, &declared)
            )));
        }
        let symbols = exported.iter().map(|name| format!("{name}\n")).collect();
        Ok(Self { symbols, interface: layout::interface(&declarations)? })
    }
}

fn one_sided(left: &[&str], right: &[&str]) -> String {
    let only = |these: &[&str], those: &[&str]| {
        these.iter().filter(|name| !those.contains(name)).copied().collect::<Vec<_>>().join(" ")
    };
    format!("library alone: {}; header alone: {}", only(left, right), only(right, left))
}

fn same_symbols(committed: &str, found: &str) -> Result<(), Failure> {
    let (before, now): (Vec<&str>, Vec<&str>) = (committed.lines().collect(), found.lines().collect());
    if let Some(gone) = before.iter().find(|name| !now.contains(name)) {
        return Err(Failure::new(format!("the library no longer exports {gone}\n{}", remedy())));
    }
    if before == now {
        return Ok(());
    }
    let new: Vec<&str> = now.into_iter().filter(|name| !before.contains(name)).collect();
    Err(Failure::new(format!("{SYMBOLS} does not have: {}\n  to take it in: cargo xtask abi", new.join(" "))))
}

/// The comparison sees each line that goes, each number that changes and each field that moves.
fn defects_are_found(current: &Current) -> Result<(), Failure> {
    for line in current.interface.lines().filter(|line| !line.starts_with('#') && !line.starts_with("version ")) {
        let mut words: Vec<&str> = line.split(' ').collect();
        let mut defects = vec![String::new()];
        if matches!(words[0], "constant" | "enumerator" | "field") {
            words[2] = "31337";
            defects.push(words.join(" ") + "\n");
        }
        for defect in defects {
            let found = current.interface.replace(&format!("{line}\n"), &defect);
            if !matches!(compare(&current.interface, &found), Difference::Broken(_)) {
                return Err(Failure::new(format!("the comparison does not notice that this went or changed: {line}")));
            }
        }
    }
    let one_less: String = current.symbols.lines().skip(1).map(|name| format!("{name}\n")).collect();
    if same_symbols(&current.symbols, &one_less).is_ok() || same_symbols(&one_less, &current.symbols).is_ok() {
        return Err(Failure::new("the comparison of symbols does not notice one that went or came"));
    }
    Ok(())
}
