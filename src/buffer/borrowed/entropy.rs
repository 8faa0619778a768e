//! Where keys come from when there is no operating system to ask. What is not random can sometimes be seen; whether something is
//! random cannot.

use crate::error::Error;

/// A source of random bytes that the caller gives.
///
/// **Its quality decides everything.** Document keys are what it gives, and nonces are counted: a key that comes twice gives the
/// plaintext of both documents away (SP 800-38D, section 8). It must be a hardware generator that is conditioned and tested (SP
/// 800-90B), or a generator seeded by one (SP 800-90A), never a counter, a clock or a device number. The vault refuses only what
/// is plainly broken: bytes that are all the same, the very first draw again, a key that another document has at that moment.
///
/// Every closure `FnMut(&mut [u8]) -> Result<(), Error>` is one. What passes through it lies on its stack and in its registers;
/// the vault scrubs below its own frame afterwards, and what the source keeps is the source's.
pub trait Entropy {
    /// Fills `out` with random bytes, all of it.
    ///
    /// # Errors
    /// Any error: nothing is then sealed, and the vault's caller gets [`Error::RandomnessUnavailable`].
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error>;
}

impl<F: FnMut(&mut [u8]) -> Result<(), Error>> Entropy for F {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self(out)
    }
}

/// Draws bytes and refuses those that are all the same, as a generator gives that is not switched on.
pub(super) fn draw<E: Entropy>(entropy: &mut E, out: &mut [u8]) -> Result<(), Error> {
    entropy.fill(out).map_err(|_| Error::RandomnessUnavailable)?;
    let first = out.first().copied().unwrap_or(0);
    // Every byte is looked at, so that the time tells nothing about a good key.
    let differing = out.iter().fold(0, |all, byte| all | (byte ^ first));
    if differing == 0 { Err(Error::RandomnessUnavailable) } else { Ok(()) }
}
