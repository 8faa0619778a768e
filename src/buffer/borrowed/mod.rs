//! Documents in memory that the caller gives: for systems without an operating system, and without an allocator.
//!
//! A [`BorrowedVault`] carves two slices, once: the *secret* one (on-chip memory, where there is a choice) into key cells and one
//! window, the *ordinary* one into places for sealed chunks. What it seals is byte for byte what a [`Vault`](crate::buffer) on an
//! operating system seals, so that either opens the other's documents. Nothing here locks, maps, waits, starts a thread or reads
//! a clock; nothing here may panic, allocate, or show a whole plaintext by value.
//!
//! ```text
//!  secret    guard │ key │ guard │ key │ … │ guard │ states of the cells │ guard │ window: one chunk │ guard
//!            32      32                              8 bytes each          32                         32
//!  ordinary  owner, index │ ciphertext ‖ tag │ owner, index │ ciphertext ‖ tag │ …
//!            8 bytes        chunk + 16
//! ```
//!
//! # What is not there
//! - **No locked pages and no guards by hardware.** What the given memory is, the library cannot see, and it claims nothing about
//!   it: of the [protections](crate::types::Protections) only `CANARY`, and `REGISTERS_SCRUBBED` where the processor has a scrub.
//! - **No clean room.** Operations run on the caller's stack. Afterwards [`BorrowedOptions::stack`] bytes below are overwritten
//!   and the registers cleared, best effort: *during* an operation the key's schedule lies on that stack, and an interrupt that
//!   arrives meanwhile saves registers on whatever stack it runs on.
//! - **No randomness of its own.** Everything rests on the [`Entropy`] that the caller gives.
//! - **No deadlines, no erasing from an interrupt.** Both are the caller's. After a panic that does not unwind, or a reset, the
//!   secret slice holds what it held: wipe it in the panic handler ([`wipe_raw`](crate::wipe::wipe_raw)).
//!   [`BorrowedVault::new`] wipes what it is given before anything else, so what a reset left is gone from then on.

mod buffer;
mod cells;
mod chunks;
mod entropy;
mod held;
mod incoming;
#[cfg(all(test, feature = "std"))]
mod tests;
mod vault;
mod window;
mod work;
mod writer;

pub use buffer::BorrowedBuffer;
pub use entropy::Entropy;
pub use incoming::BorrowedIncoming;
pub use vault::{BorrowedOptions, BorrowedVault, ErasedKeys};
pub use writer::BorrowedWriter;

use cells::Cells;
use chunks::Chunks;
use held::Held;
use vault::Inner;
use window::Window;
