//! Documents in memory: sealed chunk by chunk, seen only through windows, erased with evidence.
//!
//! A [`Vault`] owns the locked memory. A [`Writer`] seals a document as it is written and becomes an [`EphemeralBuffer`], which
//! lends its plaintext one chunk at a time; [`Incoming`] gathers chunks that were sealed elsewhere. Nothing here ever gives a
//! whole plaintext by value, clones a secret, or shows one by `Debug`.
#![forbid(unsafe_code)]

mod borrowed;
mod erasure;

#[cfg(all(feature = "std", target_os = "linux"))]
mod again;
#[cfg(feature = "std")]
mod compare;
#[cfg(feature = "std")]
mod convert;
#[cfg(feature = "std")]
mod copies;
#[cfg(feature = "std")]
mod custodian;
#[cfg(feature = "std")]
mod desk;
#[cfg(feature = "std")]
mod document;
#[cfg(all(test, feature = "std"))]
mod endings;
#[cfg(feature = "std")]
mod incoming;
#[cfg(feature = "std")]
mod key;
#[cfg(feature = "std")]
mod last_resort;
#[cfg(feature = "std")]
mod options;
#[cfg(feature = "std")]
mod seal;
#[cfg(feature = "std")]
mod stack_use;
#[cfg(all(test, feature = "std"))]
mod tests;
#[cfg(feature = "std")]
mod vault;
#[cfg(feature = "std")]
mod whole;
#[cfg(feature = "std")]
mod writer;

pub use borrowed::{
    BorrowedBuffer, BorrowedIncoming, BorrowedOptions, BorrowedVault, BorrowedWriter, Entropy, ErasedKeys,
};
pub use erasure::{Cause, CopyClass, ErasedCopy, Erasure};

#[cfg(feature = "std")]
pub use copies::RegisteredCopy;
#[cfg(feature = "std")]
pub(crate) use desk::{Desk, RoomSize};
#[cfg(feature = "std")]
pub use document::EphemeralBuffer;
#[cfg(feature = "std")]
pub use incoming::Incoming;
#[cfg(feature = "std")]
pub use key::KeyCell;
#[cfg(feature = "std")]
pub use last_resort::{FatalSignal, erase_now, erase_on_exit, erase_on_signals};
#[cfg(feature = "std")]
pub use options::{Protection, SecretMemory, VaultOptions};
#[cfg(feature = "std")]
pub use vault::{EraseAll, Vault};
#[cfg(feature = "std")]
pub use writer::Writer;
