//! From TLS errors and alerts to errors that tell an operator what to do.

use std::io;

use rustls::{AlertDescription, Error as TlsError};

use crate::error::Error;
use crate::station::trust::Refusal;

/// What an error of a TLS stream means.
pub(crate) fn explain(error: &io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        Some(tls) => explain_tls(tls),
        None => Error::io("the connection to the neighbour", error),
    }
}

/// What an error of TLS itself means.
pub(crate) fn explain_tls(error: &TlsError) -> Error {
    match error {
        TlsError::InvalidCertificate(reason) => Refusal::from_tls(reason).into(),
        TlsError::NoCertificatesPresented => Error::Untrusted { what: "a neighbour without a certificate" },
        TlsError::AlertReceived(alert) => explain_alert(*alert),
        TlsError::NoApplicationProtocol => Error::Mismatch { what: "the neighbour's application protocol" },
        TlsError::PeerIncompatible(_) => Error::Mismatch { what: "the neighbour's TLS version or algorithms" },
        TlsError::InvalidMessage(_)
        | TlsError::InappropriateMessage { .. }
        | TlsError::InappropriateHandshakeMessage { .. }
        | TlsError::PeerMisbehaved(_)
        | TlsError::PeerSentOversizedRecord
        | TlsError::DecryptError => Error::Malformed { what: "the neighbour's TLS" },
        TlsError::FailedToGetRandomBytes => Error::RandomnessUnavailable,
        _ => Error::Io { what: "the TLS connection to the neighbour", kind: io::ErrorKind::Other },
    }
}

/// The neighbour's judgement. An alert about a certificate is about this station's own.
fn explain_alert(alert: AlertDescription) -> Error {
    let (said, remedy) = match alert {
        AlertDescription::CertificateExpired => ("it is out of date", "have it issued anew and check both clocks"),
        AlertDescription::CertificateRevoked => ("it is revoked", "have a new one issued"),
        AlertDescription::UnknownCA => {
            ("its authority or revocation list is not known there", "have them added to [trust] over there")
        }
        AlertDescription::UnsupportedCertificate => ("it is for another use", "configure the certificate made for TLS"),
        AlertDescription::AccessDenied => {
            ("this station's role has no business there", "check `role` and `upstream.address`")
        }
        AlertDescription::CertificateRequired => ("it did not arrive", "configure `tls.certificate`"),
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown | AlertDescription::DecryptError => {
            ("it is not acceptable", "the neighbour's own error says why")
        }
        AlertDescription::NoApplicationProtocol => {
            return Error::Mismatch { what: "the neighbour's application protocol" };
        }
        AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => {
            return Error::Mismatch { what: "the neighbour's TLS version or algorithms" };
        }
        AlertDescription::DecodeError
        | AlertDescription::UnexpectedMessage
        | AlertDescription::BadRecordMac
        | AlertDescription::RecordOverflow => {
            return Error::Malformed { what: "this station's TLS, as the neighbour received it," };
        }
        _ => return Error::Io { what: "the neighbour ended the connection", kind: io::ErrorKind::ConnectionAborted },
    };
    Error::Configuration { reason: format!("the neighbour refused this station's TLS certificate: {said}; {remedy}") }
}
