//! The C header `include/shokyo.h`: generated from `src/ffi`, committed, and compared so that it cannot drift.

use std::fs;
use std::path::{Path, PathBuf};

use crate::call::Failure;
use crate::steps::Outcome;

const HEADER: &str = "include/shokyo.h";
const SOURCES: &str = "src/ffi";
const CONFIGURATION: &str = "cbindgen.toml";

/// The committed header is the one that the sources give.
pub fn check() -> Result<Outcome, Failure> {
    let sources = sources()?;
    if !has_functions(&sources)? {
        return Ok(Outcome::Skipped(format!("{SOURCES} has no functions for C yet")));
    }
    let (wanted, found) = (generate(&sources)?, fs::read_to_string(HEADER).unwrap_or_default());
    match difference(&found, &wanted) {
        None => Ok(Outcome::Done),
        Some(text) => Err(Failure::new(format!(
            "{HEADER} is not what {SOURCES} gives; {text}\n  to write it: cargo xtask header"
        ))),
    }
}

/// Writes the header.
pub fn write() -> Result<(), Failure> {
    let text = generate(&sources()?)?;
    if let Some(folder) = Path::new(HEADER).parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    }
    fs::write(HEADER, text).map_err(|error| Failure::new(format!("{HEADER}: {error}")))?;
    println!("{HEADER} is written");
    Ok(())
}

/// The source files in a fixed order, so that the header does not depend on the file system's.
fn sources() -> Result<Vec<PathBuf>, Failure> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::from(SOURCES)]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn has_functions(sources: &[PathBuf]) -> Result<bool, Failure> {
    for path in sources {
        let text = fs::read_to_string(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        if text.contains("extern \"C\" fn") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn generate(sources: &[PathBuf]) -> Result<String, Failure> {
    let configuration = cbindgen::Config::from_file(CONFIGURATION).map_err(Failure::new)?;
    let builder = cbindgen::Builder::new().with_config(configuration);
    let builder = sources.iter().fold(builder, |builder, path| builder.with_src(path));
    let bindings = builder.generate().map_err(|error| Failure::new(format!("{SOURCES}: {error}")))?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).map_err(|error| Failure::new(format!("{HEADER}: {error}")))
}

/// The first line in which the texts differ.
fn difference(found: &str, wanted: &str) -> Option<String> {
    if found == wanted {
        return None;
    }
    let (mut left, mut right) = (found.lines(), wanted.lines());
    let mut line = 1;
    loop {
        match (left.next(), right.next()) {
            (Some(a), Some(b)) if a == b => line += 1,
            (None, None) => return Some("they differ in line ends".to_owned()),
            (a, b) => {
                let shown = |text: Option<&str>| text.unwrap_or("(the end)").to_owned();
                return Some(format!("line {line}\n  committed: {}\n  generated: {}", shown(a), shown(b)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn a_changed_missing_or_added_line_is_a_difference() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert!(difference("a\nb\n", "a\nc\n").is_some_and(|text| text.starts_with("line 2")));
        assert!(difference("", "a\n").is_some_and(|text| text.contains("committed: (the end)")));
        assert!(difference("a\nb\n", "a\n").is_some_and(|text| text.contains("generated: (the end)")));
        assert!(difference("a\n", "a").is_some());
    }
}
