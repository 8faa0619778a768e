//! What a scan found, for people and for programs: places and lengths, never content.

use std::io::Write;

use serde_json::{Value, json};
use shokyo::scan::{Encoding, Hit, Place, SeenMapping, StackPart, Unreadable, UnreadableReason};

use super::{Scanned, Verdict};
use crate::words::{BOLD, DIM, GREEN, RED, YELLOW};

/// How many hits are shown as text, of all that JSON lists.
const SHOWN: usize = 40;

pub(super) fn as_json(scanned: &Scanned) -> Value {
    let report = &scanned.report;
    let needles = scanned.needles.iter().enumerate().map(|(number, origin)| {
        let kind = origin.option.trim_start_matches('-');
        json!({ "number": number, "kind": kind, "from": origin.source.name() })
    });
    json!({
        "verdict": scanned.verdict.name(),
        "pid": report.pid,
        "needles": needles.collect::<Vec<_>>(),
        "control": if report.control_found { "found" } else if scanned.control_given { "not-found" } else { "not-given" },
        "assessable": report.assessable,
        "found": report.total_hits(),
        "found_by_kind": report.counts.iter().map(|(kind, count)| (kind.name().to_owned(), json!(count)))
            .collect::<serde_json::Map<_, _>>(),
        "hits": report.hits.iter().map(hit_as_json).collect::<Vec<_>>(),
        "bytes_searched": report.bytes_scanned,
        "untouched_bytes": report.untouched_bytes,
        "threads": report.threads,
        "pieces": { "sought": report.distinctive_needles, "too_plain": report.plain_needles, "known_before": report.known_needles },
        "not_readable": report.unreadable.iter().map(unreadable_as_json).collect::<Vec<_>>(),
        "mappings": report.mappings.iter().map(mapping_as_json).collect::<Vec<_>>(),
    })
}

fn hit_as_json(hit: &Hit) -> Value {
    let place = match &hit.place {
        Place::Memory { address, mapping, permissions, flags, stack } => json!({
            "address": hexadecimal(*address),
            "mapping": mapping,
            "permissions": permissions,
            "flags": flags,
            "stack": stack.map(part),
        }),
        Place::Register { thread, set, offset, register } => {
            json!({ "thread": thread, "set": set, "set_offset": offset, "register": register })
        }
    };
    json!({
        "needle": hit.needle,
        "kind": hit.what.name(),
        "encoding": hit.encoding.name(),
        "length": hit.length,
        "offset": hit.offset,
        "place": place,
    })
}

fn unreadable_as_json(memory: &Unreadable) -> Value {
    let (reason, os_error) = match memory.reason {
        UnreadableReason::KernelPage => ("kernel-page", None),
        UnreadableReason::PastEndOfFile => ("past-end-of-file", None),
        UnreadableReason::SecretMemory => ("secret-memory", None),
        UnreadableReason::Device => ("device", None),
        UnreadableReason::Refused { os_error } => ("refused", Some(os_error)),
        _ => ("other", None),
    };
    json!({
        "start": hexadecimal(memory.start),
        "end": hexadecimal(memory.end),
        "mapping": memory.name,
        "permissions": memory.permissions,
        "flags": memory.flags,
        "reason": reason,
        "os_error": os_error,
        "may_hide_residue": !memory.reason.is_explained(),
    })
}

fn mapping_as_json(mapping: &SeenMapping) -> Value {
    json!({
        "start": hexadecimal(mapping.start),
        "end": hexadecimal(mapping.end),
        "mapping": mapping.name,
        "permissions": mapping.permissions,
        "flags": mapping.flags,
        "searched_bytes": mapping.searched_bytes,
        "untouched_bytes": mapping.untouched_bytes,
    })
}

/// Addresses need more digits than a number in JSON can be trusted with.
fn hexadecimal(address: u64) -> String {
    format!("{address:#x}")
}

const fn part(part: StackPart) -> &'static str {
    match part {
        StackPart::Live => "live",
        StackPart::Dead => "dead",
    }
}

pub(super) fn as_text(scanned: &Scanned, mappings: bool) -> std::io::Result<()> {
    let report = &scanned.report;
    let mut out = anstream::stdout().lock();
    match scanned.verdict {
        Verdict::Clean => writeln!(out, "{GREEN}clean{GREEN:#}: nothing was found, and the control marker was")?,
        Verdict::Residue => writeln!(out, "{RED}RESIDUE{RED:#}: found in {} places", report.total_hits())?,
        Verdict::NoControl if scanned.control_given => {
            writeln!(
                out,
                "{YELLOW}PROVES NOTHING{YELLOW:#}: nothing was found, and the control marker was not either"
            )?;
        }
        Verdict::NoControl => {
            writeln!(out, "{YELLOW}PROVES NOTHING{YELLOW:#}: nothing was found, and no control marker was given;")?;
            writeln!(out, "  let the process keep 32 random bytes in memory and give them with --control")?;
        }
        Verdict::Incomplete => {
            writeln!(out, "{YELLOW}INCOMPLETE{YELLOW:#}: nothing was found where it could be looked")?;
        }
        Verdict::TooPlain => {
            writeln!(out, "{YELLOW}NOT ASSESSABLE{YELLOW:#}: a needle is too plain for a scan to tell")?;
        }
    }
    let (threads, seen) = (report.threads, report.mappings_scanned);
    let (searched, untouched) = (report.bytes_scanned / 1024, report.untouched_bytes / 1024);
    writeln!(out, "  searched: {searched} KiB in {seen} mappings, the registers of {threads} threads")?;
    let why = if scanned.core { "are not in the core" } else { "were never touched" };
    writeln!(out, "  left out: {untouched} KiB that {why}")?;
    let (sought, plain, known) = (report.distinctive_needles, report.plain_needles, report.known_needles);
    writeln!(out, "  pieces: {sought} sought, {plain} too plain, {known} known before")?;
    let left_out =
        |mapping: &&SeenMapping| scanned.core && mapping.permissions.contains('w') && mapping.untouched_bytes > 0;
    let missing: Vec<&SeenMapping> = report.mappings.iter().filter(left_out).collect();
    if !missing.is_empty() {
        let bytes = missing.iter().map(|mapping| mapping.untouched_bytes).sum::<u64>() / 1024;
        writeln!(
            out,
            "  the core lacks {bytes} KiB of {} mappings that can be written: this says nothing",
            missing.len()
        )?;
        writeln!(out, "  about what the process had there")?;
    }
    for hit in report.hits.iter().take(SHOWN) {
        show_hit(&mut out, scanned, hit)?;
    }
    let untold = report.total_hits() - report.hits.len().min(SHOWN) as u64;
    if untold > 0 {
        writeln!(out, "  and {untold} more; --json lists the first 64 of each kind")?;
    }
    for memory in report.unexplained() {
        writeln!(out, "  {YELLOW}{memory}{YELLOW:#}")?;
    }
    let explained = report.unreadable.iter().filter(|memory| memory.reason.is_explained()).count();
    if explained > 0 {
        writeln!(out, "  {DIM}{explained} ranges that nobody can read: the kernel's pages, ends of files{DIM:#}")?;
    }
    if mappings {
        for mapping in &report.mappings {
            let SeenMapping { start, end, name, permissions, flags, .. } = mapping;
            let searched = mapping.searched_bytes / 1024;
            writeln!(out, "  {start:x}-{end:x} {permissions} {searched:>7} KiB searched  {name} {DIM}{flags}{DIM:#}")?;
        }
    }
    Ok(())
}

fn show_hit(out: &mut impl Write, scanned: &Scanned, hit: &Hit) -> std::io::Result<()> {
    let from = scanned.needles.get(hit.needle).map(|origin| origin.source.name()).unwrap_or_default();
    let encoding = match hit.encoding {
        Encoding::Plain => String::new(),
        encoding => format!(", {encoding}"),
    };
    let (length, offset) = (hit.length, hit.offset);
    writeln!(out, "  {BOLD}{from}{BOLD:#}: {length} bytes from byte {offset} ({}{encoding})", hit.what)?;
    match &hit.place {
        Place::Memory { address, mapping, permissions, flags, stack } => {
            let name = if mapping.is_empty() { "unnamed memory" } else { mapping };
            let part = stack.map(|stack| format!("{} stack, ", part(stack))).unwrap_or_default();
            writeln!(out, "    at {address:#x} in {part}{name} {permissions} {DIM}{flags}{DIM:#}")
        }
        Place::Register { thread, set, register, .. } => writeln!(out, "    in {register} ({set}) of thread {thread}"),
    }
}
