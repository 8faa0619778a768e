//! The result on the screen.

use anstream::{print, println};
use indicatif::{ProgressBar, ProgressStyle};

use super::evidence::Evidence;
use super::residue::Residue;
use super::timeline::{Stretch, Timeline};
use super::{Found, KIND};
use crate::arguments::DemoArguments;
use crate::words::{BOLD, DIM, GREEN, RED, YELLOW};

/// Columns of a bar.
const WIDTH: u64 = 48;
/// Sessions that are shown one by one.
const SHOWN: usize = 3;

/// A progress bar; nothing where there is no terminal.
pub(super) fn progress(count: u64) -> ProgressBar {
    let bar = ProgressBar::new(count);
    if let Ok(style) = ProgressStyle::with_template("  issuing {bar:40} {pos}/{len}  {elapsed}") {
        bar.set_style(style);
    }
    bar
}

pub(super) fn all(found: &Found, arguments: &DemoArguments) {
    if arguments.json {
        println!("{:#}", found.to_json());
        return;
    }
    println!(
        "{BOLD}{}{BOLD:#} ({} bytes, {KIND}) went through four processes {} over mutual TLS 1.3.",
        found.document.name,
        found.document.bytes.len(),
        if found.issued.len() == 1 { "once".to_owned() } else { format!("{} times", found.issued.len()) },
    );
    for timeline in found.timelines.iter().take(SHOWN) {
        show_timeline(timeline);
    }
    if found.timelines.len() > SHOWN {
        println!("\n{DIM}… and {} more sessions{DIM:#}", found.timelines.len() - SHOWN);
    }
    println!("\n{BOLD}Protections active in each process{BOLD:#}");
    for (role, flags) in &found.protections {
        println!("  {role:<19}{}", if flags.is_empty() { "none".to_owned() } else { flags.join(" ") });
    }
    for evidence in found.evidence.iter().take(1) {
        show_receipts(evidence);
    }
    for evidence in &found.evidence {
        for problem in &evidence.problems {
            println!("  {RED}problem{RED:#} in session {:.8}: {problem}", evidence.session);
        }
    }
    println!("\n{BOLD}Scan of each process's memory and registers for pieces of the document{BOLD:#}");
    for residue in &found.residue {
        show_residue(residue);
    }
    verdict(found);
}

fn show_timeline(timeline: &Timeline) {
    println!("\n{BOLD}Session {:.16}…{BOLD:#}  {} in all", timeline.session, milliseconds(timeline.whole));
    println!("  could read it");
    for stretch in &timeline.readable {
        show_stretch(stretch, timeline.whole, '█');
    }
    println!("  held its ciphertext");
    for stretch in &timeline.ciphertext {
        show_stretch(stretch, timeline.whole, '░');
    }
    match (&timeline.readable[..], timeline.is_exclusive()) {
        ([issuer, kiosk], true) => println!(
            "  {GREEN}never two readers{GREEN:#}: nobody could read it for {} between them",
            milliseconds(kiosk.from - issuer.to)
        ),
        _ => println!("  {RED}two readers at once, or an end that is not on record{RED:#}"),
    }
}

fn show_stretch(stretch: &Stretch, whole: u64, fill: char) {
    let column = |at: u64| at.saturating_mul(WIDTH) / whole.max(1);
    let (from, to) = (column(stretch.from), column(stretch.to).max(column(stretch.from) + 1));
    let bar: String = (0..WIDTH).map(|place| if (from..to).contains(&place) { fill } else { '·' }).collect();
    println!("    {:<19}{bar} {:>9} – {:>9}", stretch.role, milliseconds(stretch.from), milliseconds(stretch.to));
}

fn milliseconds(microseconds: u64) -> String {
    format!("{}.{:02} ms", microseconds / 1000, microseconds % 1000 / 10)
}

fn show_receipts(evidence: &Evidence) {
    println!("\n{BOLD}Receipts of session {:.16}…{BOLD:#}, each signature verified", evidence.session);
    for statement in &evidence.statements {
        println!();
        for line in statement.describe().lines() {
            println!("  {line}");
        }
    }
    println!();
}

fn show_residue(residue: &Residue) {
    print!("  {:<19}", residue.role);
    match &residue.report {
        Some(report) if report.is_clean() => println!(
            "{GREEN}nothing found{GREEN:#} in {} MiB and the registers of {} threads; the control marker was found",
            report.bytes_scanned >> 20,
            report.threads
        ),
        Some(report) if !residue.is_only_too_plain() => {
            println!("{RED}NOT CLEAN{RED:#}");
            for line in report.to_string().lines() {
                println!("      {line}");
            }
        }
        _ => println!("{YELLOW}not assessable{YELLOW:#}: the document is too plain to be recognised in memory"),
    }
}

fn verdict(found: &Found) {
    println!();
    let too_plain = !found.is_clean() && found.residue.iter().all(Residue::is_only_too_plain);
    for (holds, claim) in [
        (found.is_delivered(), "delivered: the kiosk's proof over every byte is the original's"),
        (found.is_erased(), "erased at all four, and never readable in two places at once"),
        (found.is_evidenced(), "every receipt is there and verifies"),
        (found.is_clean(), "no residue in any process"),
    ] {
        if holds {
            println!("  {GREEN}yes{GREEN:#}  {claim}");
        } else if too_plain && claim.starts_with("no residue") {
            println!("  {YELLOW}?{YELLOW:#}    {claim}: the document is too plain to tell");
        } else {
            println!("  {RED}NO{RED:#}   {claim}");
        }
    }
}
