//! Who could read, and who held ciphertext, from when to when.

use serde_json::{Value, json};

use super::processes::{is, text};

/// A stretch of time in one system, in microseconds since the session's first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) role: &'static str,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// One session's times.
pub(crate) struct Timeline {
    pub(crate) session: String,
    /// The systems that could read the document.
    pub(crate) readable: Vec<Stretch>,
    /// The systems that held its ciphertext.
    pub(crate) ciphertext: Vec<Stretch>,
    /// All of it, in microseconds.
    pub(crate) whole: u64,
}

/// Role, first and last event of the time in which it could read; the same for the time in which it held ciphertext.
const READABLE: [(&str, &str, &str); 2] = [("issuer", "composing", "released"), ("kiosk", "ready", "erased")];
const CIPHERTEXT: [(&str, &str, &str); 4] = [
    ("issuer", "composing", "released"),
    ("certificate-centre", "opened", "not-retained"),
    ("ec-centre", "opened", "not-retained"),
    ("kiosk", "offered", "erased"),
];

impl Timeline {
    pub(crate) fn of(notices: &[Value], session: &str) -> Self {
        let times: Vec<(&Value, u64)> = notices
            .iter()
            .filter(|notice| text(notice, "session") == session)
            .filter_map(|notice| Some((notice, notice["at_us"].as_u64()?)))
            .collect();
        let start = times.iter().map(|(_, at)| *at).min().unwrap_or(0);
        let at = |role: &str, event: &str| {
            times.iter().find(|(notice, _)| is(notice, role, event)).map(|(_, at)| at - start)
        };
        let stretches = |all: &[(&'static str, &str, &str)]| {
            all.iter()
                .filter_map(|(role, first, last)| Some(Stretch { role, from: at(role, first)?, to: at(role, last)? }))
                .collect::<Vec<_>>()
        };
        let whole = times.iter().map(|(_, at)| *at - start).max().unwrap_or(0);
        Self { session: session.to_owned(), readable: stretches(&READABLE), ciphertext: stretches(&CIPHERTEXT), whole }
    }

    /// Whether both ends could read at some time, and never both at once.
    pub(crate) fn is_exclusive(&self) -> bool {
        matches!(self.readable[..], [issuer, kiosk] if issuer.to <= kiosk.from)
    }

    pub(crate) fn to_json(&self) -> Value {
        let stretches = |all: &[Stretch]| {
            all.iter()
                .map(|stretch| json!({ "role": stretch.role, "from_us": stretch.from, "to_us": stretch.to }))
                .collect::<Vec<_>>()
        };
        json!({
            "session": self.session,
            "could_read": stretches(&self.readable),
            "held_ciphertext": stretches(&self.ciphertext),
            "never_two_readers": self.is_exclusive(),
            "whole_us": self.whole,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(role: &str, event: &str, at: u64) -> Value {
        json!({ "role": role, "event": event, "session": "s", "at_us": at })
    }

    #[test]
    fn two_readers_at_once_are_noticed() {
        let run = |released: u64| {
            Timeline::of(
                &[
                    notice("issuer", "composing", 10),
                    notice("issuer", "released", released),
                    notice("kiosk", "ready", 50),
                    notice("kiosk", "erased", 70),
                ],
                "s",
            )
        };
        assert!(run(40).is_exclusive());
        assert!(!run(60).is_exclusive());
        assert!(!Timeline::of(&[notice("issuer", "composing", 1)], "s").is_exclusive(), "nothing proves nothing");
    }
}
