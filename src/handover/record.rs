//! What a machine asks its host to write durably before it goes on. No personal data, no keys.

use alloc::string::String;
use alloc::vec::Vec;

use crate::types::SessionId;

/// How a session ended for this station; the later, the less is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Everything that this station had to do and to hear is done.
    Complete = 1,
    /// Ended without delivery; what could be erased is erased.
    Ended = 2,
    /// The key was handed over and the end was never heard: neither delivered nor not delivered.
    Unresolved = 3,
    /// The process died with the session open.
    Lost = 4,
}

/// The alarm of a kiosk or relay that the issuing system tells so.
pub(super) const CALLED_UNRESOLVED: &str =
    "the issuing system calls this session unresolved: by its own end, or by another station's receipt";

/// One durable record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(shokyo_model, derive(Hash))]
pub enum Record {
    /// The session begins; written before any key of it exists.
    Opened {
        /// The session.
        session: SessionId,
        /// What kind of document, as the operator names it (not whose).
        kind: String,
    },
    /// A receipt that this station made (COSE_Sign1 bytes).
    OwnReceipt {
        /// The session.
        session: SessionId,
        /// The receipt.
        receipt: Vec<u8>,
    },
    /// A receipt that another station made and this one has verified (COSE_Sign1 bytes).
    PeerReceipt {
        /// The session.
        session: SessionId,
        /// The receipt.
        receipt: Vec<u8>,
    },
    /// Printing is about to begin; after this the document is never submitted to a printer again.
    PrintStarted {
        /// The session.
        session: SessionId,
    },
    /// Something that a later success must not clear.
    Alarm {
        /// The session.
        session: SessionId,
        /// What happened, from a fixed list of texts.
        what: &'static str,
    },
    /// Another station answered for a receipt of this station's: it need not be sent again.
    Acknowledged {
        /// The session.
        session: SessionId,
        /// The SHA-256 of the receipt.
        receipt: [u8; 32],
    },
    /// The session is over for this station.
    Ended {
        /// The session.
        session: SessionId,
        /// How.
        outcome: Outcome,
    },
}

impl Record {
    /// The session that the record belongs to.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        match self {
            Self::Opened { session, .. }
            | Self::OwnReceipt { session, .. }
            | Self::PeerReceipt { session, .. }
            | Self::PrintStarted { session }
            | Self::Alarm { session, .. }
            | Self::Acknowledged { session, .. }
            | Self::Ended { session, .. } => *session,
        }
    }
}
