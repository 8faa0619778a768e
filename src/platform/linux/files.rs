//! Files and folders that are their owner's alone, and what is known of a file.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
#[cfg(feature = "net")]
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Makes a file that is not there yet, to be written, which nobody but its owner can read or change from its first moment (mode 0600).
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Makes a folder that nobody but its owner can enter (mode 0700).
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Makes the names in a folder durable.
pub(crate) fn synchronise_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Why others than its owner may touch the file, and what to do; nothing when they may not.
#[cfg(feature = "net")]
pub(crate) fn shared_with_others(path: &Path) -> io::Result<Option<String>> {
    let mode = path.metadata()?.permissions().mode() & 0o7777;
    let reason = || format!("others may read or change this key (mode {mode:04o}); run chmod 600 on it");
    Ok((mode & 0o077 != 0).then(reason))
}

/// Opens a file to be read, without waiting for another program where it is a pipe.
#[cfg(feature = "net")]
pub(crate) fn open_without_waiting(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// What tells one version of a file from another: which file it is, how long, and when it was changed.
#[cfg(feature = "net")]
pub(crate) fn version(metadata: &std::fs::Metadata) -> [u64; 4] {
    [metadata.ino(), metadata.len(), metadata.ctime().cast_unsigned(), metadata.ctime_nsec().cast_unsigned()]
}
