//! Where the calls of Linux are missing: every entrance says so.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{OverwriteOptions, Overwritten};
use crate::buffer::EphemeralBuffer;
use crate::error::Error;

/// Not possible here.
///
/// # Errors
/// Always [`Error::Unsupported`].
pub fn overwrite(_path: &Path, _options: OverwriteOptions) -> Result<Overwritten, Error> {
    Err(Error::Unsupported { what: "overwriting a file with a report about its medium" })
}

/// Not possible here.
#[derive(Debug)]
pub struct Spool(());

impl Spool {
    /// Not possible here.
    ///
    /// # Errors
    /// Always [`Error::Unsupported`].
    pub fn open(_folder: &Path) -> Result<Self, Error> {
        Err(Error::Unsupported { what: "an encrypted spool" })
    }
}

/// Not possible here.
#[derive(Clone, Debug)]
pub struct Renderer(());

/// Never made here.
#[derive(Debug)]
pub struct Rendering(());

impl Renderer {
    /// A renderer, which cannot render here.
    pub fn new<A: Into<OsString>>(_program: impl Into<PathBuf>, _arguments: impl IntoIterator<Item = A>) -> Self {
        Self(())
    }

    /// Not possible here.
    ///
    /// # Errors
    /// Always [`Error::Unsupported`].
    pub fn render(&self, _document: &EphemeralBuffer) -> Result<Rendering, Error> {
        Err(Error::Unsupported { what: "handing a document to a renderer without a file" })
    }
}
