//! What the log does not lead to: rows that were never entered, and a schema that is not the one that guards them.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use rusqlite::Connection;

use crate::custody::failure::reading;
use crate::custody::store::{SCHEMA, Store};
use crate::custody::verify::{LogReport, Place};
use crate::error::Error;

/// Table, what a row without an entry has, and what is wrong with it.
const NEVER_ENTERED: [(&str, &str, &str); 7] = [
    (
        "sessions",
        "NOT EXISTS (SELECT 1 FROM log WHERE entry = 1 AND row = t.id)",
        "inserted: the log has no entry for it",
    ),
    (
        "sessions",
        "print_started_unix_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM log WHERE entry = 4 AND row = t.id)",
        "printing was put in afterwards: the log has no entry for it",
    ),
    (
        "sessions",
        "outcome IS NOT NULL AND NOT EXISTS (SELECT 1 FROM log WHERE entry = 6 AND row = t.id)",
        "its end was put in afterwards: the log has no entry for it",
    ),
    (
        "receipts",
        "NOT EXISTS (SELECT 1 FROM log WHERE entry IN (2, 3) AND row = t.id)",
        "inserted: the log has no entry for it",
    ),
    (
        "alarms",
        "NOT EXISTS (SELECT 1 FROM log WHERE entry = 5 AND row = t.id)",
        "inserted: the log has no entry for it",
    ),
    (
        "expired",
        "NOT EXISTS (SELECT 1 FROM log WHERE entry = 7 AND row = t.id)",
        "inserted: the log has no entry for it",
    ),
    ("expired", "NOT EXISTS (SELECT 1 FROM expired_positions WHERE expired = t.id)", "it does not say what expired"),
];

pub(super) fn check(store: &Store, report: &mut LogReport) -> Result<(), Error> {
    for (table, condition, what) in NEVER_ENTERED {
        let query = format!("SELECT id FROM {table} t WHERE {condition} ORDER BY id");
        let mut statement = store.connection.prepare(&query).map_err(|error| reading(&error))?;
        let mut rows = statement.query([]).map_err(|error| reading(&error))?;
        while let Some(row) = rows.next().map_err(|error| reading(&error))? {
            let row = row.get(0).map_err(|error| reading(&error))?;
            report.problem(Place::Row { table, row }, what);
        }
    }
    check_positions(store, report)?;
    check_file(store, report)?;
    check_schema(store, report)
}

/// Rows of the log where no entry can be: what is entered nowhere else could hide behind them.
fn check_positions(store: &Store, report: &mut LogReport) -> Result<(), Error> {
    let query = "SELECT position FROM log NOT INDEXED WHERE position NOT BETWEEN 0 AND ?1 - 1 ORDER BY position";
    let mut statement = store.connection.prepare(query).map_err(|error| reading(&error))?;
    let mut rows = statement.query([report.size.cast_signed()]).map_err(|error| reading(&error))?;
    while let Some(row) = rows.next().map_err(|error| reading(&error))? {
        let row = row.get(0).map_err(|error| reading(&error))?;
        report.problem(Place::Row { table: "log", row }, "no entry can have this position");
    }
    Ok(())
}

/// Indexes that are not what their tables say would hide rows from every question that is asked through them.
fn check_file(store: &Store, report: &mut LogReport) -> Result<(), Error> {
    for pragma in ["PRAGMA integrity_check", "PRAGMA foreign_key_check"] {
        let mut statement = store.connection.prepare(pragma).map_err(|error| reading(&error))?;
        let mut rows = statement.query([]).map_err(|error| reading(&error))?;
        while let Some(row) = rows.next().map_err(|error| reading(&error))? {
            let found: String = row.get(0).map_err(|error| reading(&error))?;
            if found != "ok" {
                report.problem(Place::Store, format!("{pragma} finds: {found}"));
            }
        }
    }
    Ok(())
}

/// The triggers refuse changes; that one is gone is no proof of a change, and nobody takes one away for nothing.
fn check_schema(store: &Store, report: &mut LogReport) -> Result<(), Error> {
    let expected = Connection::open_in_memory().map_err(|error| reading(&error))?;
    expected.execute_batch(SCHEMA).map_err(|error| reading(&error))?;
    let (expected, found) = (objects(&expected)?, objects(&store.connection)?);
    for (name, sql) in &expected {
        match found.get(name) {
            Some(same) if same == sql => {}
            Some(_) => report.problem(Place::Store, format!("the schema's {name} was changed")),
            None => report.problem(Place::Store, format!("the schema's {name} was taken away")),
        }
    }
    for name in found.keys().filter(|name| !expected.contains_key(*name)) {
        report.problem(Place::Store, format!("{name:?} was added to the schema"));
    }
    Ok(())
}

fn objects(connection: &Connection) -> Result<BTreeMap<String, String>, Error> {
    let query = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = connection.prepare(query).map_err(|error| reading(&error))?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(|error| reading(&error))?;
    rows.collect::<rusqlite::Result<_>>().map_err(|error| reading(&error))
}
