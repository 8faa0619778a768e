//! The C header `include/shokyo.h`: generated from `src/ffi`, committed, and compared so that it cannot drift.

use std::fs;
use std::path::Path;

use crate::call::Failure;
use crate::steps::Outcome;

const HEADER: &str = "include/shokyo.h";
/// The module whose items and submodules the header declares.
const SOURCES: &str = "src/ffi/mod.rs";
const CONFIGURATION: &str = "cbindgen.toml";

/// The committed header is the one that the sources give.
pub fn check() -> Result<Outcome, Failure> {
    let (wanted, found) = (generate()?, fs::read_to_string(HEADER).unwrap_or_default());
    match difference(&found, &wanted) {
        None => Ok(Outcome::Done),
        Some(text) => Err(Failure::new(format!(
            "{HEADER} is not what {SOURCES} gives; {text}\n  to write it: cargo xtask header"
        ))),
    }
}

/// Writes the header.
pub fn write() -> Result<(), Failure> {
    let text = generate()?;
    if let Some(folder) = Path::new(HEADER).parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    }
    fs::write(HEADER, text).map_err(|error| Failure::new(format!("{HEADER}: {error}")))?;
    println!("{HEADER} is written");
    Ok(())
}

fn generate() -> Result<String, Failure> {
    let configuration = cbindgen::Config::from_file(CONFIGURATION).map_err(Failure::new)?;
    let bindings = cbindgen::Builder::new().with_config(configuration).with_src(SOURCES).generate();
    let mut text = Vec::new();
    bindings.map_err(|error| Failure::new(format!("{SOURCES}: {error}")))?.write(&mut text);
    String::from_utf8(text).map(|text| in_old_c(&text)).map_err(|error| Failure::new(format!("{HEADER}: {error}")))
}

/// The same in the syntax of C89, which compilers of kiosks may demand: no `//` and no comma after the last number.
fn in_old_c(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        if line == "};"
            && let Some(last) = lines.last_mut()
            && let Some(number) = last.strip_suffix(',')
        {
            *last = number.to_owned();
        }
        lines.push(match line.split_once("// ") {
            Some((directive, comment)) if directive.starts_with('#') => {
                format!("{} /* {} */", directive.trim_end(), comment.trim_end())
            }
            _ => line.to_owned(),
        });
    }
    lines.push(String::new());
    lines.join("\n")
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
    use super::{difference, in_old_c};

    #[test]
    fn what_c89_does_not_have_goes() {
        let new = "#ifdef A\nenum a\n {\n    /** See https://a // b. */\n    A = 0,\n    B = 1,\n};\n#endif  // A\n";
        let old = "#ifdef A\nenum a\n {\n    /** See https://a // b. */\n    A = 0,\n    B = 1\n};\n#endif /* A */\n";
        assert_eq!(in_old_c(new), old);
        assert_eq!(in_old_c(old), old);
    }

    #[test]
    fn a_changed_missing_or_added_line_is_a_difference() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert!(difference("a\nb\n", "a\nc\n").is_some_and(|text| text.starts_with("line 2")));
        assert!(difference("", "a\n").is_some_and(|text| text.contains("committed: (the end)")));
        assert!(difference("a\nb\n", "a\n").is_some_and(|text| text.contains("generated: (the end)")));
        assert!(difference("a\n", "a").is_some());
    }
}
