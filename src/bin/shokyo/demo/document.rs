//! The document that the demonstration issues.

use std::path::{Path, PathBuf};

/// A fictional certificate (`samples/certificate.pdf`), so that the first run needs nothing. It stands in the program in disguise:
/// the stations are this same program, and a scan of them must not find the document there.
const SAMPLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/certificate.disguised"));

/// Undoes the disguise that `build.rs` puts on.
fn sample() -> Vec<u8> {
    let mask = |place: usize| (place.wrapping_mul(0x9E37_79B1) >> 13) as u8 | 1;
    SAMPLE.iter().enumerate().map(|(place, byte)| byte ^ mask(place)).collect()
}

/// A document at the demonstration's parent process, which knows it as the issuer's register does.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// Where it lies, if it is the user's own: no copy of it is made on the disk.
    pub(crate) path: Option<PathBuf>,
}

impl Document {
    pub(crate) fn open(file: Option<&Path>) -> Result<Self, String> {
        let Some(file) = file else {
            return Ok(Self { name: "a fictional certificate".into(), bytes: sample(), path: None });
        };
        let name = file.display().to_string();
        let bytes = std::fs::read(file)
            .map_err(|error| format!("cannot read {name}: {}; check the path and its permissions", error.kind()))?;
        let limit = shokyo::handover::Policy::default().max_document;
        if bytes.is_empty() {
            return Err(format!("{name} is empty; nothing can be issued from 0 bytes"));
        }
        if bytes.len() as u64 > limit {
            return Err(format!("{name} has {} bytes; the limit is {limit}", bytes.len()));
        }
        let path = std::path::absolute(file).map_err(|error| format!("cannot find {name}: {}", error.kind()))?;
        Ok(Self { name, bytes, path: Some(path) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_whole_and_not_in_the_program_as_it_is() {
        let sample = sample();
        assert!(sample.starts_with(b"%PDF-") && sample.trim_ascii_end().ends_with(b"%%EOF"));
        assert!(sample.len() >= 300_000);
        assert!(!SAMPLE.windows(16).any(|piece| sample.chunks_exact(16).take(1000).any(|other| other == piece)));
    }
}
