//! What the compiler refuses: the traits that no secret has, and programs that misuse a document.
//!
//! Each program in `memory_compile_fail/` compiles as it stands, and fails with the error of its first line, and with no other, when
//! the lines under `cfg(misuse)` are there. The stable compiler does not look at the error codes of `compile_fail` examples in the
//! documentation, so that those could fail for any reason.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use shokyo::buffer::{CopyClass, EraseAll, ErasedCopy};
use shokyo::types::{Protections, SessionId};
use shokyo::wipe::Wiped;
use shokyo::{EphemeralBuffer, Erasure, Incoming, KeyCell, Vault, VaultOptions, Writer};

/// Whether a type has a trait: an inherent constant, which only types with it have, goes before the trait's.
macro_rules! has {
    ($type:ty: $($bound:tt)+) => {{
        #[allow(dead_code)]
        struct Probe<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T: ?Sized> Otherwise for Probe<T> {}
        #[allow(dead_code)]
        impl<T: ?Sized + $($bound)+> Probe<T> {
            const HAS: bool = true;
        }
        <Probe<$type>>::HAS
    }};
}

#[test]
fn the_question_whether_a_type_has_a_trait_is_answered_both_ways() {
    const { assert!(has!(Vec<u8>: Clone) && has!(Vec<u8>: AsRef<[u8]>) && has!(u8: serde::Serialize) && has!(str: Sync)) };
    const { assert!(!has!(std::rc::Rc<u8>: Send) && !has!(std::cell::Cell<u8>: Sync) && !has!(std::fs::File: Clone)) };
    const { assert!(has!(Vec<u8>: Into<Vec<u8>>) && has!(String: std::ops::Deref) && has!(Vec<u8>: IntoIterator)) };
    const { assert!(has!(zeroize::Zeroizing<u8>: zeroize::ZeroizeOnDrop) && !has!(u8: zeroize::ZeroizeOnDrop)) };
}

/// Nothing that could copy, show, serialise, invent or lend the contents of a secret by value or without end.
macro_rules! no_way_out_of {
    ($($type:ty),+ $(,)?) => { $(const {
        assert!(!has!($type: Clone), "a secret is not copied");
        assert!(!has!($type: Default), "a secret does not come from nothing");
        assert!(!has!($type: std::fmt::Display), "a secret is not shown");
        assert!(!has!($type: serde::Serialize), "a secret is not serialised");
        assert!(!has!($type: serde::Deserialize<'static>), "a secret is not read back from anywhere");
        assert!(!has!($type: std::hash::Hash), "a secret is not hashed without its vault");
        assert!(!has!($type: PartialEq), "a secret is compared in constant time or not at all");
        assert!(!has!($type: AsRef<[u8]>) && !has!($type: std::borrow::Borrow<[u8]>), "a secret is no slice");
        assert!(!has!($type: std::ops::Deref), "a secret is no pointer to something else");
        assert!(!has!($type: Into<Vec<u8>>) && !has!($type: IntoIterator), "a secret is not taken out by value");
        assert!(!has!($type: std::io::Read) && !has!($type: std::io::BufRead), "a secret is not read as a stream");
        assert!(!has!($type: std::str::FromStr) && !has!($type: From<Vec<u8>>), "a source is wiped, not converted");
    };)+ };
}

#[test]
fn no_secret_can_be_copied_shown_serialised_or_taken_out() {
    no_way_out_of!(KeyCell, Writer, EphemeralBuffer, Incoming);
}

#[test]
fn no_evidence_can_be_copied_serialised_or_invented() {
    macro_rules! evidence {
        ($($type:ty),+) => { $(const {
            assert!(!has!($type: Clone) && !has!($type: Default) && !has!($type: From<Vec<u8>>));
            assert!(!has!($type: serde::Serialize) && !has!($type: serde::Deserialize<'static>));
        };)+ };
    }
    evidence!(Wiped, Erasure);
    // What an erasure tells is numbers alone, and may go anywhere.
    const { assert!(has!(ErasedCopy: Clone) && has!(EraseAll: Clone)) };
}

/// The compiler cannot refuse a tag: whoever wipes memory of its own may give it any.
#[test]
fn memory_wiped_under_the_tag_of_a_key_is_no_evidence_for_the_key() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let key = Vault::open(VaultOptions::new()).unwrap().new_key().unwrap();
    let id = key.id();
    let mut forged = Erasure::new(SessionId::NONE, Protections::none());
    forged.record(CopyClass::Key, shokyo::wipe::wipe(&mut [1; 32], id.to_tag()));
    assert_eq!(forged.key(), None);
    let mut genuine = Erasure::new(SessionId::NONE, Protections::none());
    genuine.record(CopyClass::Key, key.erase());
    assert_eq!(genuine.key(), Some(id));
}

#[test]
fn whatever_holds_a_secret_wipes_it_when_dropped() {
    macro_rules! wiped_on_drop {
        ($($type:ty),+) => { $(const { assert!(has!($type: zeroize::ZeroizeOnDrop) && std::mem::needs_drop::<$type>()) };)+ };
    }
    wiped_on_drop!(KeyCell, Writer, EphemeralBuffer, Incoming);
}

#[test]
fn handles_may_move_between_threads_and_be_shared() {
    macro_rules! threads {
        ($($type:ty),+) => { $(const { assert!(has!($type: Send + Sync + Unpin)) };)+ };
    }
    threads!(Vault, VaultOptions, KeyCell, Writer, EphemeralBuffer, Incoming, Erasure, Wiped, shokyo::Error);
}

#[test]
fn errors_go_where_the_standard_library_takes_them() {
    const { assert!(has!(shokyo::Error: std::error::Error + Clone + Send + Sync + 'static)) };
    const { assert!(has!(std::io::Error: From<shokyo::Error>)) };
}

/// The compiler, and how a program of `memory_compile_fail/` is compiled against the library that this test is linked with.
struct Compiler {
    library: PathBuf,
    dependencies: PathBuf,
    output: tempfile::TempDir,
}

impl Compiler {
    /// Several builds of the library may lie beside this test, with other features or of before: the newest that can be used.
    fn find(program: &Path) -> Self {
        let dependencies = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
        let mut libraries: Vec<_> = std::fs::read_dir(&dependencies)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| {
                entry.file_name().to_str().is_some_and(|n| n.starts_with("libshokyo-") && n.ends_with(".rlib"))
            })
            .map(|entry| (entry.metadata().unwrap().modified().unwrap(), entry.path()))
            .collect();
        libraries.sort();
        let mut seen = Vec::new();
        for (_, library) in libraries.into_iter().rev().take(8) {
            let compiler = Self { library, dependencies: dependencies.clone(), output: tempfile::tempdir().unwrap() };
            match compiler.compile(program, false) {
                Ok(()) => return compiler,
                Err(codes) => seen.push((compiler.library, codes)),
            }
        }
        panic!("no build of the library can be used: {seen:?}");
    }

    /// The codes of the errors that the compiler reports.
    fn compile(&self, program: &Path, misuse: bool) -> Result<(), BTreeSet<String>> {
        let mut library = std::ffi::OsString::from("shokyo=");
        library.push(&self.library);
        let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args([
            "--edition=2024",
            "--emit=metadata",
            "--error-format=json",
        ]);
        command.args(["--check-cfg=cfg(misuse)", "--crate-name=program", "-Adead_code", "--extern"]).arg(library);
        command.arg("-L").arg(&self.dependencies).arg("--out-dir").arg(self.output.path());
        command.args(std::env::var("RUSTFLAGS").unwrap_or_default().split_whitespace());
        command.args(misuse.then_some("--cfg=misuse")).arg(program);
        let output = command.output().unwrap();
        if output.status.success() {
            return Ok(());
        }
        let mut codes = BTreeSet::new();
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            let Ok(report) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let message = report["message"].as_str().unwrap_or_default();
            if report["level"] == "error" && !message.starts_with("aborting due to") {
                codes.insert(report["code"]["code"].as_str().unwrap_or(message).to_owned());
            }
        }
        Err(codes)
    }
}

#[test]
fn programs_that_misuse_a_document_do_not_compile_for_the_right_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/memory_compile_fail");
    let mut programs: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    programs.sort();
    assert!(programs.len() >= 18, "{programs:?}");
    let compiler = Compiler::find(&programs[0]);
    // As many compilers at once as there are processors, at most four.
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                let mine = programs.iter().skip(worker).step_by(workers);
                let compiler = &compiler;
                scope.spawn(move || mine.filter_map(|program| complaint(compiler, program)).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_program_that_compiles_or_fails_for_another_reason_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program.rs");
    let say = |text: &str| {
        std::fs::write(&program, text).unwrap();
        complaint(&Compiler::find(&program), &program).unwrap_or_default()
    };
    let misuse = "fn main() { let text = String::new(); #[cfg(misuse)] drop(text); drop(text); }";
    assert_eq!(say(&format!("// error: E0382\n{misuse}")), "");
    assert!(say(&format!("// error: E0599\n{misuse}")).contains("fails with {\"E0382\"}"));
    assert!(say(misuse).contains("no first line"));
    assert!(say("// error: E0382\nfn main() {}").contains("compiles with the misuse"));
}

/// What is wrong with a program, if something is.
fn complaint(compiler: &Compiler, program: &Path) -> Option<String> {
    let name = program.file_name()?.to_string_lossy().into_owned();
    let text = std::fs::read_to_string(program).unwrap();
    let expected = text.lines().next().and_then(|line| line.strip_prefix("// error: ")).unwrap_or("no first line");
    let expected = BTreeSet::from([expected.to_owned()]);
    if let Err(codes) = compiler.compile(program, false) {
        return Some(format!("{name} does not compile without the misuse: {codes:?}"));
    }
    match compiler.compile(program, true) {
        Ok(()) => Some(format!("{name} compiles with the misuse")),
        Err(codes) if codes == expected => None,
        Err(codes) => Some(format!("{name} fails with {codes:?}, not {expected:?}")),
    }
}
