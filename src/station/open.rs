//! Opening a station from its configuration: vaults, keys, trust and store, in that order, and what a process that died left open.
//!
//! Whoever drives the machines begins here, [`run`](super::run()) and the C ABI alike. Nothing here may start work before
//! lost sessions are on record.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use super::config::{Config, ProtectionSetting, SecretMemorySetting};
use super::host::not_covered;
use super::notice::now;
use super::profile::CertificateUse;
use super::trust::{Authorities, own_certificate, refuse_shared_key_file};
use crate::buffer::{Protection, SecretMemory, Vault, VaultOptions};
use crate::custody::{LogKey, OpenSession, Store, record_lost};
use crate::error::Error;
use crate::handover::suite::{SigningKey, StationCrypto, StationKeys};
use crate::handover::{KeyUse, Trust};
use crate::platform::host::HostMemory;
use crate::receipt::{StationInfo, key_id};
use crate::types::Protections;

/// What depends on the process that a station runs in, rather than on its configuration.
pub(crate) struct Memory {
    /// As [`VaultOptions::scrub_alternate_stack`].
    pub(crate) scrub_alternate_stack: bool,
    /// As [`VaultOptions::patience`]; the default when it is left out.
    pub(crate) patience: Option<Duration>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { scrub_alternate_stack: true, patience: None }
    }
}

/// A station with its vaults, keys and authorities, and without records.
pub(crate) struct Prepared {
    pub(crate) trust: Arc<Authorities>,
    /// What protects both of its vaults.
    pub(crate) protections: Protections,
    identity: Vault,
    documents: Vault,
    keys: StationKeys,
}

/// What a station needs before it takes part.
pub(crate) struct Opened {
    pub(crate) crypto: StationCrypto,
    pub(crate) trust: Arc<Authorities>,
    pub(crate) store: Store,
    /// Sessions that an earlier process left open: they are on record as lost.
    pub(crate) lost: Vec<OpenSession>,
}

impl Prepared {
    /// Loads authorities and certificates, opens the vaults, and reads the keys into locked memory.
    pub(crate) fn new(config: &Config, memory: &Memory) -> Result<Self, Error> {
        let trust = Arc::new(Authorities::load(&config.trust)?);
        // Two vaults: after erasing every document at once, receipts for that can still be signed.
        let identity = Vault::open(vault_options(config, memory, 1, 64))?;
        let mut options = vault_options(config, memory, config.vault.windows as usize, config.vault.key_cells as usize);
        // The machines erase at their own deadlines; should they hang, no key outlives the longest of all sessions.
        let policy = config.policy();
        options.lifetime = Some(policy.challenge + policy.whole());
        let documents = Vault::open(options)?;
        let protections = identity.protections().intersection(documents.protections());
        let messages = signing_key(config, &trust, &identity, KeyUse::Messages)?;
        let receipts = signing_key(config, &trust, &identity, KeyUse::Receipts)?;
        let keys = StationKeys {
            info: StationInfo {
                role: config.role,
                station: config.station.clone(),
                operator: config.operator.clone(),
                post: config.responsible_post.clone(),
            },
            messages,
            certificate: own_certificate(config, &trust, CertificateUse::Messages)?,
            receipts,
            receipt_certificate: own_certificate(config, &trust, CertificateUse::Receipts)?,
            not_covered: not_covered(HostMemory::of_this_host(), protections, config.role),
        };
        Ok(Self { trust, protections, identity, documents, keys })
    }

    /// Opens the configuration's store and writes down what an earlier process lost, before anything else.
    pub(crate) fn open_store(self, config: &Config) -> Result<Opened, Error> {
        let Self { trust, identity, documents, keys, .. } = self;
        let log = signing_key(config, &trust, &identity, KeyUse::Log)?;
        let log = LogKey::new(log, &config.operator, &config.station)?;
        let mut store = Store::open_signed_after(&config.store, Box::new(log), &config.custody.previous_log_keys)?;
        // A receipt names its key; whoever reads it later finds the certificate here, also after the next change of keys.
        store.keep_certificate(&key_id(keys.receipts.public()), &keys.receipt_certificate, now().unix_ms)?;
        let crypto = StationCrypto::new(documents, Arc::new(keys), store.last_receipt_hash()?);
        let lost = record_lost(&crypto, &mut store, now().unix_ms)?;
        Ok(Opened { crypto, trust, store, lost })
    }

    /// Leaves the records to the host, which tells the hash of the receipt that this station made last.
    #[cfg(feature = "capi")]
    pub(crate) fn without_store(self, last_receipt: Option<[u8; 32]>) -> (StationCrypto, Arc<Authorities>) {
        (StationCrypto::new(self.documents, Arc::new(self.keys), last_receipt), self.trust)
    }
}

/// A station's key for its log, in locked memory, for tools that sign in its name while it does not run or beside it.
///
/// # Errors
/// [`Error::Configuration`] with the file and what is wrong with it; when there is no locked memory to be had.
pub fn log_key(config: &Config) -> Result<LogKey, Error> {
    let trust = Authorities::load(&config.trust)?;
    let vault = Vault::open(vault_options(config, &Memory::default(), 1, 16))?;
    let key = signing_key(config, &trust, &vault, KeyUse::Log)?;
    LogKey::new(key, &config.operator, &config.station)
}

fn vault_options(config: &Config, memory: &Memory, windows: usize, key_cells: usize) -> VaultOptions {
    let mut options = VaultOptions::new();
    options.protection = match config.vault.protection {
        ProtectionSetting::Strict => Protection::Strict,
        ProtectionSetting::BestEffort => Protection::BestEffort,
    };
    options.secret_memory = match config.vault.secret_memory {
        SecretMemorySetting::Auto => SecretMemory::Auto,
        SecretMemorySetting::Require => SecretMemory::Require,
        SecretMemorySetting::Off => SecretMemory::Off,
    };
    options.windows = windows;
    options.key_cells = key_cells;
    options.agreement = true;
    options.scrub_alternate_stack = memory.scrub_alternate_stack;
    if let Some(patience) = memory.patience {
        options.patience = patience;
    }
    options
}

fn signing_key(config: &Config, trust: &Authorities, vault: &Vault, key_use: KeyUse) -> Result<SigningKey, Error> {
    let certificate_use = CertificateUse::from(key_use);
    let path = &config.credential(certificate_use).key;
    let wrong = |reason: &str| Error::Configuration {
        reason: format!("`{}.key` ({}): {reason}", key_use.name(), path.display()),
    };
    refuse_shared_key_file(path).map_err(|reason| wrong(&reason))?;
    let mut file = File::open(path).map_err(|error| wrong(&format!("cannot be opened ({})", error.kind())))?;
    let key = SigningKey::from_pkcs8(vault, &mut file).map_err(|error| match error {
        Error::Malformed { .. } => wrong("is not an Ed25519 private key in PKCS#8 DER"),
        other => other,
    })?;
    let certificate = own_certificate(config, trust, certificate_use)?;
    let identity = trust.identify(&certificate, key_use, now().unix_ms)?;
    if identity.key != *key.public() {
        return Err(wrong("does not belong to the certificate beside it"));
    }
    Ok(key)
}
