//! A handle to one key in locked memory.

use core::fmt;

use super::Vault;
use crate::arena::CellLease;
use crate::error::Error;
use crate::types::KeyId;
use crate::wipe::Wiped;

/// One 32-byte key in a cell of a vault's locked memory. The handle never shows it.
///
/// Dropping the handle wipes the key; [`KeyCell::erase`] does the same and gives the evidence.
///
/// ```
/// # use shokyo::{Vault, VaultOptions};
/// # let vault = Vault::open(VaultOptions::new())?;
/// let key = vault.new_key()?;
/// let id = key.id();
/// let wiped = key.erase()?;
/// assert_eq!((wiped.tag(), wiped.bytes()), (id.to_tag(), 32));
/// # Ok::<(), shokyo::Error>(())
/// ```
pub struct KeyCell {
    vault: Vault,
    lease: CellLease,
    returned: bool,
}

impl KeyCell {
    pub(super) fn lease_from(vault: &Vault) -> Result<Self, Error> {
        let lease = vault.inner().cells.lease()?;
        Ok(Self { vault: vault.clone(), lease, returned: false })
    }

    /// Which key this is: vault, cell and generation. Not secret.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.lease.id()
    }

    /// Whether the key is still there: filled, and not destroyed by anyone.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.vault.inner().cells.is_live(&self.lease)
    }

    /// Destroys the key, reads its cell back, and returns the cell. The evidence's tag is [`KeyId::to_tag`] of [`KeyCell::id`].
    ///
    /// A key that [`Vault::erase_all`] destroyed before is wiped and read back again.
    ///
    /// # Errors
    /// [`Error::NotErased`]; the cell is then never used again.
    pub fn erase(mut self) -> Result<Wiped, Error> {
        self.returned = true;
        self.vault.inner().cells.give_back(&self.lease)
    }

    pub(super) fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(super) fn lease(&self) -> &CellLease {
        &self.lease
    }

    pub(super) fn fill(&mut self, key: &[u8; 32]) -> Result<(), Error> {
        self.vault.inner().cells.fill(&mut self.lease, key)
    }
}

impl Drop for KeyCell {
    fn drop(&mut self) {
        if !self.returned {
            let _ = self.vault.inner().cells.give_back(&self.lease);
        }
    }
}

impl fmt::Debug for KeyCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCell").field("id", &self.id()).finish_non_exhaustive()
    }
}
