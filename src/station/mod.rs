//! The four systems as processes: what stands under them are certificates, configuration, mutual TLS and one long-lived link
//! per neighbour.
//!
//! Nothing here may see a document in the clear: what crosses a link is what the handover's machines made, sealed.
#![forbid(unsafe_code)]

pub mod config;
mod connection;
mod driver;
mod host;
mod issuer;
mod journal;
pub mod kiosk;
pub mod link;
pub(crate) mod neighbours;
pub mod notice;
pub(crate) mod open;
pub(crate) mod outbox;
mod parked;
pub mod pki;
mod printing;
pub mod profile;
pub(crate) mod relay;
pub(crate) mod run;
pub mod tls;
pub mod trust;

pub use driver::Order;
pub use notice::Notices;
pub use open::log_key;
pub use run::{Orders, run};
