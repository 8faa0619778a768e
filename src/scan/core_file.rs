//! A core file as the kernel writes it (ELF-64, System V ABI chapter 4 and 5; `core(5)`): notes with the registers of each
//! thread, and a segment for each mapping.
//!
//! A file that was cut off, or that is not understood, is an error: never a clean scan of a part.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::linux::{Growing, add_memory_hit, contains, empty_report, hit};
use super::needles::Needles;
use super::report::{Place, ScanReport};
use super::search::{self, MemorySearch, OVERLAP};
use crate::error::Error;
use crate::platform::inspect::{Mapping, RegisterSet};

/// Bytes read at once.
const BLOCK: usize = 1 << 20;
/// Notes are small: registers, names of files.
const LONGEST_NOTES: u64 = 64 << 20;

const CORE: u64 = 4;
const LOAD: u64 = 1;
const NOTE: u64 = 4;

/// Note types with registers, and the names of their sets.
const SETS: [(u64, &str); 4] = [(1, "general"), (2, "floating-point"), (0x202, "xsave"), (0x405, "sve")];
const STATUS: u64 = 1;
const FILES: u64 = 0x4649_4C45;
/// In a status note: where the thread's number stands, and where the registers begin; after them one word follows.
const THREAD: usize = 32;
const REGISTERS: usize = 112;

struct Segment {
    kind: u64,
    flags: u64,
    offset: u64,
    address: u64,
    stored: u64,
    length: u64,
}

pub(super) fn scan(path: &Path, needles: &Needles, control: &[u8]) -> Result<ScanReport, Error> {
    let file = File::open(path).map_err(|error| Error::io("opening the core file", &error))?;
    let segments = segments(&file)?;
    let mut report = empty_report(0, needles, None);
    let (mut notes, mut names) = (Vec::new(), Vec::new());
    for segment in segments.iter().filter(|segment| segment.kind == NOTE) {
        if segment.stored > LONGEST_NOTES {
            return Err(malformed());
        }
        let mut bytes = Zeroizing::new(vec![0; usize::try_from(segment.stored).map_err(|_| malformed())?]);
        read(&file, segment.offset, &mut bytes)?;
        notes.extend(parse_notes(&bytes)?);
        report.bytes_scanned += segment.stored;
    }
    let mut sets: Vec<(i32, RegisterSet)> = Vec::new();
    for (kind, bytes) in notes {
        if kind == STATUS {
            report.pid = if report.threads == 0 { word(&bytes, THREAD, 4)? as i32 } else { report.pid };
            report.threads += 1;
        }
        if kind == FILES {
            names = parse_files(&bytes)?;
        }
        let thread = sets.last().map_or(0, |(thread, _)| *thread);
        match SETS.iter().find(|(set, _)| *set == kind) {
            Some((STATUS, name)) => {
                let registers = bytes.get(REGISTERS..bytes.len() - 8).ok_or_else(malformed)?.to_vec();
                sets.push((word(&bytes, THREAD, 4)? as i32, RegisterSet { name, bytes: registers }));
            }
            Some((_, name)) => sets.push((thread, RegisterSet { name, bytes: bytes.to_vec() })),
            // Whatever else the kernel says about the process is looked through like memory.
            None => {
                let note = Mapping { name: format!("[note {kind:#x}]"), ..nameless() };
                memory(&bytes, 0, &note, needles, control, &mut report);
            }
        }
    }
    if report.threads == 0 {
        return Err(malformed());
    }
    let bytes: Vec<&[u8]> = sets.iter().map(|(_, set)| &set.bytes[..]).collect();
    for (number, run) in search::in_registers(&bytes, needles, None) {
        let (thread, set) = &sets[number];
        let offset = run.at as usize;
        let place = Place::Register { thread: *thread, set: set.name, offset, register: set.register_at(offset) };
        report.add(hit(place, needles, &run));
    }
    for segment in segments.iter().filter(|segment| segment.kind == LOAD) {
        report.mappings_scanned += 1;
        report.untouched_bytes += segment.length.saturating_sub(segment.stored);
        load(&file, segment, &names, needles, control, &mut report)?;
    }
    Ok(report)
}

/// Searches the stored bytes of a mapping, in blocks that overlap.
fn load(
    file: &File,
    segment: &Segment,
    names: &[(u64, u64, String)],
    needles: &Needles,
    control: &[u8],
    report: &mut ScanReport,
) -> Result<(), Error> {
    let name = names.iter().find(|(start, end, _)| (*start..*end).contains(&segment.address));
    let mapping = Mapping {
        start: segment.address,
        end: segment.address.saturating_add(segment.length),
        permissions: [(4, 'r'), (2, 'w'), (1, 'x')]
            .map(|(bit, c)| if segment.flags & bit > 0 { c } else { '-' })
            .iter()
            .collect(),
        name: name.map(|(_, _, name)| name.clone()).unwrap_or_default(),
        ..nameless()
    };
    let mut buffer = Zeroizing::new(vec![0u8; BLOCK + OVERLAP]);
    let mut search = MemorySearch::new(needles, None);
    let mut growing: Vec<Growing> = Vec::new();
    let (mut at, mut kept) = (0, 0);
    while at < segment.stored {
        let wanted = usize::try_from(segment.stored - at).unwrap_or(BLOCK).min(BLOCK);
        read(file, segment.offset + at, &mut buffer[kept..kept + wanted])?;
        let filled = kept + wanted;
        let bytes = &buffer[..filled];
        report.control_found = report.control_found || contains(bytes, control);
        search.block(segment.address + at - kept as u64, bytes, kept > 0, |run, reported| {
            add_memory_hit(report, &mut growing, needles, &mapping, run, reported);
        });
        report.bytes_scanned += wanted as u64;
        at += wanted as u64;
        let keep = filled.min(OVERLAP);
        buffer.copy_within(filled - keep..filled, 0);
        kept = keep;
    }
    Ok(())
}

fn memory(bytes: &[u8], address: u64, mapping: &Mapping, needles: &Needles, control: &[u8], report: &mut ScanReport) {
    report.control_found = report.control_found || contains(bytes, control);
    let mut growing: Vec<Growing> = Vec::new();
    MemorySearch::new(needles, None).block(address, bytes, false, |run, reported| {
        add_memory_hit(report, &mut growing, needles, mapping, run, reported);
    });
}

fn nameless() -> Mapping {
    Mapping {
        start: 0,
        end: 0,
        permissions: String::new(),
        offset: 0,
        inode: 0,
        name: String::new(),
        flags: String::new(),
    }
}

fn segments(file: &File) -> Result<Vec<Segment>, Error> {
    let mut header = [0; 64];
    read(file, 0, &mut header)?;
    // 64 bits, little-endian.
    if header[..6] != *b"\x7fELF\x02\x01" || word(&header, 16, 2)? != CORE || word(&header, 54, 2)? != 56 {
        return Err(malformed());
    }
    let (offset, mut count) = (word(&header, 32, 8)?, word(&header, 56, 2)?);
    if count == 0xFFFF {
        // Too many for the header: the first section's `sh_info` has the number.
        let mut section = [0; 64];
        read(file, word(&header, 40, 8)?, &mut section)?;
        count = word(&section, 44, 4)?;
    }
    let length = file.metadata().map_err(|error| Error::io("reading the core file", &error))?.len();
    let mut segments = Vec::new();
    for number in 0..count {
        let mut entry = [0; 56];
        read(file, offset.checked_add(number * 56).ok_or_else(malformed)?, &mut entry)?;
        let segment = Segment {
            kind: word(&entry, 0, 4)?,
            flags: word(&entry, 4, 4)?,
            offset: word(&entry, 8, 8)?,
            address: word(&entry, 16, 8)?,
            stored: word(&entry, 32, 8)?,
            length: word(&entry, 40, 8)?,
        };
        if segment.stored > 0 && segment.offset.checked_add(segment.stored).is_none_or(|end| end > length) {
            return Err(Error::Malformed {
                what: "a core file that was cut off (a full disk, or a limit on its size)",
            });
        }
        segments.push(segment);
    }
    Ok(segments)
}

/// The notes' types and contents: name length, length, type, name, content, each part padded to four bytes.
fn parse_notes(bytes: &[u8]) -> Result<Vec<(u64, Zeroizing<Vec<u8>>)>, Error> {
    let mut notes = Vec::new();
    let mut at = 0;
    while at + 12 <= bytes.len() {
        let (name, length, kind) =
            (word(bytes, at, 4)? as usize, word(bytes, at + 4, 4)? as usize, word(bytes, at + 8, 4)?);
        let start = at + 12 + name.next_multiple_of(4);
        let content = bytes.get(start..start + length).ok_or_else(malformed)?;
        notes.push((kind, Zeroizing::new(content.to_vec())));
        at = start + length.next_multiple_of(4);
    }
    Ok(notes)
}

/// The mapped files: count, page size, then start, end and offset of each, then their names, each ended by a zero byte.
fn parse_files(bytes: &[u8]) -> Result<Vec<(u64, u64, String)>, Error> {
    let count = usize::try_from(word(bytes, 0, 8)?).map_err(|_| malformed())?;
    let names_at = count.checked_mul(24).and_then(|length| length.checked_add(16)).ok_or_else(malformed)?;
    let names = bytes.get(names_at..).ok_or_else(malformed)?.split(|byte| *byte == 0);
    (0..count)
        .zip(names)
        .map(|(number, name)| {
            let at = 16 + number * 24;
            Ok((word(bytes, at, 8)?, word(bytes, at + 8, 8)?, String::from_utf8_lossy(name).into_owned()))
        })
        .collect()
}

/// `length` bytes at `at`, little-endian.
fn word(bytes: &[u8], at: usize, length: usize) -> Result<u64, Error> {
    let bytes = bytes.get(at..at + length).ok_or_else(malformed)?;
    Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn read(file: &File, at: u64, into: &mut [u8]) -> Result<(), Error> {
    file.read_exact_at(into, at).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => malformed(),
        _ => Error::io("reading the core file", &error),
    })
}

fn malformed() -> Error {
    Error::Malformed { what: "a core file" }
}
