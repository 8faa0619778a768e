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

/// `docs/guarantees.md` names tests as `name_of_the_test`; each must be a function of this repository.
#[test]
fn every_test_that_the_guarantees_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for folder in ["tests", "src", "xtask/src"] {
        collect(&root.join(folder), &mut sources);
    }
    let guarantees = text("docs/guarantees.md");
    let names: Vec<&str> = guarantees
        .lines()
        .filter_map(|line| line.strip_prefix('|')?.split('|').nth(2))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|name| {
            name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_' || letter.is_ascii_digit())
        })
        .filter(|name| name.contains('_'))
        .collect();
    assert!(names.len() > 50, "only {} tests are named", names.len());
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "docs/guarantees.md names {name}, which is no function");
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
