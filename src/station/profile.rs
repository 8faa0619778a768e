//! The certificate profile: what a certificate must say about a station, and what its key may be used for.
//!
//! An end-entity certificate carries exactly one name `urn:shokyo:<operator>:<role>:<station>:<use>`; its authority carries
//! `urn:shokyo:<operator>:authority`, so that no authority can speak for another operator's stations. The use is said twice, in
//! the name and as an extended key usage, so that a TLS library that knows nothing of the names still refuses a message key.
//! This module only reads and writes names: it must never decide whether a certificate is believed.

use rustls::pki_types::CertificateDer;

use crate::error::Error;
use crate::handover::KeyUse;
use crate::types::Role;

/// What a station's certificate is for. A station has one key and one certificate for each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateUse {
    /// Mutual TLS between neighbours.
    Tls,
    /// Signing the messages of the handover.
    Messages,
    /// Signing receipts.
    Receipts,
    /// Signing the checkpoints of the station's log.
    Log,
}

impl CertificateUse {
    /// All uses.
    pub const ALL: [Self; 4] = [Self::Tls, Self::Messages, Self::Receipts, Self::Log];

    /// The name in certificates and configurations: `tls`, `messages`, `receipts`, `log`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Messages => KeyUse::Messages.name(),
            Self::Receipts => KeyUse::Receipts.name(),
            Self::Log => KeyUse::Log.name(),
        }
    }
}

impl From<KeyUse> for CertificateUse {
    fn from(key_use: KeyUse) -> Self {
        match key_use {
            KeyUse::Messages => Self::Messages,
            KeyUse::Receipts => Self::Receipts,
            KeyUse::Log => Self::Log,
        }
    }
}

/// id-kp-serverAuth (RFC 5280, section 4.2.1.12), the content of its DER encoding.
pub const SERVER_AUTHENTICATION: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
/// id-kp-clientAuth (RFC 5280, section 4.2.1.12), the content of its DER encoding.
pub const CLIENT_AUTHENTICATION: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
/// Signing handover messages: 2.25.237388209158214692788865864569673386772 (ITU-T X.667, UUID b2974e59-0ba6-48a4-91f5-348c214a8b14).
pub const MESSAGE_SIGNING: &[u8] = &[
    0x69, 0x82, 0xE5, 0x97, 0xA7, 0x96, 0xA1, 0xBA, 0xB2, 0xA2, 0xC9, 0x91, 0xFA, 0xCD, 0x91, 0xC2, 0x8A, 0xAA, 0x96,
    0x14,
];
/// Signing receipts: 2.25.125094257308397507509928313579372281190 (ITU-T X.667, UUID 5e1c4710-ee9a-4f2b-aff5-78cbf85bfd66).
pub const RECEIPT_SIGNING: &[u8] = &[
    0x69, 0x81, 0xBC, 0x9C, 0xA3, 0xC4, 0x9D, 0xE9, 0xD2, 0xBC, 0xD7, 0xAF, 0xFA, 0xDE, 0x99, 0xBF, 0xC2, 0xEF, 0xFA,
    0x66,
];
/// Signing notes about the log: 2.25.291095484748146407207320000918966660047 (ITU-T X.667, UUID dafef379-aab0-4523-a5b7-d83feb0a6bcf).
pub const LOG_SIGNING: &[u8] = &[
    0x69, 0x83, 0xB5, 0xFE, 0xF9, 0xDE, 0xB5, 0xAB, 0x82, 0x94, 0xC7, 0xA5, 0xDB, 0xF6, 0x87, 0xFE, 0xD8, 0xA9, 0xD7,
    0x4F,
];

/// A station as a certificate names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StationName {
    /// What kind of station it is.
    pub role: Role,
    /// Its name, unique within its operator: 1 to 63 of `a-z`, `0-9` and inner `-`.
    pub station: String,
    /// Who runs it, in the same alphabet.
    pub operator: String,
}

impl StationName {
    /// A name, if its parts keep to the alphabet.
    ///
    /// # Errors
    /// [`Error::Configuration`] that says which part is wrong and what is allowed.
    pub fn new(role: Role, station: &str, operator: &str) -> Result<Self, Error> {
        for (what, value) in [("station", station), ("operator", operator)] {
            if !is_label(value) {
                return Err(Error::Configuration {
                    reason: format!("`{what}` must be 1 to 63 of a-z, 0-9 and inner hyphens, for example kiosk-1"),
                });
            }
        }
        Ok(Self { role, station: station.to_owned(), operator: operator.to_owned() })
    }

    /// The name in a certificate for `certificate_use`: `urn:shokyo:<operator>:<role>:<station>:<use>`.
    #[must_use]
    pub fn uri(&self, certificate_use: CertificateUse) -> String {
        format!("{PREFIX}{}:{}:{}:{}", self.operator, self.role, self.station, certificate_use.name())
    }

    /// The DNS names in its TLS certificate; they resolve nowhere (`internal` is reserved for private use).
    #[must_use]
    pub fn dns_names(&self) -> [String; 2] {
        [role_dns_name(self.role), station_dns_name(self.role, &self.station)]
    }
}

impl core::fmt::Display for StationName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {} of {}", self.role, self.station, self.operator)
    }
}

/// The DNS name that every station of a role answers to: `<role>.shokyo.internal`.
#[must_use]
pub fn role_dns_name(role: Role) -> String {
    format!("{role}.shokyo.internal")
}

/// The DNS name of one station: `<station>.<role>.shokyo.internal`.
#[must_use]
pub fn station_dns_name(role: Role, station: &str) -> String {
    format!("{station}.{role}.shokyo.internal")
}

/// The name in an authority's certificate: `urn:shokyo:<operator>:authority`.
#[must_use]
pub fn authority_uri(operator: &str) -> String {
    format!("{PREFIX}{operator}:{AUTHORITY}")
}

/// What an end-entity certificate *claims*: the caller verifies it before or after, never believes it alone.
///
/// `None` when it is not a certificate, or carries no such name, or more than one.
#[must_use]
pub fn claimed_by_station(certificate: &[u8]) -> Option<(StationName, CertificateUse)> {
    let uri = only_uri(certificate)?;
    let mut parts = uri.strip_prefix(PREFIX)?.split(':');
    let (operator, role, station, used) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let role = role_named(role)?;
    let certificate_use = CertificateUse::ALL.into_iter().find(|candidate| candidate.name() == used)?;
    Some((StationName::new(role, station, operator).ok()?, certificate_use))
}

/// The operator that an authority's certificate names.
#[must_use]
pub fn operator_of_authority(certificate: &[u8]) -> Option<String> {
    let uri = only_uri(certificate)?;
    let (operator, last) = uri.strip_prefix(PREFIX)?.split_once(':')?;
    (last == AUTHORITY && is_label(operator)).then(|| operator.to_owned())
}

/// The role with this name, see [`Role::name`].
#[must_use]
pub fn role_named(name: &str) -> Option<Role> {
    Role::ALL.into_iter().find(|role| role.name() == name)
}

/// Whether `text` is a DNS label in lower case: 1 to 63 of `a-z`, `0-9` and inner `-` (RFC 1123, section 2.1).
#[must_use]
pub fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

const PREFIX: &str = "urn:shokyo:";
const AUTHORITY: &str = "authority";

fn only_uri(certificate: &[u8]) -> Option<String> {
    let der = CertificateDer::from(certificate);
    let parsed = webpki::EndEntityCert::try_from(&der).ok()?;
    let mut names = parsed.valid_uri_names().filter(|name| name.starts_with(PREFIX));
    let name = names.next()?.to_owned();
    names.next().is_none().then_some(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_separator_or_a_capital_is_refused() {
        for bad in ["", "a:b", "Kiosk", "-a", "a-", "a.b", "区", &"a".repeat(64)] {
            assert!(StationName::new(Role::Kiosk, bad, "operator").is_err(), "{bad}");
            assert!(StationName::new(Role::Kiosk, "kiosk", bad).is_err(), "{bad}");
        }
        assert!(StationName::new(Role::Kiosk, &"a".repeat(63), "0").is_ok());
    }

    #[test]
    fn bytes_that_are_no_certificate_claim_nothing() {
        assert_eq!(claimed_by_station(b""), None);
        assert_eq!(claimed_by_station(&[0x30; 400]), None);
        assert_eq!(operator_of_authority(&[0x30, 0x82, 0xFF, 0xFF]), None);
    }
}
