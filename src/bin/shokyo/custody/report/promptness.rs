//! Third section: what "promptly" was in seconds.

use maud::{Markup, html};
use shokyo::custody::report::{CLASSES_MS, Promptness, Summary};
use shokyo::receipt::Event;
use shokyo::types::Role;

use super::charts;
use super::page::Section;
use super::parts::{Mark, figure, head, note, table};
use super::words::Language;

/// The limits in the table, as numbers of classes: 10 seconds, 1 minute, 5 minutes.
const LIMITS: [usize; 3] = [9, 12, 14];
const _: () = assert!(CLASSES_MS[9] == 10_000 && CLASSES_MS[12] == 60_000 && CLASSES_MS[14] == 300_000);

type Of<'a> = (&'a (Role, Event), &'a Promptness);

pub(crate) fn section(summary: &Summary, language: Language) -> Section {
    let all: Vec<Of<'_>> = summary.promptness.iter().collect();
    let content = html! {
        p { (language.pick(
            "「速やかに消去」を秒で示す。署名付き記録ごとに、その機器がセッションを始めてから上書きを確かめるまでの時間を、\
             休止中も進む時計で測ったもの。利用者の操作、支払い、印刷にかかる時間を含む。",
            "“Promptly”, in seconds: for each receipt, the time from when its station opened the session until it had checked the \
             overwriting, on a clock that goes on while the machine is suspended. It includes the customer's time, payment and printing.",
        )) }
        @if all.is_empty() {
            (note(Mark::Unknown, &html! { p { (language.pick("上書きを述べた署名付き記録がない。", "No receipt that claims an erasure was read.")) } }))
        } @else {
            (figures(&all, language))
            div.cards { @let classes = charts::classes_in_use(all.iter().map(|(_, of)| &of.times));
                @for of in &all { (card(of, classes.clone(), language)) }
            }
            (holds(summary, language))
        }
    };
    Section { name: "promptness", title: language.pick("消去までの時間", "How promptly"), content }
}

/// What the time is from and to, for those receipts that every handover leaves.
fn interval(role: Role, event: Event, language: Language) -> &'static str {
    match (role, event) {
        (Role::Issuer, Event::KeyWiped) => language.pick(
            "作成開始から、文書鍵と暗号文を上書きするまで。この間、この機器は文書を読めた。鍵はこの後で引き渡される。",
            "From starting to compose until key and ciphertext were overwritten. For so long this system could read the document; \
             the key is handed over only afterwards.",
        ),
        (Role::Issuer, Event::Closed) => language.pick(
            "作成開始から、ラップ済み鍵（この機器では開けない）も上書きするまで。",
            "From starting to compose until the wrapped key, which this system cannot open, was overwritten too.",
        ),
        (Role::CertificateCentre | Role::EcCentre, _) => language.pick(
            "通過の始まりから、最後のフレームを上書きするまで。この機器は鍵を持たず、文書を読めない。",
            "From the beginning of the passage until the last frame was overwritten. This system has no key and cannot read.",
        ),
        (Role::Kiosk, Event::Erased) => language.pick(
            "申請から、鍵、暗号文、表示窓を上書きするまで。文書を読めたのはその終わりの部分に限られる。",
            "From the application until key, ciphertext and windows were overwritten. It could read the document only in the last part.",
        ),
        _ => language.pick("セッションの開始から上書きまで。", "From opening the session until the overwriting."),
    }
}

fn card((what, of): &Of<'_>, classes: std::ops::Range<usize>, language: Language) -> Markup {
    let (role, event) = **what;
    let times = &of.times;
    let show = |ms: Option<u64>| ms.map_or("–".into(), |ms| language.duration(ms));
    let (role_name, event_name, count) = (language.role(role), language.event(event), language.number(times.count()));
    let [median, p95, p99] = [50, 95, 99].map(|percent| show(times.percentile_ms(percent)));
    let longest = show(times.longest_ms());
    let label = match language {
        Language::Ja => format!(
            "{role_name}「{event_name}」の分布：{count} 件、中央値 {median}、95 % が {p95} 以内、99 % が {p99} 以内、最長 {longest}"
        ),
        Language::En => format!(
            "{role_name}, {event_name}: distribution of {count} times; median {median}, 95 % within {p95}, 99 % within {p99}, \
             longest {longest}"
        ),
    };
    html! {
        div.card {
            h3 { (language.role(role)) span.event { (language.event(event)) } }
            p.small { (interval(role, event, language)) }
            (charts::histogram(times, classes, &label, language))
        }
    }
}

fn figures(all: &[Of<'_>], language: Language) -> Markup {
    let mut columns = vec![
        (language.pick("機器・述べたこと", "System and claim").to_owned(), false),
        (language.pick("件数", "Measured").to_owned(), true),
        (language.pick("中央値", "Median").to_owned(), true),
        ("p95".to_owned(), true),
        ("p99".to_owned(), true),
        (language.pick("最長", "Longest").to_owned(), true),
    ];
    columns.extend(LIMITS.map(|class| (charts::class_name(class, language), true)));
    columns.push((language.pick("期限による消去", "At a deadline").to_owned(), true));
    columns.push((language.pick("計測なし", "Not measured").to_owned(), true));
    let row = |(what, of): &Of<'_>| {
        let (role, event) = **what;
        let times = &of.times;
        let name = |figure: &str| format!("{}-{}-{figure}", role.name(), event.name());
        let time =
            |point: &str, ms: Option<u64>| figure(&name(point), ms.map_or("–".into(), |ms| language.duration(ms)));
        html! {
            th scope="row" { (language.role(role)) br; span.event { (language.event(event)) } }
            td.number { (figure(&name("count"), language.number(times.count()))) }
            td.number { (time("p50", times.percentile_ms(50))) }
            td.number { (time("p95", times.percentile_ms(95))) }
            td.number { (time("p99", times.percentile_ms(99))) }
            td.number { (time("max", times.longest_ms())) }
            @for class in LIMITS { td.number { (language.share(times.within(class), times.count())) } }
            td.number { (figure(&name("deadline"), language.number(of.at_deadline))) }
            td.number { (figure(&name("unmeasured"), language.number(of.unmeasured))) }
        }
    };
    let rows: Vec<Markup> = all.iter().map(row).collect();
    let caption = language.pick(
        "開始から上書きまでの時間と、時間内に終わった割合",
        "Time from opening to erasure, and the share within a limit",
    );
    table(caption, "figures", &head(&columns), &rows)
}

/// How long relays held any one frame: their part of "does not retain".
fn holds(summary: &Summary, language: Language) -> Markup {
    if summary.holds.is_empty() {
        return html! {};
    }
    let columns = [
        (language.pick("中継する機器", "Relay"), false),
        (language.pick("件数", "Sessions"), true),
        (language.pick("中央値", "Median"), true),
        ("p95", true),
        ("p99", true),
        (language.pick("最長", "Longest"), true),
    ];
    let rows: Vec<Markup> = summary
        .holds
        .iter()
        .map(|(role, times)| {
            let show = |ms: Option<u64>| ms.map_or("–".into(), |ms| language.duration(ms));
            html! {
                th scope="row" { (language.role(*role)) }
                td.number { (language.number(times.count())) }
                td.number { (show(times.percentile_ms(50))) }
                td.number { (show(times.percentile_ms(95))) }
                td.number { (show(times.percentile_ms(99))) }
                td.number { (figure(&format!("{}-hold-max", role.name()), show(times.longest_ms()))) }
            }
        })
        .collect();
    let caption = language.pick(
        "中継する機器が一つの暗号文フレームを保持した最長時間（セッションごと）",
        "The longest that a relay held any one frame of ciphertext, for each session",
    );
    table(caption, "figures", &head(&columns), &rows)
}
