//! `shokyo custody report`: what a number of stores say, as one page for auditors and municipal officers.
//!
//! Everything that comes from a store is escaped by the template; the page loads nothing and runs nothing. It must never say
//! more than the receipts do.

mod brief;
mod charts;
mod completeness;
mod course;
mod coverage;
mod method;
mod outcomes;
mod page;
mod parts;
mod promptness;
mod session;
mod stations;
mod timeline;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use shokyo::Error;
use shokyo::custody::ReceiptKeys;
use shokyo::custody::report::{Story, Summary, find, story, summarise};
use shokyo::receipt::Unverified;
use shokyo::station::notice::now;
use shokyo::types::SessionId;

use self::page::Page;
use self::words::Language;
use crate::custody::WRONG;
use crate::custody::keys::Keys;
use crate::fail;

/// Sessions whose course is told in one page.
const MOST_SESSIONS: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The stores, one for each station; those of several operators may stand together.
    #[arg(value_name = "STORE", required = true)]
    stores: Vec<PathBuf>,
    /// Where to write the page.
    #[arg(long, value_name = "FILE.html")]
    out: PathBuf,
    /// Tell the course of this session, too: its 64 hexadecimal digits, or the first of them, at least 8.
    #[arg(long = "session", value_name = "ID")]
    sessions: Vec<String>,
    /// The language that is shown and printed first; the page holds both.
    #[arg(long, value_enum, default_value_t = Language::Ja)]
    language: Language,
    #[command(flatten)]
    keys: Keys,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match write(arguments) {
        Ok(summary) => finish(arguments, &summary),
        Err(reason) => fail(&reason),
    }
}

fn write(arguments: &Arguments) -> Result<Summary, String> {
    let stores: Vec<&Path> = arguments.stores.iter().map(PathBuf::as_path).collect();
    let same = |store: &&&Path| {
        let place = |path: &Path| path.canonicalize().ok();
        // With the files that SQLite keeps beside it.
        let files = ["", "-wal", "-shm"].map(|end| {
            let mut name = store.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        });
        files.iter().any(|file| place(file).is_some_and(|file| place(&arguments.out) == Some(file)))
    };
    if let Some(store) = stores.iter().find(same) {
        return Err(format!("{} is a store and would be overwritten; name another file with --out", store.display()));
    }
    let said = |error: Error| error.to_string();
    let believed = arguments.keys.load()?;
    let key = |unverified: &Unverified| believed.of_receipt(unverified);
    let keys = believed.knows_receipts().then_some(&key as &ReceiptKeys<'_>);
    let read_unix_ms = now().unix_ms;
    let stories: Vec<Story> = chosen(&stores, &arguments.sessions)?
        .into_iter()
        .filter_map(|session| story(&stores, session, keys).transpose())
        .collect::<Result<_, _>>()
        .map_err(said)?;
    let bar = progress();
    let summary = summarise(&stores, keys, &|thousandths| bar.set_position(thousandths)).map_err(said)?;
    bar.finish_and_clear();
    let files: Vec<String> = stores.iter().map(|store| file_name(store)).collect();
    let page = Page { summary: &summary, stories: &stories, files: &files, read_unix_ms };
    std::fs::write(&arguments.out, page::render(&page, arguments.language))
        .map_err(|error| format!("cannot write {}: {}", arguments.out.display(), error.kind()))?;
    Ok(summary)
}

/// What the page says that no one should have to open it for, and the exit code.
fn finish(arguments: &Arguments, summary: &Summary) -> ExitCode {
    let sessions = summary.session_count();
    anstream::println!("{}: {sessions} sessions, {} alarms", arguments.out.display(), summary.alarms.total());
    let refused = summary.signatures.as_ref().map_or(0, |signatures| signatures.refused);
    let problems = [
        (summary.completeness.sessions - summary.completeness.whole, "complete sessions lack receipts"),
        (summary.unreadable, "receipts cannot be read"),
        (summary.contradictory, "receipts contradict what is stored beside them"),
        (
            summary.stores.iter().map(|store| store.foreign_receipts).sum(),
            "receipts are stored as another station's own",
        ),
        (refused, "receipts were refused with the trusted keys"),
    ];
    let mut code = ExitCode::SUCCESS;
    for (count, what) in problems.into_iter().filter(|(count, _)| *count > 0) {
        anstream::eprintln!("wrong: {count} {what}");
        code = ExitCode::from(WRONG);
    }
    if summary.signatures.is_none() {
        anstream::eprintln!("note: signatures were not checked; --trust and --certificate, or --config, check them");
    }
    code
}

/// The sessions that were named, each by as many digits as it takes.
fn chosen(stores: &[&Path], names: &[String]) -> Result<Vec<SessionId>, String> {
    if names.len() > MOST_SESSIONS {
        return Err(format!("at most {MOST_SESSIONS} sessions fit into one page"));
    }
    names.iter().map(|name| one_session(stores, name)).collect()
}

fn one_session(stores: &[&Path], name: &str) -> Result<SessionId, String> {
    let (first, last) = range_of(name)
        .ok_or_else(|| "--session takes 8 to 64 hexadecimal digits, the first of a session's identifier".to_owned())?;
    match find(stores, first, last).map_err(|error| error.to_string())?.as_slice() {
        [session] => Ok(*session),
        [] => Err(format!("no store knows a session {name}; `shokyo custody sessions STORE` lists them")),
        several => Err(format!("{} sessions begin with {name}; give more digits", several.len())),
    }
}

/// The first and the last identifier that begin with these digits.
fn range_of(digits: &str) -> Option<(SessionId, SessionId)> {
    if !(8..=64).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let filled = |with: &str| crate::hexadecimal::decode(&format!("{digits}{}", with.repeat(64 - digits.len())));
    Some((SessionId(filled("0")?), SessionId(filled("f")?)))
}

/// A moment in milliseconds since 1970-01-01 UTC as date and time.
pub(super) fn utc(unix_ms: u64) -> String {
    Language::En.moment(unix_ms)
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn progress() -> ProgressBar {
    // Drawn on a terminal only.
    let bar = ProgressBar::with_draw_target(Some(1_000), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("reading {wide_bar} {percent} %") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_first_digits_name_a_range() {
        let (first, last) = range_of("00Ff00aa5").unwrap();
        assert!(first.to_string().starts_with("00ff00aa50000") && last.to_string().starts_with("00ff00aa5ffff"));
        for wrong in ["", "0123456", "0123456g", &"0".repeat(65), "ａｂｃｄｅｆ０１"] {
            assert_eq!(range_of(wrong), None, "{wrong}");
        }
    }
}
