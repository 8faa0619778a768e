//! Walking through everything readable of a stopped process: each thread's registers, then every mapping in address order, in
//! bounded blocks. What cannot be read is listed with the reason, never passed over in silence.

use std::io;
use std::time::Instant;

use zeroize::Zeroizing;

use super::report::{SeenMapping, Unreadable, UnreadableReason};
use super::search::OVERLAP;
use crate::error::Error;
use crate::platform::inspect::{Mapping, RegisterSet, StoppedProcess};

/// Bytes read at once.
const BLOCK: usize = 1 << 20;

/// What a walk passed.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) bytes: u64,
    pub(super) untouched_bytes: u64,
    pub(super) mappings: Vec<SeenMapping>,
    pub(super) unreadable: Vec<Unreadable>,
}

/// The registers of all threads, with the thread of each set.
pub(super) fn registers(process: &StoppedProcess, walked: &mut Walked) -> Result<Vec<(i32, RegisterSet)>, Error> {
    let mut sets = Vec::new();
    for thread in process.threads() {
        let file = process.registers(thread)?;
        sets.extend(file.sets.into_iter().map(|set| (thread, set)));
        for (set, os_error) in file.missing {
            walked.unreadable.push(Unreadable {
                start: 0,
                end: 0,
                name: format!("{set} registers of thread {thread}"),
                permissions: String::new(),
                flags: String::new(),
                reason: UnreadableReason::Refused { os_error },
            });
        }
    }
    Ok(sets)
}

/// Gives every readable block to `visit`: its mapping, address and bytes, and whether it begins with the last [`OVERLAP`] bytes of the
/// block before.
pub(super) fn memory(
    process: &StoppedProcess,
    deadline: Instant,
    walked: &mut Walked,
    mut visit: impl FnMut(&Mapping, u64, &[u8], bool),
) -> Result<(), Error> {
    // The buffer holds another process's memory: it is zeroed at the end.
    let mut buffer = Zeroizing::new(vec![0u8; BLOCK + OVERLAP]);
    for mapping in process.mappings()? {
        let (mut touched, before) = (0, walked.bytes);
        for (start, end) in process.touched(&mapping)? {
            touched += end - start;
            range(process, &mapping, start..end, deadline, &mut buffer, walked, &mut visit)?;
        }
        let untouched = mapping.length() - touched;
        walked.untouched_bytes += untouched;
        let searched = walked.bytes - before;
        walked.mappings.push(SeenMapping::new(mapping, searched, untouched));
    }
    Ok(())
}

fn range(
    process: &StoppedProcess,
    mapping: &Mapping,
    range: std::ops::Range<u64>,
    deadline: Instant,
    buffer: &mut [u8],
    walked: &mut Walked,
    visit: &mut impl FnMut(&Mapping, u64, &[u8], bool),
) -> Result<(), Error> {
    let mut address = range.start;
    // Bytes of the block before that stand at the buffer's start.
    let mut kept = 0;
    while address < range.end {
        if Instant::now() > deadline {
            return Err(Error::Io {
                what: "scanning the process; it runs on, nothing is known",
                kind: io::ErrorKind::TimedOut,
            });
        }
        let wanted = usize::try_from(range.end - address).unwrap_or(BLOCK).min(BLOCK);
        match process.read(address, &mut buffer[kept..kept + wanted]) {
            Ok(count) => {
                let filled = kept + count;
                visit(mapping, address - kept as u64, &buffer[..filled], kept > 0);
                walked.bytes += count as u64;
                address += count as u64;
                let keep = filled.min(OVERLAP);
                buffer.copy_within(filled - keep..filled, 0);
                kept = keep;
            }
            Err(Error::System { os_error, .. }) => {
                let page_end = (address / process.page_size() + 1) * process.page_size();
                unreadable(process, mapping, address..page_end.min(range.end), os_error, walked);
                address = page_end;
                kept = 0;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Lists unreadable memory, neighbours together.
fn unreadable(
    process: &StoppedProcess,
    mapping: &Mapping,
    range: std::ops::Range<u64>,
    os_error: i32,
    walked: &mut Walked,
) {
    let neighbour = walked.unreadable.last_mut().filter(|last| last.end == range.start && last.start >= mapping.start);
    if let Some(last) = neighbour {
        last.end = range.end;
        return;
    }
    walked.unreadable.push(Unreadable {
        start: range.start,
        end: range.end,
        name: mapping.name.clone(),
        permissions: mapping.permissions.clone(),
        flags: mapping.flags.clone(),
        reason: reason(process, mapping, range.start, os_error),
    });
}

fn reason(process: &StoppedProcess, mapping: &Mapping, address: u64, os_error: i32) -> UnreadableReason {
    if mapping.is_kernel_page() {
        UnreadableReason::KernelPage
    } else if mapping.name.starts_with("/secretmem") {
        UnreadableReason::SecretMemory
    } else if mapping.has_flag("io") || mapping.has_flag("pf") {
        UnreadableReason::Device
    } else {
        // A page wholly behind the end of its file cannot be read by anyone.
        let offset = mapping.offset + (address - mapping.start);
        match process.file_length(mapping) {
            Some(length) if offset >= length => UnreadableReason::PastEndOfFile,
            _ => UnreadableReason::Refused { os_error },
        }
    }
}
