//! Everything that the machines do with keys, behind one trait: the real suite runs in the vault's clean room, a model
//! checker runs the same machines on symbols.
//!
//! No method gives a secret away: private keys, opened applications and documents are handles into a vault.

use alloc::vec::Vec;

use super::cipher_suite::Suite;
use crate::buffer::Erasure;
use crate::error::Error;
use crate::receipt::{Details, Receipt, StationInfo};
use crate::types::{Binding, KeyId, SessionId};

/// The shape of a sealed document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(shokyo_model, derive(Hash))]
pub struct Shape {
    /// Bytes of plaintext.
    pub length: u64,
    /// Sealed chunks.
    pub count: u32,
    /// Bytes of plaintext in every chunk but the last.
    pub chunk_size: u32,
    /// What the chunks are bound to.
    pub binding: Binding,
}

/// An application sealed to an issuer's challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedApplication {
    /// HPKE encapsulation.
    pub encapsulated: Vec<u8>,
    /// Ciphertext and tag.
    pub sealed: Vec<u8>,
}

/// A document key wrapped to a kiosk's one-session public key, and which key of which session it is.
///
/// Not secret, but the key's identity makes it worth nothing without the [receipt](Receipt) for wiping that very key: see
/// [`Release`](super::Release).
#[derive(Debug)]
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub struct WrappedKey {
    /// The session.
    pub session: SessionId,
    /// The wrapped key's cell.
    pub key: KeyId,
    /// HPKE encapsulation.
    pub encapsulated: Vec<u8>,
    /// The wrapped key and its tag.
    pub wrapped: Vec<u8>,
}

impl Drop for WrappedKey {
    fn drop(&mut self) {
        let _ = crate::wipe::wipe_vec(&mut self.wrapped, 0);
    }
}

/// What a handle into a station's memory must be: nothing, but for the model, which looks at every state and copies it.
#[cfg(not(shokyo_model))]
pub trait Handle {}
#[cfg(not(shokyo_model))]
impl<T> Handle for T {}
/// What a symbol must be, so that states of the machines can be copied and compared.
#[cfg(shokyo_model)]
pub trait Handle: Clone + core::hash::Hash {}
#[cfg(shokyo_model)]
impl<T: Clone + core::hash::Hash> Handle for T {}

/// The cryptography and the memory of one station.
pub trait Crypto {
    /// A one-session HPKE private key in a key cell.
    type PrivateKey: Handle;
    /// The secret under which subjects are compared, in a key cell.
    type SubjectKey: Handle;
    /// An application: held, or opened by its issuer. Personal data.
    type Application: Handle;
    /// A document that is being composed.
    type Writer: Handle;
    /// A document that this station can open.
    type Document: Handle;
    /// Sealed chunks without their key.
    type Incoming: Handle;

    /// The station in whose name messages and receipts are signed.
    fn station(&self) -> &StationInfo;

    /// The station's certificate for messages (DER).
    fn certificate(&self) -> &[u8];

    /// The station's certificate for receipts (DER).
    fn receipt_certificate(&self) -> &[u8];

    /// 32 random bytes that are not secret.
    ///
    /// # Errors
    /// [`Error::RandomnessUnavailable`].
    fn random(&self) -> Result<[u8; 32], Error>;

    /// Ed25519 (RFC 8032) under the station's key for messages.
    ///
    /// # Errors
    /// When the key was erased.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error>;

    /// Verifies an Ed25519 signature strictly (no small-order keys, no malleability).
    ///
    /// # Errors
    /// [`Error::BadSignature`].
    fn verify(&self, key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), Error>;

    /// Turns evidence into a receipt signed with the station's key for receipts.
    ///
    /// # Errors
    /// When the receipt would claim more than the evidence shows, or the key was erased.
    fn receipt(&self, erasure: Erasure, details: &Details<'_>) -> Result<Receipt, Error>;

    /// Evidence of nothing yet, with the protections of this station's memory.
    fn evidence(&self, session: SessionId) -> Erasure;

    /// A fresh HPKE key pair: the private key in a cell, the public key's bytes.
    ///
    /// # Errors
    /// When no cell or randomness is to be had.
    fn generate(&self, suite: Suite) -> Result<(Self::PrivateKey, Vec<u8>), Error>;

    /// Destroys a private key and records it.
    fn destroy(&self, key: Self::PrivateKey, evidence: &mut Erasure);

    /// Holds an application, sealed in this station's own memory, until it can be sealed to an issuer.
    ///
    /// # Errors
    /// [`Error::TooLarge`], or when no memory is to be had.
    fn hold(&self, subject: &[u8], application: &[u8]) -> Result<Self::Application, Error>;

    /// Seals a held application to a challenge's public key under `info`, and gives the tag of its subject (see
    /// [`Crypto::subject_tag`]).
    ///
    /// # Errors
    /// [`Error::Malformed`] for a bad public key; when the application was erased.
    fn seal_application(
        &self,
        application: &Self::Application,
        suite: Suite,
        to: &[u8],
        info: &[u8; 32],
    ) -> Result<(SealedApplication, [u8; 32]), Error>;

    /// Opens a sealed application into this station's memory.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`] unless it was sealed to this key under this `info`.
    fn open_application(
        &self,
        suite: Suite,
        key: &Self::PrivateKey,
        info: &[u8; 32],
        binding: Binding,
        sealed: &SealedApplication,
    ) -> Result<(Self::Application, Self::SubjectKey), Error>;

    /// Erases an application.
    fn erase_application(&self, application: Self::Application, evidence: &mut Erasure);

    /// HMAC-SHA256 (RFC 2104) over a subject, under the secret that the applicant's kiosk and the issuer share.
    ///
    /// # Errors
    /// When the secret was erased.
    fn subject_tag(&self, key: &Self::SubjectKey, subject: &[u8]) -> Result<[u8; 32], Error>;

    /// Destroys the secret for subject tags.
    fn destroy_subject_key(&self, key: Self::SubjectKey, evidence: &mut Erasure);

    /// Starts a document under a fresh key.
    ///
    /// # Errors
    /// When no cell or memory is to be had.
    fn compose(&self, binding: Binding) -> Result<Self::Writer, Error>;

    /// Ends the writing.
    ///
    /// # Errors
    /// When the key was erased meanwhile; everything is erased then.
    fn finish(&self, writer: Self::Writer) -> Result<Self::Document, Error>;

    /// Erases a document that is being written.
    fn erase_writer(&self, writer: Self::Writer, evidence: &mut Erasure);

    /// The shape of a document.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when it has more chunks than a message can count.
    fn shape(&self, document: &Self::Document) -> Result<Shape, Error>;

    /// A sealed chunk: ciphertext and tag.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    fn chunk<'d>(&self, document: &'d Self::Document, index: u32) -> Result<&'d [u8], Error>;

    /// HKDF-SHA256 (RFC 5869) of the document key with salt `"shokyo commit"` and the binding's context as `info`.
    ///
    /// # Errors
    /// When the key was erased.
    fn commitment(&self, document: &Self::Document) -> Result<[u8; 32], Error>;

    /// Wraps the document key to a kiosk's public key under `info` (HPKE, RFC 9180 §5, mode base).
    ///
    /// # Errors
    /// [`Error::Malformed`] for a bad public key; when the key was erased.
    fn wrap(&self, document: &Self::Document, suite: Suite, to: &[u8], info: &[u8; 32]) -> Result<WrappedKey, Error>;

    /// How many copies of a document its readers registered and did not give back erased.
    fn living_copies(&self, _: &Self::Document) -> u64 {
        0
    }

    /// Erases a document: key, ciphertext, windows.
    fn erase(&self, document: Self::Document, evidence: &mut Erasure);

    /// A place for sealed chunks.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when this station's memory has another chunk size.
    fn incoming(&self, binding: Binding, chunk_size: u32) -> Result<Self::Incoming, Error>;

    /// Takes the next sealed chunk.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a wrong size, [`Error::OutOfMemory`].
    fn push(&self, incoming: &mut Self::Incoming, chunk: &[u8]) -> Result<(), Error>;

    /// Unwraps the document key, compares its commitment, opens every chunk.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`] or [`Error::Mismatch`], with everything erased into `evidence`.
    fn unlock(
        &self,
        incoming: Self::Incoming,
        key: &Self::PrivateKey,
        unlock: &Unlock<'_>,
        evidence: &mut Erasure,
    ) -> Result<Self::Document, Error>;

    /// Erases sealed chunks.
    fn erase_incoming(&self, incoming: Self::Incoming, evidence: &mut Erasure);
}

/// What [`Crypto::unlock`] needs besides the key.
#[derive(Clone, Copy, Debug)]
pub struct Unlock<'a> {
    /// The session's suite.
    pub suite: Suite,
    /// HPKE encapsulation.
    pub encapsulated: &'a [u8],
    /// The wrapped key and its tag.
    pub wrapped: &'a [u8],
    /// HPKE `info`: the transcript's hash.
    pub info: &'a [u8; 32],
    /// The commitment in the offer.
    pub commitment: &'a [u8; 32],
    /// What the document is bound to.
    pub binding: Binding,
    /// Bytes of the document.
    pub length: u64,
}
