//! Claims about a store whose process is killed at any moment, or whose disk has no room: what was acknowledged is there, and the log
//! verifies.
#![cfg(all(feature = "custody", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/chain.rs"]
mod chain;
#[path = "support/note_key.rs"]
mod note_key;
#[path = "support/receipt_key.rs"]
mod receipt_key;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use chain::{Station, boxed_log_key, session, verify};
use shokyo::custody::{Journal, Store};
use shokyo::handover::Record;
use shokyo::receipt::{self, Event};
use shokyo::types::{Role, SessionId};

const CHILD: &str = "a_child_process_of_these_tests";
const PATIENCE: Duration = Duration::from_secs(60);
/// Records that wait for their acknowledgement at once.
const IN_FLIGHT: usize = 32;

#[test]
fn kill_9_at_any_moment_loses_nothing_that_was_acknowledged() {
    // More rounds for a long run.
    let rounds = std::env::var("SHOKYO_CRASH_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("station.sqlite");
    let (mut acknowledged, mut known) = (BTreeSet::new(), Vec::new());
    for round in 0..rounds {
        acknowledged.extend(killed_after("honest", &path, random(150)));
        let store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
        assert_eq!(missing(&store, &acknowledged), 0, "round {round}");
        let report = verify(&store, &known);
        assert_eq!(report.problems, [], "round {round}");
        // Each later log continues the earlier one.
        known = store.newest_checkpoint().unwrap().into_iter().collect();
    }
    assert!(acknowledged.len() as u64 > 20 * rounds, "{} are too few to say anything", acknowledged.len());
}

/// The control: the check above notices a station that acknowledges before it is durable.
#[test]
fn a_station_that_acknowledges_too_early_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let noticed = (0..20).any(|round| {
        let path = folder.path().join(format!("{round}.sqlite"));
        let acknowledged = killed_after("early", &path, random(100));
        !acknowledged.is_empty() && missing(&Store::open(&path).unwrap(), &acknowledged) > 0
    });
    assert!(noticed);
}

#[test]
fn a_full_disk_is_said_and_the_station_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("station.sqlite");
    // A limit of the file size stands for the full disk: the shell ignores its signal, so that writes fail, some of them short.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -S -f 600; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    let mut writer = spawn(shell, "honest", &path);
    let lines = lines_of(&mut writer);
    let mut acknowledged = BTreeSet::new();
    let refused = loop {
        let line = lines.recv_timeout(PATIENCE).unwrap();
        match line.split_once(' ') {
            Some(("ack", hash)) => drop(acknowledged.insert(hash.to_owned())),
            Some(("refused", why)) => break why.to_owned(),
            _ => {}
        }
    };
    assert!(refused.contains("disk"), "{refused}");
    assert!(acknowledged.len() > 10);
    let more = Command::new("prlimit")
        .args(["--pid", &writer.id().to_string(), "--fsize=unlimited:unlimited"])
        .status()
        .unwrap();
    assert!(more.success());
    // What was acknowledged before the room came may still be in the pipe; much more comes only after it.
    let enough = acknowledged.len() + 2000;
    while acknowledged.len() < enough {
        let line = lines.recv_timeout(PATIENCE).expect("it goes on");
        acknowledged.extend(line.strip_prefix("ack ").map(str::to_owned));
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    acknowledged.extend(lines.iter().filter_map(|line| line.strip_prefix("ack ").map(str::to_owned)));
    let store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    assert_eq!(missing(&store, &acknowledged), 0);
    assert_eq!(verify(&store, &[]).problems, [], "receipts that the disk refused were written later, in their order");
}

#[test]
fn a_disk_that_fails_while_the_station_runs_loses_nothing_that_was_acknowledged() {
    for (fault, said) in [
        ("read-only", "disk"),
        ("full", "the disk is full"),
        ("torn", "the disk"),
        ("unsynced", "the disk"),
        ("short", ""),
        // The control: a process that is stopped by nothing says nothing.
        ("none", ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (path, control) = (folder.path().join("station.sqlite"), folder.path().join("fault"));
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.env("LD_PRELOAD", failing_disk(folder.path())).env("FAILING_DISK", &control);
        let mut writer = spawn(program, "honest", &path);
        let lines = lines_of(&mut writer);
        let mut acknowledged = BTreeSet::new();
        let mut until = |enough: usize, refusal: bool| {
            let end = Instant::now() + PATIENCE;
            let mut refused = None;
            while acknowledged.len() < enough && !(refusal && refused.is_some()) {
                let line = lines.recv_timeout(end.saturating_duration_since(Instant::now())).expect("it goes on");
                match line.split_once(' ') {
                    Some(("ack", hash)) => drop(acknowledged.insert(hash.to_owned())),
                    Some(("refused", why)) => refused = Some(why.to_owned()),
                    _ => {}
                }
            }
            (acknowledged.len(), refused)
        };
        let (before, refused) = until(200, false);
        assert_eq!(refused, None, "{fault}");
        std::fs::write(&control, fault).unwrap();
        let (during, refused) = until(before + 2_000, true);
        match said {
            "" => assert_eq!(refused, None, "{fault}"),
            _ => assert!(refused.as_deref().is_some_and(|why| why.contains(said)), "{fault}: {refused:?}"),
        }
        // In one step: what is read meanwhile is one word or the other.
        std::fs::write(folder.path().join("well"), "none").unwrap();
        std::fs::rename(folder.path().join("well"), &control).unwrap();
        until(during + 2_000, false);
        writer.kill().unwrap();
        writer.wait().unwrap();
        let store = Store::open_signed(&path, boxed_log_key(9)).unwrap();
        assert_eq!(missing(&store, &acknowledged), 0, "{fault}");
        assert_eq!(verify(&store, &[]).problems, [], "{fault}");
    }
}

/// Makes the library whose disk fails.
fn failing_disk(folder: &Path) -> PathBuf {
    let library = folder.join("libfailingdisk.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/failing_disk.c");
    let mut compiler = Command::new("cc");
    let compiled =
        compiler.args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(compiled.unwrap().success(), "cc failed");
    library
}

#[test]
fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("station.sqlite");
    let _first = Store::open_signed(&path, boxed_log_key(9)).unwrap();
    let mut second = spawn(Command::new(std::env::current_exe().unwrap()), "honest", &path);
    let said: Vec<String> = lines_of(&mut second).iter().collect();
    second.wait().unwrap();
    assert!(said.iter().any(|line| line.contains("another process writes to it already")), "{said:?}");
}

/// Runs a writer, kills it, and gives the hashes that it acknowledged.
fn killed_after(what: &str, path: &Path, time: Duration) -> BTreeSet<String> {
    let mut writer = spawn(Command::new(std::env::current_exe().unwrap()), what, path);
    let lines = lines_of(&mut writer);
    // The moment counts from the first acknowledgement: before it, there is nothing to lose.
    let mut all: Vec<String> = Vec::new();
    let end = Instant::now() + PATIENCE;
    while !all.iter().any(|line| line.starts_with("ack ")) {
        all.push(lines.recv_timeout(end.saturating_duration_since(Instant::now())).unwrap());
    }
    std::thread::sleep(time);
    writer.kill().unwrap();
    assert!(!writer.wait().unwrap().success(), "it was to be killed while it wrote");
    all.extend(lines);
    // The last line may be cut off.
    all.iter().filter_map(|line| line.strip_prefix("ack ")).filter(|hash| hash.len() == 64).map(str::to_owned).collect()
}

/// How many of these receipts the store does not have.
fn missing(store: &Store, acknowledged: &BTreeSet<String>) -> usize {
    let mut there = BTreeSet::new();
    store
        .each_receipt(|hash, bytes| {
            assert_eq!(hash, receipt::hash(bytes));
            there.insert(hex(hash));
            Ok::<_, shokyo::Error>(())
        })
        .unwrap();
    acknowledged.difference(&there).count()
}

fn spawn(mut command: Command, what: &str, store: &Path) -> Child {
    command
        .args(["--exact", CHILD, "--nocapture", "--ignored"])
        .env("SHOKYO_TEST_CHILD", what)
        .env("SHOKYO_TEST_STORE", store)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a child prints, read all the time so that it never waits for this process.
fn lines_of(child: &mut Child) -> Receiver<String> {
    let (sender, lines) = channel();
    let output = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        BufReader::new(output).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok());
    });
    lines
}

fn random(most_ms: u64) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Duration::from_millis(u64::from(now.subsec_nanos()) / 1000 % most_ms)
}

fn hex(bytes: [u8; 32]) -> String {
    SessionId(bytes).to_string()
}

/// Appends receipts until it is killed; acknowledges each when it is durable, or, as a bad example, when it is handed over.
#[test]
#[ignore = "run by other tests in a process of its own"]
fn a_child_process_of_these_tests() {
    let Ok(what) = std::env::var("SHOKYO_TEST_CHILD") else { return };
    let path = PathBuf::from(std::env::var_os("SHOKYO_TEST_STORE").unwrap());
    let store = match Store::open_signed(&path, boxed_log_key(9)) {
        Ok(store) => store,
        Err(error) => return println!("{error}"),
    };
    let mut station = Station::new(Role::Issuer);
    station.continue_after(store.last_receipt_hash().unwrap());
    let first = store.log_size().unwrap();
    let journal = Journal::start(store, None).unwrap();
    let (taken, free) = sync_channel(IN_FLIGHT);
    let free = std::sync::Arc::new(std::sync::Mutex::new(free));
    for number in first..first + 1_000_000 {
        let session = session(number);
        let receipt = station.receipt(session, Event::LostAtRestart);
        let hash = hex(receipt::hash(&receipt));
        taken.send(()).unwrap();
        let early = what == "early";
        if early {
            say(&format!("ack {hash}"));
        }
        let free = free.clone();
        journal.write(Record::OwnReceipt { session, receipt }, number, move |outcome| {
            match outcome {
                Ok(()) if early => {}
                Ok(()) => say(&format!("ack {hash}")),
                Err(error) => {
                    say(&format!("refused {error}"));
                    // Not so many that the journal cannot keep them.
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            free.lock().unwrap().recv().unwrap();
        });
    }
}

/// One line, past the test harness.
fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).unwrap();
}
