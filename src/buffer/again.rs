//! A document's plaintext sealed a second time, under a key of its own, and a document's key without its ciphertext: what a spool needs.

use super::seal::{seal_chunk, with_key};
use super::{EphemeralBuffer, Erasure, KeyCell, RoomSize, Vault};
use crate::arena::STAYS;
use crate::error::Error;

impl EphemeralBuffer {
    /// The vault that the document is in.
    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Seals the same plaintext, with the same binding, under a fresh key. It goes through one window, chunk by chunk, in clean rooms.
    ///
    /// # Errors
    /// As [`EphemeralBuffer::read_at`]; [`Error::LockedMemoryExhausted`], [`Error::OutOfMemory`]. What was made is erased then.
    pub(crate) fn seal_again(&self) -> Result<EphemeralBuffer, Error> {
        let (inner, binding, count) = (self.vault.inner(), self.binding(), self.chunk_count());
        let mut key = self.vault.empty_key()?;
        let mut slots = Vec::new();
        let many = usize::try_from(count).map_err(|_| Error::TooLarge { what: "the document", limit: self.len() })?;
        inner.slots.take(many, &mut slots)?;
        let mut lent = self.lend(STAYS)?;
        let mut outcome = self.vault.room(RoomSize::Small, |desk| desk.ensure_document_key(&mut key));
        for (index, slot) in (0..count).zip(&mut slots) {
            if outcome.is_err() {
                break;
            }
            let body = lent.window()?.body(self.plain_length(index));
            outcome = self.vault.room(RoomSize::Small, |desk| {
                with_key(desk, self.key(), |desk, old| self.open_one(old, index, body).and(desk.check()))?;
                with_key(desk, &key, |desk, new| {
                    seal_chunk(desk, new, &binding, (index, index + 1 == count), body, slot)
                })
            });
        }
        // From here on the new document erases everything if something was wrong.
        let evidence = Erasure::new(binding.session, self.vault.protections());
        let again = EphemeralBuffer::new(&self.vault, binding, key, slots, self.len(), evidence, None);
        outcome.and(lent.close()).map(|()| again)
    }

    /// Takes the key out and erases the rest, with the evidence of that. Nothing when the key is not there any more.
    pub(crate) fn into_key(mut self) -> (Option<KeyCell>, Erasure) {
        let key = self.key.take();
        let evidence = self.erase_now();
        (key, evidence)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::types::{Binding, SessionId};
    use crate::{Vault, VaultOptions};

    #[test]
    fn a_document_sealed_again_has_the_same_plaintext_and_another_key() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let vault = Vault::open(VaultOptions::small()).unwrap();
        let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
        for length in [0, 1, 16_384, 16_385, 50_000] {
            let plain: Vec<u8> = (0..length).map(|place: u32| (place * 7 % 251) as u8).collect();
            let document = vault.seal(binding, &plain).unwrap();
            let again = document.seal_again().unwrap();
            assert!(again.ct_eq(&plain).unwrap(), "{length}");
            assert_ne!(again.key_id(), document.key_id());
            assert_ne!(again.sealed_chunk(0).unwrap(), document.sealed_chunk(0).unwrap());
            assert!(document.erase().is_verified());
            again.authenticate().unwrap();
            assert!(again.erase().is_verified());
        }
    }
}
