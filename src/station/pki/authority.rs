//! An operator's certificate authority: issues stations' certificates by the [profile](crate::station::profile) and revokes them.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CustomExtension,
    DistinguishedName, DnType, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, RevokedCertParams, SanType,
    SerialNumber, SignatureAlgorithm,
};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::key;
use crate::error::Error;
use crate::station::profile::{self, CertificateUse, StationName};

/// From when until when something is valid, in seconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: u64,
    /// The last second.
    pub not_after: u64,
}

impl Validity {
    /// From an hour before `now`, because clocks differ, until `length` after it.
    #[must_use]
    pub const fn starting(now: u64, length: Duration) -> Self {
        Self { not_before: now.saturating_sub(3600), not_after: now.saturating_add(length.as_secs()) }
    }
}

/// A certificate and the private key that was made for it.
pub struct Issued {
    /// The certificate (PEM).
    pub certificate_pem: String,
    /// The certificate (DER).
    pub certificate_der: Vec<u8>,
    /// The private key, PKCS#8: PEM for TLS, DER of 48 bytes for the others. Wiped when it is dropped.
    pub key: Zeroizing<Vec<u8>>,
    /// The certificate's serial number, for [`Authority::revocation_list`].
    pub serial: [u8; 16],
}

/// An operator's certificate authority with its private key (ECDSA P-256).
pub struct Authority {
    operator: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority that speaks for `operator`.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the operator's name is not allowed; [`Error::RandomnessUnavailable`].
    pub fn new(operator: &str, validity: Validity) -> Result<Self, Error> {
        if !profile::is_label(operator) {
            return Err(Error::Configuration {
                reason: "`operator` must be 1 to 63 of a-z, 0-9 and inner hyphens, for example centre".to_owned(),
            });
        }
        let mut parameters = parameters(operator, "shokyo authority", validity)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.subject_alt_names = vec![uri(profile::authority_uri(operator))?];
        let pair = KeyPair::generate().map_err(failed)?;
        let issuer = CertifiedIssuer::self_signed(parameters, pair).map_err(failed)?;
        Ok(Self { operator: operator.to_owned(), issuer })
    }

    /// The operator.
    #[must_use]
    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// The authority's certificate (PEM).
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// The authority's private key (PKCS#8, PEM). Wiped when it is dropped.
    #[must_use]
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.issuer.key().serialize_pem())
    }

    /// Makes a key and a certificate for a station of this operator.
    ///
    /// The name is not compared with the authority's operator: whoever verifies does that.
    ///
    /// # Errors
    /// [`Error::RandomnessUnavailable`], or [`Error::Malformed`] when the certificate cannot be encoded.
    pub fn issue(
        &self,
        name: &StationName,
        certificate_use: CertificateUse,
        validity: Validity,
    ) -> Result<Issued, Error> {
        let mut parameters =
            parameters(&name.operator, &format!("{} {}", name.station, certificate_use.name()), validity)?;
        let serial = random_serial()?;
        parameters.serial_number = Some(SerialNumber::from_slice(&serial));
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.use_authority_key_identifier_extension = true;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.subject_alt_names = vec![uri(name.uri(certificate_use))?];
        parameters.custom_extensions = vec![extended_key_usage(match certificate_use {
            CertificateUse::Tls => &[profile::SERVER_AUTHENTICATION, profile::CLIENT_AUTHENTICATION],
            CertificateUse::Messages => &[profile::MESSAGE_SIGNING],
            CertificateUse::Receipts => &[profile::RECEIPT_SIGNING],
            CertificateUse::Log => &[profile::LOG_SIGNING],
        })];
        let (certificate, key) = if certificate_use == CertificateUse::Tls {
            for dns in name.dns_names() {
                parameters.subject_alt_names.push(SanType::DnsName(dns.try_into().map_err(failed)?));
            }
            let pair = KeyPair::generate().map_err(failed)?;
            let certificate = parameters.signed_by(&pair, &self.issuer).map_err(failed)?;
            (certificate, Zeroizing::new(pair.serialize_pem().into_bytes()))
        } else {
            let (key, public) = key::generate_ed25519()?;
            (parameters.signed_by(&Ed25519PublicKey(public), &self.issuer).map_err(failed)?, key)
        };
        let (certificate_pem, certificate_der) = (certificate.pem(), certificate.der().to_vec());
        Ok(Issued { certificate_pem, certificate_der, key, serial })
    }

    /// A revocation list (PEM, RFC 5280 section 5) that is in force during `validity`.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it cannot be encoded.
    pub fn revocation_list(&self, revoked: &[[u8; 16]], validity: Validity) -> Result<String, Error> {
        let revoked = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: rcgen::date_time_ymd(1970, 1, 1) + seconds(validity.not_before),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(1970, 1, 1) + seconds(validity.not_before),
            next_update: rcgen::date_time_ymd(1970, 1, 1) + seconds(validity.not_after),
            crl_number: SerialNumber::from_slice(&validity.not_before.to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).and_then(|list| list.pem()).map_err(failed)
    }
}

struct Ed25519PublicKey([u8; 32]);

impl PublicKeyData for Ed25519PublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

fn parameters(organisation: &str, common_name: &str, validity: Validity) -> Result<CertificateParams, Error> {
    let mut parameters = CertificateParams::new(Vec::<String>::new()).map_err(failed)?;
    parameters.not_before = rcgen::date_time_ymd(1970, 1, 1) + seconds(validity.not_before);
    parameters.not_after = rcgen::date_time_ymd(1970, 1, 1) + seconds(validity.not_after);
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::OrganizationName, organisation);
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    Ok(parameters)
}

/// extKeyUsage (RFC 5280, section 4.2.1.12), critical: rcgen's own has no room for the arcs of a UUID.
fn extended_key_usage(purposes: &[&[u8]]) -> CustomExtension {
    const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    // At most two purposes of at most 20 bytes: every length fits the short form.
    let tagged = |tag: u8, content: Vec<u8>| [vec![tag, content.len() as u8], content].concat();
    let purposes = purposes.iter().flat_map(|purpose| tagged(OBJECT_IDENTIFIER, purpose.to_vec())).collect();
    let mut extension = CustomExtension::from_oid_content(EXTENDED_KEY_USAGE, tagged(SEQUENCE, purposes));
    extension.set_criticality(true);
    extension
}

/// 128 bits, positive and without a leading zero byte (RFC 5280, section 4.1.2.2).
fn random_serial() -> Result<[u8; 16], Error> {
    let mut serial = [0; 16];
    SystemRandom::new().fill(&mut serial).map_err(|_| Error::RandomnessUnavailable)?;
    serial[0] = serial[0] & 0x3F | 0x40;
    Ok(serial)
}

fn uri(name: String) -> Result<SanType, Error> {
    Ok(SanType::URI(name.try_into().map_err(failed)?))
}

fn seconds(since_epoch: u64) -> Duration {
    const END_OF_YEAR_9999: u64 = 253_402_300_799;
    Duration::from_secs(since_epoch.min(END_OF_YEAR_9999))
}

fn failed(error: rcgen::Error) -> Error {
    match error {
        rcgen::Error::RingUnspecified => Error::RandomnessUnavailable,
        _ => Error::Malformed { what: "a certificate to be issued" },
    }
}
