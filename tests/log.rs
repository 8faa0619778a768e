//! Claims about the log: its tree, its proofs, its signed notes, and what is refused.
#![cfg(feature = "custody")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "log/proofs.rs"]
mod proofs;
#[path = "log/support.rs"]
mod support;
#[path = "log/tree.rs"]
mod tree;
