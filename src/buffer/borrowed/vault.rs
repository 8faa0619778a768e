//! The vault on two slices of the caller's: it gives writers and places for incoming documents, and takes everything back.

use core::cell::RefCell;
use core::fmt;
use core::num::NonZeroUsize;

use super::cells::{GUARD, Lease};
use super::{BorrowedBuffer, BorrowedIncoming, BorrowedWriter, Cells, Chunks, Entropy, Held, Window, entropy, work};
use crate::error::Error;
use crate::types::{Binding, Protections};
use crate::wipe;

/// A vault in memory that the caller gives, for one thread, without an allocator or an operating system.
///
/// Documents borrow it; several can be there at once and share its one window. Dropping it wipes both slices.
///
/// ```
/// use shokyo::buffer::{BorrowedOptions, BorrowedVault};
/// use shokyo::types::{Binding, SessionId};
///
/// const OPTIONS: BorrowedOptions = {
///     let mut options = BorrowedOptions::new();
///     options.chunk_size = 1024;
///     options
/// };
/// // On a device: one static in on-chip memory, one wherever there is room.
/// let mut secret = [0; OPTIONS.secret_bytes()];
/// let mut ordinary = [0; OPTIONS.ordinary_bytes(8)];
/// # let generator = |out: &mut [u8]| {
/// #     let mut file = std::fs::File::open("/dev/urandom").map_err(|_| shokyo::Error::RandomnessUnavailable)?;
/// #     std::io::Read::read_exact(&mut file, out).map_err(|_| shokyo::Error::RandomnessUnavailable)
/// # };
/// // `generator`: the device's own, conditioned and tested.
/// let vault = BorrowedVault::new(&mut secret, &mut ordinary, OPTIONS, generator)?;
/// let mut writer = vault.writer(Binding { session: SessionId([1; 32]), context: [2; 32] })?;
/// writer.write(b"a resident certificate")?;
/// let document = writer.finish()?;
/// assert!(document.read_at(2, |plain| plain == b"resident certificate")?);
/// assert!(document.erase().is_verified());
/// # Ok::<(), shokyo::Error>(())
/// ```
pub struct BorrowedVault<'m, E> {
    pub(super) inner: Inner<'m>,
    entropy: RefCell<E>,
}

/// What documents see of a vault.
pub(super) struct Inner<'m> {
    id: u64,
    guard: [u8; GUARD],
    pub(super) chunk: NonZeroUsize,
    pub(super) stack: usize,
    pub(super) protections: Protections,
    pub(super) cells: RefCell<Cells<'m>>,
    pub(super) window: RefCell<Window<'m>>,
    pub(super) chunks: RefCell<Chunks<'m>>,
    /// The slices were given back already.
    closed: bool,
}

/// How a [`BorrowedVault`] is laid out.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BorrowedOptions {
    /// Bytes of plaintext in a chunk, and in the window: a multiple of 16 from 64 to 1 MiB. Sender and receiver must agree.
    /// Default: 16 KiB, as on an operating system.
    pub chunk_size: usize,
    /// 32-byte key cells: one for each document, and a second one while it is being written. Default: 8.
    pub key_cells: usize,
    /// Bytes of the caller's dead stack that are overwritten after each operation, rounded up to 1 KiB.
    ///
    /// **The stack must have this much room left below the call**, or the scrub writes beyond its end; the operation itself needs
    /// about as much. Default: [`BorrowedOptions::STACK`].
    pub stack: usize,
}

/// What [`BorrowedVault::erase_keys`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErasedKeys {
    /// Keys that were live and are destroyed.
    pub destroyed: u64,
    /// How many of them were read back as zero.
    pub verified: u64,
}

impl BorrowedOptions {
    /// How deep the operations were measured to go, and somewhat more: 8.7 KiB on x86-64 with AVX-512, 4.3 KiB with AVX2, 5.7 KiB
    /// in Thumb-2 code for a Cortex-M4.
    pub const STACK: usize = if usize::BITS < 64 { 8 * 1024 } else { 12 * 1024 };

    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { chunk_size: 16 * 1024, key_cells: 8, stack: Self::STACK }
    }

    /// Bytes that the secret slice must have.
    #[must_use]
    pub const fn secret_bytes(&self) -> usize {
        Cells::bytes(self.key_cells).saturating_add(Window::bytes(self.chunk_size))
    }

    /// Bytes that the ordinary slice must have to hold `chunks` sealed chunks, of all documents together.
    #[must_use]
    pub const fn ordinary_bytes(&self, chunks: usize) -> usize {
        Chunks::bytes(chunks, self.chunk_size)
    }

    /// The chunk size.
    fn check(&self) -> Result<NonZeroUsize, Error> {
        let possible = self.chunk_size.is_multiple_of(16) && (64..=1 << 20).contains(&self.chunk_size);
        let chunk = NonZeroUsize::new(self.chunk_size)
            .filter(|_| possible)
            .ok_or(Error::Malformed { what: "a chunk size that is no multiple of 16 from 64 to 1048576" })?;
        if !(1..=1 << 16).contains(&self.key_cells) {
            return Err(Error::Malformed { what: "a number of key cells outside of 1 to 65536" });
        }
        if self.stack > 1 << 20 {
            return Err(Error::Malformed { what: "a stack to be scrubbed of more than 1 MiB" });
        }
        Ok(chunk)
    }
}

impl Default for BorrowedOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl<'m, E: Entropy> BorrowedVault<'m, E> {
    /// Wipes both slices and reads them back, whatever a reset left in them, and lays the vault out.
    ///
    /// `secret` holds keys and the window, and needs [`BorrowedOptions::secret_bytes`]; `ordinary` holds ciphertext, at least
    /// [`BorrowedOptions::ordinary_bytes`] of 1. Nobody else may reach either: no DMA, no other core.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] with the bytes that a slice must have; [`Error::Malformed`] for impossible options;
    /// [`Error::RandomnessUnavailable`]; [`Error::NotErased`] when memory does not keep what is stored in it.
    pub fn new(
        secret: &'m mut [u8],
        ordinary: &'m mut [u8],
        options: BorrowedOptions,
        mut entropy: E,
    ) -> Result<Self, Error> {
        let chunk = options.check()?;
        let _wiped = (wipe::wipe(secret, 0)?, wipe::wipe(ordinary, 0)?);
        let short = Error::OutOfMemory { needed: options.secret_bytes() as u64 };
        let (mut id, mut guard) = ([0; 8], [0; GUARD]);
        let mut first = [0; 8 + GUARD];
        entropy::draw(&mut entropy, &mut first)?;
        for (to, from) in id.iter_mut().chain(&mut guard).zip(first) {
            *to = from;
        }
        let id = u64::from_le_bytes(id);
        let (cells, rest) = secret.split_at_mut_checked(Cells::bytes(options.key_cells)).ok_or(short.clone())?;
        let window = rest.get_mut(..Window::bytes(options.chunk_size)).ok_or(short)?;
        let mut protections = Protections::CANARY;
        if wipe::scrub_registers() == wipe::Coverage::All {
            protections = protections.with(Protections::REGISTERS_SCRUBBED);
        }
        let inner = Inner {
            id,
            guard,
            chunk,
            stack: options.stack,
            protections,
            cells: RefCell::new(Cells::new(cells, options.key_cells, id, guard)?),
            window: RefCell::new(Window::new(window, guard)?),
            chunks: RefCell::new(Chunks::new(ordinary, options.chunk_size)?),
            closed: false,
        };
        Ok(Self { inner, entropy: RefCell::new(entropy) })
    }

    /// A writer for a new document under a fresh key. It takes a second key cell until it is finished.
    ///
    /// # Errors
    /// [`Error::Busy`] when all key cells are in use; [`Error::RandomnessUnavailable`].
    pub fn writer(&self, binding: Binding) -> Result<BorrowedWriter<'_, 'm>, Error> {
        let mut held = Held::new(&self.inner, binding)?;
        held.set_key(self.new_key()?);
        held.set_tail_key(self.new_key()?);
        Ok(BorrowedWriter::new(held))
    }

    /// Seals a document that is at hand as a whole. It takes one key cell.
    ///
    /// # Errors
    /// As [`BorrowedVault::writer`] and [`BorrowedWriter::write`].
    pub fn seal(&self, binding: Binding, plain: &[u8]) -> Result<BorrowedBuffer<'_, 'm>, Error> {
        let mut held = Held::new(&self.inner, binding)?;
        held.set_key(self.new_key()?);
        BorrowedWriter::new(held).finish_with(plain)
    }

    /// A place for the chunks of a document that was sealed elsewhere.
    ///
    /// # Errors
    /// [`Error::Busy`] when the vault has no number left for a document.
    pub fn incoming(&self, binding: Binding) -> Result<BorrowedIncoming<'_, 'm>, Error> {
        Ok(BorrowedIncoming::new(Held::new(&self.inner, binding)?))
    }

    fn new_key(&self) -> Result<Lease, Error> {
        let outcome = self.draw_key();
        work::scrub(self.inner.stack);
        outcome
    }

    /// A key on its way from the source to its cell lies in this frame, which is wiped.
    #[inline(never)]
    fn draw_key(&self) -> Result<Lease, Error> {
        let mut key = Passing([0; 32]);
        let busy = Error::Busy { what: "the entropy source", limit: 1 };
        entropy::draw(&mut *self.entropy.try_borrow_mut().map_err(|_| busy)?, &mut key.0)?;
        self.inner.put(&key.0, true)
    }
}

impl<E> BorrowedVault<'_, E> {
    /// The vault's random number; not secret.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// What is known to protect the vault's memory: never more than `CANARY` and `REGISTERS_SCRUBBED`.
    #[must_use]
    pub fn protections(&self) -> Protections {
        self.inner.protections
    }

    /// Bytes of plaintext in a chunk.
    #[must_use]
    pub fn chunk_size(&self) -> usize {
        self.inner.chunk.get()
    }

    /// How many keys fit into the vault at once.
    #[must_use]
    pub fn key_capacity(&self) -> usize {
        self.inner.cells.try_borrow().map_or(0, |cells| cells.capacity())
    }

    /// How many sealed chunks fit into the vault at once, of all documents together.
    #[must_use]
    pub fn chunk_capacity(&self) -> usize {
        self.inner.chunks.try_borrow().map_or(0, |chunks| chunks.capacity())
    }

    /// Destroys every key of the vault now and reads each back. Its documents answer [`Error::Erased`] from then on, and still
    /// give the evidence of their own erasure. Plaintext that a closure is looking at stays until it returns.
    pub fn erase_keys(&self) -> ErasedKeys {
        let mut done = ErasedKeys::default();
        if let Ok(mut cells) = self.inner.cells.try_borrow_mut() {
            cells.destroy_all(|outcome| {
                done.destroyed += 1;
                done.verified += u64::from(outcome.is_ok());
            });
        }
        done
    }

    /// Ends the vault: wipes both slices and reads them back. Dropping it does the same and cannot say how it went.
    ///
    /// # Errors
    /// [`Error::NotErased`]: the caller's memory still holds something.
    pub fn close(mut self) -> Result<(), Error> {
        self.inner.close()
    }
}

impl Inner<'_> {
    /// Puts a key into a cell; one that must be `fresh` is refused when it is seen to have come before.
    pub(super) fn put(&self, key: &[u8; 32], fresh: bool) -> Result<Lease, Error> {
        let begin = self.id.to_le_bytes();
        if fresh && key.iter().eq(begin.iter().chain(&self.guard).take(32)) {
            return Err(Error::RandomnessUnavailable);
        }
        let busy = Error::Busy { what: "the vault's tables", limit: 1 };
        self.cells.try_borrow_mut().map_err(|_| busy)?.fill(key, fresh)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.closed = true;
        let (cells, window) = (self.cells.get_mut().wipe(), self.window.get_mut().wipe());
        self.chunks.get_mut().wipe().and(cells).and(window)
    }
}

impl Drop for Inner<'_> {
    fn drop(&mut self) {
        if !self.closed {
            let _ = self.close();
        }
    }
}

/// A key in a frame of the caller's stack, wiped however the frame ends.
pub(super) struct Passing(pub(super) [u8; 32]);

impl Drop for Passing {
    fn drop(&mut self) {
        let _ = wipe::wipe(&mut self.0, 0);
    }
}

impl<E> fmt::Debug for BorrowedVault<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BorrowedVault").field("id", &self.inner.id).finish_non_exhaustive()
    }
}
