//! A handle to one key in locked memory.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use super::Vault;
use super::custodian::Deadline;
use crate::arena::CellLease;
use crate::error::Error;
use crate::platform::boot_time;
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
    /// When the key is destroyed, in nanoseconds of boot time; 0 for never.
    deadline: AtomicU64,
}

impl KeyCell {
    pub(super) fn lease_from(vault: &Vault) -> Result<Self, Error> {
        let lease = vault.inner().cells.lease()?;
        let key = Self { vault: vault.clone(), lease, returned: false, deadline: AtomicU64::new(0) };
        if let Some(lifetime) = vault.inner().options.lifetime {
            key.expire_after(lifetime)?;
        }
        Ok(key)
    }

    /// Which key this is: vault, cell and generation. Not secret.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.lease.id()
    }

    /// Whether the key is still there: filled, and not destroyed by anyone.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.check_live().is_ok()
    }

    /// Destroys the key `lifetime` from now at the latest, on a clock that counts the time that the machine was suspended: by a
    /// thread of the library's own, whatever the owner is doing. Everything that needs the key answers [`Error::Expired`] from
    /// then on. A deadline can be moved earlier, never later.
    ///
    /// # Errors
    /// [`Error::System`] when the process can have no thread or timer for it, [`Error::ForkedChild`]; nothing changed then.
    pub fn expire_after(&self, lifetime: Duration) -> Result<(), Error> {
        self.vault.inner().owner().check()?;
        let nanoseconds = boot_time()?.saturating_add(lifetime).as_nanos().clamp(1, u128::from(u64::MAX));
        let at = u64::try_from(nanoseconds).unwrap_or(u64::MAX);
        let Some(deadline) = self.deadline_at(at) else { return Ok(()) };
        deadline.set(self.vault.shared())?;
        let earlier = |now: u64| (now == 0 || at < now).then_some(at);
        match self.deadline.fetch_update(Ordering::AcqRel, Ordering::Acquire, earlier) {
            Ok(before) => self.deadline_at(before).iter().for_each(Deadline::cancel),
            // There is an earlier one, or this very one.
            Err(now) if now != at => deadline.cancel(),
            Err(_) => {}
        }
        Ok(())
    }

    fn deadline_at(&self, nanoseconds: u64) -> Option<Deadline> {
        (nanoseconds != 0).then(|| Deadline::new(Duration::from_nanos(nanoseconds), self.id()))
    }

    /// Destroys the key if its time is over. Keeps the promise also where the thread that does it does not get to run.
    pub(super) fn expire_if_due(&self) {
        let deadline = self.deadline_at(self.deadline.load(Ordering::Acquire));
        if deadline.is_some_and(|deadline| deadline.has_passed()) {
            // The handle's end wipes and reads back again, for its evidence.
            let _ = self.vault.inner().cells.expire(self.id());
        }
    }

    /// # Errors
    /// [`Error::Erased`], or [`Error::Expired`], when the key is not there.
    pub(super) fn check_live(&self) -> Result<(), Error> {
        self.expire_if_due();
        self.vault.inner().cells.check_live(&self.lease)
    }

    /// Destroys the key, reads its cell back, and returns the cell. The evidence's tag is [`KeyId::to_tag`] of [`KeyCell::id`].
    ///
    /// A key that [`Vault::erase_all`] destroyed before is wiped and read back again.
    ///
    /// # Errors
    /// [`Error::NotErased`]; the cell is then never used again.
    pub fn erase(mut self) -> Result<Wiped, Error> {
        self.end()
    }

    fn end(&mut self) -> Result<Wiped, Error> {
        self.returned = true;
        let outcome = self.vault.inner().cells.give_back(&self.lease);
        self.deadline_at(self.deadline.load(Ordering::Acquire)).iter().for_each(Deadline::cancel);
        outcome
    }

    /// Whether no key was drawn for it yet.
    pub(super) fn is_empty(&self) -> bool {
        self.vault.inner().cells.is_empty(&self.lease)
    }

    pub(super) fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(super) fn lease(&self) -> &CellLease {
        &self.lease
    }

    pub(super) fn fill(&mut self, key: &[u8; 32]) -> Result<(), Error> {
        self.vault.inner().cells.fill(&mut self.lease, key)?;
        // The custodian passes a cell by that is being filled.
        self.check_live()
    }
}

impl Drop for KeyCell {
    fn drop(&mut self) {
        if !self.returned {
            let _ = self.end();
        }
    }
}

impl fmt::Debug for KeyCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCell").field("id", &self.id()).finish_non_exhaustive()
    }
}
