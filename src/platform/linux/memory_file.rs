//! A file that is memory only, for another program to read by a path, and that nobody but this process can change.

use core::ptr::{self, NonNull};
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::{FileExt, PermissionsExt};

use super::{advise_no_dump, advise_not_in_children, last_error, lock};
use crate::error::Error;

/// Anonymous memory with a descriptor (`memfd_create(2)`), mapped here before it was sealed: from then on no descriptor can write it,
/// no program can map it for writing or change its size, and this mapping alone can still wipe it (`F_SEAL_FUTURE_WRITE`, Linux 5.1).
pub(crate) struct MemoryFile {
    file: File,
    start: NonNull<u8>,
    length: usize,
    locked: Result<(), i32>,
}

impl MemoryFile {
    /// Zeros, `length` bytes of them, at least 1.
    ///
    /// # Errors
    /// [`Error::System`] with the call that the system refused.
    pub(crate) fn new(length: usize) -> Result<Self, Error> {
        let failed = |call| move |os_error| Error::System { call, os_error };
        let of_io = |error: io::Error| error.raw_os_error().unwrap_or_default();
        let file = create().map_err(failed("memfd_create"))?;
        // Others of the same user, the child too, cannot open it for writing.
        file.set_permissions(Permissions::from_mode(0o400)).map_err(of_io).map_err(failed("fchmod"))?;
        file.set_len(length as u64).map_err(of_io).map_err(failed("ftruncate"))?;
        // SAFETY: a new mapping of the whole file; no address is asked for, nothing of this process is touched.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        let mapped = if start == libc::MAP_FAILED { None } else { NonNull::new(start.cast::<u8>()) };
        let start = mapped.ok_or_else(|| failed("mmap")(last_error()))?;
        // From here on the mapping is given back when something fails.
        let mut memory = Self { file, start, length, locked: Ok(()) };
        // SAFETY: the pages are this mapping's.
        unsafe {
            memory.locked = lock(start, length);
            advise_no_dump(start, length).map_err(failed("madvise"))?;
            advise_not_in_children(start, length).map_err(failed("madvise"))?;
        }
        let seals = libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_FUTURE_WRITE | libc::F_SEAL_SEAL;
        // SAFETY: the descriptor is the file's own; touches no memory.
        if unsafe { libc::fcntl(memory.file.as_raw_fd(), libc::F_ADD_SEALS, seals) } != 0 {
            return Err(failed("fcntl(F_ADD_SEALS)")(last_error()));
        }
        Ok(memory)
    }

    /// Whether its pages are locked in memory, or the error number.
    pub(crate) fn locked(&self) -> Result<(), i32> {
        self.locked
    }

    /// The bytes, of which this is the only view that can change them.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the mapping has that many bytes, is borrowed exclusively, and nobody else can write them; a program that reads them
        // meanwhile is another process.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }

    /// A descriptor for reading alone, at offset 0.
    pub(crate) fn reader(&self) -> io::Result<File> {
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        File::open(path)
    }

    /// Whether every byte is zero as others see it, by reading the file and not the mapping.
    pub(crate) fn reads_zero(&self) -> io::Result<bool> {
        let (mut block, mut at) = ([0xFFu8; 4096], 0u64);
        loop {
            match self.file.read_at(&mut block, at)? {
                0 => return Ok(at == self.length as u64),
                count if block.iter().take(count).all(|byte| *byte == 0) => at += count as u64,
                _ => return Ok(false),
            }
        }
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's, and no reference into it is left.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

fn create() -> Result<File, i32> {
    /// Never to be run as a program; unknown before Linux 6.3.
    const MFD_NOEXEC_SEAL: libc::c_uint = 8;
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let mut outcome = Err(0);
    for flags in [flags | MFD_NOEXEC_SEAL, flags] {
        // SAFETY: the name is a string that ends with zero; the call makes a descriptor and touches no other memory.
        let descriptor = unsafe { libc::memfd_create(c"shokyo".as_ptr(), flags) };
        if descriptor >= 0 {
            // SAFETY: the descriptor is new, and nobody else's.
            return Ok(unsafe { File::from_raw_fd(descriptor) });
        }
        outcome = Err(last_error());
    }
    outcome
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mapping_changes_what_is_sealed() {
        let mut memory = MemoryFile::new(5000).unwrap();
        memory.bytes().fill(7);
        assert!(!memory.reads_zero().unwrap());
        let mut seen = [0; 5001];
        assert_eq!(memory.reader().unwrap().read_at(&mut seen, 0).unwrap(), 5000);
        assert!(seen[..5000].iter().all(|byte| *byte == 7));
        // Also for root, whom permissions do not stop, and for the descriptor that it was made with.
        assert!(memory.file.write_at(b"x", 0).is_err());
        assert!(memory.file.set_len(4).is_err() && memory.file.set_len(10_000).is_err());
        memory.bytes().fill(0);
        assert!(memory.reads_zero().unwrap());
    }
}
