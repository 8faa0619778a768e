//! The mappings of a process as `/proc/PID/smaps` lists them, and which of their pages were ever touched.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First address.
    pub start: u64,
    /// Address after the last.
    pub end: u64,
    /// Permissions as the kernel writes them, such as `rw-p`.
    pub permissions: String,
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// The file's inode, 0 for memory without a file.
    pub inode: u64,
    /// Path or name such as `[heap]`; empty for unnamed memory.
    pub name: String,
    /// The kernel's two-letter flags (`VmFlags`), such as `rd wr mr mw me ac lo dd`; empty where the kernel does not tell.
    pub flags: String,
}

impl Mapping {
    /// Bytes from start to end.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether the kernel set this two-letter flag.
    #[must_use]
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.split(' ').any(|set| set == flag)
    }

    /// Memory of this process alone, without a file: a page of it that was never touched holds nothing.
    #[must_use]
    pub fn is_private_anonymous(&self) -> bool {
        self.inode == 0 && self.permissions.ends_with('p') && !self.is_kernel_page() && !self.has_flag("pf")
    }

    /// Pages that the kernel shows to every process and that no process can write: clock data, system call entries.
    #[must_use]
    pub fn is_kernel_page(&self) -> bool {
        matches!(self.name.as_str(), "[vvar]" | "[vvar_vclock]" | "[vdso]" | "[vsyscall]")
    }
}

/// Parses `maps` or `smaps`. Lines of neither form are passed over.
pub(super) fn parse(text: &[u8]) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in String::from_utf8_lossy(text).lines() {
        if let Some(flags) = line.strip_prefix("VmFlags:") {
            if let Some(mapping) = mappings.last_mut() {
                mapping.flags = flags.trim().into();
            }
        } else {
            mappings.extend(parse_head(line));
        }
    }
    mappings
}

fn parse_head(line: &str) -> Option<Mapping> {
    // The first five fields are separated by one space; a name follows after any number of them and may hold spaces.
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let hexadecimal = |text: &str| u64::from_str_radix(text, 16).ok();
    let (start, end) = (hexadecimal(start)?, hexadecimal(end)?);
    let permissions = fields.next()?.to_owned();
    let offset = hexadecimal(fields.next()?)?;
    let _device = fields.next()?;
    let inode = fields.next()?.parse().ok()?;
    let name = fields.next().unwrap_or_default().trim_start().to_owned();
    Some(Mapping { start, end, permissions, offset, inode, name, flags: String::new() })
}

const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const GUARD: u64 = 1 << 58;

/// The page-aligned ranges of `mapping` that are in memory or in swap, from `/proc/PID/pagemap` (one 64-bit word a page).
pub(super) fn touched(states: &File, mapping: &Mapping, page_size: u64) -> io::Result<Vec<(u64, u64)>> {
    const PAGES: u64 = 8192;
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    let mut buffer = vec![0u8; PAGES as usize * 8];
    let mut page = mapping.start / page_size;
    let last = mapping.end / page_size;
    while page < last {
        let count = (last - page).min(PAGES);
        let words = &mut buffer[..count as usize * 8];
        states.read_exact_at(words, page * 8)?;
        for (index, word) in words.chunks_exact(8).enumerate() {
            let state = word.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
            // A guard installed inside a mapping has a swap entry without content.
            if state & (PRESENT | SWAPPED) == 0 || state & GUARD != 0 {
                continue;
            }
            let start = (page + index as u64) * page_size;
            match ranges.last_mut() {
                Some((_, end)) if *end == start => *end += page_size,
                _ => ranges.push((start, start + page_size)),
            }
        }
        page += count;
    }
    Ok(ranges)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn names_with_spaces_flags_and_nameless_memory_are_parsed() {
        let text = b"55d0a0000000-55d0a0021000 rw-p 00000000 00:00 0                          [heap]\n\
            Size:                132 kB\nTHPeligible:           0\nVmFlags: rd wr mr mw me ac sd \n\
            7f0000000000-7f0000001000 ---s 00002000 fe:01 77   /tmp/a b (deleted)\nVmFlags: mr mw me lo dd \n\
            7f0000002000-7f0000003000 rw-p 00000000 00:00 0 \n\
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";
        let mappings = parse(text);
        assert_eq!(mappings.len(), 4);
        assert_eq!((mappings[0].start, mappings[0].length()), (0x55d0_a000_0000, 0x21000));
        assert_eq!((mappings[0].name.as_str(), mappings[0].flags.as_str()), ("[heap]", "rd wr mr mw me ac sd"));
        assert!(mappings[0].is_private_anonymous());
        assert_eq!(
            (mappings[1].name.as_str(), mappings[1].inode, mappings[1].offset),
            ("/tmp/a b (deleted)", 77, 0x2000)
        );
        assert!(mappings[1].has_flag("lo") && !mappings[1].has_flag("l") && !mappings[1].is_private_anonymous());
        assert!(mappings[2].name.is_empty() && mappings[2].is_private_anonymous());
        assert!(mappings[3].is_kernel_page());
    }
}
