//! Signing frames, checking who signed, and checking the receipts that come in them.

use alloc::vec::Vec;

use super::body::{Body, Cancel, Erased};
use super::cipher_suite::Suite;
use super::crypto::Crypto;
use super::identity::{Identity, KeyUse, Trust};
use super::message::{Frame, MessageType};
use crate::buffer::Cause;
use crate::error::Error;
use crate::receipt::{self, Statement};
use crate::types::{Now, Role, SessionId};

/// A signed frame of this station.
pub(super) fn sign_frame<C: Crypto>(
    crypto: &C,
    suite: Suite,
    kind: MessageType,
    session: SessionId,
    previous: [u8; 32],
    body: &[u8],
) -> Result<Vec<u8>, Error> {
    let role = crypto.station().role;
    let mut frame = Frame { suite, kind, role, session, previous, body, signature: None };
    let mut signed = frame.to_be_signed();
    let signature = crypto.sign(&signed);
    // It may be the body of a release.
    let _ = crate::wipe::wipe_vec(&mut signed, 0)?;
    frame.signature = Some(signature?);
    Ok(frame.encode())
}

/// This station's signed end of a session.
pub(super) fn cancel_frame<C: Crypto>(
    crypto: &C,
    suite: Suite,
    session: SessionId,
    previous: [u8; 32],
    cause: Cause,
) -> Result<Vec<u8>, Error> {
    let body = Cancel { cause, certificate: crypto.certificate().to_vec() }.encode();
    sign_frame(crypto, suite, MessageType::Cancel, session, previous, &body)
}

/// This station's receipt as a signed frame, with the certificates to check it by.
pub(super) fn erased_frame<C: Crypto>(
    crypto: &C,
    suite: Suite,
    session: SessionId,
    previous: [u8; 32],
    receipt: Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let body = Erased {
        receipt,
        receipt_certificate: crypto.receipt_certificate().to_vec(),
        certificate: crypto.certificate().to_vec(),
    };
    sign_frame(crypto, suite, MessageType::Erased, session, previous, &body.encode())
}

/// A frame that carries no signature.
pub(super) fn plain_frame(
    suite: Suite,
    role: Role,
    kind: MessageType,
    session: SessionId,
    previous: [u8; 32],
    body: &[u8],
) -> Vec<u8> {
    Frame { suite, kind, role, session, previous, body, signature: None }.encode()
}

/// Checks a frame's signature under a known key.
pub(super) fn check_signature<C: Crypto>(crypto: &C, frame: &Frame<'_>, key: &[u8; 32]) -> Result<(), Error> {
    let signature = frame.signature.as_ref().ok_or(Error::BadSignature)?;
    crypto.verify(key, &frame.to_be_signed(), signature)
}

/// Checks a frame that brings its certificate: trusted, of the role that the frame claims, and its signature.
pub(super) fn check_certified<C: Crypto, T: Trust>(
    crypto: &C,
    trust: &T,
    frame: &Frame<'_>,
    certificate: &[u8],
    now: Now,
) -> Result<Identity, Error> {
    let identity = trust.identify(certificate, KeyUse::Messages, now.unix_ms)?;
    if identity.role != frame.role {
        return Err(Error::Untrusted { what: "a message whose sender has another role" });
    }
    check_signature(crypto, frame, &identity.key)?;
    Ok(identity)
}

/// Checks the receipt in a message: signed by the same station's key for receipts, of this session.
pub(super) fn check_receipt<T: Trust>(
    trust: &T,
    receipt: &[u8],
    certificate: &[u8],
    sender: &Identity,
    session: SessionId,
    now: Now,
) -> Result<Statement, Error> {
    let signer = trust.identify(certificate, KeyUse::Receipts, now.unix_ms)?;
    if signer.role != sender.role || signer.station != sender.station || signer.operator != sender.operator {
        return Err(Error::Untrusted { what: "a receipt signed by another station than its sender" });
    }
    let statement = receipt::verify(receipt, &signer.key)?;
    if statement.session != session {
        return Err(Error::Mismatch { what: "the session of a receipt" });
    }
    if statement.role != signer.role || statement.station != signer.station || statement.operator != signer.operator {
        return Err(Error::Mismatch { what: "the station named in a receipt" });
    }
    Ok(statement)
}

/// Checks an Erased message as a whole.
pub(super) fn check_erased<C: Crypto, T: Trust>(
    crypto: &C,
    trust: &T,
    frame: &Frame<'_>,
    erased: &Erased,
    now: Now,
) -> Result<(Identity, Statement), Error> {
    let sender = check_certified(crypto, trust, frame, &erased.certificate, now)?;
    let statement = check_receipt(trust, &erased.receipt, &erased.receipt_certificate, &sender, frame.session, now)?;
    Ok((sender, statement))
}
