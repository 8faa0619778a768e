//! The two scans, over a process that stands still.

use std::time::{Duration, Instant};

use super::baseline::{Baseline, Gatherer};
use super::needles::{NeedleKind, Needles};
use super::report::{Hit, Place, ScanReport};
use super::search::{self, MemorySearch, Run};
use super::walk::{self, Walked};
use crate::error::Error;
use crate::platform::inspect::{Mapping, RegisterSet, StoppedProcess, with_stopped};

/// How long the threads may take to stop.
const STOPPING: Duration = Duration::from_secs(5);
/// How long a process may stand still.
const SCANNING: Duration = Duration::from_secs(120);

pub(super) fn scan(
    pid: i32,
    needles: &Needles,
    control: &[u8],
    baseline: Option<&Baseline>,
) -> Result<ScanReport, Error> {
    // Everything that takes time and needs no process comes before the process has to stand still.
    needles.index();
    let mut report = empty_report(pid, needles, baseline);
    with_stopped(pid, STOPPING, move |process| {
        let mut walked = Walked::default();
        let deadline = Instant::now() + SCANNING;
        scan_registers(process, needles, baseline, &mut walked, &mut report)?;
        let mut search = MemorySearch::new(needles, baseline);
        let mut growing: Vec<Growing> = Vec::new();
        walk::memory(process, deadline, &mut walked, |mapping, address, bytes, continues| {
            report.control_found = report.control_found || contains(bytes, control);
            search.block(address, bytes, continues, |run, reported| {
                add_memory_hit(&mut report, &mut growing, needles, mapping, run, reported);
            });
        })?;
        report.threads = process.threads().count();
        report.bytes_scanned += walked.bytes;
        report.untouched_bytes = walked.untouched_bytes;
        report.mappings_scanned = walked.mappings;
        report.unreadable = walked.unreadable;
        Ok(report)
    })
}

pub(super) fn baseline(pid: i32, needles: &Needles) -> Result<Baseline, Error> {
    needles.index();
    let mut gatherer = Gatherer::new(needles);
    let gatherer = with_stopped(pid, STOPPING, move |process| {
        let mut walked = Walked::default();
        let deadline = Instant::now() + SCANNING;
        for (_, set) in walk::registers(process, &mut walked)? {
            gatherer.bytes(&set.bytes);
        }
        let mut search = MemorySearch::new(needles, None);
        walk::memory(process, deadline, &mut walked, |_, address, bytes, continues| {
            gatherer.bytes(bytes);
            search.block(address, bytes, continues, |run, _| gatherer.run(&run));
        })?;
        Ok(gatherer)
    })?;
    Ok(gatherer.finish())
}

pub(super) fn empty_report(pid: i32, needles: &Needles, baseline: Option<&Baseline>) -> ScanReport {
    let mut report = ScanReport {
        pid,
        control_found: false,
        hits: Vec::new(),
        counts: Default::default(),
        bytes_scanned: 0,
        untouched_bytes: 0,
        mappings_scanned: 0,
        threads: 0,
        unreadable: Vec::new(),
        assessable: true,
        distinctive_needles: 0,
        plain_needles: 0,
        known_needles: 0,
    };
    for pattern in &needles.patterns {
        let known = match baseline.filter(|known| pattern.kind == NeedleKind::Document && known.pieces() > 0) {
            None => 0,
            Some(known) => pattern
                .bytes
                .windows(pattern.piece)
                .filter(|window| known.knows(pattern.kind, window) && pattern.is_varied(window))
                .count() as u64,
        };
        let distinctive = pattern.varied - known;
        report.distinctive_needles += distinctive;
        report.known_needles += known;
        report.plain_needles += pattern.pieces() - pattern.varied;
        report.assessable &= pattern.is_assessable(distinctive);
    }
    report
}

fn scan_registers(
    process: &StoppedProcess,
    needles: &Needles,
    baseline: Option<&Baseline>,
    walked: &mut Walked,
    report: &mut ScanReport,
) -> Result<(), Error> {
    let sets: Vec<(i32, RegisterSet)> = walk::registers(process, walked)?;
    let bytes: Vec<&[u8]> = sets.iter().map(|(_, set)| &set.bytes[..]).collect();
    report.bytes_scanned += bytes.iter().map(|set| set.len() as u64).sum::<u64>();
    for (number, run) in search::in_registers(&bytes, needles, baseline) {
        let (thread, set) = &sets[number];
        let offset = run.at as usize;
        let place = Place::Register { thread: *thread, set: set.name, offset, register: set.register_at(offset) };
        report.add(hit(place, needles, &run));
    }
    Ok(())
}

/// A kept hit, with the run that it stands for: it may go on in the next block.
pub(super) struct Growing {
    pattern: usize,
    offset: usize,
    address: u64,
    hit: usize,
}

pub(super) fn add_memory_hit(
    report: &mut ScanReport,
    growing: &mut Vec<Growing>,
    needles: &Needles,
    mapping: &Mapping,
    run: Run,
    reported: usize,
) {
    if reported > 0 {
        let same = |kept: &&Growing| (kept.pattern, kept.offset, kept.address) == (run.pattern, run.offset, run.at);
        if let Some(hit) = growing.iter().rev().find(same).and_then(|kept| report.hits.get_mut(kept.hit)) {
            hit.length = run.length as u64;
        }
        return;
    }
    let place = Place::Memory {
        address: run.at,
        mapping: mapping.name.clone(),
        permissions: mapping.permissions.clone(),
        flags: mapping.flags.clone(),
    };
    if let Some(hit) = report.add(hit(place, needles, &run)) {
        growing.push(Growing { pattern: run.pattern, offset: run.offset, address: run.at, hit });
    }
}

pub(super) fn hit(place: Place, needles: &Needles, run: &Run) -> Hit {
    let what = needles.patterns[run.pattern].kind;
    Hit { place, length: run.length as u64, what, offset: run.offset as u64 }
}

/// Whether `bytes` holds `marker`, which has at least 8 bytes.
pub(super) fn contains(bytes: &[u8], marker: &[u8]) -> bool {
    let Some(first) = marker.first_chunk::<8>() else { return false };
    let possible = |window: &&[u8]| window[..8] == first[..] && window == &marker;
    bytes.windows(marker.len()).any(|window| possible(&window))
}
