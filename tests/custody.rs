//! Claims about the store of evidence and about completeness.
#![cfg(feature = "custody")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/receipt_key.rs"]
mod receipt_key;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use receipt_key::{ReceiptKey, a_key_wiped};
use shokyo::buffer::{Cause, CopyClass, Erasure};
use shokyo::custody::{Report, Session, Store, check_session};
use shokyo::error::Error;
use shokyo::handover::{Outcome, Record};
use shokyo::receipt::{self, Details, Event, Receipt, RelayFigures, Retained, Statement, StationInfo};
use shokyo::types::{Protections, Role, SessionId};
use shokyo::wipe::wipe;

const KIND: &str = "resident-certificate";
const MARKER: &[u8] = b"q7ZtPage one of a document: 1-2-3 Somewhere";

struct Station {
    info: StationInfo,
    key: ReceiptKey,
}

impl Station {
    fn new(role: Role) -> Self {
        Self::named(role, &format!("{role}-0001"), role as u8)
    }

    fn named(role: Role, name: &str, seed: u8) -> Self {
        let info = StationInfo { role, station: name.into(), operator: "an operator".into(), post: "P-17".into() };
        Self { info, key: ReceiptKey::new(seed) }
    }

    fn public(&self) -> [u8; 32] {
        self.key.public()
    }

    fn receipt(&self, session: SessionId, event: Event) -> Vec<u8> {
        self.receipt_with(session, event, KIND, 3)
    }

    fn receipt_with(&self, session: SessionId, event: Event, kind: &str, frames: u64) -> Vec<u8> {
        let mut erasure = Erasure::new(session, Protections::LOCKED);
        if event.claims_erasure() {
            erasure.record(CopyClass::Key, a_key_wiped());
            let mut memory: Vec<u8> = MARKER.iter().copied().cycle().take(5_000).collect();
            erasure.record(CopyClass::Ciphertext, wipe(&mut memory, 7));
        }
        let figures = RelayFigures { peak_bytes: 9_000, longest_hold_ms: 4, frames };
        let relay = (event == Event::RelayedNotRetained).then_some(figures);
        let details = Details { relay, ..Details::new(event, Cause::Delivered, kind, 1_000, 2_000) };
        Receipt::issue(erasure, &details, &self.info, &self.key).unwrap().into_bytes()
    }
}

fn session(number: u64) -> SessionId {
    let mut bytes = [0xC5; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    SessionId(bytes)
}

fn opened(session: SessionId) -> Record {
    Record::Opened { session, kind: KIND.into() }
}

fn new_store() -> (tempfile::TempDir, PathBuf, Store) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("station.sqlite");
    let store = Store::open(&path).unwrap();
    (directory, path, store)
}

fn said(result: Result<impl Sized, Error>) -> String {
    match result {
        Ok(_) => panic!("it should have been refused"),
        Err(error) => error.to_string(),
    }
}

// ---- the store ----

#[test]
fn what_was_written_is_there_after_closing_and_opening_again() {
    let (_directory, path, mut store) = new_store();
    let (a, b) = (session(1), session(2));
    let own = Station::new(Role::Issuer).receipt(a, Event::KeyWiped);
    let peer = Station::new(Role::Kiosk).receipt(a, Event::Erased);
    store.write(&opened(a), 10).unwrap();
    store.write(&opened(b), 11).unwrap();
    store.write(&Record::OwnReceipt { session: a, receipt: own.clone() }, 12).unwrap();
    store.write(&Record::PrintStarted { session: a }, 13).unwrap();
    store.write(&Record::PeerReceipt { session: a, receipt: peer.clone() }, 14).unwrap();
    store.write(&Record::Alarm { session: b, what: "the receipt deadline passed" }, 15).unwrap();
    store.write(&Record::Ended { session: a, outcome: Outcome::Complete }, 16).unwrap();
    drop(store);

    for store in [Store::open_read_only(&path).unwrap(), Store::open(&path).unwrap()] {
        let open = store.open_sessions().unwrap();
        assert_eq!(
            open.iter().map(|open| (open.session, open.opened_unix_ms, open.print_started)).collect::<Vec<_>>(),
            [(b, 11, false)]
        );
        let expected = Session {
            session: a,
            kind: KIND.into(),
            opened_unix_ms: 10,
            print_started_unix_ms: Some(13),
            ended: Some((Outcome::Complete, 16)),
        };
        assert_eq!(store.session(a).unwrap(), Some(expected.clone()));
        assert_eq!(store.sessions().unwrap()[0], expected);
        assert_eq!(store.sessions().unwrap().len(), 2);
        assert_eq!(store.session(session(3)).unwrap(), None);
        let receipts = store.receipts(a).unwrap();
        assert_eq!(
            receipts.iter().map(|r| (r.own, r.event, r.role, r.stored_unix_ms)).collect::<Vec<_>>(),
            [(true, Event::KeyWiped, Role::Issuer, 12), (false, Event::Erased, Role::Kiosk, 14)]
        );
        assert_eq!((&receipts[0].receipt, &receipts[1].receipt), (&own, &peer));
        assert_eq!(receipts[1].station, "kiosk-0001");
        let alarms = store.alarms().unwrap();
        assert_eq!((alarms[0].session, alarms[0].what.as_str()), (b, "the receipt deadline passed"));
        assert_eq!(store.last_receipt_hash().unwrap(), Some(receipt::hash(&own)));
    }
}

#[test]
fn a_session_is_opened_once_and_printed_once() {
    let (_directory, path, mut store) = new_store();
    let a = session(1);
    store.write(&opened(a), 10).unwrap();
    assert_eq!(store.write(&opened(a), 11), Err(Error::Replayed));
    store.write(&Record::PrintStarted { session: a }, 12).unwrap();
    assert_eq!(store.write(&Record::PrintStarted { session: a }, 13), Err(Error::Replayed));
    drop(store);
    let mut store = Store::open(&path).unwrap();
    assert_eq!(store.write(&opened(a), 14), Err(Error::Replayed));
    assert_eq!(store.write(&Record::PrintStarted { session: a }, 15), Err(Error::Replayed));
    assert_eq!(store.session(a).unwrap().unwrap().print_started_unix_ms, Some(12));
    assert!(store.open_sessions().unwrap()[0].print_started);
}

#[test]
fn a_session_that_is_over_stays_as_it_ended() {
    let (_directory, _path, mut store) = new_store();
    let a = session(1);
    let ended = |outcome| Record::Ended { session: a, outcome };
    assert!(matches!(store.write(&ended(Outcome::Ended), 1), Err(Error::WrongState { .. })), "never opened");
    assert!(matches!(store.write(&Record::PrintStarted { session: a }, 1), Err(Error::WrongState { .. })));
    store.write(&opened(a), 1).unwrap();
    store.write(&ended(Outcome::Unresolved), 2).unwrap();
    store.write(&ended(Outcome::Unresolved), 3).unwrap();
    assert!(matches!(store.write(&ended(Outcome::Complete), 4), Err(Error::WrongState { .. })));
    assert!(matches!(store.write(&Record::PrintStarted { session: a }, 5), Err(Error::WrongState { .. })));
    assert_eq!(store.session(a).unwrap().unwrap().ended, Some((Outcome::Unresolved, 2)));
}

#[test]
fn a_later_success_does_not_clear_an_alarm() {
    let (_directory, path, mut store) = new_store();
    let a = session(1);
    // An alarm is kept even when nothing else is known about its session.
    store.write(&Record::Alarm { session: a, what: "a receipt is missing" }, 1).unwrap();
    store.write(&opened(a), 2).unwrap();
    let late = Station::new(Role::Kiosk).receipt(a, Event::Erased);
    store.write(&Record::PeerReceipt { session: a, receipt: late }, 3).unwrap();
    store.write(&Record::Ended { session: a, outcome: Outcome::Complete }, 4).unwrap();
    drop(store);
    assert_eq!(Store::open(&path).unwrap().alarms().unwrap().len(), 1);
}

#[test]
fn a_repeated_receipt_changes_nothing_and_a_foreign_one_is_refused() {
    let (_directory, _path, mut store) = new_store();
    let (a, b) = (session(1), session(2));
    let receipt = Station::new(Role::EcCentre).receipt(a, Event::RelayedNotRetained);
    store.write(&opened(a), 1).unwrap();
    for time in [2, 3] {
        store.write(&Record::PeerReceipt { session: a, receipt: receipt.clone() }, time).unwrap();
    }
    assert_eq!(store.receipts(a).unwrap().len(), 1);
    assert!(matches!(store.write(&Record::PeerReceipt { session: b, receipt }, 4), Err(Error::Mismatch { .. })));
    let garbage = Record::OwnReceipt { session: a, receipt: MARKER.to_vec() };
    assert!(matches!(store.write(&garbage, 5), Err(Error::Malformed { .. })), "only receipts enter");
    assert_eq!(store.last_receipt_hash().unwrap(), None, "a peer's receipt is not this station's");
}

#[test]
fn several_records_are_written_together_or_not_at_all() {
    let (_directory, _path, mut store) = new_store();
    store.write(&opened(session(2)), 1).unwrap();
    let together = [(opened(session(1)), 2), (opened(session(2)), 3), (opened(session(3)), 4)];
    assert_eq!(store.write_all(&together), Err(Error::Replayed));
    assert_eq!(store.sessions().unwrap().len(), 1);
    store.write_all(&[together[0].clone(), together[2].clone()]).unwrap();
    assert_eq!(store.sessions().unwrap().len(), 3);
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let (directory, path, mut store) = new_store();
    store.write(&opened(session(1)), 1).unwrap();
    assert!(said(Store::open(&path)).contains("another process writes to it already"));
    #[cfg(unix)]
    {
        let other_name = directory.path().join("link.sqlite");
        std::os::unix::fs::symlink(&path, &other_name).unwrap();
        assert!(said(Store::open(&other_name)).contains("another process"), "under another name");
    }
    let output = child("open", &path).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("another process writes to it already"));

    let reader = Store::open_read_only(&path).unwrap();
    store.write(&opened(session(2)), 2).unwrap();
    assert_eq!(reader.open_sessions().unwrap().len(), 2, "a reader sees what is written meanwhile");
    drop(store);
    Store::open(&path).unwrap();
}

#[test]
fn a_store_opened_for_reading_cannot_be_written() {
    let (_directory, path, store) = new_store();
    drop(store);
    let mut reader = Store::open_read_only(&path).unwrap();
    assert!(said(reader.write(&opened(session(1)), 1)).contains("read-only"));
    assert!(reader.sessions().unwrap().is_empty());
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("letter.txt");
    std::fs::write(&text, "Dear Sir or Madam, ".repeat(100)).unwrap();
    assert!(said(Store::open(&text)).contains("no database"));
    let other = directory.path().join("other.sqlite");
    let status = Command::new("sqlite3").arg(&other).arg("CREATE TABLE theirs (x)").status();
    if status.is_ok_and(|status| status.success()) {
        let before = std::fs::read(&other).unwrap();
        assert!(said(Store::open(&other)).contains("another program's"));
        assert!(said(Store::open_read_only(&other)).contains("another program's"));
        assert_eq!(std::fs::read(&other).unwrap(), before);
    }
    assert!(said(Store::open(&directory.path().join("missing/station.sqlite"))).contains("making the evidence store"));
    assert!(said(Store::open_read_only(&directory.path().join("missing.sqlite"))).contains("missing"));
}

#[cfg(unix)]
#[test]
fn a_new_store_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, _path, mut store) = new_store();
    store.write(&opened(session(1)), 1).unwrap();
    for name in ["station.sqlite", "station.sqlite-wal"] {
        let mode = std::fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_refused_when_it_is_opened() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    let (directory, path, store) = new_store();
    drop(store);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o444)).unwrap();
    if std::fs::metadata(&path).unwrap().uid() != 0 {
        assert!(said(Store::open(&path)).contains("read-only"));
        return;
    }
    // Root may write to everything: ask a process that is not root, from a copy of this program that it may run.
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let program = directory.path().join("program");
    // By another process: see tests/support/child.rs.
    assert!(Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status().unwrap().success());
    for file in std::fs::read_dir(directory.path()).unwrap() {
        chown(file.unwrap().path(), Some(65_534), Some(65_534)).unwrap();
    }
    let output = child_of(&program, "open", &path).uid(65_534).gid(65_534).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("because the file is read-only"), "{text}");
}

#[test]
fn kill_9_in_the_middle_of_writing_loses_no_acknowledged_record() {
    let (_directory, path, store) = new_store();
    drop(store);
    let mut acknowledged = HashMap::new();
    for round in 0..5_u64 {
        let mut writer =
            child("write", &path).env("SHOKYO_TEST_FIRST", (round * 1_000_000).to_string()).spawn().unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        for (count, line) in
            lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("ok ").map(str::to_owned)).enumerate()
        {
            let (number, hash) = line.split_once(' ').unwrap();
            acknowledged.insert(number.parse::<u64>().unwrap(), hash.to_owned());
            if count as u64 == 20 + 7 * round {
                writer.kill().unwrap();
            }
        }
        assert!(!writer.wait().unwrap().success(), "it was to be killed while it wrote");
    }
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    let store = Store::open(&path).unwrap();
    let open: Vec<_> = store.open_sessions().unwrap().into_iter().map(|open| open.session).collect();
    for (number, hash) in acknowledged {
        let session = session(number);
        assert!(open.contains(&session), "session {number} is open, to be reported as lost");
        let receipts = store.receipts(session).unwrap();
        assert_eq!(receipts.iter().map(|r| hex(&receipt::hash(&r.receipt))).collect::<Vec<_>>(), [hash]);
    }
    // Both records of a session were one transaction.
    assert!(open.iter().all(|session| store.receipts(*session).unwrap().len() == 1));
}

#[cfg(unix)]
#[test]
fn a_disk_without_room_is_said_clearly_and_takes_back_nothing() {
    let (_directory, path, store) = new_store();
    drop(store);
    // The limit of the file size stands for a full disk; the shell ignores its signal, so that writes fail instead.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", CHILD, "--nocapture", "--ignored"])
        .envs([("SHOKYO_TEST_CHILD", "write"), ("SHOKYO_TEST_FIRST", "0")])
        .env("SHOKYO_TEST_STORE", &path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("the evidence store failed while"), "{text}");
    assert!(text.contains("disk"), "{text}");
    let acknowledged = text.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(acknowledged > 10, "{text}");
    assert_eq!(Store::open(&path).unwrap().sessions().unwrap().len(), acknowledged);
}

#[test]
fn no_content_of_a_document_reaches_the_disk() {
    let (directory, _path, mut store) = new_store();
    let a = session(1);
    let issuer = Station::new(Role::Issuer);
    store.write(&opened(a), 1).unwrap();
    store.write(&Record::OwnReceipt { session: a, receipt: issuer.receipt(a, Event::KeyWiped) }, 2).unwrap();
    let look = |needle: &[u8]| {
        std::fs::read_dir(directory.path()).unwrap().any(|file| {
            std::fs::read(file.unwrap().path()).unwrap().windows(needle.len()).any(|window| window == needle)
        })
    };
    assert!(look(KIND.as_bytes()) && look(a.as_bytes()), "the search finds what is there");
    assert!(!look(MARKER) && !look(&MARKER[..10]));
}

#[test]
fn a_store_may_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Store>();
}

// ---- completeness ----

struct Network {
    stations: Vec<Station>,
}

impl Network {
    fn new() -> Self {
        Self { stations: Role::ALL.map(Station::new).into() }
    }

    fn of(&self, role: Role) -> &Station {
        self.stations.iter().find(|station| station.info.role == role).unwrap()
    }

    fn receipts(&self) -> Vec<Vec<u8>> {
        [
            (Role::Issuer, Event::KeyWiped),
            (Role::Kiosk, Event::Erased),
            (Role::Issuer, Event::Closed),
            (Role::EcCentre, Event::RelayedNotRetained),
            (Role::CertificateCentre, Event::RelayedNotRetained),
        ]
        .map(|(role, event)| self.of(role).receipt(session(1), event))
        .into()
    }

    fn check(&self, receipts: &[Vec<u8>]) -> Report {
        let keys = |claimed: &Statement| {
            let known = |station: &&Station| {
                (station.info.role, &station.info.station, &station.info.operator)
                    == (claimed.role, &claimed.station, &claimed.operator)
            };
            self.stations.iter().find(known).map(Station::public)
        };
        let report = check_session(receipts, &keys, session(1));
        assert_eq!(report.complete, report.problems.is_empty());
        report
    }

    #[track_caller]
    fn refuse(&self, receipts: &[Vec<u8>], word: &str) {
        let report = self.check(receipts);
        assert!(
            !report.complete && report.problems.iter().any(|problem| problem.contains(word)),
            "{:?}",
            report.problems
        );
    }
}

#[test]
fn a_session_is_complete_with_every_receipt_in_any_order_and_repeated() {
    let network = Network::new();
    let mut receipts = network.receipts();
    assert_eq!(network.check(&receipts).problems, Vec::<String>::new());
    receipts.reverse();
    receipts.extend(network.receipts());
    let report = network.check(&receipts);
    assert!(report.complete);
    assert_eq!(report.statements.len(), 5);
    receipts.push(network.of(Role::Kiosk).receipt(session(1), Event::Forgotten));
    let report = network.check(&receipts);
    assert!(report.complete && report.statements.iter().any(|statement| statement.event == Event::Forgotten));
}

#[test]
fn a_session_without_any_one_of_its_receipts_is_incomplete() {
    let network = Network::new();
    for missing in 0..5 {
        let mut receipts = network.receipts();
        receipts.remove(missing);
        network.refuse(&receipts, "is missing");
    }
    assert_eq!(network.check(&[]).problems.len(), 5);
}

#[test]
fn a_receipt_of_another_session_proves_nothing_here() {
    let network = Network::new();
    let mut receipts = network.receipts();
    receipts[1] = network.of(Role::Kiosk).receipt(session(2), Event::Erased);
    network.refuse(&receipts, "another session");
    network.refuse(&receipts, "\"erased\" is missing");
}

#[test]
fn no_station_can_speak_for_another() {
    let network = Network::new();
    // The EC centre's key under the kiosk's name.
    let forger = Station::named(Role::Kiosk, "kiosk-0001", Role::EcCentre as u8);
    let mut receipts = network.receipts();
    receipts[1] = forger.receipt(session(1), Event::Erased);
    network.refuse(&receipts, "it is not by the kiosk");
    // A station that nobody knows.
    receipts[1] = Station::named(Role::Kiosk, "kiosk-0666", 66).receipt(session(1), Event::Erased);
    network.refuse(&receipts, "no key is known");
    // A bad signature.
    receipts = network.receipts();
    *receipts[0].last_mut().unwrap() ^= 1;
    network.refuse(&receipts, "signature");
    network.refuse(&receipts, "\"key-wiped\" is missing");
}

#[test]
fn one_key_cannot_be_two_stations_and_one_role_not_two_stations() {
    let mut network = Network::new();
    network.stations[2] = Station::named(Role::EcCentre, "ec-centre-0001", Role::CertificateCentre as u8);
    network.refuse(&network.receipts(), "sign with the same key");

    let mut network = Network::new();
    network.stations.push(Station::named(Role::Kiosk, "kiosk-0002", 9));
    let mut receipts = network.receipts();
    receipts.push(network.stations[4].receipt(session(1), Event::Forgotten));
    network.refuse(&receipts, "two stations speak as kiosk");
}

#[test]
fn a_receipt_of_failure_beside_one_of_success_is_not_complete() {
    let network = Network::new();
    for (role, event) in
        [(Role::Kiosk, Event::NotErased), (Role::Kiosk, Event::LostAtRestart), (Role::Issuer, Event::Unresolved)]
    {
        let mut receipts = network.receipts();
        receipts.push(network.of(role).receipt(session(1), event));
        network.refuse(&receipts, event.name());
    }
    let mut receipts = network.receipts();
    receipts.push(network.of(Role::Kiosk).receipt_with(session(1), Event::Erased, "other kind", 0));
    network.refuse(&receipts, "2 different receipts");
    network.refuse(&receipts, "different kinds of document");
}

#[test]
fn a_relay_that_passed_nothing_on_was_not_on_the_way() {
    let network = Network::new();
    let mut receipts = network.receipts();
    receipts[3] = network.of(Role::EcCentre).receipt_with(session(1), Event::RelayedNotRetained, KIND, 0);
    network.refuse(&receipts, "passed no frame on");
}

#[test]
fn garbage_among_receipts_is_a_problem_and_never_a_panic() {
    let network = Network::new();
    let mut receipts = network.receipts();
    receipts.push(vec![0xFF; 5_000]);
    receipts.push(Vec::new());
    let report = network.check(&receipts);
    assert_eq!((report.complete, report.problems.len(), report.statements.len()), (false, 2, 5));
}

#[test]
fn what_is_retained_is_stated_in_the_report() {
    let network = Network::new();
    let issuer = network.of(Role::Issuer);
    let mut erasure = Erasure::new(session(1), Protections::LOCKED);
    erasure.record(CopyClass::Key, a_key_wiped());
    let retained = [Retained { class: CopyClass::WrappedKey, until_unix_ms: 9_000 }];
    let details =
        Details { retained: &retained, ..Details::new(Event::KeyWiped, Cause::HandedOver, KIND, 1_000, 2_000) };
    let mut receipts = network.receipts();
    receipts[0] = Receipt::issue(erasure, &details, &issuer.info, &issuer.key).unwrap().into_bytes();
    let report = network.check(&receipts);
    assert!(report.complete);
    assert_eq!(report.statements[0].retained, retained);
}

// ---- the child processes: this program again, told by its environment what to do ----

const CHILD: &str = "a_child_process_of_these_tests";

fn child(what: &str, store: &Path) -> Command {
    child_of(&std::env::current_exe().unwrap(), what, store)
}

fn child_of(program: &Path, what: &str, store: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--exact", CHILD, "--nocapture", "--ignored"])
        .env("SHOKYO_TEST_CHILD", what)
        .env("SHOKYO_TEST_STORE", store)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn a_child_process_of_these_tests() {
    let Ok(what) = std::env::var("SHOKYO_TEST_CHILD") else { return };
    let path = PathBuf::from(std::env::var_os("SHOKYO_TEST_STORE").unwrap());
    let mut output = std::io::stdout().lock();
    match (what.as_str(), Store::open(&path)) {
        ("open", Ok(_)) => writeln!(output, "opened").unwrap(),
        ("open", Err(error)) => writeln!(output, "{error}").unwrap(),
        ("write", store) => {
            let mut store = store.unwrap();
            let station = Station::new(Role::Issuer);
            let first: u64 = std::env::var("SHOKYO_TEST_FIRST").unwrap().parse().unwrap();
            for number in first..first + 100_000 {
                let session = session(number);
                let receipt = station.receipt(session, Event::LostAtRestart);
                let hash = hex(&receipt::hash(&receipt));
                let records = [(opened(session), number), (Record::OwnReceipt { session, receipt }, number)];
                if let Err(error) = store.write_all(&records) {
                    writeln!(output, "{error}").unwrap();
                    return;
                }
                writeln!(output, "ok {number} {hash}").unwrap();
                output.flush().unwrap();
            }
        }
        _ => unreachable!(),
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    SessionId(*bytes).to_string()
}
