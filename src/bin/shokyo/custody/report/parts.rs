//! Small parts that many sections use.

use maud::{Markup, html};
use shokyo::custody::report::Standing;
use shokyo::types::SessionId;

use super::words::Language;

/// A number under a name by which a program finds it in the page.
pub(crate) fn figure(name: &str, text: impl AsRef<str>) -> Markup {
    html! { span.figure data-figure=(name) { (text.as_ref()) } }
}

/// How grave something is: always a shape and a word, never a colour alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    InOrder,
    Alarm,
    Unknown,
    Neutral,
}

impl Mark {
    pub(crate) const fn of(standing: Standing) -> Self {
        match standing {
            Standing::Lost => Self::Alarm,
            Standing::Unresolved | Standing::Unrecorded => Self::Unknown,
            Standing::Open | Standing::Ended => Self::Neutral,
            Standing::Complete => Self::InOrder,
        }
    }

    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::InOrder => "in-order",
            Self::Alarm => "alarm",
            Self::Unknown => "unknown",
            Self::Neutral => "neutral",
        }
    }

    pub(crate) fn sign(self) -> Markup {
        let sign = match self {
            Self::InOrder => "●",
            Self::Alarm => "▲",
            Self::Unknown => "◆",
            Self::Neutral => "○",
        };
        html! { span class={ "sign " (self.class()) } aria-hidden="true" { (sign) } }
    }
}

/// A standing with its sign.
pub(crate) fn standing(standing: Standing, language: Language) -> Markup {
    html! { span.nowrap { (Mark::of(standing).sign()) " " (language.standing(standing)) } }
}

/// A paragraph that must not be missed.
pub(crate) fn note(mark: Mark, content: &Markup) -> Markup {
    html! { div class={ "note " (mark.class()) } { (mark.sign()) div { (content) } } }
}

/// A table that may be wider than a narrow screen. `head` is a row's cells; so is each of `rows`.
pub(crate) fn table(caption: &str, class: &str, head: &Markup, rows: &[Markup]) -> Markup {
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table class=(class) {
                caption { (caption) }
                thead { tr { (head) } }
                tbody { @for row in rows { tr { (row) } } }
            }
        }
    }
}

/// The heads of columns: their texts, and whether they hold numbers.
pub(crate) fn head<T: AsRef<str>>(columns: &[(T, bool)]) -> Markup {
    html! {
        @for (column, number) in columns {
            @if *number { th.number scope="col" { (column.as_ref()) } } @else { th scope="col" { (column.as_ref()) } }
        }
    }
}

/// A session's first 16 digits: enough to name it.
pub(crate) fn short_identifier(session: SessionId) -> Markup {
    html! { code.identifier { (format!("{session:.16}")) "…" } }
}

/// A session's identifier, all 64 digits, that a line may break in the middle.
pub(crate) fn identifier(session: SessionId) -> Markup {
    let digits = session.to_string();
    html! {
        code.identifier {
            @for start in (0..digits.len()).step_by(16) { (digits[start..start + 16]) wbr; }
        }
    }
}
