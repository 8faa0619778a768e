//! Why a certificate is refused: one list of reasons for the handover's errors, for TLS and for its alerts.

use rustls::{CertificateError, OtherError};

use crate::error::Error;

/// A reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Malformed,
    Nameless,
    UnknownAuthority,
    Signature,
    Expired,
    NotYetValid,
    Use,
    Role,
    Station,
    Operator,
    Revoked,
    RevocationUnknown,
    Key,
}

impl Refusal {
    /// What is not trusted, as [`Error::Untrusted`] says it.
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Malformed => "a malformed certificate",
            Self::Nameless => "a certificate that names no station (or several)",
            Self::UnknownAuthority => "a certificate of an authority that is not configured for its role",
            Self::Signature => "a certificate that its authority did not sign",
            Self::Expired => "an expired certificate",
            Self::NotYetValid => "a certificate that is not valid yet",
            Self::Use => "a certificate for another use",
            Self::Role => "a certificate of a station of another role",
            Self::Station => "a certificate of another station than the configured one",
            Self::Operator => "a certificate that names another operator than its authority speaks for",
            Self::Revoked => "a revoked certificate",
            Self::RevocationUnknown => "a certificate without a revocation list that is up to date",
            Self::Key => "a certificate whose key is not an Ed25519 key",
        }
    }

    /// The reason inside a TLS error that [`CertificateError::from`] made.
    pub(crate) fn from_tls(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired => Self::Expired,
            CertificateError::NotValidYet => Self::NotYetValid,
            CertificateError::Revoked => Self::Revoked,
            CertificateError::UnknownIssuer => Self::UnknownAuthority,
            CertificateError::UnknownRevocationStatus => Self::RevocationUnknown,
            CertificateError::BadSignature => Self::Signature,
            CertificateError::InvalidPurpose => Self::Use,
            CertificateError::ApplicationVerificationFailure => Self::Role,
            CertificateError::Other(OtherError(inner)) => {
                inner.downcast_ref::<Self>().copied().unwrap_or(Self::Malformed)
            }
            _ => Self::Malformed,
        }
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.what())
    }
}

impl core::error::Error for Refusal {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Untrusted { what: refusal.what() }
    }
}

impl From<Refusal> for CertificateError {
    /// Chosen so that the neighbour's alert (RFC 8446, section 6.2) says as much as it may.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed => Self::BadEncoding,
            Refusal::UnknownAuthority => Self::UnknownIssuer,
            Refusal::Signature => Self::BadSignature,
            Refusal::Expired => Self::Expired,
            Refusal::NotYetValid => Self::NotValidYet,
            Refusal::Use => Self::InvalidPurpose,
            Refusal::Role => Self::ApplicationVerificationFailure,
            Refusal::Revoked => Self::Revoked,
            Refusal::RevocationUnknown => Self::UnknownRevocationStatus,
            Refusal::Nameless | Refusal::Station | Refusal::Operator | Refusal::Key => {
                Self::Other(OtherError(std::sync::Arc::new(refusal)))
            }
        }
    }
}

impl From<webpki::Error> for Refusal {
    fn from(error: webpki::Error) -> Self {
        use webpki::Error as E;
        match error {
            E::CertExpired { .. } | E::InvalidCertValidity => Self::Expired,
            E::CertNotValidYet { .. } => Self::NotYetValid,
            E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension | E::CaUsedAsEndEntity => Self::Use,
            E::UnknownIssuer => Self::UnknownAuthority,
            E::CertNotValidForName(_) => Self::Station,
            E::InvalidSignatureForPublicKey
            | E::SignatureAlgorithmMismatch
            | E::UnsupportedSignatureAlgorithmContext(_)
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::Signature,
            E::CertRevoked => Self::Revoked,
            E::UnknownRevocationStatus
            | E::CrlExpired { .. }
            | E::InvalidCrlSignatureForPublicKey
            | E::IssuerNotCrlSigner
            | E::UnsupportedCrlSignatureAlgorithmContext(_)
            | E::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => Self::RevocationUnknown,
            _ => Self::Malformed,
        }
    }
}
