//! The C interface of the handover's machines: whole issuances through it, and a status for every mistake of a caller.
#![cfg(feature = "capi")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::undocumented_unsafe_blocks, missing_docs)]

mod customer;
mod issuance;
mod logs;
mod misuse;
mod mixed;
mod records;
mod reentry;
mod threads;
mod town;
