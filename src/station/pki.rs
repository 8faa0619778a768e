//! A public key infrastructure for development and trials: three operators, four stations, everything in one folder.
//!
//! It is for machines that hold no resident's data: the authorities' private keys lie beside the stations' and pass through
//! ordinary memory. A service has its authorities elsewhere and gives each station its own folder only. This module must never
//! overwrite anything.
//!
//! ```text
//! DIR/issuer.toml  certificate-centre.toml  ec-centre.toml  kiosk.toml
//! DIR/authorities/<operator>/certificate.pem  key.pem  revocation.pem
//! DIR/stations/<station>/tls-certificate.pem       tls-key.pem       (ECDSA P-256)
//!                        messages-certificate.pem  messages-key.der  (Ed25519)
//!                        receipts-certificate.pem  receipts-key.der  (Ed25519)
//!                        log-certificate.pem       log-key.der       (Ed25519)
//! ```
//! Private keys are PKCS#8 with mode 0600, folders have mode 0700.

mod authority;
mod configurations;
mod key;
mod tree;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use authority::{Authority, Issued, Validity};
pub use key::{PRIVATE_KEY_LENGTH, SEED_OFFSET, read_private_key};

use crate::error::Error;
use crate::station::profile::{CertificateUse, StationName};
use crate::types::Role;

/// How long stations' certificates and revocation lists of [`init`] are valid.
pub const STATION_VALIDITY: Duration = Duration::from_secs(366 * 86_400);
/// How long authorities of [`init`] are valid.
pub const AUTHORITY_VALIDITY: Duration = Duration::from_secs(10 * 366 * 86_400);

/// What [`init`] made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The folder.
    pub directory: PathBuf,
    /// The stations and their configuration files, in the order in which a document visits them.
    pub stations: Vec<(StationName, PathBuf)>,
    /// The operators and their authorities' certificates.
    pub authorities: Vec<(String, PathBuf)>,
    /// When the stations' certificates and the revocation lists end, in seconds since 1970-01-01 UTC.
    pub valid_until: u64,
}

/// Makes authorities, certificates, keys and configurations in `directory`, which must not exist or be empty.
///
/// The municipality runs the issuer, the centre runs the certificate centre, and the convenience operator runs the EC centre
/// and the kiosk. Everything is written beside `directory` first and appears there at once, complete, or not at all.
///
/// # Errors
/// [`Error::Configuration`] when something is there already; [`Error::Io`] when it cannot be written;
/// [`Error::RandomnessUnavailable`].
pub fn init(directory: &Path) -> Result<Summary, Error> {
    let place = tree::Place::new(directory)?;
    let now = crate::station::trust::unix_now().as_secs();
    let station_validity = Validity::starting(now, STATION_VALIDITY);
    place.folder(AUTHORITIES)?;
    place.folder(STATIONS)?;
    let mut authorities = Vec::new();
    for operator in [MUNICIPALITY, CENTRE, CONVENIENCE] {
        let authority = Authority::new(operator, Validity::starting(now, AUTHORITY_VALIDITY))?;
        let folder = format!("{AUTHORITIES}/{operator}");
        place.folder(&folder)?;
        place.public(&format!("{folder}/certificate.pem"), authority.certificate_pem().as_bytes())?;
        place.secret(&format!("{folder}/key.pem"), authority.key_pem().as_bytes())?;
        let list = authority.revocation_list(&[], station_validity)?;
        place.public(&format!("{folder}/revocation.pem"), list.as_bytes())?;
        authorities.push(authority);
    }
    let mut stations = Vec::new();
    for (role, station, operator) in STATIONS_OF_INIT {
        let name = StationName::new(role, station, operator)?;
        let authority = authorities.iter().find(|authority| authority.operator() == operator);
        let authority = authority.ok_or(Error::Mismatch { what: "the operator of a station" })?;
        let folder = format!("{STATIONS}/{station}");
        place.folder(&folder)?;
        for certificate_use in CertificateUse::ALL {
            let issued = authority.issue(&name, certificate_use, station_validity)?;
            let stem = format!("{folder}/{}", certificate_use.name());
            place.public(&format!("{stem}-certificate.pem"), issued.certificate_pem.as_bytes())?;
            place.secret(&format!("{stem}-key.{}", configurations::key_extension(certificate_use)), &issued.key)?;
        }
        let file = format!("{role}.toml");
        place.public(&file, configurations::text(&name).as_bytes())?;
        stations.push((name, directory.join(file)));
    }
    place.appear()?;
    let authority_file = |operator: &str| directory.join(AUTHORITIES).join(operator).join("certificate.pem");
    Ok(Summary {
        directory: directory.to_owned(),
        stations,
        authorities: authorities.iter().map(|of| (of.operator().to_owned(), authority_file(of.operator()))).collect(),
        valid_until: station_validity.not_after,
    })
}

const AUTHORITIES: &str = "authorities";
const STATIONS: &str = "stations";
const MUNICIPALITY: &str = "municipality";
const CENTRE: &str = "centre";
const CONVENIENCE: &str = "convenience";

const STATIONS_OF_INIT: [(Role, &str, &str); 4] = [
    (Role::Issuer, "issuer-1", MUNICIPALITY),
    (Role::CertificateCentre, "centre-1", CENTRE),
    (Role::EcCentre, "ec-1", CONVENIENCE),
    (Role::Kiosk, "kiosk-1", CONVENIENCE),
];
