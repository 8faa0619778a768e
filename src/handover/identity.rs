//! Who a station is, and how the machines ask whether to believe it.

use alloc::string::String;

use crate::error::Error;
use crate::types::Role;

/// What a station's key may be used for. A station has one key for each; none serves two uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyUse {
    /// Signing the messages of the handover.
    Messages,
    /// Signing receipts.
    Receipts,
    /// Signing the checkpoints of the station's log.
    Log,
}

impl KeyUse {
    /// The name in identities: `messages`, `receipts` or `log`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Receipts => "receipts",
            Self::Log => "log",
        }
    }
}

/// A station as its operator's certificate authority names it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(shokyo_model, derive(Hash))]
pub struct Identity {
    /// What kind of station it is.
    pub role: Role,
    /// Its name, unique within the service, at most 64 bytes.
    pub station: String,
    /// Who runs it, at most 64 bytes.
    pub operator: String,
    /// The Ed25519 public key for the use that was asked about (RFC 8032).
    pub key: [u8; 32],
}

/// Turns a certificate into an identity, or refuses it. The host implements it; the machines never parse certificates.
pub trait Trust {
    /// The identity in `certificate` (DER, X.509), if one of the trusted authorities vouches for it and for this use at this
    /// time.
    ///
    /// # Errors
    /// [`Error::Untrusted`] with what is wrong about it.
    fn identify(&self, certificate: &[u8], key_use: KeyUse, unix_ms: u64) -> Result<Identity, Error>;
}

impl<T: Trust + ?Sized> Trust for alloc::sync::Arc<T> {
    fn identify(&self, certificate: &[u8], key_use: KeyUse, unix_ms: u64) -> Result<Identity, Error> {
        (**self).identify(certificate, key_use, unix_ms)
    }
}
