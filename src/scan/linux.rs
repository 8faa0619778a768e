//! The two scans, over a process that stands still.

use std::time::{Duration, Instant};

use super::baseline::{Baseline, Gatherer};
use super::encodings::Encoding;
use super::needles::{NeedleKind, Needles};
use super::report::{Hit, Place, ScanReport, StackPart};
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
        let stacks = scan_registers(process, needles, baseline, &mut walked, &mut report)?;
        let mut search = MemorySearch::new(needles, baseline);
        let mut found = Found::new(&mut report, needles, &stacks);
        walk::memory(process, deadline, &mut walked, |mapping, address, bytes, continues| {
            found.control(bytes, control);
            search.block(address, bytes, continues, |run, reported| found.add(mapping, run, reported));
        })?;
        report.threads = process.threads().count();
        report.bytes_scanned += walked.bytes;
        report.untouched_bytes = walked.untouched_bytes;
        report.mappings_scanned = walked.mappings.len();
        report.mappings = walked.mappings;
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
        mappings: Vec::new(),
        threads: 0,
        unreadable: Vec::new(),
        assessable: true,
        distinctive_needles: 0,
        plain_needles: 0,
        known_needles: 0,
    };
    // Other forms of the same needles say nothing more about it.
    for pattern in needles.patterns.iter().filter(|pattern| pattern.encoding == Encoding::Plain) {
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

/// Searches the registers of all threads, and gives their stack pointers.
fn scan_registers(
    process: &StoppedProcess,
    needles: &Needles,
    baseline: Option<&Baseline>,
    walked: &mut Walked,
    report: &mut ScanReport,
) -> Result<Vec<u64>, Error> {
    let sets = walk::registers(process, walked)?;
    report.bytes_scanned += sets.iter().map(|(_, set)| set.bytes.len() as u64).sum::<u64>();
    add_register_hits(&sets, needles, baseline, report);
    Ok(stack_pointers(&sets))
}

pub(super) fn add_register_hits(
    sets: &[(i32, RegisterSet)],
    needles: &Needles,
    baseline: Option<&Baseline>,
    report: &mut ScanReport,
) {
    let bytes: Vec<&[u8]> = sets.iter().map(|(_, set)| &set.bytes[..]).collect();
    for (number, run) in search::in_registers(&bytes, needles, baseline) {
        let (thread, set) = &sets[number];
        let offset = run.at as usize;
        let place = Place::Register { thread: *thread, set: set.name, offset, register: set.register_at(offset) };
        report.add(hit(place, needles, &run));
    }
}

pub(super) fn stack_pointers(sets: &[(i32, RegisterSet)]) -> Vec<u64> {
    sets.iter().filter_map(|(_, set)| set.stack_pointer()).collect()
}

/// A kept hit, with the run that it stands for: it may go on in the next block.
struct Growing {
    pattern: usize,
    offset: usize,
    address: u64,
    hit: usize,
}

/// What is found in memory, on its way into a report.
pub(super) struct Found<'a> {
    report: &'a mut ScanReport,
    needles: &'a Needles,
    /// Every thread's stack pointer.
    stacks: &'a [u64],
    growing: Vec<Growing>,
}

impl<'a> Found<'a> {
    pub(super) const fn new(report: &'a mut ScanReport, needles: &'a Needles, stacks: &'a [u64]) -> Self {
        Self { report, needles, stacks, growing: Vec::new() }
    }

    /// Notes whether `bytes` holds the control marker.
    pub(super) fn control(&mut self, bytes: &[u8], control: &[u8]) {
        self.report.control_found = self.report.control_found || contains(bytes, control);
    }

    /// Adds a run, or what it has grown to.
    pub(super) fn add(&mut self, mapping: &Mapping, run: Run, reported: usize) {
        if reported > 0 {
            let same = |kept: &&Growing| (kept.pattern, kept.offset, kept.address) == (run.pattern, run.offset, run.at);
            let grown = self.growing.iter().rev().find(same);
            if let Some(hit) = grown.and_then(|kept| self.report.hits.get_mut(kept.hit)) {
                hit.length = run.length as u64;
            }
            return;
        }
        let place = Place::Memory {
            address: run.at,
            mapping: mapping.name.clone(),
            permissions: mapping.permissions.clone(),
            flags: mapping.flags.clone(),
            stack: stack_part(mapping, run.at, self.stacks),
        };
        if let Some(hit) = self.report.add(hit(place, self.needles, &run)) {
            self.growing.push(Growing { pattern: run.pattern, offset: run.offset, address: run.at, hit });
        }
    }
}

/// Bytes below the stack pointer that a function may use without moving it (System V ABI for x86-64, section 3.2.2).
const RED_ZONE: u64 = if cfg!(target_arch = "x86_64") { 128 } else { 0 };

fn stack_part(mapping: &Mapping, address: u64, stacks: &[u64]) -> Option<StackPart> {
    let mut inside = stacks.iter().filter(|pointer| (mapping.start..mapping.end).contains(pointer)).peekable();
    inside.peek()?;
    let live = inside.any(|pointer| address >= pointer.saturating_sub(RED_ZONE));
    Some(if live { StackPart::Live } else { StackPart::Dead })
}

fn hit(place: Place, needles: &Needles, run: &Run) -> Hit {
    let pattern = &needles.patterns[run.pattern];
    Hit {
        place,
        length: run.length as u64,
        what: pattern.kind,
        encoding: pattern.encoding,
        needle: pattern.source,
        offset: run.offset as u64,
    }
}

/// Whether `bytes` holds `marker`, which has at least 8 bytes.
fn contains(bytes: &[u8], marker: &[u8]) -> bool {
    let Some(first) = marker.first_chunk::<8>() else { return false };
    let possible = |window: &&[u8]| window[..8] == first[..] && window == &marker;
    bytes.windows(marker.len()).any(|window| possible(&window))
}
