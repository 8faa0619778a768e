//! A folder with a development infrastructure and documents, and each station's configuration in it.

use std::path::{Path, PathBuf};

use shokyo::station::config::{Config, DocumentSource};
use shokyo::station::pki;
use shokyo::types::Role;

use crate::Failure;

/// What kind of document is issued.
pub const KIND: &str = "certificate";

/// The folder; removed when it is dropped.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// Authorities, keys, certificates and documents of every size that is measured.
    pub fn new() -> Result<Self, Failure> {
        let place = Self { folder: tempfile::tempdir()? };
        pki::init(&place.stations())?;
        Ok(place)
    }

    fn stations(&self) -> PathBuf {
        self.folder.path().join("stations")
    }

    /// The folder, for the children.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a document of so many bytes, under the subject of [`subject`].
    pub fn document(&self, bytes: usize) -> Result<(), Failure> {
        let content: Vec<u8> =
            (0u32..).flat_map(|number| number.wrapping_mul(0x9E37_79B9).to_le_bytes()).take(bytes).collect();
        std::fs::write(document(self.path(), bytes), content)?;
        Ok(())
    }
}

/// The card holder whose document has so many bytes.
pub fn subject(bytes: usize) -> String {
    format!("S-{bytes}")
}

fn document(folder: &Path, bytes: usize) -> PathBuf {
    folder.join(format!("{bytes}.pdf"))
}

/// A station's configuration: the one that was generated, with limits that do not stand in the way of what is measured.
pub fn config(folder: &Path, role: Role, upstream: Option<&str>) -> Result<Config, Failure> {
    let mut config = Config::load(&folder.join("stations").join(format!("{role}.toml")))?;
    config.limits.sessions = 2048;
    config.limits.per_kiosk = 2048;
    config.limits.per_neighbour = None;
    config.vault.key_cells = 16_384;
    // A kiosk that does not read is what is looked at, not what ends the session.
    config.deadlines.transmit = std::time::Duration::from_secs(240);
    config.link.silence = std::time::Duration::from_secs(240);
    if config.listen.is_some() {
        config.listen = Some(([127, 0, 0, 1], 0).into());
    }
    if let (Some(of), Some(address)) = (&mut config.upstream, upstream) {
        of.address = address.to_owned();
    }
    if role == Role::Issuer {
        for entry in std::fs::read_dir(folder)? {
            let file = entry?.path();
            let bytes = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".pdf")?.parse().ok());
            if let Some(bytes) = bytes {
                config.documents.push(DocumentSource { subject: subject(bytes), kind: KIND.to_owned(), file });
            }
        }
    }
    Ok(config)
}
