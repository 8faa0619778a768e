//! The message that hands the key over. It cannot be made without the receipt for wiping that very key.

use alloc::vec::Vec;

use minicbor::{Decoder, Encoder};

use super::body::{Body, MAX_CERTIFICATE, MAX_PUBLIC_KEY, MAX_RECEIPT, Put, bounded};
use super::crypto::WrappedKey;
use super::message::MessageType;
use crate::error::Error;
use crate::receipt::{Event, Receipt};

/// Issuer → kiosk: the wrapped key and the receipt which says that the issuer's own is wiped. This is the side that sends.
///
/// # The guarantee
/// The one way to make it is [`Release::new`], which takes the receipt. A receipt is made only from an
/// [`Erasure`](crate::Erasure), whose copies come only from wipes that were read back. So a release exists only after the
/// issuer's copy of *this* key, in *this* session, was overwritten and checked.
#[derive(Debug)]
pub struct Release(ReleaseBody);

impl Release {
    /// Joins a wrapped key and the receipt for its erasure.
    ///
    /// # Errors
    /// [`Error::Mismatch`] unless the receipt is of the same session, of the event "key wiped", and of the very cell and
    /// generation that was wrapped.
    pub fn new(mut wrapped: WrappedKey, receipt: &Receipt, receipt_certificate: &[u8]) -> Result<Self, Error> {
        if receipt.session() != wrapped.session {
            return Err(Error::Mismatch { what: "the session of the receipt for a release" });
        }
        if receipt.erased_key() != Some(wrapped.key) || receipt.statement().event != Event::KeyWiped {
            return Err(Error::Mismatch { what: "the key of the receipt for a release" });
        }
        Ok(Self(ReleaseBody {
            encapsulated: core::mem::take(&mut wrapped.encapsulated),
            wrapped: core::mem::take(&mut wrapped.wrapped),
            receipt: receipt.as_bytes().to_vec(),
            receipt_certificate: receipt_certificate.to_vec(),
        }))
    }

    /// The body to be signed and sent.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }
}

impl Drop for ReleaseBody {
    fn drop(&mut self) {
        // Of no use without the kiosk's one-session key; wiped all the same.
        let _ = crate::wipe::wipe_vec(&mut self.wrapped, 0);
    }
}

/// A release as the kiosk reads it. It cannot be turned into a [`Release`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReleaseBody {
    /// HPKE encapsulation.
    pub(super) encapsulated: Vec<u8>,
    /// The wrapped key and its tag.
    pub(super) wrapped: Vec<u8>,
    /// The receipt (COSE_Sign1).
    pub(super) receipt: Vec<u8>,
    /// The issuer's certificate for receipts (DER).
    pub(super) receipt_certificate: Vec<u8>,
}

impl Body for ReleaseBody {
    const KIND: MessageType = MessageType::Release;
    const ITEMS: u64 = 4;
    fn put(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Put {
        encoder
            .bytes(&self.encapsulated)?
            .bytes(&self.wrapped)?
            .bytes(&self.receipt)?
            .bytes(&self.receipt_certificate)?;
        Ok(())
    }
    fn take(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self {
            encapsulated: bounded(decoder, MAX_PUBLIC_KEY)?,
            wrapped: bounded(decoder, 64)?,
            receipt: bounded(decoder, MAX_RECEIPT)?,
            receipt_certificate: bounded(decoder, MAX_CERTIFICATE)?,
        })
    }
}
