//! Copies of a document that its readers made outside of the library's memory and said so: spool files, rendered pages. While one
//! of them lives, no erasure of the document is told as verified.
//!
//! This module must never take a copy's word for its own erasure: a copy leaves the list by the evidence of a wipe, and by nothing
//! else. One that is dropped, leaked or forgotten stays in it.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{CopyClass, EphemeralBuffer, Erasure};
use crate::error::Error;
use crate::types::{Protections, SessionId};
use crate::wipe::Wiped;

/// A copy that exists, registered with the document that it was made from. Give it back with [`RegisteredCopy::erased`].
///
/// Dropping it gives nothing back: the document's evidence then says that a copy was not erased, and no receipt of an erasure
/// is made from it.
#[must_use = "a copy that is not given back erased keeps its document from being receipted as erased"]
pub struct RegisteredCopy {
    class: CopyClass,
    copies: Arc<Mutex<Copies>>,
}

impl RegisteredCopy {
    /// The copy's class.
    #[must_use]
    pub const fn class(&self) -> CopyClass {
        self.class
    }

    /// Gives the copy back with the outcome of its wipe. A wipe that failed is counted as failed.
    ///
    /// # Errors
    /// [`Error::WrongState`] when the document was erased before this copy: its evidence already says that one was left.
    pub fn erased(self, outcome: Result<Wiped, Error>) -> Result<(), Error> {
        let class = self.class;
        self.give_back(|evidence| evidence.record(class, outcome))
    }

    /// Gives back a copy that was a sealed document of its own, with the evidence of its erasure: its key, ciphertext and windows count
    /// in the copy's class. Evidence of nothing, or of another session, counts as failed.
    ///
    /// # Errors
    /// As [`RegisteredCopy::erased`].
    pub fn erased_as(self, copy: Erasure) -> Result<(), Error> {
        let class = self.class;
        self.give_back(|evidence| evidence.record_all(class, copy))
    }

    /// Gives back a copy that was to be made and was not.
    #[cfg(target_os = "linux")]
    pub(crate) fn never_made(self) -> Result<(), Error> {
        self.give_back(|_| ())
    }

    fn give_back(self, record: impl FnOnce(&mut Erasure)) -> Result<(), Error> {
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        if copies.told {
            return Err(Error::WrongState { command: "giving back a copy after its document was erased" });
        }
        if let Some(living) = copies.living.get_mut(self.class as usize - 1) {
            *living = living.saturating_sub(1);
        }
        record(&mut copies.evidence);
        Ok(())
    }
}

impl fmt::Debug for RegisteredCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredCopy").field("class", &self.class).finish_non_exhaustive()
    }
}

impl EphemeralBuffer {
    /// Registers a copy that the caller is about to make of the plaintext, or of something made from it.
    ///
    /// Until it is given back with the evidence of its wipe, [`EphemeralBuffer::erase`] gives evidence that is not verified: a receipt
    /// made from it says `not-erased`, and a handover does not release the key.
    ///
    /// ```
    /// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
    /// # let vault = Vault::open(VaultOptions::new())?;
    /// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
    /// use shokyo::{buffer::CopyClass, wipe::wipe_vec};
    ///
    /// let document = vault.seal(binding, b"a document")?;
    /// let registered = document.register_copy(CopyClass::Spool)?;
    /// let mut spool = document.read_at(0, <[u8]>::to_vec)?;
    /// // … the printer took it …
    /// registered.erased(wipe_vec(&mut spool, 0))?;
    /// assert!(document.erase().is_verified());
    ///
    /// let document = vault.seal(binding, b"a document")?;
    /// let _printed = document.register_copy(CopyClass::Spool)?;
    /// assert!(!document.erase().is_verified());
    /// # Ok::<(), shokyo::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::WrongState`] for the classes of keys, which no reader can copy; [`Error::ForkedChild`].
    pub fn register_copy(&self, class: CopyClass) -> Result<RegisteredCopy, Error> {
        self.vault.inner().owner().check()?;
        if matches!(class, CopyClass::Key | CopyClass::WrappedKey) {
            return Err(Error::WrongState { command: "registering a copy of a key" });
        }
        let copies = self.copies.get_or_init(|| Arc::new(Mutex::new(Copies::new(self.binding().session))));
        if let Some(living) = copies.lock().unwrap_or_else(PoisonError::into_inner).living.get_mut(class as usize - 1) {
            *living = living.saturating_add(1);
        }
        Ok(RegisteredCopy { class, copies: copies.clone() })
    }

    /// How many registered copies were not given back erased.
    #[must_use]
    pub fn living_copies(&self) -> u64 {
        let count = |copies: &Arc<Mutex<Copies>>| {
            copies.lock().unwrap_or_else(PoisonError::into_inner).living.iter().copied().map(u64::from).sum()
        };
        self.copies.get().map_or(0, count)
    }
}

/// The copies of one document.
pub(super) struct Copies {
    living: [u32; CopyClass::ALL.len()],
    evidence: Erasure,
    /// The document is erased, and what was left is in its evidence.
    told: bool,
}

impl Copies {
    fn new(session: SessionId) -> Self {
        // Copies stand in memory and files of the caller's; what protects them says nothing about the document's.
        let evidence = Erasure::new(session, Protections::from_bits(u32::MAX));
        Self { living: [0; CopyClass::ALL.len()], evidence, told: false }
    }

    /// Adds what became of the copies to the document's evidence: those that live count as failed.
    pub(super) fn tell(copies: &Mutex<Self>, evidence: &mut Erasure) {
        let mut copies = copies.lock().unwrap_or_else(PoisonError::into_inner);
        copies.told = true;
        let session = copies.evidence.session();
        let given_back = core::mem::replace(&mut copies.evidence, Erasure::new(session, Protections::none()));
        // Of the same session by construction, so that nothing is counted as failed that was not.
        let _ = evidence.absorb(given_back);
        for (class, living) in CopyClass::ALL.into_iter().zip(copies.living) {
            for _ in 0..living {
                evidence.record(class, Err(Error::NotErased { bytes: 0 }));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::buffer::{Vault, VaultOptions};
    use crate::types::Binding;
    use crate::wipe::wipe;

    fn document() -> EphemeralBuffer {
        let vault = Vault::open(VaultOptions::new()).unwrap();
        vault.seal(Binding { session: SessionId([1; 32]), context: [2; 32] }, b"a document").unwrap()
    }

    #[test]
    fn a_document_is_not_erased_while_a_registered_copy_lives() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let document = document();
        let (protections, mut pages) = (document.vault.protections(), [7u8; 300]);
        let page = document.register_copy(CopyClass::Derivative).unwrap();
        let spool = document.register_copy(CopyClass::Spool).unwrap();
        assert_eq!(document.living_copies(), 2);
        page.erased(wipe(&mut pages, 0)).unwrap();
        assert_eq!(document.living_copies(), 1);
        let evidence = document.erase();
        let count = |class| evidence.copies().find(|copy| copy.class == class).map(|copy| (copy.verified, copy.failed));
        assert_eq!(count(CopyClass::Derivative), Some((1, 0)));
        assert_eq!(count(CopyClass::Spool), Some((0, 1)));
        assert_eq!(count(CopyClass::Key), Some((1, 0)), "the key is destroyed all the same");
        assert!(!evidence.is_verified());
        assert_eq!(evidence.protections(), protections);
        let late = spool.erased(wipe(&mut pages, 0));
        assert!(matches!(late, Err(Error::WrongState { .. })), "too late to be told");
    }

    #[test]
    fn a_copy_that_is_dropped_or_could_not_be_wiped_stays_in_the_evidence() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        for outcome in [None, Some(Err(Error::NotErased { bytes: 9 }))] {
            let document = document();
            let copy = document.register_copy(CopyClass::Spool).unwrap();
            match outcome {
                Some(outcome) => copy.erased(outcome).unwrap(),
                None => drop(copy),
            }
            assert!(!document.erase().is_verified());
        }
        assert!(document().erase().is_verified(), "the control: no copy");
    }

    #[test]
    fn a_copy_that_was_a_document_of_its_own_is_given_back_by_its_own_evidence() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        for (session, verified) in [(1, true), (7, false)] {
            let document = document();
            let copy = document.register_copy(CopyClass::Derivative).unwrap();
            let binding = Binding { session: SessionId([session; 32]), context: [2; 32] };
            let pages = document.vault.seal(binding, b"a page").unwrap();
            copy.erased_as(pages.erase()).unwrap();
            let evidence = document.erase();
            assert_eq!(evidence.is_verified(), verified, "another session's evidence counts as failed");
            let count = evidence.copies().find(|copy| copy.class == CopyClass::Derivative).unwrap();
            assert_eq!((count.verified > 0, count.failed > 0), (verified, !verified));
        }
        let document = document();
        let copy = document.register_copy(CopyClass::Derivative).unwrap();
        copy.erased_as(Erasure::new(SessionId([1; 32]), Protections::none())).unwrap();
        assert!(!document.erase().is_verified(), "evidence of nothing is none");
    }

    #[test]
    fn nobody_registers_a_copy_of_a_key() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let document = document();
        for class in [CopyClass::Key, CopyClass::WrappedKey] {
            assert!(matches!(document.register_copy(class), Err(Error::WrongState { .. })));
        }
        assert!(document.erase().is_verified());
    }
}
