//! What the fuzzers do with their input, and what must hold whatever it is.
//!
//! Bytes go to the decoders as they are; for the machines they are a script: a list of steps of a network that loses, repeats, changes and
//! splices, of clocks, stores, neighbours and hosts. Keys, documents and receipts are real ones, in real memory, with the X25519 suite;
//! only signatures of messages are hashes, which are a hundred times faster and which a script can therefore make, too.
//!
//! With `SHOKYO_PLANTED` in the environment each target has a defect, so that one sees that it would be found.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[cfg(not(fuzzing))]
compile_error!("built with `--cfg fuzzing` and instrumentation alone: cargo xtask fuzz");

pub mod body;
pub mod c_calls;
pub mod crypto;
pub mod customer;
pub mod frame;
pub mod ledger;
pub mod machines;
pub mod readers;
pub mod receipt;
pub mod script;
pub mod seeds;
pub mod stations;
pub mod steps;
pub mod world;

/// Whether the target has its defect.
#[must_use]
pub fn planted() -> bool {
    static PLANTED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *PLANTED.get_or_init(|| std::env::var_os("SHOKYO_PLANTED").is_some())
}
