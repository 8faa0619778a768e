//! The evidence after the stations have stopped: every receipt in the four stores, verified against the authorities.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use shokyo::custody::{Store, check_session};
use shokyo::handover::{KeyUse, Trust};
use shokyo::receipt::Statement;
use shokyo::station::config::Config;
use shokyo::station::notice::now;
use shokyo::station::profile::CertificateUse;
use shokyo::station::trust::{Authorities, own_certificate};
use shokyo::types::{Role, SessionId};

use super::Stop;
use crate::{hexadecimal, words};

/// The evidence of one session.
pub(crate) struct Evidence {
    pub(crate) session: String,
    pub(crate) statements: Vec<Statement>,
    /// What is missing or wrong; empty when every receipt is there and verifies.
    pub(crate) problems: Vec<String>,
}

impl Evidence {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "session": self.session,
            "problems": self.problems,
            "receipts": self.statements.iter().map(|statement| json!({
                "station": statement.station,
                "role": statement.role.name(),
                "operator": statement.operator,
                "post": statement.post,
                "event": statement.event.name(),
                "cause": statement.cause.name(),
                "protections": statement.protections.names().collect::<Vec<_>>(),
                "copies": statement.copies.iter().map(|copy| json!({
                    "class": copy.class.name(), "verified": copy.verified, "failed": copy.failed, "bytes": copy.bytes,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })
    }
}

/// Collects what the four stores hold of each session and checks it.
pub(crate) fn check(directory: &Path, sessions: &[String]) -> Result<Vec<Evidence>, Stop> {
    let mut stores = Vec::new();
    let mut keys = Vec::new();
    for role in Role::ALL {
        let config = Config::load(&directory.join(format!("{role}.toml")))?;
        let authorities = Authorities::load(&config.trust)?;
        let certificate = own_certificate(&config, &authorities, CertificateUse::Receipts)?;
        keys.push(authorities.identify(&certificate, KeyUse::Receipts, now().unix_ms)?);
        stores.push((role, Store::open_read_only(&config.store)?));
    }
    let key = |statement: &Statement| {
        let is = |identity: &&shokyo::handover::Identity| {
            identity.role == statement.role
                && identity.station == statement.station
                && identity.operator == statement.operator
        };
        keys.iter().find(is).map(|identity| identity.key)
    };
    let mut all = Vec::new();
    for session in sessions {
        let id = SessionId(hexadecimal::decode(session).ok_or_else(|| Stop::Failed("a session has no name".into()))?);
        let mut receipts = BTreeSet::new();
        let mut problems = Vec::new();
        for (role, store) in &stores {
            receipts.extend(store.receipts(id)?.into_iter().map(|stored| stored.receipt));
            match store.session(id)?.and_then(|session| session.ended) {
                Some((shokyo::handover::Outcome::Complete, _)) => {}
                Some((outcome, _)) => problems.push(format!("the {role} recorded it as {}", words::outcome(outcome))),
                None => problems.push(format!("the {role} has no end of it on record")),
            }
            for alarm in store.alarms()?.iter().filter(|alarm| alarm.session == id) {
                problems.push(format!("the {role} raised an alarm: {}", alarm.what));
            }
        }
        let receipts: Vec<_> = receipts.into_iter().collect();
        let report = check_session(&receipts, &key, id);
        problems.extend(report.problems);
        let mut statements = report.statements;
        statements.sort_by_key(|statement| (statement.role, statement.event_unix_ms, statement.event));
        all.push(Evidence { session: session.clone(), statements, problems });
    }
    Ok(all)
}
