//! The log of a station: a Merkle tree (RFC 9162 §2.1) over salted hashes of its records, kept in the tiles of C2SP tlog-tiles,
//! with checkpoints as C2SP signed notes, so that an auditor checks it with tools that nobody here wrote (`docs/log.md`).
//!
//! Everything here is a pure function: who keeps the tiles is a [`Tiles`]. This module must never sign
//! a checkpoint that it did not compute, never accept a proof that is longer than it must be, and never see what a leaf was
//! hashed from.

mod base64;
mod checkpoint;
mod note;
mod proof;
mod tree;

pub use checkpoint::{Checkpoint, origin};
pub use note::{Note, NoteSignature, NoteSigner, SignatureKind, VerifierKey};
pub use proof::{consistency_proof, inclusion_proof, root_of_inclusion, verify_consistency, verify_inclusion};
pub use tree::{Hash, TileId, Tiles, append, empty_root, leaf_hash, node_hash, root};
