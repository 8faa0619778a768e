//! Test vectors of others against what shokyo does: those that are kept in tests/vectors/others, and all of them, fetched again.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::call::{Call, Failure};
use crate::vectors;

const KEPT: &str = "tests/vectors/others";
const FOLDER: &str = "target/known-answers";
/// Reads the vectors out of the packages, and knows their SHA-256.
const TAKE: &str = "tests/known-answers/take.py";
/// Read by the tests instead of what is kept.
const VARIABLE: &str = "SHOKYO_VECTORS_OF_OTHERS";

const WHEEL: &str = "cryptography-vectors==50.0.2";
const CRATES: [(&str, &str); 5] = [
    ("x-wing", "0.1.1"),
    ("sigstore-merkle", "0.15.1"),
    ("sigsum", "0.3.0"),
    ("tlog_tiles", "0.2.0"),
    ("signed_note", "0.2.0"),
];
const NPM: &str = "cose-js@0.9.0";

/// Every vector that is kept is answered rightly; how many there are is printed, and fewer are a failure.
pub fn run() -> Result<(), Failure> {
    tests().iter().try_for_each(Call::run)
}

fn tests() -> [Call; 2] {
    [
        // As the step `test` has built it.
        Call::cargo("test --locked --all-features --lib known_answers -- --nocapture --test-threads 1"),
        Call::cargo("test --locked -p shokyo-known-answers --tests -- --nocapture --test-threads 1"),
    ]
}

/// Fetches the packages again, compares what they hold with what is kept, and runs all of their vectors that apply.
pub fn fetch() -> Result<(), Failure> {
    let python = vectors::python()?.ok_or_else(|| Failure::new(vectors::NO_PYTHON))?;
    let folder = env::current_dir().map_err(failed("the folder is gone"))?.join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed("the old vectors cannot be removed"))?;
    }
    let [packages, kept, all] = ["packages", "kept", "all"].map(|name| folder.join(name));
    fs::create_dir_all(&packages).map_err(failed("the folder for packages cannot be made"))?;
    Call::new(&python, "-m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest")
        .argument(packages.to_string_lossy())
        .argument(WHEEL)
        .run()?;
    CRATES.iter().try_for_each(|(name, version)| fetch_crate(name, version, &packages))?;
    let has_npm = Call::new("npm", "--version").succeeds_silently();
    if has_npm {
        Call::new("npm", "pack --silent --pack-destination")
            .argument(packages.to_string_lossy())
            .argument(NPM)
            .run()?;
    } else {
        println!("without npm COSE's examples are not fetched: sudo apt-get install --yes npm");
    }
    let take = |to: &Path| {
        Call::new(&python, "-B").argument(TAKE).argument(packages.to_string_lossy()).argument(to.to_string_lossy())
    };
    take(&kept).run()?;
    take(&all).argument("--all").run()?;
    let names = compare(&kept, has_npm)?;
    println!("{names} files are what the packages hold");
    let all = all.to_string_lossy();
    tests().into_iter().try_for_each(|test| test.set(VARIABLE, &all).run())
}

/// A crate's archive, by cargo itself, which keeps what it has fetched in its home.
fn fetch_crate(name: &str, version: &str, to: &Path) -> Result<(), Failure> {
    let call = Call::cargo(&format!("info --quiet {name}@{version}"));
    call.output()?;
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let cache = home.ok_or_else(|| Failure::new("the home of cargo is not known"))?.join("registry/cache");
    let archive = format!("{name}-{version}.crate");
    for registry in fs::read_dir(&cache).map_err(failed("cargo's cache cannot be read"))? {
        let found = registry.map_err(failed("cargo's cache cannot be read"))?.path().join(&archive);
        if found.exists() {
            fs::copy(found, to.join(&archive)).map_err(failed("an archive cannot be copied"))?;
            return Ok(());
        }
    }
    Err(call.failure(format!("{archive} is not in {}", cache.display())))
}

/// How many files of tests/vectors/others are byte for byte what was taken again.
fn compare(taken: &Path, has_npm: bool) -> Result<usize, Failure> {
    let mut same = 0;
    for entry in fs::read_dir(KEPT).map_err(failed("the kept vectors cannot be read"))? {
        let kept = entry.map_err(failed("the kept vectors cannot be read"))?.path();
        if kept.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = kept.file_name().unwrap_or_default();
        if !has_npm && name == "cose-sign1.json" {
            continue;
        }
        let read = |path: &Path| fs::read(path).map_err(failed("a file of vectors cannot be read"));
        if read(&kept)? != read(&taken.join(name))? {
            return Err(Failure::new(format!("{} is not what its package holds", kept.display())));
        }
        same += 1;
    }
    if same >= 7 { Ok(same) } else { Err(Failure::new(format!("only {same} files of vectors are kept in {KEPT}"))) }
}

fn failed(what: &'static str) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::new(format!("{what}: {error}"))
}
