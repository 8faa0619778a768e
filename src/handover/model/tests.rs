//! The runs: within bounds nothing breaks a claim, and every defect breaks the claim that it is made for.
//!
//! `SHOKYO_MODEL=long` asks for larger bounds: tens of minutes, and several gigabytes.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use super::claims::*;
use super::defect::{self, Defect};
use super::world::{Bounds, Handover, Orders};

/// One run at a time: a defect is in every machine of the process.
static ALONE: Mutex<()> = Mutex::new(());

const ONE: Bounds = Bounds { kiosks: 1, chunks: 1, attachments: false, orders: Orders::Delays, faults: 1 };
const TWO: Bounds = Bounds { kiosks: 2, chunks: 2, ..ONE };

fn long() -> bool {
    std::env::var("SHOKYO_MODEL").is_ok_and(|setting| setting == "long")
}

fn print(line: &str) {
    // Past the test harness, which keeps what tests print: each run says how much it looked at.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Visits every state within the bounds, and demands that every claim holds in each.
fn holds(bounds: Bounds) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    defect::put(None);
    let model = Handover::new(bounds);
    let (teller, universe) = (model.clone(), Arc::clone(&model.universe));
    let started = Instant::now();
    let checker = model.checker().threads(2).spawn_dfs().join();
    let [stations, frames, steps] = universe.sizes();
    print(&format!(
        "{bounds:?}: states={} unique={} depth={}; of one station: states={stations} steps={steps} frames={frames}; {:.1} s",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        started.elapsed().as_secs_f64()
    ));
    for (name, path) in checker.discoveries() {
        if name != DELIVERED {
            print(&format!("{name}:\n    {}", teller.tell(&path.into_vec()).join("\n    ")));
        }
    }
    checker.assert_properties();
    assert!(checker.unique_state_count() > 100, "nothing happens here");
}

/// Puts a defect in, and demands that a state is found in which this claim does not hold.
fn finds(defect: Defect, claim: &'static str, bounds: Bounds) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    defect::put(Some(defect));
    let model = Handover { only: Some(claim), ..Handover::new(bounds) };
    let teller = model.clone();
    let checker = model.checker().threads(2).finish_when(HasDiscoveries::Any).spawn_bfs().join();
    defect::put(None);
    let Some(path) = checker.discovery(claim) else {
        panic!("{defect:?} was not found in {} states", checker.unique_state_count());
    };
    let lines = teller.tell(&path.into_vec());
    let last = lines.iter().rev().take(2).rev().cloned().collect::<Vec<_>>().join(" | ");
    print(&format!("{defect:?}: found, {} steps: {last}", lines.len() - 1));
}

#[test]
fn one_session_in_every_order_keeps_every_claim() {
    holds(Bounds { orders: Orders::Every, faults: 0, ..ONE });
    holds(Bounds { orders: Orders::Every, faults: 0, chunks: 2, attachments: true, ..ONE });
}

#[test]
fn one_session_with_faults_keeps_every_claim() {
    holds(Bounds { chunks: 2, attachments: true, ..ONE });
    if long() {
        holds(Bounds { faults: 2, ..ONE });
        holds(Bounds { orders: Orders::Every, ..ONE });
    }
}

#[test]
fn two_sessions_with_faults_keep_every_claim() {
    holds(TWO);
}

#[test]
fn every_defect_is_found() {
    for (defect, claim) in [
        (Defect::IssuerKeepsDocument, ONE_HOLDER),
        (Defect::SubjectUnchecked, OWN_SESSION),
        (Defect::NoDeliverDeadline, TICKS_ERASE),
        (Defect::RelayForgetsWaiting, TICKS_ERASE),
        (Defect::IssuerKeepsDocument, RECEIPTS),
        (Defect::RelayReportsEarly, RECEIPTS),
        (Defect::RelayCountsNothing, RECEIPTS),
        (Defect::CompleteUndelivered, RECEIPTS),
        (Defect::CompleteUntold, RECEIPTS),
        (Defect::PrintUnrecorded, PRINTED_ONCE),
        (Defect::PrintAgain, PRINTED_ONCE),
        (Defect::ReceiptTwice, DUPLICATES),
        (Defect::AcknowledgementTwice, DUPLICATES),
        (Defect::ApplyUnrecorded, RECORD_FIRST),
        (Defect::OpenUnrecorded, RECORD_FIRST),
        (Defect::ReleaseUnrecorded, RECORD_FIRST),
    ] {
        // A relay holds a frame only while its record is slow; that the kiosk gives up in the meantime is the second fault.
        let faults = if defect == Defect::RelayReportsEarly { 2 } else { ONE.faults };
        finds(defect, claim, Bounds { faults, ..ONE });
    }
}
