//! First section: the few numbers that matter, and what a person must look at.

use maud::{Markup, html};
use shokyo::custody::report::{Standing, Summary};
use shokyo::receipt::Event;
use shokyo::types::Role;

use super::page::Section;
use super::parts::{Mark, figure, note};
use super::words::Language;

pub(crate) fn section(summary: &Summary, language: Language) -> Section {
    let points = points(summary, language);
    let content = html! {
        div.tiles { (tiles(summary, language)) }
        h3 { (language.pick("人が確かめるべき点", "What a person should look at")) }
        @if points.is_empty() {
            (note(Mark::InOrder, &html! { p { (language.pick(
                "この報告書が調べる問題は、読み取った証跡の中には見つからなかった。対象外の事項は第5章に示す。",
                "None of the problems that this report looks for was found in these stores. Section 5 says what is not covered.",
            )) } }))
        } @else {
            ul.points { @for (mark, point) in &points { li { (mark.sign()) div { (point) } } } }
        }
        (signatures(summary, language))
        (note(Mark::Neutral, &html! { p { (language.pick(
            "この報告書が示すのは、各機器が署名して主張したこと、すなわち、どこで何を上書きし、どう確かめたか、である。\
             署名は「誰が主張したか」を示すもので、それが実際に起きたことまでは証明しない。ほかに写しがないことも示せない。",
            "What this report shows is what the stations claim and sign: what was overwritten, where, and how it was checked. A \
             signature proves who claimed it, not that it happened, and no report can show that there is no other copy.",
        )) } }))
    };
    Section { name: "brief", title: language.pick("要点", "In brief"), content }
}

fn tiles(summary: &Summary, language: Language) -> Markup {
    let sessions = summary.session_count();
    let complete = summary.with(Standing::Complete);
    let unknown = summary.with(Standing::Lost) + summary.with(Standing::Unresolved);
    let whole = &summary.completeness;
    let kiosk = summary.promptness.get(&(Role::Kiosk, Event::Erased));
    let percentile = kiosk.and_then(|kiosk| kiosk.times.percentile_ms(99));
    let longest = kiosk.and_then(|kiosk| kiosk.times.longest_ms());
    let n = |number| language.number(number);
    let attention = |count: u64, mark| if count > 0 { mark } else { Mark::InOrder };
    html! {
        (tile(Mark::Neutral, language.pick("セッション（1回の受渡し）", "Sessions (handovers)"), "sessions", &n(sessions), &language.pick(
            "複数の証跡にあっても1件と数える", "each once, however many stores hold it").into()))
        (tile(Mark::InOrder, language.standing(Standing::Complete), "complete", &n(complete), &match language {
            Language::Ja => format!("全体の {}", language.share(complete, sessions)),
            Language::En => format!("{} of all", language.share(complete, sessions)),
        }))
        (tile(attention(unknown, Mark::Unknown), language.pick("中断・結果不明", "Lost or unresolved"), "unknown", &n(unknown),
            &language.pick("状態を知り得ないもの", "their state cannot be known").into()))
        (tile(attention(summary.alarms.total(), Mark::Alarm), language.pick("警報", "Alarms"), "alarms", &n(summary.alarms.total()),
            &match language {
                Language::Ja => format!("{} 件のセッション。後の成功では消えない", n(summary.alarmed)),
                Language::En => format!("in {} sessions; no later success clears one", n(summary.alarmed)),
            }))
        (tile(attention(whole.sessions - whole.whole, Mark::Alarm), language.pick("記録が出そろったもの", "All receipts there"),
            "whole", &language.share(whole.whole, whole.sessions), &match language {
                Language::Ja => format!("{} 件中 {} 件", n(whole.sessions), n(whole.whole)),
                Language::En => format!("{} of {} sessions", n(whole.whole), n(whole.sessions)),
            }))
        (tile(Mark::Neutral, language.pick("キオスク端末の消去まで", "Kiosk: until erased"), "kiosk-p99",
            &percentile.map_or("–".into(), |ms| language.duration(ms)), &match (language, longest) {
                (Language::Ja, Some(ms)) => format!("99 % がこの時間以内。最長 {}", language.duration(ms)),
                (Language::En, Some(ms)) => format!("99 % within; longest {}", language.duration(ms)),
                (_, None) => language.pick("記録なし", "no receipt read").into(),
            }))
    }
}

fn tile(mark: Mark, title: &str, name: &str, value: &str, more: &String) -> Markup {
    html! {
        div class={ "tile " (mark.class()) } {
            p.name { (mark.sign()) " " (title) }
            p.value { (figure(name, value)) }
            p.more { (more) }
        }
    }
}

/// Each problem that was found, in a sentence with its number.
fn points(summary: &Summary, language: Language) -> Vec<(Mark, Markup)> {
    let foreign = summary.stores.iter().map(|store| store.foreign_receipts).sum();
    let whole = &summary.completeness;
    let candidates = [
        (
            Mark::Alarm,
            "not-erased",
            summary.saying(Event::NotErased),
            language.pick(
                "件の署名付き記録が「上書きを確認できず」としている。その写しは残っている可能性がある。",
                "receipts say that a copy could not be shown to be overwritten. It may still exist.",
            ),
        ),
        (
            Mark::Alarm,
            "lost",
            summary.with(Standing::Lost),
            language.pick(
                "件のセッションが中断した。停止したプログラムのメモリに何が残ったかは不明。",
                "sessions were lost. What the memory of the ended process held is unknown.",
            ),
        ),
        (
            Mark::Unknown,
            "unresolved",
            summary.with(Standing::Unresolved),
            language.pick(
                "件のセッションの結果が不明。交付されたともされなかったとも言えない。",
                "sessions are unresolved. They can be called neither delivered nor undelivered.",
            ),
        ),
        (
            Mark::Unknown,
            "unrecorded",
            summary.with(Standing::Unrecorded),
            language.pick(
                "件のセッションに開始の記録がない。",
                "sessions have receipts or alarms and no record that they were opened.",
            ),
        ),
        (
            Mark::Alarm,
            "alarmed",
            summary.alarmed,
            language.pick("件のセッションで警報が出た（第2章）。", "sessions raised alarms (section 2)."),
        ),
        (
            Mark::Alarm,
            "not-whole",
            whole.sessions - whole.whole,
            language.pick(
                "件の完了セッションで、あるべき署名付き記録が欠けている（第4章）。",
                "sessions that are recorded as complete lack receipts that should be there (section 4).",
            ),
        ),
        (
            Mark::Alarm,
            "unreadable",
            summary.unreadable,
            language.pick("件の署名付き記録が読めない。", "receipts cannot be read."),
        ),
        (
            Mark::Alarm,
            "contradictory",
            summary.contradictory,
            language.pick(
                "件の署名付き記録が、保存された列または保存先のセッションと食い違う。",
                "receipts contradict the columns beside them or the session that they are stored with.",
            ),
        ),
        (
            Mark::Alarm,
            "foreign",
            foreign,
            language.pick(
                "件の署名付き記録が、その証跡の持ち主でない機器のものなのに自分のものとして保存されている。",
                "receipts are stored as a station's own and name another station.",
            ),
        ),
        (
            Mark::Unknown,
            "still-held",
            summary.still_held,
            language.pick(
                "件のセッションで、機器がまだ写しを持つと述べ、その後の上書きの記録がない。",
                "sessions in which a station said that it still held a copy, and no receipt of its erasure followed.",
            ),
        ),
        (
            Mark::Unknown,
            "contradicted",
            summary.contradicted,
            language.pick(
                "件のセッションで、証跡ごとに結果が異なる。",
                "sessions are recorded with different outcomes by different stores.",
            ),
        ),
        (
            Mark::Alarm,
            "lent",
            summary.lent_too_long,
            language.pick(
                "件の署名付き記録が、平文の表示窓が期限を越えて貸し出されたと述べている。",
                "receipts say that a window onto plaintext was lent beyond its deadline.",
            ),
        ),
        (
            Mark::Alarm,
            "forgotten",
            summary.saying(Event::Forgotten),
            language
                .pick("件で、印刷された紙がキオスク端末に残された。", "printed documents were left behind at a kiosk."),
        ),
        (
            Mark::Alarm,
            "refused",
            summary.signatures.as_ref().map_or(0, |signatures| signatures.refused),
            language.pick(
                "件の署名付き記録が、信頼する鍵では認められなかった（第4章）。",
                "receipts were not accepted with the trusted keys (section 4).",
            ),
        ),
    ];
    let shown = |(mark, name, count, text): (Mark, &'static str, u64, &'static str)| {
        let number = figure(&format!("point-{name}"), language.number(count));
        (count > 0).then(|| (mark, html! { strong { (number) } " " (text) }))
    };
    candidates.into_iter().filter_map(shown).collect()
}

fn signatures(summary: &Summary, language: Language) -> Markup {
    match &summary.signatures {
        Some(signatures) if signatures.refused == 0 => note(
            Mark::InOrder,
            &html! { p {
                (language.pick("信頼する鍵で検証した署名：", "Signatures verified with the trusted keys: "))
                (figure("signatures-verified", language.number(signatures.verified)))
                (language.pick(" 件。認められなかったものはない。", ". None was refused."))
            } },
        ),
        Some(signatures) => note(
            Mark::Alarm,
            &html! { p {
                (language.pick("信頼する鍵で検証した署名：", "Signatures verified with the trusted keys: "))
                (figure("signatures-verified", language.number(signatures.verified)))
                (language.pick(" 件。認められなかったもの：", ". Refused: "))
                (figure("signatures-refused", language.number(signatures.refused)))
                (language.pick(" 件。", "."))
            } },
        ),
        None => note(
            Mark::Unknown,
            &html! { p {
                strong { (language.pick("署名は検証していない。", "No signature was checked here. ")) }
                (language.pick(
                    "以下の数字は、署名付き記録に書かれた内容をそのまま数えたものである。署名は次の命令で検証できる：",
                    "The numbers below count what the receipts say as they stand. These commands check the signatures: ",
                ))
                code { "shokyo custody verify" }
                (language.pick("、または ", ", or "))
                code { "shokyo custody report --trust FILE --certificate FILE" }
                (language.pick("。", "."))
            } },
        ),
    }
}
