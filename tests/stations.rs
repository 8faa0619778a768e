//! Stations as processes: strangers, broken neighbours, missing memory, and a kiosk that dies with a document open.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shokyo::custody::{Store, check_session_by_key_id};
use shokyo::handover::Outcome;
use shokyo::handover::{KeyUse, Trust};
use shokyo::receipt::Event;
use shokyo::station::config::Config;
use shokyo::station::pki::{Authority, Validity};
use shokyo::station::profile::{CertificateUse, StationName};
use shokyo::station::trust::Authorities;
use shokyo::types::Role;

const PROGRAM: &str = env!("CARGO_BIN_EXE_shokyo");
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a development infrastructure, whose deadlines after the release are short.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self { folder };
        let made = Command::new(PROGRAM).args(["keys", "init"]).arg(place.path()).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let document = place.folder.path().join("document.pdf");
        let bytes: Vec<u8> =
            (0..100_000u32).flat_map(|number| number.wrapping_mul(0x9E37_79B9).to_le_bytes()).collect();
        std::fs::write(&document, bytes).unwrap();
        let mut table = std::fs::OpenOptions::new().append(true).open(place.config("issuer")).unwrap();
        writeln!(table, "\n[[documents]]\nsubject = \"S-1\"\nkind = \"certificate\"\nfile = {}", json!(document))
            .unwrap();
        place
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("stations")
    }

    fn config(&self, role: &str) -> PathBuf {
        self.path().join(format!("{role}.toml"))
    }

    fn change(&self, role: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config(role)).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(self.config(role), text.replace(from, to)).unwrap();
    }

    fn store(&self, station: &str) -> Store {
        Store::open_read_only(&self.path().join(format!("{station}.sqlite3"))).unwrap()
    }
}

struct Station {
    process: Child,
    input: Option<ChildStdin>,
    notices: Receiver<Value>,
    seen: Vec<Value>,
}

impl Station {
    fn start(kind: &str, config: &Path, more: &[&str]) -> Self {
        let mut process = Command::new(PROGRAM)
            .args(["station", kind, "--json", "--control", "--config"])
            .arg(config)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, notices) = channel();
        let output = process.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        let input = process.stdin.take();
        Self { process, input, notices, seen: Vec::new() }
    }

    fn tell(&mut self, command: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{command}").unwrap();
    }

    fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(found) = self.seen.iter().find(|notice| wanted(notice)) {
            return found.clone();
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let notice = self.notices.recv_timeout(left).unwrap_or_else(|_| panic!("not among {:#?}", self.seen));
            self.seen.push(notice.clone());
            if wanted(&notice) {
                return notice;
            }
        }
    }

    fn wait_for_event(&mut self, event: &str) -> Value {
        self.wait_for(|notice| notice["event"] == event)
    }

    fn address(&mut self) -> String {
        self.wait_for_event("listening")["address"].as_str().unwrap().to_owned()
    }

    fn stop(mut self) {
        drop(self.input.take());
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status:?}");
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Issuer, certificate centre, EC centre, kiosk.
fn start_all(place: &Place) -> [Station; 4] {
    let listen = ["--listen", "127.0.0.1:0"];
    let mut issuer = Station::start("issuer", &place.config("issuer"), &listen);
    let above = issuer.address();
    let mut centre =
        Station::start("relay", &place.config("certificate-centre"), &[&listen[..], &["--upstream", &above]].concat());
    centre.wait_for_event("connected");
    let above = centre.address();
    let mut ec = Station::start("relay", &place.config("ec-centre"), &[&listen[..], &["--upstream", &above]].concat());
    ec.wait_for_event("connected");
    let above = ec.address();
    let mut kiosk = Station::start("kiosk", &place.config("kiosk"), &["--upstream", &above]);
    kiosk.wait_for_event("connected");
    [issuer, centre, ec, kiosk]
}

/// Waits for something that other processes do.
fn wait_until(done: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "it never comes");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn apply(wait_for_payment: bool, subject: &str) -> Value {
    json!({
        "command": "apply", "operator": "municipality", "issuer": "issuer-1", "kind": "certificate", "subject": subject,
        "challenge": "00".repeat(32), "wait_for_payment": wait_for_payment,
    })
}

#[test]
fn a_kiosk_killed_with_the_document_open_is_recorded_as_lost_and_the_issuer_says_unresolved() {
    let place = Place::new();
    place.change("issuer", "deliver = 300\nreceipt = 120", "deliver = 1\nreceipt = 1");
    // A relay waits for a kiosk that may come back until the time of all steps together is over.
    place.change(
        "ec-centre",
        "transmit = 60\nrelease = 30\ndeliver = 300\nreceipt = 120",
        "transmit = 3\nrelease = 1\ndeliver = 1\nreceipt = 1",
    );
    let [mut issuer, centre, mut ec, mut kiosk] = start_all(&place);
    kiosk.tell(&apply(true, "S-1"));
    kiosk.wait_for_event("ready");
    let session = kiosk.wait_for_event("opened")["session"].clone();
    issuer.wait_for_event("closed");
    kiosk.process.kill().unwrap();
    kiosk.process.wait().unwrap();

    ec.wait_for_event("not-retained");
    let finished = issuer.wait_for_event("finished");
    assert_eq!(finished["outcome"], "unresolved", "never delivered, never erased");

    // The kiosk comes back: the session is lost, before any new work, and a new application goes through.
    let above = ec.address();
    let mut kiosk = Station::start("kiosk", &place.config("kiosk"), &["--upstream", &above]);
    let lost = kiosk.wait_for_event("lost");
    assert_eq!(lost["session"], session);
    kiosk.wait_for_event("connected");
    // What it says of the loss goes up to the issuing system, whose session is over, and leaves the outbox once that has it.
    let id = place.store("kiosk-1").sessions().unwrap()[0].session;
    let late = || {
        let receipts = place.store("issuer-1").receipts(id).unwrap();
        receipts.iter().any(|receipt| !receipt.own && receipt.event == Event::LostAtRestart)
    };
    wait_until(late);
    for station in ["kiosk-1", "ec-1"] {
        wait_until(|| place.store(station).unacknowledged(0, 9).unwrap().is_empty());
    }
    kiosk.tell(&apply(false, "S-1"));
    assert_eq!(kiosk.wait_for_event("finished")["outcome"], "complete");
    for station in [kiosk, ec, centre, issuer] {
        station.stop();
    }
    // It changed nothing that was said.
    let at_issuer = place.store("issuer-1").session(id).unwrap().unwrap();
    assert!(matches!(at_issuer.ended, Some((Outcome::Unresolved, _))));
    let store = place.store("kiosk-1");
    let sessions = store.sessions().unwrap();
    let lost = sessions.iter().find(|found| json!(found.session.to_string()) == session).unwrap();
    assert!(matches!(lost.ended, Some((Outcome::Lost, _))));
    let events: Vec<_> = store.receipts(lost.session).unwrap().iter().map(|receipt| receipt.event).collect();
    assert_eq!(events, [Event::LostAtRestart]);
    assert!(place.store("issuer-1").alarms().unwrap().iter().any(|alarm| alarm.session == lost.session));
}

#[test]
fn cancelling_at_the_kiosk_erases_and_ends_the_session_everywhere() {
    let place = Place::new();
    let [mut issuer, mut centre, mut ec, mut kiosk] = start_all(&place);
    kiosk.tell(&apply(true, "S-1"));
    kiosk.wait_for_event("ready");
    kiosk.tell(&json!({ "command": "cancel" }));
    let erased = kiosk.wait_for_event("erased");
    assert_eq!((&erased["cause"], &erased["verified"]), (&json!("cancelled"), &json!(true)));
    for station in [&mut kiosk, &mut ec, &mut centre, &mut issuer] {
        station.wait_for_event("finished");
    }
    for station in [kiosk, ec, centre, issuer] {
        station.stop();
    }
}

#[test]
fn stopping_a_station_with_a_session_open_erases_it_and_tells_the_others() {
    let place = Place::new();
    let [mut issuer, centre, ec, mut kiosk] = start_all(&place);
    kiosk.tell(&apply(true, "S-1"));
    kiosk.wait_for_event("ready");
    drop(kiosk.input.take());
    let erased = kiosk.wait_for_event("erased");
    assert_eq!(erased["cause"], "shutdown");
    kiosk.wait_for_event("stopped");
    issuer.wait_for_event("finished");
    for station in [kiosk, ec, centre, issuer] {
        station.stop();
    }
    let store = place.store("kiosk-1");
    let session = store.sessions().unwrap()[0].session;
    assert_eq!(store.receipts(session).unwrap()[0].event, Event::Erased);
}

#[test]
fn an_unknown_subject_ends_without_a_document() {
    let place = Place::new();
    let [mut issuer, centre, ec, mut kiosk] = start_all(&place);
    kiosk.tell(&apply(false, "S-2"));
    let problem = issuer.wait_for_event("problem");
    assert!(problem["problem"].as_str().unwrap().contains("for this subject"), "{problem}");
    assert!(!problem.to_string().contains("S-2"), "whose application it was is not written down");
    assert_eq!(kiosk.wait_for_event("erased")["cause"], "cancelled");
    for station in [kiosk, ec, centre, issuer] {
        station.stop();
    }
}

#[test]
fn a_neighbour_with_certificates_of_other_authorities_is_refused_on_both_sides() {
    let (place, strangers) = (Place::new(), Place::new());
    let mut issuer = Station::start("issuer", &place.config("issuer"), &["--listen", "127.0.0.1:0"]);
    let above = issuer.address();
    let mut stranger = Station::start(
        "relay",
        &strangers.config("certificate-centre"),
        &["--listen", "127.0.0.1:0", "--upstream", &above],
    );
    for station in [&mut issuer, &mut stranger] {
        let problem = station.wait_for_event("problem");
        let text = problem["problem"].as_str().unwrap();
        assert!(text.contains("trusted") || text.contains("refused"), "{text}");
        assert!(!station.seen.iter().any(|notice| notice["event"] == "connected"));
    }
    stranger.stop();
    issuer.stop();
}

#[test]
fn garbage_on_the_port_is_refused_and_the_station_goes_on() {
    let place = Place::new();
    let [mut issuer, centre, ec, mut kiosk] = start_all(&place);
    let address = issuer.address();
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xFF; 70_000], &[0x16, 0x03, 0x01, 0xFF, 0xFF]] {
        let mut socket = TcpStream::connect(&address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let _ = socket.write_all(garbage);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        assert!(answer.len() < 100, "nothing but an alert comes back");
    }
    issuer.wait_for_event("problem");
    kiosk.tell(&apply(false, "S-1"));
    assert_eq!(kiosk.wait_for_event("finished")["outcome"], "complete");
    for station in [kiosk, ec, centre, issuer] {
        station.stop();
    }
}

#[test]
fn without_locked_memory_a_station_says_so_and_does_not_start() {
    let place = Place::new();
    let script = "ulimit -l 0 && exec \"$0\" station issuer --config \"$1\" --listen 127.0.0.1:0";
    let mut command = Command::new("sh");
    command.args(["-c", script, PROGRAM]).arg(place.config("issuer"));
    // Root is not bound by the limit, so this becomes someone who is.
    if std::fs::read_to_string("/proc/self/status").unwrap().contains("\nUid:\t0\t") {
        use std::os::unix::process::CommandExt;
        let nobody = 65_534;
        let owned = Command::new("chown").args(["-R", &nobody.to_string()]).arg(place.folder.path()).status().unwrap();
        assert!(owned.success());
        let program = place.folder.path().join("shokyo");
        // By another process: see tests/support/child.rs.
        assert!(Command::new("cp").arg(PROGRAM).arg(&program).status().unwrap().success());
        command = Command::new("sh");
        command.args(["-c", script]).arg(program).arg(place.config("issuer")).uid(nobody).gid(nobody);
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(errors.contains("no locked memory left") && errors.contains("RLIMIT_MEMLOCK"), "{errors}");
}

/// The convenience operator's authority, in this test's hands, with new certificates and keys for its two stations.
fn own_authority(place: &Place) -> Authority {
    let authority = Authority::new("convenience", validity()).unwrap();
    let folder = place.path().join("authorities/convenience");
    std::fs::write(folder.join("certificate.pem"), authority.certificate_pem()).unwrap();
    std::fs::write(folder.join("revocation.pem"), authority.revocation_list(&[], validity()).unwrap()).unwrap();
    for (role, station) in [(Role::EcCentre, "ec-1"), (Role::Kiosk, "kiosk-1")] {
        for certificate_use in CertificateUse::ALL {
            renew(place, &authority, role, station, certificate_use);
        }
    }
    authority
}

fn validity() -> Validity {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Validity::starting(now.as_secs(), Duration::from_secs(3600))
}

/// A new key and certificate in the place of the old ones.
fn renew(place: &Place, authority: &Authority, role: Role, station: &str, certificate_use: CertificateUse) {
    let name = StationName::new(role, station, "convenience").unwrap();
    let issued = authority.issue(&name, certificate_use, validity()).unwrap();
    let (folder, stem) = (place.path().join("stations").join(station), certificate_use.name());
    std::fs::write(folder.join(format!("{stem}-certificate.pem")), issued.certificate_pem).unwrap();
    let key = ["der", "pem"].map(|extension| folder.join(format!("{stem}-key.{extension}")));
    let key = key.into_iter().find(|file| file.exists()).unwrap();
    std::fs::write(key, &issued.key[..]).unwrap();
}

#[test]
fn a_new_key_for_receipts_goes_on_in_the_same_store_and_old_and_new_receipts_verify() {
    let place = Place::new();
    let authority = own_authority(&place);
    for round in 0..2 {
        if round == 1 {
            renew(&place, &authority, Role::Kiosk, "kiosk-1", CertificateUse::Receipts);
        }
        let [mut issuer, mut centre, mut ec, mut kiosk] = start_all(&place);
        kiosk.tell(&apply(false, "S-1"));
        for station in [&mut kiosk, &mut ec, &mut centre, &mut issuer] {
            assert_eq!(station.wait_for_event("finished")["outcome"], "complete");
        }
        for station in [kiosk, ec, centre, issuer] {
            station.stop();
        }
    }
    let certificates = place.store("kiosk-1").certificates().unwrap();
    assert_eq!(certificates.len(), 2, "the old and the new");
    // An auditor, with the authorities of the configuration and the certificates that stand in the four stores.
    let trust = Authorities::load(&Config::load(&place.config("issuer")).unwrap().trust).unwrap();
    let all: Vec<_> = ["issuer-1", "centre-1", "ec-1", "kiosk-1"]
        .iter()
        .flat_map(|station| place.store(station).certificates().unwrap())
        .collect();
    let store = place.store("issuer-1");
    let sessions = store.sessions().unwrap();
    assert_eq!(sessions.len(), 2);
    let check = |known: &[shokyo::custody::StoredCertificate], session| {
        let receipts: Vec<Vec<u8>> =
            store.receipts(session).unwrap().into_iter().map(|receipt| receipt.receipt).collect();
        let key = |claimed: &shokyo::receipt::Unverified| {
            let found = known.iter().find(|certificate| certificate.key_id == claimed.key_id)?;
            let at = claimed.statement.event_unix_ms;
            let identity = trust.identify(&found.certificate, KeyUse::Receipts, at).ok()?;
            let statement = &claimed.statement;
            let same = identity.role == statement.role
                && identity.station == statement.station
                && identity.operator == statement.operator;
            same.then_some(identity.key)
        };
        check_session_by_key_id(&receipts, &key, session)
    };
    let mut kids: Vec<[u8; 32]> = Vec::new();
    for found in &sessions {
        let report = check(&all, found.session);
        assert!(report.complete, "{:?}", report.problems);
        let of_kiosk = store.receipts(found.session).unwrap();
        let of_kiosk = of_kiosk.iter().find(|receipt| receipt.role == Role::Kiosk).unwrap();
        kids.push(shokyo::receipt::read_unverified(&of_kiosk.receipt).unwrap().key_id);
    }
    assert_eq!(kids, [certificates[0].key_id, certificates[1].key_id], "each under the key of its time");
    // The control: without the old certificate the old session does not verify, and the new one does.
    let newer: Vec<_> = all.iter().filter(|known| known.key_id != kids[0]).cloned().collect();
    assert!(!check(&newer, sessions[0].session).complete);
    assert!(check(&newer, sessions[1].session).complete);
}

#[test]
fn a_configuration_for_another_role_is_refused() {
    let place = Place::new();
    let output =
        Command::new(PROGRAM).args(["station", "kiosk", "--config"]).arg(place.config("issuer")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("role issuer"));
}
