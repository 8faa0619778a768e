//! Where the calls of Linux are missing.

use std::path::Path;

use super::{OverwriteOptions, Overwritten};
use crate::error::Error;

/// Not possible here.
///
/// # Errors
/// Always [`Error::Unsupported`].
pub fn overwrite(_path: &Path, _options: OverwriteOptions) -> Result<Overwritten, Error> {
    Err(Error::Unsupported { what: "overwriting a file with a report about its medium" })
}
