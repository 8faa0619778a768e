//! S10. Erasure was certified although copies remained: with contractors, and on disks that were sold.

use shokyo::buffer::CopyClass;
use shokyo::handover::{Outcome, Policy, Record};
use shokyo::receipt::{Event, read_unverified};
use shokyo::wipe::wipe_vec;

use crate::former::DeletionTable;
use crate::town::{Town, alarms, outcomes, read};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Spool {
    GivenBackErased,
    Left,
    Forgotten,
}

/// One delivery in which the kiosk's software spools the document for its printer.
fn deliver(spool: Spool) -> Town {
    let (mut town, _, kiosk) = Town::usual(Policy::default());
    let counter = town.apply(&kiosk, b"holder-1");
    town.counters[counter].auto = false;
    town.run();
    town.counters[counter].machine.print(town.now).unwrap();
    town.run();
    let document = town.counters[counter].machine.document().unwrap();
    let registered = document.register_copy(CopyClass::Spool).unwrap();
    let mut copy = read(&town.counters[counter].machine);
    let mut kept = None;
    match spool {
        Spool::GivenBackErased => registered.erased(wipe_vec(&mut copy, 0)).unwrap(),
        Spool::Left => kept = Some(registered),
        Spool::Forgotten => drop(registered),
    }
    // While a copy lives the kiosk does not take the document as delivered; its deadline erases what can be erased.
    let delivered = town.counters[counter].machine.delivered(town.now);
    assert_eq!(delivered.is_ok(), spool == Spool::GivenBackErased, "{delivered:?}");
    town.run();
    drop(kept);
    town.only_ticks();
    town
}

fn spools(records: &[Record]) -> Vec<(Event, u64)> {
    let receipt = |record: &Record| match record {
        Record::OwnReceipt { receipt, .. } => {
            let statement = read_unverified(receipt).unwrap().statement;
            let failed = statement.copies.iter().filter(|copy| copy.class == CopyClass::Spool).map(|copy| copy.failed);
            Some((statement.event, failed.sum()))
        }
        _ => None,
    };
    records.iter().filter_map(receipt).collect()
}

#[test]
fn s10_no_receipt_says_erased_while_a_registered_copy_lives() {
    for spool in [Spool::Left, Spool::Forgotten] {
        let town = deliver(spool);
        assert_eq!(spools(&town.counters[0].records), [(Event::NotErased, 1)]);
        // The issuer heard it, and does not call the session complete.
        assert_eq!(outcomes(&town.servers[0].records), [Outcome::Unresolved]);
        assert!(town.counters[0].machine.document().is_err(), "the document itself is erased all the same");
    }
    // The control: given back with the evidence of its wipe.
    let town = deliver(Spool::GivenBackErased);
    assert_eq!(spools(&town.counters[0].records), [(Event::Erased, 0)]);
    assert_eq!(outcomes(&town.servers[0].records), [Outcome::Complete]);
    assert_eq!(alarms(&town.counters[0].records), 0);
}

#[test]
fn s10_control_a_table_of_deletions_certifies_what_a_contractor_still_has() {
    let mut table = DeletionTable { copies: vec!["holder-1", "holder-1"], certified: Vec::new() };
    table.delete("holder-1");
    assert_eq!(table.certified, ["holder-1"]);
    assert_eq!(table.copies, ["holder-1"], "and there it is");
}
