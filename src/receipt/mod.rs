//! Receipts: an [`Erasure`] is consumed and becomes a signed statement of what was overwritten, where, and what is unknown.
//!
//! A receipt is one COSE_Sign1 (RFC 9052 §4.2, tagged, Ed25519) over one deterministic CBOR map (RFC 8949 §4.2.1), so that an
//! auditor can check it with tools that nobody here wrote; `docs/receipts.md` gives the format. This module must never make
//! a receipt without an erasure, never let one say more than the erasure shows, and never write personal data, a digest of a
//! document, or an exact size. A signature proves who claimed, not that it happened.
//!
//! ```
//! # #[cfg(feature = "std")]
//! # fn main() -> Result<(), shokyo::Error> {
//! use shokyo::buffer::Cause;
//! use shokyo::handover::suite::SigningKey;
//! use shokyo::receipt::{self, Details, Event, Receipt, StationInfo};
//! use shokyo::types::{Binding, Role, SessionId};
//! use shokyo::{Vault, VaultOptions};
//!
//! let mut options = VaultOptions::new();
//! options.agreement = true; // rooms in which signatures are made
//! let vault = Vault::open(options)?;
//! let key = SigningKey::generate(&vault)?;
//! let document = vault.seal(Binding { session: SessionId([1; 32]), context: [2; 32] }, b"for minutes only")?;
//!
//! // The erasure is consumed: there is no second receipt for it, and none without it.
//! let kiosk = StationInfo {
//!     role: Role::Kiosk,
//!     station: "kiosk-1".into(),
//!     operator: "an-operator".into(),
//!     post: "SHOP-17".into(), // a post, never a person
//! };
//! let (opened, now) = (1_790_000_000_000, 1_790_000_060_000);
//! let details = Details::new(Event::Erased, Cause::Delivered, "resident-certificate", opened, now);
//! let receipt = Receipt::issue(document.erase(), &details, &kiosk, &key)?;
//!
//! let statement = receipt::verify(receipt.as_bytes(), key.public())?;
//! assert_eq!((statement.event, statement.session), (Event::Erased, SessionId([1; 32])));
//! println!("{statement}"); // in words, with what is not covered
//!
//! let mut altered = receipt.into_bytes();
//! altered[100] ^= 1;
//! assert!(receipt::verify(&altered, key.public()).is_err());
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "std"))]
//! # fn main() {}
//! ```
#![forbid(unsafe_code)]

mod claims;
mod cose;
mod event;
#[cfg(all(test, feature = "std"))]
#[allow(clippy::unwrap_used)]
mod known_answers;
mod payload;
mod statement;

use alloc::string::String;
use alloc::vec::Vec;

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::buffer::{Cause, ErasedCopy, Erasure};
use crate::error::Error;
use crate::types::{KeyId, Role, SessionId};

#[cfg(feature = "custody")]
pub(crate) use cose::sig_structure;
pub use event::{Event, Method, NotCovered, RelayFigures, Retained};
pub use statement::Statement;

/// Signs receipts with an Ed25519 key (RFC 8032) that serves nothing else.
pub trait ReceiptSigner {
    /// SHA-256 of the public key's 32 bytes; a receipt names its key by it.
    fn key_id(&self) -> [u8; 32];

    /// The 64-byte Ed25519 signature over `message`.
    ///
    /// # Errors
    /// Whatever keeps the key from being used, such as [`Error::Erased`].
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error>;
}

/// Who speaks in a receipt. Each text has 1 to 64 bytes and no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationInfo {
    /// What kind of station it is.
    pub role: Role,
    /// Its name, as in its identity.
    pub station: String,
    /// Who runs it, as in its identity.
    pub operator: String,
    /// The code of the responsible post, from configuration; not the name of a person.
    pub post: String,
}

/// What the host knows about an event beyond the erasure itself.
#[derive(Clone, Copy, Debug)]
pub struct Details<'a> {
    /// What happened. If a copy could not be verified, the receipt says [`Event::NotErased`] and names this as attempted.
    pub event: Event,
    /// Why.
    pub cause: Cause,
    /// What kind of document, as the operator names it; 1 to 64 bytes, never anything about a person.
    pub kind: &'a str,
    /// When the session was opened here, in milliseconds since 1970-01-01 UTC.
    pub opened_unix_ms: u64,
    /// When the event happened, in milliseconds since 1970-01-01 UTC.
    pub event_unix_ms: u64,
    /// From opening to the event in milliseconds, on a clock that counts suspended time.
    pub duration_ms: Option<u64>,
    /// What a relay measured.
    pub relay: Option<RelayFigures>,
    /// When a window came back that was lent as the deadline passed, in milliseconds since 1970-01-01 UTC.
    pub window_lent_until_unix_ms: Option<u64>,
    /// What is still held, at most 32 entries.
    pub retained: &'a [Retained],
    /// What is not covered, beyond what [`NotCovered::always`] adds for the station's role.
    pub not_covered: &'a [NotCovered],
    /// The [`hash`] of this station's previous receipt.
    pub previous: Option<[u8; 32]>,
}

impl<'a> Details<'a> {
    /// Details without anything optional.
    #[must_use]
    pub const fn new(event: Event, cause: Cause, kind: &'a str, opened_unix_ms: u64, event_unix_ms: u64) -> Self {
        Self {
            event,
            cause,
            kind,
            opened_unix_ms,
            event_unix_ms,
            duration_ms: None,
            relay: None,
            window_lent_until_unix_ms: None,
            retained: &[],
            not_covered: &[],
            previous: None,
        }
    }
}

/// A receipt of this process's own. It exists only where an [`Erasure`] was consumed, and is not `Clone`: a handover compares
/// [`Receipt::erased_key`] before it releases a key, and reading bytes back does not give one.
///
/// ```compile_fail
/// fn twice(receipt: shokyo::receipt::Receipt) -> [shokyo::receipt::Receipt; 2] {
///     [receipt.clone(), receipt]
/// }
/// ```
#[derive(Debug)]
#[must_use = "a receipt is evidence: store it before anything depends on it"]
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub struct Receipt {
    bytes: Vec<u8>,
    statement: Statement,
    erased_key: Option<KeyId>,
}

impl Receipt {
    /// Consumes an erasure and signs what it shows.
    ///
    /// The key's place in its vault stays in memory, for the comparison with a release, and is not written.
    ///
    /// # Errors
    /// [`Error::WrongState`] when `details` claim more than the erasure shows: a wiped key without the verified wipe of a key, an
    /// erasure while a copy is retained, verified copies in a receipt of loss. [`Error::TooLarge`] and [`Error::Malformed`] for
    /// texts and lists beyond their bounds; the signer's own errors. The erasure is consumed in each case.
    pub fn issue(
        erasure: Erasure,
        details: &Details<'_>,
        station: &StationInfo,
        signer: &dyn ReceiptSigner,
    ) -> Result<Self, Error> {
        let key_id = signer.key_id();
        let mut statement = compose(&erasure, details, station)?;
        claims::check(&statement)?;
        if statement.event == Event::KeyWiped && erasure.key().is_none() {
            return Err(Error::WrongState { command: "a key-wiped receipt without the key that was wiped" });
        }
        statement.receipt_id = receipt_id(&key_id, &statement)?;
        let payload = payload::encode(&statement, true)?;
        let signature = signer.sign(&cose::to_be_signed(&key_id, &payload)?)?;
        let bytes = cose::build(&key_id, &payload, &signature)?;
        let erased_key = if statement.event.claims_erasure() && statement.is_verified() { erasure.key() } else { None };
        Ok(Self { bytes, statement, erased_key })
    }

    /// The COSE_Sign1 bytes, at most 4,096.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The COSE_Sign1 bytes, at most 4,096.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The session that the receipt is about.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.statement.session
    }

    /// The key whose wipe was verified; `None` if there was none or anything failed.
    #[must_use]
    pub const fn erased_key(&self) -> Option<KeyId> {
        self.erased_key
    }

    /// What the receipt says.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The receipt's [`hash`].
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        hash(&self.bytes)
    }
}

/// SHA-256 over a receipt's bytes, by which a station's next receipt names it.
#[must_use]
pub fn hash(receipt: &[u8]) -> [u8; 32] {
    Sha256::digest(receipt).into()
}

/// The id by which a receipt names its key: SHA-256 of the public key's 32 bytes.
#[must_use]
pub fn key_id(public_key: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(public_key).into()
}

/// Checks a receipt against the Ed25519 key that is supposed to have signed it, and reads it.
///
/// Strict: only the one deterministic encoding is read, every length is bounded before anything is allocated, signatures of
/// small-order keys and malleable ones do not verify (RFC 8032 §5.1.7, cofactorless), and a statement that claims more than
/// it shows is refused although it is signed. Whether the key belongs to the station that the statement names is the
/// caller's to know.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Malformed`], [`Error::UnsupportedVersion`], [`Error::Mismatch`] when the receipt names another
/// key, [`Error::BadSignature`], and [`Error::WrongState`] for a claim without its evidence.
pub fn verify(bytes: &[u8], public_key: &[u8; 32]) -> Result<Statement, Error> {
    let envelope = cose::parse(bytes)?;
    if envelope.key_id != key_id(public_key) {
        return Err(Error::Mismatch { what: "the key that a receipt names" });
    }
    let message = cose::to_be_signed(&envelope.key_id, envelope.payload)?;
    verify_signature(public_key, &message, &envelope.signature)?;
    read(&envelope)
}

/// Checks an Ed25519 signature, as everything here that checks one does: strictly (RFC 8032 §5.1.7, cofactorless), so that no signature
/// verifies for two messages, in two forms, or under a key of small order.
///
/// # Errors
/// [`Error::BadSignature`], also for what is no public key.
pub fn verify_signature(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), Error> {
    let key = VerifyingKey::from_bytes(public_key).map_err(|_| Error::BadSignature)?;
    key.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| Error::BadSignature)
}

/// The bytes over which a receipt's Ed25519 signature is, and that signature: for tools that know Ed25519 and not COSE, such as
/// `openssl pkeyutl -verify -rawin`. Nothing is verified.
///
/// # Errors
/// [`Error::TooLarge`] and [`Error::Malformed`].
pub fn to_be_signed(bytes: &[u8]) -> Result<(Vec<u8>, [u8; 64]), Error> {
    let envelope = cose::parse(bytes)?;
    Ok((cose::to_be_signed(&envelope.key_id, envelope.payload)?, envelope.signature))
}

/// Reads a receipt **without checking its signature**, to find out whose key to check it with.
///
/// # Errors
/// As [`verify`], but for the key and the signature.
pub fn read_unverified(bytes: &[u8]) -> Result<Unverified, Error> {
    let envelope = cose::parse(bytes)?;
    Ok(Unverified { key_id: envelope.key_id, statement: read(&envelope)? })
}

/// A statement that nobody vouches for yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// SHA-256 of the public key that is said to have signed.
    pub key_id: [u8; 32],
    /// What is claimed.
    pub statement: Statement,
}

fn read(envelope: &cose::Envelope<'_>) -> Result<Statement, Error> {
    let statement = payload::decode(envelope.payload)?;
    claims::check(&statement)?;
    if statement.receipt_id != receipt_id(&envelope.key_id, &statement)? {
        return Err(Error::Mismatch { what: "a receipt's identifier" });
    }
    Ok(statement)
}

fn compose(erasure: &Erasure, details: &Details<'_>, station: &StationInfo) -> Result<Statement, Error> {
    for (text, what) in [
        (station.station.as_str(), "the station's name"),
        (station.operator.as_str(), "the operator's name"),
        (station.post.as_str(), "the responsible post"),
        (details.kind, "the document kind"),
    ] {
        payload::check_text(text, what)?;
    }
    if details.retained.len() > payload::MOST_RETAINED {
        return Err(Error::TooLarge { what: "the list of retained copies", limit: payload::MOST_RETAINED as u64 });
    }
    let copies: Vec<ErasedCopy> = erasure.copies().map(bucket_copy).collect();
    let failed = copies.iter().any(|copy| copy.failed > 0);
    let demoted = failed && details.event != Event::NotErased;
    let mut retained = details.retained.to_vec();
    retained.sort_unstable();
    let mut not_covered = [NotCovered::always(station.role), details.not_covered].concat();
    not_covered.sort_unstable();
    not_covered.dedup();
    Ok(Statement {
        receipt_id: [0; 32],
        session: erasure.session(),
        role: station.role,
        station: station.station.clone(),
        operator: station.operator.clone(),
        post: station.post.clone(),
        kind: String::from(details.kind),
        event: if demoted { Event::NotErased } else { details.event },
        attempted: demoted.then_some(details.event),
        cause: details.cause,
        method: if copies.is_empty() { None } else { Some(Method::OverwrittenReadBack) },
        copies,
        retained,
        protections: erasure.protections(),
        not_covered,
        opened_unix_ms: details.opened_unix_ms,
        event_unix_ms: details.event_unix_ms,
        duration_ms: details.duration_ms,
        relay: details.relay.map(bucket_relay),
        window_lent_until_unix_ms: details.window_lent_until_unix_ms,
        software: String::from(env!("CARGO_PKG_VERSION")),
        build: String::from(BUILD),
        previous: details.previous,
    })
}

/// Which build signed: `SHOKYO_BUILD` at compile time, such as a commit. A build that can be told to fail says so.
const BUILD: &str = match (option_env!("SHOKYO_BUILD"), cfg!(shokyo_faults)) {
    (_, true) => "test build with deliberate faults, worthless as evidence",
    (Some(build), false) => build,
    (None, false) => "not recorded",
};
const _: () = assert!(!BUILD.is_empty() && BUILD.len() <= payload::LONGEST_TEXT, "SHOKYO_BUILD has 1 to 64 bytes");

/// SHA-256 over a label, the signing key's id and the statement without the identifier itself.
fn receipt_id(key_id: &[u8; 32], statement: &Statement) -> Result<[u8; 32], Error> {
    let payload = payload::encode(statement, false)?;
    Ok(Sha256::new().chain_update(b"shokyo receipt id 1").chain_update(key_id).chain_update(payload).finalize().into())
}

/// Rounds up to a power of two, so that a size is told only as a bucket: never less than it was, never exactly.
fn bucket(number: u64) -> u64 {
    match number {
        0 => 0,
        _ => number.checked_next_power_of_two().unwrap_or(u64::MAX),
    }
}

/// The number of chunks tells a document's size as well as its bytes do; the number of keys does not.
fn bucket_copy(copy: ErasedCopy) -> ErasedCopy {
    let ranges = |number| if statement::is_bucketed(copy.class) { bucket(number) } else { number };
    ErasedCopy {
        class: copy.class,
        verified: ranges(copy.verified),
        failed: ranges(copy.failed),
        bytes: bucket(copy.bytes),
    }
}

fn bucket_relay(relay: RelayFigures) -> RelayFigures {
    RelayFigures { peak_bytes: bucket(relay.peak_bytes), frames: bucket(relay.frames), ..relay }
}
