//! Drawings, as SVG in the page: shares, distributions, one session's course. Each is also said in numbers beside it.

use maud::{Markup, html};
use shokyo::custody::report::{CLASSES_MS, Standing, Summary, Times};

use super::words::Language;

/// The pattern of a standing, so that no colour is needed to tell it.
const fn pattern(standing: Standing) -> &'static str {
    match standing {
        Standing::Lost => "crossed",
        Standing::Unresolved => "dotted",
        Standing::Unrecorded => "dashed",
        Standing::Open => "empty",
        Standing::Ended => "hatched",
        Standing::Complete => "solid",
    }
}

/// The patterns that `fill` names, once in each language's half: what is not shown cannot be referred to.
pub(crate) fn patterns(language: Language) -> Markup {
    let id = |name: &str| format!("{}-fill-{name}", language.tag());
    html! {
        svg.patterns width="0" height="0" aria-hidden="true" focusable="false" {
            defs {
                pattern id=(id("hatched")) width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.ground width="5" height="5" {}
                    rect.line width="2" height="5" {}
                }
                pattern id=(id("crossed")) width="6" height="6" patternUnits="userSpaceOnUse" {
                    rect.alarm-ground width="6" height="6" {}
                    path.alarm-line d="M0 0L6 6M6 0L0 6" {}
                }
                pattern id=(id("dotted")) width="5" height="5" patternUnits="userSpaceOnUse" {
                    rect.unknown-ground width="5" height="5" {}
                    circle.unknown-dot cx="2.5" cy="2.5" r="1.2" {}
                }
                pattern id=(id("dashed")) width="6" height="4" patternUnits="userSpaceOnUse" {
                    rect.unknown-ground width="6" height="4" {}
                    rect.unknown-dot width="3" height="1.5" {}
                }
            }
        }
    }
}

/// The value of `fill` for a pattern, or a class's own fill where it is plain.
pub(crate) fn fill(name: &str, language: Language) -> Option<String> {
    (!matches!(name, "solid" | "empty")).then(|| format!("url(#{}-fill-{name})", language.tag()))
}

/// What a standing looks like in [`shares`].
pub(crate) fn swatch(standing: Standing, language: Language) -> Markup {
    let name = pattern(standing);
    html! {
        svg.swatch width="14" height="14" aria-hidden="true" focusable="false" {
            rect class={ "part " (name) } x="0.5" y="0.5" width="13" height="13" fill=[fill(name, language)] {}
        }
    }
}

/// All sessions as one bar.
pub(crate) fn shares(summary: &Summary, language: Language) -> Markup {
    const WIDTH: f64 = 720.0;
    let total = summary.session_count();
    if total == 0 {
        return html! {};
    }
    let mut x = 0.0;
    let mut parts = Vec::new();
    for standing in Standing::ALL.into_iter().rev() {
        let count = summary.with(standing);
        if count > 0 {
            let width = count as f64 / total as f64 * WIDTH;
            parts.push((standing, x, width));
            x += width;
        }
    }
    let words: Vec<String> = parts
        .iter()
        .map(|(standing, ..)| {
            format!("{} {}", language.standing(*standing), language.share(summary.with(*standing), total))
        })
        .collect();
    let label = words.join(language.pick("、", ", "));
    html! {
        svg.shares viewBox="0 0 720 28" role="img" aria-label=(label) preserveAspectRatio="none" {
            @for (standing, x, width) in &parts {
                // However few they are, they are seen.
                rect class={ "part " (pattern(*standing)) } x=(round(x.min(WIDTH - 3.0))) y="1" height="26"
                    width=(round(width.max(3.0))) fill=[fill(pattern(*standing), language)] {}
            }
        }
    }
}

/// The classes between the first and the last that hold any of these times.
pub(crate) fn classes_in_use<'a>(times: impl Iterator<Item = &'a Times>) -> std::ops::Range<usize> {
    let (mut first, mut last) = (usize::MAX, 0);
    for times in times.filter(|times| times.count() > 0) {
        let used = |count: &u64| *count > 0;
        first = first.min(times.classes().iter().position(used).unwrap_or(0));
        last = last.max(times.classes().iter().rposition(used).unwrap_or(0));
    }
    if first == usize::MAX { 0..0 } else { first..last + 1 }
}

/// A distribution: one row for each class of time, with its number and the percentiles that fall into it.
pub(crate) fn histogram(times: &Times, classes: std::ops::Range<usize>, label: &str, language: Language) -> Markup {
    const ROW: f64 = 18.0;
    const LEFT: f64 = 84.0;
    const LONGEST: f64 = 190.0;
    let most = times.classes().iter().copied().max().unwrap_or(0).max(1);
    let height = classes.len() as f64 * ROW + 2.0;
    html! {
        svg.histogram viewBox={ "0 0 420 " (round(height)) } role="img" aria-label=(label) {
            line.axis x1=(LEFT) y1="0" x2=(LEFT) y2=(round(height)) {}
            @for (row, class) in classes.enumerate() {
                @let count = times.classes()[class];
                @let width = count as f64 / most as f64 * LONGEST;
                @let middle = round(row as f64 * ROW + ROW / 2.0 + 5.0);
                @let marks = marks(times, class, language);
                text.class x=(LEFT - 8.0) y=(middle) text-anchor="end" { (class_name(class, language)) }
                @if count > 0 {
                    rect.bar x=(LEFT) y=(round(row as f64 * ROW + 3.0)) width=(round(width.max(1.5))) height=(ROW - 5.0) {}
                    text.count x=(round(LEFT + width.max(1.5) + 6.0)) y=(middle) { (language.number(count)) }
                }
                @if !marks.is_empty() {
                    text.mark x="418" y=(middle) text-anchor="end" { (marks) }
                }
            }
        }
    }
}

/// Which percentiles fall into a class.
fn marks(times: &Times, class: usize, language: Language) -> String {
    let points = [
        (times.percentile_ms(50), language.pick("中央値", "median")),
        (times.percentile_ms(95), "p95"),
        (times.percentile_ms(99), "p99"),
        (times.longest_ms(), language.pick("最長", "max")),
    ];
    let names: Vec<&str> = points
        .into_iter()
        .filter(|(ms, _)| ms.is_some_and(|ms| CLASSES_MS.partition_point(|end| *end < ms) == class))
        .map(|(_, name)| name)
        .collect();
    if names.is_empty() { String::new() } else { format!("◂ {}", names.join(", ")) }
}

/// "≤ 10 s", or beyond the last class "> 1 h".
pub(crate) fn class_name(class: usize, language: Language) -> String {
    let name = |ms: u64| match ms {
        0..1_000 => format!("{ms}\u{a0}ms"),
        1_000..60_000 => format!("{}\u{a0}{}", ms / 1_000, language.pick("秒", "s")),
        60_000..3_600_000 => format!("{}\u{a0}{}", ms / 60_000, language.pick("分", "min")),
        _ => format!("{}\u{a0}{}", ms / 3_600_000, language.pick("時間", "h")),
    };
    match CLASSES_MS.get(class) {
        Some(ms) => format!("≤\u{a0}{}", name(*ms)),
        None => format!(">\u{a0}{}", name(CLASSES_MS[CLASSES_MS.len() - 1])),
    }
}

/// As many digits as a drawing needs.
pub(crate) fn round(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
