//! The sums.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use crate::custody::ReceiptKeys;
use crate::custody::report::EXPECTED;
use crate::custody::report::session::{Attention, Standing};
use crate::custody::report::tally::Tally;
use crate::custody::report::times::Times;
use crate::receipt::{Event, NotCovered, Statement};
use crate::types::{Protections, Role, Roles};

/// What a number of stores say about all of their sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Each store by itself, in the order in which they were named.
    pub stores: Vec<StoreFacts>,
    /// Sessions by their least favourable standing in any of the stores. Each counts once.
    pub sessions: BTreeMap<Standing, u64>,
    /// Sessions that the stores record with different outcomes.
    pub contradicted: u64,
    /// Sessions by kind of document, as the operators name it.
    pub kinds: Tally<String>,
    /// When the first session was opened and when the last one was, in milliseconds since 1970-01-01 UTC.
    pub opened_unix_ms: Option<(u64, u64)>,
    /// Alarms by their text.
    pub alarms: Tally<String>,
    /// Sessions with at least one alarm.
    pub alarmed: u64,
    /// Those of them that every store nevertheless records as complete. The alarms stand.
    pub alarmed_but_complete: u64,
    /// Different receipts, by who made them and what they say.
    pub receipts: BTreeMap<(Role, Event), u64>,
    /// Receipts that cannot be read.
    pub unreadable: u64,
    /// Receipts that are about another session than the one they are stored with, or whose columns say something else.
    pub contradictory: u64,
    /// How long it took from opening a session to the erasure that a receipt claims, by who made it and what it claims.
    pub promptness: BTreeMap<(Role, Event), Promptness>,
    /// For relays: the longest time for which any frame was held, one for each session.
    pub holds: BTreeMap<Role, Times>,
    /// Sessions in which a station said that it still held a copy, and no receipt of its erasure followed.
    pub still_held: u64,
    /// Receipts about plaintext that was lent beyond a deadline.
    pub lent_too_long: u64,
    /// Whether the receipts that there should be are there.
    pub completeness: Completeness,
    /// What the keys showed; `None` when none were given, so that no signature was checked.
    pub signatures: Option<Signatures>,
    /// What receipts say is not covered, and how many say so for each role, in the order of [`Role::ALL`].
    pub not_covered: BTreeMap<NotCovered, [u64; 4]>,
    /// Which protections of memory were active, in how many receipts that claim an erasure, by role.
    pub protections: BTreeMap<Role, Protected>,
    /// The builds that made receipts.
    pub builds: BTreeMap<(String, String), Build>,
    /// Receipts of builds beyond [`Tally::MOST`].
    pub other_builds: u64,
    /// Who made receipts: role and operator.
    pub operators: Tally<(Role, String)>,
    /// The sessions that a person should look at, the gravest first, at most [`Summary::LISTED`].
    pub attention: BTreeSet<Attention>,
    /// How many there are, listed or not.
    pub attention_total: u64,
}

/// What one store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreFacts {
    /// The station whose store it is, from the first receipt of its own; `None` if there is none.
    pub owner: Option<Owner>,
    /// Sessions by standing.
    pub sessions: BTreeMap<Standing, u64>,
    /// Receipts of its own.
    pub own_receipts: u64,
    /// Receipts of others.
    pub peer_receipts: u64,
    /// Receipts that are stored as its own and name another station.
    pub foreign_receipts: u64,
    /// Alarms.
    pub alarms: u64,
    /// What was deleted because it was older than the configured period; it is in no other number.
    pub expired: Expiries,
}

/// What a store says that it deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expiries {
    /// Sessions.
    pub sessions: u64,
    /// Receipts.
    pub receipts: u64,
    /// Alarms.
    pub alarms: u64,
    /// Everything that had ended before this time, in milliseconds since 1970-01-01 UTC; 0 if nothing was deleted.
    pub before_unix_ms: u64,
}

/// A station, as its receipts name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// What kind of station.
    pub role: Role,
    /// Who runs it.
    pub operator: String,
    /// Its name.
    pub station: String,
}

impl Owner {
    /// Whom a statement names as its maker.
    #[must_use]
    pub fn of(statement: &Statement) -> Self {
        let Statement { role, operator, station, .. } = statement;
        Self { role: *role, operator: operator.clone(), station: station.clone() }
    }
}

/// How promptly one kind of erasure came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Promptness {
    /// From opening to erasure, on a clock that counts suspended time.
    pub times: Times,
    /// Erasures whose receipts give no such time, because the station had started anew.
    pub unmeasured: u64,
    /// Erasures that came because a deadline had passed.
    pub at_deadline: u64,
}

/// Whether the receipts that there should be are there, by what they claim to be; signatures are another matter.
///
/// A session that the issuing system's store records as complete should have all of [`EXPECTED`]: the issuing system waits for
/// them. One that only other stores record as complete should have those of the stations whose stores these are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completeness {
    /// Sessions from which receipts are expected.
    pub sessions: u64,
    /// Those from which all are there.
    pub whole: u64,
    /// How many sessions should have each of [`EXPECTED`].
    pub expected: [u64; EXPECTED.len()],
    /// How many of them do not.
    pub missing: [u64; EXPECTED.len()],
}

/// What was found when signatures were checked with keys that the reader trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signatures {
    /// Receipts whose signatures verify.
    pub verified: u64,
    /// Receipts that could not be accepted: no trusted key, a wrong signature, another session, unreadable.
    pub refused: u64,
    /// Sessions checked for completeness: those from which all of [`EXPECTED`] are expected.
    pub sessions: u64,
    /// Those in which every receipt is there, verifies, and contradicts no other.
    pub complete: u64,
    /// What was found, in the sentences of [`check_session`](crate::custody::check_session), which are English.
    pub problems: Tally<String>,
}

/// The protections that receipts of one role name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Protected {
    /// Receipts that claim an erasure.
    pub receipts: u64,
    /// How many of them name each protection, by its name.
    pub active: BTreeMap<&'static str, u64>,
}

impl Protected {
    pub(super) fn add(&mut self, protections: Protections) {
        self.receipts += 1;
        protections.names().for_each(|name| *self.active.entry(name).or_default() += 1);
    }

    fn merge(&mut self, other: &Self) {
        self.receipts += other.receipts;
        add_all(&mut self.active, &other.active);
    }
}

/// A build that made receipts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Build {
    /// How many.
    pub receipts: u64,
    /// In which roles.
    pub roles: Roles,
    /// When the first and the last of them were made, in milliseconds since 1970-01-01 UTC by the stations' clocks.
    pub unix_ms: (u64, u64),
}

impl Summary {
    /// How many sessions are listed in [`Summary::attention`].
    pub const LISTED: usize = 20;

    /// Sessions in all.
    #[must_use]
    pub fn session_count(&self) -> u64 {
        self.sessions.values().sum()
    }

    /// Sessions with this standing.
    #[must_use]
    pub fn with(&self, standing: Standing) -> u64 {
        self.sessions.get(&standing).copied().unwrap_or(0)
    }

    /// Receipts that say this, whoever made them.
    #[must_use]
    pub fn saying(&self, event: Event) -> u64 {
        self.receipts.iter().filter(|((_, said), _)| *said == event).map(|(_, count)| count).sum()
    }

    /// Whether the store of such a station was read.
    #[must_use]
    pub fn has_store_of(&self, role: Role) -> bool {
        self.stores.iter().any(|store| store.owner.as_ref().is_some_and(|owner| owner.role == role))
    }

    /// No session yet: of each store, whose it is, and what it says that it deleted.
    pub(super) fn new(stores: Vec<StoreFacts>, keys: Option<&ReceiptKeys<'_>>) -> Self {
        Self { stores, signatures: keys.map(|_| Signatures::default()), ..Self::default() }
    }

    pub(super) fn needs_attention(&mut self, attention: Attention) {
        self.attention_total += 1;
        self.attention.insert(attention);
        if self.attention.len() > Self::LISTED {
            self.attention.pop_last();
        }
    }

    pub(super) fn made_by(&mut self, statement: &Statement) {
        let key = (statement.software.clone(), statement.build.clone());
        if self.builds.len() >= Tally::<String>::MOST && !self.builds.contains_key(&key) {
            self.other_builds += 1;
            return;
        }
        let at = statement.event_unix_ms;
        let seen = Build { receipts: 1, roles: Roles::NONE.with(statement.role), unix_ms: (at, at) };
        self.builds.entry(key).or_default().merge(&seen);
    }

    /// Adds what another part of the same stores held.
    pub(super) fn merge(&mut self, other: &Self) {
        for (own, theirs) in self.stores.iter_mut().zip(&other.stores) {
            add_all(&mut own.sessions, &theirs.sessions);
            own.own_receipts += theirs.own_receipts;
            own.peer_receipts += theirs.peer_receipts;
            own.foreign_receipts += theirs.foreign_receipts;
            own.alarms += theirs.alarms;
        }
        add_all(&mut self.sessions, &other.sessions);
        self.contradicted += other.contradicted;
        self.kinds.merge(&other.kinds);
        self.opened_unix_ms = span(self.opened_unix_ms, other.opened_unix_ms);
        self.alarms.merge(&other.alarms);
        self.alarmed += other.alarmed;
        self.alarmed_but_complete += other.alarmed_but_complete;
        add_all(&mut self.receipts, &other.receipts);
        self.unreadable += other.unreadable;
        self.contradictory += other.contradictory;
        for (what, theirs) in &other.promptness {
            let own = self.promptness.entry(*what).or_default();
            own.times.merge(&theirs.times);
            own.unmeasured += theirs.unmeasured;
            own.at_deadline += theirs.at_deadline;
        }
        other.holds.iter().for_each(|(role, theirs)| self.holds.entry(*role).or_default().merge(theirs));
        self.still_held += other.still_held;
        self.lent_too_long += other.lent_too_long;
        self.completeness.merge(&other.completeness);
        if let (Some(own), Some(theirs)) = (&mut self.signatures, &other.signatures) {
            own.merge(theirs);
        }
        for (what, theirs) in &other.not_covered {
            let own = self.not_covered.entry(*what).or_default();
            own.iter_mut().zip(theirs).for_each(|(own, theirs)| *own += theirs);
        }
        other.protections.iter().for_each(|(role, theirs)| self.protections.entry(*role).or_default().merge(theirs));
        self.other_builds += other.other_builds;
        for (key, theirs) in &other.builds {
            if self.builds.len() < Tally::<String>::MOST || self.builds.contains_key(key) {
                self.builds.entry(key.clone()).or_default().merge(theirs);
            } else {
                self.other_builds += theirs.receipts;
            }
        }
        self.operators.merge(&other.operators);
        let total = self.attention_total + other.attention_total;
        other.attention.iter().for_each(|attention| self.needs_attention(attention.clone()));
        self.attention_total = total;
    }
}

impl Completeness {
    fn merge(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.whole += other.whole;
        self.expected.iter_mut().zip(other.expected).for_each(|(own, theirs)| *own += theirs);
        self.missing.iter_mut().zip(other.missing).for_each(|(own, theirs)| *own += theirs);
    }
}

impl Signatures {
    fn merge(&mut self, other: &Self) {
        self.verified += other.verified;
        self.refused += other.refused;
        self.sessions += other.sessions;
        self.complete += other.complete;
        self.problems.merge(&other.problems);
    }
}

impl Build {
    fn merge(&mut self, other: &Self) {
        let own = (self.receipts > 0).then_some(self.unix_ms);
        self.receipts += other.receipts;
        self.roles = other.roles.iter().fold(self.roles, Roles::with);
        self.unix_ms = span(own, Some(other.unix_ms)).unwrap_or(other.unix_ms);
    }
}

/// From the first of both to the last of both.
pub(super) fn span(one: Option<(u64, u64)>, other: Option<(u64, u64)>) -> Option<(u64, u64)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}

fn add_all<K: Ord + Clone>(own: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    theirs.iter().for_each(|(key, count)| *own.entry(key.clone()).or_default() += count);
}
