//! S7, Munakata, 2023-06-28. The previous person's document came out; a correction from 2019 had never been installed there.

use shokyo::buffer::{Vault, VaultOptions};
use shokyo::handover::{Policy, Record};
use shokyo::receipt::read_unverified;
use shokyo::types::{Binding, SessionId};

use crate::former::SharedBuffer;
use crate::town::{Town, document_of};

fn binding(number: u8) -> Binding {
    Binding { session: SessionId([number; 32]), context: [number; 32] }
}

#[test]
fn s7_the_next_document_in_the_same_memory_shows_nothing_of_the_last_one() {
    let mut options = VaultOptions::default();
    options.windows = 1;
    let vault = Vault::open(options).unwrap();
    let mut cells = Vec::new();
    let mut at = Vec::new();
    for number in 1..=20u8 {
        // Each is shorter than the one before, so that a rest of the one before would show.
        let plain = vec![number; 4000 - usize::from(number) * 100];
        let document = vault.seal(binding(number), &plain).unwrap();
        cells.push(document.key_id());
        let seen = document.read_at(0, |plain| (plain.as_ptr().addr(), plain.to_vec())).unwrap();
        at.push(seen.0);
        assert_eq!(seen.1, plain);
        assert!(document.erase().is_verified());
    }
    // The control: it is the same memory, and never the same key.
    assert!(at.iter().all(|address| *address == at[0]));
    assert!((1..cells.len()).all(|index| !cells[..index].contains(&cells[index])));
}

/// With a byte that stays, memory whose erasure could not be confirmed is not used again. In a process of its own, because faults hold
/// for all of it.
#[cfg(shokyo_faults)]
#[test]
fn s7_memory_is_not_reused_before_its_erasure_is_confirmed() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "s7_previous_person::child_whose_memory_keeps_a_byte", "--ignored", "--nocapture"])
        .env("SHOKYO_TEST_CHILD", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[cfg(shokyo_faults)]
#[test]
#[ignore = "run in a child process by the test above"]
fn child_whose_memory_keeps_a_byte() {
    use shokyo::error::Error;
    use shokyo::faults::{Fault, serialised};
    if std::env::var_os("SHOKYO_TEST_CHILD").is_none() {
        return;
    }
    let mut options = VaultOptions::default();
    options.windows = 1;
    let healthy = serialised(&[]);
    let vault = Vault::open(options).unwrap();
    let document = vault.seal(binding(1), b"the previous person's").unwrap();
    drop(healthy);
    let id = document.key_id();
    {
        let _stuck = serialised(&[Fault::StuckByte]);
        assert!(!document.erase().is_verified(), "and the evidence says so");
    }
    let healthy = serialised(&[]);
    // Every key that the vault can still give is in another cell.
    let keys: Vec<_> = std::iter::from_fn(|| vault.new_key().ok()).take(2000).collect();
    assert!(!keys.is_empty());
    assert!(keys.iter().all(|key| key.id().cell != id.cell));
    drop(keys);
    // A window that could not be wiped is not lent again: with one window, nothing is readable any more.
    let next = vault.seal(binding(2), b"the next person's").unwrap();
    drop(healthy);
    {
        let _stuck = serialised(&[Fault::StuckByte]);
        assert!(matches!(next.read_at(0, <[u8]>::to_vec), Err(Error::NotErased { .. })));
    }
    let _healthy = serialised(&[]);
    assert!(next.read_at(0, <[u8]>::to_vec).is_err());
}

#[test]
fn s7_every_receipt_names_the_version_and_the_build_that_made_it() {
    let (mut town, _, kiosk) = Town::usual(Policy::default());
    let counter = town.apply(&kiosk, b"holder-1");
    town.run();
    assert_eq!(town.counters[counter].printed, Some(document_of(b"holder-1")));
    let records = [&town.servers[0].records, &town.relay_records[0], &town.relay_records[1], &town.counters[0].records];
    let mut receipts = 0;
    for record in records.into_iter().flatten() {
        if let Record::OwnReceipt { receipt, .. } = record {
            let statement = read_unverified(receipt).unwrap().statement;
            assert_eq!(statement.software, env!("CARGO_PKG_VERSION"));
            assert!(!statement.build.is_empty());
            receipts += 1;
        }
    }
    assert_eq!(receipts, 5, "key-wiped and closed, two relays, the kiosk");
}

#[test]
fn s7_control_a_buffer_for_everyone_prints_the_rest_of_the_last_document() {
    let mut buffer = SharedBuffer::default();
    buffer.load(b"the previous person's document");
    buffer.load(b"the next");
    assert!(buffer.print().ends_with(b"person's document"));
}
