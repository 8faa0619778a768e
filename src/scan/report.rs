//! What a scan found, as numbers and in words.

use std::collections::BTreeMap;
use std::fmt;

use super::encodings::Encoding;
use super::needles::NeedleKind;

/// How many hits of one kind are kept; all are counted.
pub const HITS_KEPT: usize = 64;

/// Where a piece was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory.
    Memory {
        /// Address of the first byte.
        address: u64,
        /// The mapping's path or name; empty for unnamed memory.
        mapping: String,
        /// The mapping's permissions, such as `rw-p`.
        permissions: String,
        /// The mapping's kernel flags (`VmFlags`): `lo` locked, `dd` not dumped, `wf` wiped on fork.
        flags: String,
        /// Which part of a thread's stack; `None` when no thread's stack pointer points into the mapping.
        stack: Option<StackPart>,
    },
    /// In a register.
    Register {
        /// The thread.
        thread: i32,
        /// The register set: `general`, `floating-point`, `xsave`, `sve`.
        set: &'static str,
        /// Offset of the first byte in the set.
        offset: usize,
        /// The register's name.
        register: String,
    },
}

/// A part of a stack that a thread is using.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackPart {
    /// Above the stack pointer, or in the red zone below it: frames of calls that have not returned.
    Live,
    /// Below: what calls that have returned left behind.
    Dead,
}

/// A mapping that was come across, and how much of it was searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenMapping {
    /// First address.
    pub start: u64,
    /// Address after the last.
    pub end: u64,
    /// Its path or name; empty for unnamed memory.
    pub name: String,
    /// Its permissions.
    pub permissions: String,
    /// Its kernel flags; empty for a core file.
    pub flags: String,
    /// Bytes that were searched.
    pub searched_bytes: u64,
    /// Bytes that were never touched, or that the kernel left out of the core file.
    pub untouched_bytes: u64,
}

/// One stretch that equals a stretch of a needle. It holds no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where.
    pub place: Place,
    /// Bytes.
    pub length: u64,
    /// What.
    pub what: NeedleKind,
    /// How it is written.
    pub encoding: Encoding,
    /// Which of the [merged](super::Needles::merge) needles, from 0.
    pub needle: usize,
    /// Offset of the first byte in the document, key or marker, or in its encoded form.
    pub offset: u64,
}

/// Why memory could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnreadableReason {
    /// A page that the kernel shows to every process (`[vvar]`, `[vsyscall]`): no process can write there.
    KernelPage,
    /// Behind the end of a mapped file, where nothing is.
    PastEndOfFile,
    /// `memfd_secret`: cannot be read from outside, so a scan proves nothing about it. Scan with secret memory off.
    SecretMemory,
    /// Memory of a device.
    Device,
    /// The kernel refused.
    Refused {
        /// The operating system's error number.
        os_error: i32,
    },
}

impl UnreadableReason {
    /// Whether nothing of the process can be there.
    #[must_use]
    pub const fn is_explained(self) -> bool {
        matches!(self, Self::KernelPage | Self::PastEndOfFile)
    }
}

/// Memory, or a register set (with addresses 0), that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// First address.
    pub start: u64,
    /// Address after the last.
    pub end: u64,
    /// The mapping's path or name.
    pub name: String,
    /// The mapping's permissions.
    pub permissions: String,
    /// The mapping's kernel flags.
    pub flags: String,
    /// Why.
    pub reason: UnreadableReason,
}

/// What one scan of one process found. Hits stand in a fixed order: registers by thread, then memory by address.
#[derive(Clone, Debug)]
pub struct ScanReport {
    /// The process.
    pub pid: i32,
    /// Whether the control marker was found in memory. If not, the scan looked in the wrong place and proves nothing.
    pub control_found: bool,
    /// The first [`HITS_KEPT`] hits of each kind.
    pub hits: Vec<Hit>,
    /// How many hits there were, by kind.
    pub counts: BTreeMap<NeedleKind, u64>,
    /// Bytes of memory and registers that were searched.
    pub bytes_scanned: u64,
    /// Bytes of private memory that the process reserved and never touched: they read as zeros.
    pub untouched_bytes: u64,
    /// Mappings, readable or not.
    pub mappings_scanned: usize,
    /// Every mapping in the order of addresses, readable or not.
    pub mappings: Vec<SeenMapping>,
    /// Threads whose registers were searched.
    pub threads: usize,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// Whether every needle has enough distinctive pieces for a copy of it to be noticed.
    pub assessable: bool,
    /// Pieces that were looked for.
    pub distinctive_needles: u64,
    /// Pieces left out because they are too plain to tell anything (few different bytes).
    pub plain_needles: u64,
    /// Pieces left out because the baseline found them before.
    pub known_needles: u64,
}

#[cfg(target_os = "linux")]
impl SeenMapping {
    pub(super) fn new(mapping: crate::platform::inspect::Mapping, searched_bytes: u64, untouched_bytes: u64) -> Self {
        let (start, end) = (mapping.start, mapping.end);
        let (name, permissions, flags) = (mapping.name, mapping.permissions, mapping.flags);
        Self { start, end, name, permissions, flags, searched_bytes, untouched_bytes }
    }
}

impl ScanReport {
    /// Control found, needles assessable, no hit, and nothing unreadable but what is [explained](UnreadableReason::is_explained).
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.control_found && self.assessable && self.total_hits() == 0 && self.unexplained().next().is_none()
    }

    /// How many hits there were.
    #[must_use]
    pub fn total_hits(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many hits of one kind there were.
    #[must_use]
    pub fn hits_of(&self, kind: NeedleKind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    /// Pieces that were left out: too plain, or known from the baseline.
    #[must_use]
    pub const fn excluded_needles(&self) -> u64 {
        self.plain_needles + self.known_needles
    }

    /// What could not be read although something could be there.
    pub fn unexplained(&self) -> impl Iterator<Item = &Unreadable> {
        self.unreadable.iter().filter(|memory| !memory.reason.is_explained())
    }

    /// Counts a hit, and keeps it if there is room for its kind. Returns its number among the kept.
    pub(super) fn add(&mut self, hit: Hit) -> Option<usize> {
        let count = self.counts.entry(hit.what).or_default();
        *count += 1;
        (*count <= HITS_KEPT as u64).then(|| {
            self.hits.push(hit);
            self.hits.len() - 1
        })
    }
}

impl fmt::Display for ScanReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_clean() {
            "clean"
        } else if self.total_hits() > 0 {
            "NOT CLEAN"
        } else if !self.control_found {
            "PROVES NOTHING, the control marker was not found"
        } else if !self.assessable {
            "NOT ASSESSABLE, too few distinctive pieces"
        } else {
            "INCOMPLETE, some memory could not be read"
        };
        writeln!(
            f,
            "process {}: {verdict}; {} threads, {} mappings, {} KiB searched ({} KiB never touched) for {} distinctive pieces; left out: {} \
             too plain, {} known before",
            self.pid,
            self.threads,
            self.mappings_scanned,
            self.bytes_scanned / 1024,
            self.untouched_bytes / 1024,
            self.distinctive_needles,
            self.plain_needles,
            self.known_needles
        )?;
        for (kind, count) in &self.counts {
            let kept = self.hits.iter().filter(|hit| hit.what == *kind).count();
            writeln!(f, "  {kind}: {count} found, {kept} listed")?;
        }
        for hit in &self.hits {
            writeln!(f, "  {hit}")?;
        }
        for memory in &self.unreadable {
            writeln!(f, "  {memory}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of {} ", self.length, self.what)?;
        if self.encoding != Encoding::Plain {
            write!(f, "({}) ", self.encoding)?;
        }
        write!(f, "from byte {} ", self.offset)?;
        match &self.place {
            Place::Memory { address, mapping, permissions, flags, stack } => {
                let name = if mapping.is_empty() { "unnamed memory" } else { mapping };
                let part = match stack {
                    Some(StackPart::Live) => "live stack, ",
                    Some(StackPart::Dead) => "dead stack, ",
                    None => "",
                };
                write!(f, "at {address:#x} in {part}{name} ({permissions}; {flags})")
            }
            Place::Register { thread, set, register, .. } => write!(f, "in {register} ({set}) of thread {thread}"),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "unnamed memory" } else { &self.name };
        write!(f, "not readable: {name}")?;
        if self.end > self.start {
            write!(f, " {:#x}-{:#x} ({}; {})", self.start, self.end, self.permissions, self.flags)?;
        }
        match self.reason {
            UnreadableReason::KernelPage => f.write_str(": the kernel's own page, the same in every process"),
            UnreadableReason::PastEndOfFile => f.write_str(": behind the end of the file, nothing is there"),
            UnreadableReason::SecretMemory => {
                f.write_str(": secret memory, nothing is known about it; scan with it switched off")
            }
            UnreadableReason::Device => f.write_str(": a device's memory"),
            UnreadableReason::Refused { os_error } => write!(f, ": refused by the kernel (os error {os_error})"),
        }
    }
}
