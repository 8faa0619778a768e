//! The real suites: HPKE (RFC 9180) with X-Wing or X25519, Ed25519, HKDF and HMAC with SHA-256, every secret operation in the clean room
//! of a vault. Only pointers to public outputs go in; secrets go from key cell to room to key cell.

mod agreement;
mod keys;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod known_answers;

use std::sync::{Arc, Mutex, PoisonError};
use std::vec;
use std::vec::Vec;

use hmac::{Hmac, KeyInit, Mac};
use hpke::aead::{AeadTag, AesGcm256};
use hpke::inout::InOutBuf;
use hpke::{Deserializable, Serializable};
use sha2::Sha256;

use agreement::{commit, encapsulation_length, generate, public_key_length, receiver, sender, with_agreement};
pub use keys::{SigningKey, StationKeys};

use super::body::{MAX_APPLICATION, MAX_CHUNKS};
use super::cipher_suite::Suite;
use super::crypto::{Crypto, SealedApplication, Shape, Unlock, WrappedKey};
use crate::buffer::{CopyClass, EphemeralBuffer, Erasure, Incoming, KeyCell, RoomSize, Vault, Writer};
use crate::error::Error;
use crate::receipt::{self, Details, Receipt, StationInfo, verify_signature};
use crate::types::{Binding, SessionId};

const TAG: usize = 16;

/// The cryptography and the memory of one station. Cheap to clone: every clone is the same station.
#[derive(Clone, Debug)]
pub struct StationCrypto {
    documents: Vault,
    keys: Arc<StationKeys>,
    previous_receipt: Arc<Mutex<Option<[u8; 32]>>>,
}

impl StationCrypto {
    /// A station that keeps documents in `documents`. Its signing keys belong in another vault, so that the receipt for erasing
    /// everything in this one can still be signed.
    #[must_use]
    pub fn new(documents: Vault, keys: Arc<StationKeys>, previous_receipt: Option<[u8; 32]>) -> Self {
        Self { documents, keys, previous_receipt: Arc::new(Mutex::new(previous_receipt)) }
    }

    /// The vault of the documents.
    #[must_use]
    pub const fn vault(&self) -> &Vault {
        &self.documents
    }

    fn record_key(&self, key: KeyCell, evidence: &mut Erasure) {
        evidence.record(CopyClass::Key, key.erase());
    }

    /// HMAC-SHA256 under a key in a cell, for lists of parts.
    fn mac(key: &[u8; 32], message: &[u8]) -> Result<[u8; 32], Error> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::Malformed { what: "a key" })?;
        mac.update(b"shokyo subject v1");
        mac.update(message);
        Ok(mac.finalize().into_bytes().into())
    }
}

/// Subject and details of an application as one plaintext: length of the subject (two bytes, big-endian), subject, details.
///
/// # Errors
/// [`Error::Malformed`] when the plaintext is shorter than it says.
pub fn split_application(plain: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let malformed = Error::Malformed { what: "an application" };
    let (length, rest) = plain.split_first_chunk::<2>().ok_or(malformed.clone())?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(malformed)
}

impl Crypto for StationCrypto {
    type PrivateKey = KeyCell;
    type SubjectKey = KeyCell;
    type Application = EphemeralBuffer;
    type Writer = Writer;
    type Document = EphemeralBuffer;
    type Incoming = Incoming;

    fn station(&self) -> &StationInfo {
        &self.keys.info
    }

    fn certificate(&self) -> &[u8] {
        &self.keys.certificate
    }

    fn receipt_certificate(&self) -> &[u8] {
        &self.keys.receipt_certificate
    }

    fn random(&self) -> Result<[u8; 32], Error> {
        let mut bytes = [0; 32];
        self.documents.room(RoomSize::Small, |desk| desk.random(&mut bytes))?;
        Ok(bytes)
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        self.keys.messages.sign(message)
    }

    fn verify(&self, key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), Error> {
        verify_signature(key, message, signature)
    }

    fn receipt(&self, erasure: Erasure, details: &Details<'_>) -> Result<Receipt, Error> {
        // One chain per station: the next receipt names this one, whatever session it belongs to.
        let mut previous = self.previous_receipt.lock().unwrap_or_else(PoisonError::into_inner);
        let not_covered: Vec<_> = self.keys.not_covered.iter().chain(details.not_covered).copied().collect();
        let details = Details { previous: *previous, not_covered: &not_covered, ..*details };
        let receipt = Receipt::issue(erasure, &details, &self.keys.info, &self.keys.receipts)?;
        *previous = Some(receipt::hash(receipt.as_bytes()));
        Ok(receipt)
    }

    fn living_copies(&self, document: &EphemeralBuffer) -> u64 {
        document.living_copies()
    }

    fn evidence(&self, session: SessionId) -> Erasure {
        Erasure::new(session, self.documents.protections())
    }

    fn generate(&self, suite: Suite) -> Result<(KeyCell, Vec<u8>), Error> {
        let mut cell = self.documents.empty_key()?;
        let mut public = vec![0; public_key_length(suite)];
        self.documents.room(RoomSize::Agreement, |desk| {
            let mut seed = [0; 32];
            with_agreement!(suite, K => generate::<K>(desk, &mut seed, &mut public))?;
            desk.store(&mut cell, &seed)
        })?;
        Ok((cell, public))
    }

    fn destroy(&self, key: KeyCell, evidence: &mut Erasure) {
        self.record_key(key, evidence);
    }

    fn hold(&self, subject: &[u8], application: &[u8]) -> Result<EphemeralBuffer, Error> {
        let limit = MAX_APPLICATION - TAG;
        let length = 2 + subject.len() + application.len();
        let too_large = Error::TooLarge { what: "an application (bytes)", limit: limit as u64 };
        if length > limit {
            return Err(too_large);
        }
        let subject_length = u16::try_from(subject.len()).map_err(|_| too_large)?;
        let binding = Binding { session: SessionId::NONE, context: [0; 32] };
        self.documents.seal_small(binding, |_, window| {
            let parts = subject_length.to_be_bytes();
            let mut at = 0;
            for part in [&parts[..], subject, application] {
                let Some(place) = window.get_mut(at..at + part.len()) else {
                    return Err(Error::TooLarge { what: "an application (bytes)", limit: limit as u64 });
                };
                place.copy_from_slice(part);
                at += part.len();
            }
            Ok(at)
        })
    }

    fn seal_application(
        &self,
        application: &EphemeralBuffer,
        suite: Suite,
        to: &[u8],
        info: &[u8; 32],
    ) -> Result<(SealedApplication, [u8; 32]), Error> {
        let length = usize::try_from(application.len()).unwrap_or(usize::MAX).min(MAX_APPLICATION);
        let mut encapsulated = vec![0; encapsulation_length(suite)];
        let mut sealed = vec![0; length + TAG];
        let mut subject_tag = [0; 32];
        application.open_in_room(RoomSize::Agreement, |desk, plain| {
            let (subject, _) = split_application(plain)?;
            let (body, tag) = sealed.split_at_mut(length);
            let buffer = InOutBuf::new(plain, body).map_err(|_| Error::Malformed { what: "an application" })?;
            let mut key = [0; 32];
            with_agreement!(suite, K => {
                let mut context = sender::<K>(desk, to, info, &mut encapsulated)?;
                context.seal_inout_detached(buffer, b"application").map_err(|_| Error::NotAuthentic)?.write_exact(tag);
                context.export(b"subject", &mut key).map_err(|_| Error::NotAuthentic)?;
            });
            subject_tag = Self::mac(&key, subject)?;
            Ok(())
        })?;
        Ok((SealedApplication { encapsulated, sealed }, subject_tag))
    }

    fn open_application(
        &self,
        suite: Suite,
        key: &KeyCell,
        info: &[u8; 32],
        binding: Binding,
        sealed: &SealedApplication,
    ) -> Result<(EphemeralBuffer, KeyCell), Error> {
        let (body, tag) = sealed.sealed.split_last_chunk::<TAG>().ok_or(Error::NotAuthentic)?;
        let mut subject_key = self.documents.empty_key()?;
        let application = self.documents.seal_small(binding, |desk, window| {
            let place = window.get_mut(..body.len()).ok_or(Error::NotAuthentic)?;
            let tag = AeadTag::<AesGcm256>::from_bytes(tag).map_err(|_| Error::NotAuthentic)?;
            let buffer = InOutBuf::new(body, place).map_err(|_| Error::NotAuthentic)?;
            let mut secret = [0; 32];
            with_agreement!(suite, K => {
                let mut context = receiver::<K>(desk, key, &sealed.encapsulated, info)?;
                context.open_inout_detached(buffer, b"application", &tag).map_err(|_| Error::NotAuthentic)?;
                context.export(b"subject", &mut secret).map_err(|_| Error::NotAuthentic)?;
            });
            split_application(window.get(..body.len()).unwrap_or_default())?;
            desk.store(&mut subject_key, &secret)?;
            Ok(body.len())
        })?;
        Ok((application, subject_key))
    }

    fn erase_application(&self, application: EphemeralBuffer, evidence: &mut Erasure) {
        absorb(evidence, application.erase());
    }

    fn subject_tag(&self, key: &KeyCell, subject: &[u8]) -> Result<[u8; 32], Error> {
        let mut tag = [0; 32];
        self.documents.room(RoomSize::Agreement, |desk| {
            let mut secret = [0; 32];
            desk.load(key, &mut secret)?;
            tag = Self::mac(&secret, subject)?;
            Ok(())
        })?;
        Ok(tag)
    }

    fn destroy_subject_key(&self, key: KeyCell, evidence: &mut Erasure) {
        self.record_key(key, evidence);
    }

    fn compose(&self, binding: Binding) -> Result<Writer, Error> {
        self.documents.writer(binding)
    }

    fn finish(&self, writer: Writer) -> Result<EphemeralBuffer, Error> {
        writer.finish()
    }

    fn erase_writer(&self, writer: Writer, evidence: &mut Erasure) {
        absorb(evidence, writer.erase());
    }

    fn shape(&self, document: &EphemeralBuffer) -> Result<Shape, Error> {
        let too_large = Error::TooLarge { what: "the document (chunks)", limit: MAX_CHUNKS as u64 };
        let count = u32::try_from(document.chunk_count()).map_err(|_| too_large.clone())?;
        if count as usize > MAX_CHUNKS {
            return Err(too_large);
        }
        let chunk_size = u32::try_from(document.chunk_size()).map_err(|_| too_large)?;
        Ok(Shape { length: document.len(), count, chunk_size, binding: document.binding() })
    }

    fn chunk<'d>(&self, document: &'d EphemeralBuffer, index: u32) -> Result<&'d [u8], Error> {
        document.sealed_chunk(u64::from(index))
    }

    fn commitment(&self, document: &EphemeralBuffer) -> Result<[u8; 32], Error> {
        let mut commitment = [0; 32];
        let context = document.binding().context;
        self.documents.room(RoomSize::Agreement, |desk| {
            let mut key = [0; 32];
            desk.load(document.key(), &mut key)?;
            commit(&key, &context, &mut commitment)
        })?;
        Ok(commitment)
    }

    fn wrap(&self, document: &EphemeralBuffer, suite: Suite, to: &[u8], info: &[u8; 32]) -> Result<WrappedKey, Error> {
        let session = document.binding().session;
        let mut encapsulated = vec![0; encapsulation_length(suite)];
        let mut wrapped = vec![0; 32 + TAG];
        self.documents.room(RoomSize::Agreement, |desk| {
            let mut key = [0; 32];
            desk.load(document.key(), &mut key)?;
            let (body, tag) = wrapped.split_at_mut(32);
            let buffer = InOutBuf::new(&key, body).map_err(|_| Error::Malformed { what: "a key" })?;
            with_agreement!(suite, K => {
                let mut context = sender::<K>(desk, to, info, &mut encapsulated)?;
                context.seal_inout_detached(buffer, &session.0).map_err(|_| Error::NotAuthentic)?.write_exact(tag);
            });
            Ok(())
        })?;
        Ok(WrappedKey { session, key: document.key_id(), encapsulated, wrapped })
    }

    fn erase(&self, document: EphemeralBuffer, evidence: &mut Erasure) {
        absorb(evidence, document.erase());
    }

    fn incoming(&self, binding: Binding, chunk_size: u32) -> Result<Incoming, Error> {
        if chunk_size as usize != self.documents.chunk_size() {
            return Err(Error::Mismatch { what: "the chunk size of a document and of this station's memory" });
        }
        self.documents.incoming(binding)
    }

    fn push(&self, incoming: &mut Incoming, chunk: &[u8]) -> Result<(), Error> {
        incoming.push(chunk)
    }

    fn unlock(
        &self,
        incoming: Incoming,
        key: &KeyCell,
        unlock: &Unlock<'_>,
        evidence: &mut Erasure,
    ) -> Result<EphemeralBuffer, Error> {
        let unwrapped = self.unwrap_key(key, unlock);
        match unwrapped {
            Ok(document_key) => incoming.attach(document_key, unlock.length).map_err(|(error, erasure)| {
                absorb(evidence, erasure);
                error
            }),
            Err(error) => {
                absorb(evidence, incoming.erase());
                Err(error)
            }
        }
    }

    fn erase_incoming(&self, incoming: Incoming, evidence: &mut Erasure) {
        absorb(evidence, incoming.erase());
    }
}

impl StationCrypto {
    /// Unwraps a document key from cell to cell, and compares its commitment before anything is opened with it.
    fn unwrap_key(&self, key: &KeyCell, unlock: &Unlock<'_>) -> Result<KeyCell, Error> {
        let (body, tag) = unlock.wrapped.split_last_chunk::<TAG>().ok_or(Error::NotAuthentic)?;
        let body: &[u8; 32] = body.try_into().map_err(|_| Error::NotAuthentic)?;
        let mut document_key = self.documents.empty_key()?;
        self.documents.room(RoomSize::Agreement, |desk| {
            let tag = AeadTag::<AesGcm256>::from_bytes(tag).map_err(|_| Error::NotAuthentic)?;
            let mut secret = [0; 32];
            let buffer = InOutBuf::new(body, &mut secret).map_err(|_| Error::NotAuthentic)?;
            with_agreement!(unlock.suite, K => {
                let mut context = receiver::<K>(desk, key, unlock.encapsulated, unlock.info)?;
                context.open_inout_detached(buffer, &unlock.binding.session.0, &tag).map_err(|_| Error::NotAuthentic)?;
            });
            let mut commitment = [0; 32];
            commit(&secret, &unlock.binding.context, &mut commitment)?;
            if !bool::from(subtle::ConstantTimeEq::ct_eq(&commitment[..], &unlock.commitment[..])) {
                return Err(Error::Mismatch { what: "the key and its commitment in the offer" });
            }
            desk.store(&mut document_key, &secret)
        })?;
        Ok(document_key)
    }
}

fn absorb(evidence: &mut Erasure, other: Erasure) {
    // Another session's copies would be counted as failed, so that the receipt says so; there is nothing to add to that here.
    let _ = evidence.absorb(other);
}
