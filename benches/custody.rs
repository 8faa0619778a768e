//! What the store of evidence takes in, each record durable and under a signed checkpoint before it is acknowledged, and how fast an
//! auditor's check goes over it.
//!
//! The disk is that of the build folder. A line `bar NAME measured=… limit=… met|missed` for each figure that the project
//! promises. `cargo bench --bench custody`.

#![allow(clippy::expect_used, reason = "a bench that cannot run has nothing to say")]

#[path = "../tests/support/chain.rs"]
mod chain;
#[path = "../tests/support/note_key.rs"]
mod note_key;
#[path = "../tests/support/receipt_key.rs"]
mod receipt_key;
#[path = "custody/report.rs"]
mod report;

use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Instant;

use chain::{KIND, Station, boxed_log_key, keys, log_key, session};
use shokyo::custody::{self, Journal, LogCheck, Store, verify_log};
use shokyo::handover::Record;
use shokyo::handover::suite::SigningKey;
use shokyo::receipt::Event;
use shokyo::types::Role;
use shokyo::{Vault, VaultOptions};

/// Writers, each of which waits for its record before it has the next.
const WRITERS: u64 = 32;
/// Records of each: opened and a receipt in turns.
const EACH: u64 = 1_500;
/// Receipts in the log whose check is measured.
const RECEIPTS: u64 = 40_000;

fn main() {
    let build = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = tempfile::tempdir_in(build).expect("a folder");
    let appended = appends(&folder.path().join("appends.sqlite"));
    at_least("custody_appends_per_second", appended, 3_000.0);
    let (small, path) = (folder.path().join("small.sqlite"), folder.path().join("verified.sqlite"));
    forget_peak();
    fill(&small, RECEIPTS / 10);
    let of_small = peak_kib();
    forget_peak();
    fill(&path, RECEIPTS);
    at_most("custody_append_memory_growth_mib", (peak_kib() - of_small) / 1024.0, 8.0);
    // Each once before it is measured, so that what is measured is not the disk.
    let _warm = verified(&small, RECEIPTS / 10, &keys);
    forget_peak();
    let _small = verified(&small, RECEIPTS / 10, &keys);
    let of_small = peak_kib();
    let _warm = verified(&path, RECEIPTS, &keys);
    forget_peak();
    let all = verified(&path, RECEIPTS, &keys);
    let growth = peak_kib() - of_small;
    let none = verified(&path, RECEIPTS, &|_| None);
    println!("  a whole log: {all:.0} receipts/s with all signatures, {none:.0} without a key for them");
    at_least("custody_receipts_verified_per_second", all, 20_000.0);
    at_most("custody_verify_memory_growth_mib", growth / 1024.0, 8.0);
    report::run(folder.path(), peak_kib, at_most);
}

fn appends(path: &Path) -> f64 {
    let mut options = VaultOptions::default();
    options.agreement = true;
    let vault = Vault::open(options).expect("locked memory");
    let key = SigningKey::generate(&vault).expect("a key");
    let key = custody::LogKey::new(key, "an-operator", "issuer-1").expect("a log's name");
    let journal = Journal::start(Store::open_signed(path, Box::new(key)).expect("a store"), None).expect("a journal");
    let mut issuer = Station::new(Role::Issuer);
    let records: Vec<Mutex<Vec<Record>>> = (0..WRITERS)
        .map(|writer| {
            let of = |number: u64| session(writer * EACH + number);
            let receipts = (0..EACH / 2).flat_map(|number| {
                let receipt = issuer.receipt(of(number), Event::LostAtRestart);
                [
                    Record::Opened { session: of(number), kind: KIND.into() },
                    Record::OwnReceipt { session: of(number), receipt },
                ]
            });
            Mutex::new(receipts.collect())
        })
        .collect();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for records in &records {
            let journal = &journal;
            scope.spawn(move || {
                for record in records.lock().expect("one owner").drain(..) {
                    let (sender, done) = channel();
                    journal.write(record, 1, move |outcome| sender.send(outcome).expect("it is waited for"));
                    done.recv().expect("an answer").expect("written");
                }
            });
        }
    });
    (WRITERS * EACH) as f64 / begun.elapsed().as_secs_f64()
}

fn fill(path: &Path, receipts: u64) {
    let mut store = Store::open_signed(path, boxed_log_key(9)).expect("a store");
    let mut issuer = Station::new(Role::Issuer);
    for batch in 0..receipts / 1000 {
        let records: Vec<_> = (batch * 1000..(batch + 1) * 1000)
            .map(|number| {
                let receipt = issuer.receipt(session(number), Event::LostAtRestart);
                (Record::OwnReceipt { session: session(number), receipt }, 1)
            })
            .collect();
        store.write_all(&records).expect("written");
    }
}

fn verified(path: &Path, receipts: u64, receipt_keys: &custody::ReceiptKeys<'_>) -> f64 {
    let store = Store::open_read_only(path).expect("a store");
    let begun = Instant::now();
    let key = log_key(9).verifier();
    let report = verify_log(&store, &LogCheck { keys: &[key], receipt_keys, known: &[] }).expect("a report");
    assert!(report.is_clean() && report.size == receipts, "{:?}", report.problems);
    receipts as f64 / begun.elapsed().as_secs_f64()
}

/// Lets the peak be that of what comes now (`man 5 proc`, `clear_refs`).
fn forget_peak() {
    let _only_on_linux = std::fs::write("/proc/self/clear_refs", "5");
}

/// The largest part of this process that was in memory at once.
fn peak_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(f64::NAN)
}

fn at_least(name: &str, measured: f64, limit: f64) {
    println!("bar {name} measured={measured:.0} limit={limit} {}", if measured >= limit { "met" } else { "missed" });
}

fn at_most(name: &str, measured: f64, limit: f64) {
    println!("bar {name} measured={measured:.2} limit={limit} {}", if measured <= limit { "met" } else { "missed" });
}
