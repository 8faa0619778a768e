//! The kiosks and issuing systems of `bindings/c/stations` and `bindings/cpp/stations`, among stations of the command `shokyo` and each
//! other, over real connections.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shokyo::buffer::Cause;
use shokyo::custody::{Store, check_session};
use shokyo::handover::{KeyUse, Outcome, Trust};
use shokyo::receipt::{self, Event, Statement};
use shokyo::station::config::Config;
use shokyo::station::profile::CertificateUse;
use shokyo::station::trust::{Authorities, own_certificate};
use shokyo::types::Role;

#[allow(dead_code, reason = "this program uses a part of it")]
#[path = "processes/station.rs"]
mod station;

use station::{PATIENCE, PROGRAM, Start, Station};

const SUBJECT: &str = "S-0001";
const KIND: &str = "resident-certificate";

/// What a host is written in: the folder below `bindings/`.
type Language = &'static str;
const C: Language = "c";
const CPP: Language = "cpp";

/// A program of `bindings/LANGUAGE/stations`, as `cargo xtask step c-stations` has compiled it.
fn program(language: Language, name: &str) -> Command {
    let folder = std::env::var_os("SHOKYO_C_PROGRAMS").expect("cargo xtask step c-stations sets it");
    Command::new(Path::new(&folder).join(language).join(name))
}

/// A folder with the infrastructure and a document, and the stations above the kiosk.
struct Place {
    folder: tempfile::TempDir,
    document: Vec<u8>,
    issuer: Issuer,
    centre: Station,
    ec: Station,
    address: String,
}

/// An issuing system: a host of the C interface, or the command.
enum Issuer {
    Host(Child),
    InRust(Station),
}

fn address_of(station: &mut Station) -> String {
    station.wait_for("listening")["address"].as_str().unwrap().to_owned()
}

fn start(kind: &'static str, config: PathBuf, upstream: Option<String>) -> Station {
    Start { kind, config, upstream, environment: Vec::new() }.start()
}

impl Place {
    fn new(issuer: Option<Language>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        let made = Command::new(PROGRAM).args(["keys", "init"]).arg(&keys).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let document: Vec<u8> = (0..100_000_u32).map(|number| (number.wrapping_mul(0x9E37_79B9) >> 9) as u8).collect();
        let file = folder.path().join("document.pdf");
        std::fs::write(&file, &document).unwrap();
        let config = |role: &str| keys.join(format!("{role}.toml"));
        let (issuer, upstream) = if let Some(language) = issuer {
            let mut issuer = program(language, "issuer")
                .arg(config("issuer"))
                .args([SUBJECT])
                .arg(&file)
                .arg("127.0.0.1:0")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            BufReader::new(issuer.stdout.take().unwrap()).read_line(&mut line).unwrap();
            let address = line.trim_end().strip_prefix("listening ").expect("an address").to_owned();
            (Issuer::Host(issuer), address)
        } else {
            let mut table = std::fs::OpenOptions::new().append(true).open(config("issuer")).unwrap();
            let row = format!("\n[[documents]]\nsubject = \"{SUBJECT}\"\nkind = \"{KIND}\"\nfile = {}\n", json!(file));
            table.write_all(row.as_bytes()).unwrap();
            let mut issuer = start("issuer", config("issuer"), None);
            let address = address_of(&mut issuer);
            (Issuer::InRust(issuer), address)
        };
        let mut centre = start("relay", config("certificate-centre"), Some(upstream));
        let mut ec = start("relay", config("ec-centre"), Some(address_of(&mut centre)));
        let address = address_of(&mut ec);
        Self { folder, document, issuer, centre, ec, address }
    }

    /// A kiosk with this card in its reader.
    fn start_kiosk(&self, language: Language, subject: &str) -> Child {
        let mut kiosk = program(language, "kiosk")
            .arg(self.folder.path().join("keys/kiosk.toml"))
            .args(["municipality", "issuer-1", KIND, &self.address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        kiosk.stdin.take().unwrap().write_all(subject.as_bytes()).unwrap();
        kiosk
    }

    /// A kiosk with this card in its reader: whether it delivered, and what came out of its printer.
    fn kiosk(&self, language: Language, subject: &str) -> (bool, Vec<u8>) {
        let mut kiosk = self.start_kiosk(language, subject);
        let mut printer = kiosk.stdout.take().unwrap();
        let (sender, printed) = channel();
        std::thread::spawn(move || {
            let mut pages = Vec::new();
            let _ = printer.read_to_end(&mut pages);
            let _ = sender.send(pages);
        });
        (succeeds(&mut kiosk), printed.recv_timeout(PATIENCE).unwrap())
    }

    /// A kiosk in Rust with this card in its reader: what it printed.
    fn kiosk_in_rust(&self, subject: &str) -> Vec<u8> {
        let out = self.folder.path().join("printed");
        let mut kiosk = start("kiosk", self.folder.path().join("keys/kiosk.toml"), Some(self.address.clone()));
        kiosk.wait_for("connected");
        kiosk.tell(&json!({
            "command": "apply", "operator": "municipality", "issuer": "issuer-1", "kind": KIND, "subject": subject,
            "challenge": "ab".repeat(32), "out": out,
        }));
        let finished: Value = kiosk.wait_for("finished");
        kiosk.stop();
        assert_eq!(finished["outcome"], "complete", "{finished}");
        std::fs::read(out).unwrap()
    }

    /// Stops everything in order; then the stores tell.
    fn stop(self) -> Stopped {
        self.ec.stop();
        self.centre.stop();
        match self.issuer {
            Issuer::Host(mut issuer) => {
                drop(issuer.stdin.take());
                assert!(succeeds(&mut issuer), "the issuing system");
            }
            Issuer::InRust(issuer) => issuer.stop(),
        }
        Stopped { folder: self.folder }
    }
}

struct Stopped {
    folder: tempfile::TempDir,
}

impl Stopped {
    fn config(&self, role: Role) -> Config {
        Config::load(&self.folder.path().join("keys").join(format!("{role}.toml"))).unwrap()
    }

    /// The outcomes at the issuing system and at the kiosk, and whether each complete session has its evidence.
    fn outcomes(&self) -> [Vec<Option<Outcome>>; 2] {
        let keys = Role::ALL.map(|role| {
            let config = self.config(role);
            let trust = Authorities::load(&config.trust).unwrap();
            let certificate = own_certificate(&config, &trust, CertificateUse::Receipts).unwrap();
            let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            (role, trust.identify(&certificate, KeyUse::Receipts, unix.as_millis() as u64).unwrap().key)
        });
        let key = |claimed: &Statement| keys.iter().find(|(role, _)| *role == claimed.role).map(|(_, key)| *key);
        [Role::Issuer, Role::Kiosk].map(|role| {
            let store = Store::open_read_only(&self.config(role).store).unwrap();
            let sessions = store.sessions().unwrap();
            for session in &sessions {
                let outcome = session.ended.map(|(outcome, _)| outcome);
                if (role, outcome) != (Role::Issuer, Some(Outcome::Complete)) {
                    continue;
                }
                let receipts: Vec<_> =
                    store.receipts(session.session).unwrap().into_iter().map(|of| of.receipt).collect();
                let report = check_session(&receipts, &key, session.session);
                assert!(report.complete, "{:?}", report.problems);
                // The control: without the last receipt it is not.
                assert!(!check_session(&receipts[..receipts.len() - 1], &key, session.session).complete);
            }
            sessions.iter().map(|session| session.ended.map(|(outcome, _)| outcome)).collect()
        })
    }
}

/// Whether a process ends well, and in time.
fn succeeds(process: &mut Child) -> bool {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return status.success();
        }
        if Instant::now() > end {
            process.kill().unwrap();
            process.wait().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "cargo xtask step c-stations compiles the programs and starts this"]
fn a_kiosk_and_an_issuer_on_the_c_interface_hand_a_document_over_through_relays_in_rust() {
    for (kiosk, issuer) in [(C, C), (CPP, CPP), (C, CPP)] {
        let place = Place::new(Some(issuer));
        let (delivered, printed) = place.kiosk(kiosk, SUBJECT);
        assert!(delivered && printed == place.document, "{kiosk} from {issuer}: {} bytes", printed.len());
        // The control: another person's card gets nothing.
        assert_eq!(place.kiosk(kiosk, "S-0002"), (false, Vec::new()));
        let [issuer, kiosk] = place.stop().outcomes();
        assert_eq!((issuer.len(), issuer[0]), (2, Some(Outcome::Complete)));
        assert_ne!(issuer[1], Some(Outcome::Complete));
        assert_eq!((kiosk.len(), kiosk[0]), (2, Some(Outcome::Complete)));
    }
}

#[test]
#[ignore = "cargo xtask step c-stations compiles the programs and starts this"]
fn a_kiosk_on_the_c_interface_gets_its_document_from_an_issuer_in_rust() {
    for language in [C, CPP] {
        let place = Place::new(None);
        let (delivered, printed) = place.kiosk(language, SUBJECT);
        assert!(delivered && printed == place.document, "{language}: {} bytes", printed.len());
        assert_eq!(place.stop().outcomes(), [vec![Some(Outcome::Complete)], vec![Some(Outcome::Complete)]]);
    }
}

#[test]
#[ignore = "cargo xtask step c-stations compiles the programs and starts this"]
fn an_issuer_on_the_c_interface_gives_its_document_to_a_kiosk_in_rust() {
    for language in [C, CPP] {
        let place = Place::new(Some(language));
        assert!(place.kiosk_in_rust(SUBJECT) == place.document, "{language}");
        assert_eq!(place.stop().outcomes(), [vec![Some(Outcome::Complete)], vec![Some(Outcome::Complete)]]);
    }
}

#[test]
#[ignore = "cargo xtask step c-stations compiles the programs and starts this"]
fn a_printer_that_fails_in_the_middle_ends_in_an_erasure_and_not_in_a_delivery() {
    for language in [C, CPP] {
        let place = Place::new(Some(language));
        let mut kiosk = place.start_kiosk(language, SUBJECT);
        // The document is longer than what a pipe holds.
        let mut some = [0; 1_000];
        let mut printer = kiosk.stdout.take().unwrap();
        printer.read_exact(&mut some).unwrap();
        assert!(some[..] == place.document[..1_000]);
        drop(printer);
        assert!(!succeeds(&mut kiosk));
        let stopped = place.stop();
        let store = Store::open_read_only(&stopped.config(Role::Kiosk).store).unwrap();
        let session = &store.sessions().unwrap()[0];
        let receipts = store.receipts(session.session).unwrap();
        let own: Vec<_> = receipts.iter().filter(|of| of.own).collect();
        let [receipt] = &own[..] else { panic!("{own:?}") };
        let statement = receipt::read_unverified(&receipt.receipt).unwrap().statement;
        // Erased and read back; but some pages may be out, and it is nobody's to say that they are not.
        assert_eq!((statement.event, statement.cause), (Event::Unresolved, Cause::DeviceFault));
        assert!(statement.copies.iter().all(|copy| copy.failed == 0 && copy.verified > 0), "{:?}", statement.copies);
        let alarms: Vec<_> = store.alarms().unwrap().into_iter().map(|alarm| alarm.what).collect();
        assert!(alarms.iter().any(|what| what.contains("jammed")), "{alarms:?}");
        assert!(alarms.iter().any(|what| what.contains("paid-undelivered")), "{alarms:?}");
    }
}
