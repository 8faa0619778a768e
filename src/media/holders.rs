//! Which other processes have a file open.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;

/// Other processes that have the file open, and whether all processes could be looked at.
pub(super) struct Holders {
    pub(super) processes: u64,
    pub(super) complete: bool,
}

/// Looks through `/proc/PID/fd`. A process that opens the file later is not seen.
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
                let holds = descriptors.flatten().any(|one| fs::metadata(one.path()).is_ok_and(same));
                holders.processes += u64::from(holds);
            }
            // It ended meanwhile; or it is another user's.
            Err(error) => holders.complete &= error.kind() == std::io::ErrorKind::NotFound,
        }
    }
    holders
}
