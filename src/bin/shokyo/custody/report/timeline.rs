//! One session's course as a drawing. The table beside it says the same.

use maud::{Markup, html};

use super::charts::{fill, round};
use super::course::{Held, Part};
use super::words::Language;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 176.0;
const RIGHT: f64 = 748.0;
const TOP: f64 = 26.0;
const BAR: f64 = 15.0;

/// The first and the last moment that any part names, in milliseconds since 1970-01-01 UTC.
fn bounds(parts: &[Part<'_>]) -> Option<(u64, u64)> {
    let spans = || parts.iter().flat_map(|part| &part.spans);
    let from = spans().map(|span| span.from);
    let ends = spans().filter_map(|span| span.end).map(|end| end.event_unix_ms);
    let moments = from.chain(ends).chain(parts.iter().filter_map(|part| part.unknown_from));
    let (first, last) = moments.fold((u64::MAX, 0), |(first, last), at| (first.min(at), last.max(at)));
    (first <= last).then_some((first, last.max(first + 1)))
}

const fn look(held: Held) -> &'static str {
    match held {
        Held::Readable => "solid",
        Held::Perhaps => "dotted",
        Held::Sealed => "hatched",
        Held::Wrapped => "empty",
    }
}

/// The word for what is held.
pub(crate) const fn held(held: Held, language: Language) -> &'static str {
    match held {
        Held::Readable => language.pick("読むことができた", "could read"),
        Held::Perhaps => {
            language.pick("読める時点の記録なし（長くてもこの間）", "could read at some time in it, at most")
        }
        Held::Sealed => language.pick("暗号文を保持（読めない）", "held ciphertext"),
        Held::Wrapped => language.pick("ラップ済み鍵を保持（開けない）", "held a wrapped key"),
    }
}

/// The drawing with its legend; nothing if no receipt gives a time.
pub(crate) fn timeline(parts: &[Part<'_>], label: &str, language: Language) -> Markup {
    let Some((first, last)) = bounds(parts) else { return html! {} };
    let scale = |at: u64| LEFT + (at - first) as f64 / (last - first) as f64 * (RIGHT - LEFT);
    let lanes: Vec<(f64, &Part<'_>)> = parts
        .iter()
        .scan(TOP, |top, part| {
            let own = *top;
            *top += part.spans.len().max(1) as f64 * (BAR + 3.0) + 20.0;
            Some((own, part))
        })
        .collect();
    let height = lanes.last().map_or(TOP, |(top, part)| top + part.spans.len().max(1) as f64 * (BAR + 3.0) + 14.0);
    html! {
        div.scroll role="region" aria-label=(label) tabindex="0" {
            svg.timeline viewBox={ "0 0 " (WIDTH) " " (round(height)) } role="img" aria-label=(label) {
                @for tick in 0..=4_u64 {
                    @let at = first + (last - first) * tick / 4;
                    @let x = round(scale(at));
                    line.grid x1=(x) y1="18" x2=(x) y2=(round(height)) {}
                    text.tick x=(x) y="12" text-anchor=(if tick == 0 { "start" } else if tick == 4 { "end" } else { "middle" }) {
                        "+" (language.duration(at - first))
                    }
                }
                @for (top, part) in &lanes {
                    text.lane x="0" y=(round(top + 12.0)) { (language.role(part.owner.role)) }
                    text.station x="0" y=(round(top + 27.0)) { (shortened(&part.owner.station)) }
                    @for (row, span) in part.spans.iter().enumerate() {
                        @let y = top + row as f64 * (BAR + 3.0);
                        @let x = scale(span.from);
                        @match span.end {
                            Some(end) => {
                                @let until = end.event_unix_ms.max(span.from);
                                @let width = (scale(until) - x).max(2.0);
                                rect class={ "part " (look(span.held)) } x=(round(x)) y=(round(y)) height=(BAR) width=(round(width))
                                    fill=[fill(look(span.held), language)] {}
                                @let (at, anchor) = beside(x, x + width);
                                text.length x=(round(at)) y=(round(y + 12.0)) text-anchor=(anchor) {
                                    (language.duration(until - span.from))
                                }
                            }
                            None => {
                                path.unended d={ "M" (round(RIGHT)) " " (round(y)) "H" (round(x)) "V" (round(y + BAR)) "H" (round(RIGHT)) } {}
                                text.unknown x=(round(RIGHT - 6.0)) y=(round(y + 12.0)) text-anchor="end" {
                                    "◆ " (language.pick("終わりは不明", "end unknown"))
                                }
                            }
                        }
                    }
                }
            }
        }
        (legend(parts, language))
    }
}

/// Where the length of a bar is written: after it, else before it, else on it.
fn beside(from: f64, until: f64) -> (f64, &'static str) {
    const ROOM: f64 = 64.0;
    if until + ROOM < RIGHT {
        (until + 6.0, "start")
    } else if from - ROOM > LEFT {
        (from - 6.0, "end")
    } else {
        (until - 6.0, "end")
    }
}

fn legend(parts: &[Part<'_>], language: Language) -> Markup {
    let used = |of: Held| parts.iter().flat_map(|part| &part.spans).any(|span| span.held == of);
    html! {
        ul.legend aria-label=(language.pick("凡例", "Legend")) {
            @for of in [Held::Readable, Held::Perhaps, Held::Sealed, Held::Wrapped].into_iter().filter(|of| used(*of)) {
                li {
                    svg.swatch width="26" height="14" aria-hidden="true" focusable="false" {
                        rect class={ "part " (look(of)) } x="0.5" y="0.5" width="25" height="13" fill=[fill(look(of), language)] {}
                    }
                    (held(of, language))
                }
            }
        }
    }
}

/// A name that fits beside the drawing; the table has it whole.
fn shortened(name: &str) -> String {
    let short: String = name.chars().take(20).collect();
    if short.len() < name.len() { format!("{short}…") } else { short }
}
