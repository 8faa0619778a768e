//! S9. A power cut in the middle of an erasure: nobody knows how far it came.

use std::path::Path;
use std::process::Command;

use shokyo::custody::{Store, record_lost};
use shokyo::handover::{Issuer, MessageType, Outcome, Policy, Record};
use shokyo::receipt::{Event, verify};
use shokyo::types::Role;

use crate::town::{Member, Pinned, Pins, Town};

const WHERE: &str = "SHOKYO_INCIDENT_STORE";

/// Runs the issuer of the test below in a process that is cut off in the middle of erasing, with or without its store.
fn cut_off(folder: &Path, with_store: bool) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "s9_power_cut::child_that_is_cut_off", "--ignored", "--nocapture"])
        .env(WHERE, folder.join("issuer.sqlite"))
        .env("SHOKYO_INCIDENT_WITH_STORE", if with_store { "1" } else { "0" })
        .output()
        .unwrap()
        .status;
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL), "{status}");
}

#[test]
#[ignore = "run in a child process by the tests of this file"]
fn child_that_is_cut_off() {
    let Some(path) = std::env::var_os(WHERE) else { return };
    let with_store = std::env::var("SHOKYO_INCIDENT_WITH_STORE").as_deref() == Ok("1");
    let (mut town, _, kiosk) = Town::usual(Policy::default());
    town.apply(&kiosk, b"holder-1");
    // Every chunk is with the kiosk, and its Received is on the last link.
    assert!(town.run_until(|town| town.saw(1, MessageType::Received)));
    town.collect();
    if with_store {
        let mut store = Store::open(Path::new(&path)).unwrap();
        for record in &town.servers[0].records {
            store.write(record, town.now.unix_ms).unwrap();
        }
    }
    // The issuer erases; its receipt is made, and the power goes before that is written.
    let received = town.network.iter().find(|hop| hop.kind() == Some(MessageType::Received)).unwrap().clone();
    town.deliver(received).unwrap();
    // SAFETY: ends this process, as a power cut does.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
}

#[test]
fn s9_after_a_power_cut_the_open_session_is_recorded_as_lost_before_new_work() {
    let folder = tempfile::tempdir().unwrap();
    cut_off(folder.path(), true);
    // The station starts again: first what was open, then the machine that takes new work.
    let mut pins = Pins::new();
    let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
    let trust = Pinned(std::sync::Arc::new(pins));
    let mut store = Store::open(&folder.path().join("issuer.sqlite")).unwrap();
    let lost = record_lost(&issuer.crypto, &mut store, 1_790_000_100_000).unwrap();
    assert_eq!(lost.len(), 1);
    let session = lost[0].session;
    let mut machine = Issuer::new(issuer.crypto.clone(), trust, Policy::default()).unwrap();
    assert!(machine.poll_persist().is_none() && machine.open_sessions() == 0);

    assert_eq!(store.session(session).unwrap().unwrap().ended.map(|(outcome, _)| outcome), Some(Outcome::Lost));
    assert!(store.alarms().unwrap().iter().any(|alarm| alarm.session == session));
    let receipts = store.receipts(session).unwrap();
    let statement = verify(&receipts[0].receipt, issuer.keys.receipts.public()).unwrap();
    assert_eq!((receipts.len(), statement.event), (1, Event::LostAtRestart));
    assert_eq!(statement.copies, [], "it does not claim that anything was overwritten");
    // It is said once, and nobody can call it complete later.
    assert_eq!(record_lost(&issuer.crypto, &mut store, 1_790_000_200_000).unwrap(), []);
    assert!(store.write(&Record::Ended { session, outcome: Outcome::Complete }, 1_790_000_300_000).is_err());
}

#[test]
fn s9_control_without_a_journal_nobody_knows_that_there_was_anything() {
    let folder = tempfile::tempdir().unwrap();
    cut_off(folder.path(), false);
    let mut pins = Pins::new();
    let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
    let mut store = Store::open(&folder.path().join("issuer.sqlite")).unwrap();
    assert_eq!(record_lost(&issuer.crypto, &mut store, 1_790_000_100_000).unwrap(), []);
    assert!(store.sessions().unwrap().is_empty() && store.alarms().unwrap().is_empty());
}
