//! What a reviewer types: `shokyo scan` and `shokyo doctor` as programs, their exit codes and what they print.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{Target, random, scan_targets};

const SHOKYO: &str = env!("CARGO_BIN_EXE_shokyo");

/// Secrets in files, and what is said of a target.
struct Review {
    folder: tempfile::TempDir,
}

impl Review {
    fn new(secret: &[u8], target: &Target) -> Self {
        let review = Self { folder: tempfile::tempdir().unwrap() };
        review.write("secret", secret);
        review.write("control", &target.control);
        review
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(SHOKYO).arg("scan").args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    /// Exit code and JSON.
    #[track_caller]
    fn json(&self, pid: i32, arguments: &[&str]) -> (i32, Value) {
        let pid = pid.to_string();
        let output = self.run(&[&["--json", "--pid", &pid], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

/// Whether a text shows eight bytes of a secret, as they are or as hexadecimal.
fn shows(output: &Output, secret: &[u8]) -> bool {
    let printed = [&output.stdout[..], &output.stderr[..]].concat();
    let hexadecimal: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let has = |piece: &[u8]| printed.windows(piece.len()).any(|window| window == piece);
    secret.windows(8).any(has) || hexadecimal.as_bytes().windows(16).any(has)
}

const NEEDLE: [&str; 4] = ["--needle", "@secret", "--control", "@control"];

#[test]
fn residue_is_listed_by_place_and_never_shown() {
    let secret = random(64);
    let target = Target::leaking("hexadecimal", &secret);
    let review = Review::new(&secret, &target);
    let (code, json) = review.json(target.pid(), &NEEDLE);
    assert_eq!(
        (code, json["verdict"].as_str(), json["control"].as_str()),
        (3, Some("residue"), Some("found")),
        "{json}"
    );
    let whole = |hit: &&Value| hit["encoding"] == "hexadecimal" && hit["length"] == 128;
    let hit = json["hits"].as_array().unwrap().iter().find(whole).unwrap_or_else(|| panic!("{json}"));
    assert!(hit["place"]["address"].as_str().unwrap().starts_with("0x"), "{json}");
    assert_eq!(json["needles"][0]["from"], "secret");
    let mappings = json["mappings"].as_array().unwrap();
    assert!(mappings.iter().any(|mapping| mapping["flags"].as_str().unwrap().contains("rd wr")), "{json}");
    let pid = target.pid().to_string();
    for more in [&["--json"][..], &["--mappings"]] {
        let output = review.run(&[&["--pid", &pid], &NEEDLE[..], more].concat());
        assert!(!shows(&output, &secret) && !shows(&output, &target.control));
        assert!(!output.stdout.contains(&0x1b), "colour, but no terminal");
    }
    let (code, json) = review.json(target.pid(), &[&NEEDLE[..], &["--plain"]].concat());
    assert_eq!((code, json["verdict"].as_str()), (0, Some("clean")), "{json}");
}

#[test]
fn clean_needs_a_control_marker_and_all_memory() {
    let secret = random(64);
    let target = Target::leaking("hexadecimal:wiped", &secret);
    let review = Review::new(&secret, &target);
    assert_eq!(review.json(target.pid(), &NEEDLE).0, 0);
    let (code, json) = review.json(target.pid(), &NEEDLE[..2]);
    assert_eq!((code, json["control"].as_str()), (7, Some("not-given")), "{json}");
    review.write("control", &random(32));
    let (code, json) = review.json(target.pid(), &NEEDLE);
    assert_eq!(
        (code, json["verdict"].as_str(), json["control"].as_str()),
        (7, Some("control-missing"), Some("not-found"))
    );
    review.write("control", &target.control);
    let plain = review.write("plain", &[b' '; 1000]);
    assert_eq!(review.json(target.pid(), &["--document", &format!("@{}", plain.display()), NEEDLE[2], NEEDLE[3]]).0, 4);

    let hidden = Target::leaking("secret-memory", &secret);
    let review = Review::new(&secret, &hidden);
    if scan_targets::has_secret_memory() {
        let (code, json) = review.json(hidden.pid(), &NEEDLE);
        assert_eq!((code, json["verdict"].as_str()), (6, Some("incomplete")), "{json}");
        let unread = json["not_readable"].as_array().unwrap();
        assert!(unread.iter().any(|memory| memory["reason"] == "secret-memory"), "{json}");
    }
}

#[test]
fn a_key_is_looked_for_with_what_is_derived_from_it() {
    let key = random(32);
    let target = Target::leaking("aes-gcm", &key);
    let review = Review::new(&key, &target);
    let (code, json) = review.json(target.pid(), &["--key", "@secret", "--control", "@control"]);
    assert_eq!(code, 3, "{json}");
    assert!(json["found_by_kind"]["hash-subkeys"].as_u64().unwrap() > 0, "{json}");
    review.write("secret", &random(31));
    let (code, json) = review.json(target.pid(), &["--key", "@secret"]);
    assert!(code == 1 && json.as_str().unwrap().contains("32 bytes"), "{json}");
}

#[test]
fn a_secret_is_never_typed_but_may_come_through_a_pipe() {
    let secret = random(64);
    let target = Target::leaking("small-heap", &secret);
    let review = Review::new(&secret, &target);
    let pid = target.pid().to_string();
    for typed in ["hunter2-hunter2-hunter2", "-hunter2-hunter2", "@"] {
        let output = review.run(&["--pid", &pid, "--needle", typed]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("@FILE") && !message.contains("hunter2"), "{message}");
    }
    assert_eq!(review.run(&["--pid", &pid, "--needle", "@-", "--control", "@-"]).status.code(), Some(2));
    assert_eq!(review.run(&["--pid", &pid]).status.code(), Some(2));
    assert_eq!(review.run(&["--pid", &pid, "--needle", "@nowhere"]).status.code(), Some(1));
    review.write("short", b"1234567");
    assert_eq!(review.run(&["--pid", &pid, "--needle", "@short"]).status.code(), Some(1));

    let mut child = Command::new(SHOKYO)
        .args(["scan", "--pid", &pid, "--needle", "@-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&secret).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

/// A core that the kernel writes, where it writes cores into the process's folder.
#[test]
fn a_core_is_scanned_with_the_registers_in_its_notes() {
    let secret = random(64);
    let nobody = random(64);
    let mut target = Target::start_with_cores("r13");
    let review = Review::new(&secret, &target);
    review.write("other", &nobody);
    target = target.give(&secret);
    // Unlike SIGQUIT, nothing that runs tests in the background has this one ignored.
    // SAFETY: the process is this one's child and was not waited for.
    assert_eq!(unsafe { libc::kill(target.pid(), libc::SIGABRT) }, 0);
    target.child.wait().unwrap();
    let Some(core) = core_in(target.folder.as_ref().unwrap().path()) else {
        eprintln!("no core was written here (/proc/sys/kernel/core_pattern); nothing to scan");
        return;
    };
    let core = core.display().to_string();
    let scan = |needle: &str| {
        let output = review.run(&["--json", "--core", &core, "--needle", needle, "--control", "@control"]);
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
    };
    let (code, json) = scan("@secret");
    assert_eq!(code, Some(3), "{json}");
    let registers: Vec<_> =
        json["hits"].as_array().unwrap().iter().map(|hit| hit["place"]["register"].as_str()).collect();
    if cfg!(target_arch = "x86_64") {
        assert!(registers.contains(&Some("r13")), "{json}");
    }
    let (code, json) = scan("@other");
    assert_eq!((code, json["verdict"].as_str()), (Some(0), Some("clean")), "{json}");
    let cut = review.write("cut", &std::fs::read(&core).unwrap()[..100_000]);
    let output = review.run(&["--core", cut.to_str().unwrap(), "--needle", "@secret"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

fn core_in(folder: &Path) -> Option<PathBuf> {
    let mut entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("core")))
}

#[test]
fn the_doctor_tells_this_host_in_eighty_columns() {
    let run = |arguments: &[&str]| Command::new(SHOKYO).arg("doctor").args(arguments).output().unwrap();
    let output = run(&["--folder", "/"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() > 16, "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80 && !line.contains('\x1b'), "{line}");
    }
    let json: Value = serde_json::from_slice(&run(&["--json", "--folder", "/"]).stdout).unwrap();
    let code = match json["worst"].as_str().unwrap() {
        "bad" => 9,
        "weak" => 8,
        _ => 0,
    };
    assert_eq!(output.status.code(), Some(code), "{json}");
    for check in json["checks"].as_array().unwrap() {
        assert!(text.contains(check["name"].as_str().unwrap()), "{check}");
        assert!(check["state"] == "good" || check["remedy"].is_string(), "{check}");
    }
    // A debug build is not good enough for a kiosk.
    if cfg!(debug_assertions) {
        assert_eq!(run(&["--profile", "kiosk", "--strict"]).status.code(), Some(9));
    }
    assert_eq!(run(&["--strict"]).status.code(), Some(2));
    assert_eq!(run(&["--folder", "/not/there"]).status.code(), Some(1));
}
