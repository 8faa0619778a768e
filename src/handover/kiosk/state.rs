//! The states of a kiosk's transaction, and how each is erased.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::buffer::Erasure;
use crate::handover::body::Offer;
use crate::handover::crypto::Crypto;
use crate::types::Role;

/// What waits for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journalled {
    /// Sending the application.
    Apply,
    /// Printing.
    PrintStarted,
    /// Reporting the receipt.
    Receipt,
}

pub(super) enum State<C: Crypto> {
    /// The challenge is awaited; the application is held sealed.
    Greeting { held: C::Application, hello_hash: [u8; 32] },
    /// The `opened` record is being written; nothing is sent.
    Journalling { frame: Vec<u8>, private: C::PrivateKey, apply_hash: [u8; 32], subject_tag: [u8; 32] },
    /// The offer is awaited; the application's frame is kept to be sent again.
    Applied { frame: Vec<u8>, private: C::PrivateKey, apply_hash: [u8; 32], subject_tag: [u8; 32] },
    /// Ciphertext comes, and what relays attach.
    Receiving {
        private: C::PrivateKey,
        incoming: C::Incoming,
        offer: Offer,
        offer_hash: [u8; 32],
        apply_hash: [u8; 32],
        next: u32,
        /// One more than the last index that was asked for.
        asked: u32,
        /// The application's frame: who attaches does so again when the offer comes again.
        frame: Vec<u8>,
        /// The hashes of the attachments' frames.
        attachments: BTreeMap<Role, [u8; 32]>,
    },
    /// Every chunk is here; the key is awaited. The acknowledgement is kept to be sent again.
    AwaitingKey {
        frame: Vec<u8>,
        private: C::PrivateKey,
        incoming: C::Incoming,
        offer: Offer,
        offer_hash: [u8; 32],
        apply_hash: [u8; 32],
        received_hash: [u8; 32],
    },
    /// The document can be read, and printed once.
    Ready { document: C::Document, printing: bool },
    /// Everything was erased on the way; the receipt is still to be made.
    Emptied,
    /// Everything is erased; the receipt is being written.
    Reporting { frame: Vec<u8> },
    /// The receipt is sent and not acknowledged.
    Reported { frame: Vec<u8> },
    /// Nothing is left to do.
    Finished,
}

impl<C: Crypto> State<C> {
    pub(super) fn replace(&mut self, next: Self) -> Self {
        core::mem::replace(self, next)
    }

    /// Whether an answer is awaited that comes again when it is asked for again.
    pub(super) const fn asks(&self) -> bool {
        matches!(self, Self::Applied { .. } | Self::Receiving { .. } | Self::AwaitingKey { .. } | Self::Reported { .. })
    }

    pub(super) const fn document(&self) -> Option<&C::Document> {
        match self {
            Self::Ready { document, .. } => Some(document),
            _ => None,
        }
    }

    /// Consumes the state, erases what it held, and gives the evidence.
    pub(super) fn erase(self, crypto: &C, mut evidence: Erasure) -> Erasure {
        match self {
            Self::Greeting { held, .. } => crypto.erase_application(held, &mut evidence),
            Self::Journalling { private, .. } | Self::Applied { private, .. } => crypto.destroy(private, &mut evidence),
            Self::Receiving { private, incoming, .. } | Self::AwaitingKey { private, incoming, .. } => {
                crypto.erase_incoming(incoming, &mut evidence);
                crypto.destroy(private, &mut evidence);
            }
            Self::Ready { document, .. } => crypto.erase(document, &mut evidence),
            Self::Emptied | Self::Reporting { .. } | Self::Reported { .. } | Self::Finished => {}
        }
        evidence
    }
}
