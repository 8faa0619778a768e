//! Whether the receipts of a session are all there, are what they say, and speak of one handover.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::receipt::{self, Event, Statement, Unverified};
use crate::types::{Role, SessionId};

/// What was found about one session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an incomplete session is an alarm"]
pub struct Report {
    /// The session.
    pub session: SessionId,
    /// Whether every receipt that a completed handover leaves is there and none contradicts another.
    pub complete: bool,
    /// What is missing or wrong, each in a sentence for a person. Empty exactly when `complete`.
    pub problems: Vec<String>,
    /// The statements whose signatures verify and which are about this session, each receipt once.
    pub statements: Vec<Statement>,
}

/// The receipts that a completed handover leaves, and who makes each.
pub(super) const REQUIRED: [(Role, Event); 5] = [
    (Role::Issuer, Event::KeyWiped),
    (Role::Issuer, Event::Closed),
    (Role::CertificateCentre, Event::RelayedNotRetained),
    (Role::EcCentre, Event::RelayedNotRetained),
    (Role::Kiosk, Event::Erased),
];

/// Checks the receipts of one session: the issuing system's *key wiped* and *closed*, *relayed and not retained* of both relays, the
/// kiosk's *erased*; one station per role, one key per station, every signature, the session.
///
/// `keys` gives the Ed25519 public key for the role, station and operator that a statement *claims*; it must take it from an
/// identity that the caller trusts, never from the receipt, and answer `None` for stations it does not know. A forgotten
/// printout is reported in `statements` and does not make the evidence of erasure incomplete.
pub fn check_session(
    receipts: &[Vec<u8>],
    keys: &dyn Fn(&Statement) -> Option<[u8; 32]>,
    session: SessionId,
) -> Report {
    check_session_by_key_id(receipts, &|claimed| keys(&claimed.statement), session)
}

/// As [`check_session`], with the key looked up by the identifier that the receipt names as well: for stations that changed their key
/// for receipts, whose older receipts verify under the older one. An identifier alone is no identity: `keys` must know it as a key of
/// the station that the statement claims.
pub fn check_session_by_key_id(
    receipts: &[Vec<u8>],
    keys: &dyn Fn(&Unverified) -> Option<[u8; 32]>,
    session: SessionId,
) -> Report {
    let mut problems = Vec::new();
    let mut accepted: Vec<(Statement, [u8; 32])> = Vec::new();
    for (position, bytes) in receipts.iter().enumerate() {
        if receipts[..position].contains(bytes) {
            continue;
        }
        match accept(bytes, keys, session) {
            Ok(statement) => accepted.push(statement),
            Err(problem) => problems.push(format!("receipt {}: {problem}", position + 1)),
        }
    }
    for role in Role::ALL {
        check_role(role, &accepted, &mut problems);
    }
    for (index, (statement, key)) in accepted.iter().enumerate() {
        check_statement(statement, &mut problems);
        let shares = |(other, theirs): &(Statement, [u8; 32])| theirs == key && other.role != statement.role;
        if let Some((other, _)) = accepted[..index].iter().find(|other| shares(other)) {
            problems.push(format!("{} and {} sign with the same key", other.role, statement.role));
        }
    }
    check_kind(&accepted, &mut problems);
    let statements = accepted.into_iter().map(|(statement, _)| statement).collect();
    Report { session, complete: problems.is_empty(), problems, statements }
}

/// The statement of a receipt that verifies for this session, with the key that it verifies with.
fn accept(
    bytes: &[u8],
    keys: &dyn Fn(&Unverified) -> Option<[u8; 32]>,
    session: SessionId,
) -> Result<(Statement, [u8; 32]), String> {
    let unverified = receipt::read_unverified(bytes).map_err(|error| format!("{error}"))?;
    let claimed = &unverified.statement;
    if claimed.session != session {
        return Err(format!("it is about another session, {:.16}", claimed.session));
    }
    let Some(key) = keys(&unverified) else {
        return Err(format!(
            "no key is known for the {} {:?} of {:?}",
            claimed.role, claimed.station, claimed.operator
        ));
    };
    let statement = receipt::verify(bytes, &key)
        .map_err(|error| format!("it is not by the {} {:?}: {error}", claimed.role, claimed.station))?;
    Ok((statement, key))
}

fn check_role(role: Role, accepted: &[(Statement, [u8; 32])], problems: &mut Vec<String>) {
    let of_role = || accepted.iter().map(|(statement, _)| statement).filter(|statement| statement.role == role);
    for (_, event) in REQUIRED.iter().filter(|(required, _)| *required == role) {
        match of_role().filter(|statement| statement.event == *event).count() {
            0 => problems.push(format!("the {role}'s receipt {event:?} is missing", event = event.name())),
            1 => {}
            count => {
                problems.push(format!("the {role} made {count} different receipts {event:?}", event = event.name()))
            }
        }
    }
    if let Some(first) = of_role().next() {
        let other = |next: &&Statement| next.station != first.station || next.operator != first.operator;
        if let Some(other) = of_role().find(other) {
            problems.push(format!("two stations speak as {role}: {:?} and {:?}", first.station, other.station));
        }
    }
}

fn check_statement(statement: &Statement, problems: &mut Vec<String>) {
    let who = format!("the {} {:?}", statement.role, statement.station);
    match statement.event {
        Event::NotErased | Event::LostAtRestart | Event::Unresolved => {
            problems.push(format!("{who} says {:?}: {}", statement.event.name(), statement.event.meaning()));
        }
        Event::RelayedNotRetained if statement.relay.is_none_or(|relay| relay.frames == 0) => {
            problems.push(format!("{who} says that it passed no frame on, so the document did not go through it"));
        }
        Event::KeyWiped | Event::Closed | Event::Erased | Event::RelayedNotRetained | Event::Forgotten => {}
    }
}

/// The ends of a handover must have meant the same kind of document.
fn check_kind(accepted: &[(Statement, [u8; 32])], problems: &mut Vec<String>) {
    let mut ends = accepted.iter().map(|(statement, _)| statement).filter(|statement| !statement.role.is_relay());
    if let Some(first) = ends.next()
        && let Some(other) = ends.find(|other| other.kind != first.kind)
    {
        problems.push(format!("the stations name different kinds of document: {:?} and {:?}", first.kind, other.kind));
    }
}
