//! The document that the demonstration issues.

use std::path::Path;

/// A fictional certificate, so that the first run needs nothing.
const SAMPLE: &[u8] = include_bytes!("../../../../samples/certificate.pdf");

/// A document at the demonstration's parent process, which knows it as the issuer's register does.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Document {
    pub(crate) fn open(file: Option<&Path>) -> Result<Self, String> {
        let Some(file) = file else {
            return Ok(Self { name: "a fictional certificate".into(), bytes: SAMPLE.to_vec() });
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
        Ok(Self { name, bytes })
    }
}
