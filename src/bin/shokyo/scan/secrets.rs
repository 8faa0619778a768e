//! Secrets on the command line: never the secret itself, only where it is to be read.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// A secret of more bytes is refused: its encodings would need twenty times its memory.
const LONGEST: usize = 32 << 20;

/// Where a secret is to be read.
#[derive(Clone, Debug)]
pub(super) enum Source {
    File(PathBuf),
    StandardInput,
}

impl Source {
    /// `@FILE` or `@-`. What else was typed may be the secret: the error must not repeat it.
    pub(super) fn parse(option: &str, typed: &OsString) -> Result<Self, String> {
        match typed.as_bytes().strip_prefix(b"@") {
            Some(b"-") => Ok(Self::StandardInput),
            Some(path) if !path.is_empty() => Ok(Self::File(PathBuf::from(std::ffi::OsStr::from_bytes(path)))),
            _ => Err(format!(
                "{option} takes @FILE, or @- for standard input, and never the secret itself: what is typed is seen by every user \
                 in the list of processes and stays in the shell's history. If it was one, treat it as disclosed"
            )),
        }
    }

    /// How it is called in reports.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::StandardInput => "standard input".into(),
        }
    }

    pub(super) fn read(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        let bytes = match self {
            Self::File(path) => open(path).and_then(|(file, length)| all(file, length)),
            Self::StandardInput => all(std::io::stdin().lock(), 4096),
        };
        bytes.map_err(|error| format!("{}: cannot be read ({error})", self.name()))
    }
}

fn open(path: &Path) -> std::io::Result<(File, usize)> {
    let file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(LONGEST);
    Ok((file, length))
}

/// Reads to the end, and leaves no copy in memory that was outgrown.
fn all(mut from: impl Read, expected: usize) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; expected.min(LONGEST) + 1]);
    let mut filled = 0;
    loop {
        if filled == bytes.len() {
            let mut larger = Zeroizing::new(vec![0; filled * 2]);
            larger[..filled].copy_from_slice(&bytes);
            bytes = larger;
        }
        match from.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if filled > LONGEST {
            let reason = format!("it has more than {} MiB; give a part of it", LONGEST >> 20);
            return Err(std::io::Error::other(reason));
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
