//! **shokyo** (消去, "erasure"): documents that may exist only for minutes.
//!
//! A document is sealed once, chunk by chunk, under a fresh key that lives in locked memory; the same ciphertext travels
//! through every system on the way; the 32-byte key is handed over once, after the sender has wiped its own copy and
//! read the memory back; every way out erases, and leaves evidence that an auditor can check.
//!
//! The modules form one direction of dependency, each using only what stands to its left:
//!
//! ```text
//! types, error → platform → wipe → arena → aead → buffer → receipt → handover → custody → media, scan → station → cli
//!                                           └─────────┴─────────┴─────────┴────────────→ ffi (C ABI)
//! ```
#![cfg_attr(not(any(feature = "std", shokyo_loom)), no_std)]
#![deny(rustdoc::broken_intra_doc_links)]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(all(shokyo_loom, feature = "std"))]
compile_error!("models are built without the default features: cargo xtask step models");

pub mod error;
#[cfg(shokyo_faults)]
pub mod faults;
pub mod types;

pub mod aead;
#[cfg(feature = "std")]
pub mod arena;
/// Only what is modelled of the arena, and its models.
#[cfg(all(test, shokyo_loom))]
#[path = "arena/models/mod.rs"]
mod arena;
pub mod buffer;
#[cfg(feature = "custody")]
pub mod custody;
#[cfg(feature = "capi")]
pub mod ffi;
#[cfg(feature = "alloc")]
pub mod handover;
pub mod platform;
#[cfg(feature = "alloc")]
pub mod receipt;
#[cfg(feature = "std")]
pub mod scan;
#[cfg(feature = "net")]
pub mod station;
pub mod wipe;

#[cfg(feature = "std")]
pub use buffer::{
    EphemeralBuffer, EraseAll, FatalSignal, Incoming, KeyCell, Protection, Vault, VaultOptions, Writer, erase_now,
    erase_on_exit, erase_on_signals,
};
pub use buffer::{ErasedCopy, Erasure};
pub use error::Error;
