//! Last section: how each number comes about, and how to check it without this software.

use maud::{Markup, html};
use shokyo::custody::report::Summary;

use super::page::Section;
use super::words::Language;

pub(crate) fn section(summary: &Summary, language: Language) -> Section {
    let content = html! {
        dl.terms { @for (term, text) in terms(language) { div { dt { (term) } dd { (text) } } } }
        h3 { (language.pick("自分で確かめるには", "Check it yourself")) }
        p { (language.pick(
            "証跡は機器ごとに一つのSQLiteファイルで、どのSQLiteソフトでも読める。署名付き記録はCOSE_Sign1（RFC 9052）、\
             署名はEd25519（RFC 8032）。形式は docs/receipts.md、数え方は docs/report.md に示す。",
            "A store is one SQLite file a station and opens in any SQLite client. A receipt is COSE_Sign1 (RFC 9052), signed with \
             Ed25519 (RFC 8032). docs/receipts.md gives the formats, docs/report.md how each number is computed.",
        )) }
        p data-note="deletions" { (language.pick(
            "この報告書は、証跡にあるものだけを数え、削除や書換えの有無は調べていない。証跡の削除防止（トリガー）は誤操作を防ぐだけで、\
             ファイルを書き換えられる者は外せる。削除や書換えを見つけるのは shokyo custody verify である。",
            "This report counts what is in the stores and did not look for deletions or changes. The guards in a store (triggers) stop \
             mistakes only: whoever can write the file can remove them. Finding deletions and changes is the work of shokyo custody verify.",
        )) }
        (commands(summary, language))
    };
    Section { name: "method", title: language.pick("数え方と確かめ方", "How it was computed"), content }
}

fn terms(language: Language) -> [(&'static str, &'static str); 6] {
    [
        (
            language.pick("セッション", "Session"),
            language.pick(
                "1回の受渡し。32バイトの乱数由来の識別子で呼び、個人とは結び付かない。",
                "One handover, named by 32 bytes that come from random numbers and point to nobody.",
            ),
        ),
        (
            language.pick("署名付き記録", "Receipt"),
            language.pick(
                "一つの機器が一つのセッションについて署名した主張。何を上書きし、何をまだ持ち、何を知らないかを述べる。",
                "One station's signed claim about one session: what it overwrote, what it still holds, what it does not know.",
            ),
        ),
        (
            language.pick("中央値、p95、p99", "Median, p95, p99"),
            language.pick(
                "順位法による。2秒までは1ミリ秒単位、それより長いものは0.1 %未満の幅で切り上げる。最長は正確な値。",
                "By nearest rank: to the millisecond up to two seconds, above rounded up by less than 0.1 %. The longest is exact.",
            ),
        ),
        (
            language.pick("警報", "Alarm"),
            language.pick(
                "人が確かめるべき出来事。後に成功しても消えない。保存期間を過ぎると、セッションの他の記録とともに削除される。",
                "Something that a person must look at. No later success clears it. Retention deletes it with the rest of its session.",
            ),
        ),
        (
            language.pick("欠けた記録", "Missing receipts"),
            language.pick(
                "完了と記録されたセッションについて、その証跡にあるはずの記録がないもの。",
                "Receipts that the store of a session recorded as complete should hold, and does not.",
            ),
        ),
        (
            language.pick("疑わしい記録", "Doubtful receipts"),
            language.pick(
                "読めない、別のセッションのもの、横の列と食い違う、または信頼する鍵で認められないもの。",
                "Those that cannot be read, are about another session, contradict the columns beside them, or are refused with the keys.",
            ),
        ),
    ]
}

fn commands(summary: &Summary, language: Language) -> Markup {
    let checks = [
        (
            "sqlite3 -readonly STORE \"SELECT outcome, count(*) FROM sessions GROUP BY outcome\"",
            language.pick(
                "結果別の件数（1 完了、2 交付せず終了、3 結果不明、4 中断）",
                "sessions by outcome: 1 complete, 2 ended, 3 unresolved, 4 lost",
            ),
        ),
        (
            "sqlite3 -readonly STORE \"SELECT what, count(*) FROM alarms GROUP BY what\"",
            language.pick("警報の件数", "alarms"),
        ),
        (
            "shokyo custody sessions STORE --open",
            language.pick("結果が未記録のセッション", "sessions without an outcome"),
        ),
        (
            "shokyo custody verify --help",
            language.pick("証跡全体と署名の検証", "how to check the whole log and its signatures"),
        ),
    ];
    html! {
        dl.commands { @for (command, what) in checks { div { dt { code { (command) } } dd { (what) } } } }
        @if summary.signatures.is_none() {
            p.small { (language.pick(
                "この報告書は署名も検証していない。",
                "Nor did this report check any signature.",
            )) }
        }
    }
}
