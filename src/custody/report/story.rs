//! One session as all stores tell it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::custody::ReceiptKeys;
use crate::custody::report::EXPECTED;
use crate::custody::report::session::{checked, distinct};
use crate::custody::report::summary::Owner;
use crate::custody::rows::{Alarm, Session};
use crate::custody::summary::Recorded;
use crate::receipt::{self, Event, Statement, Unverified};
use crate::types::{Role, SessionId};

/// Everything that is recorded about one session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Story {
    /// The session.
    pub session: SessionId,
    /// What each store tells that knows it, in the order in which they were named.
    pub told: Vec<Told>,
    /// What the receipts say, each once, in the order of a document's way back from the kiosk's view: by role, then by time.
    pub said: Vec<Said>,
    /// Receipts that cannot be read or are about another session.
    pub unreadable: u64,
    /// Which of [`EXPECTED`] no store holds.
    pub missing: Vec<(Role, Event)>,
    /// What [`check_session`](crate::custody::check_session) finds with the keys, in English; `None` when no keys were given.
    pub problems: Option<Vec<String>>,
}

/// What one store tells about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Told {
    /// Whose store it is.
    pub owner: Option<Owner>,
    /// Its row; `None` if there are only receipts or alarms.
    pub session: Option<Session>,
    /// Its alarms.
    pub alarms: Vec<Alarm>,
}

/// What one receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Said {
    /// The statement.
    pub statement: Statement,
    /// Whether its signature verifies with a trusted key; `None` when no keys were given.
    pub verified: Option<bool>,
}

impl Story {
    pub(super) fn new(
        session: SessionId,
        owners: &[Option<Owner>],
        recorded: Vec<(usize, Recorded)>,
        keys: Option<&ReceiptKeys<'_>>,
    ) -> Self {
        let receipts: Vec<Vec<u8>> = distinct(&recorded).into_iter().map(|receipt| receipt.bytes.clone()).collect();
        let read: Vec<Unverified> = receipts.iter().filter_map(|bytes| receipt::read_unverified(bytes).ok()).collect();
        let report = keys.map(|keys| checked(&receipts, &read, keys, session));
        let mut said: Vec<Said> = read
            .into_iter()
            .map(|unverified| unverified.statement)
            .filter(|statement| statement.session == session)
            .map(|statement| Said {
                verified: report.as_ref().map(|report| report.statements.contains(&statement)),
                statement,
            })
            .collect();
        said.sort_by_key(|said| (said.statement.role, said.statement.event_unix_ms, said.statement.event));
        let is_there =
            |expected: &(Role, Event)| said.iter().any(|said| (said.statement.role, said.statement.event) == *expected);
        let missing = EXPECTED.into_iter().filter(|expected| !is_there(expected)).collect();
        let told = recorded
            .into_iter()
            .map(|(number, recorded)| Told {
                owner: owners.get(number).cloned().flatten(),
                session: recorded.session,
                alarms: recorded.alarms,
            })
            .collect();
        let unreadable = (receipts.len() - said.len()) as u64;
        Self { session, told, said, unreadable, missing, problems: report.map(|report| report.problems) }
    }
}
