//! A station's configuration file (TOML): read once at the start, checked completely, and only then used.
//!
//! It must never be guessed at: an unknown key, a missing one or one that its role does not have is refused with an error that
//! quotes the key and says what to write. Errors never quote values of the documents' table, which name people.

mod check;
mod policy;
mod read;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::custody::log::VerifierKey;
use crate::error::Error;
use crate::station::profile::{CertificateUse, StationName};
use crate::types::Role;

/// A station's configuration, complete and checked. Paths are absolute or relative to the working directory: those in the file
/// are relative to the file, and [`Config::load`] resolves them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Config {
    /// What kind of station this is.
    #[serde(deserialize_with = "read::role")]
    pub role: Role,
    /// Its name, unique within its operator.
    pub station: String,
    /// Who runs it.
    pub operator: String,
    /// The post that answers for it, as a code that names no person, 1 to 64 printable ASCII characters without spaces.
    pub responsible_post: String,
    /// The address to listen on; port 0 lets the operating system choose. The kiosk has none.
    pub listen: Option<SocketAddr>,
    /// The neighbour to connect to. The issuer has none.
    pub upstream: Option<Upstream>,
    /// The evidence store's database file.
    pub store: PathBuf,
    /// Which authorities are believed.
    pub trust: TrustFiles,
    /// Certificate and key for mutual TLS.
    pub tls: Credential,
    /// Certificate and key for signing messages.
    pub messages: Credential,
    /// Certificate and key for signing receipts.
    pub receipts: Credential,
    /// Certificate and key for signing the checkpoints of the log.
    pub log: Credential,
    /// How long evidence is kept.
    #[serde(default)]
    pub custody: CustodySettings,
    /// Limits on work in progress.
    #[serde(default)]
    pub limits: Limits,
    /// Deadlines of a handover.
    #[serde(default)]
    pub deadlines: Deadlines,
    /// How a link notices a dead neighbour.
    #[serde(default)]
    pub link: LinkTimes,
    /// How the vault is opened.
    #[serde(default)]
    pub vault: VaultSettings,
    /// The weakest suite that is accepted; issuer and kiosk only, which default to [`MinimumSuite::XWing`].
    pub minimum_suite: Option<MinimumSuite>,
    /// What only a relay has.
    #[serde(default)]
    pub relay: RelaySettings,
    /// What only a kiosk has.
    #[serde(default)]
    pub kiosk: KioskSettings,
    /// The issuer's source of documents.
    #[serde(default)]
    pub documents: Vec<DocumentSource>,
}

/// The neighbour that a station connects to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Upstream {
    /// `host:port`.
    pub address: String,
    /// The only station that is accepted there; any of the right role when it is left out.
    pub station: Option<String>,
}

/// Authorities' certificate files (PEM), by the role that they may vouch for, and revocation lists.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TrustFiles {
    /// For issuers.
    pub issuer: Vec<PathBuf>,
    /// For certificate centres.
    pub certificate_centre: Vec<PathBuf>,
    /// For the convenience operators' data centres.
    pub ec_centre: Vec<PathBuf>,
    /// For kiosks.
    pub kiosk: Vec<PathBuf>,
    /// Revocation lists (PEM, RFC 5280 section 5). When there is one, every authority needs one that is not out of date.
    #[serde(default)]
    pub revocation: Vec<PathBuf>,
}

impl TrustFiles {
    /// Reads the table `[trust]` alone, from a station's configuration or from a file that holds nothing else. Paths in it are
    /// relative to the file.
    ///
    /// # Errors
    /// [`Error::Configuration`] with the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let mut trust = read::parse_trust(&read::text(path)?).map_err(|reason| in_file(path, &reason))?;
        read::resolve_trust(&mut trust, path.parent().unwrap_or(Path::new("")));
        Ok(trust)
    }

    /// The authorities' files for a role.
    #[must_use]
    pub fn of(&self, role: Role) -> &[PathBuf] {
        match role {
            Role::Issuer => &self.issuer,
            Role::CertificateCentre => &self.certificate_centre,
            Role::EcCentre => &self.ec_centre,
            Role::Kiosk => &self.kiosk,
        }
    }
}

/// A certificate and its private key, as files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Credential {
    /// The certificate (PEM).
    pub certificate: PathBuf,
    /// The private key (PKCS#8): PEM for TLS, DER of 48 bytes for the others.
    pub key: PathBuf,
}

/// Limits on work in progress.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// The largest document, in bytes.
    pub document_bytes: u64,
    /// Sessions in flight.
    pub sessions: u32,
    /// Of these, for one neighbour; all of them when it is left out.
    pub per_neighbour: Option<u32>,
    /// Of these, for one kiosk.
    pub per_kiosk: u32,
    /// Chunks that may be under way to a receiver in one session.
    pub credit_chunks: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { document_bytes: 24 << 20, sessions: 64, per_neighbour: None, per_kiosk: 4, credit_chunks: 3 }
    }
}

/// Deadlines of a handover, in whole seconds in the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Deadlines {
    /// From the application until every chunk is acknowledged.
    #[serde(deserialize_with = "read::seconds")]
    pub transmit: Duration,
    /// From the last acknowledgement until the kiosk says that it opened the document.
    #[serde(deserialize_with = "read::seconds")]
    pub release: Duration,
    /// From opening until delivery; printing may take over two minutes.
    #[serde(deserialize_with = "read::seconds")]
    pub deliver: Duration,
    /// From the end of the session until every station's receipt is there.
    #[serde(deserialize_with = "read::seconds")]
    pub receipt: Duration,
    /// How long a session outlives the connection that it runs over; 0: it ends with it.
    #[serde(deserialize_with = "read::seconds_or_none")]
    pub reconnect: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            transmit: seconds(60),
            release: seconds(30),
            deliver: seconds(300),
            receipt: seconds(120),
            reconnect: seconds(10),
        }
    }
}

/// How a link notices a dead neighbour, in whole seconds in the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LinkTimes {
    /// A station that has sent nothing for this long sends a ping.
    #[serde(deserialize_with = "read::seconds")]
    pub keep_alive: Duration,
    /// A neighbour that was not heard for this long is dead.
    #[serde(deserialize_with = "read::seconds")]
    pub silence: Duration,
}

impl Default for LinkTimes {
    fn default() -> Self {
        Self { keep_alive: Duration::from_secs(5), silence: Duration::from_secs(20) }
    }
}

/// How the vault is opened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct VaultSettings {
    /// What happens when a protection cannot be had.
    pub protection: ProtectionSetting,
    /// Whether keys and plaintext are kept in secret memory.
    pub secret_memory: SecretMemorySetting,
    /// Windows of one chunk each.
    pub windows: u32,
    /// Key cells of 32 bytes each.
    pub key_cells: u32,
}

impl Default for VaultSettings {
    fn default() -> Self {
        Self {
            protection: ProtectionSetting::Strict,
            secret_memory: SecretMemorySetting::Auto,
            windows: 4,
            key_cells: 1024,
        }
    }
}

/// What happens when a protection of memory cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtectionSetting {
    /// The station does not start.
    Strict,
    /// It goes on, and every receipt says what was missing.
    BestEffort,
}

/// Whether keys and plaintext are kept in memory that not even the kernel can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretMemorySetting {
    /// Where it can be had; every receipt says whether it was.
    Auto,
    /// As a protection like the others.
    Require,
    /// Never: for machines that hibernate, and for processes that are scanned for residue.
    Off,
}

/// The weakest suite that is accepted. Never lowered at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MinimumSuite {
    /// X-Wing: X25519 with ML-KEM-768.
    #[serde(rename = "x-wing")]
    XWing,
    /// X25519 alone: small, and not safe from whoever keeps the traffic until there is a large quantum computer.
    #[serde(rename = "x25519")]
    X25519,
}

/// How long evidence is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CustodySettings {
    /// Days from the end of a session until its records are deleted; for good when it is left out.
    pub retention_days: Option<u32>,
    /// Verifier keys (`name+id+key`) of this log from before a change of its key, until the new key has signed.
    #[serde(deserialize_with = "read::verifier_keys")]
    pub previous_log_keys: Vec<VerifierKey>,
}

impl CustodySettings {
    /// The period as a duration.
    #[must_use]
    pub fn retention(&self) -> Option<Duration> {
        self.retention_days.map(|days| Duration::from_secs(u64::from(days) * 86_400))
    }
}

/// What only a relay has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RelaySettings {
    /// A file of 1 to 4,096 bytes that is attached, signed, to every offer that passes: the centre's parameters against forgery.
    pub attachment: Option<PathBuf>,
}

/// What only a kiosk has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KioskSettings {
    /// The relays whose attachment must be there before a document is acknowledged.
    #[serde(deserialize_with = "read::relays")]
    pub attachments: Vec<Role>,
}

/// One document that the issuer's host can compose.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DocumentSource {
    /// Whom it is about, as the register identifies them; 1 to 64 bytes. Never shown and never logged.
    #[serde(deserialize_with = "read::subject")]
    pub subject: String,
    /// What kind of document it is: 1 to 63 of `a-z`, `0-9` and inner `-`.
    pub kind: String,
    /// The document's file.
    pub file: PathBuf,
}

impl core::fmt::Debug for DocumentSource {
    /// Without the subject.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DocumentSource").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Config {
    /// Reads and checks the file at `path`, of at most 1 MiB, and resolves its paths relative to it.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read; [`Error::Configuration`] that names the file, quotes the key and says what to do.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = read::text(path)?;
        let mut config = read::parse(&text).map_err(|reason| in_file(path, &reason))?;
        check::all(&mut config).map_err(|reason| in_file(path, &reason))?;
        read::resolve_paths(&mut config, path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// The station's name, as its certificates must say it.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the names were changed after loading to something that is not allowed.
    pub fn name(&self) -> Result<StationName, Error> {
        StationName::new(self.role, &self.station, &self.operator)
    }

    /// The credential for a use.
    #[must_use]
    pub const fn credential(&self, certificate_use: CertificateUse) -> &Credential {
        match certificate_use {
            CertificateUse::Tls => &self.tls,
            CertificateUse::Messages => &self.messages,
            CertificateUse::Receipts => &self.receipts,
            CertificateUse::Log => &self.log,
        }
    }
}

/// The role that a station of `role` connects to: towards the issuer.
#[must_use]
pub const fn upstream_of(role: Role) -> Option<Role> {
    match role {
        Role::Issuer => None,
        Role::CertificateCentre => Some(Role::Issuer),
        Role::EcCentre => Some(Role::CertificateCentre),
        Role::Kiosk => Some(Role::EcCentre),
    }
}

/// The role that connects to a station of `role`: towards the kiosk.
#[must_use]
pub const fn downstream_of(role: Role) -> Option<Role> {
    match role {
        Role::Issuer => Some(Role::CertificateCentre),
        Role::CertificateCentre => Some(Role::EcCentre),
        Role::EcCentre => Some(Role::Kiosk),
        Role::Kiosk => None,
    }
}

fn in_file(path: &Path, reason: &str) -> Error {
    Error::Configuration { reason: format!("{}: {reason}", path.display()) }
}
