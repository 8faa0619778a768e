//! Claims about `shokyo custody report` and `custody sessions`: the numbers in the page are those of the stores, whatever the stores
//! hold does no harm in a browser, and what is unknown is called so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/evidence.rs"]
mod evidence;
#[path = "support/receipt_key.rs"]
mod receipt_key;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use evidence::{Case, Fate, Town, alarm, outcome};
use rusqlite::Connection;
use scraper::{Html, Selector};
use shokyo::custody::Store;
use shokyo::custody::report::{Standing, summarise};
use shokyo::handover::Outcome;
use shokyo::types::Role;

fn shokyo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shokyo")).args(arguments).output().unwrap()
}

/// The page about these stores, with more arguments, and the exit code.
fn page(folder: &Path, stores: &[PathBuf], more: &[&str]) -> (String, i32) {
    let out = folder.join("report.html");
    let mut arguments = vec!["custody", "report"];
    arguments.extend(stores.iter().map(|path| path.to_str().unwrap()));
    arguments.extend(["--out", out.to_str().unwrap()]);
    arguments.extend(more);
    let output = shokyo(&arguments);
    let page = std::fs::read_to_string(&out)
        .unwrap_or_else(|_| panic!("no page: {}", String::from_utf8_lossy(&output.stderr)));
    (page, output.status.code().unwrap())
}

/// Every text of a figure in one language's half.
fn figures(page: &str, language: &str, name: &str) -> Vec<String> {
    let selector = Selector::parse(&format!("article.{language} [data-figure='{name}']")).unwrap();
    Html::parse_document(page).select(&selector).map(|element| element.text().collect()).collect()
}

/// A number that stands in both languages, wherever it stands.
fn number(page: &str, name: &str) -> u64 {
    let all = [figures(page, "ja", name), figures(page, "en", name)].concat();
    assert!(all.len() >= 2 && all.iter().all(|text| *text == all[0]), "{name}: {all:?}");
    all[0].replace(',', "").parse().unwrap_or_else(|_| panic!("{name}: {all:?}"))
}

fn cases(count: u64) -> Vec<Case> {
    // Every fate is there, however few cases: the first ones are chosen.
    let fates = [
        Fate::Lost,
        Fate::Unresolved,
        Fate::CompleteAfterAlarm,
        Fate::KioskReceiptMissing,
        Fate::NotErased,
        Fate::Late,
        Fate::Ended,
        Fate::Open,
    ];
    let mut cases: Vec<Case> = Case::many(count).collect();
    for (index, fate) in fates.into_iter().cycle().take(fates.len() * 3).enumerate() {
        cases[index].fate = fate;
    }
    cases
}

/// The time that `percent` of a hundred of these did not exceed, from the sorted list.
fn percentile(mut times: Vec<u64>, percent: usize) -> u64 {
    times.sort_unstable();
    times[(times.len() * percent).div_ceil(100).max(1) - 1]
}

/// As the page writes it.
fn shown(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{:.2} s", ms.div_ceil(10) as f64 / 100.0),
        10_000..120_000 => format!("{:.1} s", ms.div_ceil(100) as f64 / 10.0),
        _ => format!("{:.1} min", ms.div_ceil(6_000) as f64 / 10.0),
    }
}

#[test]
fn the_numbers_in_the_page_are_those_of_the_stores() {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases(400);
    let stores = Town::new().write(folder.path(), &Role::ALL, cases.iter().copied());
    let (page, code) = page(folder.path(), &stores, &[]);
    assert_eq!(code, 5, "receipts of complete sessions are missing");
    // What the page did not look at, and what it cannot promise, in both languages.
    for said in [
        "did not look for deletions",
        "削除や書換えの有無は調べていない",
        "are designed to hold no",
        "含まないように設計",
    ] {
        assert!(page.contains(said), "{said}");
    }
    for promised in ["refuses to delete", "証跡からも削除できない", "holds no personal data", "含まれていない。"]
    {
        assert!(!page.contains(promised), "{promised}");
    }

    let with = |fates: &[Fate]| cases.iter().filter(|case| fates.contains(&case.fate)).count() as u64;
    assert_eq!(number(&page, "sessions"), 400);
    // By the least favourable outcome of the four stations.
    let complete = with(&[Fate::Complete, Fate::CompleteAfterAlarm, Fate::KioskReceiptMissing]);
    assert_eq!(number(&page, "outcome-complete"), complete);
    assert_eq!(number(&page, "outcome-lost"), with(&[Fate::Lost]));
    assert_eq!(number(&page, "outcome-unresolved"), with(&[Fate::Unresolved, Fate::NotErased]));
    assert_eq!(number(&page, "outcome-ended"), with(&[Fate::Ended, Fate::Late]));
    assert_eq!(number(&page, "outcome-open"), with(&[Fate::Open]));
    assert_eq!(number(&page, "outcome-unrecorded"), 0);

    let raised = |case: &&Case| Role::ALL.iter().filter(|role| alarm(**role, case.fate).is_some()).count() as u64;
    assert_eq!(number(&page, "alarms"), cases.iter().map(|case| raised(&case)).sum::<u64>());
    assert_eq!(number(&page, "alarmed"), cases.iter().filter(|case| raised(case) > 0).count() as u64);
    assert_eq!(number(&page, "alarmed-but-complete"), with(&[Fate::CompleteAfterAlarm]), "a success clears no alarm");

    assert_eq!(number(&page, "kiosk-erased-expected"), complete);
    assert_eq!(number(&page, "kiosk-erased-missing"), with(&[Fate::KioskReceiptMissing]));
    assert_eq!(number(&page, "issuer-closed-missing"), 0);
    assert_eq!(number(&page, "point-not-whole"), with(&[Fate::KioskReceiptMissing]));
    assert_eq!(number(&page, "point-not-erased"), with(&[Fate::NotErased]));
    assert_eq!(number(&page, "point-still-held"), with(&[Fate::Unresolved]), "the wrapped key");
    assert_eq!(number(&page, "kiosk-erased-deadline"), with(&[Fate::Late]));
    assert_eq!(number(&page, "receipts-issuer-lost-at-restart"), with(&[Fate::Lost]));

    let of = |fates: &[Fate], index: usize| -> Vec<u64> {
        cases.iter().filter(|case| fates.contains(&case.fate)).map(|case| case.durations_ms[index]).collect()
    };
    let kiosk = of(&[Fate::Complete, Fate::CompleteAfterAlarm, Fate::Ended, Fate::Late], 3);
    let issuer = of(
        &[Fate::Complete, Fate::CompleteAfterAlarm, Fate::KioskReceiptMissing, Fate::NotErased, Fate::Unresolved],
        0,
    );
    for (name, times) in [("kiosk-erased", &kiosk), ("issuer-key-wiped", &issuer)] {
        assert_eq!(number(&page, &format!("{name}-count")), times.len() as u64);
        assert_eq!(figures(&page, "en", &format!("{name}-max")), [shown(*times.iter().max().unwrap())], "{name}");
        for percent in [50, 95, 99] {
            let exact = percentile(times.clone(), percent);
            let text = &figures(&page, "en", &format!("{name}-p{percent}"))[0];
            // Above two seconds it is rounded up, by less than 0.1 %.
            let allowed = [shown(exact), shown(exact + exact / 1_000)];
            assert!(allowed.contains(text), "{name} p{percent}: {text}, {exact}");
        }
    }
}

#[test]
fn a_changed_receipt_changes_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let stores = Town::new().write(
        folder.path(),
        &[Role::Issuer],
        Case::many(30).map(|case| Case { fate: Fate::Complete, ..case }),
    );
    let (before, code) = page(folder.path(), &stores, &[]);
    assert_eq!((code, number(&before, "kiosk-erased-missing")), (0, 0));
    let changed = Connection::open(&stores[0]).unwrap();
    changed.execute_batch("DROP TRIGGER receipts_do_not_change").unwrap();
    let one = "SELECT id, receipt FROM receipts WHERE role = 4 LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?));
    let (id, mut receipt) = changed.query_row(one, [], read).unwrap();
    receipt[200] ^= 1;
    changed.execute("UPDATE receipts SET receipt = ?2 WHERE id = ?1", (id, receipt)).unwrap();
    drop(changed);
    let (after, code) = page(folder.path(), &stores, &[]);
    assert_eq!((code, number(&after, "point-unreadable"), number(&after, "kiosk-erased-missing")), (5, 1, 1));
}

#[test]
fn a_store_whose_columns_contradict_its_receipts_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let stores = Town::new().write(
        folder.path(),
        &[Role::Kiosk],
        Case::many(30).map(|case| Case { fate: Fate::Complete, ..case }),
    );
    let changed = Connection::open(&stores[0]).unwrap();
    changed.execute_batch("DROP TRIGGER receipts_do_not_change; UPDATE receipts SET event = 2 WHERE id = 3").unwrap();
    drop(changed);
    let (page, code) = page(folder.path(), &stores, &[]);
    assert_eq!((code, number(&page, "point-contradictory")), (5, 1));
}

#[test]
fn signatures_are_checked_with_keys_and_the_page_says_when_they_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::new();
    let stores =
        town.write(folder.path(), &Role::ALL, Case::many(60).map(|case| Case { fate: Fate::Complete, ..case }));
    let paths: Vec<&Path> = stores.iter().map(PathBuf::as_path).collect();
    let all = summarise(&paths, Some(&|unverified| town.key_of(&unverified.statement)), &|_| {}).unwrap();
    let signatures = all.signatures.clone().unwrap();
    assert_eq!((signatures.verified, signatures.refused), (300, 0));
    assert_eq!((signatures.sessions, signatures.complete), (60, 60));
    // The key of the wrong station verifies nothing.
    let wrong = summarise(&paths, Some(&|_| Some(town.stations[0].public())), &|_| {}).unwrap();
    let signatures = wrong.signatures.clone().unwrap();
    assert_eq!((signatures.verified, signatures.refused, signatures.complete), (120, 180, 0));
    assert_eq!(wrong.attention_total, 60);
    // And without keys nothing is said about signatures, but that.
    let (page, _) = page(folder.path(), &stores, &[]);
    assert!(figures(&page, "en", "signatures-verified").is_empty());
    assert!(page.contains("No signature was checked here.") && page.contains("署名は検証していない。"));
}

#[test]
fn the_same_session_in_several_stores_counts_once_and_every_split_gives_the_same_sums() {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases(200);
    let stores = Town::new().write(folder.path(), &Role::ALL, cases.iter().copied());
    let paths: Vec<&Path> = stores.iter().map(PathBuf::as_path).collect();
    let all = summarise(&paths, None, &|_| {}).unwrap();
    let issuer = summarise(&paths[..1], None, &|_| {}).unwrap();
    assert_eq!((all.session_count(), issuer.session_count()), (200, 200));
    // The issuing system's store holds copies of all receipts: the others add none.
    assert_eq!(all.receipts, issuer.receipts);
    assert_eq!(all.promptness, issuer.promptness);
    let at_issuer = cases.iter().filter(|case| outcome(Role::Issuer, case.fate) == Some(Outcome::Lost)).count() as u64;
    assert_eq!(issuer.with(Standing::Lost), at_issuer);
    // A kiosk's store alone cannot tell whether the others' receipts are there.
    let kiosk = summarise(&paths[3..], None, &|_| {}).unwrap();
    assert_eq!(kiosk.completeness.expected[..4], [0; 4]);
    assert!(kiosk.completeness.expected[4] > 0);
}

#[test]
fn words_from_stores_do_nothing_in_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut town = Town::new();
    let hostile = "</td><script>alert(1)</script><img src=x onerror=\"a\">";
    town.kind = hostile.into();
    town.stations[3].info.station = "\"><svg/onload=a()><b id='x' style='".into();
    town.stations[3].info.operator = "</style></title><iframe src=//x>".into();
    let stores =
        town.write(folder.path(), &Role::ALL, Case::many(20).map(|case| Case { fate: Fate::Complete, ..case }));
    let more = Connection::open(&stores[0]).unwrap();
    let alarm =
        "INSERT INTO alarms (session, what, raised_unix_ms) SELECT session, '<script>b()</script>', 5 FROM sessions";
    more.execute(alarm, []).unwrap();
    drop(more);
    let session = Case::numbered(3).session.to_string();
    let (page, _) = page(folder.path(), &stores, &["--session", &session[..12]]);
    let parsed = Html::parse_document(&page);
    for forbidden in
        ["script", "iframe", "img", "b", "object", "link", "[onload]", "[onerror]", "[style]", "a[href^='http']"]
    {
        assert_eq!(parsed.select(&Selector::parse(forbidden).unwrap()).count(), 0, "{forbidden}");
    }
    let text: String = parsed.root_element().text().collect();
    for shown in [hostile, &town.stations[3].info.station, &town.stations[3].info.operator, "<script>b()</script>"] {
        assert!(text.contains(shown), "{shown} is shown as it stands");
    }
    // The control: the same words, not escaped, would be elements.
    let raw = Html::parse_document(&page.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\""));
    assert!(raw.select(&Selector::parse("script").unwrap()).count() > 0);
}

#[test]
fn the_page_is_valid_and_needs_nothing_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let stores = Town::new().write(folder.path(), &Role::ALL, cases(60).into_iter());
    let session = Case::numbered(1).session.to_string();
    let (page, _) = page(folder.path(), &stores, &["--session", &session, "--language", "en"]);
    let parsed = Html::parse_document(&page);
    assert!(parsed.errors.is_empty(), "{:?}", parsed.errors);
    let broken = Html::parse_document(&page.replacen("</td>", "</div>", 1));
    assert!(!broken.errors.is_empty(), "the parser finds nothing");
    for (selector, count) in
        [("main", 1), ("h1", 2), ("html[lang=en]", 1), ("article[lang=ja]", 1), ("nav[aria-label]", 2)]
    {
        assert_eq!(parsed.select(&Selector::parse(selector).unwrap()).count(), count, "{selector}");
    }
    assert_eq!(parsed.select(&Selector::parse("input[checked]#show-en").unwrap()).count(), 1);
    let mut identifiers: BTreeMap<&str, u32> = BTreeMap::new();
    for element in parsed.select(&Selector::parse("[id]").unwrap()) {
        *identifiers.entry(element.attr("id").unwrap()).or_default() += 1;
    }
    assert!(identifiers.values().all(|count| *count == 1), "{identifiers:?}");
    for link in parsed.select(&Selector::parse("a[href], [aria-labelledby]").unwrap()) {
        let target = link.attr("href").map_or_else(|| link.attr("aria-labelledby").unwrap(), |href| &href[1..]);
        assert!(identifiers.contains_key(target), "{target}");
    }
    for table in parsed.select(&Selector::parse("table").unwrap()) {
        let has = |selector| table.select(&Selector::parse(selector).unwrap()).count() > 0;
        assert!(has("caption") && has("thead th[scope=col]") && has("tbody th[scope=row]"));
    }
    assert!(!page.contains("url(http") && !page.contains("@import") && !page.contains("src="));
    assert!(page.contains("default-src 'none'"));
    let text = page.to_lowercase();
    assert!(!text.contains("completely erased") && !text.contains("完全に消去"), "more than receipts can say");
}

#[test]
fn a_chosen_session_is_told_with_what_is_unknown_about_it() {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases(40);
    let stores = Town::new().write(folder.path(), &Role::ALL, cases.iter().copied());
    let one = |fate: Fate| {
        let session = cases.iter().find(|case| case.fate == fate).unwrap().session.to_string();
        let (page, _) = page(folder.path(), &stores, &["--session", &session]);
        let parsed = Html::parse_document(&page);
        let section = parsed.select(&Selector::parse("#en-session").unwrap()).next().unwrap();
        section.text().collect::<String>()
    };
    let complete = one(Fate::Complete);
    assert!(complete.contains("could read") && complete.contains("every byte read back"));
    assert!(!complete.contains("end unknown") && !complete.contains("no receipt “"), "{complete}");
    let unresolved = one(Fate::Unresolved);
    assert!(unresolved.contains("end unknown") && unresolved.contains("Kiosk: no receipt “Erased”"), "{unresolved}");
    let lost = one(Fate::Lost);
    assert!(lost.contains("end unknown") && lost.contains("the process ended with the session open"), "{lost}");
    let not_erased = one(Fate::NotErased);
    assert!(not_erased.contains("not verified 1") && not_erased.contains("end unknown"), "{not_erased}");
}

#[test]
fn sessions_are_found_by_their_first_digits_and_a_store_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let stores = Town::new().write(folder.path(), &[Role::Kiosk], Case::many(5));
    let store = stores[0].to_str().unwrap();
    let said = |arguments: &[&str]| {
        let output = shokyo(arguments);
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let out = folder.path().join("x.html");
    let out = out.to_str().unwrap();
    let (code, text) = said(&["custody", "report", store, "--out", out, "--session", "0000000000"]);
    assert!(code == 1 && text.contains("no store knows"), "{text}");
    let (code, text) = said(&["custody", "report", store, "--out", out, "--session", "zz"]);
    assert!(code == 1 && text.contains("hexadecimal"), "{text}");
    let (code, text) = said(&["custody", "report", store, "--out", store]);
    assert!(code == 1 && text.contains("would be overwritten"), "{text}");
    let beside = format!("{store}-wal");
    std::fs::write(&beside, "").unwrap();
    let (code, text) = said(&["custody", "report", store, "--out", &beside]);
    assert!(code == 1 && text.contains("would be overwritten"), "{text}");
    assert_eq!(Store::open_read_only(&stores[0]).unwrap().sessions().unwrap().len(), 5);
    let (code, text) = said(&["custody", "report", folder.path().join("none").to_str().unwrap(), "--out", out]);
    assert!(code == 1 && text.contains("missing"), "{text}");
}

#[test]
fn sessions_are_listed_one_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases(50);
    let stores = Town::new().write(folder.path(), &[Role::Issuer], cases.iter().copied());
    let store = stores[0].to_str().unwrap();
    let lines = |arguments: &[&str]| {
        let output = shokyo(&[&["custody", "sessions", store], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&[]).len(), 50);
    assert!(lines(&[])[0].starts_with(&cases[0].session.to_string()), "in the order in which they were opened");
    let open = cases.iter().filter(|case| case.fate == Fate::Open).count();
    let listed = lines(&["--open", "--json"]);
    assert_eq!(listed.len(), open);
    let first: serde_json::Value = serde_json::from_str(&listed[0]).unwrap();
    assert_eq!((first["outcome"].as_str(), first["ended_unix_ms"].as_u64()), (Some("open"), None));
    let listing = |out: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shokyo"));
        command.args(["custody", "sessions", store]).stdout(out).output().unwrap()
    };
    // A reader that goes away, such as `head`, is a quiet end; a list that is cut off by a full disk is not.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let unread = listing(writer.into());
    assert_eq!((unread.status.code(), unread.stderr.len()), (Some(0), 0));
    if cfg!(target_os = "linux") {
        let full = listing(std::fs::File::options().write(true).open("/dev/full").unwrap().into());
        assert_eq!(full.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&full.stderr).contains("not complete"), "{full:?}");
    }
}

#[test]
#[ignore = "writes files: `cargo xtask step report` gives the folder"]
fn writes_the_pages_that_a_browser_shows() {
    let folder = PathBuf::from(std::env::var_os("SHOKYO_REPORT").expect("SHOKYO_REPORT names a folder"));
    let count = std::env::var("SHOKYO_REPORT_SESSIONS").map_or(3_000, |count| count.parse().unwrap());
    let cases = cases(count);
    let stores = Town::new().write(&folder, &Role::ALL, cases.iter().copied());
    let chosen: Vec<String> = [Fate::Complete, Fate::Unresolved]
        .map(|fate| cases.iter().find(|case| case.fate == fate).unwrap().session.to_string())
        .into();
    for language in ["ja", "en"] {
        let more = ["--language", language, "--session", &chosen[0], "--session", &chosen[1]];
        let (page, _) = page(&folder, &stores, &more);
        std::fs::write(folder.join(format!("report-{language}.html")), page).unwrap();
    }
}
