//! Where a log's files are and what is in them (C2SP tlog-tiles): names and bytes, no disk.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::custody::log::tree::{MOST_LEAVES, TILE_WIDTH, TileId};
use crate::error::Error;

/// The name of the file with the newest checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// The hashes in a full tile, and the entries in a full bundle.
pub(super) const FULL: usize = TILE_WIDTH as usize;

/// The path of a tile of `width` hashes, 1 to 256: `tile/0/x001/x234/067`, with `.p/W` at its end unless it is full.
#[must_use]
pub fn tile_path(id: TileId, width: usize) -> String {
    format!("tile/{}/{}{}", id.level, number(id.index), partial(width))
}

/// The path of a bundle of `width` entries, 1 to 256: `tile/entries/x001/x234/067`, with `.p/W` at its end unless it is full.
#[must_use]
pub fn bundle_path(index: u64, width: usize) -> String {
    format!("tile/entries/{}{}", number(index), partial(width))
}

/// The tiles of a tree and the number of hashes in each, level by level. Not for sizes beyond 2⁶³ − 1.
pub fn tiles_of(size: u64) -> impl Iterator<Item = (TileId, usize)> {
    let levels = (0..8).map(move |level: u8| (level, size.min(MOST_LEAVES) >> (8 * u32::from(level))));
    levels.flat_map(|(level, hashes)| {
        let width = move |index: u64| (hashes - index * TILE_WIDTH).min(TILE_WIDTH) as usize;
        (0..hashes.div_ceil(TILE_WIDTH)).map(move |index| (TileId { level, index }, width(index)))
    })
}

/// The hashes in one tile of a tree of `size` leaves; 0 if there is no such tile.
#[must_use]
pub fn width_of(id: TileId, size: u64) -> usize {
    let hashes = size.checked_shr(8 * u32::from(id.level)).unwrap_or(0);
    hashes.saturating_sub(id.index.saturating_mul(TILE_WIDTH)).min(TILE_WIDTH) as usize
}

/// A bundle: each entry after its length in two bytes, big-endian.
///
/// # Errors
/// [`Error::TooLarge`] for more than 256 entries, or one of more than 65,535 bytes.
pub fn bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, Error> {
    if entries.len() > FULL {
        return Err(Error::TooLarge { what: "the entries of a bundle", limit: TILE_WIDTH });
    }
    let mut bytes = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len())
            .map_err(|_| Error::TooLarge { what: "an entry of the log, in bytes", limit: u64::from(u16::MAX) })?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// The entries of a bundle, without copying.
///
/// # Errors
/// [`Error::Malformed`] for bytes that end within an entry, [`Error::TooLarge`] for more than 256 entries.
pub fn read_bundle(mut bytes: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let cut = Error::Malformed { what: "a bundle of log entries, which ends within one" };
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        if entries.len() == FULL {
            return Err(Error::TooLarge { what: "the entries of a bundle", limit: TILE_WIDTH });
        }
        let (length, rest) = bytes.split_first_chunk().ok_or(cut.clone())?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(cut.clone())?;
        entries.push(entry);
        bytes = rest;
    }
    Ok(entries)
}

/// Three digits a folder, all but the last after an `x`.
fn number(index: u64) -> String {
    let mut text = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1000);
        rest /= 1000;
    }
    text
}

fn partial(width: usize) -> String {
    if width < FULL { format!(".p/{width}") } else { String::new() }
}
