//! **shokyo** (消去, "erasure"): documents that may exist only for minutes.
//!
//! A document is sealed once, chunk by chunk, under a fresh key that lives in locked memory; the same ciphertext travels
//! through every system on the way; the 32-byte key is handed over once, after the sender has wiped its own copy and
//! read the memory back; every way out erases, and leaves evidence that an auditor can check.
//!
//! # Quick start
//!
//! ```
//! use shokyo::types::{Binding, SessionId};
//! use shokyo::{Vault, VaultOptions};
//!
//! // Locked, guarded memory that no dump and no forked child gets. Strict: an error, rather than weaker protection.
//! let vault = Vault::open(VaultOptions::new())?;
//!
//! // Each piece is sealed before the next is taken; the document opens in its own session only.
//! let mut writer = vault.writer(Binding { session: SessionId([1; 32]), context: [2; 32] })?;
//! writer.write(b"a document that may exist ")?;
//! writer.write(b"only for minutes")?;
//! let document = writer.finish()?;
//!
//! // Plaintext is lent, never given: at most one chunk, wiped and read back when the closure returns.
//! document.read_at(0, |plain| assert_eq!(plain.len(), 42))?;
//!
//! // The key first, then the ciphertext, each read back; dropping the document does the same.
//! let erasure = document.erase();
//! assert!(erasure.is_verified());
//! # Ok::<(), shokyo::Error>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | take a document in | [`Vault::writer`] (a [`std::io::Write`]), [`Writer::copy_from`], or [`Vault::seal_vec`], which wipes its source |
//! | look at it | [`EphemeralBuffer::read_at`], [`for_each_window`](EphemeralBuffer::for_each_window); in one piece [`with_whole`](EphemeralBuffer::with_whole) |
//! | compare or hash it | [`EphemeralBuffer::ct_eq`], [`hmac_sha256`](EphemeralBuffer::hmac_sha256) |
//! | pass it on | [`EphemeralBuffer::sealed_chunk`] and [`Incoming`]; the key goes by the [`handover`] alone |
//! | end it | [`EphemeralBuffer::erase`], [`Vault::erase_all`], or just drop it; an [`Erasure`] becomes a [`receipt`] |
//!
//! What this cannot protect: a root user or debugger of the same machine while a window is lent, what a reader's closure copies, and
//! copies that existed before a document was written into a vault.
//!
//! # Layers
//!
//! The modules form one direction of dependency, each using only what stands to its left:
//!
//! ```text
//! types, error → platform → wipe → arena → aead → buffer → receipt → handover → custody → media, scan → station → cli
//!                                           └─────────┴─────────┴─────────┴────────────→ ffi (C ABI)
//! ```
#![cfg_attr(not(any(feature = "std", test, shokyo_loom, shokyo_model)), no_std)]
#![deny(rustdoc::broken_intra_doc_links)]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(all(shokyo_loom, feature = "std"))]
compile_error!("models are built without the default features: cargo xtask step models");
#[cfg(all(shokyo_model, any(feature = "std", not(test))))]
compile_error!("the model of the handover is a test without the default features: cargo xtask step handover-model");

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
/// Only what is modelled of the handles, and its models.
#[cfg(all(test, shokyo_loom))]
mod ffi {
    #[path = "handles/entry.rs"]
    mod entry;
}
pub mod buffer;
#[cfg(feature = "custody")]
pub mod custody;
#[cfg(feature = "capi")]
pub mod ffi;
#[cfg(feature = "alloc")]
pub mod handover;
#[cfg(feature = "std")]
pub mod media;
pub mod platform;
#[cfg(feature = "alloc")]
pub mod receipt;
#[cfg(feature = "std")]
pub mod scan;
#[cfg(feature = "net")]
pub mod station;
pub mod wipe;

pub use buffer::{BorrowedBuffer, BorrowedIncoming, BorrowedOptions, BorrowedVault, BorrowedWriter, Entropy};
#[cfg(feature = "std")]
pub use buffer::{
    EphemeralBuffer, EraseAll, FatalSignal, Incoming, KeyCell, Protection, SecretMemory, Vault, VaultOptions, Writer,
    erase_now, erase_on_exit, erase_on_signals,
};
pub use buffer::{ErasedCopy, Erasure};
pub use error::Error;
#[cfg(feature = "std")]
pub use platform::{Hardened, Hardening, HardeningOutcome, HardeningStep, harden_process};
