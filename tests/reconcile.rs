//! Which receipts are missing where, over the stores of all four stations.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/world.rs"]
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use shokyo::buffer::Cause;
use shokyo::custody::{DueBy, Gap, Incomplete, Reconciled, Store, reconcile};
use shokyo::handover::{MessageType, Outcome, Record};
use shokyo::receipt::Event;
use shokyo::types::{Role, SessionId};
use world::{World, kind_of};

/// When all deadlines are over.
const LATER: DueBy = DueBy { deadline_ms: 600_000, now_unix_ms: u64::MAX };
const NAMES: [&str; 4] = ["issuer.sqlite3", "ec.sqlite3", "centre.sqlite3", "kiosk.sqlite3"];

/// Four stores, of the issuer, the EC centre, the certificate centre and the kiosk.
struct Stores {
    folder: tempfile::TempDir,
}

impl Stores {
    fn new() -> Self {
        let stores = Self { folder: tempfile::tempdir().unwrap() };
        for name in NAMES {
            Store::open(&stores.path(name)).unwrap();
        }
        stores
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes what each station had recorded, but for what is left out, and gives the session.
    fn add(&self, world: &World, keep: impl Fn(usize, &Record) -> bool) -> SessionId {
        for (station, name) in NAMES.iter().enumerate() {
            let mut store = Store::open(&self.path(name)).unwrap();
            for record in world.records[station].iter().filter(|record| keep(station, record)) {
                store.write(record, world.now.unix_ms).unwrap();
            }
        }
        world.records[3][0].session()
    }

    fn reconcile(&self, due: DueBy) -> (Vec<Incomplete>, Reconciled) {
        let stores: Vec<Store> = NAMES.iter().map(|name| Store::open_read_only(&self.path(name)).unwrap()).collect();
        let mut found = Vec::new();
        let reconciled = reconcile(&stores, due, &mut |incomplete| {
            found.push(incomplete);
            Ok(())
        })
        .unwrap();
        (found, reconciled)
    }
}

fn delivered() -> World {
    let mut world = World::new(&[1; 20_000]);
    world.run();
    assert_eq!(world.outcome(0), Some(Outcome::Complete));
    world
}

fn is_receipt(record: &Record) -> bool {
    matches!(record, Record::OwnReceipt { .. } | Record::PeerReceipt { .. })
}

fn role_of(record: &Record) -> Option<Role> {
    match record {
        Record::OwnReceipt { receipt, .. } | Record::PeerReceipt { receipt, .. } => {
            Some(shokyo::receipt::read_unverified(receipt).unwrap().statement.role)
        }
        _ => None,
    }
}

#[test]
fn sessions_with_every_receipt_have_no_gap_delivered_or_not() {
    let stores = Stores::new();
    for _ in 0..3 {
        stores.add(&delivered(), |_, _| true);
    }
    let mut cancelled = World::new(&[1; 20_000]);
    cancelled.auto_deliver = false;
    cancelled.run();
    cancelled.kiosk.cancel(cancelled.now, Cause::Requested);
    cancelled.run();
    stores.add(&cancelled, |_, _| true);
    let (found, reconciled) = stores.reconcile(LATER);
    assert_eq!(found, []);
    assert_eq!((reconciled.sessions, reconciled.complete, reconciled.incomplete), (4, 4, 0));
    let roles: Vec<Role> = reconciled.keepers.iter().map(|keeper| keeper.as_ref().unwrap().role).collect();
    assert_eq!(roles, [Role::Issuer, Role::EcCentre, Role::CertificateCentre, Role::Kiosk]);
}

#[test]
fn each_thing_that_is_missing_is_named_with_its_place() {
    let kiosk = Role::Kiosk;
    let ec = Role::EcCentre;
    let gaps = |keep: &dyn Fn(usize, &Record) -> bool| {
        let stores = Stores::new();
        // A good one beside it shows whose stores they are.
        stores.add(&delivered(), |_, _| true);
        let session = stores.add(&delivered(), keep);
        let (found, reconciled) = stores.reconcile(LATER);
        assert_eq!((reconciled.sessions, reconciled.complete), (2, 1));
        let [incomplete] = &found[..] else { panic!("{found:?}") };
        assert_eq!(incomplete.session, session);
        incomplete.gaps.clone()
    };
    let at = |store: usize, record: &Record, role| store != usize::MAX && role_of(record) == Some(role);
    assert_eq!(gaps(&|_, record| !at(0, record, kiosk)), [Gap::NoReceipt { role: kiosk }]);
    assert_eq!(
        gaps(&|store, record| store != 0 || !at(0, record, kiosk)),
        [Gap::NotAtIssuer { role: kiosk }],
        "the kiosk has it, the issuing system does not"
    );
    assert_eq!(
        gaps(&|store, record| store != 3 || !is_receipt(record)),
        [Gap::NotAtMaker { role: kiosk, station: "kiosk-1".into() }],
        "a store from which a receipt is gone that others hold"
    );
    assert_eq!(
        gaps(&|store, _| store != 1),
        [Gap::NotOpened { role: ec }, Gap::NotAtMaker { role: ec, station: "ec-1".into() }]
    );
    assert_eq!(
        gaps(&|store, record| store != 1 && !at(0, record, ec)),
        [Gap::NotOpened { role: ec }, Gap::NoReceipt { role: ec }]
    );
    assert_eq!(gaps(&|store, record| store != 3 || !matches!(record, Record::Ended { .. })), [Gap::Open { store: 3 }]);
}

#[test]
fn what_a_station_does_not_know_is_a_gap_and_what_is_not_due_is_not_held_against_anybody() {
    let stores = Stores::new();
    let mut lost = World::new(&[1; 20_000]);
    lost.meddle = Box::new(|hop: &mut world::Hop| kind_of(&hop.bytes) != Some(MessageType::Opened));
    lost.auto_deliver = false;
    lost.run();
    lost.kiosk.print(lost.now).unwrap();
    lost.run();
    lost.only_ticks();
    let session = stores.add(&lost, |_, _| true);
    let (found, reconciled) = stores.reconcile(LATER);
    assert_eq!(found[0].session, session);
    assert!(found[0].gaps.iter().any(|gap| matches!(gap, Gap::Says { event: Event::Unresolved, .. })), "{found:?}");
    // The alarm of each station is on record: it is raised at the deadline, and nothing clears it.
    assert_eq!((&found[0].alarmed[..], reconciled.without_alarm), (&[0, 1, 2, 3][..], 0));
    let early = DueBy { deadline_ms: 600_000, now_unix_ms: lost.now.unix_ms };
    let (found, reconciled) = stores.reconcile(early);
    assert_eq!((found.len(), reconciled.pending), (0, 1));
}

fn custody(arguments: &[&str], files: &[&Path]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_shokyo"))
        .args(["custody", "reconcile"])
        .args(arguments)
        .args(files)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_command_tells_people_and_programs_and_its_exit_code_says_whether_anything_is_missing() {
    let stores = Stores::new();
    stores.add(&delivered(), |_, _| true);
    let files = NAMES.map(|name| stores.path(name));
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let (code, told) = custody(&[], &files);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("1 complete") && told.contains("kiosk-1"), "{told}");

    let session = stores.add(&delivered(), |store, record| store != 3 || !is_receipt(record));
    let (code, told) = custody(&["--deadline", "1"], &files);
    assert_eq!(code, Some(5), "{told}");
    assert!(told.contains(&session.to_string()) && told.contains("own store does not have it"), "{told}");
    let (code, told) = custody(&["--json", "--deadline", "1"], &files);
    assert_eq!(code, Some(5));
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["session"], session.to_string());
    assert_eq!(lines[0]["gaps"][0]["gap"], "not-at-maker");
    assert_eq!((&lines[1]["sessions"], &lines[1]["incomplete"]), (&2.into(), &1.into()));

    assert_eq!(custody(&[], &files[..1]).0, Some(2), "one store is nothing to compare");
    assert_eq!(custody(&[], &[files[0], Path::new("/nowhere/at/all")]).0, Some(1));
}
