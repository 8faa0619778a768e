//! What one session adds to the sums.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::buffer::Cause;
use crate::custody::report::EXPECTED;
use crate::custody::report::summary::{Owner, Summary, span};
use crate::custody::rows::Session;
use crate::custody::summary::{Recorded, RecordedReceipt};
use crate::custody::{ReceiptKeys, Report, check_session};
use crate::handover::Outcome;
use crate::receipt::{self, Event, Statement, Unverified};
use crate::types::{Role, SessionId};

/// How a session stands, the least favourable first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// A process died with the session open.
    Lost,
    /// The key was handed over and the end was never heard.
    Unresolved,
    /// There are receipts or alarms about it, and no record that it was opened.
    Unrecorded,
    /// Without an outcome: under way when the store was read, or its process has died and has not started again.
    Open,
    /// Ended without delivery.
    Ended,
    /// Everything that was to be done and to be heard is done.
    Complete,
}

impl Standing {
    /// All, the least favourable first.
    pub const ALL: [Self; 6] =
        [Self::Lost, Self::Unresolved, Self::Unrecorded, Self::Open, Self::Ended, Self::Complete];

    /// The name in reports, which is also a word of the command line's JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Unresolved => "unresolved",
            Self::Unrecorded => "unrecorded",
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Complete => "complete",
        }
    }

    /// How a store records a session.
    #[must_use]
    pub const fn of(session: Option<&Session>) -> Self {
        match session {
            None => Self::Unrecorded,
            Some(Session { ended: None, .. }) => Self::Open,
            Some(Session { ended: Some((outcome, _)), .. }) => match outcome {
                Outcome::Complete => Self::Complete,
                Outcome::Ended => Self::Ended,
                Outcome::Unresolved => Self::Unresolved,
                Outcome::Lost => Self::Lost,
            },
        }
    }
}

/// A session that a person should look at, in the order of gravity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Attention {
    /// Its least favourable standing.
    pub standing: Standing,
    /// Receipts that say not-erased.
    pub not_erased: core::cmp::Reverse<u64>,
    /// When it was opened, in milliseconds since 1970-01-01 UTC, by the clock of the station that opened it first.
    pub opened_unix_ms: Option<u64>,
    /// The session.
    pub session: SessionId,
    /// Alarms.
    pub alarms: u64,
    /// Receipts that should be there and are not.
    pub missing: u64,
    /// Receipts that cannot be read, are stored with another session, or are not accepted by the keys.
    pub doubtful: u64,
}

impl Summary {
    /// Adds one session with what each store, by its number, holds of it.
    pub(super) fn add(&mut self, session: SessionId, recorded: &[(usize, Recorded)], keys: Option<&ReceiptKeys<'_>>) {
        for (number, recorded) in recorded {
            self.add_to_store(*number, recorded);
        }
        let rows: Vec<&Session> = recorded.iter().filter_map(|(_, recorded)| recorded.session.as_ref()).collect();
        let standings: BTreeSet<Standing> = match rows.is_empty() {
            true => BTreeSet::from([Standing::Unrecorded]),
            false => rows.iter().map(|row| Standing::of(Some(row))).collect(),
        };
        let standing = standings.first().copied().unwrap_or(Standing::Unrecorded);
        *self.sessions.entry(standing).or_default() += 1;
        // One that is still open at one station has no outcome there yet: that contradicts nothing.
        self.contradicted += u64::from(standings.iter().filter(|standing| **standing != Standing::Open).count() > 1);
        if let Some(first) = rows.first() {
            self.kinds.add(&first.kind);
        }
        let opened = rows.iter().fold(None, |seen, row| span(seen, Some((row.opened_unix_ms, row.opened_unix_ms))));
        self.opened_unix_ms = span(self.opened_unix_ms, opened);

        let alarms = self.add_alarms(recorded, standing);
        let receipts = distinct(recorded);
        let (read, mut doubtful) = self.read_receipts(session, &receipts);
        let statements: Vec<&Statement> = read.iter().map(|unverified| &unverified.statement).collect();
        statements.iter().for_each(|statement| self.add_statement(statement));
        self.add_still_held(&statements);
        let expected = self.expected(recorded);
        let missing = self.add_completeness(&expected, &statements);
        if let Some(keys) = keys {
            doubtful =
                doubtful.max(self.check_signatures(session, &receipts, &read, expected.len() == EXPECTED.len(), keys));
        }
        let not_erased = statements.iter().filter(|statement| statement.event == Event::NotErased).count() as u64;
        let grave = matches!(standing, Standing::Lost | Standing::Unresolved | Standing::Unrecorded);
        if grave || alarms + not_erased + missing + doubtful > 0 {
            let (not_erased, opened_unix_ms) = (core::cmp::Reverse(not_erased), opened.map(|(first, _)| first));
            self.needs_attention(Attention {
                standing,
                not_erased,
                opened_unix_ms,
                session,
                alarms,
                missing,
                doubtful,
            });
        }
    }

    fn add_to_store(&mut self, number: usize, recorded: &Recorded) {
        let Some(store) = self.stores.get_mut(number) else { return };
        *store.sessions.entry(Standing::of(recorded.session.as_ref())).or_default() += 1;
        store.alarms += recorded.alarms.len() as u64;
        for receipt in &recorded.receipts {
            *(if receipt.own { &mut store.own_receipts } else { &mut store.peer_receipts }) += 1;
            let foreign = store.owner.as_ref().is_some_and(|owner| owner.station != receipt.station);
            store.foreign_receipts += u64::from(receipt.own && foreign);
        }
    }

    fn add_alarms(&mut self, recorded: &[(usize, Recorded)], standing: Standing) -> u64 {
        let mut count = 0;
        for alarm in recorded.iter().flat_map(|(_, recorded)| &recorded.alarms) {
            self.alarms.add(&alarm.what);
            count += 1;
        }
        self.alarmed += u64::from(count > 0);
        self.alarmed_but_complete += u64::from(count > 0 && standing == Standing::Complete);
        count
    }

    /// The receipts of the session that can be read, without a look at their signatures, and how many are doubtful.
    fn read_receipts(&mut self, session: SessionId, receipts: &[&RecordedReceipt]) -> (Vec<Unverified>, u64) {
        let mut doubtful = 0;
        let mut read = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            let Ok(unverified) = receipt::read_unverified(&receipt.bytes) else {
                self.unreadable += 1;
                doubtful += 1;
                continue;
            };
            let statement = &unverified.statement;
            let columns = (receipt.event, receipt.role, receipt.station.as_str());
            let said = (statement.event as i64, statement.role as i64, statement.station.as_str());
            if statement.session != session || columns != said {
                self.contradictory += 1;
                doubtful += 1;
            }
            if statement.session == session {
                read.push(unverified);
            }
        }
        (read, doubtful)
    }

    fn add_statement(&mut self, statement: &Statement) {
        let what = (statement.role, statement.event);
        *self.receipts.entry(what).or_default() += 1;
        self.lent_too_long += u64::from(statement.window_lent_until_unix_ms.is_some());
        self.operators.add(&(statement.role, statement.operator.clone()));
        self.made_by(statement);
        for not_covered in &statement.not_covered {
            self.not_covered.entry(*not_covered).or_default()[statement.role as usize - 1] += 1;
        }
        if !statement.event.claims_erasure() {
            return;
        }
        self.protections.entry(statement.role).or_default().add(statement.protections);
        let promptness = self.promptness.entry(what).or_default();
        promptness.at_deadline += u64::from(statement.cause == Cause::Deadline);
        match statement.duration_ms {
            Some(duration) => promptness.times.add(duration),
            None => promptness.unmeasured += 1,
        }
        if let Some(relay) = statement.relay {
            self.holds.entry(statement.role).or_default().add(relay.longest_hold_ms);
        }
    }

    /// A copy that one receipt calls retained is wiped when a later one of the same station retains nothing.
    fn add_still_held(&mut self, statements: &[&Statement]) {
        let held = statements.iter().filter(|statement| !statement.retained.is_empty()).any(|holds| {
            let follows = |next: &Statement| {
                Owner::of(next) == Owner::of(holds)
                    && matches!(next.event, Event::Closed | Event::Erased | Event::RelayedNotRetained)
            };
            !statements.iter().any(|next| follows(next))
        });
        self.still_held += u64::from(held);
    }

    /// Which of [`EXPECTED`] there should be, by number.
    fn expected(&self, recorded: &[(usize, Recorded)]) -> Vec<usize> {
        let mut expected = BTreeSet::new();
        for (number, recorded) in recorded {
            if Standing::of(recorded.session.as_ref()) != Standing::Complete {
                continue;
            }
            let owner = self.stores.get(*number).and_then(|store| store.owner.as_ref());
            let own = owner.map(|owner| owner.role).filter(|role| *role != Role::Issuer);
            expected.extend((0..EXPECTED.len()).filter(|index| own.is_none_or(|role| EXPECTED[*index].0 == role)));
        }
        expected.into_iter().collect()
    }

    fn add_completeness(&mut self, expected: &[usize], statements: &[&Statement]) -> u64 {
        let completeness = &mut self.completeness;
        let mut missing = 0;
        for index in expected {
            completeness.expected[*index] += 1;
            if !statements.iter().any(|statement| (statement.role, statement.event) == EXPECTED[*index]) {
                completeness.missing[*index] += 1;
                missing += 1;
            }
        }
        completeness.sessions += u64::from(!expected.is_empty());
        completeness.whole += u64::from(!expected.is_empty() && missing == 0);
        missing
    }

    /// How many receipts the keys do not accept, and whether the rest is complete where everything is expected.
    fn check_signatures(
        &mut self,
        session: SessionId,
        receipts: &[&RecordedReceipt],
        read: &[Unverified],
        all_expected: bool,
        keys: &ReceiptKeys<'_>,
    ) -> u64 {
        let Some(signatures) = &mut self.signatures else { return 0 };
        let bytes: Vec<Vec<u8>> = receipts.iter().map(|receipt| receipt.bytes.clone()).collect();
        let report = checked(&bytes, read, keys, session);
        let verified = report.statements.len() as u64;
        let refused = bytes.len() as u64 - verified;
        signatures.verified += verified;
        signatures.refused += refused;
        signatures.sessions += u64::from(all_expected);
        signatures.complete += u64::from(all_expected && report.complete);
        for problem in report.problems.iter().filter(|problem| all_expected || about_a_receipt(problem)) {
            signatures.problems.add(&without_position(problem));
        }
        refused
    }
}

/// What the check of a session finds. A receipt's key is found by all that it says, which key it names too: a station may have
/// had several.
pub(super) fn checked(receipts: &[Vec<u8>], read: &[Unverified], keys: &ReceiptKeys<'_>, session: SessionId) -> Report {
    let key = |statement: &Statement| {
        let is = |unverified: &&Unverified| unverified.statement.receipt_id == statement.receipt_id;
        read.iter().find(is).and_then(keys)
    };
    check_session(receipts, &key, session)
}

/// Each receipt once, whichever stores hold it.
pub(super) fn distinct(recorded: &[(usize, Recorded)]) -> Vec<&RecordedReceipt> {
    let mut distinct: Vec<&RecordedReceipt> = Vec::new();
    for receipt in recorded.iter().flat_map(|(_, recorded)| &recorded.receipts) {
        if !distinct.iter().any(|other| other.bytes == receipt.bytes) {
            distinct.push(receipt);
        }
    }
    distinct
}

/// Whether a sentence of [`check_session`] is about one receipt that was not accepted, "receipt 3: …".
fn about_a_receipt(problem: &str) -> bool {
    problem.strip_prefix("receipt ").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// The sentence without the receipt's position in its session, so that equal ones are counted together.
fn without_position(problem: &str) -> String {
    match problem.split_once(": ") {
        Some((_, rest)) if about_a_receipt(problem) => format!("a receipt: {rest}"),
        _ => problem.into(),
    }
}
