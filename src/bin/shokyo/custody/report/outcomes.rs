//! Second section: how sessions ended, and alarms.

use maud::{Markup, html};
use shokyo::custody::report::{Attention, Standing, Summary, Tally};
use shokyo::types::Role;

use super::charts;
use super::page::Section;
use super::parts::{Mark, figure, head, note, short_identifier, standing, table};
use super::words::Language;

/// More rows than this are counted together.
const ROWS: usize = 25;

pub(crate) fn section(summary: &Summary, language: Language) -> Section {
    let content = html! {
        p { (language.pick(
            "各セッションは、読み取ったどの証跡にも同じ結果が記録されているとは限らない。ここでは最も不利な結果で1件と数える。",
            "The stores need not record the same outcome of a session. Here each session counts once, by the least favourable one.",
        )) }
        (charts::shares(summary, language))
        (outcomes(summary, language))
        (kinds(summary, language))
        h3 { (language.pick("警報", "Alarms")) }
        (alarms(summary, language))
        (attention(summary, language))
    };
    Section { name: "outcomes", title: language.pick("結果と警報", "Outcomes and alarms"), content }
}

fn outcomes(summary: &Summary, language: Language) -> Markup {
    let roles: Vec<Role> = Role::ALL.into_iter().filter(|role| summary.has_store_of(*role)).collect();
    // With stores of one role the column would repeat the total.
    let roles = if roles.len() > 1 { roles } else { Vec::new() };
    let mut columns = vec![
        (language.pick("結果", "Outcome").to_owned(), false),
        (language.pick("件数", "Sessions").to_owned(), true),
        (language.pick("割合", "Share").to_owned(), true),
    ];
    columns.extend(roles.iter().map(|role| (language.short_role(*role).to_owned(), true)));
    let total = summary.session_count();
    let rows: Vec<Markup> = Standing::ALL
        .into_iter()
        .rev()
        .map(|of| {
            let count = summary.with(of);
            let at = |role: &Role| -> u64 {
                let is = |store: &&shokyo::custody::report::StoreFacts| {
                    store.owner.as_ref().is_some_and(|owner| owner.role == *role)
                };
                summary.stores.iter().filter(is).filter_map(|store| store.sessions.get(&of)).sum()
            };
            html! {
                th scope="row" { (charts::swatch(of, language)) (standing(of, language)) p.meaning { (language.standing_meaning(of)) } }
                td.number { (figure(&format!("outcome-{}", of.name()), language.number(count))) }
                td.number { (language.share(count, total)) }
                @for role in &roles { td.number { (language.number(at(role))) } }
            }
        })
        .collect();
    let caption = match (roles.is_empty(), language) {
        (true, Language::Ja) => "結果別のセッション数",
        (false, Language::Ja) => "結果別のセッション数（右側は、それぞれの機器の証跡に記録された件数）",
        (true, Language::En) => "Sessions by outcome",
        (false, Language::En) => "Sessions by outcome; on the right, as the stores of each system record them",
    };
    table(caption, "outcomes", &head(&columns), &rows)
}

fn kinds(summary: &Summary, language: Language) -> Markup {
    counted(
        language.pick(
            "文書の種類別のセッション数（運用者による名称）",
            "Sessions by kind of document, as the operators name it",
        ),
        &[language.pick("種類", "Kind"), language.pick("件数", "Sessions")],
        "kind",
        &summary.kinds,
        language,
        |kind| html! { (kind) },
    )
}

fn alarms(summary: &Summary, language: Language) -> Markup {
    if summary.alarms.total() == 0 {
        return note(
            Mark::InOrder,
            &html! { p { (language.pick("警報は記録されていない。", "No alarm is recorded.")) } },
        );
    }
    html! {
        (note(Mark::Alarm, &html! { p {
            (language.pick("警報は、その後に成功しても消えない。警報が出たセッション：", "A later success does not clear an alarm. Sessions with alarms: "))
            (figure("alarmed", language.number(summary.alarmed)))
            (language.pick(" 件。うち、完了と記録されたもの：", "; of these, recorded as complete: "))
            (figure("alarmed-but-complete", language.number(summary.alarmed_but_complete)))
            (language.pick(" 件。それでも警報は残る。", ". Their alarms stand."))
        } }))
        (counted(
            language.pick("警報の内容別の件数", "Alarms by what happened"),
            &[language.pick("内容", "What happened"), language.pick("件数", "Alarms")],
            "alarm",
            &summary.alarms,
            language,
            |text| language.alarm(text),
        ))
    }
}

/// A table of words from stores, the most frequent first.
pub(crate) fn counted<T: Ord + Clone>(
    caption: &str,
    columns: &[&str; 2],
    name: &str,
    tally: &Tally<T>,
    language: Language,
    show: impl Fn(&T) -> Markup,
) -> Markup {
    let ranked = tally.ranked();
    let listed: u64 = ranked.iter().take(ROWS).map(|(_, count)| count).sum();
    let row = |words: &Markup, count: u64| {
        html! {
            th.words scope="row" { (words) }
            td.number { (figure(name, language.number(count))) }
        }
    };
    let mut rows: Vec<Markup> = ranked.iter().take(ROWS).map(|(thing, count)| row(&show(thing), *count)).collect();
    if tally.total() > listed {
        rows.push(row(&html! { (language.pick("その他", "others")) }, tally.total() - listed));
    }
    table(caption, "counted", &head(&[(columns[0], false), (columns[1], true)]), &rows)
}

fn attention(summary: &Summary, language: Language) -> Markup {
    if summary.attention.is_empty() {
        return html! {};
    }
    let row = |of: &Attention| {
        html! {
            th scope="row" { (short_identifier(of.session)) }
            td { (standing(of.standing, language)) }
            td.nowrap { @match of.opened_unix_ms { Some(ms) => (language.moment(ms)), None => "–" } }
            td.number { (language.number(of.alarms)) }
            td.number { (language.number(of.not_erased.0)) }
            td.number { (language.number(of.missing)) }
            td.number { (language.number(of.doubtful)) }
        }
    };
    let rows: Vec<Markup> = summary.attention.iter().map(row).collect();
    let caption = match language {
        Language::Ja => format!(
            "確かめるべきセッション（重いものから {} 件、全 {} 件）",
            rows.len(),
            language.number(summary.attention_total)
        ),
        Language::En => {
            format!("Sessions to look at: the {} gravest of {}", rows.len(), language.number(summary.attention_total))
        }
    };
    let columns = [
        (language.pick("セッション", "Session").to_owned(), false),
        (language.pick("結果", "Outcome").to_owned(), false),
        (format!("{} ({})", language.pick("開始", "Opened"), language.zone()), false),
        (language.pick("警報", "Alarms").to_owned(), true),
        (language.pick("上書き未確認", "Not erased").to_owned(), true),
        (language.pick("欠けた記録", "Missing").to_owned(), true),
        (language.pick("疑わしい記録", "Doubtful").to_owned(), true),
    ];
    html! {
        h3 { (language.pick("確かめるべきセッション", "Sessions to look at")) }
        (table(&caption, "attention", &head(&columns), &rows))
        p.small {
            (language.pick("1件の経過は ", "The course of one of them: "))
            code { "shokyo custody report STORE… --session " (language.pick("先頭の桁", "FIRST-DIGITS")) " --out FILE.html" }
        }
    }
}
