//! Which other processes have a file open or mapped.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Other processes that have the file open or mapped, and whether all processes could be looked at.
pub(super) struct Holders {
    pub(super) processes: u64,
    pub(super) complete: bool,
}

/// Looks through `/proc/PID/fd` and `/proc/PID/maps`. A process that opens the file later is not seen.
pub(super) fn of(file: &Metadata) -> Holders {
    let mut holders = Holders { processes: 0, complete: true };
    let Ok(entries) = fs::read_dir("/proc") else { return Holders { processes: 0, complete: false } };
    let own = std::process::id().to_string();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_other_process =
            name.to_str().is_some_and(|name| name != own && name.bytes().all(|b| b.is_ascii_digit()));
        if !is_other_process {
            continue;
        }
        match fs::read_dir(entry.path().join("fd")) {
            Ok(descriptors) => {
                let same = |metadata: Metadata| (metadata.dev(), metadata.ino()) == (file.dev(), file.ino());
                let opened = descriptors.flatten().any(|one| fs::metadata(one.path()).is_ok_and(same));
                holders.processes += u64::from(opened || has_mapped(&entry.path(), file));
            }
            // It ended meanwhile; or it is another user's.
            Err(error) => holders.complete &= error.kind() == std::io::ErrorKind::NotFound,
        }
    }
    holders
}

/// Whether a mapping of the process is of the file (proc(5): address, permissions, offset, device, inode, path).
fn has_mapped(process: &Path, file: &Metadata) -> bool {
    let device = file.dev();
    let (major, minor) = ((device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF_FF00));
    let (device, inode) = (format!("{major:02x}:{minor:02x}"), file.ino().to_string());
    let of_the_file = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(3);
        words.next() == Some(device.as_str()) && words.next() == Some(inode.as_str())
    };
    fs::read_to_string(process.join("maps")).is_ok_and(|maps| maps.lines().any(of_the_file))
}
