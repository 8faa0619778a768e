//! A core file as the kernel writes it (ELF-64, System V ABI chapter 4 and 5; `core(5)`): notes with the registers of each
//! thread, and a segment for each mapping.
//!
//! A file that was cut off, or that is not understood, is an error: never a clean scan of a part.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::linux::{Found, add_register_hits, empty_report, stack_pointers};
use super::needles::Needles;
use super::report::{ScanReport, SeenMapping};
use super::search::{MemorySearch, OVERLAP};
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

/// A note's type and content, which may be registers.
type Note = (u64, Zeroizing<Vec<u8>>);

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
                Search { needles, control, stacks: &[] }.note(&bytes, &note, &mut report);
            }
        }
    }
    if report.threads == 0 {
        return Err(malformed());
    }
    add_register_hits(&sets, needles, None, &mut report);
    let search = Search { needles, control, stacks: &stack_pointers(&sets) };
    for segment in segments.iter().filter(|segment| segment.kind == LOAD) {
        let mapping = mapping(segment, &names);
        search.load(&file, segment, &mapping, &mut report)?;
        let left_out = segment.length.saturating_sub(segment.stored);
        report.untouched_bytes += left_out;
        report.mappings.push(SeenMapping::new(mapping, segment.stored, left_out));
    }
    report.mappings_scanned = report.mappings.len();
    Ok(report)
}

fn mapping(segment: &Segment, names: &[(u64, u64, String)]) -> Mapping {
    let name = names.iter().find(|(start, end, _)| (*start..*end).contains(&segment.address));
    Mapping {
        start: segment.address,
        end: segment.address.saturating_add(segment.length),
        permissions: [(4, 'r'), (2, 'w'), (1, 'x')]
            .map(|(bit, c)| if segment.flags & bit > 0 { c } else { '-' })
            .iter()
            .collect(),
        name: name.map(|(_, _, name)| name.clone()).unwrap_or_default(),
        ..nameless()
    }
}

/// What is looked for, and what is known of the threads.
struct Search<'a> {
    needles: &'a Needles,
    control: &'a [u8],
    stacks: &'a [u64],
}

impl Search<'_> {
    /// Searches the stored bytes of a mapping, in blocks that overlap.
    fn load(&self, file: &File, segment: &Segment, mapping: &Mapping, report: &mut ScanReport) -> Result<(), Error> {
        let mut buffer = Zeroizing::new(vec![0u8; BLOCK + OVERLAP]);
        let mut search = MemorySearch::new(self.needles, None);
        let mut found = Found::new(report, self.needles, self.stacks);
        let (mut at, mut kept) = (0, 0);
        while at < segment.stored {
            let wanted = usize::try_from(segment.stored - at).unwrap_or(BLOCK).min(BLOCK);
            read(file, segment.offset + at, &mut buffer[kept..kept + wanted])?;
            let filled = kept + wanted;
            let bytes = &buffer[..filled];
            found.control(bytes, self.control);
            search.block(segment.address + at - kept as u64, bytes, kept > 0, |run, reported| {
                found.add(mapping, run, reported);
            });
            at += wanted as u64;
            let keep = filled.min(OVERLAP);
            buffer.copy_within(filled - keep..filled, 0);
            kept = keep;
        }
        report.bytes_scanned += segment.stored;
        Ok(())
    }

    /// Searches a note.
    fn note(&self, bytes: &[u8], mapping: &Mapping, report: &mut ScanReport) {
        let mut found = Found::new(report, self.needles, self.stacks);
        found.control(bytes, self.control);
        let mut search = MemorySearch::new(self.needles, None);
        search.block(0, bytes, false, |run, reported| found.add(mapping, run, reported));
    }
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
fn parse_notes(bytes: &[u8]) -> Result<Vec<Note>, Error> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::report::Place;
    use super::*;

    const CONTROL: [u8; 32] = *b"\x01\x92\x13\x84\x75\x06\xf7\xe8\xd9\xca\xbb\xac\x9d\x8e\x7f\x60\x51\x42\x33\x24\x15\x07\xf6\xe5\xd4\xc3\xb2\xa1\x90\x8f\x7e\x6d";
    const SECRET: [u8; 24] =
        *b"\xa3\x14\x05\xb6\xc7\xd8\xe9\xfa\x0b\x1c\x2d\x3e\x4f\x50\x61\x72\x83\x94\xa5\xb7\xc6\xd5\xe4\xf3";

    fn note(kind: u32, content: &[u8]) -> Vec<u8> {
        let mut note = Vec::new();
        for word in [5, content.len() as u32, kind] {
            note.extend(word.to_le_bytes());
        }
        note.extend(b"CORE\0\0\0\0");
        note.extend(content);
        note.resize(note.len().next_multiple_of(4), 0);
        note
    }

    /// One thread, whose general registers begin with `register`, and one mapping.
    fn core(register: &[u8], memory: &[u8]) -> Vec<u8> {
        let mut status = vec![0; REGISTERS + 27 * 8 + 8];
        status[THREAD..THREAD + 4].copy_from_slice(&77u32.to_le_bytes());
        status[REGISTERS..REGISTERS + register.len()].copy_from_slice(register);
        let mut notes = note(1, &status);
        let mut files: Vec<u8> = [1u64, 4096, 0x5000, 0x9000, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
        files.extend(b"/usr/lib/a library\0");
        notes.extend(note(0x4649_4C45, &files));
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(64, 0);
        file[16] = 4;
        file[32] = 64;
        file[54] = 56;
        file[56] = 2;
        let start = 64 + 2 * 56;
        for (kind, flags, offset, address, stored, length) in [
            (4u32, 0u32, start, 0, notes.len(), 0),
            (1, 6, start + notes.len(), 0x5000, memory.len(), memory.len() + 4096),
        ] {
            file.extend(kind.to_le_bytes());
            file.extend(flags.to_le_bytes());
            for word in [offset, address, 0, stored, length, 4096] {
                file.extend((word as u64).to_le_bytes());
            }
        }
        file.extend(notes);
        file.extend(memory);
        file
    }

    fn scanned(file: &[u8]) -> Result<ScanReport, Error> {
        let path =
            std::env::temp_dir().join(format!("shokyo-core-{}-{:?}", std::process::id(), std::thread::current().id()));
        std::fs::write(&path, file).unwrap();
        let report = scan(&path, &Needles::marker(&SECRET), &CONTROL);
        std::fs::remove_file(&path).unwrap();
        report
    }

    #[test]
    fn registers_and_mappings_of_a_core_are_looked_through() {
        // Across the edge of two blocks, too.
        let mut memory = vec![0x11; BLOCK + 100];
        memory[500..532].copy_from_slice(&CONTROL);
        let clean = scanned(&core(&[0; 8], &memory)).unwrap();
        assert!(clean.is_clean() && clean.threads == 1 && clean.pid == 77, "{clean}");
        assert_eq!((clean.mappings_scanned, clean.untouched_bytes), (1, 4096));

        memory[BLOCK - 10..BLOCK + 14].copy_from_slice(&SECRET);
        let report = scanned(&core(&SECRET[..16], &memory)).unwrap();
        assert_eq!(report.total_hits(), 2, "{report}");
        let Place::Register { thread: 77, register, .. } = &report.hits[0].place else { panic!("{report}") };
        assert!(cfg!(not(target_arch = "x86_64")) || register == "r15", "{report}");
        let Place::Memory { address, mapping, permissions, .. } = &report.hits[1].place else { panic!("{report}") };
        assert_eq!((*address, report.hits[1].length), (0x5000 + BLOCK as u64 - 10, 24));
        assert_eq!((mapping.as_str(), permissions.as_str()), ("/usr/lib/a library", "rw-"));
    }

    #[test]
    fn a_core_without_the_control_marker_proves_nothing() {
        let report = scanned(&core(&[0; 8], &[0x11; 100])).unwrap();
        assert!(!report.control_found && !report.is_clean(), "{report}");
    }

    #[test]
    fn a_core_that_was_cut_off_or_is_none_is_refused() {
        let whole = core(&[0; 8], &CONTROL);
        assert!(scanned(&whole).is_ok());
        for length in 0..whole.len() {
            assert!(scanned(&whole[..length]).is_err(), "{length} bytes");
        }
        let mut program = whole.clone();
        program[16] = 2;
        assert!(scanned(&program).is_err());
        let mut other = whole;
        other[4] = 1;
        assert!(scanned(&other).is_err());
    }
}
