//! Documents made from values that hold a plaintext already: the source is taken, and wiped whatever happens.
//!
//! A source may have been copied before it came here, when it grew or was moved: those copies cannot be known, and nothing here
//! claims anything about them. A [`Writer`] that is fed piece by piece leaves none.

use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{EphemeralBuffer, Incoming, KeyCell, Vault, Writer};
use crate::error::Error;
use crate::types::Binding;
use crate::wipe::{self, Wiped};

impl Vault {
    /// Seals the contents of a vector and wipes it, its whole capacity. The [`Wiped`] says that every byte of that allocation was
    /// read back as zero; its tag is 0.
    ///
    /// Copies that were made before, when the vector grew or its contents came from elsewhere, cannot be known and are not covered.
    /// Nor was the vector's memory locked. Where the document is made piece by piece, write it to a [`Writer`] instead.
    ///
    /// ```
    /// # use shokyo::{Vault, VaultOptions, types::{Binding, SessionId}};
    /// # let vault = Vault::open(VaultOptions::new())?;
    /// # let binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
    /// let mut composed = Vec::with_capacity(64);
    /// composed.extend_from_slice(b"a document");
    /// let (document, source) = vault.seal_vec(binding, composed)?;
    /// assert_eq!((document.len(), source.bytes()), (10, 64));
    /// # Ok::<(), shokyo::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Vault::seal`]: the vector is wiped all the same. [`Error::NotErased`] when it could not be shown to be wiped: its
    /// allocation is then kept for ever, and the sealed document erased.
    pub fn seal_vec(&self, binding: Binding, plain: Vec<u8>) -> Result<(EphemeralBuffer, Wiped), Error> {
        self.seal_zeroizing(binding, Zeroizing::new(plain))
    }

    /// [`Vault::seal_vec`] for a vector that wipes itself, unverified, when it is dropped; here the wipe is verified.
    ///
    /// # Errors
    /// As [`Vault::seal_vec`].
    pub fn seal_zeroizing(
        &self,
        binding: Binding,
        mut plain: Zeroizing<Vec<u8>>,
    ) -> Result<(EphemeralBuffer, Wiped), Error> {
        let sealed = self.seal(binding, &plain);
        // What guarded it against a panic would wipe it a second time.
        let mut plain = core::mem::take(&mut *plain);
        both(sealed, wipe::wipe_vec(&mut plain, 0))
    }

    /// [`Vault::seal_vec`] for the bytes of a string.
    ///
    /// # Errors
    /// As [`Vault::seal_vec`].
    pub fn seal_string(&self, binding: Binding, plain: String) -> Result<(EphemeralBuffer, Wiped), Error> {
        self.seal_vec(binding, plain.into_bytes())
    }

    /// [`Vault::seal_vec`] for a slice in a `SecretBox`.
    ///
    /// # Errors
    /// As [`Vault::seal_vec`].
    #[cfg(feature = "secrecy")]
    pub fn seal_secret(
        &self,
        binding: Binding,
        plain: secrecy::SecretSlice<u8>,
    ) -> Result<(EphemeralBuffer, Wiped), Error> {
        let sealed = self.seal(binding, secrecy::ExposeSecret::expose_secret(&plain));
        both(sealed, wipe::wipe_secret(plain, 0))
    }

    /// [`Vault::seal_vec`] for the bytes of a `SecretString`.
    ///
    /// # Errors
    /// As [`Vault::seal_vec`].
    #[cfg(feature = "secrecy")]
    pub fn seal_secret_string(
        &self,
        binding: Binding,
        plain: secrecy::SecretString,
    ) -> Result<(EphemeralBuffer, Wiped), Error> {
        let sealed = self.seal(binding, secrecy::ExposeSecret::expose_secret(&plain).as_bytes());
        both(sealed, wipe::wipe_secret_string(plain, 0))
    }
}

/// A source that is not shown to be wiped outranks everything: then the document goes, too.
fn both(
    sealed: Result<EphemeralBuffer, Error>,
    wiped: Result<Wiped, Error>,
) -> Result<(EphemeralBuffer, Wiped), Error> {
    let wiped = wiped?;
    Ok((sealed?, wiped))
}

/// Dropping a key wipes its cell and reads it back.
impl ZeroizeOnDrop for KeyCell {}
/// Dropping a writer wipes its keys, then what it sealed.
impl ZeroizeOnDrop for Writer {}
/// Dropping a document wipes its key, then its ciphertext.
impl ZeroizeOnDrop for EphemeralBuffer {}
/// Dropping what has arrived wipes it.
impl ZeroizeOnDrop for Incoming {}
