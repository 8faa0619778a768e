//! What was found, for people and for programs.

use std::io::Write;

use anstyle::Style;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::check::{Judged, Need, Profile, State, worst};
use crate::words::{BOLD, DIM, GREEN, RED, YELLOW};

/// Columns of a line; and where reasons begin.
const WIDTH: usize = 80;
const INDENT: usize = 24;

pub(super) fn as_json(judged: &[Judged], profile: Option<Profile>, strict: bool) -> Value {
    let profile = profile.and_then(|profile| profile.to_possible_value()).map(|value| value.get_name().to_owned());
    json!({
        "profile": profile,
        "strict": strict,
        "worst": worst(judged).name(),
        "counts": State::ALL.iter()
            .map(|state| (state.name().to_owned(), json!(count(judged, *state))))
            .collect::<serde_json::Map<_, _>>(),
        "checks": judged.iter().map(check_as_json).collect::<Vec<_>>(),
    })
}

fn check_as_json(judged: &Judged) -> Value {
    json!({
        "name": judged.name,
        "state": judged.finding.state.name(),
        "counts_as": judged.counts_as.name(),
        "required": judged.need.map(|need| need == Need::Required),
        "reason": judged.finding.reason,
        "remedy": judged.finding.remedy,
    })
}

fn count(judged: &[Judged], state: State) -> usize {
    judged.iter().filter(|judged| judged.finding.state == state).count()
}

pub(super) fn as_text(judged: &[Judged], strict: bool) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    for judged in judged {
        let Judged { name, finding, counts_as, need } = judged;
        let style = style(finding.state);
        let state = match finding.state {
            State::Bad => "BAD",
            other => other.name(),
        };
        let mut lines = wrapped(&finding.reason, WIDTH - INDENT).into_iter();
        let first = lines.next().unwrap_or_default();
        writeln!(out, "{style}{state:8}{style:#}{BOLD}{name:16}{BOLD:#}{first}")?;
        for line in lines {
            writeln!(out, "{:INDENT$}{line}", "")?;
        }
        if let Some(remedy) = &finding.remedy {
            for line in wrapped(&format!("→ {remedy}"), WIDTH - INDENT) {
                writeln!(out, "{:INDENT$}{DIM}{line}{DIM:#}", "")?;
            }
        }
        if strict && *counts_as != finding.state {
            let need = if *need == Some(Need::Required) { "required" } else { "only advised" };
            writeln!(out, "{:INDENT$}{need} here: counts as {}", "", counts_as.name())?;
        }
    }
    let counts = State::ALL.map(|state| format!("{} {}", count(judged, state), state.name()));
    let end = worst(judged);
    let style = style(end);
    writeln!(out, "\n{}; worst: {style}{}{style:#}", counts.join(", "), end.name())
}

const fn style(state: State) -> Style {
    match state {
        State::Good => GREEN,
        State::Unknown => DIM,
        State::Weak => YELLOW,
        State::Bad => RED,
    }
}

/// Lines of at most `width` characters, broken between words; a longer word has a line of its own.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}
