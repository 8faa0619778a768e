//! What a vault is asked to be.

use std::time::Duration;

use crate::arena::Secret;
use crate::error::Error;

/// What happens when a protection cannot be had.
///
/// ```
/// use shokyo::types::Protections;
/// use shokyo::{Protection, Vault, VaultOptions};
///
/// let mut options = VaultOptions::small();
/// options.protection = Protection::BestEffort;
/// let vault = Vault::open(options)?;
/// if !vault.protections().contains(Protections::LOCKED) {
///     eprintln!("documents may be swapped out; active are: {}", vault.protections());
/// }
/// # Ok::<(), shokyo::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    /// Opening the vault is an error.
    #[default]
    Strict,
    /// The vault opens without it, and [`Vault::protections`](super::Vault::protections) says so.
    BestEffort,
}

/// Whether keys and plaintext are kept in secret memory (`memfd_secret`, Linux 5.14 and later): pages that not even the kernel, a
/// debugger or root can read through `/proc/PID/mem`, and that are never moved.
///
/// A machine cannot hibernate while such memory is in use. System calls that pin pages (`O_DIRECT`, `vmsplice`) fail on it, and
/// whoever looks for residue in a process sees nothing of it: processes that are scanned are opened with [`SecretMemory::Off`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretMemory {
    /// Where it can be had. Elsewhere locked memory, in strict mode too;
    /// [`FRAME_PINNED`](crate::types::Protections::FRAME_PINNED) among the vault's protections tells which.
    #[default]
    Auto,
    /// As a protection like the others: where it cannot be had, a strict vault does not open, and a best-effort one says so.
    Require,
    /// Never.
    Off,
}

/// How a vault is opened.
///
/// ```
/// let mut options = shokyo::VaultOptions::new();
/// options.windows = 2; // two threads look at plaintext at once; each window is locked
/// options.max_document = 8 << 20;
/// let vault = shokyo::Vault::open(options)?;
/// # Ok::<(), shokyo::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VaultOptions {
    /// What happens when a protection cannot be had. Default: [`Protection::Strict`].
    pub protection: Protection,
    /// Whether keys and plaintext are kept in secret memory. Default: [`SecretMemory::Auto`].
    pub secret_memory: SecretMemory,
    /// Bytes of plaintext in a chunk, and in a window: a multiple of 16 from 64 to 1 MiB. Sender and receiver must agree.
    /// Default: 16 KiB.
    pub chunk_size: usize,
    /// Windows, each locked: how many threads can look at plaintext at once. Default: 4.
    pub windows: usize,
    /// Small clean rooms, each locked; at least as many as windows are made. Default: 0, as many as windows.
    pub rooms: usize,
    /// Bytes of stack in a small room; 0 for what the self-test found to be needed. Default: 0.
    pub room_size: usize,
    /// 32-byte key cells at first, rounded up to whole pages; two serve as canaries, and two more for each window hold a reader's
    /// look-ahead. Default: 1024.
    pub key_cells: usize,
    /// 32-byte key cells at most: when all are in use, as many again are locked, up to this number or to the operating system's
    /// limit, whichever comes first. Default: 1,048,576, which are 32 MiB.
    pub max_key_cells: usize,
    /// How long a key lives at most, on a clock that counts suspended time; see [`KeyCell::expire_after`](super::KeyCell::expire_after).
    /// Default: no limit.
    pub lifetime: Option<Duration>,
    /// Whether large rooms for key agreement and signatures are set aside as well. Default: no.
    pub agreement: bool,
    /// How many large rooms. Default: 1.
    pub agreement_rooms: usize,
    /// Bytes of stack in a large room; 0 for what the self-test found to be needed. Default: 0.
    pub agreement_room_size: usize,
    /// Whether a thread's alternate signal stack is scrubbed after each operation: the kernel puts registers there when a signal
    /// arrives in the middle of one. It costs a system call, about 0.2 µs an operation. Default: yes.
    ///
    /// It demands what `sigaltstack` demands: memory that is set as a thread's alternate stack is that thread's until another is set. And no
    /// handler on it may be suspended while the thread goes on elsewhere, as some runtimes do that turn faults into exceptions:
    /// switch it off there.
    pub scrub_alternate_stack: bool,
    /// The longest document, in bytes of plaintext. Default: 256 MiB.
    pub max_document: u64,
    /// Bytes of locked memory that [`with_whole`](super::EphemeralBuffer::with_whole) may take at once, over all threads, each
    /// document rounded up to whole pages; 0 refuses every call. It is taken only during the calls, and counts against the
    /// process's limit (`RLIMIT_MEMLOCK`) then. Default: 64 MiB.
    pub max_whole: u64,
    /// How long to wait for a window or a room, and for operations in flight when everything is erased. Default: 5 s.
    pub patience: Duration,
}

impl VaultOptions {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            protection: Protection::Strict,
            secret_memory: SecretMemory::Auto,
            chunk_size: 16 * 1024,
            windows: 4,
            rooms: 0,
            room_size: 0,
            key_cells: 1024,
            max_key_cells: 1 << 20,
            lifetime: None,
            agreement: false,
            agreement_rooms: 1,
            agreement_room_size: 0,
            scrub_alternate_stack: true,
            max_document: 256 * 1024 * 1024,
            max_whole: 64 * 1024 * 1024,
            patience: Duration::from_secs(5),
        }
    }

    /// The smallest useful vault: one window, one room, 1020 keys. A release build needs 64 KiB of locked memory for it.
    #[must_use]
    pub const fn small() -> Self {
        Self { windows: 1, ..Self::new() }
    }

    pub(super) fn strict(&self) -> bool {
        self.protection == Protection::Strict
    }

    pub(super) fn secret(&self) -> Secret {
        match self.secret_memory {
            SecretMemory::Auto => Secret::Preferred,
            SecretMemory::Require => Secret::Wanted,
            SecretMemory::Off => Secret::No,
        }
    }

    pub(super) fn small_rooms(&self) -> usize {
        self.rooms.max(self.windows)
    }

    /// # Errors
    /// [`Error::Configuration`] for values that make no vault.
    pub(super) fn check(&self) -> Result<(), Error> {
        let wrong = |reason: &str| Err(Error::Configuration { reason: reason.into() });
        if !self.chunk_size.is_multiple_of(16) || !(64..=1 << 20).contains(&self.chunk_size) {
            return wrong("a vault's chunk size is a multiple of 16 from 64 to 1048576 bytes");
        }
        if !(1..=4096).contains(&self.windows) || self.rooms > 4096 {
            return wrong("a vault has 1 to 4096 windows, and at most 4096 rooms");
        }
        if !(1..=1 << 24).contains(&self.key_cells) || self.max_key_cells > 1 << 24 {
            return wrong("a vault has 1 to 16777216 key cells");
        }
        if self.agreement && !(1..=256).contains(&self.agreement_rooms) {
            return wrong("a vault with key agreement has 1 to 256 rooms for it");
        }
        if self.room_size > 1 << 26 || self.agreement_room_size > 1 << 26 {
            return wrong("a vault's room has at most 64 MiB");
        }
        Ok(())
    }
}

impl Default for VaultOptions {
    fn default() -> Self {
        Self::new()
    }
}
