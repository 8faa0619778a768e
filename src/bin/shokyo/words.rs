//! Notices and outcomes in plain words, and the colours for them.

use anstyle::{AnsiColor, Style};
use shokyo::handover::Outcome;
use shokyo::station::notice::{Notice, What};

pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default().bold();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();

/// An outcome's name.
pub(crate) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "complete",
        Outcome::Ended => "ended",
        Outcome::Unresolved => "unresolved",
        Outcome::Lost => "lost",
    }
}

/// A notice as one line for a person.
pub(crate) fn notice(notice: &Notice) -> String {
    let what = match &notice.what {
        What::Protected(protections) => format!("memory is ready; active protections: {protections}"),
        What::Listening(address) => format!("listening on {address}"),
        What::Connected { station, role } => format!("connected with {role} {station}"),
        What::Disconnected { station, error: None } => format!("{station} ended the connection"),
        What::Disconnected { station, error: Some(error) } => format!("the connection with {station} is gone: {error}"),
        What::Lost { print_started: false } => "was open when this station last stopped: recorded as lost".into(),
        What::Lost { print_started: true } => {
            "was printing when this station last stopped: recorded as lost, whether it was delivered is unknown".into()
        }
        What::Opened => "opened".into(),
        What::Composing => "composing; the document key is made".into(),
        What::Offered { length: Some(length) } => format!("a sealed document of {length} bytes is offered"),
        What::Offered { length: None } => "the sealed document is offered".into(),
        What::Attached { role, length } => format!("{role} attached {length} bytes to the offer"),
        What::DeadlineExceeded(deadline) => format!("ALARM: the {} deadline passed", deadline.name()),
        What::Received => "every byte of the ciphertext is here; the key is not".into(),
        What::Released => "key and ciphertext are wiped and read back; only then was the wrapped key sent".into(),
        What::Closed { verified: true } => "the kiosk opened it; the wrapped key is wiped too".into(),
        What::Closed { verified: false } => "the kiosk could not open it; the wrapped key is wiped".into(),
        What::Ready => "the document can be read here, and nowhere else".into(),
        What::Printing => "printing".into(),
        What::Proved { .. } => "every byte was read through windows".into(),
        What::WrittenInClear => "WARNING: a copy in the clear was written to a file, because it was asked for".into(),
        What::Erased { cause, verified: true } => format!("erased and read back ({})", cause.name()),
        What::Erased { cause, verified: false } => format!("NOT VERIFIED as erased ({})", cause.name()),
        What::NotRetained { peak_bytes, longest_hold_ms, frames } => format!(
            "{frames} frames passed, each wiped; at most {peak_bytes} bytes at once, none longer than {longest_hold_ms} ms"
        ),
        What::Finished(how) => outcome(*how).into(),
        What::Problem(error) => format!("problem: {error}"),
        What::Stopped => "stopped; nothing is open".into(),
        _ => notice.what.name().into(),
    };
    match &notice.session {
        Some(session) => format!("{} {session:.8}: {what}", notice.role),
        None => format!("{}: {what}", notice.role),
    }
}
