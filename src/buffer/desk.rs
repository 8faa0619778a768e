//! The safe view inside a clean room: keys come to the desk, are used there, and are gone when the room is left.
//!
//! Work at the desk must be leaf code: it must not call back into a vault, take locks that others hold for long, log, or panic.
//! Secrets must live in its local variables, never in captures by value, and must not be put on the heap.

use super::{KeyCell, Vault};
use crate::arena::Reading;
use crate::error::Error;
use crate::platform;

/// How many different keys one stay in a room can use.
const KEYS: usize = 8;

/// Which room an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoomSize {
    /// Enough for AES-256-GCM and HMAC-SHA-256.
    Small,
    /// Enough for key agreement (X-Wing) and signatures (Ed25519); only in vaults opened with
    /// [`agreement`](super::VaultOptions::agreement).
    Agreement,
}

/// What a room's work can do with keys.
pub(crate) struct Desk<'d> {
    loaded: &'d mut Loaded,
}

/// Which keys were used, to be checked again when the room is left. Outlives the room, holds no secrets.
#[derive(Default)]
pub(super) struct Loaded {
    keys: [Option<(Vault, Reading)>; KEYS],
}

impl<'d> Desk<'d> {
    pub(super) fn new(loaded: &'d mut Loaded) -> Self {
        Self { loaded }
    }

    /// Copies a key to the desk. Whatever is made with it is void unless the room's call ends with `Ok`.
    ///
    /// # Errors
    /// [`Error::Erased`], [`Error::Expired`] when the key is not there; [`Error::Busy`] beyond eight keys in one stay.
    pub(crate) fn load(&mut self, cell: &KeyCell, out: &mut [u8; 32]) -> Result<(), Error> {
        let free = self.loaded.keys.iter_mut().find(|key| key.is_none());
        let free = free.ok_or(Error::Busy { what: "keys in one clean room", limit: KEYS as u64 })?;
        cell.expire_if_due();
        let reading = cell.vault().inner().cells.copy(cell.lease(), out)?;
        *free = Some((cell.vault().clone(), reading));
        Ok(())
    }

    /// Puts a secret into an empty cell (from [`Vault::empty_key`]).
    ///
    /// # Errors
    /// [`Error::Erased`] when the cell is not empty any more.
    pub(crate) fn store(&mut self, cell: &mut KeyCell, secret: &[u8; 32]) -> Result<(), Error> {
        cell.fill(secret)
    }

    /// Fills `out` with random bytes of the operating system.
    ///
    /// # Errors
    /// [`Error::RandomnessUnavailable`].
    pub(crate) fn random(&mut self, out: &mut [u8]) -> Result<(), Error> {
        #[cfg(shokyo_faults)]
        if crate::faults::draw_known(out) {
            return Ok(());
        }
        platform::random(out)
    }

    /// A fresh random key in an empty cell, and on the desk.
    pub(super) fn new_key(&mut self, cell: &mut KeyCell, out: &mut [u8; 32]) -> Result<(), Error> {
        self.random(out)?;
        self.store(cell, out)
    }

    /// Draws a key for a cell that has none yet.
    #[inline(never)]
    pub(super) fn ensure_key(&mut self, cell: &mut KeyCell) -> Result<(), Error> {
        if cell.is_empty() { self.new_key(cell, &mut [0; 32]) } else { Ok(()) }
    }

    /// Draws a document's key for a cell that has none yet.
    #[inline(never)]
    pub(super) fn ensure_document_key(&mut self, cell: &mut KeyCell) -> Result<(), Error> {
        if cell.is_empty() { self.new_document_key(cell, &mut [0; 32]) } else { Ok(()) }
    }

    /// Like [`Desk::new_key`], for a document.
    pub(super) fn new_document_key(&mut self, cell: &mut KeyCell, out: &mut [u8; 32]) -> Result<(), Error> {
        #[cfg(shokyo_faults)]
        if crate::faults::active(crate::faults::Fault::KnownKey) {
            *out = crate::faults::known_key();
            return self.store(cell, out);
        }
        self.new_key(cell, out)
    }

    /// Whether every key that was loaded is still in its cell.
    ///
    /// # Errors
    /// [`Error::Erased`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.loaded.check()
    }
}

impl Loaded {
    pub(super) fn check(&self) -> Result<(), Error> {
        self.keys.iter().flatten().try_for_each(|(vault, reading)| vault.inner().cells.check(*reading))
    }
}
