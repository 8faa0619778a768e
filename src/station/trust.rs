//! Which certificates a station believes: X.509 path validation (RFC 5280) against the authorities configured for a role.
//!
//! The chain is verified by webpki; this module adds what the service needs on top: the role's own authorities, the operator
//! that the authority may speak for, the use of the key, and revocation lists that are not out of date. It must never believe
//! a name before the chain is verified, and never fall back to another role's authorities.

mod refusal;
mod remembered;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, SignatureVerificationAlgorithm,
    SubjectPublicKeyInfoDer, TrustAnchor, UnixTime,
};
use webpki::{CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationOptionsBuilder};

pub(crate) use refusal::Refusal;
use remembered::Remembered;

use crate::error::Error;
use crate::handover::{Identity, KeyUse, Trust};
use crate::platform::files;
use crate::station::config::{Config, TrustFiles};
use crate::station::profile::{self, CertificateUse, StationName};
use crate::types::Role;

/// What a certificate must be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    TlsServer,
    TlsClient,
    Sign(KeyUse),
}

impl Purpose {
    const fn certificate_use(self) -> CertificateUse {
        match self {
            Self::TlsServer | Self::TlsClient => CertificateUse::Tls,
            Self::Sign(KeyUse::Messages) => CertificateUse::Messages,
            Self::Sign(KeyUse::Receipts) => CertificateUse::Receipts,
            Self::Sign(KeyUse::Log) => CertificateUse::Log,
        }
    }

    const fn key_usage(self) -> KeyUsage {
        KeyUsage::required(match self {
            Self::TlsServer => profile::SERVER_AUTHENTICATION,
            Self::TlsClient => profile::CLIENT_AUTHENTICATION,
            Self::Sign(KeyUse::Messages) => profile::MESSAGE_SIGNING,
            Self::Sign(KeyUse::Receipts) => profile::RECEIPT_SIGNING,
            Self::Sign(KeyUse::Log) => profile::LOG_SIGNING,
        })
    }
}

/// The authorities that a station believes, by role, and their revocation lists.
///
/// An authority must have signed the station's certificate itself: intermediate certificates are not accepted, so that what is
/// believed is exactly what the configuration names.
pub struct Authorities {
    roles: [RoleAuthorities; 4],
    revocation: RwLock<Arc<Vec<CertRevocationList<'static>>>>,
    remembered: Remembered,
}

#[derive(Default)]
struct RoleAuthorities {
    anchors: Vec<TrustAnchor<'static>>,
    /// The operator that each anchor speaks for.
    operators: Vec<String>,
}

impl Authorities {
    /// Reads the authorities and revocation lists that a configuration names.
    ///
    /// # Errors
    /// [`Error::Configuration`] with the file and what is wrong with it.
    pub fn load(files: &TrustFiles) -> Result<Self, Error> {
        let mut roles: [RoleAuthorities; 4] = Default::default();
        for (role, into) in Role::ALL.into_iter().zip(&mut roles) {
            for file in files.of(role) {
                let (anchor, operator) = authority(file)?;
                into.anchors.push(anchor);
                into.operators.push(operator);
            }
        }
        let revocation = RwLock::new(Arc::new(revocation_lists(files)?));
        Ok(Self { roles, revocation, remembered: Remembered::default() })
    }

    /// Reads the revocation lists again; on an error the earlier ones stay in force until they are out of date.
    ///
    /// # Errors
    /// [`Error::Configuration`] with the file and what is wrong with it.
    pub fn reload_revocation(&self, files: &TrustFiles) -> Result<(), Error> {
        let lists = Arc::new(revocation_lists(files)?);
        *self.revocation.write().unwrap_or_else(PoisonError::into_inner) = lists;
        Ok(())
    }

    /// Verifies a certificate for a purpose and returns whom it names.
    pub(crate) fn verify(&self, certificate: &[u8], purpose: Purpose, at: UnixTime) -> Result<StationName, Refusal> {
        let der = CertificateDer::from(certificate);
        let parsed = EndEntityCert::try_from(&der).map_err(|_| Refusal::Malformed)?;
        let (name, certificate_use) = profile::claimed_by_station(certificate).ok_or(Refusal::Nameless)?;
        let role = &self.roles[name.role as usize - 1];
        let lists = Arc::clone(&self.revocation.read().unwrap_or_else(PoisonError::into_inner));
        let lists: Vec<&CertRevocationList<'_>> = lists.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&lists)
            .ok()
            .map(|builder| builder.with_expiration_policy(ExpirationPolicy::Enforce).build());
        let algorithms = self.remembered.algorithms();
        let algorithms: Vec<&dyn SignatureVerificationAlgorithm> = algorithms.iter().map(|of| of as _).collect();
        let path = parsed
            .verify_for_usage(&algorithms, &role.anchors, &[], at, purpose.key_usage(), revocation, None)
            .map_err(Refusal::from)?;
        let spoken_for = role.anchors.iter().position(|anchor| core::ptr::eq(anchor, path.anchor()));
        if spoken_for.and_then(|index| role.operators.get(index)) != Some(&name.operator) {
            return Err(Refusal::Operator);
        }
        if certificate_use != purpose.certificate_use() {
            return Err(Refusal::Use);
        }
        Ok(name)
    }

    /// Verifies a TLS certificate and that it answers to `server_name`.
    pub(crate) fn verify_server(
        &self,
        certificate: &[u8],
        server_name: &ServerName<'_>,
        at: UnixTime,
    ) -> Result<StationName, Refusal> {
        let name = self.verify(certificate, Purpose::TlsServer, at)?;
        let der = CertificateDer::from(certificate);
        let parsed = EndEntityCert::try_from(&der).map_err(|_| Refusal::Malformed)?;
        parsed.verify_is_valid_for_subject_name(server_name).map_err(Refusal::from)?;
        Ok(name)
    }
}

impl Trust for Authorities {
    fn identify(&self, certificate: &[u8], key_use: KeyUse, unix_ms: u64) -> Result<Identity, Error> {
        let at = UnixTime::since_unix_epoch(Duration::from_millis(unix_ms));
        let name = self.verify(certificate, Purpose::Sign(key_use), at)?;
        let der = CertificateDer::from(certificate);
        let parsed = EndEntityCert::try_from(&der).map_err(|_| Refusal::Malformed)?;
        let key = ed25519_key(&parsed.subject_public_key_info()).ok_or(Refusal::Key)?;
        Ok(Identity { role: name.role, station: name.station, operator: name.operator, key })
    }
}

impl core::fmt::Debug for Authorities {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_map()
            .entries(Role::ALL.into_iter().zip(&self.roles).map(|(role, of)| (role.name(), &of.operators)))
            .finish()
    }
}

/// The station's own certificate for a use (DER), once it is shown to be one that the neighbours can believe: it names this
/// station and verifies, now, against the authorities configured here for this station's role.
///
/// # Errors
/// [`Error::Configuration`] with the file and what is wrong with it.
pub fn own_certificate(
    config: &Config,
    authorities: &Authorities,
    certificate_use: CertificateUse,
) -> Result<Vec<u8>, Error> {
    let file = &config.credential(certificate_use).certificate;
    let wrong = |what: &str| Error::Configuration {
        reason: format!("`{}.certificate` ({}): {what}", certificate_use.name(), file.display()),
    };
    let certificate = CertificateDer::from_pem_file(file)
        .map_err(|_| wrong("cannot be read as a PEM certificate; check the path and its permissions"))?;
    let purposes: &[Purpose] = match certificate_use {
        CertificateUse::Tls => &[Purpose::TlsServer, Purpose::TlsClient],
        CertificateUse::Messages => &[Purpose::Sign(KeyUse::Messages)],
        CertificateUse::Receipts => &[Purpose::Sign(KeyUse::Receipts)],
        CertificateUse::Log => &[Purpose::Sign(KeyUse::Log)],
    };
    let now = unix_now();
    for purpose in purposes {
        let name = authorities.verify(&certificate, *purpose, now).map_err(|refusal| {
            wrong(&format!("{}; have it issued anew, or correct [trust] {}", refusal.what(), config.role))
        })?;
        if name != config.name()? {
            return Err(wrong(&format!("it is the certificate of {name}; correct the path or the station's name")));
        }
    }
    if let [Purpose::Sign(key_use)] = purposes {
        authorities
            .identify(&certificate, *key_use, now.as_secs().saturating_mul(1000))
            .map_err(|_| wrong("its key is not an Ed25519 key; have it issued anew"))?;
    }
    Ok(certificate.to_vec())
}

/// The private key for TLS (PKCS#8, PEM), from a file that nobody else may read.
pub(crate) fn tls_private_key(config: &Config) -> Result<PrivateKeyDer<'static>, Error> {
    let file = &config.tls.key;
    let wrong = |what: &str| Error::Configuration { reason: format!("`tls.key` ({}): {what}", file.display()) };
    refuse_shared_key_file(file).map_err(|what| wrong(&what))?;
    PrivateKeyDer::from_pem_file(file).map_err(|_| wrong("cannot be read as a PEM private key (PKCS#8)"))
}

/// Refuses a private key's file that others than its owner may touch.
pub(crate) fn refuse_shared_key_file(file: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(file).map_err(|error| format!("cannot be opened ({})", error.kind()))?;
    if !metadata.is_file() {
        return Err("is not a file".to_owned());
    }
    let shared = files::shared_with_others(file);
    let shared = shared.map_err(|error| format!("who may read or change it cannot be told ({})", error.kind()))?;
    shared.map_or(Ok(()), Err)
}

/// This moment, for certificates.
pub(crate) fn unix_now() -> UnixTime {
    UnixTime::since_unix_epoch(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn authority(file: &Path) -> Result<(TrustAnchor<'static>, String), Error> {
    let wrong = |what: &str| Error::Configuration { reason: format!("the authority {}: {what}", file.display()) };
    let certificate = CertificateDer::from_pem_file(file)
        .map_err(|_| wrong("cannot be read as a PEM certificate; check [trust] and the file's permissions"))?;
    let operator = profile::operator_of_authority(&certificate).ok_or_else(|| {
        wrong("names no operator it speaks for (urn:shokyo:<operator>:authority); is it an authority?")
    })?;
    let anchor = webpki::anchor_from_trusted_cert(&certificate).map_err(|_| wrong("is not an X.509 certificate"))?;
    Ok((anchor.to_owned(), operator))
}

fn revocation_lists(files: &TrustFiles) -> Result<Vec<CertRevocationList<'static>>, Error> {
    let read = |file: &std::path::PathBuf| {
        let wrong =
            |what: &str| Error::Configuration { reason: format!("`trust.revocation` ({}): {what}", file.display()) };
        let der = CertificateRevocationListDer::from_pem_file(file)
            .map_err(|_| wrong("cannot be read as a PEM revocation list; fetch it again"))?;
        let list = webpki::OwnedCertRevocationList::from_der(&der)
            .map_err(|_| wrong("is not a revocation list (RFC 5280) that can be used; fetch it again"))?;
        Ok(CertRevocationList::from(list))
    };
    files.revocation.iter().map(read).collect()
}

/// The key in an Ed25519 SubjectPublicKeyInfo (RFC 8410, section 4), which has one encoding only.
fn ed25519_key(info: &SubjectPublicKeyInfoDer<'_>) -> Option<[u8; 32]> {
    const PREFIX: [u8; 12] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];
    info.strip_prefix(&PREFIX)?.try_into().ok()
}
