//! Overwriting memory so that it cannot be optimised away, and reading it back.

use crate::error::Error;

/// Evidence that a range of memory was overwritten with zeros and read back as zeros. Only this module makes it.
#[derive(Debug)]
#[must_use = "evidence of a wipe belongs into an erasure"]
pub struct Wiped {
    tag: u128,
    bytes: u64,
}

impl Wiped {
    /// # Safety
    /// The `bytes` bytes that `tag` stands for were overwritten by this module and every one was read back as zero afterwards.
    unsafe fn new(tag: u128, bytes: u64) -> Self {
        Self { tag, bytes }
    }

    /// What was wiped; the layer that asked for it gives the tag its meaning.
    #[must_use]
    pub const fn tag(&self) -> u128 {
        self.tag
    }

    /// How many bytes were wiped.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}
