//! A log as static files (C2SP tlog-tiles): written so that a crash leaves a log that verifies, and read again.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::custody::log::checkpoint::Checkpoint;
use crate::custody::log::layout::{self, CHECKPOINT, FULL};
use crate::custody::log::note::{LARGEST, VerifierKey};
use crate::custody::log::tree::{self, Hash, TileId, Tiles, leaf_hash};
use crate::error::Error;

/// The largest bundle, in bytes.
const LARGEST_BUNDLE: usize = FULL * (2 + u16::MAX as usize);
const HASH: usize = size_of::<Hash>();

/// A folder into which one log is published. One process at a time writes (`.lock`); anyone may read.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Opens the folder for writing, and makes it if there is none.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Busy`] while another process writes to it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(|error| Error::io(MAKING, &error))?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(path.join(".lock"));
        let lock = lock.map_err(|error| Error::io(MAKING, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                Err(Error::Busy { what: "the writers of the folder of a published log", limit: 1 })
            }
            Err(TryLockError::Error(error)) => Err(Error::io(MAKING, &error)),
        }
    }

    /// Publishes the log up to the checkpoint in `note`: bundles and tiles first, each whole and durable before it has its name,
    /// the checkpoint last. `entries` gives the leaf data at the positions that it is asked for. Files that the folder's
    /// last checkpoint covers are not written again.
    ///
    /// Returns the number of files written.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the checkpoint, the tiles, the entries and what was published before are not of one history;
    /// nothing that was published is changed then. As [`Checkpoint::verify`]; what `tiles` and `entries` give; [`Error::Io`].
    pub fn publish(
        &self,
        note: &str,
        key: &VerifierKey,
        tiles: &dyn Tiles,
        entries: &mut dyn FnMut(Range<u64>) -> Result<Vec<Hash>, Error>,
    ) -> Result<u64, Error> {
        let checkpoint = Checkpoint::verify(note, key)?;
        let size = checkpoint.size;
        if tree::root(tiles, size)? != checkpoint.root {
            return Err(Error::Mismatch { what: "a checkpoint and the tiles of the log" });
        }
        let published = self.published_size(&checkpoint, key, tiles)?;
        let mut written = 0;
        for (id, width) in layout::tiles_of(size) {
            // Full in both trees: the same file.
            if width == FULL && layout::width_of(id, published) == FULL {
                continue;
            }
            let mut content = tiles.tile(id)?;
            content.truncate(width * HASH);
            if content.len() != width * HASH {
                return Err(Error::Malformed { what: "a tile of the log, which is shorter than the log's size needs" });
            }
            if id.level == 0 {
                let start = id.index * FULL as u64;
                let data = entries(start..start + width as u64)?;
                if data.len() != width
                    || data.iter().zip(content.chunks(HASH)).any(|(data, hash)| leaf_hash(data) != *hash)
                {
                    return Err(Error::Mismatch { what: "the entries of the log and its tiles" });
                }
                written += self.write_once(&layout::bundle_path(id.index, width), &layout::bundle(&data)?)?;
            }
            written += self.write_once(&layout::tile_path(id, width), &content)?;
        }
        if read(&self.path, CHECKPOINT, LARGEST)?.is_none_or(|there| there != note.as_bytes()) {
            self.write(CHECKPOINT, note.as_bytes())?;
            written += 1;
        }
        Ok(written)
    }

    /// The size of the checkpoint that is there, which must be one of this log's past.
    fn published_size(&self, new: &Checkpoint, key: &VerifierKey, tiles: &dyn Tiles) -> Result<u64, Error> {
        let Some(note) = read_text(&self.path, CHECKPOINT)? else { return Ok(0) };
        let old = Checkpoint::verify(&note, key)?;
        if old.size > new.size || tree::root(tiles, old.size)? != old.root {
            return Err(Error::Mismatch { what: "the checkpoint that is published already and the log" });
        }
        Ok(old.size)
    }

    /// A file that never changes; left from a publishing that was cut short, it is what it must be or an error.
    fn write_once(&self, name: &str, bytes: &[u8]) -> Result<u64, Error> {
        match read(&self.path, name, bytes.len())? {
            Some(there) if there == bytes => Ok(0),
            Some(_) => Err(Error::Mismatch { what: "a file that is published already and the log" }),
            None => self.write(name, bytes).map(|()| 1),
        }
    }

    /// Writes under another name, makes it durable, gives it its name, and makes that durable.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path.join(name);
        let parent = path.parent().unwrap_or(&self.path);
        make_folders(&self.path, parent)
            .and_then(|()| {
                // One name for all: what a crash leaves behind is overwritten by the next file.
                let temporary = self.path.join(".new");
                let mut file = File::create(&temporary)?;
                file.write_all(bytes)?;
                file.sync_all()?;
                fs::rename(&temporary, &path)?;
                sync(parent)
            })
            .map_err(|error| Error::io("writing a file of the published log", &error))
    }
}

/// A published log with a checkpoint whose signature was checked.
#[derive(Debug)]
pub struct Published {
    path: PathBuf,
    note: String,
    checkpoint: Checkpoint,
}

impl Published {
    /// Opens a folder for reading, also while another process publishes into it: this reader stays at the checkpoint that it saw.
    ///
    /// # Errors
    /// As [`Checkpoint::verify`]; [`Error::Io`].
    pub fn open(path: &Path, key: &VerifierKey) -> Result<Self, Error> {
        let missing = Error::Io { what: "reading the checkpoint of a published log", kind: ErrorKind::NotFound };
        let note = read_text(path, CHECKPOINT)?.ok_or(missing)?;
        let checkpoint = Checkpoint::verify(&note, key)?;
        Ok(Self { path: path.to_owned(), note, checkpoint })
    }

    /// What the log signed.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signed note, with all its signatures.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The leaf data of one bundle, the `index`-th, up to the checkpoint's size.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] beyond the log, [`Error::Malformed`], [`Error::TooLarge`], [`Error::Io`].
    pub fn entries(&self, index: u64) -> Result<Vec<Vec<u8>>, Error> {
        let width = self.width(TileId { level: 0, index })?;
        let path = |width| layout::bundle_path(index, width);
        let bytes = self.read(&path(width), &path(FULL), LARGEST_BUNDLE)?;
        let entries = layout::read_bundle(&bytes)?;
        let entries = entries.get(..width).ok_or(SHORT)?;
        Ok(entries.iter().map(|entry| entry.to_vec()).collect())
    }

    /// Computes the whole log anew from its entries: every tile and the root must be as they are published.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for the first thing that is not; else as [`Published::entries`].
    pub fn check(&self) -> Result<(), Error> {
        let size = self.checkpoint.size;
        for (id, width) in layout::tiles_of(size) {
            let content = self.tile(id)?;
            let hashes: Vec<Hash> = if id.level == 0 {
                self.entries(id.index)?.iter().map(|entry| leaf_hash(entry)).collect()
            } else {
                let below = |place| TileId { level: id.level - 1, index: id.index * FULL as u64 + place };
                let below = (0..width as u64).map(|place| self.tile(below(place)));
                below.map(|tile| tile.map(|tile| tree::perfect(tile.as_chunks().0))).collect::<Result<_, _>>()?
            };
            if hashes.as_flattened() != content {
                return Err(Error::Mismatch { what: "a published tile and what is below it" });
            }
        }
        if tree::root(self, size)? == self.checkpoint.root {
            Ok(())
        } else {
            Err(Error::Mismatch { what: "a checkpoint and the tiles of the log" })
        }
    }

    /// Whether the log still begins with what an earlier checkpoint of it, kept elsewhere, has signed. Only this shows that a folder
    /// was put back to what it was, or that two histories are published. To be asked after [`Published::check`].
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the log is shorter than the checkpoint, [`Error::Mismatch`] when it is of another log or history;
    /// else as [`Published::entries`].
    pub fn extends(&self, kept: &Checkpoint) -> Result<(), Error> {
        if kept.origin != self.checkpoint.origin {
            return Err(Error::Mismatch { what: "the log of a checkpoint that was kept, and this log" });
        }
        if kept.size > self.checkpoint.size {
            return Err(Error::OutOfRange { at: kept.size, length: self.checkpoint.size });
        }
        if tree::root(self, kept.size)? == kept.root {
            Ok(())
        } else {
            Err(Error::Mismatch { what: "a checkpoint that was kept, and this history of the log" })
        }
    }

    fn width(&self, id: TileId) -> Result<usize, Error> {
        match layout::width_of(id, self.checkpoint.size) {
            0 => Err(Error::OutOfRange { at: id.index, length: self.checkpoint.size.div_ceil(FULL as u64) }),
            width => Ok(width),
        }
    }

    /// A partial file, or the full one that has taken its place.
    fn read(&self, name: &str, full: &str, limit: usize) -> Result<Vec<u8>, Error> {
        match read(&self.path, name, limit)? {
            Some(bytes) => Ok(bytes),
            None => read(&self.path, full, limit)?.ok_or(Error::Io { what: READING, kind: ErrorKind::NotFound }),
        }
    }
}

/// The tiles as the checkpoint's size has them.
impl Tiles for Published {
    fn tile(&self, id: TileId) -> Result<Vec<u8>, Error> {
        let width = self.width(id)?;
        let path = |width| layout::tile_path(id, width);
        let mut content = self.read(&path(width), &path(FULL), FULL * HASH)?;
        content.truncate(width * HASH);
        if content.len() == width * HASH { Ok(content) } else { Err(SHORT) }
    }
}

const MAKING: &str = "making the folder of a published log";
const READING: &str = "reading a file of a published log";
const SHORT: Error = Error::Malformed { what: "a file of a published log, which is shorter than its checkpoint needs" };

/// A file's bytes; `None` if there is none. A file that is longer than it may be is cut one byte after the limit.
fn read(folder: &Path, name: &str, limit: usize) -> Result<Option<Vec<u8>>, Error> {
    let file = match File::open(folder.join(name)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(READING, &error)),
    };
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|error| Error::io(READING, &error))?;
    Ok(Some(bytes))
}

fn read_text(folder: &Path, name: &str) -> Result<Option<String>, Error> {
    let text = |bytes| String::from_utf8(bytes).map_err(|_| Error::Malformed { what: "a signed note" });
    read(folder, name, LARGEST)?.map(text).transpose()
}

/// Makes `path` below `root`, each folder durable in the one above it.
fn make_folders(root: &Path, path: &Path) -> std::io::Result<()> {
    if path == root || path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(root);
    make_folders(root, parent)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync(parent),
    }
}

/// Makes the names in a folder durable, where folders can be opened.
fn sync(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
