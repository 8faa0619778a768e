//! The demonstration as a user starts it: the program itself, its exit codes, its words, and what it leaves behind.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_shokyo");

fn demo(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).arg("demo").args(arguments).output().unwrap()
}

fn document(folder: &Path, length: usize) -> std::path::PathBuf {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let bytes: Vec<u8> = (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect();
    let path = folder.join(format!("document-{length}.pdf"));
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Processes whose parent is `pid`.
fn children_of(pid: u32) -> Vec<u32> {
    let parent = |entry: &std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(Result::ok)
        .filter(|entry| parent(entry) == Some(pid))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn runs(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

#[test]
fn the_sample_is_delivered_erased_at_all_four_evidenced_and_leaves_no_residue() {
    let output = demo(&["--json"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_str(&text).unwrap();
    for claim in ["delivered", "erased", "receipts_verify", "no_residue"] {
        assert_eq!(found[claim], true, "{claim}");
    }
    assert_eq!(found["sessions"][0]["never_two_readers"], true);
    assert_eq!(found["evidence"][0]["receipts"].as_array().unwrap().len(), 5);
    for residue in found["residue"].as_array().unwrap() {
        assert_eq!(residue["control_found"], true, "a scan that does not see the marker proves nothing");
        assert!(residue["bytes_scanned"].as_u64().unwrap() > 1 << 20);
    }
    for station in found["protections"].as_array().unwrap() {
        let active = station["active"].as_array().unwrap();
        for protection in ["LOCKED", "GUARDED", "NO_DUMP", "NOT_INHERITED", "CANARY", "CLEAN_ROOM"] {
            assert!(active.iter().any(|flag| flag == protection), "{protection} in {station}");
        }
        assert!(!active.iter().any(|flag| flag == "FRAME_PINNED"), "what is scanned uses no secret memory: {station}");
    }
}

#[test]
fn documents_from_one_byte_to_twenty_megabytes_go_through() {
    let folder = tempfile::tempdir().unwrap();
    for length in [1, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 20_000_000] {
        let file = document(folder.path(), length);
        let output = demo(&["--json", "--file", file.to_str().unwrap()]);
        let text = String::from_utf8_lossy(&output.stdout);
        let found: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("length {length}: {output:?}"));
        for claim in ["delivered", "erased", "receipts_verify"] {
            assert_eq!(found[claim], true, "{claim} at length {length}");
        }
        // One byte is everywhere; nobody can say whether it is this document's.
        assert_eq!(output.status.code(), Some(if length == 1 { 4 } else { 0 }), "length {length}: {text}");
    }
}

#[test]
fn several_in_a_row_and_a_copy_in_the_clear_only_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (document(folder.path(), 50_000), folder.path().join("delivered.pdf"));
    let output = demo(&["--count", "3", "--file", file.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(errors.contains("warning") && errors.contains("in the clear"), "{errors}");
    assert_eq!(std::fs::read(out).unwrap(), std::fs::read(file).unwrap());
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.matches("never two readers").count(), 3, "{text}");
    assert!(!text.contains("completely erased"));
}

#[test]
fn a_file_that_cannot_be_issued_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pdf");
    std::fs::write(&empty, b"").unwrap();
    let large = document(folder.path(), 24 * 1024 * 1024 + 1);
    for (file, reason) in [
        (folder.path().join("nowhere.pdf"), "check the path"),
        (folder.path().to_path_buf(), "cannot read"),
        (empty, "empty"),
        (large, "the limit is"),
    ] {
        let output = demo(&["--file", file.to_str().unwrap()]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(reason), "{errors}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn ctrl_c_ends_every_process_and_leaves_no_folder() {
    let temporary = tempfile::tempdir().unwrap();
    let mut running = Command::new(PROGRAM)
        .args(["demo", "--count", "1000"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("four stations run", || children_of(running.id()).len() == 4);
    // Some of them are well into their work then.
    std::thread::sleep(Duration::from_millis(1500));
    let children = children_of(running.id());
    assert_eq!(children.len(), 4);
    let pid = running.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = {
        let status = running.wait().unwrap();
        let mut errors = String::new();
        std::io::Read::read_to_string(&mut running.stderr.take().unwrap(), &mut errors).unwrap();
        (status, errors)
    };
    assert_eq!(output.0.code(), Some(130), "{}", output.1);
    assert!(output.1.contains("stopped with Ctrl-C"), "{}", output.1);
    assert!(!children.into_iter().any(runs), "no process is left behind");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "no folder is left behind");
}

#[test]
fn stations_end_by_themselves_when_the_demonstration_is_killed() {
    let temporary = tempfile::tempdir().unwrap();
    let mut running = Command::new(PROGRAM)
        .args(["demo", "--count", "1000"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("four stations run", || children_of(running.id()).len() == 4);
    let children = children_of(running.id());
    running.kill().unwrap();
    running.wait().unwrap();
    wait_until("every station ends", || !children.iter().copied().any(runs));
}

#[cfg(shokyo_faults)]
mod with_faults {
    use super::*;

    fn demo_with(faults: &str) -> (Option<i32>, Value) {
        let output = Command::new(PROGRAM).args(["demo", "--json"]).env("SHOKYO_FAULTS", faults).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{errors}")))
    }

    #[test]
    fn neither_the_document_nor_its_key_nor_the_key_schedule_stays_in_any_process() {
        let (code, found) = demo_with("known-key");
        assert_eq!(code, Some(0), "{found:#}");
    }

    #[test]
    fn without_the_wipe_the_same_scan_finds_document_key_and_key_schedule() {
        let (code, found) = demo_with("known-key,no-wipe");
        assert_eq!(code, Some(3));
        let hits = |role: &str, kind: &str| {
            let residue = found["residue"].as_array().unwrap().iter().find(|residue| residue["role"] == role).unwrap();
            residue["hits_by_kind"][kind].as_u64().unwrap_or(0)
        };
        for role in ["issuer", "kiosk"] {
            for kind in ["Document", "Key", "RoundKeys"] {
                assert!(hits(role, kind) > 0, "{kind} at the {role}: {:#}", found["residue"]);
            }
        }
        // The relays never had the document. (The known key seals their own key files for a moment, as it does everything here.)
        for role in ["ec-centre", "certificate-centre"] {
            assert_eq!(hits(role, "Document"), 0, "{role}");
        }
    }

    #[test]
    fn a_byte_that_cannot_be_wiped_is_reported_and_nothing_is_released() {
        let output =
            Command::new(PROGRAM).args(["demo", "--json"]).env("SHOKYO_FAULTS", "stuck-byte").output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}
