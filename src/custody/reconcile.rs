//! Reconciling the stores of several operators: each session that was opened anywhere needs a last word from all four stations by
//! its deadline. What is missing, and where, comes out session by session; memory does not grow with the stores.
//!
//! This compares what the stores hold; it does not check signatures or logs. [`crate::custody::check_session`] and the log's own
//! verification do.

use alloc::string::String;
use alloc::vec::Vec;

use rusqlite::Row;

use super::failure::reading;
use super::rows::StoredReceipt;
use super::store::Store;
use crate::error::Error;
use crate::receipt::{self, Event};
use crate::types::{Role, SessionId};

/// Whose store it is, from its own receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeper {
    /// The role.
    pub role: Role,
    /// The station.
    pub station: String,
    /// Its operator.
    pub operator: String,
}

/// What is missing or wrong about one session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gap {
    /// Other stores have the session; of the stores of this role none ever opened it.
    NotOpened {
        /// The role.
        role: Role,
    },
    /// No store has a last receipt of a station of this role.
    NoReceipt {
        /// The role.
        role: Role,
    },
    /// The station's own store has its last receipt, and the issuing system's store does not.
    NotAtIssuer {
        /// The role.
        role: Role,
    },
    /// Another store has a receipt of this role that the store of the station which signed it does not have.
    NotAtMaker {
        /// The role.
        role: Role,
        /// The station that is named in it.
        station: String,
    },
    /// A last receipt says that something is not erased, or not known.
    Says {
        /// The role.
        role: Role,
        /// What it says.
        event: Event,
    },
    /// The deadline is over, and this store still has the session open.
    Open {
        /// The number of the store, from 0, in the order in which they were given.
        store: usize,
    },
}

impl core::fmt::Display for Gap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotOpened { role } => write!(f, "the {role}'s store never opened it"),
            Self::NoReceipt { role } => write!(f, "no store has the {role}'s last receipt"),
            Self::NotAtIssuer { role } => write!(f, "the {role}'s last receipt never reached the issuing system"),
            Self::NotAtMaker { role, station } => {
                write!(f, "another store has a receipt of the {role} {station:?}, whose own store does not have it")
            }
            Self::Says { role, event } => write!(f, "the {role} says {:?}: {}", event.name(), event.meaning()),
            Self::Open { store } => write!(f, "store {} still has it open", store + 1),
        }
    }
}

/// One session with a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// The session.
    pub session: SessionId,
    /// When it was opened at the earliest, in milliseconds since 1970-01-01 UTC by that store's clock.
    pub opened_unix_ms: u64,
    /// What is missing or wrong.
    pub gaps: Vec<Gap>,
    /// The numbers of the stores, from 0, that hold an alarm about it.
    pub alarmed: Vec<usize>,
}

/// How many sessions there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Whose stores they are, in the order in which they were given; `None` for one without a receipt of its own.
    pub keepers: Vec<Option<Keeper>>,
    /// Sessions that were opened in any store.
    pub sessions: u64,
    /// Of these, without a gap.
    pub complete: u64,
    /// Of these, with a gap, and their deadline is not over.
    pub pending: u64,
    /// Of these, with a gap, and their deadline is over.
    pub incomplete: u64,
    /// Incomplete sessions about which no store holds an alarm.
    pub without_alarm: u64,
}

/// By when a session must be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueBy {
    /// From opening to the last receipt, in milliseconds.
    pub deadline_ms: u64,
    /// Now, in milliseconds since 1970-01-01 UTC.
    pub now_unix_ms: u64,
}

/// Goes through all sessions of all stores in the order of their identifiers and gives `each` those that are incomplete although
/// their deadline is over. Stores of the same role, such as of many kiosks, may be given together.
///
/// # Errors
/// [`Error::Store`], and what keeps a receipt from being read; and whatever `each` fails with.
pub fn reconcile(
    stores: &[Store],
    due: DueBy,
    each: &mut dyn FnMut(Incomplete) -> Result<(), Error>,
) -> Result<Reconciled, Error> {
    let keepers: Vec<Option<Keeper>> = stores.iter().map(keeper).collect::<Result<_, _>>()?;
    let mut reconciled = Reconciled { keepers, ..Reconciled::default() };
    let mut statements = Vec::with_capacity(stores.len());
    for store in stores {
        statements.push(store.connection().prepare(Opened::QUERY).map_err(|error| reading(&error))?);
    }
    let mut cursors = Vec::with_capacity(stores.len());
    for statement in &mut statements {
        cursors.push(statement.query([]).map_err(|error| reading(&error))?);
    }
    let mut next = |store: usize| -> Result<Option<Opened>, Error> {
        let row = cursors[store].next().map_err(|error| reading(&error))?;
        row.map(Opened::read).transpose().map_err(|error| reading(&error))
    };
    let mut heads: Vec<Option<Opened>> = (0..stores.len()).map(&mut next).collect::<Result<_, _>>()?;
    while let Some(session) = heads.iter().flatten().map(|opened| opened.session).min() {
        let mut found = Vec::with_capacity(stores.len());
        for (store, head) in heads.iter_mut().enumerate() {
            found.push(match head {
                Some(opened) if opened.session == session => core::mem::replace(head, next(store)?),
                _ => None,
            });
        }
        let opened_unix_ms = found.iter().flatten().map(|opened| opened.unix_ms).min().unwrap_or_default();
        let over = opened_unix_ms.saturating_add(due.deadline_ms) <= due.now_unix_ms;
        let gaps = gaps(stores, &reconciled.keepers, &found, session, over)?;
        reconciled.sessions += 1;
        match (gaps.is_empty(), over) {
            (true, _) => reconciled.complete += 1,
            (false, false) => reconciled.pending += 1,
            (false, true) => {
                let alarmed = alarmed(stores, session)?;
                reconciled.incomplete += 1;
                reconciled.without_alarm += u64::from(alarmed.is_empty());
                each(Incomplete { session, opened_unix_ms, gaps, alarmed })?;
            }
        }
    }
    Ok(reconciled)
}

/// One row of one store.
struct Opened {
    session: SessionId,
    unix_ms: u64,
    ended: bool,
}

impl Opened {
    const QUERY: &str = "SELECT session, opened_unix_ms, outcome IS NOT NULL FROM sessions ORDER BY session";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { session: SessionId(row.get(0)?), unix_ms: row.get::<_, i64>(1)?.unsigned_abs(), ended: row.get(2)? })
    }
}

/// Whose store it is.
fn keeper(store: &Store) -> Result<Option<Keeper>, Error> {
    let query =
        "SELECT own, event, role, station, stored_unix_ms, receipt FROM receipts WHERE own = 1 ORDER BY id LIMIT 1";
    let Some(first) = store.rows(query, [], StoredReceipt::read)?.pop() else { return Ok(None) };
    let statement = receipt::read_unverified(&first.receipt)?.statement;
    Ok(Some(Keeper { role: statement.role, station: statement.station, operator: statement.operator }))
}

fn alarmed(stores: &[Store], session: SessionId) -> Result<Vec<usize>, Error> {
    let mut alarmed = Vec::new();
    for (number, store) in stores.iter().enumerate() {
        let query = "SELECT id FROM alarms WHERE session = ?1 LIMIT 1";
        if !store.rows(query, [session.as_bytes()], |row| row.get::<_, i64>(0))?.is_empty() {
            alarmed.push(number);
        }
    }
    Ok(alarmed)
}

/// Whether a receipt is the last word of its station about a session.
const fn is_last_word(event: Event) -> bool {
    !matches!(event, Event::KeyWiped | Event::Forgotten)
}

fn gaps(
    stores: &[Store],
    keepers: &[Option<Keeper>],
    found: &[Option<Opened>],
    session: SessionId,
    over: bool,
) -> Result<Vec<Gap>, Error> {
    let receipts: Vec<Vec<StoredReceipt>> =
        stores.iter().map(|store| store.receipts(session)).collect::<Result<_, _>>()?;
    let mut gaps = Vec::new();
    for role in Role::ALL {
        let of_role = |number: &usize| keepers[*number].as_ref().is_some_and(|keeper| keeper.role == role);
        let keeping: Vec<usize> = (0..stores.len()).filter(of_role).collect();
        if !keeping.is_empty() && keeping.iter().all(|number| found[*number].is_none()) {
            gaps.push(Gap::NotOpened { role });
        }
        role_gaps(role, keepers, &receipts, &mut gaps);
    }
    let open = |(store, opened): (usize, &Option<Opened>)| {
        opened.as_ref().filter(|opened| over && !opened.ended).map(|_| Gap::Open { store })
    };
    gaps.extend(found.iter().enumerate().filter_map(open));
    Ok(gaps)
}

/// What is missing of one role, and where.
fn role_gaps(role: Role, keepers: &[Option<Keeper>], receipts: &[Vec<StoredReceipt>], gaps: &mut Vec<Gap>) {
    let last = || {
        let of_store = |(store, receipts): (usize, &'_ Vec<StoredReceipt>)| {
            let last = receipts.iter().filter(|receipt| receipt.role == role && is_last_word(receipt.event));
            last.cloned().map(|receipt| (store, receipt)).collect::<Vec<_>>()
        };
        receipts.iter().enumerate().flat_map(of_store)
    };
    let Some((_, first)) = last().next() else {
        gaps.push(Gap::NoReceipt { role });
        return;
    };
    let mut said: Vec<Event> = last().map(|(_, receipt)| receipt.event).collect();
    said.sort_unstable();
    said.dedup();
    let bad = |event: &Event| !event.claims_erasure();
    gaps.extend(said.into_iter().filter(bad).map(|event| Gap::Says { role, event }));

    let issuers = |store: usize| keepers[store].as_ref().is_some_and(|keeper| keeper.role == Role::Issuer);
    let is_given = (0..keepers.len()).any(issuers);
    if role != Role::Issuer && is_given && !last().any(|(store, _)| issuers(store)) {
        gaps.push(Gap::NotAtIssuer { role });
    }
    let makes = |keeper: &Option<Keeper>| {
        keeper.as_ref().is_some_and(|keeper| keeper.role == role && keeper.station == first.station)
    };
    if let Some(maker) = keepers.iter().position(makes)
        && !last().any(|(store, receipt)| store == maker && receipt.own)
    {
        gaps.push(Gap::NotAtMaker { role, station: first.station });
    }
}
