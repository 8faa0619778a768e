//! Wiping of the `secrecy` crate's containers. They wipe themselves when they are dropped, but do not read back.

use secrecy::{ExposeSecretMut, SecretSlice, SecretString};

use super::{Wiped, wipe, wipe_raw};
use crate::error::Error;

/// Wipes and ends a secret of bytes.
///
/// # Errors
/// [`Error::NotErased`] when a byte was not zero afterwards. The allocation is then kept for ever.
pub(crate) fn wipe_secret(mut secret: SecretSlice<u8>, tag: u128) -> Result<Wiped, Error> {
    let outcome = wipe(secret.expose_secret_mut(), tag);
    if outcome.is_err() {
        core::mem::forget(secret);
    }
    outcome
}

/// Wipes and ends a secret text. It is consumed, because what a failed wipe leaves need not be UTF-8.
///
/// # Errors
/// [`Error::NotErased`] when a byte was not zero afterwards. The allocation is then kept for ever.
pub(crate) fn wipe_secret_string(mut secret: SecretString, tag: u128) -> Result<Wiped, Error> {
    let text = secret.expose_secret_mut();
    // SAFETY: the exclusive borrow makes the range valid and nobody else's; zeros are UTF-8, and when other bytes stay, nobody
    // looks at the text again.
    let outcome = unsafe { wipe_raw(text.as_mut_ptr(), text.len(), tag) };
    if outcome.is_err() {
        core::mem::forget(secret);
    }
    outcome
}
