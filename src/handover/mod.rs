//! The transmit-then-erase protocol as state machines without I/O, clocks, threads or global state.
//!
//! Three machines speak it: [`Issuer`], [`Relay`] and [`Kiosk`]; [`Outbox`] sends the receipts that a restart or a deadline left
//! unacknowledged. Each is driven in the same way: give it inputs (`handle_*`
//! with a reading of the clocks, and commands), then drain its outputs (`poll_persist`, `poll_transmit`, `poll_event`), and
//! call `handle_timeout` when `next_deadline` has come. Every input looks at the deadlines first; past one, only erasing is
//! left. What must be durable before a step is asked for with `poll_persist` and answered with `handle_persisted`.
//!
//! A fourth, [`CustomerSession`], knows no messages: it holds the kiosk's rules for the person in front of it, from the card to the
//! paper, and says when the [`Kiosk`] may apply, print and erase.
//!
//! # A kiosk and an issuing system, back to back
//!
//! Without relays, network and disk; `station` has all of them. Certificates are pinned here by their bytes.
//!
//! ```
//! # #[cfg(feature = "std")]
//! # fn main() -> Result<(), shokyo::Error> {
//! use std::sync::Arc;
//! use shokyo::handover::suite::{SigningKey, StationCrypto, StationKeys};
//! use shokyo::handover::{Application, Identity, Issuer, IssuerEvent, KeyUse, Kiosk, KioskEvent};
//! use shokyo::handover::{Peer, Policy, Source, Trust};
//! use shokyo::receipt::StationInfo;
//! use shokyo::types::{Now, Role, Time};
//! use shokyo::{Error, Vault, VaultOptions};
//!
//! #[derive(Clone)]
//! struct Pinned(Arc<Vec<(Vec<u8>, KeyUse, Identity)>>);
//! impl Trust for Pinned {
//!     fn identify(&self, certificate: &[u8], key_use: KeyUse, _unix_ms: u64) -> Result<Identity, Error> {
//!         let found = self.0.iter().find(|(pinned, of, _)| pinned == certificate && *of == key_use);
//!         let identity = found.map(|(_, _, identity)| identity.clone());
//!         identity.ok_or(Error::Untrusted { what: "a certificate that is not pinned" })
//!     }
//! }
//!
//! fn station(role: Role, name: &str, pins: &mut Vec<(Vec<u8>, KeyUse, Identity)>) -> Result<StationCrypto, Error> {
//!     let mut options = VaultOptions::new();
//!     options.agreement = true;
//!     // Two vaults: the receipt for erasing every document can still be signed.
//!     let (identity, documents) = (Vault::open(options.clone())?, Vault::open(options)?);
//!     let info = StationInfo { role, station: name.into(), operator: "town".into(), post: "POST-1".into() };
//!     let keys = StationKeys {
//!         messages: SigningKey::generate(&identity)?,
//!         certificate: format!("{name}, messages").into_bytes(),
//!         receipts: SigningKey::generate(&identity)?,
//!         receipt_certificate: format!("{name}, receipts").into_bytes(),
//!         not_covered: Vec::new(),
//!         info,
//!     };
//!     for (key_use, certificate, key) in [
//!         (KeyUse::Messages, &keys.certificate, &keys.messages),
//!         (KeyUse::Receipts, &keys.receipt_certificate, &keys.receipts),
//!     ] {
//!         let identity = Identity { role, station: name.into(), operator: "town".into(), key: *key.public() };
//!         pins.push((certificate.clone(), key_use, identity));
//!     }
//!     Ok(StationCrypto::new(documents, Arc::new(keys), None))
//! }
//!
//! let mut pins = Vec::new();
//! let (issuer, kiosk) = (station(Role::Issuer, "issuer-1", &mut pins)?, station(Role::Kiosk, "kiosk-1", &mut pins)?);
//! let trust = Pinned(Arc::new(pins));
//! let now = Now { monotonic: Time(0), unix_ms: 1_790_000_000_000 }; // a host reads its clocks before each call
//! let peer = Peer(1);
//! let mut issuer = Issuer::new(issuer, trust.clone(), Policy::default())?;
//! let mut kiosk = Kiosk::apply(now, kiosk, trust, Policy::default(), &Application {
//!     operator: "town",
//!     issuer: "issuer-1",
//!     kind: "resident-certificate",
//!     copies: 1,
//!     subject: b"SPECIMEN-0001",
//!     details: b"",
//! })?;
//!
//! let mut erased = Vec::new();
//! let mut moves = true;
//! while std::mem::take(&mut moves) {
//!     // A record is answered when it is durable, and not before.
//!     while let Some(persist) = kiosk.poll_persist() {
//!         kiosk.handle_persisted(now, persist.token);
//!     }
//!     while let Some(persist) = issuer.poll_persist() {
//!         issuer.handle_persisted(now, persist.token);
//!     }
//!     while let Some(sent) = kiosk.poll_transmit() {
//!         issuer.handle_frame(now, peer, &sent.frame)?;
//!         moves = true;
//!     }
//!     while let Some(sent) = issuer.poll_transmit() {
//!         kiosk.handle_frame(now, &sent.frame)?;
//!         moves = true;
//!     }
//!     while let Some(event) = issuer.poll_event() {
//!         moves = true;
//!         match event {
//!             IssuerEvent::Application { session, .. } => {
//!                 issuer.document(session, b"row 7")?.write(b"a document that may exist only for minutes")?;
//!                 issuer.offer(now, session, &Source { subject: b"SPECIMEN-0001", version: b"row 7" })?;
//!             }
//!             IssuerEvent::Released { .. } => erased.push("issuer"), // wiped and read back before the key left
//!             _ => {}
//!         }
//!     }
//!     while let Some(event) = kiosk.poll_event() {
//!         moves = true;
//!         match event {
//!             KioskEvent::Ready { length } => {
//!                 assert_eq!(length, 42);
//!                 kiosk.print(now)?; // on record first, then `MayPrint`, once
//!             }
//!             KioskEvent::MayPrint => {
//!                 kiosk.document()?.for_each_window(|_, plain| Ok(assert!(plain.starts_with(b"a document"))))?;
//!                 kiosk.delivered(now)?;
//!             }
//!             KioskEvent::Erased { verified, .. } => {
//!                 assert!(verified);
//!                 erased.push("kiosk");
//!             }
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(erased, ["issuer", "kiosk"]);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "std"))]
//! # fn main() {}
//! ```
//!
//! This module must never read a clock, open a file or a connection, or see a key: keys are handles into a vault, behind
//! [`Crypto`].
#![forbid(unsafe_code)]

mod body;
mod cipher_suite;
mod crypto;
pub mod customer;
mod evidence;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
pub mod issuer;
pub mod kiosk;
mod message;
#[cfg(shokyo_model)]
mod model;
mod outbox;
mod output;
mod policy;
mod recent;
mod record;
pub mod relay;
mod release;
mod schedule;
mod share;
mod signing;
#[cfg(feature = "std")]
pub mod suite;
#[cfg(all(test, feature = "std"))]
#[allow(clippy::unwrap_used)]
mod vectors;

pub use cipher_suite::{Suite, Suites};
pub use crypto::{Crypto, Handle, SealedApplication, Shape, Unlock, WrappedKey};
pub use customer::{CustomerEvent, CustomerPolicy, CustomerSession};
pub use identity::{Identity, KeyUse, Trust};
pub use issuer::{Issuer, IssuerEvent, Source};
pub use kiosk::{Application, Kiosk, KioskEvent};
pub use message::{Frame, MAX_FRAME, MessageType, VERSION, frame_hash};
pub use outbox::{Outbox, Unacknowledged};
pub use output::{Peer, Persist, Transmit};
pub use policy::{Deadline, Policy};
pub use record::{Outcome, Record};
pub use relay::{Relay, RelayEvent};
pub use release::Release;
