//! Overwriting a file in place, and saying what that did.
//!
//! This module must never call a file erased, and never change a file that it refuses.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::Path;

use super::report::{Blocks, Overwritten, ReadBack, Remainder};
use super::{OverwriteOptions, extents, holders, medium};
use crate::error::Error;
use crate::platform::file_layer::{self, Attributes, Extent};
use crate::platform::files;

/// Bytes that are written and read at once.
const BLOCK: usize = 1 << 20;
/// What reading past the page cache must be aligned to: no device asks for more.
const ALIGNMENT: usize = 4096;

/// Overwrites a file with zeros where it stands, makes them durable, reads every byte back, and truncates and unlinks it.
///
/// One pass of zeros is what NIST SP 800-88 calls a *clear* where it reaches the medium; whether it did is the file system's and the
/// device's affair, and the report says what is known about that. Other programs must not write to the file meanwhile.
///
/// # Errors
/// [`Error::Refused`] for anything but a regular file, for a symbolic link, a file of another user or one that is marked unchangeable:
/// nothing was changed. [`Error::NotErased`] when other bytes were read back, after which the file is left as it is. [`Error::Io`].
pub fn overwrite(path: &Path, options: OverwriteOptions) -> Result<Overwritten, Error> {
    let file = open(path)?;
    let (before, attributes) = check(&file, options)?;
    let extents_before = file_layer::extents(&file);
    let holders = holders::of(&before);
    let medium = medium::Medium::of(&file);

    write_zeros(&file, before.len())?;
    let read_back = read_zeros(&file, before.len(), medium.in_memory)?;
    let extents_after = file_layer::extents(&file);
    let blocks = match (&extents_before, &extents_after) {
        (Ok(before), Ok(after)) => extents::compare(before, after),
        _ => Blocks::Unknown,
    };

    let mut remainders = medium.remainders;
    let mut may = |remains: bool, what| remainders.extend(remains.then_some(what));
    let old: &[Extent] = extents_before.as_deref().unwrap_or_default();
    may(blocks == Blocks::Moved, Remainder::OldBlocks);
    may(blocks == Blocks::Unknown && !medium.in_memory, Remainder::UnseenBlocks);
    may(old.iter().any(|extent| extent.logical >= before.len() && !extent.is_unwritten()), Remainder::BeyondTheEnd);
    may(old.iter().any(Extent::is_shared), Remainder::SharedBlocks);
    may(old.iter().any(Extent::is_transformed) || attributes.is_compressed(), Remainder::Transformed);
    may(attributes.is_journalled(), Remainder::DataJournal);
    may(read_back == ReadBack::Cache && !medium.in_memory, Remainder::NotReadFromDevice);
    may(before.nlink() > 1, Remainder::OtherNames(before.nlink().saturating_sub(1)));
    may(holders.processes > 0, Remainder::OpenElsewhere(holders.processes));
    may(!holders.complete, Remainder::UnseenHolders);
    may(true, Remainder::EarlierCopies);
    may(true, Remainder::Names);
    may(!medium.in_memory, Remainder::ReplacedSectors);
    if attributes.is_without_copies() && blocks == Blocks::Same {
        // Marked to be written in place (`chattr +C`), and it was.
        remainders.retain(|remainder| *remainder != Remainder::CopyOnWrite);
    }
    remainders.sort_unstable();
    remainders.dedup();
    if !options.keep {
        remove(path, &file, &before)?;
    }
    let (bytes, removed) = (before.len(), !options.keep);
    Ok(Overwritten { bytes, read_back, blocks, file_system: medium.file_system, removed, remainders })
}

fn open(path: &Path) -> Result<File, Error> {
    // Asked before it is opened: opening a device may do something.
    let metadata = fs::symlink_metadata(path).map_err(|error| Error::io("looking at the file", &error))?;
    refuse_by_type(&metadata)?;
    file_layer::open_in_place(path).map_err(|error| {
        if file_layer::is_symbolic_link(&error) {
            SYMBOLIC_LINK
        } else {
            Error::io("opening the file for writing", &error)
        }
    })
}

const SYMBOLIC_LINK: Error =
    Error::Refused { reason: "a symbolic link; name the file that it leads to, if that is meant" };

fn refuse_by_type(metadata: &Metadata) -> Result<(), Error> {
    let kind = metadata.file_type();
    let refused = |reason| Err(Error::Refused { reason });
    if kind.is_symlink() {
        Err(SYMBOLIC_LINK)
    } else if kind.is_dir() {
        refused("a directory; name the files in it")
    } else if kind.is_block_device() || kind.is_char_device() {
        refused("a device; sanitise a whole device with its own command (NIST SP 800-88, IEEE 2883)")
    } else if !kind.is_file() {
        refused("neither a regular file nor a link; only regular files hold content that can be overwritten")
    } else {
        Ok(())
    }
}

/// The open file is what may be overwritten, whatever its name led to meanwhile.
fn check(file: &File, options: OverwriteOptions) -> Result<(Metadata, Attributes), Error> {
    let metadata = file.metadata().map_err(|error| Error::io("looking at the file", &error))?;
    refuse_by_type(&metadata)?;
    if metadata.uid() != file_layer::effective_user() && !options.of_others {
        return Err(Error::Refused {
            reason: "the file is another user's; let its owner do it, or say that it is meant",
        });
    }
    let attributes = file_layer::attributes(file);
    if attributes.is_immutable() {
        return Err(Error::Refused {
            reason: "the file is marked immutable or append-only; remove that with chattr first",
        });
    }
    Ok((metadata, attributes))
}

fn write_zeros(file: &File, length: u64) -> Result<(), Error> {
    let failed = |error: io::Error| Error::io("overwriting the file", &error);
    #[cfg(shokyo_faults)]
    if crate::faults::active(crate::faults::Fault::NoOverwrite) {
        return Ok(());
    }
    let zeros = vec![0; BLOCK];
    let mut at = 0;
    while at < length {
        let count = usize::try_from(length - at).unwrap_or(BLOCK).min(BLOCK);
        file.write_all_at(zeros.get(..count).unwrap_or_default(), at).map_err(failed)?;
        at += count as u64;
    }
    file.sync_all().map_err(failed)
}

/// Reads everything back: from the device where that is possible.
fn read_zeros(file: &File, length: u64, in_memory: bool) -> Result<ReadBack, Error> {
    file_layer::forget_cached(file);
    // What stands in memory has no device behind it.
    let direct = file_layer::open_direct(file).ok().filter(|_| !in_memory);
    if let Some(direct) = direct {
        match all_zeros(&direct, length) {
            Ok(zeros) => return if zeros { Ok(ReadBack::Device) } else { Err(Error::NotErased { bytes: length }) },
            // Some file systems open such a file and then do not read it.
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {}
            Err(error) => return Err(Error::io("reading the file back", &error)),
        }
    }
    match all_zeros(file, length) {
        Ok(true) => Ok(ReadBack::Cache),
        Ok(false) => Err(Error::NotErased { bytes: length }),
        Err(error) => Err(Error::io("reading the file back", &error)),
    }
}

/// Whether `length` bytes are there and all zero.
fn all_zeros(file: &File, length: u64) -> io::Result<bool> {
    let mut memory = vec![0xFFu8; BLOCK + ALIGNMENT];
    let skip = memory.as_ptr().align_offset(ALIGNMENT);
    let block = memory.get_mut(skip..).and_then(|rest| rest.get_mut(..BLOCK)).unwrap_or_default();
    let mut at = 0;
    while at < length {
        block.fill(0xFF);
        let count = match file.read_at(block, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        let wanted = usize::try_from(length - at).unwrap_or(count).min(count);
        if count == 0 || block.get(..wanted).unwrap_or_default().iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += count as u64;
    }
    Ok(true)
}

/// Truncates the file, removes its name if that still leads to it, and makes the removal durable.
fn remove(path: &Path, file: &File, before: &Metadata) -> Result<(), Error> {
    let failed = |error: io::Error| Error::io("removing the file, which holds zeros", &error);
    let now = fs::symlink_metadata(path).map_err(failed)?;
    if (now.dev(), now.ino()) != (before.dev(), before.ino()) {
        return Err(Error::Refused {
            reason: "the name led to another file meanwhile; the first one is overwritten and stays",
        });
    }
    file.set_len(0).map_err(failed)?;
    fs::remove_file(path).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    files::synchronise_folder(folder).map_err(failed)
}
