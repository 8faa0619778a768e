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
