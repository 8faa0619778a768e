//! Hostile relays, kiosks, hosts and neighbours against the real machines, with real cryptography on a simulated network. Each test says
//! what every party is left with; beside each refusal stands the same frame untouched, which is accepted.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

#[path = "../support/forge.rs"]
mod forge;
#[path = "../support/rogue.rs"]
mod rogue;
#[path = "../support/town/mod.rs"]
mod town;

mod attachments;
mod ends;
mod floods;
mod forged;
mod hosts;
mod kiosks;
mod lengths;
mod lifted;
mod replayed;
mod suites;
mod withheld;
