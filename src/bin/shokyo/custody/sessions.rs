//! `shokyo custody sessions`: the sessions of one store, one a line, however many there are.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use shokyo::Error;
use shokyo::custody::report::Standing;
use shokyo::custody::{Session, Store};

use crate::fail;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The store.
    #[arg(value_name = "STORE")]
    store: PathBuf,
    /// Only those without an outcome.
    #[arg(long)]
    open: bool,
    /// Print one JSON object a line instead of text.
    #[arg(long)]
    json: bool,
}

/// Why listing ended early.
enum Stop {
    Failed(String),
    /// Nobody reads any more, such as `head`.
    Unread,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            kind => Self::Failed(format!("writing the list: {kind}; it is not complete")),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match list(arguments) {
        Ok(()) | Err(Stop::Unread) => ExitCode::SUCCESS,
        Err(Stop::Failed(error)) => fail(&error),
    }
}

fn list(arguments: &Arguments) -> Result<(), Stop> {
    let store = Store::open_read_only(&arguments.store)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    store.each_session(|session| {
        if arguments.open && session.ended.is_some() {
            return Ok::<_, Stop>(());
        }
        let line = if arguments.json { as_json(&session) } else { as_text(&session) };
        Ok(writeln!(out, "{line}")?)
    })?;
    Ok(out.flush()?)
}

/// Times in milliseconds since 1970-01-01 UTC.
fn as_json(session: &Session) -> String {
    json!({
        "session": session.session.to_string(),
        "outcome": Standing::of(Some(session)).name(),
        "opened_unix_ms": session.opened_unix_ms,
        "print_started_unix_ms": session.print_started_unix_ms,
        "ended_unix_ms": session.ended.map(|(_, at)| at),
        "kind": session.kind,
    })
    .to_string()
}

fn as_text(session: &Session) -> String {
    let outcome = Standing::of(Some(session)).name();
    let ended = session.ended.map_or("-".to_owned(), |(_, at)| at.saturating_sub(session.opened_unix_ms).to_string());
    // The kind is quoted, so that no control character of it reaches a terminal.
    format!(
        "{}  {outcome:10}  opened {}  {ended:>8} ms  {:?}",
        session.session,
        utc(session.opened_unix_ms),
        session.kind
    )
}

fn utc(unix_ms: u64) -> String {
    format!("{}Z", super::report::utc(unix_ms).replace(' ', "T"))
}
