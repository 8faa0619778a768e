//! The log of a station: a Merkle tree (RFC 9162 §2.1) over salted hashes of its records, kept in the tiles of C2SP tlog-tiles,
//! with checkpoints as C2SP signed notes, so that an auditor checks it with tools that nobody here wrote (`docs/log.md`).
//!
//! Everything here but [`Folder`] is a pure function: who keeps the tiles is a [`Tiles`]. This module must never sign
//! a root that it did not compute, never cosign a history that it did not check, never accept a proof that is longer than it must
//! be, and never see what a leaf was hashed from.

mod base64;
mod checkpoint;
mod cosignature;
mod folder;
mod inclusion_receipt;
mod layout;
mod note;
mod proof;
mod request;
mod tree;
mod witness;

pub use checkpoint::{Checkpoint, origin};
pub use cosignature::{Cosigned, add_line, verify_cosigned};
pub use folder::{Folder, Published};
pub use inclusion_receipt::{Included, inclusion_receipt, verify_inclusion_receipt};
pub use layout::{CHECKPOINT, bundle, bundle_path, read_bundle, tile_path, tiles_of, width_of};
pub use note::{Note, NoteSignature, NoteSigner, SignatureKind, VerifierKey};
pub use proof::{consistency_proof, inclusion_proof, root_of_inclusion, verify_consistency, verify_inclusion};
pub use request::AddCheckpoint;
pub use tree::{Hash, TileId, Tiles, append, empty_root, leaf_hash, node_hash, root};
pub use witness::{Consistent, Decision, Evidence, decide};
