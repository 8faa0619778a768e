//! The host that is looked at: the kernel's files below a root directory, and what only calls can tell. Tests make up both.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use shokyo::types::Protections;
use shokyo::wipe::Coverage;
use shokyo::{HardeningOutcome, HardeningStep, Protection, Vault, VaultOptions};

/// A host.
pub(super) struct Host {
    root: PathBuf,
    /// Where programs put temporary files.
    pub(super) temporary: PathBuf,
    /// Folders that stations write to.
    pub(super) folders: Vec<PathBuf>,
    pub(super) calls: Calls,
}

/// What calls told. `None`: it could not be seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    /// Whether a vault got secret memory; otherwise why not.
    pub(super) secret_memory: Option<bool>,
    /// Whether the kernel holds its clock for synchronised.
    pub(super) clock: Option<bool>,
    /// Whether registers can be scrubbed on this processor.
    pub(super) scrub: Option<bool>,
    /// What became of each step of hardening.
    pub(super) hardening: Vec<(HardeningStep, HardeningOutcome)>,
}

/// A file that could not be read.
#[derive(Debug)]
pub(super) struct Unseen {
    path: PathBuf,
    error: io::Error,
}

impl Unseen {
    /// Whether it is not there, which for a kernel's file mostly means that the kernel does not have the thing.
    pub(super) fn is_missing(&self) -> bool {
        self.error.kind() == io::ErrorKind::NotFound
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.error.kind() {
            io::ErrorKind::NotFound => "is not there",
            io::ErrorKind::PermissionDenied => "may not be read",
            _ => return write!(f, "{} cannot be read ({})", self.path.display(), self.error.kind()),
        };
        write!(f, "{} {why}", self.path.display())
    }
}

/// Of the kernel's files only the beginning is read.
const LONGEST: u64 = 1 << 20;

impl Host {
    /// The host that this process runs on.
    pub(super) fn here(folders: &[PathBuf]) -> Self {
        Self::under(Path::new("/"), std::env::temp_dir(), folders.to_vec(), Calls::of_this_process())
    }

    pub(super) fn under(root: &Path, temporary: PathBuf, folders: Vec<PathBuf>, calls: Calls) -> Self {
        Self { root: root.into(), temporary, folders, calls }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// A kernel's file as text, by its path without the first slash.
    pub(super) fn text(&self, path: &str) -> Result<String, Unseen> {
        let bytes = self.bytes(path, LONGEST)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The first bytes of a file.
    pub(super) fn bytes(&self, path: &str, longest: u64) -> Result<Vec<u8>, Unseen> {
        let mut bytes = Vec::new();
        let read =
            std::fs::File::open(self.root.join(path)).and_then(|file| file.take(longest).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(bytes),
            Err(error) => Err(Unseen { path: Path::new("/").join(path), error }),
        }
    }

    /// Whether something is there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// A number that is all of a file.
    pub(super) fn number(&self, path: &str) -> Result<i64, Unseen> {
        let not_a_number = |_| Unseen { path: Path::new("/").join(path), error: io::ErrorKind::InvalidData.into() };
        self.text(path)?.trim().parse().map_err(not_a_number)
    }

    /// The soft limit of this process in bytes, `u64::MAX` for none (`/proc/self/limits`).
    pub(super) fn limit(&self, name: &str) -> Result<u64, Unseen> {
        const PATH: &str = "proc/self/limits";
        let text = self.text(PATH)?;
        let soft = text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        match soft {
            Some("unlimited") => Ok(u64::MAX),
            soft => soft
                .and_then(|soft| soft.parse().ok())
                .ok_or_else(|| Unseen { path: Path::new("/").join(PATH), error: io::ErrorKind::InvalidData.into() }),
        }
    }

    /// The device-mapper's name for what a block device is, such as `CRYPT-LUKS2-…`.
    pub(super) fn is_encrypted(&self, device: &str) -> Option<bool> {
        match self.text(&format!("sys/{device}/dm/uuid")) {
            Ok(kind) => Some(kind.starts_with("CRYPT-")),
            // A partition or a whole disk.
            Err(unseen) if unseen.is_missing() && self.has(&format!("sys/{device}")) => Some(false),
            Err(_) => None,
        }
    }
}

impl Calls {
    /// Changes nothing but this process, for a moment.
    fn of_this_process() -> Self {
        let mut asked = shokyo::Hardening::new();
        asked.strict = false;
        let hardening = shokyo::harden_process(asked).map_or_else(
            |_| Vec::new(),
            |hardened| {
                let outcomes = hardened.outcomes().collect();
                // What stays changed ends with this process.
                let _ = hardened.undo();
                outcomes
            },
        );
        Self {
            secret_memory: secret_memory(),
            clock: shokyo::platform::clock_is_synchronised(),
            scrub: Some(shokyo::wipe::scrub_registers() == Coverage::All),
            hardening,
        }
    }
}

/// A vault of the smallest size, as good as can be had.
fn secret_memory() -> Option<bool> {
    let mut options = VaultOptions::small();
    options.protection = Protection::BestEffort;
    let vault = Vault::open(options).ok()?;
    Some(vault.protections().contains(Protections::FRAME_PINNED))
}
