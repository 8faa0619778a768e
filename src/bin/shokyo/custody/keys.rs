//! The keys that an auditor believes: of logs by their verifier keys or certificates, of receipts by certificates.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use clap::Args;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use shokyo::custody::log::{VerifierKey, origin};
use shokyo::error::Error;
use shokyo::handover::{Identity, KeyUse, Trust};
use shokyo::receipt::{Unverified, key_id};
use shokyo::station::config::{Config, TrustFiles};
use shokyo::station::notice::now;
use shokyo::station::profile::{CertificateUse, StationName, claimed_by_station};
use shokyo::station::trust::{Authorities, own_certificate};

#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// The verifier key of a log (C2SP vkey, name+id+key); an earlier one of the same log too, if it was changed.
    #[arg(long = "key", value_name = "VKEY")]
    keys: Vec<String>,
    /// Stations' certificates for receipts and for logs (PEM), as many as there are.
    #[arg(long = "certificate", value_name = "FILE.pem", requires = "trust")]
    certificates: Vec<PathBuf>,
    /// A station's configuration, or a file with its table [trust], that names the authorities to believe.
    #[arg(long, value_name = "FILE.toml")]
    trust: Option<PathBuf>,
    /// A station's configuration: believe its authorities and its own certificates.
    #[arg(long, value_name = "FILE.toml", conflicts_with = "trust")]
    config: Option<PathBuf>,
}

/// What is believed.
pub(crate) struct Believed {
    /// Of logs.
    pub(crate) logs: Vec<VerifierKey>,
    authorities: Option<Authorities>,
    receipts: Vec<Certificate>,
}

struct Certificate {
    der: Vec<u8>,
    name: StationName,
    /// Whom it names, and the first and last time at which it was shown to be valid: validity has no gaps.
    shown: Mutex<Option<(Identity, u64, u64)>>,
}

impl Keys {
    pub(crate) fn load(&self) -> Result<Believed, String> {
        let said = |error: Error| error.to_string();
        let logs = self.keys.iter().map(|key| VerifierKey::parse(key)).collect::<Result<_, _>>().map_err(said)?;
        let mut believed = Believed { logs, authorities: None, receipts: Vec::new() };
        if let Some(file) = &self.trust {
            believed.authorities =
                Some(TrustFiles::load(file).and_then(|files| Authorities::load(&files)).map_err(said)?);
        }
        if let Some(file) = &self.config {
            let config = Config::load(file).map_err(said)?;
            let authorities = Authorities::load(&config.trust).map_err(said)?;
            let own = [CertificateUse::Log, CertificateUse::Receipts]
                .map(|certificate_use| own_certificate(&config, &authorities, certificate_use));
            believed.authorities = Some(authorities);
            for certificate in own {
                believed.add(certificate.map_err(said)?, file)?;
            }
        }
        for file in &self.certificates {
            let unreadable =
                |_| format!("{}: no certificate (PEM) can be read from it; check the path", file.display());
            for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
                believed.add(certificate.map_err(unreadable)?.to_vec(), file)?;
            }
        }
        Ok(believed)
    }
}

impl Believed {
    fn add(&mut self, der: Vec<u8>, file: &std::path::Path) -> Result<(), String> {
        let wrong = |what: &str| format!("{}: {what}", file.display());
        match claimed_by_station(&der) {
            Some((name, CertificateUse::Receipts)) => {
                self.receipts.push(Certificate { der, name, shown: Mutex::new(None) });
                Ok(())
            }
            Some((_, CertificateUse::Log)) => {
                let authorities =
                    self.authorities.as_ref().ok_or_else(|| wrong("no authority is named to believe it"))?;
                let identity = authorities.identify(&der, KeyUse::Log, now().unix_ms);
                let key = identity.and_then(|of| VerifierKey::new(&origin(&of.operator, &of.station)?, of.key));
                self.logs.push(key.map_err(|error| wrong(&error.to_string()))?);
                Ok(())
            }
            Some(_) => Err(wrong("it is for neither receipts nor a log")),
            None => Err(wrong("it names no station of this service")),
        }
    }

    /// Keeps the keys of one log alone: of the one that is named, or of the only one there is. Another station's log must not pass
    /// for it.
    pub(crate) fn keep_log(&mut self, name: Option<&str>) -> Result<(), String> {
        let mut names: Vec<&str> = self.logs.iter().map(VerifierKey::name).collect();
        names.sort_unstable();
        names.dedup();
        let name = match (name, names.as_slice()) {
            (Some(name), _) if names.contains(&name) => name.to_owned(),
            (Some(name), _) => {
                return Err(format!("no key of the log {name} was given; there are: {}", names.join(", ")));
            }
            (None, [_] | []) => return Ok(()),
            (None, _) => {
                return Err(format!(
                    "keys of several logs were given; say with --log which is meant: {}",
                    names.join(", ")
                ));
            }
        };
        self.logs.retain(|key| key.name() == name);
        Ok(())
    }

    /// Whether there is a certificate for receipts.
    pub(crate) fn knows_receipts(&self) -> bool {
        !self.receipts.is_empty()
    }

    /// The one log that is meant, for what needs exactly one.
    pub(crate) fn log(&self) -> Result<&VerifierKey, String> {
        self.logs
            .first()
            .ok_or_else(|| "no key of a log was given; give --key, --certificate with --trust, or --config".into())
    }

    /// The key of the station that a receipt claims to be by, if a certificate for it was valid at the time that it claims.
    pub(crate) fn of_receipt(&self, unverified: &Unverified) -> Option<[u8; 32]> {
        let statement = &unverified.statement;
        let named = self.receipts.iter().filter(|certificate| {
            let name = &certificate.name;
            name.role == statement.role && name.station == statement.station && name.operator == statement.operator
        });
        let keys =
            named.filter_map(|certificate| certificate.key_at(self.authorities.as_ref()?, statement.event_unix_ms));
        keys.into_iter().find(|key| key_id(key) == unverified.key_id)
    }
}

impl Certificate {
    fn key_at(&self, authorities: &Authorities, unix_ms: u64) -> Option<[u8; 32]> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((identity, first, last)) = &*shown
            && (*first..=*last).contains(&unix_ms)
        {
            return Some(identity.key);
        }
        let identity = authorities.identify(&self.der, KeyUse::Receipts, unix_ms).ok()?;
        let key = identity.key;
        let (first, last) = shown.as_ref().map_or((unix_ms, unix_ms), |(_, first, last)| (*first, *last));
        *shown = Some((identity, first.min(unix_ms), last.max(unix_ms)));
        Some(key)
    }
}
