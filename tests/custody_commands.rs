//! Claims about `shokyo custody`: what an auditor types, what is printed, and the exit codes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use shokyo::buffer::{Cause, Erasure, Vault, VaultOptions};
use shokyo::custody::log::NoteSigner;
use shokyo::custody::{LogKey, Store};
use shokyo::handover::suite::SigningKey;
use shokyo::handover::{Outcome, Record};
use shokyo::receipt::{self, Details, Event, Receipt, StationInfo};
use shokyo::station::{config::Config, log_key, pki};
use shokyo::types::{Protections, SessionId};

const WRONG: i32 = 5;

struct Ground {
    folder: tempfile::TempDir,
    vkey: String,
}

impl Ground {
    /// A development infrastructure, and an issuer's store with some sessions.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        pki::init(&folder.path().join("pki")).unwrap();
        for role in ["issuer", "certificate-centre"] {
            let file = folder.path().join(format!("pki/{role}.toml"));
            let text = std::fs::read_to_string(&file).unwrap();
            let text = text.replace("\"strict\"", "\"best-effort\"").replace("\"auto\"", "\"off\"");
            std::fs::write(&file, text).unwrap();
        }
        let mut ground = Self { folder, vkey: String::new() };
        ground.fill(0..20);
        ground
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> Config {
        Config::load(&self.path("pki/issuer.toml")).unwrap()
    }

    fn fill(&mut self, sessions: std::ops::Range<u64>) {
        let config = self.config();
        let key: LogKey = log_key(&config).unwrap();
        self.vkey = key.verifier_key().to_string();
        let mut store = Store::open_signed(&self.path("store.sqlite"), Box::new(key)).unwrap();
        let mut options = VaultOptions::small();
        options.agreement = true;
        let vault = Vault::open(options).unwrap();
        let mut file = std::fs::File::open(&config.receipts.key).unwrap();
        let signer = SigningKey::from_pkcs8(&vault, &mut file).unwrap();
        let station = StationInfo {
            role: config.role,
            station: config.station.clone(),
            operator: config.operator.clone(),
            post: config.responsible_post,
        };
        let now = shokyo::station::notice::now().unix_ms;
        for number in sessions {
            let session = SessionId([number as u8; 32]);
            let details = Details {
                previous: store.last_receipt_hash().unwrap(),
                ..Details::new(Event::LostAtRestart, Cause::Shutdown, "resident-certificate", now, now)
            };
            let receipt =
                Receipt::issue(Erasure::new(session, Protections::none()), &details, &station, &signer).unwrap();
            let records = [
                Record::Opened { session, kind: "resident-certificate".into() },
                Record::OwnReceipt { session, receipt: receipt.into_bytes() },
                Record::Ended { session, outcome: Outcome::Lost },
            ];
            store.write_all(&records.map(|record| (record, now))).unwrap();
        }
    }

    fn custody(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shokyo"));
        command.arg("custody").args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    /// Exit code and JSON.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.custody(&[arguments, &["--json"]].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

fn edit(path: &Path, sql: &str) {
    let triggers = "DROP TRIGGER sessions_only_go_on; DROP TRIGGER receipts_do_not_change;";
    rusqlite::Connection::open(path).unwrap().execute_batch(&format!("{triggers} {sql}")).unwrap();
}

#[test]
fn a_store_is_verified_and_a_tampered_copy_is_not() {
    let ground = Ground::new();
    let (code, report) = ground.json(&["verify", "store.sqlite", "--config", "pki/issuer.toml"]);
    assert_eq!((code, &report["problem_count"], &report["size"]), (0, &0.into(), &60.into()), "{report}");
    assert_eq!((&report["receipts_verified"], &report["receipts_without_key"]), (&20.into(), &0.into()));
    assert_eq!(report["keys"], serde_json::json!([ground.vkey]), "what an auditor keeps is shown");
    let (code, report) = ground.json(&["verify", "store.sqlite", "--key", &ground.vkey]);
    assert_eq!((code, &report["receipts_without_key"]), (0, &20.into()), "{report}");
    let certificates =
        ["--trust", "pki/issuer.toml", "--certificate", "pki/stations/issuer-1/receipts-certificate.pem"];
    let log = ["--certificate", "pki/stations/issuer-1/log-certificate.pem"];
    let (code, report) = ground.json(&[&["verify", "store.sqlite"], &certificates[..], &log].concat());
    assert_eq!((code, &report["receipts_verified"]), (0, &20.into()), "{report}");
    let text =
        String::from_utf8(ground.custody(&["verify", "store.sqlite", "--config", "pki/issuer.toml"]).stdout).unwrap();
    assert!(
        text.contains("60 entries: 20 opened, 20 own-receipt, 20 ended")
            && text.contains(&format!("verifier key: {}", ground.vkey))
            && text.contains("nothing wrong"),
        "{text}"
    );

    edit(&ground.path("store.sqlite"), "UPDATE sessions SET outcome = 1 WHERE id = 3");
    let output = ground.custody(&["verify", "store.sqlite", "--config", "pki/issuer.toml"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(WRONG), "{text}");
    assert!(text.contains("entry 8 (ended, row 3 of sessions): its row or its salt was changed"), "{text}");

    // What cannot be looked at, and a wrong command line.
    assert_eq!(ground.custody(&["verify", "nothing.sqlite", "--key", &ground.vkey]).status.code(), Some(1));
    assert_eq!(ground.custody(&["verify", "store.sqlite"]).status.code(), Some(1));
    assert_eq!(ground.custody(&["verify"]).status.code(), Some(2));
}

#[test]
fn what_was_not_verified_is_not_passed_over() {
    let ground = Ground::new();
    let verify = |arguments: &[&str]| {
        let output = ground.custody(&[&["verify"], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), text)
    };
    // Keys of two logs: it must be said which is meant, and another station's store does not pass for it.
    let stranger = stranger().to_string();
    let keys = ["store.sqlite", "--key", &ground.vkey, "--key", &stranger];
    let (code, text) = verify(&keys);
    assert!(code == 1 && text.contains("say with --log which is meant"), "{code} {text}");
    let name = ground.vkey.split('+').next().unwrap();
    assert_eq!(verify(&[&keys[..], &["--log", name]].concat()).0, 0);
    let (code, text) = verify(&[&keys[..], &["--log", "stranger"]].concat());
    assert!(code == WRONG && text.contains("no key that you gave has signed it"), "{code} {text}");
    assert_eq!(verify(&[&keys[..], &["--log", "nobody"]].concat()).0, 1);

    // Certificates for receipts were given, and none for these.
    let others = ["--trust", "pki/issuer.toml", "--certificate", "pki/stations/kiosk-1/receipts-certificate.pem"];
    let (code, text) = verify(&[&["store.sqlite", "--key", &ground.vkey], &others[..]].concat());
    assert!(code == WRONG && text.contains("20 receipts are not vouched for"), "{code} {text}");

    // A store in which nothing is signed, a list without proofs, and a checkpoint to compare with that is not compared.
    drop(Store::open(&ground.path("empty.sqlite")).unwrap());
    let (code, text) = verify(&["empty.sqlite", "--key", &ground.vkey]);
    assert!(code == WRONG && text.contains("there is no checkpoint"), "{code} {text}");
    let (_, report) = ground.json(&["verify", "empty.sqlite", "--key", &ground.vkey]);
    assert_eq!((&report["problem_count"], report["problems"].as_array().unwrap().len()), (&1.into(), 1), "{report}");
    std::fs::write(ground.path("proofs.json"), r#"{"proofs":[]}"#).unwrap();
    assert_eq!(verify(&["proofs.json", "--key", &ground.vkey]).0, 1);
    let (code, text) = verify(&["proofs.json", "--key", &ground.vkey, "--known", "proofs.json"]);
    assert!(code == 1, "{code} {text}");
}

#[test]
fn a_log_that_was_cut_off_is_found_with_a_checkpoint_that_was_kept() {
    let mut ground = Ground::new();
    std::fs::copy(ground.path("store.sqlite"), ground.path("earlier.sqlite")).unwrap();
    ground.fill(20..25);
    let export = ["export", "store.sqlite", "--config", "pki/issuer.toml", "--to", "published"];
    assert_eq!(ground.json(&export).0, 0);
    let known = |store| ground.json(&["verify", store, "--key", &ground.vkey, "--known", "published/checkpoint"]);
    assert_eq!(known("store.sqlite").0, 0, "the control");
    let (code, report) = known("earlier.sqlite");
    assert!(code == WRONG && report.to_string().contains("cut off"), "{report}");

    // The same for what is published: put back to what it was, and grown into another history.
    let publish = |ground: &Ground, folder| {
        ground.json(&["export", "earlier.sqlite", "--config", "pki/issuer.toml", "--to", folder]).0
    };
    let against = |ground: &Ground, folder, kept: &str| {
        ground.json(&["verify", folder, "--key", &ground.vkey, "--known", &format!("{kept}/checkpoint")])
    };
    assert_eq!(publish(&ground, "put-back"), 0);
    assert_eq!(against(&ground, "published", "put-back").0, 0, "the control: an earlier one of the same history");
    let (code, report) = against(&ground, "put-back", "published");
    assert!(code == WRONG && report.to_string().contains("cut off or put back"), "{report}");
    std::fs::rename(ground.path("store.sqlite"), ground.path("true.sqlite")).unwrap();
    for end in ["-wal", "-shm"] {
        let _there_or_not = std::fs::remove_file(ground.path(&format!("store.sqlite{end}")));
    }
    std::fs::copy(ground.path("earlier.sqlite"), ground.path("store.sqlite")).unwrap();
    ground.fill(30..40);
    std::fs::copy(ground.path("store.sqlite"), ground.path("earlier.sqlite")).unwrap();
    assert_eq!(publish(&ground, "other"), 0);
    let (code, report) = against(&ground, "other", "published");
    assert!(code == WRONG && report.to_string().contains("this history of the log"), "{report}");
}

#[test]
fn a_log_is_published_with_receipts_and_grows_in_its_folder() {
    let mut ground = Ground::new();
    let export =
        ["export", "store.sqlite", "--config", "pki/issuer.toml", "--to", "published", "--receipts", "receipts"];
    let (code, written) = ground.json(&export);
    assert_eq!((code, &written["receipts"]), (0, &20.into()), "{written}");
    assert_eq!(ground.json(&["verify", "published", "--key", &ground.vkey]).0, 0);
    ground.fill(20..120);
    assert_eq!(ground.json(&export).1["receipts"], 100);
    assert_eq!(ground.json(&export).1["files_published"], 0, "nothing new");
    let (code, found) = ground.json(&["verify", "published", "--key", &ground.vkey]);
    assert_eq!((code, &found["size"]), (0, &360.into()), "{found}");
    let receipt = std::fs::read_dir(ground.path("receipts")).unwrap().next().unwrap().unwrap().path();
    let receipt = receipt.to_str().unwrap();
    assert_eq!(ground.json(&["verify", receipt, "--config", "pki/issuer.toml"]).0, 0);
    assert_eq!(ground.json(&["verify", receipt, "--key", &ground.vkey]).0, 1, "no certificate for it");
    let checkpoint = ground.json(&["verify", "published/checkpoint", "--key", &ground.vkey]);
    assert_eq!((checkpoint.0, &checkpoint.1["size"]), (0, &360.into()));

    // Changed copies.
    let mut bytes = std::fs::read(receipt).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(ground.path("changed.cose"), bytes).unwrap();
    assert_eq!(ground.json(&["verify", "changed.cose", "--config", "pki/issuer.toml"]).0, WRONG);
    let note = std::fs::read_to_string(ground.path("published/checkpoint")).unwrap();
    std::fs::write(ground.path("changed-checkpoint"), note.replace("\n360\n", "\n361\n")).unwrap();
    assert_eq!(ground.json(&["verify", "changed-checkpoint", "--key", &ground.vkey]).0, WRONG);
    let tile = ground.path("published/tile/0/000");
    let mut bytes = std::fs::read(&tile).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&tile, bytes).unwrap();
    assert_eq!(ground.json(&["verify", "published", "--key", &ground.vkey]).0, WRONG);
}

#[test]
fn a_proof_stands_alone_and_a_changed_one_does_not() {
    let ground = Ground::new();
    let session = "07".repeat(32);
    let prove = ["prove", "store.sqlite", "--session", &session, "--config", "pki/issuer.toml"];
    let (code, proofs) = ground.json(&prove);
    assert_eq!((code, &proofs["proofs"][0]["position"]), (0, &22.into()), "{proofs}");
    std::fs::write(ground.path("proof.json"), proofs.to_string()).unwrap();
    let verify = |file| ground.json(&["verify", file, "--config", "pki/issuer.toml"]);
    assert_eq!(verify("proof.json").0, 0);
    let by_hash = ["prove", "store.sqlite", "--receipt", proofs["proofs"][0]["receipt_hash"].as_str().unwrap()];
    assert_eq!(ground.json(&by_hash).1["proofs"][0]["leaf"], proofs["proofs"][0]["leaf"]);

    // The COSE receipt of inclusion says the same.
    let bytes = |name: &str| {
        let digits = proofs["proofs"][0][name].as_str().unwrap();
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect::<Vec<_>>()
    };
    let key = shokyo::custody::log::VerifierKey::parse(&ground.vkey).unwrap();
    let included = shokyo::custody::log::verify_inclusion_receipt(&bytes("inclusion"), &bytes("leaf"), &key).unwrap();
    assert_eq!((included.index, included.size), (22, 60));
    assert_eq!(receipt::read_unverified(&bytes("receipt")).unwrap().statement.session, SessionId([7; 32]));

    for (name, value) in [("position", 21.into()), ("stored_unix_ms", 1.into()), ("own", false.into())] {
        let mut changed = proofs.clone();
        changed["proofs"][0][name] = value;
        std::fs::write(ground.path("changed.json"), changed.to_string()).unwrap();
        assert_eq!(verify("changed.json").0, WRONG, "{name}");
    }
    assert_eq!(ground.json(&["prove", "store.sqlite", "--receipt", &"00".repeat(32)]).0, 1);
}

#[test]
fn another_operator_cosigns_what_grows_and_refuses_two_histories() {
    let mut ground = Ground::new();
    std::fs::copy(ground.path("store.sqlite"), ground.path("fork.sqlite")).unwrap();
    let request = |ground: &Ground, store: &str, old: &str| {
        let export = ["export", store, "--request", "request", "--old", old];
        assert_eq!(ground.json(&export).0, 0);
        let witness = ["--config", "pki/certificate-centre.toml", "--state", "seen", "--out", "line"];
        ground.json(&[&["cosign", "request", "--log", &ground.vkey][..], &witness].concat())
    };
    let (code, answer) = request(&ground, "store.sqlite", "0");
    assert_eq!((code, &answer["size"]), (0, &60.into()), "{answer}");
    // The log publishes the cosignature with its checkpoint.
    let by = answer["by"].as_str().unwrap().to_owned();
    let export = |witness: &str| {
        let export = ["export", "store.sqlite", "--config", "pki/issuer.toml", "--to", "published"];
        ground.json(&[&export[..], &["--cosignature", "line", "--witness", witness]].concat())
    };
    assert_eq!(export(&by).0, 0);
    let note = std::fs::read_to_string(ground.path("published/checkpoint")).unwrap();
    assert_eq!(note.lines().filter(|line| line.starts_with("— ")).count(), 2, "{note}");
    assert_eq!(export(&stranger().to_string()).0, 1, "the control: another witness's is not there");

    ground.fill(20..30);
    assert_eq!(request(&ground, "store.sqlite", "0").0, 1, "seen last at 60");
    assert_eq!(request(&ground, "store.sqlite", "60").0, 0);
    // The same key has signed another history: a copy of the store went on by itself.
    std::fs::rename(ground.path("store.sqlite"), ground.path("true.sqlite")).unwrap();
    for end in ["-wal", "-shm"] {
        let _there_or_not = std::fs::remove_file(ground.path(&format!("store.sqlite{end}")));
    }
    std::fs::rename(ground.path("fork.sqlite"), ground.path("store.sqlite")).unwrap();
    ground.fill(30..40);
    let (code, answer) = request(&ground, "store.sqlite", "90");
    assert_eq!((code, answer["refused"].as_str()), (WRONG, Some("split-view")), "{answer}");
    let evidence = std::fs::read_dir(ground.path("seen")).unwrap();
    let evidence = evidence.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains("split-view"));
    assert_eq!(evidence.count(), 1);
}

/// The verifier key of nobody here.
fn stranger() -> shokyo::custody::log::VerifierKey {
    let public = ed25519_dalek::SigningKey::from_bytes(&[3; 32]).verifying_key().to_bytes();
    shokyo::custody::log::VerifierKey::new("stranger", public).unwrap()
}
