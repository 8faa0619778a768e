//! S3, Adachi, 2023. The alarm about the first wrong document was dismissed, because the next try printed normally.

use std::path::Path;

use shokyo::custody::Store;
use shokyo::handover::{MessageType, Outcome, Policy, Record};

use crate::former::Lamp;
use crate::town::{Town, document_of};

fn written(path: &Path, records: &[Record]) -> Store {
    let mut store = Store::open(path).unwrap();
    for record in records {
        store.write(record, 1_790_000_000_000).unwrap();
    }
    store
}

#[test]
fn s3_a_later_success_clears_no_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let (mut town, _, kiosk) = Town::usual(Policy::default());
    let failed = town.apply(&kiosk, b"holder-1");
    town.meddle = Box::new(|hop| hop.kind() != Some(MessageType::Release));
    town.run();
    town.only_ticks();
    let session = town.counters[failed].machine.id();
    drop(written(&folder.path().join("kiosk"), &town.counters[failed].records));

    town.meddle = Box::new(|_| true);
    let again = town.apply(&kiosk, b"holder-1");
    town.run();
    assert_eq!(town.counters[again].printed, Some(document_of(b"holder-1")), "the next try prints normally");
    let mut store = written(&folder.path().join("kiosk"), &town.counters[again].records);

    let alarms = store.alarms().unwrap();
    assert!(!alarms.is_empty());
    assert!(alarms.iter().all(|alarm| alarm.session == session), "the alarms are the first try's: {alarms:?}");
    assert_ne!(store.session(session).unwrap().unwrap().ended.map(|(outcome, _)| outcome), Some(Outcome::Complete));
    // Nobody can say otherwise later.
    assert!(store.write(&Record::Ended { session, outcome: Outcome::Complete }, 1_790_000_000_001).is_err());
    assert_eq!(store.alarms().unwrap(), alarms);
}

#[test]
fn s3_control_a_lamp_that_shows_the_last_try_forgets() {
    let mut lamp = Lamp::default();
    lamp.tried(false);
    assert!(lamp.0);
    lamp.tried(true);
    assert!(!lamp.0, "the alarm is gone, and nobody looked");
}
