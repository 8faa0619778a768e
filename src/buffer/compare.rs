//! Comparing a document with bytes at hand, without letting time tell where they differ.
//!
//! Plaintext stays in the clean room: one bit comes out, and only when every chunk was looked at.

use subtle::{Choice, ConstantTimeEq};

use super::EphemeralBuffer;
use crate::arena::STAYS;
use crate::error::Error;

impl EphemeralBuffer {
    /// Whether the document's plaintext equals `other`.
    ///
    /// Every chunk is opened, checked and compared to its end, whatever the contents are: time depends on the length alone, which is
    /// not secret. Bytes of another length are unequal at once, and nothing is opened for them.
    ///
    /// ```
    /// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
    /// # let vault = Vault::open(VaultOptions::new())?;
    /// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
    /// let document = vault.seal(binding, b"a document")?;
    /// assert!(document.ct_eq(b"a document")?);
    /// assert!(!document.ct_eq(b"a d0cument")?);
    /// # Ok::<(), shokyo::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotAuthentic`], [`Error::Erased`], or as [`EphemeralBuffer::authenticate`]; nothing is known about the contents then.
    pub fn ct_eq(&self, other: &[u8]) -> Result<bool, Error> {
        if other.len() as u64 != self.len() {
            return self.key().check_live().map(|()| false);
        }
        let mut lent = self.lend(STAYS)?;
        let body = lent.window()?.body(self.plain_length(0));
        let (mut equal, mut rest) = (Choice::from(1), other);
        let outcome = self.in_batches(|desk, key, index| {
            let length = self.plain_length(index);
            let out_of_range = Error::OutOfRange { at: index, length: self.len() };
            let plain = body.get_mut(..length).ok_or(out_of_range.clone())?;
            let expected = rest.split_off(..length).ok_or(out_of_range)?;
            self.open_one(key, index, plain)?;
            desk.check()?;
            equal &= slices_are_equal(plain, expected);
            Ok(())
        });
        lent.close()?;
        outcome.map(|()| equal.into())
    }
}

/// Eight bytes at a time, because `subtle` keeps the compiler from making more than one comparison at once.
fn slices_are_equal(one: &[u8], other: &[u8]) -> Choice {
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let mut equal = one.len().ct_eq(&other.len()) & rest.ct_eq(other_rest);
    for (word, other) in words.iter().zip(other_words) {
        equal &= u64::from_ne_bytes(*word).ct_eq(&u64::from_ne_bytes(*other));
    }
    equal
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::buffer::{Erasure, RoomSize};
    use crate::types::{Binding, SessionId};
    use crate::{Vault, VaultOptions};

    const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };

    #[test]
    fn slices_are_equal_only_when_every_byte_is() {
        for length in 0..40 {
            let one: std::vec::Vec<u8> = (0..length).collect();
            assert!(bool::from(slices_are_equal(&one, &one)));
            for place in 0..one.len() {
                let mut other = one.clone();
                other[place] ^= 0x80;
                assert!(!bool::from(slices_are_equal(&one, &other)), "{place} of {length}");
            }
            assert!(!bool::from(slices_are_equal(&one, &[&one[..], &[0]].concat())));
        }
    }

    /// Were the comparison to stop at the first difference, it would not come to the chunk that was altered.
    #[test]
    fn a_comparison_does_not_stop_at_the_first_difference() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let vault = Vault::open(VaultOptions { chunk_size: 256, ..VaultOptions::new() }).unwrap();
        let plain = [7; 256 * 130];
        let buffer = vault.seal(BINDING, &plain).unwrap();
        let mut key = vault.empty_key().unwrap();
        vault
            .room(RoomSize::Small, |desk| {
                let mut secret = [0; 32];
                desk.load(buffer.key(), &mut secret)?;
                desk.store(&mut key, &secret)
            })
            .unwrap();
        let mut slots = std::vec::Vec::new();
        vault.inner().slots.take(130, &mut slots).unwrap();
        for (index, slot) in slots.iter_mut().enumerate() {
            slot.bytes_mut(272).copy_from_slice(buffer.sealed_chunk(index as u64).unwrap());
        }
        slots[129].bytes_mut(272)[0] ^= 1;
        let evidence = Erasure::new(BINDING.session, vault.protections());
        let altered = EphemeralBuffer::new(&vault, BINDING, key, slots, plain.len() as u64, evidence, None);

        let mut other = plain;
        other[0] = 8;
        assert_eq!(buffer.ct_eq(&other), Ok(false));
        assert_eq!(altered.ct_eq(&other), Err(Error::NotAuthentic));
        assert_eq!(altered.ct_eq(&other[1..]), Ok(false), "another length opens nothing");
        assert_eq!(
            altered.with_whole(|_| panic!("plaintext of which a part is not authentic")),
            Err(Error::NotAuthentic)
        );
    }
}
