//! The log's rows in their order, each with what it is about, as a stream.

use alloc::string::String;

use rusqlite::Row;
use rusqlite::types::FromSql;

use crate::custody::entry::EntryKind;
use crate::custody::failure::reading;
use crate::custody::store::Store;
use crate::custody::verify::item::{Content, Item, ReceiptRow};
use crate::error::Error;

pub(super) const ALL: &str = "\
    SELECT l.position, l.entry, l.row, l.salt, l.leaf, \
           s.session, s.kind, s.opened_unix_ms, s.print_started_unix_ms, s.ended_unix_ms, s.outcome, \
           r.session, r.own, r.event, r.role, r.station, r.stored_unix_ms, r.hash, r.receipt, \
           a.session, a.what, a.raised_unix_ms, \
           x.before_unix_ms, x.stored_unix_ms, x.sessions, x.receipts, x.alarms \
    FROM log l \
    LEFT JOIN sessions s ON s.id = CASE WHEN l.entry IN (1, 4, 6) THEN l.row END \
    LEFT JOIN receipts r ON r.id = CASE WHEN l.entry IN (2, 3) THEN l.row END \
    LEFT JOIN alarms a ON a.id = CASE WHEN l.entry = 5 THEN l.row END \
    LEFT JOIN expired x ON x.id = CASE WHEN l.entry = 7 THEN l.row END \
    WHERE l.position >= ?1 AND l.position < ?2 ORDER BY l.position";

/// The position of a row of [`ALL`].
pub(super) fn position(row: &Row<'_>) -> Result<u64, Error> {
    number(row, 0)
}

/// Reads one row of [`ALL`]; [`Error::Malformed`] when a value is not what the schema says.
pub(super) fn item(store: &Store, row: &Row<'_>) -> Result<Item, Error> {
    let kind =
        EntryKind::from_number(get(row, 1)?).ok_or(Error::Malformed { what: "the kind of an entry in the log" })?;
    let mut item = Item {
        position: number(row, 0)?,
        kind,
        row: get(row, 2)?,
        salt: get(row, 3)?,
        leaf: get(row, 4)?,
        content: Content::Missing,
    };
    item.content = match (item.row, kind) {
        (None, _) => Content::Expired,
        (Some(_), EntryKind::Opened | EntryKind::PrintStarted | EntryKind::Ended) => session(row, kind)?,
        (Some(_), EntryKind::OwnReceipt | EntryKind::PeerReceipt) => receipt(row)?,
        (Some(_), EntryKind::Alarm) => alarm(row)?,
        (Some(id), EntryKind::Expired) => match get::<Option<i64>>(row, 22)? {
            None => Content::Missing,
            Some(_) => {
                let numbers =
                    [number(row, 22)?, number(row, 23)?, number(row, 24)?, number(row, 25)?, number(row, 26)?];
                Content::Deletion(store.expired_of(id, numbers)?)
            }
        },
    };
    Ok(item)
}

fn session(row: &Row<'_>, kind: EntryKind) -> Result<Content, Error> {
    let Some(session) = get(row, 5)? else { return Ok(Content::Missing) };
    let optional = |column| Ok::<_, Error>(get::<Option<i64>>(row, column)?.map(i64::cast_unsigned));
    let ended = match (optional(9)?, get::<Option<u8>>(row, 10)?) {
        (Some(time), Some(outcome)) => Some((time, outcome)),
        _ => None,
    };
    let print_started = optional(8)?;
    let is_there = match kind {
        EntryKind::PrintStarted => print_started.is_some(),
        EntryKind::Ended => ended.is_some(),
        _ => true,
    };
    if !is_there {
        return Ok(Content::Missing);
    }
    Ok(Content::Session { session, kind: get(row, 6)?, opened: number(row, 7)?, print_started, ended })
}

fn receipt(row: &Row<'_>) -> Result<Content, Error> {
    let Some(session) = get(row, 11)? else { return Ok(Content::Missing) };
    Ok(Content::Receipt(ReceiptRow {
        session,
        own: get(row, 12)?,
        event: get(row, 13)?,
        role: get(row, 14)?,
        station: get(row, 15)?,
        stored: number(row, 16)?,
        hash: get(row, 17)?,
        receipt: get(row, 18)?,
    }))
}

fn alarm(row: &Row<'_>) -> Result<Content, Error> {
    let Some(session) = get(row, 19)? else { return Ok(Content::Missing) };
    Ok(Content::Alarm { session, what: get::<String>(row, 20)?, raised: number(row, 21)? })
}

fn number(row: &Row<'_>, column: usize) -> Result<u64, Error> {
    get::<i64>(row, column).map(i64::cast_unsigned)
}

fn get<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T, Error> {
    row.get(column).map_err(|error| reading(&error))
}
