//! The vault: owner of the locked memory, giver of keys, windows and rooms.

use core::fmt;
use std::sync::Arc;

use super::desk::Loaded;
use super::{Desk, EphemeralBuffer, Incoming, KeyCell, RoomSize, VaultOptions, Writer, stack_use};
use crate::aead::TAG_LENGTH;
use crate::arena::{self, AHEAD, Arena, Cells, Destroyed, Policy, Registered, Rooms, Slots, Wholes, Windows};
use crate::error::Error;
use crate::platform::{self, ProcessMark};
use crate::types::{Binding, Protections};
use crate::wipe;

/// Locked memory for keys and windows, and the clean rooms in which they are used.
///
/// Clones are the same vault. The memory goes back to the operating system when the last clone, key, writer and buffer of it is
/// gone; pages that could not be shown to be erased never do.
///
/// ```
/// use shokyo::types::{Binding, Protections, SessionId};
/// use shokyo::{Vault, VaultOptions};
///
/// let vault = Vault::open(VaultOptions::new())?; // strict: an error, rather than weaker protection
/// assert!(vault.protections().contains(Protections::LOCKED.with(Protections::NO_DUMP)));
/// let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
/// let document = vault.seal(binding, b"a document")?;
/// assert!(document.erase().is_verified());
/// # Ok::<(), shokyo::Error>(())
/// ```
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

pub(super) struct Inner {
    id: u64,
    pub(super) options: VaultOptions,
    /// What protects operations rather than memory, and holds as long as the vault.
    always: Protections,
    arena: Registered,
}

impl core::ops::Deref for Inner {
    type Target = Arena;

    fn deref(&self) -> &Arena {
        &self.arena
    }
}

/// What [`Vault::erase_all`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EraseAll {
    /// Keys that were live and are destroyed.
    pub destroyed: u64,
    /// How many of them were read back as zero.
    pub verified: u64,
    /// How many could not be shown to be erased; their cells are quarantined when their handles end.
    pub failed: u64,
    /// Rooms and windows that were still in use when waiting ended: their copies are wiped when they are left.
    pub in_flight: u64,
}

impl EraseAll {
    pub(super) fn of(done: Destroyed, in_flight: u64) -> Self {
        Self {
            destroyed: done.destroyed,
            verified: done.destroyed.saturating_sub(done.failed),
            failed: done.failed,
            in_flight: in_flight + done.filling,
        }
    }
}

/// Bytes of stack in each kind of room.
#[derive(Clone, Copy)]
pub(super) struct RoomSizes {
    pub(super) small: usize,
    pub(super) agreement: usize,
}

impl Vault {
    /// Maps, locks and protects the memory, and tests that the rooms are large enough for this build and processor.
    ///
    /// # Errors
    /// In strict mode [`Error::LockedMemoryExhausted`] and [`Error::ProtectionUnavailable`]; always [`Error::RoomTooSmall`] for
    /// a room size below what is needed, [`Error::OutOfMemory`], [`Error::RandomnessUnavailable`], and
    /// [`Error::Configuration`] for impossible options.
    pub fn open(options: VaultOptions) -> Result<Self, Error> {
        options.check()?;
        let needed = RoomSizes {
            small: stack_use::small()?,
            agreement: if options.agreement { stack_use::agreement()? } else { 0 },
        };
        let choose = |asked: usize, needed: usize| match asked {
            0 => Ok(needed),
            asked if asked < needed => Err(Error::RoomTooSmall { needed: needed as u64, available: asked as u64 }),
            asked => Ok(asked),
        };
        let sizes = RoomSizes {
            small: choose(options.room_size, needed.small)?,
            agreement: choose(options.agreement_room_size, needed.agreement)?,
        };
        let strict = options.strict();
        Self::build(options, sizes, strict, true)
    }

    pub(super) fn build(options: VaultOptions, sizes: RoomSizes, strict: bool, lock: bool) -> Result<Self, Error> {
        let page = platform::page_size();
        let pages = |bytes: usize| bytes.next_multiple_of(page) as u64;
        let large = if options.agreement { options.agreement_rooms } else { 0 };
        let ahead = options.windows * AHEAD;
        let total = pages(Cells::bytes(options.key_cells, ahead))
            + options.windows as u64 * pages(options.chunk_size)
            + options.small_rooms() as u64 * pages(sizes.small)
            + large as u64 * pages(sizes.agreement);
        let (owner, alternate) = (ProcessMark::of_this_process()?, options.scrub_alternate_stack);
        let policy = Policy { strict, locked: lock, secret: options.secret(), total, owner, alternate };

        let mut id = [0; 8];
        platform::random(&mut id)?;
        let id = u64::from_ne_bytes(id);
        let cells = Cells::new(options.key_cells, options.max_key_cells, ahead, id, policy)?;
        let beside = cells.other().ok_or(Error::OutOfMemory { needed: ahead as u64 })?;
        let windows = Windows::new(options.windows, options.chunk_size, id, beside, policy)?;
        let wholes = Wholes::new(options.max_whole, policy)?;
        let small = Rooms::new(options.small_rooms(), sizes.small, policy)?;
        let agreement = match large {
            0 => None,
            count => Some(Rooms::new(count, sizes.agreement, policy)?),
        };
        let slots = Slots::new(options.chunk_size + TAG_LENGTH, policy);
        slots.prepare()?;

        let arena = Registered::new(Arena { cells, windows, wholes, small, agreement, slots, policy });
        let mut always = Protections::CANARY.with(Protections::CLEAN_ROOM);
        if wipe::scrub_registers() == wipe::Coverage::All {
            always = always.with(Protections::REGISTERS_SCRUBBED);
        }
        Ok(Self(Arc::new(Inner { id, options, always, arena })))
    }

    /// The vault's random number; not secret.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The protections that are really active on all locked memory of the vault.
    #[must_use]
    pub fn protections(&self) -> Protections {
        let protections = self.0.achieved().with(self.0.always);
        let covered = self.0.options.scrub_alternate_stack && arena::alternate_stacks_are_covered();
        if covered { protections.with(Protections::ALTSTACK_COVERED) } else { protections }
    }

    /// Bytes of plaintext in a chunk.
    #[must_use]
    pub fn chunk_size(&self) -> usize {
        self.0.options.chunk_size
    }

    /// How many keys fit into the vault's locked memory as it is now; it grows up to
    /// [`max_key_cells`](VaultOptions::max_key_cells). A document needs one, and a second while it is being written in pieces.
    #[must_use]
    pub fn key_capacity(&self) -> usize {
        self.0.cells.capacity()
    }

    /// A writer for a new document under a fresh key.
    ///
    /// # Errors
    /// [`Error::LockedMemoryExhausted`] when all key cells are in use; [`Error::RandomnessUnavailable`]; [`Error::Busy`].
    pub fn writer(&self, binding: Binding) -> Result<Writer, Error> {
        Writer::new(self, binding)
    }

    /// Seals a document that is at hand as a whole: [`Vault::writer`] and [`Writer::finish_with`].
    ///
    /// # Errors
    /// As these two.
    pub fn seal(&self, binding: Binding, plain: &[u8]) -> Result<EphemeralBuffer, Error> {
        self.writer(binding)?.finish_with(plain)
    }

    /// A place for the chunks of a document that was sealed elsewhere.
    ///
    /// # Errors
    /// None at present; the signature leaves room for limits.
    pub fn incoming(&self, binding: Binding) -> Result<Incoming, Error> {
        Ok(Incoming::new(self, binding))
    }

    /// A fresh key: 32 random bytes from the operating system, drawn inside a clean room.
    ///
    /// # Errors
    /// [`Error::LockedMemoryExhausted`], [`Error::RandomnessUnavailable`], [`Error::Busy`].
    pub fn new_key(&self) -> Result<KeyCell, Error> {
        let mut cell = self.empty_key()?;
        self.room(RoomSize::Small, |desk| {
            let mut key = [0; 32];
            desk.new_key(&mut cell, &mut key)
        })?;
        Ok(cell)
    }

    /// An empty cell for a secret that work in a room will [store](Desk::store).
    ///
    /// # Errors
    /// [`Error::LockedMemoryExhausted`] when all key cells are in use.
    pub(crate) fn empty_key(&self) -> Result<KeyCell, Error> {
        KeyCell::lease_from(self)
    }

    /// Destroys every key of the vault now, then waits for operations in flight, at most
    /// [`patience`](VaultOptions::patience) for each kind. Every document and key handle of the vault answers
    /// [`Error::Erased`] from then on; new ones can be made. Plaintext that a closure is looking at stays until it returns.
    ///
    /// ```
    /// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
    /// # let vault = Vault::open(VaultOptions::new())?;
    /// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
    /// let documents = [vault.seal(binding, b"one")?, vault.seal(binding, b"two")?];
    /// let done = vault.erase_all();
    /// assert_eq!((done.destroyed, done.verified, done.failed, done.in_flight), (2, 2, 0, 0));
    /// assert_eq!(documents[0].read_at(0, |_| ()), Err(shokyo::Error::Erased));
    /// # Ok::<(), shokyo::Error>(())
    /// ```
    pub fn erase_all(&self) -> EraseAll {
        if !self.0.owner().is_here() {
            return EraseAll::of(Destroyed::default(), 0);
        }
        let done = self.0.cells.destroy_all();
        let patience = self.0.options.patience;
        let in_flight = self.0.small.wait_idle(patience)
            + self.0.agreement.as_ref().map_or(0, |rooms| rooms.wait_idle(patience))
            + self.0.windows.wait_idle(patience);
        EraseAll::of(done, in_flight as u64)
    }

    /// Destroys every key of the vault now, without a lock and without waiting: the part of [`Vault::erase_all`] that is safe in
    /// a signal handler.
    pub fn erase_now(&self) -> EraseAll {
        let done = self.0.cells.destroy_all();
        EraseAll::of(done, self.0.in_flight())
    }

    /// Runs `work` in a clean room, on a locked stack that is wiped and read back afterwards, registers too.
    ///
    /// `work` is moved over the caller's stack: it may capture references, and results through them, but no secret by value. A
    /// panic goes on unwinding once the room is clean.
    ///
    /// # Errors
    /// What `work` gave. [`Error::Erased`] when a key that it loaded was destroyed meanwhile: its results are void.
    /// [`Error::NotErased`] when the room could not be cleaned. [`Error::Busy`] when no room became free in time.
    /// [`Error::Unsupported`] for an agreement room in a vault without one.
    pub(crate) fn room(
        &self,
        size: RoomSize,
        work: impl FnOnce(&mut Desk<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let rooms = match size {
            RoomSize::Small => &self.0.small,
            RoomSize::Agreement => self
                .0
                .agreement
                .as_ref()
                .ok_or(Error::Unsupported { what: "key agreement in a vault opened without it" })?,
        };
        let mut loaded = Loaded::default();
        rooms.run(self.0.options.patience, || work(&mut Desk::new(&mut loaded)))?;
        loaded.check()
    }

    /// The most stack that work has used in each kind of room, in bytes.
    pub(super) fn high_water(&self) -> RoomSizes {
        RoomSizes {
            small: self.0.small.high_water(),
            agreement: self.0.agreement.as_ref().map_or(0, Rooms::high_water),
        }
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(super) fn shared(&self) -> &Arc<Inner> {
        &self.0
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("id", &self.0.id)
            .field("protections", &self.protections())
            .finish_non_exhaustive()
    }
}
