//! What Linux says about a file below its bytes: where its blocks are, what the file system does with them, and reading past the
//! page cache.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Where one stretch of a file is on its device (`struct fiemap_extent`, `linux/fiemap.h`). In bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The offset in the file.
    pub(crate) logical: u64,
    /// The offset on the device.
    pub(crate) physical: u64,
    /// How long it is.
    pub(crate) length: u64,
    flags: u32,
}

impl Extent {
    #[cfg(test)]
    pub(crate) const fn new(logical: u64, physical: u64, length: u64) -> Self {
        Self { logical, physical, length, flags: 0 }
    }

    /// Other files have these blocks too (`FIEMAP_EXTENT_SHARED`).
    pub(crate) const fn is_shared(&self) -> bool {
        self.flags & 0x2000 != 0
    }

    /// The bytes stand in the file system's own structures, or compressed or encrypted (`DATA_INLINE`, `DATA_TAIL`, `ENCODED`).
    pub(crate) const fn is_transformed(&self) -> bool {
        self.flags & (0x200 | 0x400 | 0x8) != 0
    }

    /// The file system does not say where (`UNKNOWN`, `DELALLOC`).
    pub(crate) const fn is_nowhere(&self) -> bool {
        self.flags & (0x2 | 0x4) != 0
    }

    /// Reserved and never written (`UNWRITTEN`).
    pub(crate) const fn is_unwritten(&self) -> bool {
        self.flags & 0x800 != 0
    }
}

const EXTENTS: usize = 256;

/// `struct fiemap` with room for extents.
#[repr(C)]
struct Fiemap {
    start: u64,
    length: u64,
    flags: u32,
    mapped: u32,
    count: u32,
    reserved: u32,
    extents: [RawExtent; EXTENTS],
}

#[repr(C)]
#[derive(Clone, Copy)]
struct RawExtent {
    logical: u64,
    physical: u64,
    length: u64,
    reserved64: [u64; 2],
    flags: u32,
    reserved: [u32; 3],
}

/// Where the whole file is, after everything written to it has a place (`FS_IOC_FIEMAP` with `FIEMAP_FLAG_SYNC`).
///
/// # Errors
/// The file system cannot say: `EOPNOTSUPP`, `ENOTTY`. Or the file has more than about a million stretches.
pub(crate) fn extents(file: &File) -> io::Result<Vec<Extent>> {
    const FLAG_SYNC: u32 = 1;
    const LAST: u32 = 1;
    /// `_IOWR('f', 11, struct fiemap)`, whose extents do not count.
    const FS_IOC_FIEMAP: libc::c_ulong = 0xC020_660B;
    let mut found = Vec::new();
    let empty = RawExtent { logical: 0, physical: 0, length: 0, reserved64: [0; 2], flags: 0, reserved: [0; 3] };
    let mut start = 0;
    for _ in 0..4096 {
        let mut map = Box::new(Fiemap {
            start,
            length: u64::MAX - start,
            flags: FLAG_SYNC,
            mapped: 0,
            count: EXTENTS as u32,
            reserved: 0,
            extents: [empty; EXTENTS],
        });
        // SAFETY: the descriptor is the file's; the kernel writes the header and at most `count` extents, for which there is room.
        if unsafe { libc::ioctl(file.as_raw_fd(), FS_IOC_FIEMAP as _, &raw mut *map) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let mapped = map.extents.iter().take(map.mapped as usize);
        found.extend(mapped.map(|raw| Extent {
            logical: raw.logical,
            physical: raw.physical,
            length: raw.length,
            flags: raw.flags,
        }));
        match map.extents.iter().take(map.mapped as usize).next_back() {
            Some(last) if last.flags & LAST == 0 && last.length > 0 => start = last.logical + last.length,
            _ => return Ok(found),
        }
    }
    Err(io::ErrorKind::FileTooLarge.into())
}

/// A file's attributes (`FS_IOC_GETFLAGS`, as `lsattr` shows them).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attributes(u32);

impl Attributes {
    /// Its content goes through the journal too (`j`).
    pub(crate) const fn is_journalled(self) -> bool {
        self.0 & 0x4000 != 0
    }

    /// It cannot be overwritten (`i`, `a`).
    pub(crate) const fn is_immutable(self) -> bool {
        self.0 & (0x10 | 0x20) != 0
    }

    /// It is stored compressed (`c`).
    pub(crate) const fn is_compressed(self) -> bool {
        self.0 & 0x4 != 0
    }

    /// It is written in place although its file system copies (`C`).
    pub(crate) const fn is_without_copies(self) -> bool {
        self.0 & 0x0080_0000 != 0
    }
}

/// The file's attributes; none where the file system has none.
pub(crate) fn attributes(file: &File) -> Attributes {
    /// `_IOR('f', 1, long)`
    const FS_IOC_GETFLAGS: libc::c_ulong = libc::FS_IOC_GETFLAGS as libc::c_ulong;
    let mut flags: libc::c_long = 0;
    // SAFETY: the descriptor is the file's; the kernel writes an int, for which a long has room.
    let status = unsafe { libc::ioctl(file.as_raw_fd(), FS_IOC_GETFLAGS as _, &raw mut flags) };
    // The kernel writes the first four bytes of it, whatever their order.
    let bytes = flags.to_ne_bytes();
    let written = bytes.first_chunk::<4>().copied().unwrap_or_default();
    Attributes(if status == 0 { u32::from_ne_bytes(written) } else { 0 })
}

/// Opens an existing file to be overwritten: never through a symbolic link, never waiting for a pipe's other end.
pub(crate) fn open_in_place(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// Whether [`open_in_place`] failed because the last name is a symbolic link.
pub(crate) fn is_symbolic_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ELOOP)
}

/// Opens the very file of `file` again for reading past the page cache (`O_DIRECT`).
///
/// # Errors
/// `EINVAL` where the file system has no such reading.
pub(crate) fn open_direct(file: &File) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path)
}

/// Asks the kernel to forget what it has of the file in its page cache, which must be written back before. Best effort.
pub(crate) fn forget_cached(file: &File) {
    // SAFETY: advice about a descriptor; touches no memory.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
}

/// The user whose files the process may overwrite.
pub(crate) fn effective_user() -> u32 {
    // SAFETY: only asks.
    unsafe { libc::geteuid() }
}
