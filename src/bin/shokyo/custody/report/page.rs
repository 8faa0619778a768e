//! The page as a whole: two languages in one file, one of them shown, nothing that is fetched and nothing that runs.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use shokyo::custody::report::{Story, Summary};

use super::parts::figure;
use super::words::Language;
use super::{brief, charts, completeness, coverage, method, outcomes, promptness, session, stations};

const STYLE: &str = include_str!("page.css");
/// Nothing is loaded and no script runs, whatever a store brought along.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// What the page is made from.
pub(crate) struct Page<'a> {
    pub(crate) summary: &'a Summary,
    pub(crate) stories: &'a [Story],
    /// The names of the stores' files, in the summary's order.
    pub(crate) files: &'a [String],
    /// When the stores were read, in milliseconds since 1970-01-01 UTC.
    pub(crate) read_unix_ms: u64,
}

/// A section with its place in the table of contents.
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) content: Markup,
}

/// The whole page, showing `shown` first.
pub(crate) fn render(page: &Page<'_>, shown: Language) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang=(shown.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title(shown)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header.masthead {
                    span.brand { "shokyo" span.kanji lang="ja" { "消去" } }
                    fieldset.languages {
                        legend { span lang="ja" { "言語" } " / " span lang="en" { "Language" } }
                        (choice(Language::Ja, shown, "日本語"))
                        (choice(Language::En, shown, "English"))
                    }
                }
                main {
                    (article(page, Language::Ja))
                    (article(page, Language::En))
                }
            }
        }
    };
    markup.into_string()
}

const fn title(language: Language) -> &'static str {
    language.pick("消去の証跡に関する報告書", "Report on the evidence of erasure")
}

fn choice(language: Language, shown: Language, name: &str) -> Markup {
    let id = format!("show-{}", language.tag());
    html! {
        input type="radio" name="language" id=(id) checked[language == shown];
        label for=(id) lang=(language.tag()) { (name) }
    }
}

fn article(page: &Page<'_>, language: Language) -> Markup {
    let sections = sections(page, language);
    let id = |section: &Section| format!("{}-{}", language.tag(), section.name);
    html! {
        article lang=(language.tag()) class=(language.tag()) {
            (charts::patterns(language))
            header.title {
                h1 { (title(language)) }
                p.lead { (language.pick(
                    "住民票の写しなどの文書が、どの機器で、いつまで読める状態にあり、何が上書きされ、どう確かめられたか。\
                     そして、何が分からないか。",
                    "On which systems a document could be read and until when, what was overwritten, how that was checked, \
                     and what is unknown.",
                )) }
                (facts(page, language))
            }
            nav aria-label=(language.pick("目次", "Contents")) {
                ol { @for section in &sections { li { a href={ "#" (id(section)) } { (section.title) } } } }
            }
            @for (number, section) in sections.iter().enumerate() {
                section id=(id(section)) aria-labelledby={ (id(section)) "-title" } class=(section.name) {
                    h2 id={ (id(section)) "-title" } { span.ordinal { (number + 1) } (section.title) }
                    (section.content)
                }
            }
            footer {
                p { (language.pick(
                    "この報告書と、もとになる証跡は、個人情報、文書の内容、文書のハッシュ値、鍵を含まないように設計されている。",
                    "This report and the stores that it was made from are designed to hold no personal data, no content or digest of a \
                     document, and no key.",
                )) }
                p { "shokyo " (env!("CARGO_PKG_VERSION")) }
            }
        }
    }
}

/// What was read, when, and what it covers.
fn facts(page: &Page<'_>, language: Language) -> Markup {
    let summary = page.summary;
    html! {
        dl.facts {
            div {
                dt { (language.pick("読み取り日時", "Stores read")) }
                dd { span.nowrap { (language.moment(page.read_unix_ms)) } " " span.nowrap { (language.zone()) } }
            }
            div {
                dt { (language.pick("対象期間（開始日時）", "Sessions opened")) }
                dd {
                    @match summary.opened_unix_ms {
                        Some((first, last)) => {
                            span.nowrap { (language.day(first)) }
                            @if language.day(first) != language.day(last) { " – " span.nowrap { (language.day(last)) } }
                            " " span.nowrap { (language.zone()) }
                        }
                        None => { (language.pick("記録なし", "none recorded")) }
                    }
                }
            }
            div {
                dt { (language.pick("読み取った証跡ファイル", "Stores")) }
                dd { (figure("stores", language.number(summary.stores.len() as u64))) }
            }
            div {
                dt { (language.pick("署名の検証", "Signatures")) }
                dd { (match summary.signatures {
                    Some(_) => language.pick("この報告書で検証した", "checked for this report"),
                    None => language.pick("この報告書では検証していない", "not checked for this report"),
                }) }
            }
        }
    }
}

fn sections(page: &Page<'_>, language: Language) -> Vec<Section> {
    let summary = page.summary;
    let mut sections = vec![
        brief::section(summary, language),
        outcomes::section(summary, language),
        promptness::section(summary, language),
        completeness::section(summary, language),
        coverage::section(summary, language),
        stations::section(page, language),
    ];
    if !page.stories.is_empty() {
        sections.push(session::section(page.stories, language));
    }
    sections.push(method::section(summary, language));
    sections
}
