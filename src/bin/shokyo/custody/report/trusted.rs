//! Whose keys are believed: certificates for receipts that verify, now, against the authorities that the reader names.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use shokyo::handover::{Identity, KeyUse, Trust};
use shokyo::receipt::Statement;
use shokyo::station::config::TrustFiles;
use shokyo::station::notice::now;
use shokyo::station::trust::Authorities;

/// Stations whose keys for receipts are believed.
pub(crate) struct Certified(Vec<Identity>);

impl Certified {
    /// The key of the station that a statement claims to be by.
    pub(crate) fn key_of(&self, statement: &Statement) -> Option<[u8; 32]> {
        let is = |identity: &&Identity| {
            identity.role == statement.role
                && identity.station == statement.station
                && identity.operator == statement.operator
        };
        self.0.iter().find(is).map(|identity| identity.key)
    }
}

/// Reads the authorities of a configuration and verifies each certificate in the files against them.
pub(crate) fn keys(trust: &Path, certificates: &[PathBuf]) -> Result<Certified, String> {
    let files = TrustFiles::load(trust).map_err(|error| error.to_string())?;
    let authorities = Authorities::load(&files).map_err(|error| error.to_string())?;
    let mut identities = Vec::new();
    for file in certificates {
        let unreadable = |_| format!("{}: no certificate (PEM) can be read from it; check the path", file.display());
        for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
            let certificate = certificate.map_err(unreadable)?;
            let identity = authorities
                .identify(&certificate, KeyUse::Receipts, now().unix_ms)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            identities.push(identity);
        }
    }
    Ok(Certified(identities))
}
