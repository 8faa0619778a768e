//! Fifth section: what the receipts say nothing about, and under which protections they were made.

use std::collections::BTreeSet;

use maud::{Markup, html};
use shokyo::custody::report::Summary;
use shokyo::types::Role;

use super::page::Section;
use super::parts::{figure, head, table};
use super::words::Language;

pub(crate) fn section(summary: &Summary, language: Language) -> Section {
    let content = html! {
        p { (language.pick(
            "署名付き記録は、それが対象としないものを自ら挙げている。以下は「消去されていない」のではなく「分からない」ものである。",
            "Each receipt names what it does not cover. What stands here was not found to remain: it is unknown.",
        )) }
        (not_covered(summary, language))
        h3 { (language.pick("どの報告書にも言えないこと", "What no report can say")) }
        ul {
            li { (language.pick(
                "上書きの確認とは、プロセッサーから見える値がすべてゼロであったことの確認である。媒体の素子の状態ではない。",
                "“Checked” means that every byte read back as zero in the processor's coherent view, not how the cells of a medium stand.",
            )) }
            li { (language.pick(
                "印刷された紙、紙の裁断、要員、建物、媒体の廃棄は、ソフトウェアの記録では示せない。",
                "Paper and its shredding, people, buildings and the disposal of media are beyond what records of software can show.",
            )) }
            li { (language.pick(
                "時刻は各機器自身の時計による。異なる機器の時計は比較していない。",
                "Times are by each station's own clock. The clocks of different stations are not compared.",
            )) }
        }
        (protections(summary, language))
    };
    Section { name: "coverage", title: language.pick("対象外のこと", "What is not covered"), content }
}

fn not_covered(summary: &Summary, language: Language) -> Markup {
    let rows: Vec<Markup> = summary
        .not_covered
        .iter()
        .map(|(what, counts)| {
            html! {
                th.words scope="row" { (language.not_covered(*what)) }
                @for (role, count) in Role::ALL.iter().zip(counts) {
                    td.number { @if *count > 0 {
                        (figure(&format!("not-covered-{}-{}", *what as u8, role.name()), language.number(*count)))
                    } @else { "–" } }
                }
            }
        })
        .collect();
    if rows.is_empty() {
        return html! { p { (language.pick("署名付き記録がない。", "No receipt was read.")) } };
    }
    let mut columns = vec![(language.pick("対象外", "Not covered"), false)];
    columns.extend(Role::ALL.map(|role| (language.short_role(role), true)));
    let caption =
        language.pick("これを対象外とした署名付き記録の件数", "Receipts that name it as not covered, by system");
    table(caption, "covered", &head(&columns), &rows)
}

fn protections(summary: &Summary, language: Language) -> Markup {
    let names: BTreeSet<&str> = summary.protections.values().flat_map(|of| of.active.keys().copied()).collect();
    if names.is_empty() {
        return html! {};
    }
    let rows: Vec<Markup> = names
        .into_iter()
        .map(|name| {
            html! {
                th.words scope="row" { (meaning(name, language)) " " code { (name) } }
                @for role in Role::ALL {
                    td.number { @match summary.protections.get(&role) {
                        Some(of) => { (language.share(of.active.get(name).copied().unwrap_or(0), of.receipts)) }
                        None => "–",
                    } }
                }
            }
        })
        .collect();
    let mut columns = vec![(language.pick("メモリの保護", "Protection of memory"), false)];
    columns.extend(Role::ALL.map(|role| (language.short_role(role), true)));
    let caption = language.pick(
        "上書きを述べた署名付き記録のうち、その保護が有効であったものの割合",
        "Share of the receipts that claim an erasure in which a protection was active",
    );
    table(caption, "covered", &head(&columns), &rows)
}

fn meaning(name: &str, language: Language) -> &'static str {
    match name {
        "LOCKED" => language.pick("スワップに書き出されない", "never written to swap"),
        "FRAME_PINNED" => {
            language.pick("移動されず、OSの直接参照から外れている", "not moved, and out of the kernel's direct map")
        }
        "GUARDED" => language.pick("前後に参照不可のページがある", "between inaccessible pages"),
        "NO_DUMP" => language.pick("コアダンプに含まれない", "left out of core dumps"),
        "NOT_INHERITED" => language.pick("子プロセスに引き継がれない", "not inherited by child processes"),
        "CANARY" => language.pick("境界を越えた書込みを検出する", "writes beyond its ends are detected"),
        "CLEAN_ROOM" => {
            language.pick("鍵の演算は固定領域で行い、後で上書きする", "keys are used on a locked stack that is wiped")
        }
        "REGISTERS_SCRUBBED" => language.pick("演算の後にレジスターを消す", "registers are cleared after each use"),
        "ALTSTACK_COVERED" => language.pick("シグナル用スタックも上書きする", "signal stacks are wiped too"),
        _ => language.pick("その他", "other"),
    }
}
