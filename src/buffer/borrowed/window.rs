//! The one window in the caller's memory: the only place of plaintext. It is lent for one call, and wiped and read back at its
//! end, however it ends.

use core::cell::{RefCell, RefMut};

use super::cells::GUARD;
use crate::buffer::{CopyClass, Erasure};
use crate::error::Error;
use crate::wipe::{self, Wiped};

pub(super) struct Window<'m> {
    guard: [u8; GUARD],
    before: &'m mut [u8],
    body: &'m mut [u8],
    after: &'m mut [u8],
    /// Its erasure could not be verified once: it is never lent again.
    quarantined: bool,
}

/// A window that is lent, counted in the evidence when it comes back.
pub(super) struct Lent<'v, 'm> {
    window: Option<RefMut<'v, Window<'m>>>,
    evidence: &'v RefCell<Erasure>,
    tag: u128,
}

impl<'m> Window<'m> {
    /// Bytes that a window for chunks of `chunk` bytes takes.
    pub(super) const fn bytes(chunk: usize) -> usize {
        chunk.saturating_add(2 * GUARD)
    }

    /// A window in `memory`, which has [`Window::bytes`] bytes.
    pub(super) fn new(memory: &'m mut [u8], guard: [u8; GUARD]) -> Result<Self, Error> {
        let short = Error::OutOfMemory { needed: Self::bytes(0) as u64 };
        let (before, rest) = memory.split_at_mut_checked(GUARD).ok_or(short.clone())?;
        let end = rest.len().checked_sub(GUARD).ok_or(short.clone())?;
        let (body, after) = rest.split_at_mut_checked(end).ok_or(short)?;
        before.copy_from_slice(&guard);
        after.copy_from_slice(&guard);
        Ok(Self { guard, before, body, after, quarantined: false })
    }

    /// Wipes everything, guards too.
    pub(super) fn wipe(&mut self) -> Result<(), Error> {
        let body = wipe::wipe(self.body, 0).map(drop);
        let before = wipe::wipe(self.before, 0).map(drop);
        wipe::wipe(self.after, 0).map(drop).and(before).and(body)
    }

    fn close(&mut self, tag: u128) -> Result<Wiped, Error> {
        let outcome = wipe::wipe(self.body, tag);
        let whole = *self.before == self.guard && *self.after == self.guard;
        let outcome = if whole { outcome } else { outcome.and(Err(Error::MemoryCorrupted)) };
        self.quarantined |= outcome.is_err();
        outcome
    }

    #[cfg(all(test, feature = "std"))]
    pub(super) fn overrun(&mut self) {
        self.after[0] ^= 1;
    }

    #[cfg(all(test, feature = "std"))]
    pub(super) fn shows_nothing(&self) -> bool {
        self.body.iter().all(|byte| *byte == 0)
    }
}

impl<'v, 'm> Lent<'v, 'm> {
    /// Borrows the window; `tag` goes into the evidence of its wipe.
    pub(super) fn take(
        window: &'v RefCell<Window<'m>>,
        evidence: &'v RefCell<Erasure>,
        tag: u128,
    ) -> Result<Self, Error> {
        let window = window.try_borrow_mut().map_err(|_| Error::WindowInUse)?;
        if window.quarantined {
            return Err(Error::NotErased { bytes: window.body.len() as u64 });
        }
        Ok(Self { window: Some(window), evidence, tag })
    }

    /// The first `length` bytes of the window.
    pub(super) fn body(&mut self, length: usize) -> Result<&mut [u8], Error> {
        let body = self.window.as_deref_mut().map(|window| &mut *window.body).unwrap_or_default();
        let end = body.len() as u64;
        body.get_mut(..length).ok_or(Error::OutOfRange { at: length as u64, length: end })
    }

    /// Ends the loan; an error when the window could not be shown to be erased.
    pub(super) fn close(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        let Some(mut window) = self.window.take() else { return Ok(()) };
        let outcome = window.close(self.tag);
        let failure = outcome.as_ref().err().cloned();
        if let Ok(mut evidence) = self.evidence.try_borrow_mut() {
            evidence.record(CopyClass::Window, outcome);
        }
        failure.map_or(Ok(()), Err)
    }
}

impl Drop for Lent<'_, '_> {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
