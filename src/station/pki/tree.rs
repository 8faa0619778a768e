//! A folder that appears complete or not at all: written under another name beside its place, then renamed.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::Error;
use crate::platform::files;

/// A folder in the making; dropped before [`Place::appear`], it is removed again.
pub(super) struct Place {
    target: PathBuf,
    draft: PathBuf,
}

impl Place {
    /// Begins a folder that is to appear at `target`.
    pub(super) fn new(target: &Path) -> Result<Self, Error> {
        refuse_used(target)?;
        let (Some(name), parent) = (target.file_name(), parent_of(target)) else {
            return Err(Error::Configuration {
                reason: format!("{} has no name of its own; give the name of a new folder", target.display()),
            });
        };
        fs::create_dir_all(parent).map_err(|error| Error::io("creating the folder above the keys", &error))?;
        let mut random = [0; 8];
        SystemRandom::new().fill(&mut random).map_err(|_| Error::RandomnessUnavailable)?;
        let draft = format!(".{}.{:016x}.new", name.to_string_lossy(), u64::from_ne_bytes(random));
        let place = Self { target: target.to_owned(), draft: parent.join(draft) };
        create_private_folder(&place.draft)?;
        Ok(place)
    }

    /// A folder inside it, for its owner alone.
    pub(super) fn folder(&self, name: &str) -> Result<(), Error> {
        create_private_folder(&self.draft.join(name))
    }

    /// A file that may be read by others who can reach it.
    pub(super) fn public(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        self.write(name, content, |path| File::create_new(path))
    }

    /// A file for its owner alone from its first moment.
    pub(super) fn secret(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        self.write(name, content, files::create_private)
    }

    /// Puts the folder in its place; nothing that is there is ever replaced.
    pub(super) fn appear(&self) -> Result<(), Error> {
        // rename(2) replaces an empty folder and refuses any other: no moment between looking and doing.
        fs::rename(&self.draft, &self.target).map_err(|error| match error.kind() {
            ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists | ErrorKind::NotADirectory => used(&self.target),
            _ => Error::io("putting the new folder in its place", &error),
        })?;
        synchronise(parent_of(&self.target))
    }

    fn write(
        &self,
        name: &str,
        content: &[u8],
        create: impl FnOnce(&Path) -> std::io::Result<File>,
    ) -> Result<(), Error> {
        let what = "writing keys, certificates and configurations";
        let path = self.draft.join(name);
        let mut file = create(&path).map_err(|error| Error::io(what, &error))?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(|error| Error::io(what, &error))?;
        synchronise(path.parent().unwrap_or(&self.draft))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Gone already when the folder appeared.
        let _removed = fs::remove_dir_all(&self.draft);
    }
}

fn refuse_used(target: &Path) -> Result<(), Error> {
    let metadata = match fs::symlink_metadata(target) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("looking at the place for the keys", &error)),
    };
    if !metadata.is_dir() {
        return Err(used(target));
    }
    let mut entries = fs::read_dir(target).map_err(|error| Error::io("looking at the place for the keys", &error))?;
    if entries.next().is_some() {
        return Err(used(target));
    }
    let same =
        |other: std::io::Result<PathBuf>| other.is_ok_and(|other| fs::canonicalize(target).is_ok_and(|t| t == other));
    if same(std::env::current_dir()) {
        return Err(Error::Configuration {
            reason: "the keys cannot take the place of the working directory; give the name of a new folder in it"
                .to_owned(),
        });
    }
    Ok(())
}

fn used(target: &Path) -> Error {
    Error::Configuration {
        reason: format!(
            "{} exists and is not empty; nothing was changed, give the name of a new folder",
            target.display()
        ),
    }
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn create_private_folder(path: &Path) -> Result<(), Error> {
    files::create_private_folder(path).map_err(|error| Error::io("creating a folder for keys", &error))
}

fn synchronise(folder: &Path) -> Result<(), Error> {
    files::synchronise_folder(folder).map_err(|error| Error::io("writing a folder to disk", &error))
}
