//! Sixth section: whose stores were read, who made receipts, and with which builds.

use maud::{Markup, html};
use shokyo::custody::report::Summary;

use super::outcomes::counted;
use super::page::{Page, Section};
use super::parts::{Mark, figure, head, note, table};
use super::words::Language;

/// More stores than this are not listed one by one.
const ROWS: usize = 40;

pub(crate) fn section(page: &Page<'_>, language: Language) -> Section {
    let content = html! {
        (stores(page, language))
        (counted(
            language.pick("署名付き記録を作った運用者", "Operators whose stations made receipts"),
            &[language.pick("機器・運用者", "System and operator"), language.pick("件数", "Receipts")],
            "operator",
            &page.summary.operators,
            language,
            |(role, operator)| html! { (language.role(*role)) " — " (operator) },
        ))
        (builds(page.summary, language))
    };
    Section { name: "stations", title: language.pick("機器とソフトウェア", "Stations and software"), content }
}

fn stores(page: &Page<'_>, language: Language) -> Markup {
    let all = &page.summary.stores;
    let rows: Vec<Markup> = page
        .files
        .iter()
        .zip(all)
        .take(ROWS)
        .map(|(file, store)| {
            html! {
                th.words scope="row" { (file) }
                @match &store.owner {
                    Some(owner) => {
                        td { (language.role(owner.role)) }
                        td.words { (owner.station) }
                        td.words { (owner.operator) }
                    }
                    None => {
                        td { (Mark::Unknown.sign()) " " (language.pick("不明", "unknown")) }
                        td { "–" }
                        td { "–" }
                    }
                }
                td.number { (language.number(store.sessions.values().sum())) }
                td.number { (language.number(store.own_receipts)) }
                td.number { (language.number(store.peer_receipts)) }
                td.number { (language.number(store.alarms)) }
            }
        })
        .collect();
    let columns = [
        (language.pick("ファイル", "File"), false),
        (language.pick("機器", "System"), false),
        (language.pick("名称", "Station"), false),
        (language.pick("運用者", "Operator"), false),
        (language.pick("セッション", "Sessions"), true),
        (language.pick("自らの記録", "Own receipts"), true),
        (language.pick("他機器の記録", "Others' receipts"), true),
        (language.pick("警報", "Alarms"), true),
    ];
    html! {
        (table(language.pick("読み取った証跡", "Stores that were read"), "stores", &head(&columns), &rows))
        (expired(page.summary, language))
        @if all.len() > ROWS {
            p.small { (language.pick("ほかに ", "and ")) (language.number((all.len() - ROWS) as u64)) (language.pick(" 件", " more")) }
        }
    }
}

/// What retention deleted is in no number of the page, which says so.
fn expired(summary: &Summary, language: Language) -> Markup {
    let all = || summary.stores.iter().map(|store| store.expired);
    let Some(before) = all().map(|expired| expired.before_unix_ms).max().filter(|before| *before > 0) else {
        return html! {};
    };
    let sum = |of: fn(shokyo::custody::report::Expiries) -> u64| language.number(all().map(of).sum());
    note(
        Mark::Neutral,
        &html! { p {
            (language.pick("保存期間を過ぎて削除されたもの（終了日時の上限 ", "Deleted after the configured period (ended before "))
            (language.moment(before)) " " (language.zone())
            (language.pick("）：セッション ", "): "))
            (figure("expired-sessions", sum(|expired| expired.sessions)))
            (language.pick(" 件、署名付き記録 ", " sessions, "))
            (figure("expired-receipts", sum(|expired| expired.receipts)))
            (language.pick(" 件、警報 ", " receipts, "))
            (figure("expired-alarms", sum(|expired| expired.alarms)))
            (language.pick(" 件。この報告書のほかの数字には含まれない。", " alarms, as the stores count them. They are in no other number of this report."))
        } },
    )
}

fn builds(summary: &Summary, language: Language) -> Markup {
    let mut rows: Vec<Markup> = summary
        .builds
        .iter()
        .map(|((software, build), of)| html! {
            th.words scope="row" { "shokyo " (software) }
            td.words { (build) }
            td.words { (of.roles.iter().map(|role| language.role(role)).collect::<Vec<_>>().join(language.pick("、", ", "))) }
            td.number { (figure("build", language.number(of.receipts))) }
            td.nowrap { (language.day(of.unix_ms.0)) " – " (language.day(of.unix_ms.1)) }
        })
        .collect();
    if summary.other_builds > 0 {
        rows.push(html! {
            th scope="row" { (language.pick("その他", "others")) }
            td { "–" }
            td { "–" }
            td.number { (language.number(summary.other_builds)) }
            td { "–" }
        });
    }
    let columns = [
        (language.pick("ソフトウェア", "Software"), false),
        (language.pick("ビルド", "Build"), false),
        (language.pick("機器", "Systems"), false),
        (language.pick("件数", "Receipts"), true),
        (language.pick("期間", "From – to"), false),
    ];
    table(
        language.pick("署名付き記録を作ったソフトウェア", "Builds that made receipts"),
        "builds",
        &head(&columns),
        &rows,
    )
}
