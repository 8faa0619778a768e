//! What must hold of the stores after whatever happened.

use std::collections::BTreeSet;

use shokyo::custody::{Store, check_session};
use shokyo::handover::{KeyUse, Outcome, Trust};
use shokyo::receipt::{Event, NotCovered, Statement, read_unverified};
use shokyo::station::config::Config;
use shokyo::station::notice::now;
use shokyo::station::profile::CertificateUse;
use shokyo::station::trust::{Authorities, own_certificate};
use shokyo::types::{Role, SessionId};

use crate::town::{ALL, Town};

/// Everything that is wrong with the stores of a town; empty when every session has an end, no end says more than the receipts,
/// and completeness tells every session that a process lost.
pub(crate) fn problems(town: &Town) -> Vec<String> {
    let stores: Vec<Store> = ALL.into_iter().map(|index| town.store(index)).collect();
    check(town, &stores)
}

pub(crate) fn check(town: &Town, stores: &[Store]) -> Vec<String> {
    let keys: Vec<_> = town
        .starts
        .iter()
        .map(|start| {
            let config = Config::load(&start.config).unwrap();
            let authorities = Authorities::load(&config.trust).unwrap();
            let certificate = own_certificate(&config, &authorities, CertificateUse::Receipts).unwrap();
            authorities.identify(&certificate, KeyUse::Receipts, now().unix_ms).unwrap()
        })
        .collect();
    let key = |statement: &Statement| {
        keys.iter()
            .find(|of| {
                of.role == statement.role && of.station == statement.station && of.operator == statement.operator
            })
            .map(|of| of.key)
    };
    let mut problems = Vec::new();
    let mut sessions = BTreeSet::new();
    for (store, identity) in stores.iter().zip(&keys) {
        for session in store.sessions().unwrap() {
            sessions.insert(session.session);
            if session.ended.is_none() {
                problems.push(format!("{} has no end of {}", identity.station, session.session));
            }
        }
    }
    for session in sessions {
        let mut receipts = BTreeSet::new();
        for store in stores {
            receipts.extend(store.receipts(session).unwrap().into_iter().map(|stored| stored.receipt));
        }
        let receipts: Vec<_> = receipts.into_iter().collect();
        let report = check_session(&receipts, &key, session);
        for (store, identity) in stores.iter().zip(&keys) {
            let ended = store.session(session).unwrap().and_then(|found| found.ended);
            let own: Vec<_> = store.receipts(session).unwrap().into_iter().filter(|stored| stored.own).collect();
            let who = format!("{} about {session}", identity.station);
            match ended {
                Some((Outcome::Complete, _)) if !report.complete => {
                    problems.push(format!("{who}: complete, but {:?}", report.problems));
                }
                Some((Outcome::Lost, _)) => {
                    if report.complete {
                        problems.push(format!("{who}: lost, and completeness does not tell"));
                    }
                    problems.extend(wrong_loss(&who, &own.iter().map(|of| of.receipt.clone()).collect::<Vec<_>>()));
                    if !store.alarms().unwrap().iter().any(|alarm| alarm.session == session) {
                        problems.push(format!("{who}: lost without an alarm"));
                    }
                }
                _ => {}
            }
        }
    }
    problems
}

/// A process that died has erased nothing that anybody saw: its receipt of the session says lost, and what is not covered.
fn wrong_loss(who: &str, own: &[Vec<u8>]) -> Vec<String> {
    let statements: Vec<_> = own.iter().map(|receipt| read_unverified(receipt).unwrap().statement).collect();
    let mut wrong = Vec::new();
    if statements.iter().filter(|of| of.event == Event::LostAtRestart).count() != 1 {
        wrong.push(format!("{who}: lost, without one receipt of it"));
    }
    for statement in statements {
        match statement.event {
            Event::LostAtRestart if statement.not_covered.contains(&NotCovered::EndedProcess) => {
                if statement.copies.iter().any(|copy| copy.verified > 0) {
                    wrong.push(format!("{who}: the receipt of a loss says that something was read back as erased"));
                }
            }
            // Before it died, the issuer may have wiped the key, and had that on record.
            Event::KeyWiped if statement.role == Role::Issuer => {}
            event => wrong.push(format!("{who}: lost, but a receipt says {}", event.name())),
        }
    }
    wrong
}

/// The sessions that were open when a process died have an end on record as soon as it takes part again: before any new work (S9).
pub(crate) fn lost_before_new_work(town: &Town, index: usize, open: &[SessionId]) {
    let store = town.store(index);
    for session in open {
        let found = store.session(*session).unwrap().unwrap();
        let outcome = found.ended.map(|(outcome, _)| outcome);
        assert!(
            matches!(outcome, Some(Outcome::Lost | Outcome::Unresolved)),
            "station {index} takes part, and {session} is {outcome:?}"
        );
    }
}
