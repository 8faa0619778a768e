//! The section about chosen sessions: who could read when, who held what, how each was overwritten, and what is unknown.

use maud::{Markup, html};
use shokyo::custody::report::{Said, Standing, Story, Told};
use shokyo::receipt::{Method, NotCovered, Statement};

use super::course::{Part, Span, course};
use super::page::Section;
use super::parts::{Mark, head, identifier, note, standing, table};
use super::timeline::{held, timeline};
use super::words::Language;

pub(crate) fn section(stories: &[Story], language: Language) -> Section {
    let content = html! {
        @for story in stories { (one(story, language)) }
    };
    Section {
        name: "session", title: language.pick("個別のセッションの経過", "The course of one session"), content
    }
}

fn one(story: &Story, language: Language) -> Markup {
    let parts = course(story);
    let label = language.pick("誰がいつ読むことができ、何を保持していたか", "Who could read when, and who held what");
    html! {
        h3.session-title { (language.pick("セッション ", "Session ")) (identifier(story.session)) }
        (told(&story.told, language))
        h4 { (label) }
        (timeline(&parts, label, language))
        p.small { (language.pick(
            "各行の時刻はその機器自身の時計による。機器間の前後関係はこの図からは言えない。手順上、キオスク端末が鍵を受け取るのは、\
             自動交付システムの上書きが確かめられた後だけである。",
            "Each row is by its own station's clock: the drawing does not show what came first at different stations. By the protocol \
             the kiosk gets the key only after the issuing system's overwriting was checked.",
        )) }
        (spans(&parts, language))
        h4 { (language.pick("分からないこと", "What is unknown")) }
        (unknown(story, &parts, language))
        h4 { (language.pick("署名付き記録", "Receipts")) }
        @if story.said.is_empty() {
            (note(Mark::Unknown, &html! { p { (language.pick("署名付き記録がない。", "There is no receipt.")) } }))
        }
        @for said in &story.said { (receipt(said, language)) }
    }
}

fn told(told: &[Told], language: Language) -> Markup {
    let columns = [
        (language.pick("証跡", "Store of"), false),
        (language.pick("結果", "Outcome"), false),
        (language.pick("開始", "Opened"), false),
        (language.pick("印刷開始", "Printing began"), false),
        (language.pick("終了", "Ended"), false),
        (language.pick("警報", "Alarms"), false),
    ];
    let moment = |at: Option<u64>| at.map_or("–".into(), |at| language.moment_exactly(at));
    let rows: Vec<Markup> = told
        .iter()
        .map(|told| {
            let row = told.session.as_ref();
            html! {
                th.words scope="row" { @match &told.owner {
                    Some(owner) => { (language.role(owner.role)) br; span.event { (owner.station) } }
                    None => (language.pick("不明", "unknown")),
                } }
                td { (standing(Standing::of(row), language)) }
                td { (moment(row.map(|row| row.opened_unix_ms))) }
                td { (moment(row.and_then(|row| row.print_started_unix_ms))) }
                td { (moment(row.and_then(|row| row.ended).map(|(_, at)| at))) }
                td.words { @if told.alarms.is_empty() { "–" } @for alarm in &told.alarms {
                    p { (Mark::Alarm.sign()) " " (language.moment(alarm.raised_unix_ms)) " " (language.alarm(&alarm.what)) }
                } }
            }
        })
        .collect();
    let caption = match language {
        Language::Ja => "証跡ごとの記録（日本時間）",
        Language::En => "What each store records (UTC)",
    };
    table(caption, "told", &head(&columns), &rows)
}

fn spans(parts: &[Part<'_>], language: Language) -> Markup {
    let columns = [
        (language.pick("機器", "System"), false),
        (language.pick("状態", "State"), false),
        (language.pick("から", "From"), false),
        (language.pick("まで", "Until"), false),
        (language.pick("どう確かめられたか", "How its end was checked"), false),
    ];
    let row = |part: &Part<'_>, span: &Span<'_>| {
        html! {
            th.words scope="row" { (language.role(part.owner.role)) br; span.event { (part.owner.station) } }
            td.words.held { (held(span.held, language)) }
            td { (language.moment_exactly(span.from)) }
            @match span.end {
                Some(end) => {
                    td { (language.moment_exactly(end.event_unix_ms)) }
                    td.words { (language.event(end.event)) ": " (how(end, language)) }
                }
                None => {
                    td.nowrap { (Mark::Unknown.sign()) " " (language.pick("不明", "unknown")) }
                    td.words { (language.pick("終わりを述べた署名付き記録がない", "no receipt says that it ended")) }
                }
            }
        }
    };
    let rows: Vec<Markup> = parts.iter().flat_map(|part| part.spans.iter().map(move |span| row(part, span))).collect();
    let caption = match language {
        Language::Ja => "図と同じ内容（日本時間、各機器の時計による）",
        Language::En => "The same in words (UTC, by each station's own clock)",
    };
    table(caption, "told", &head(&columns), &rows)
}

fn how(statement: &Statement, language: Language) -> &'static str {
    match statement.method {
        Some(Method::OverwrittenReadBack) if statement.is_verified() => {
            language.pick("ゼロで上書きし、全バイトを読み戻した", "overwritten with zeros, every byte read back")
        }
        Some(Method::OverwrittenReadBack) => language.pick(
            "上書きしたが、読み戻しで確認できないものがある",
            "overwritten; not everything was read back as zeros",
        ),
        None => language.pick("上書きしたものはない", "nothing was overwritten"),
    }
}

fn unknown(story: &Story, parts: &[Part<'_>], language: Language) -> Markup {
    let mut not_covered: Vec<NotCovered> =
        story.said.iter().flat_map(|said| said.statement.not_covered.iter().copied()).collect();
    not_covered.sort_unstable();
    not_covered.dedup();
    html! {
        ul.points {
            @for (role, event) in &story.missing {
                li { (Mark::Unknown.sign()) div {
                    (language.role(*role)) (language.pick("の記録「", ": no receipt “")) (language.event(*event))
                    (language.pick("」が、読み取った証跡にない。", "” in the stores that were read."))
                } }
            }
            @for part in parts.iter().filter(|part| part.spans.iter().any(|span| span.end.is_none())) {
                li { (Mark::Unknown.sign()) div {
                    (language.role(part.owner.role)) " " (part.owner.station)
                    (language.pick("：保持がいつ終わったかの記録がない。", ": nothing says when its holding ended."))
                } }
            }
            @if story.unreadable > 0 {
                li { (Mark::Alarm.sign()) div {
                    (language.number(story.unreadable))
                    (language.pick(" 件の署名付き記録が読めないか、別のセッションのものである。", " receipts cannot be read or are about another session."))
                } }
            }
            @for problem in story.problems.iter().flatten() {
                li { (Mark::Alarm.sign()) div lang="en" { (problem) } }
            }
            @if !not_covered.is_empty() {
                li { (Mark::Neutral.sign()) div {
                    (language.pick("署名付き記録が対象外としているもの：", "What the receipts name as not covered: "))
                    (not_covered.into_iter().map(|what| language.not_covered(what)).collect::<Vec<_>>().join(language.pick("；", "; ")))
                    (language.pick("。", "."))
                } }
            }
        }
    }
}

/// One receipt as it stands.
fn receipt(said: &Said, language: Language) -> Markup {
    let of = &said.statement;
    let (mark, checked) = match said.verified {
        Some(true) => (Mark::InOrder, language.pick("署名を検証した", "signature verified")),
        Some(false) => (Mark::Alarm, language.pick("署名を認められない", "signature refused")),
        None => (Mark::Unknown, language.pick("署名は検証していない", "signature not checked")),
    };
    let term = |name: &'static str, content: Markup| html! { div { dt { (name) } dd { (content) } } };
    html! {
        div.receipt {
            h5 { (language.role(of.role)) span.event { (language.event(of.event)) } }
            p.state { (mark.sign()) " " (checked) }
            p.meaning { (language.event_meaning(of.event)) (language.pick("。", ".")) }
            dl.terms {
                (term(language.pick("機器", "Station"), html! { (of.station) " — " (of.operator) " — " (language.pick("責任部署 ", "post ")) (of.post) }))
                (term(language.pick("文書の種類", "Document kind"), html! { (of.kind) }))
                (term(language.pick("理由", "Cause"), html! { (language.cause(of.cause)) }))
                (term(language.pick("日時", "Time"), html! {
                    (language.moment_exactly(of.opened_unix_ms)) " → " (language.moment_exactly(of.event_unix_ms)) " " (language.zone())
                    @if let Some(ms) = of.duration_ms { " (" (language.duration(ms)) ")" }
                }))
                (term(language.pick("上書きしたもの", "Overwritten"), copies(of, language)))
                (term(language.pick("まだ保持するもの", "Still held"), retained(of, language)))
                (term(language.pick("ソフトウェア", "Software"), html! { "shokyo " (of.software) " — " (of.build) }))
            }
        }
    }
}

fn copies(of: &Statement, language: Language) -> Markup {
    html! {
        @if of.copies.is_empty() { (language.pick("この記録が請け合うものはない", "nothing that this receipt vouches for")) }
        @for copy in &of.copies {
            p {
                (language.class(copy.class))
                @match language {
                    Language::Ja => {
                        "：" (language.number(copy.verified)) " 領域をゼロと読み戻し、" (language.number(copy.failed)) " 領域は未確認。"
                        (language.number(copy.bytes)) " バイト以下"
                    }
                    Language::En => {
                        ": read back as zeros " (language.number(copy.verified)) ", not verified " (language.number(copy.failed))
                        "; at most " (language.number(copy.bytes)) " bytes"
                    }
                }
            }
        }
    }
}

fn retained(of: &Statement, language: Language) -> Markup {
    let nothing = of.event.claims_erasure();
    html! {
        @if of.retained.is_empty() {
            @if nothing { (language.pick("この機器が管理するものはない", "nothing that this station tracks")) }
            @else { (Mark::Unknown.sign()) " " (language.pick("不明", "unknown")) }
        }
        @for copy in &of.retained {
            p {
                (language.class(copy.class)) (language.pick("：遅くとも ", ", until "))
                (language.moment_exactly(copy.until_unix_ms)) (language.pick(" まで", " at the latest"))
            }
        }
    }
}
