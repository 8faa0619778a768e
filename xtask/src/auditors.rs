//! What an auditor does: a station's store, its published log and its receipts are verified with programs that are not this project's,
//! each of which must also refuse what was changed.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::call::{Call, Failure};
use crate::steps::Outcome;
use crate::vectors;

const FOLDER: &str = "target/auditors";
/// Written by tests/auditors/main.rs, which says what is in it.
const MATERIAL: &str = "target/auditors/material";
/// Where Debian puts the sources of Go's packages.
const GO_SOURCES: &str = "/usr/share/gocode";

/// Statements that the store's own triggers refuse, and what each says.
const REFUSED: [(&str, &str); 9] = [
    ("UPDATE receipts SET station = 'another'", "receipts are never changed"),
    ("DELETE FROM receipts", "receipts are never deleted"),
    ("DELETE FROM sessions", "sessions are never deleted"),
    ("UPDATE sessions SET outcome = 3", "never changed"),
    ("DELETE FROM alarms", "alarms are never deleted"),
    ("UPDATE log SET leaf = zeroblob(32)", "the log is never changed"),
    ("DELETE FROM log", "the log is never shortened"),
    ("DELETE FROM tiles", "tiles are never deleted"),
    ("UPDATE checkpoints SET note = 'another'", "checkpoints are never changed"),
];

/// Writes the material and lets every program check it that is there.
pub fn run() -> Result<Outcome, Failure> {
    write()?;
    let mut missing = Vec::new();
    for check in [openssl, sqlite, python, go] {
        missing.extend(check()?);
    }
    match missing.len() {
        0 => Ok(Outcome::Done),
        4 => Ok(Outcome::Skipped(missing.join("; "))),
        _ => Ok(Outcome::Partly(missing.join("; "))),
    }
}

fn write() -> Result<(), Failure> {
    let folder = env::current_dir().map_err(failed("the folder is gone"))?.join(MATERIAL);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed("the old material cannot be removed"))?;
    }
    Call::cargo("test --locked --all-features --test auditors -- --exact writes_the_material --ignored")
        .set("SHOKYO_AUDITORS", &folder.to_string_lossy())
        .run()?;
    if folder.join("log/checkpoint").exists() { Ok(()) } else { Err(Failure::new("the material was not written")) }
}

/// Ed25519 over receipts and a checkpoint, and not over what was changed.
fn openssl() -> Result<Option<&'static str>, Failure> {
    if !Call::new("openssl", "version").succeeds_silently() {
        return Ok(Some("without openssl: sudo apt-get install --yes openssl"));
    }
    let mut messages = 0;
    for entry in fs::read_dir(format!("{MATERIAL}/signed")).map_err(failed("the signed messages cannot be read"))? {
        let message = entry.map_err(failed("the signed messages cannot be read"))?.path();
        if message.extension().is_none_or(|extension| extension != "message") {
            continue;
        }
        let verify = |message: &Path, signature: &Path| {
            Call::new("openssl", "pkeyutl -verify -pubin -rawin -inkey")
                .argument(message.with_file_name(stem(message)).with_extension("pem").to_string_lossy())
                .argument("-in")
                .argument(message.to_string_lossy())
                .argument("-sigfile")
                .argument(signature.to_string_lossy())
        };
        let signature = message.with_extension("signature");
        verify(&message, &signature).run()?;
        let refused = |call: Call| match call.exit_code()? {
            0 => Err(call.failure("accepts what was changed")),
            _ => Ok(()),
        };
        refused(verify(&changed(&message)?, &signature))?;
        refused(verify(&message, &changed(&signature)?))?;
        messages += 1;
    }
    if messages < 3 { Err(Failure::new("there are too few signed messages")) } else { Ok(None) }
}

/// A copy with one bit changed in its middle, beside the original: `NAME.message.changed`.
fn changed(path: &Path) -> Result<PathBuf, Failure> {
    let mut bytes = fs::read(path).map_err(failed("a signed message cannot be read"))?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let mut name = path.as_os_str().to_owned();
    name.push(".changed");
    fs::write(&name, bytes).map_err(failed("a changed copy cannot be written"))?;
    Ok(PathBuf::from(name))
}

/// The name before its first dot.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// The store is a database that anyone can read, and that refuses what an operator must not do by mistake.
fn sqlite() -> Result<Option<&'static str>, Failure> {
    if !Call::new("sqlite3", "-version").succeeds_silently() {
        return Ok(Some("without sqlite3: sudo apt-get install --yes sqlite3"));
    }
    let copy = format!("{FOLDER}/copy.db");
    fs::copy(format!("{MATERIAL}/store.db"), &copy).map_err(failed("the store cannot be copied"))?;
    let ask = |what: &str| Call::new("sqlite3", "-batch -bail").argument(&copy).argument(what);
    let content = || ask(".dump").output();
    let before = content()?;
    let demand = |holds: bool, what: &str| if holds { Ok(()) } else { Err(Failure::new(what)) };
    demand(
        before.contains("CREATE TABLE receipts") && before.contains("CREATE TRIGGER"),
        "the schema is not readable",
    )?;
    demand(ask("PRAGMA integrity_check").output()?.trim() == "ok", "the store is not whole")?;
    let entries: Result<u64, _> = ask("SELECT count(*) FROM log").output()?.trim().parse();
    demand(entries.is_ok_and(|entries| entries > 3_000), "the log has too few entries")?;
    for (statement, reason) in REFUSED {
        match ask(statement).output() {
            Ok(_) => return Err(ask(statement).failure("was not refused")),
            Err(refused) => demand(refused.to_string().contains(reason), &format!("refused otherwise: {refused}"))?,
        }
    }
    demand(content()? == before, "a refused statement changed the store")?;
    // It is the triggers that refuse: without them the last statement goes through, and only the log shows it.
    ask("DROP TRIGGER checkpoints_do_not_change; UPDATE checkpoints SET note = 'another'").run()?;
    demand(content()? != before, "nothing was changed without the trigger either")?;
    Ok(None)
}

/// COSE of others for receipts and receipts of inclusion, and every row of the store under the root that the log signed.
fn python() -> Result<Option<&'static str>, Failure> {
    let Some(python) = vectors::python()? else { return Ok(Some(vectors::NO_PYTHON)) };
    Call::new(&python, &format!("-B tests/auditors/evidence.py {MATERIAL} --control")).run()?;
    Ok(None)
}

/// Go's signed notes and trees for checkpoints, tiles, entries and proofs.
fn go() -> Result<Option<&'static str>, Failure> {
    let library = Path::new(GO_SOURCES).join("src/golang.org/x/mod/sumdb/tlog");
    if !Call::new("go", "version").succeeds_silently() || !library.exists() {
        return Ok(Some("without Go's libraries: sudo apt-get install --yes golang-go golang-golang-x-mod-dev"));
    }
    let folder = env::current_dir().map_err(failed("the folder is gone"))?.join(FOLDER);
    // Debian's sources and nothing from a network.
    Call::new("go", &format!("build -o {FOLDER}/log tests/auditors/log.go"))
        .set("GO111MODULE", "off")
        .set("GOPATH", GO_SOURCES)
        .set("GOFLAGS", "")
        .set("GOCACHE", &folder.join("go-cache").to_string_lossy())
        .run()?;
    Call::new(&format!("{FOLDER}/log"), &format!("{MATERIAL} --control")).run()?;
    Ok(None)
}

fn failed(what: &'static str) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::new(format!("{what}: {error}"))
}
