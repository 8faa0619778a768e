//! Fourth section: whether the evidence is all there, and whether its signatures were checked.

use maud::{Markup, html};
use shokyo::custody::report::{EXPECTED, Signatures, Summary};
use shokyo::types::Role;

use super::outcomes::counted;
use super::page::Section;
use super::parts::{Mark, figure, head, note, table};
use super::words::Language;

pub(crate) fn section(summary: &Summary, language: Language) -> Section {
    let content = html! {
        p { (language.pick(
            "受渡しが完了すると、4つの機器は5つの署名付き記録を残す。自動交付システムはそのすべてを集めてから完了とする。\
             ほかの機器の証跡には、その機器自身の記録だけがある。",
            "A completed handover leaves five receipts of four systems. The issuing system collects all of them before it records the \
             session as complete; the stores of the others hold their own.",
        )) }
        @if !summary.has_store_of(Role::Issuer) && !summary.stores.is_empty() {
            (note(Mark::Unknown, &html! { p { (language.pick(
                "自動交付システムの証跡を読んでいないため、ほかの機器の記録が出そろったかどうかは、ここでは分からない。",
                "No store of an issuing system was read, so that whether the receipts of the other systems are there is unknown here.",
            )) } }))
        }
        (expected(summary, language))
        h3 { (language.pick("署名", "Signatures")) }
        @match &summary.signatures {
            Some(signatures) => (checked(signatures, language)),
            None => (note(Mark::Unknown, &html! { p { (language.pick(
                "この報告書では署名を検証していない。上の表は、記録が何を名乗っているかだけを数えている。",
                "Signatures were not checked for this report. The table above counts receipts by what they claim to be.",
            )) } })),
        }
        (said(summary, language))
    };
    Section {
        name: "completeness",
        title: language.pick("証跡はそろっているか", "Is the evidence all there?"),
        content,
    }
}

fn expected(summary: &Summary, language: Language) -> Markup {
    let found = &summary.completeness;
    let rows: Vec<Markup> = EXPECTED
        .iter()
        .enumerate()
        .map(|(index, (role, event))| {
            let (expected, missing) = (found.expected[index], found.missing[index]);
            let name = |figure: &str| format!("{}-{}-{figure}", role.name(), event.name());
            let mark = match (expected, missing) {
                (0, _) => Mark::Unknown,
                (_, 0) => Mark::InOrder,
                _ => Mark::Alarm,
            };
            let words = match mark {
                Mark::Unknown => language.pick("ここでは不明", "unknown here"),
                Mark::InOrder => language.pick("そろっている", "all there"),
                _ => language.pick("欠けている", "missing"),
            };
            html! {
                th scope="row" { (language.role(*role)) }
                td.words { strong { (language.event(*event)) } br; (language.event_meaning(*event)) }
                td.number { (figure(&name("expected"), language.number(expected))) }
                td.number { (figure(&name("missing"), language.number(missing))) }
                td.nowrap { (mark.sign()) " " (words) }
            }
        })
        .collect();
    let columns = [
        (language.pick("機器", "System"), false),
        (language.pick("述べること", "What the receipt claims"), false),
        (language.pick("あるべき件数", "Expected"), true),
        (language.pick("欠けた件数", "Missing"), true),
        ("", false),
    ];
    let caption = match language {
        Language::Ja => format!(
            "完了したセッションの署名付き記録：{} 件中 {} 件で出そろっている",
            language.number(found.sessions),
            language.number(found.whole)
        ),
        Language::En => format!(
            "Receipts of sessions that are recorded as complete: all there in {} of {}",
            language.number(found.whole),
            language.number(found.sessions)
        ),
    };
    let head = html! {
        (head(&columns[..4]))
        th scope="col" { (language.pick("判定", "Finding")) }
    };
    table(&caption, "expected", &head, &rows)
}

fn checked(signatures: &Signatures, language: Language) -> Markup {
    let mark =
        if signatures.refused == 0 && signatures.complete == signatures.sessions { Mark::InOrder } else { Mark::Alarm };
    html! {
        (note(mark, &html! { p {
            (language.pick("検証できた署名：", "Receipts whose signatures verify: "))
            (figure("verified", language.number(signatures.verified)))
            (language.pick(" 件、認められなかったもの：", "; refused: "))
            (figure("refused", language.number(signatures.refused)))
            (language.pick(" 件。5つの記録がすべてあり、検証でき、互いに矛盾しないセッション：", ". Sessions in which all five are there, verify, and contradict no other: "))
            (figure("checked-complete", language.number(signatures.complete)))
            " / "
            (figure("checked-sessions", language.number(signatures.sessions)))
            (language.pick("。", "."))
        } }))
        @if signatures.problems.total() > 0 {
            (counted(
                language.pick("検証で見つかったこと（英語の文のまま）", "What the check found"),
                &[language.pick("内容", "Problem"), language.pick("件数", "Times")],
                "problem",
                &signatures.problems,
                language,
                |problem| html! { span lang="en" { (problem) } },
            ))
        }
    }
}

/// Everything that was read, by role and claim.
fn said(summary: &Summary, language: Language) -> Markup {
    let rows: Vec<Markup> = summary
        .receipts
        .iter()
        .map(|((role, event), count)| {
            html! {
                th scope="row" { (language.role(*role)) }
                td { (language.event(*event)) }
                td.number { (figure(&format!("receipts-{}-{}", role.name(), event.name()), language.number(*count))) }
            }
        })
        .collect();
    if rows.is_empty() {
        return html! {};
    }
    let columns = [
        (language.pick("機器", "System"), false),
        (language.pick("述べたこと", "What it says"), false),
        (language.pick("件数", "Receipts"), true),
    ];
    let caption = language.pick(
        "読み取った署名付き記録のすべて（複数の証跡にあるものは1件）",
        "All receipts that were read; one that several stores hold counts once",
    );
    table(caption, "said", &head(&columns), &rows)
}
