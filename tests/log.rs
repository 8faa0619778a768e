//! Claims about the log: its tree, its proofs, its signed notes and files, and what is refused.
#![cfg(feature = "custody")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "log/cosigning.rs"]
mod cosigning;
#[path = "log/inclusion.rs"]
mod inclusion;
#[path = "support/note_key.rs"]
mod note_key;
#[path = "log/notes.rs"]
mod notes;
#[path = "log/proofs.rs"]
mod proofs;
#[path = "log/published.rs"]
mod published;
#[path = "log/support.rs"]
mod support;
#[path = "log/tree.rs"]
mod tree;
