//! What the receipts of one session say about who could read when and who held what, as spans of time.
//!
//! A span without an end is one whose end nobody signed: it must never be drawn or said as over.

use shokyo::buffer::CopyClass;
use shokyo::custody::report::{Owner, Story};
use shokyo::receipt::{Event, Statement};
use shokyo::types::Role;

/// What a station held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Key and ciphertext: it could read.
    Readable,
    /// It waited for ciphertext and key. When it could read is not in any receipt, at most this long.
    Perhaps,
    /// Ciphertext without a key.
    Sealed,
    /// A document key that only another station can unwrap.
    Wrapped,
}

/// From when until when a station held something, in milliseconds since 1970-01-01 UTC by its own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span<'a> {
    pub(crate) held: Held,
    pub(crate) from: u64,
    /// The receipt that says how it ended; `None` when none does.
    pub(crate) end: Option<&'a Statement>,
}

/// One station's part in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) owner: Owner,
    pub(crate) spans: Vec<Span<'a>>,
    /// When a receipt said that something is not known or was not erased.
    pub(crate) unknown_from: Option<u64>,
}

/// Every station's part, in the order in which a document visits them.
pub(crate) fn course(story: &Story) -> Vec<Part<'_>> {
    let mut owners: Vec<Owner> = story.said.iter().map(|said| owner_of(&said.statement)).collect();
    owners.extend(story.told.iter().filter_map(|told| told.owner.clone()));
    owners.sort();
    owners.dedup();
    owners.into_iter().map(|owner| part(story, owner)).collect()
}

fn owner_of(statement: &Statement) -> Owner {
    Owner::of(statement)
}

fn part(story: &Story, owner: Owner) -> Part<'_> {
    let said: Vec<&Statement> =
        story.said.iter().map(|said| &said.statement).filter(|statement| owner_of(statement) == owner).collect();
    let row = story.told.iter().find(|told| told.owner.as_ref() == Some(&owner)).and_then(|told| told.session.as_ref());
    let opened = said.iter().map(|statement| statement.opened_unix_ms).chain(row.map(|row| row.opened_unix_ms)).min();
    let by = |events: &[Event]| said.iter().copied().find(|statement| events.contains(&statement.event));
    let mut spans = Vec::new();
    if let Some(from) = opened {
        match owner.role {
            Role::Issuer => {
                let end = by(&[Event::KeyWiped]).or_else(|| by(&[Event::Erased, Event::Closed]));
                spans.push(Span { held: Held::Readable, from, end });
                spans.push(Span { held: Held::Sealed, from, end });
                let keeps = |of: &&Statement| of.retained.iter().any(|copy| copy.class == CopyClass::WrappedKey);
                if let Some(wiped) = end.filter(keeps) {
                    let end = by(&[Event::Closed, Event::Erased]);
                    spans.push(Span { held: Held::Wrapped, from: wiped.event_unix_ms, end });
                }
            }
            Role::CertificateCentre | Role::EcCentre => {
                spans.push(Span { held: Held::Sealed, from, end: by(&[Event::RelayedNotRetained, Event::Erased]) });
            }
            Role::Kiosk => {
                let end = by(&[Event::Erased]);
                spans.push(Span { held: Held::Perhaps, from, end });
                if let Some(from) = row.and_then(|row| row.print_started_unix_ms) {
                    spans.push(Span { held: Held::Readable, from, end });
                }
            }
        }
    }
    let doubt = [Event::LostAtRestart, Event::Unresolved, Event::NotErased];
    Part { owner, spans, unknown_from: by(&doubt).map(|statement| statement.event_unix_ms) }
}
