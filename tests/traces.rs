//! Whatever the four stations write while a document is issued tells nothing of the document or of whose it is: stores, write-ahead
//! logs, notices, errors, exported files, in any of the forms in which such a thing gets into a log by mistake.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use sha2::{Digest, Sha256};

const PROGRAM: &str = env!("CARGO_BIN_EXE_shokyo");
const SUBJECT: &str = "holder-5b1e77c04a";
const ROLES: [&str; 4] = ["issuer", "certificate-centre", "ec-centre", "kiosk"];
const STATIONS: [&str; 4] = ["issuer-1", "centre-1", "ec-1", "kiosk-1"];

/// A document whose every line is a sentence of its own, so that any part of it is recognised.
fn document() -> Vec<u8> {
    let line = |number: u32| format!("{number:06} Lives at {} Somewhere Street.\n", number.wrapping_mul(2_654_435_761));
    (0..2_000).flat_map(|number| line(number).into_bytes()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 4648 without padding; the last, incomplete group is left out where it depends on what follows.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks_exact(3) {
        let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
        text.extend([18, 12, 6, 0].map(|shift| char::from(ALPHABET[(bits >> shift) as usize & 63])));
    }
    text
}

/// The forms of a secret, each with its name.
fn forms(of: &str, secret: &[u8]) -> Vec<(String, Vec<u8>)> {
    let utf16 = |order: fn(u16) -> [u8; 2]| secret.iter().flat_map(|byte| order(u16::from(*byte))).collect::<Vec<_>>();
    let mut forms = vec![
        (format!("{of} in plain"), secret.to_vec()),
        (format!("{of} in hexadecimal"), hex(secret).into_bytes()),
        (format!("{of} in capital hexadecimal"), hex(secret).to_uppercase().into_bytes()),
        (format!("{of} in UTF-16LE"), utf16(u16::to_le_bytes)),
        (format!("{of} in UTF-16BE"), utf16(u16::to_be_bytes)),
    ];
    for shift in 0..3.min(secret.len()) {
        let text = base64(&secret[shift..]);
        forms.push((
            format!("{of} in base64, from byte {shift}"),
            text.replace('+', "-").replace('/', "_").into_bytes(),
        ));
        forms.push((format!("{of} in base64, from byte {shift}"), text.into_bytes()));
    }
    forms.retain(|(_, bytes)| bytes.len() >= 8);
    forms
}

/// Everything that must be found nowhere.
fn needles(document: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut needles = forms("the subject", SUBJECT.as_bytes());
    needles.extend(forms("the subject's digest", &Sha256::digest(SUBJECT.as_bytes())));
    needles.extend(forms("the document's digest", &Sha256::digest(document)));
    for (number, chunk) in document.chunks(16 * 1024).enumerate() {
        needles.extend(forms(&format!("the digest of chunk {number}"), &Sha256::digest(chunk)));
    }
    // A line's middle every few hundred bytes, at the ends of chunks too.
    for at in
        (0..document.len() - 24).step_by(509).chain((16_384..document.len() - 24).step_by(16_384).map(|at| at - 12))
    {
        needles.extend(forms(&format!("the document at {at}"), &document[at..at + 24]));
    }
    needles
}

/// What of it stands in these bytes.
fn found(needles: &[(String, Vec<u8>)], bytes: &[u8]) -> Vec<String> {
    // By the first eight bytes of each needle, so that one pass over the bytes is enough.
    let mut by_start = std::collections::HashMap::<&[u8], Vec<&(String, Vec<u8>)>>::new();
    for needle in needles {
        by_start.entry(&needle.1[..8]).or_default().push(needle);
    }
    let mut found = Vec::new();
    for (at, start) in bytes.windows(8).enumerate() {
        for (name, needle) in by_start.get(start).into_iter().flatten() {
            if bytes[at..].starts_with(needle) {
                found.push(name.clone());
            }
        }
    }
    found
}

struct Running(Vec<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The first value of this key in what a station has said so far.
fn wait_for(file: &Path, event: &str) -> serde_json::Value {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let said = std::fs::read_to_string(file).unwrap_or_default();
        let whole = said.rfind('\n').map_or("", |end| &said[..end]);
        let mut notices = whole.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        if let Some(notice) = notices.find(|notice| notice["event"] == event) {
            return notice;
        }
        assert!(Instant::now() < end, "no {event:?} in {said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One issuance by four processes; what they wrote lies under the folder's `written`.
fn issue(folder: &Path, document: &[u8]) {
    let (stations, written) = (folder.join("stations"), folder.join("written"));
    std::fs::create_dir(&written).unwrap();
    assert!(Command::new(PROGRAM).args(["keys", "init"]).arg(&stations).output().unwrap().status.success());
    let source = folder.join("document.txt");
    std::fs::write(&source, document).unwrap();
    for role in ROLES {
        let config = stations.join(format!("{role}.toml"));
        let text = std::fs::read_to_string(&config).unwrap();
        let name = text.lines().find_map(|line| line.strip_prefix("store = ")).unwrap().trim_matches('"').to_owned();
        let mut text = text.replace(&format!("store = \"{name}\""), &format!("store = {}", json!(written.join(&name))));
        if role == "issuer" {
            text += &format!(
                "\n[[documents]]\nsubject = \"{SUBJECT}\"\nkind = \"certificate\"\nfile = {}\n",
                json!(source)
            );
        }
        std::fs::write(config, text).unwrap();
    }
    let mut running = Running(Vec::new());
    let mut above: Option<String> = None;
    for role in ROLES {
        let file = |ending: &str| written.join(format!("{role}.{ending}"));
        let mut command = Command::new(PROGRAM);
        let kind = if role.ends_with("centre") { "relay" } else { role };
        command.args(["station", kind, "--json", "--control", "--config"]).arg(stations.join(format!("{role}.toml")));
        if role != "kiosk" {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        if let Some(above) = &above {
            command.args(["--upstream", above]);
        }
        command.stdin(Stdio::piped());
        command.stdout(std::fs::File::create(file("stdout")).unwrap());
        command.stderr(std::fs::File::create(file("stderr")).unwrap());
        running.0.push(command.spawn().unwrap());
        if role != "kiosk" {
            above = Some(wait_for(&file("stdout"), "listening")["address"].as_str().unwrap().to_owned());
        }
        if role != "issuer" {
            wait_for(&file("stdout"), "connected");
        }
    }
    let apply = |subject: &str| {
        json!({
            "command": "apply", "operator": "municipality", "issuer": "issuer-1", "kind": "certificate",
            "subject": subject, "challenge": "00".repeat(32), "wait_for_payment": false,
        })
    };
    let kiosk = running.0[3].stdin.as_mut().unwrap();
    writeln!(kiosk, "{}", apply(SUBJECT)).unwrap();
    for role in ROLES {
        let finished = wait_for(&written.join(format!("{role}.stdout")), "finished");
        assert_eq!(finished["outcome"], "complete", "{role}");
    }
    // Someone of whom the register has nothing, and a line that is no command: errors are where a subject gets into a log.
    let kiosk = running.0[3].stdin.as_mut().unwrap();
    writeln!(kiosk, "{}", apply(&format!("{SUBJECT}-unknown"))).unwrap();
    writeln!(kiosk, "{{\"command\":\"apply\",\"subject\":\"{SUBJECT}\"}}").unwrap();
    wait_for(&written.join("issuer.stdout"), "problem");
    // As it lies on the disk while they run, the write-ahead logs too.
    let while_running = written.join("while-running");
    std::fs::create_dir(&while_running).unwrap();
    for file in files(&written) {
        std::fs::copy(&file, while_running.join(file.file_name().unwrap())).unwrap();
    }
    for child in &mut running.0 {
        drop(child.stdin.take());
    }
    for child in &mut running.0 {
        assert!(child.wait().unwrap().success());
    }
    running.0.clear();
}

/// What the commands for auditors write about it, among the other files.
fn export(folder: &Path) {
    let (stations, written) = (folder.join("stations"), folder.join("written"));
    let out = |name: &str| written.join(name).to_str().unwrap().to_owned();
    let store = |station: &str| out(&format!("{station}.sqlite3"));
    let config = stations.join("issuer.toml").to_str().unwrap().to_owned();
    let certificate = |station: &str| {
        stations.join("stations").join(station).join("receipts-certificate.pem").to_str().unwrap().to_owned()
    };
    let run = |arguments: &[&str], name: &str| {
        let output = Command::new(PROGRAM).arg("custody").args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        std::fs::write(written.join(name), &said).unwrap();
        said
    };
    let issuer = store("issuer-1");
    let sessions = run(&["sessions", &issuer, "--json"], "sessions.said");
    let first = sessions.find("\"session\"").map(|at| sessions[at..].split('"').nth(3).unwrap()).unwrap();
    let certificates = STATIONS.map(certificate);
    let trusted: Vec<&str> = ["--trust", &config]
        .into_iter()
        .chain(certificates.iter().flat_map(|file| ["--certificate", file.as_str()]))
        .collect();
    let log = stations.join("stations/issuer-1/log-certificate.pem").to_str().unwrap().to_owned();
    run(&[&["verify", &issuer, "--certificate", &log], &trusted[..]].concat(), "verify.said");
    run(&["prove", &issuer, "--session", first, "--config", &config], "proof.json");
    let receipts = out("receipts");
    run(&["export", &issuer, "--config", &config, "--to", &out("published"), "--receipts", &receipts], "export.said");
    let stores = STATIONS.map(store);
    let mut report = vec!["report"];
    report.extend(stores.iter().map(String::as_str));
    let page = out("report.html");
    report.extend(["--out", &page, "--session", first]);
    let unchecked = run(&report, "report.said");
    assert!(unchecked.contains("signatures were not checked"), "{unchecked}");
    // With keys, signatures are checked, whoever trusts and however it is said.
    report.extend(&trusted);
    let checked = run(&report, "report-checked.said");
    assert!(!checked.contains("not checked"), "{checked}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn nothing_that_four_stations_write_tells_of_the_document_or_its_subject() {
    let folder = tempfile::tempdir().unwrap();
    let document = document();
    issue(folder.path(), &document);
    export(folder.path());
    let needles = needles(&document);
    let written = files(&folder.path().join("written"));
    let names: Vec<String> = written.iter().map(|file| file.file_name().unwrap().to_string_lossy().into()).collect();
    for expected in [
        "issuer-1.sqlite3",
        "kiosk-1.sqlite3",
        "kiosk-1.sqlite3-wal",
        "kiosk.stdout",
        "issuer.stderr",
        "report.html",
        "proof.json",
    ] {
        assert!(names.iter().any(|name| name == expected), "{expected} in {names:?}");
    }
    let mut bytes = 0;
    for file in &written {
        let content = std::fs::read(file).unwrap();
        bytes += content.len();
        assert_eq!(found(&needles, &content), Vec::<String>::new(), "{}", file.display());
    }
    assert!(bytes > 100_000, "{bytes} bytes are too few for four stores and their logs");

    // The control: each form, planted into a copy of a real store, is found.
    let store = std::fs::read(folder.path().join("written/kiosk-1.sqlite3")).unwrap();
    for needle in &needles {
        let mut planted = store.clone();
        let at = planted.len() / 2;
        planted.splice(at..at, needle.1.iter().copied());
        assert!(found(std::slice::from_ref(needle), &planted).contains(&needle.0), "{}", needle.0);
    }
    // And what was given to the stations to read is full of it.
    assert!(!found(&needles, &std::fs::read(folder.path().join("document.txt")).unwrap()).is_empty());
    assert!(!found(&needles, &std::fs::read(folder.path().join("stations/issuer.toml")).unwrap()).is_empty());
}
