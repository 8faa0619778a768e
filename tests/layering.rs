//! The layers use one another in one direction only, `unsafe` stays in its folders, and files stay readable.
//!
//! The sources are read as text: the rules hold for every platform and feature at once, not only for what is compiled here.
//! The rules themselves are tested on made-up sources that break them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The layers from the left to the right; each may use only what stands to its left. What shares a place may not use each
/// other, except in the first.
const LAYERS: [&[&str]; 12] = [
    &["types", "error", "faults"],
    &["platform"],
    &["wipe"],
    &["arena"],
    &["aead"],
    &["buffer"],
    &["receipt"],
    &["handover"],
    &["custody"],
    &["media", "scan"],
    &["station"],
    &["ffi"],
];

/// The folders in which `unsafe` may stand.
const UNSAFE_ALLOWED: [&str; 5] = ["platform", "wipe", "arena", "buffer", "ffi"];

/// Longer files are named on standard error.
const LINES_WARN: usize = 450;
/// Longer files fail.
const LINES_FAIL: usize = 600;

#[test]
fn no_layer_uses_one_to_its_right() {
    let sources = Source::all_of(&root().join("src"));
    let facade = facade(&sources);
    let (edges, broken) = edges(&sources, &facade);
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
    assert!(edges.contains(&("buffer".into(), "wipe".into())), "the reader of sources sees no edges: {edges:?}");
}

#[test]
fn unsafe_stays_in_its_folders() {
    let sources = Source::all_of(&root().join("src"));
    let broken = misplaced_unsafe(&sources);
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
    assert!(
        sources.iter().any(|s| s.tokens.iter().any(|t| t.text == "unsafe")),
        "the reader of sources sees no unsafe"
    );
}

#[test]
fn files_are_short_enough_to_be_read() {
    let mut sources = Source::all_of(&root().join("src"));
    for folder in ["tests", "benches", "examples", "xtask/src"] {
        sources.extend(Source::all_of(&root().join(folder)));
    }
    for source in sources.iter().filter(|source| source.lines > LINES_WARN) {
        eprintln!("warning: {} has {} lines, {LINES_WARN} are wished for", source.path.display(), source.lines);
    }
    let broken = too_long(&sources);
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn a_made_up_upward_edge_is_caught() {
    for (path, text) in [
        ("wipe/new.rs", "use crate::{error::Error, station::Station};"),
        ("receipt/new.rs", "fn f() { let _ = crate::handover::new(); }"),
        ("receipt/mod.rs", "use super::handover::Record;"),
        ("buffer/new.rs", "mod inner { use super::super::super::custody::Log; }"),
        ("arena/new.rs", "macro_rules! m { () => { $crate::buffer::x() } }"),
        ("platform/new.rs", "use crate::wipe;"),
        ("aead/new.rs", "use crate::Erasure;"),
        ("types.rs", "pub use crate::platform::Page;"),
        ("media/new.rs", "use crate::scan::Needle;"),
        ("custody/new.rs", "use crate::ffi::Status;"),
        ("station/new.rs", "use crate::ffi::Status;"),
        ("wipe/new.rs", "#[cfg(not(test))] use crate::arena::Cell;"),
        ("wipe/new.rs", "#[cfg(any(test, unix))] use crate::arena::Cell;"),
        ("wipe/new.rs", "#[cfg(test)] mod tests { } use crate::arena::Cell;"),
        ("wipe/new.rs", "const C: char = '\"'; use crate::arena::Cell; const D: char = '\"';"),
        ("wipe/new.rs", "fn f<'a>(x: &'a str) { crate::arena::g(x, 'a') }"),
        ("wipe/new.rs", "use crate::*;"),
        ("wipe/new.rs", "use crate::nowhere::Thing;"),
    ] {
        assert_eq!(broken_edges(path, text).len(), 1, "{path}: {text}");
    }
}

#[test]
fn what_is_no_upward_edge_is_not_reported() {
    for (path, text) in [
        ("handover/new.rs", "use crate::{receipt::Receipt, types::{Role, Time}, Erasure};"),
        ("error.rs", "use crate::types::Role;"),
        ("ffi/new.rs", "use crate::{custody::Log, station::Station};"),
        ("buffer/new.rs", "use super::station; mod a { use super::super::station; }"),
        ("wipe/new.rs", "// use crate::station::Station;\n/* crate::station /* nested */ crate::scan */"),
        (
            "wipe/new.rs",
            "/// [`x`](crate::station)\nfn f() { g(\"crate::station\", r#\"crate::\"scan\"#, b\"\\\"crate::scan\") }",
        ),
        ("wipe/new.rs", "#[cfg(test)]\n#[allow(x)]\nmod tests { use crate::station::Station; fn f() { } }"),
        ("wipe/new.rs", "#[cfg(all(test, unix))] use crate::station::Station;"),
        ("bin/shokyo/main.rs", "use crate::anything; use shokyo::station::Station;"),
    ] {
        assert_eq!(broken_edges(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn a_made_up_unsafe_is_caught() {
    for (path, text, count) in [
        ("handover/new.rs", "fn f() { unsafe { g() } }", 1),
        ("receipt/mod.rs", "unsafe fn f() {}", 1),
        ("bin/shokyo/main.rs", "unsafe impl Send for X {}", 1),
        ("error.rs", "#[cfg(test)] mod tests { fn f() { unsafe { g() } } }", 1),
        ("handover/new.rs", "#![forbid(unsafe_code)] // unsafe\nconst X: &str = \"unsafe\";", 0),
        ("wipe/new.rs", "unsafe fn f() {}", 0),
    ] {
        assert_eq!(misplaced_unsafe(&[Source::new(path.into(), text)]).len(), count, "{path}: {text}");
    }
}

#[test]
fn a_made_up_long_file_is_caught() {
    let long = Source::new("a.rs".into(), &"\n".repeat(LINES_FAIL + 1));
    let allowed = Source::new("b.rs".into(), &"\n".repeat(LINES_FAIL));
    assert_eq!(too_long(&[long, allowed]).len(), 1);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn broken_edges(path: &str, text: &str) -> Vec<String> {
    let facade =
        facade(&[Source::new("lib.rs".into(), "pub use buffer::{ErasedCopy, Erasure}; pub use error::Error;")]);
    edges(&[Source::new(path.into(), text)], &facade).1
}

/// A file: its path below the folder that was walked, and its tokens without comments and literals.
struct Source {
    path: PathBuf,
    tokens: Vec<Token>,
    lines: usize,
}

impl Source {
    fn new(path: PathBuf, text: &str) -> Self {
        Self { path, tokens: tokens(text), lines: text.lines().count() }
    }

    /// Every `.rs` file below `folder`, which may be missing.
    fn all_of(folder: &Path) -> Vec<Self> {
        let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
        while let Some(next) = folders.pop() {
            let Ok(entries) = fs::read_dir(&next) else { continue };
            for path in entries.map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&path).unwrap();
                    found.push(Self::new(path.strip_prefix(folder).unwrap().into(), &text));
                }
            }
        }
        found
    }

    /// The path of the file's module, from the crate's root.
    fn module(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.path.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into()).collect();
        if names.last().is_some_and(|name| name == "mod" || name == "lib") {
            names.pop();
        }
        names
    }

    fn top(&self) -> String {
        self.module().first().cloned().unwrap_or_default()
    }
}

/// Which layer each name stands for that `lib.rs` gives on at the crate's root.
fn facade(sources: &[Source]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for source in sources.iter().filter(|source| source.path == Path::new("lib.rs")) {
        for (at, _) in
            source.tokens.windows(2).enumerate().filter(|(_, pair)| pair[0].text == "pub" && pair[1].text == "use")
        {
            let mut words =
                source.tokens[at + 2..].iter().take_while(|token| token.text != ";").filter(|token| token.is_word());
            if let Some(layer) = words.next() {
                names.extend(words.map(|name| (name.text.clone(), layer.text.clone())));
            }
        }
    }
    names
}

/// The edges between layers that the sources have, and sentences about those that break the order.
fn edges(sources: &[Source], facade: &BTreeMap<String, String>) -> (BTreeSet<(String, String)>, Vec<String>) {
    let place = |layer: &str| LAYERS.iter().position(|layers| layers.contains(&layer));
    let (mut found, mut broken) = (BTreeSet::new(), Vec::new());
    let stripped: Vec<_> = sources.iter().map(|source| (source, without_test_items(&source.tokens))).collect();
    let test_modules: Vec<Vec<String>> = stripped
        .iter()
        .flat_map(|(source, (_, names))| names.iter().map(|name| [source.module(), vec![name.clone()]].concat()))
        .collect();
    for (source, (tokens, _)) in &stripped {
        let (module, from) = (source.module(), source.top());
        if module.is_empty() || from == "bin" || test_modules.iter().any(|test| module.starts_with(test)) {
            continue;
        }
        for used in names_at_the_root(tokens, module.len()) {
            let to = facade.get(&used.text).unwrap_or(&used.text);
            let at = format!("src/{}:{}", source.path.display(), used.line);
            match (place(&from), place(to)) {
                (None, _) => {
                    broken.push(format!("{at}: {from} has no place among the layers; give it one in this test"))
                }
                (_, None) => broken
                    .push(format!("{at}: `{to}` names no layer; name the module, or give it a place in this test")),
                (Some(_), Some(_)) if from == *to => {}
                (Some(left), Some(right)) => {
                    if (right >= left && left != 0) || (right > left) {
                        broken.push(format!("{at}: {from} uses {to}, which does not stand to its left"));
                    }
                    found.insert((from.clone(), to.clone()));
                }
            }
        }
    }
    (found, broken)
}

/// The names directly below the crate's root that paths in `tokens` begin with; `depth` is the file's depth below the root.
fn names_at_the_root(tokens: &[Token], depth: usize) -> Vec<Token> {
    let mut names = Vec::new();
    let (mut braces, mut inline) = (0_usize, Vec::new());
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token: &Token| token.text == text);
    let follows_path = |at: usize| at >= 2 && is(at - 1, ":") && is(at - 2, ":");
    for (at, token) in tokens.iter().enumerate() {
        let mut end = at + 1;
        match token.text.as_str() {
            "{" => {
                braces += 1;
                if at >= 2 && is(at - 2, "mod") {
                    inline.push(braces);
                }
                continue;
            }
            "}" => {
                if inline.last() == Some(&braces) {
                    inline.pop();
                }
                braces = braces.saturating_sub(1);
                continue;
            }
            "crate" if !follows_path(at) => {}
            "super" if !follows_path(at) || (at >= 3 && is(at - 3, "self")) => {
                let mut up = 1;
                while is(end, ":") && is(end + 1, ":") && is(end + 2, "super") {
                    end += 3;
                    up += 1;
                }
                if up < depth + inline.len() {
                    continue;
                }
            }
            _ => continue,
        }
        if !(is(end, ":") && is(end + 1, ":")) {
            continue;
        }
        end += 2;
        if !is(end, "{") {
            names.extend(tokens.get(end).cloned());
            continue;
        }
        let mut nested = 0;
        for (offset, inner) in tokens[end..].iter().enumerate() {
            match inner.text.as_str() {
                "{" => nested += 1,
                "}" => nested -= 1,
                _ if nested == 1 && (is(end + offset - 1, "{") || is(end + offset - 1, ",")) => {
                    names.push(inner.clone())
                }
                _ => {}
            }
            if nested == 0 {
                break;
            }
        }
    }
    names
}

/// The tokens without items under `#[cfg(test)]` or `#[cfg(all(test, …))]`, and the names of test modules in their own files.
fn without_test_items(tokens: &[Token]) -> (Vec<Token>, Vec<String>) {
    let text = |at: usize| tokens.get(at).map_or("", |token: &Token| token.text.as_str());
    let (mut kept, mut modules, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        let cfg = ["#", "[", "cfg", "("].iter().enumerate().all(|(offset, expected)| text(at + offset) == *expected);
        let only = text(at + 4) == "test" || (text(at + 4) == "all" && text(at + 6) == "test");
        if !(cfg && only) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 0_usize;
        while at < tokens.len() {
            match text(at) {
                "(" | "[" | "{" => depth += 1,
                // The end of what the item stands in, as for the last field of a struct.
                ")" | "]" | "}" if depth == 0 => break,
                ")" | "]" => depth -= 1,
                "}" => {
                    depth -= 1;
                    if depth == 0 {
                        at += 1;
                        break;
                    }
                }
                ";" if depth == 0 => {
                    if text(at - 2) == "mod" {
                        modules.push(text(at - 1).to_owned());
                    }
                    at += 1;
                    break;
                }
                _ => {}
            }
            at += 1;
        }
    }
    (kept, modules)
}

fn misplaced_unsafe(sources: &[Source]) -> Vec<String> {
    let outside = sources.iter().filter(|source| !UNSAFE_ALLOWED.contains(&source.top().as_str()));
    outside
        .flat_map(|source| {
            source.tokens.iter().filter(|token| token.text == "unsafe").map(move |token| (source, token.line))
        })
        .map(|(source, line)| {
            format!("src/{}:{line}: unsafe may stand only in {UNSAFE_ALLOWED:?}", source.path.display())
        })
        .collect()
}

fn too_long(sources: &[Source]) -> Vec<String> {
    let long = sources.iter().filter(|source| source.lines > LINES_FAIL);
    long.map(|source| format!("{} has {} lines, more than {LINES_FAIL}; split it", source.path.display(), source.lines))
        .collect()
}

/// A word or one mark of punctuation, with its line.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text.starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

/// Splits Rust source into tokens and drops comments, strings, characters and lifetimes.
fn tokens(text: &str) -> Vec<Token> {
    let characters: Vec<char> = text.chars().collect();
    let peek = |at: usize| characters.get(at).copied().unwrap_or('\0');
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let (mut found, mut at) = (Vec::new(), 0);
    let mut line = 1;
    while at < characters.len() {
        let start = at;
        match (peek(at), peek(at + 1)) {
            ('/', '/') => at += characters[at..].iter().take_while(|character| **character != '\n').count(),
            ('/', '*') => {
                let mut depth = 0_usize;
                while at < characters.len() {
                    match (peek(at), peek(at + 1)) {
                        ('/', '*') => (depth, at) = (depth + 1, at + 2),
                        ('*', '/') => (depth, at) = (depth - 1, at + 2),
                        _ => at += 1,
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            ('"', _) => at = end_of_quoted(&characters, at, '"'),
            ('\'', '\\') => at = end_of_quoted(&characters, at, '\''),
            ('\'', _) if peek(at + 2) == '\'' => at += 3,
            ('\'', _) => at += 1 + characters[at + 1..].iter().take_while(|character| is_word(**character)).count(),
            (first, _) if is_word(first) => {
                at += characters[at..].iter().take_while(|character| is_word(**character)).count();
                let word: String = characters[start..at].iter().collect();
                let hashes = characters[at..].iter().take_while(|character| **character == '#').count();
                if matches!(word.as_str(), "r" | "br" | "cr") && peek(at + hashes) == '"' {
                    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                    at += hashes + 1;
                    while at < characters.len() && !characters[at..].starts_with(&close) {
                        at += 1;
                    }
                    at = (at + close.len()).min(characters.len());
                } else if !first.is_numeric() {
                    found.push(Token { text: word, line });
                }
            }
            (first, _) if first.is_whitespace() => at += 1,
            (first, _) => {
                found.push(Token { text: first.into(), line });
                at += 1;
            }
        }
        line += characters[start..at].iter().filter(|character| **character == '\n').count();
    }
    found
}

/// The position after the quoted text that begins at `at`.
fn end_of_quoted(characters: &[char], mut at: usize, quote: char) -> usize {
    at += 1;
    while at < characters.len() && characters[at] != quote {
        at += if characters[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(characters.len())
}
