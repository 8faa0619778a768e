//! A model of the handover that visits every state: the machines as they are shipped, on symbols instead of cryptography, in every
//! order of deliveries, records, commands, clock ticks and faults within bounds, by `cargo xtask step handover-model`.
//!
//! A station's step depends on its own state and its input alone, so each is run once and remembered; the states of the world are
//! then little more than numbers of stations' states. Each claim has controls: the same model with a [`defect`] put into a machine
//! must find it. Only what runs the machines is here; nothing may repeat what they do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub(crate) mod defect;

mod checks;
mod claims;
mod digest;
mod roster;
mod station;
mod step;
mod symbols;
mod tests;
mod universe;
mod world;
