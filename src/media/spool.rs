//! An encrypted spool: files that hold sealed chunks and nothing else, each under a key of its own that never leaves locked memory.
//!
//! Destroying the key is the erasure. The file is overwritten and unlinked as well, and what a killed process left behind is found,
//! reported and overwritten when the spool is opened again; its key died with the process.

use core::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{OverwriteOptions, Overwritten, overwrite};
use crate::aead::TAG_LENGTH;
use crate::buffer::{CopyClass, EphemeralBuffer, Erasure, KeyCell, RegisteredCopy, Vault};
use crate::error::Error;
use crate::platform::{self, file_layer, files};
use crate::types::Binding;

/// The name of a file's end: the rest of it is random.
const SUFFIX: &str = "sealed";
/// Held by the process that has the spool open.
const LOCK: &str = "lock";

/// A folder of sealed files, open in one process at a time.
pub struct Spool {
    folder: PathBuf,
    leftovers: Vec<Leftover>,
    _lock: File,
}

/// A file that a process left behind which was killed or lost its power. Nobody can read it: its key was in that process's memory alone.
#[derive(Debug)]
pub struct Leftover {
    /// The file's name: random, without meaning.
    pub name: String,
    /// What overwriting and unlinking it did.
    pub outcome: Result<Overwritten, Error>,
}

impl Spool {
    /// Opens the folder, which is made if it is missing, and overwrites what is left in it.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let folder = folder.path().join("spool");
    /// use shokyo::media::Spool;
    /// use shokyo::types::{Binding, SessionId};
    /// use shokyo::{Vault, VaultOptions};
    ///
    /// let vault = Vault::open(VaultOptions::new())?;
    /// let document = vault.seal(Binding { session: SessionId([1; 32]), context: [2; 32] }, b"a document")?;
    /// let spool = Spool::open(&folder)?;
    /// assert!(spool.leftovers().is_empty());
    ///
    /// let mut copy = spool.copy_of(&document)?;
    /// copy.read(|document| document.read_at(0, |plain| assert_eq!(plain, b"a document")))?;
    /// copy.erase()?; // until then, no erasure of the document is told as verified
    /// assert!(document.erase().is_verified());
    /// # Ok::<(), shokyo::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] for a folder that others can enter or own; [`Error::Busy`] when another process has it open; [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::io("opening the spool's folder", &error);
        match files::create_private_folder(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        let metadata = fs::symlink_metadata(folder).map_err(failed)?;
        if !metadata.is_dir() || metadata.uid() != file_layer::effective_user() || metadata.mode() & 0o077 != 0 {
            return Err(Error::Refused {
                reason: "a spool's folder is its owner's alone; chown it to this user and chmod 700",
            });
        }
        let lock = match files::create_private(&folder.join(LOCK)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => file_layer::open_in_place(&folder.join(LOCK)),
            lock => lock,
        };
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy { what: "processes with this spool open", limit: 1 });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let leftovers = leftovers(folder).map_err(failed)?;
        Ok(Self { folder: folder.into(), leftovers, _lock: lock })
    }

    /// What was found when the spool was opened, each overwritten and unlinked then if that was possible.
    #[must_use]
    pub fn leftovers(&self) -> &[Leftover] {
        &self.leftovers
    }

    /// Moves a sealed document into a file: its ciphertext goes there and is wiped in memory, its key stays in its cell.
    ///
    /// # Errors
    /// [`Error::WrongState`] while registered copies of it live; [`Error::Io`]. The document is erased then.
    pub fn keep(&self, document: EphemeralBuffer) -> Result<Spooled, Error> {
        if document.living_copies() > 0 {
            return Err(Error::WrongState { command: "moving a document into a spool while copies of it live" });
        }
        self.store(document, None)
    }

    /// Makes a copy in a file, under a key of its own, and [registers](EphemeralBuffer::register_copy) it with the document
    /// ([`CopyClass::Spool`]): until it is erased, the document's erasure is not told as verified.
    ///
    /// # Errors
    /// As [`EphemeralBuffer::read_at`]; [`Error::Io`]. The copy is erased then.
    pub fn copy_of(&self, document: &EphemeralBuffer) -> Result<Spooled, Error> {
        let registered = document.register_copy(CopyClass::Spool)?;
        match document.seal_again() {
            Ok(copy) => self.store(copy, Some(registered)),
            Err(error) => {
                registered.never_made()?;
                Err(error)
            }
        }
    }

    fn store(&self, document: EphemeralBuffer, registered: Option<RegisteredCopy>) -> Result<Spooled, Error> {
        let mut random = [0; 16];
        platform::random(&mut random)?;
        let path = self.folder.join(format!("{:032x}.{SUFFIX}", u128::from_be_bytes(random)));
        let failed = |error: io::Error| Error::io("writing a file of the spool", &error);
        let (vault, binding, length) = (document.vault().clone(), document.binding(), document.len());
        let file = files::create_private(&path).map_err(failed);
        let chunks = (0..document.chunk_count()).map(|index| document.sealed_chunk(index));
        let written = file.and_then(|file| write(&file, chunks));
        let (key, evidence) = document.into_key();
        let spooled = Spooled { vault, binding, length, path, key, evidence: Some(evidence), registered };
        // When it was not written, what is there is erased as it is dropped.
        written.map(|()| spooled)
    }
}

fn write<'d>(mut file: &File, chunks: impl Iterator<Item = Result<&'d [u8], Error>>) -> Result<(), Error> {
    for chunk in chunks {
        io::Write::write_all(&mut file, chunk?).map_err(|error| Error::io("writing a file of the spool", &error))?;
    }
    Ok(())
}

/// Overwrites what is left, in the order of the names.
fn leftovers(folder: &Path) -> io::Result<Vec<Leftover>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == SUFFIX) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push(Leftover { name, outcome: overwrite(&path, OverwriteOptions::default()) });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("leftovers", &self.leftovers.len()).finish_non_exhaustive()
    }
}

/// A document in a file of a spool. Dropping it erases it; [`Spooled::erase`] does the same and tells how.
pub struct Spooled {
    vault: Vault,
    binding: Binding,
    length: u64,
    path: PathBuf,
    /// Nothing once the document was lost: altered in its file, or erased.
    key: Option<KeyCell>,
    /// Nothing once it was erased.
    evidence: Option<Erasure>,
    registered: Option<RegisteredCopy>,
}

/// What erasing a spooled document did.
#[derive(Debug)]
pub struct SpoolErasure {
    /// The evidence for a document that was moved into the spool; a copy's went to the document it was made of.
    pub evidence: Option<Erasure>,
    /// What was done to the file.
    pub file: Overwritten,
}

impl Spooled {
    /// Bytes of plaintext.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether the document has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Lends the document to `reader`, its ciphertext in memory and checked, for one call.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`], [`Error::Mismatch`] when the file was altered: the key is destroyed then, and every later call answers
    /// [`Error::Erased`]. [`Error::Io`]; as [`EphemeralBuffer::read_at`]; or what `reader` gave.
    pub fn read<R>(&mut self, reader: impl FnOnce(&EphemeralBuffer) -> Result<R, Error>) -> Result<R, Error> {
        let mut incoming = self.vault.incoming(self.binding)?;
        let failed = |error: io::Error| Error::io("reading a file of the spool", &error);
        let mut file = File::open(&self.path).map_err(failed)?;
        let length = self.vault.chunk_size() + TAG_LENGTH;
        let mut chunk = Vec::with_capacity(length);
        while Read::by_ref(&mut file).take(length as u64).read_to_end(&mut chunk).map_err(failed)? > 0 {
            incoming.push(&chunk)?;
            chunk.clear();
        }
        let key = self.key.take().ok_or(Error::Erased)?;
        let document = match incoming.attach(key, self.length) {
            Ok(document) => document,
            Err((error, erasure)) => {
                self.absorb(erasure);
                return Err(error);
            }
        };
        let outcome = reader(&document);
        let (key, erasure) = document.into_key();
        self.key = key;
        self.absorb(erasure);
        outcome
    }

    fn absorb(&mut self, erasure: Erasure) {
        if let Some(evidence) = &mut self.evidence {
            // Of the same session by construction.
            let _ = evidence.absorb(erasure);
        }
    }

    /// Destroys the key and reads its cell back; then overwrites the file, reads it back and unlinks it. The document, or the one that
    /// this is a copy of, counts as erased only when all of it went well.
    ///
    /// # Errors
    /// As [`overwrite`], with the key destroyed all the same; [`Error::NotErased`] for the key;
    /// [`Error::WrongState`] when the document that it is a copy of was erased before: its evidence already says that a copy was left.
    pub fn erase(mut self) -> Result<SpoolErasure, Error> {
        self.erase_now()
    }

    fn erase_now(&mut self) -> Result<SpoolErasure, Error> {
        let mut evidence = self.evidence.take().ok_or(Error::Erased)?;
        let key = self.key.take().map(KeyCell::erase);
        let key_failure = key.as_ref().and_then(|outcome| outcome.as_ref().err().cloned());
        match key {
            Some(outcome) => evidence.record(CopyClass::Key, outcome),
            // A reader's panic took it along: it is destroyed, and there is no evidence of that.
            None if evidence.key().is_none() => evidence.record(CopyClass::Key, Err(Error::NotErased { bytes: 32 })),
            None => {}
        }
        let file = overwrite(&self.path, OverwriteOptions::default());
        if file.is_err() {
            evidence.record(CopyClass::Spool, Err(Error::NotErased { bytes: self.length }));
        }
        let evidence = match self.registered.take() {
            Some(registered) => registered.erased_as(evidence).map(|()| None),
            None => Ok(Some(evidence)),
        };
        key_failure.map_or(Ok(()), Err)?;
        Ok(SpoolErasure { file: file?, evidence: evidence? })
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        let _ = self.erase_now();
    }
}

impl fmt::Debug for Spooled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spooled").field("length", &self.length).finish_non_exhaustive()
    }
}
