//! The operations on keys and plaintext, each in a frame of its own so that all it leaves lies below the caller's frame, and the
//! scrub of that. There is no clean room here: this is the best that can be done on a stack that is someone else's.

use crate::aead::{self, Aead, KEY_LENGTH, NONCE_LENGTH, RustCrypto, TAG_LENGTH};
use crate::error::Error;
use crate::types::Binding;
use crate::wipe;

/// What is sealed or opened: which nonce, which associated data.
#[derive(Clone, Copy)]
pub(super) enum Part {
    /// A chunk of the document, by index, and whether it is the last.
    Chunk(u64, bool),
    /// The unfinished tail, by how often it was sealed.
    Tail(u64),
}

impl Part {
    fn nonce(self) -> [u8; NONCE_LENGTH] {
        match self {
            Self::Chunk(index, is_final) => aead::stream_nonce(index, is_final),
            Self::Tail(counter) => aead::stream_nonce(counter, false),
        }
    }

    fn associated(self, binding: &Binding) -> [u8; 88] {
        match self {
            Self::Chunk(index, is_final) => aead::chunk_associated_data(binding, index, is_final),
            Self::Tail(counter) => aead::tail_associated_data(binding, counter),
        }
    }
}

/// Encrypts `body` in place, puts its tag into `tag`, and scrubs `stack` bytes below and the registers.
pub(super) fn seal(
    key: &[u8; KEY_LENGTH],
    binding: &Binding,
    part: Part,
    body: &mut [u8],
    tag: &mut [u8; TAG_LENGTH],
    stack: usize,
) -> Result<(), Error> {
    let outcome = seal_below(key, binding, part, body, tag);
    scrub(stack);
    outcome
}

/// Decrypts `body` in place if `tag` is right, wipes it if not, and scrubs `stack` bytes below and the registers.
pub(super) fn open(
    key: &[u8; KEY_LENGTH],
    binding: &Binding,
    part: Part,
    body: &mut [u8],
    tag: &[u8; TAG_LENGTH],
    stack: usize,
) -> Result<(), Error> {
    let outcome = open_below(key, binding, part, body, tag);
    scrub(stack);
    outcome
}

/// Overwrites `stack` bytes of dead stack below the caller's frame and clears the registers.
#[inline]
pub(super) fn scrub(stack: usize) {
    wipe::scrub_stack(stack);
    let _ = wipe::scrub_registers();
}

#[inline(never)]
fn seal_below(
    key: &[u8; KEY_LENGTH],
    binding: &Binding,
    part: Part,
    body: &mut [u8],
    tag: &mut [u8; TAG_LENGTH],
) -> Result<(), Error> {
    *tag = RustCrypto::new(key)?.seal(&part.nonce(), &part.associated(binding), body)?;
    Ok(())
}

#[inline(never)]
fn open_below(
    key: &[u8; KEY_LENGTH],
    binding: &Binding,
    part: Part,
    body: &mut [u8],
    tag: &[u8; TAG_LENGTH],
) -> Result<(), Error> {
    RustCrypto::new(key)?.open(&part.nonce(), &part.associated(binding), body, tag)
}
