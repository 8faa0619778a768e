//! What the README shows is what is compiled and run.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

#[path = "../examples/ten_lines.rs"]
mod ten_lines;

fn text(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
        .unwrap_or_else(|error| panic!("{file} cannot be read ({error}), and the README shows its text"))
}

/// The one block of a language in a Markdown text, without its fences.
fn block(markdown: &str, language: &str) -> String {
    let fence = format!("```{language}\n");
    let mut blocks = markdown.split(&fence).skip(1);
    let block = blocks.next().unwrap_or_else(|| panic!("no {language} block"));
    assert!(blocks.next().is_none(), "more than one {language} block");
    block.split_once("```").expect("the block ends").0.to_owned()
}

/// The lines of a Rust program's `main`, moved to the left, without the `Ok(())` that they end with.
fn body_of_main(program: &str) -> String {
    let (_, rest) = program.split_once("fn main() -> Result<(), shokyo::Error> {\n").expect("the program has a main");
    let (body, _) = rest.split_once("    Ok(())\n}\n").expect("main ends with Ok(())");
    body.lines().map(|line| line.strip_prefix("    ").unwrap_or(line).to_owned() + "\n").collect()
}

/// A C program without the comment that it begins with.
fn without_first_comment(program: &str) -> String {
    let is_comment = |line: &&str| {
        let line = line.trim_start();
        line.is_empty() || line.starts_with("//") || line.starts_with("/*") || line.starts_with('*')
    };
    program.lines().skip_while(is_comment).map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn the_readme_shows_the_rust_example_as_it_is() {
    let (shown, real) = (block(&text("README.md"), "rust"), body_of_main(&text("examples/ten_lines.rs")));
    assert_eq!(shown, real, "copy the lines of main in examples/ten_lines.rs into the README's rust block");
}

#[test]
fn the_readme_shows_the_c_example_as_it_is() {
    let (shown, real) = (block(&text("README.md"), "c"), without_first_comment(&text("bindings/c/ten_lines.c")));
    assert_eq!(shown, real, "copy bindings/c/ten_lines.c, without its first comment, into the README's c block");
}

/// The commands of all blocks for a shell, without what is said about them.
fn commands(markdown: &str) -> Vec<String> {
    let blocks = markdown.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let lines = blocks.flat_map(|(block, _)| block.lines());
    lines.map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn both_languages_give_the_same_commands() {
    let (english, japanese) = (commands(&text("README.md")), commands(&text("README.ja.md")));
    assert!(japanese.len() >= 7 && english == japanese, "{english:?} {japanese:?}");
}

#[test]
fn the_rust_example_runs() {
    ten_lines::main().unwrap();
}

#[test]
fn a_block_that_differs_is_noticed() {
    let markdown = "a\n```rust\nlet one = 1;\n```\nb\n";
    let program =
        |line: &str| format!("//! About.\n\nfn main() -> Result<(), shokyo::Error> {{\n    {line}\n    Ok(())\n}}\n");
    assert_eq!(block(markdown, "rust"), body_of_main(&program("let one = 1;")));
    assert_ne!(block(markdown, "rust"), body_of_main(&program("let one = 2;")));
    assert_eq!(without_first_comment("/* About.\n * More. */\n\n#include <a.h>\n"), "#include <a.h>\n");
}

#[test]
fn every_file_that_the_documents_link_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents = vec![
        "README.md".into(),
        "README.ja.md".into(),
        "SECURITY.md".into(),
        "CONTRIBUTING.md".into(),
        "CHANGELOG.md".into(),
    ];
    for folder in ["docs", "docs/decisions"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        documents.extend(
            entries
                .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
                .map(|path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()),
        );
    }
    let mut links = 0;
    for document in documents {
        for link in text(&document).split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
            let target = link.0.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            links += 1;
            let path = root.join(&document).parent().unwrap().join(target);
            assert!(path.exists(), "{document} links to {target}, which is not there");
        }
    }
    assert!(links > 10, "{links} links were looked at");
}

/// What stands between single backticks, outside of blocks.
fn quoted(markdown: &str) -> impl Iterator<Item = &str> {
    let outside = markdown.split("```").step_by(2).flat_map(str::lines);
    outside.flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether a word can be the name of a test: it has so many underscores, and is no function of the C interface.
fn names_a_test(word: &str, underscores: usize) -> bool {
    word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_' || letter.is_ascii_digit())
        && word.matches('_').count() >= underscores
        && !word.starts_with("shokyo_")
}

/// Whether a function of this name is a test: an attribute for tests stands right above it.
fn is_a_test(sources: &str, name: &str) -> bool {
    let head = format!("fn {name}(");
    sources.match_indices(&head).any(|(place, _)| {
        let line = sources[..place].rfind('\n').unwrap_or_default();
        sources[..line]
            .lines()
            .rev()
            .take_while(|line| line.trim_start().starts_with(['#', '/']))
            .any(|line| line.contains("test]") || line.contains("::test("))
    })
}

/// `docs/guarantees.md`, `docs/obligations.md` and `SECURITY.md` name tests as `name_of_the_test`; each must be a test of this
/// repository.
#[test]
fn every_test_that_the_documents_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for folder in ["tests", "src", "xtask/src"] {
        collect(&root.join(folder), &mut sources);
    }
    assert!(is_a_test(&sources, "the_rust_example_runs"), "this file is among the sources");
    assert!(!is_a_test(&sources, "is_a_test") && !is_a_test(&sources, "there_is_no_test_of_this_name"));
    let [guarantees, security, obligations] = ["docs/guarantees.md", "SECURITY.md", "docs/obligations.md"].map(text);
    let column = guarantees.lines().filter_map(|line| line.strip_prefix('|')?.split('|').nth(2));
    let mut names: Vec<&str> = column.flat_map(quoted).filter(|name| names_a_test(name, 1)).collect();
    assert!(names.len() > 50, "only {} tests are named", names.len());
    names.extend(quoted(&guarantees).filter(|name| names_a_test(name, 3)));
    for document in [&security, &obligations] {
        let count = names.len();
        names.extend(quoted(document).filter(|name| names_a_test(name, 3)));
        assert!(names.len() > count + 10, "SECURITY.md or obligations.md names only {} tests", names.len() - count);
    }
    let missing: Vec<&&str> = names.iter().filter(|name| !is_a_test(&sources, name)).collect();
    assert!(missing.is_empty(), "guarantees.md, obligations.md or SECURITY.md name what is no test: {missing:?}");
}

/// Commands `cargo xtask step NAME…` and paths into this repository, in every document.
#[test]
fn every_step_and_every_path_that_the_documents_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let steps = text("xtask/src/steps.rs");
    let (mut named, mut paths) = (0, 0);
    for document in ["README.md", "README.ja.md", "SECURITY.md", "CONTRIBUTING.md"]
        .map(str::to_owned)
        .into_iter()
        .chain(std::fs::read_dir(root.join("docs")).unwrap().filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.ends_with(".md").then(|| format!("docs/{name}"))
        }))
    {
        let markdown = text(&document);
        for word in quoted(&markdown) {
            if let Some((_, rest)) = word.split_once("cargo xtask step ") {
                for name in rest.split_whitespace().filter(|name| *name != "NAME") {
                    named += 1;
                    assert!(steps.contains(&format!("\"{name}\",")), "{document}: there is no step {name}");
                }
            }
            let folders =
                ["tests/", "src/", "docs/", "packaging/", "bindings/", "include/", "fuzz/", "xtask/", "examples/"];
            let path = word.trim_end_matches('/');
            if folders.iter().any(|folder| word.starts_with(folder)) && !word.contains(['*', ' ', '…', '{', '<']) {
                paths += 1;
                assert!(root.join(path).exists(), "{document}: {path} is not there");
            }
        }
    }
    assert!(named > 20 && paths > 20, "{named} steps and {paths} paths were looked at");
}

/// The operators' table of alarms has every alarm that the report can translate, and no other.
#[test]
fn every_alarm_has_its_line_for_operators() {
    let (words, operations) = (text("src/bin/shokyo/custody/report/words.rs"), text("docs/operations.md"));
    let (_, table) = words.split_once("fn alarm_in_japanese").expect("the report translates alarms");
    let (table, _) = table.split_once("_ => return None").expect("the translations end");
    let alarms: Vec<&str> = table
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" =>"))
        .map(|(alarm, _)| alarm)
        .collect();
    assert!(alarms.len() > 20, "{} alarms", alarms.len());
    let rows: Vec<&str> = operations
        .split_once("## Alarms")
        .and_then(|(_, rest)| rest.split("\n## ").next())
        .expect("the operators' page has alarms")
        .lines()
        .filter_map(|line| line.strip_prefix("| \"")?.split('|').next())
        .flat_map(|cell| cell.split('"').step_by(2))
        .map(|said| said.trim_end_matches('…'))
        .filter(|said| said.len() > 3)
        .collect();
    for alarm in &alarms {
        assert!(rows.iter().any(|row| alarm.starts_with(row)), "docs/operations.md does not have {alarm:?}");
    }
    for row in rows {
        assert!(alarms.iter().any(|alarm| alarm.starts_with(row)), "docs/operations.md has {row:?}, which is no alarm");
    }
}

fn collect(folder: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
