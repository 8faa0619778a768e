//! What was done to a file, and what may be left of it all the same.

use core::fmt;

/// What overwriting a file did. It never says "erased": see [`Overwritten::CLAIM`] and [`Overwritten::remainders`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overwritten {
    /// Bytes that were overwritten with zeros, once, and made durable (`fsync`).
    pub bytes: u64,
    /// From where every one of them was read back as zero.
    pub read_back: ReadBack,
    /// Whether the zeros went to the blocks that held the content.
    pub blocks: Blocks,
    /// The file system's type, such as `ext4`; `unknown` where the kernel does not say.
    pub file_system: String,
    /// Whether the file was truncated and its name removed.
    pub removed: bool,
    /// What may remain, in a fixed order. Never empty.
    pub remainders: Vec<Remainder>,
}

impl Overwritten {
    /// All that can be claimed.
    pub const CLAIM: &'static str = "overwritten at the file layer";
}

/// From where a file was read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBack {
    /// From the device, past the kernel's page cache (`O_DIRECT`).
    Device,
    /// Through the page cache, which was told to forget the file before: the device may not have been asked.
    Cache,
}

impl ReadBack {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Cache => "cache",
        }
    }
}

/// Whether a file's blocks were the same before and after (`FIEMAP`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// Every block that held content before holds zeros now.
    Same,
    /// The file system put the zeros elsewhere: the old blocks still hold the content.
    Moved,
    /// The file system does not say.
    Unknown,
}

impl Blocks {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Moved => "moved",
            Self::Unknown => "unknown",
        }
    }
}

/// Why and where content may remain although its file was overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Remainder {
    /// Blocks were not overwritten in place.
    OldBlocks,
    /// Where the blocks are could not be seen.
    UnseenBlocks,
    /// Blocks beyond the end of the file, which were reserved for it.
    BeyondTheEnd,
    /// The file system never writes in place.
    CopyOnWrite,
    /// Other files or snapshots share blocks.
    SharedBlocks,
    /// The content stood in structures of the file system, or compressed.
    Transformed,
    /// The journal takes copies of the content.
    DataJournal,
    /// A lower layer may hold the file as it was.
    Overlay,
    /// Another machine stores the file.
    Network,
    /// Memory, which may have been swapped out.
    Memory,
    /// A program in between, which may copy.
    UserSpace,
    /// The device is a file of another file system.
    LoopDevice,
    /// The device is put together from others (LVM, RAID, encryption), which may copy or have snapshots.
    StackedDevice,
    /// The device says that it is not rotational: it puts what is overwritten elsewhere.
    SolidState,
    /// The file system tells the device which blocks are free, and the device decides what becomes of them.
    Discard,
    /// The kernel does not say what the device is.
    UnknownDevice,
    /// The read-back did not reach the device.
    NotReadFromDevice,
    /// This many other names, which show the zeros as well (hard links).
    OtherNames(u64),
    /// This many other processes have the file open or mapped.
    OpenElsewhere(u64),
    /// Who else has the file open could be seen of the own processes only.
    UnseenHolders,
    /// Earlier states of the file, copies and backups. Always.
    EarlierCopies,
    /// Name, size and times in the directory and the journal. Always.
    Names,
    /// What a device keeps of blocks that it replaced. Always, but for files in memory.
    ReplacedSectors,
}

impl Remainder {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OldBlocks => "old-blocks",
            Self::UnseenBlocks => "unseen-blocks",
            Self::BeyondTheEnd => "beyond-the-end",
            Self::CopyOnWrite => "copy-on-write",
            Self::SharedBlocks => "shared-blocks",
            Self::Transformed => "transformed",
            Self::DataJournal => "data-journal",
            Self::Overlay => "overlay",
            Self::Network => "network",
            Self::Memory => "memory",
            Self::UserSpace => "user-space",
            Self::LoopDevice => "loop-device",
            Self::StackedDevice => "stacked-device",
            Self::SolidState => "solid-state",
            Self::Discard => "discard",
            Self::UnknownDevice => "unknown-device",
            Self::NotReadFromDevice => "not-read-from-device",
            Self::OtherNames(_) => "other-names",
            Self::OpenElsewhere(_) => "open-elsewhere",
            Self::UnseenHolders => "unseen-holders",
            Self::EarlierCopies => "earlier-copies",
            Self::Names => "names",
            Self::ReplacedSectors => "replaced-sectors",
        }
    }

    /// Whether it holds for every file on every disk, and says nothing about this one.
    #[must_use]
    pub const fn is_general(self) -> bool {
        matches!(self, Self::EarlierCopies | Self::Names | Self::ReplacedSectors)
    }
}

impl fmt::Display for Remainder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OldBlocks => {
                "the zeros went to other blocks: the old ones still hold the content until they are reused"
            }
            Self::UnseenBlocks => "the file system does not say where its blocks are: they may have moved",
            Self::BeyondTheEnd => "blocks reserved beyond the end of the file were not overwritten",
            Self::CopyOnWrite => "the file system copies on write: old blocks and snapshots keep the content",
            Self::SharedBlocks => "other files or snapshots share blocks of it (reflink) and keep the content",
            Self::Transformed => "the content stood compressed, encrypted or inside the file system's own structures",
            Self::DataJournal => {
                "file content goes through the journal (data=journal), which keeps copies until it wraps round"
            }
            Self::Overlay => "an overlay: if the file came from a lower layer, it is unchanged there",
            Self::Network => "another machine stores it; what was overwritten there cannot be seen from here",
            Self::Memory => "it stands in memory, and may have been swapped out; swapped copies are not overwritten",
            Self::UserSpace => "a program serves this file system (FUSE) and may keep copies",
            Self::LoopDevice => "the device is an image file: its file system may have copies of its own",
            Self::StackedDevice => {
                "the device is made of others (LVM, RAID, encryption); snapshots and mirrors may keep the content"
            }
            Self::SolidState => {
                "a solid-state device: it writes elsewhere and keeps the old cells until it reclaims them"
            }
            Self::Discard => {
                "the device is told which blocks are free (discard), and when they are gone is its own affair"
            }
            Self::UnknownDevice => "the kernel does not say what stores this file system",
            Self::NotReadFromDevice => "it was read back through the page cache; the device may not have been asked",
            Self::OtherNames(count) => {
                return write!(f, "{count} other names (hard links) of the same file stay, and show what it holds now");
            }
            Self::OpenElsewhere(count) => {
                return write!(
                    f,
                    "{count} other processes have it open or mapped, and may have read it into their memory"
                );
            }
            Self::UnseenHolders => {
                "whether processes of other users have it open could not be seen; run as root to see"
            }
            Self::EarlierCopies => {
                "earlier versions, temporary copies by other programs and backups are not known and not overwritten"
            }
            Self::Names => "its name, size and times may stay in the directory, the journal and logs",
            Self::ReplacedSectors => "sectors that the device replaced (a virtual disk's host: any) are out of reach",
        })
    }
}
