//! Windows: the only memory in which plaintext of a document stands, one chunk at a time.
//!
//! A window is all zeros when it is lent. Only the bytes that a borrower asked for can be changed, and those are wiped and read
//! back on every way out. A thread holds at most one window of a vault, so that waiting cannot become a deadlock.

use core::cell::RefCell;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use super::pool::Pool;
use super::{Policy, Region};
use crate::error::Error;
use crate::platform;
use crate::types::Protections;
use crate::wipe::{self, Wiped};

/// Bytes of look-ahead beside each window: a reader learns there whether the full window is the last.
pub(crate) const AHEAD: usize = 64;

/// The frame of a loan that cannot be left behind.
pub(crate) const STAYS: usize = usize::MAX;

/// Of how many vaults one thread can hold a window.
const VAULTS: usize = 8;

thread_local! {
    /// The windows that this thread holds, at most one of each vault. Without a destructor, so that it serves while a thread ends.
    static HELD: RefCell<[Option<Held>; VAULTS]> = const { RefCell::new([None; VAULTS]) };
}

#[derive(Clone, Copy)]
struct Held {
    vault: u64,
    place: usize,
    /// A place in a stack frame that is there as long as the loan.
    frame: usize,
    serial: u64,
}

/// The windows of a vault.
pub(crate) struct Windows {
    vault: u64,
    size: usize,
    bodies: Box<[Region]>,
    ahead: (Arc<Region>, usize),
    canary: u8,
    owner: platform::ProcessMark,
    /// How many there were.
    loans: AtomicU64,
    pool: Pool,
}

/// One lent window.
pub(crate) struct Window<'w> {
    windows: &'w Windows,
    place: usize,
    dirty: usize,
    dirty_ahead: bool,
    serial: u64,
    /// The thread's own: its end must be counted in the thread that took it.
    thread: PhantomData<*const ()>,
}

impl Windows {
    /// `count` windows of `size` bytes, with their look-ahead in the `count` times [`AHEAD`] bytes of `ahead`, which are nobody
    /// else's: a page of its own would be much for so little.
    pub(crate) fn new(
        count: usize,
        size: usize,
        vault: u64,
        ahead: (Arc<Region>, usize),
        policy: Policy,
    ) -> Result<Self, Error> {
        let bodies = (0..count).map(|_| Region::new(size, 1, policy)).collect::<Result<Box<[_]>, _>>()?;
        debug_assert!(ahead.1 + count * AHEAD <= ahead.0.length());
        let mut canary = [0];
        platform::random(&mut canary)?;
        let (pool, owner) = (Pool::new(bodies.len()), policy.owner);
        let windows = Self { vault, size, pool, bodies, ahead, canary: canary[0] | 1, owner, loans: AtomicU64::new(0) };
        for body in &windows.bodies {
            let slack = body.length() - size;
            // SAFETY: the slack is the region's, before the body; nobody else knows it yet.
            unsafe { body.start().as_ptr().write_bytes(windows.canary, slack) };
        }
        Ok(windows)
    }

    /// The protections that all windows have.
    pub(crate) fn achieved(&self) -> Protections {
        self.bodies.iter().fold(self.ahead.0.achieved(), |all, body| all.intersection(body.achieved()))
    }

    /// A window, in the order of asking. `frame` is a place in a stack frame that stays as long as the loan lasts, of a function that
    /// is never inlined; or [`STAYS`] where no code of the host's runs meanwhile, so that nothing can leave the loan behind.
    ///
    /// # Errors
    /// [`Error::WindowInUse`] when this thread already holds one of this vault; [`Error::WindowTimeout`];
    /// [`Error::ForkedChild`]; [`Error::NotErased`] when one that was left behind could not be wiped.
    #[inline(never)]
    pub(crate) fn take(&self, patience: Duration, frame: usize) -> Result<Window<'_>, Error> {
        self.owner.check()?;
        if let Some(held) = self.held_here() {
            let mark = 0u8;
            let here = if frame == STAYS { core::hint::black_box(&raw const mark).addr() } else { frame };
            if !is_left_behind(held.frame, here) {
                return Err(Error::WindowInUse);
            }
            let left = Window {
                windows: self,
                place: held.place,
                dirty: self.size,
                dirty_ahead: true,
                serial: held.serial,
                thread: PhantomData,
            };
            let _evidence = left.close(0)?;
        }
        if HELD.with_borrow(|held| held.iter().all(Option::is_some)) {
            return Err(Error::Busy { what: "windows of one thread", limit: VAULTS as u64 });
        }
        let place = self.pool.take(patience).ok_or(Error::WindowTimeout)?;
        let serial = self.loans.fetch_add(1, Ordering::Relaxed);
        HELD.with_borrow_mut(|held| {
            if let Some(free) = held.iter_mut().find(|held| held.is_none()) {
                *free = Some(Held { vault: self.vault, place, frame, serial });
            }
        });
        Ok(Window { windows: self, place, dirty: 0, dirty_ahead: false, serial, thread: PhantomData })
    }

    /// How many windows are lent. Safe in a signal handler.
    pub(crate) fn lent(&self) -> usize {
        self.pool.lent()
    }

    /// Waits until no other thread holds a window; how many others still do after `patience`.
    pub(crate) fn wait_idle(&self, patience: Duration) -> usize {
        let own = usize::from(self.held_here().is_some());
        self.pool.wait_idle(own, patience)
    }

    fn held_here(&self) -> Option<Held> {
        HELD.with_borrow(|held| held.iter().flatten().find(|held| held.vault == self.vault).copied())
    }

    fn body(&self, place: usize) -> *mut u8 {
        let region = &self.bodies[place];
        // SAFETY: the body ends where the region ends, and is not longer.
        unsafe { region.start().as_ptr().add(region.length() - self.size) }
    }

    fn look_ahead(&self, place: usize) -> *mut u8 {
        // SAFETY: there is one look-ahead for each window.
        unsafe { self.ahead.0.start().as_ptr().add(self.ahead.1 + place * AHEAD) }
    }

    fn canary_is_whole(&self, place: usize) -> bool {
        let region = &self.bodies[place];
        // SAFETY: the slack before the body is never written after the window was made.
        let slack = unsafe { core::slice::from_raw_parts(region.start().as_ptr(), region.length() - self.size) };
        slack.iter().all(|byte| *byte == self.canary)
    }
}

/// Whether a loan's frame was left without returning, as `longjmp` does. On one stack, whatever is called while a frame is there
/// stands below it; a function that stands as high or higher finds it gone. Where the thread's stack is not known, or either
/// place is not on it, the loan counts as in use. A host that copies stacks, or keeps others inside of the thread's, must not switch
/// them within a reader: that is said where readers are given. Slow, and only asked before an error.
#[cold]
fn is_left_behind(frame: usize, now: usize) -> bool {
    let on_it = |stack: core::ops::Range<usize>| stack.contains(&frame) && stack.contains(&now);
    frame != STAYS && now >= frame && platform::thread::native_stack().is_some_and(on_it)
}

impl Window<'_> {
    /// The first `length` bytes, to be written; at most the whole window.
    pub(crate) fn body(&mut self, length: usize) -> &mut [u8] {
        let length = length.min(self.windows.size);
        self.dirty = self.dirty.max(length);
        // SAFETY: the body is this window's alone and `length` lies in it.
        unsafe { core::slice::from_raw_parts_mut(self.windows.body(self.place), length) }
    }

    /// The whole window and its look-ahead, to be written.
    pub(crate) fn body_and_ahead(&mut self) -> (&mut [u8], &mut [u8]) {
        self.dirty = self.windows.size;
        self.dirty_ahead = true;
        // SAFETY: the body and the look-ahead are this window's alone, and lie in different regions.
        unsafe {
            (
                core::slice::from_raw_parts_mut(self.windows.body(self.place), self.windows.size),
                core::slice::from_raw_parts_mut(self.windows.look_ahead(self.place), AHEAD),
            )
        }
    }

    /// The first `length` bytes, to be read.
    pub(crate) fn plain(&self, length: usize) -> &[u8] {
        // SAFETY: the body is this window's alone, and the bytes lie in it.
        unsafe { core::slice::from_raw_parts(self.windows.body(self.place), length.min(self.windows.size)) }
    }

    /// Wipes what was used, reads it back and ends the loan.
    ///
    /// # Errors
    /// [`Error::NotErased`] or [`Error::MemoryCorrupted`]; the window is then never lent again.
    pub(crate) fn close(self, tag: u128) -> Result<Wiped, Error> {
        let outcome = self.end(tag);
        core::mem::forget(self);
        outcome
    }

    fn end(&self, tag: u128) -> Result<Wiped, Error> {
        let ours = |held: &Held| held.vault == self.windows.vault && held.serial == self.serial;
        let ended = HELD.with_borrow_mut(|held| {
            let place = held.iter_mut().find(|place| place.as_ref().is_some_and(ours));
            place.map(|place| *place = None)
        });
        self.windows.owner.check()?;
        // A loan that was left behind and taken back came to an end all the same: the place is another's by now.
        ended.ok_or(Error::WindowInUse)?;
        let ahead = if self.dirty_ahead { AHEAD } else { 0 };
        // SAFETY: both ranges are this window's alone, and no reference to them is left: the loan ends.
        let (body, ahead) = unsafe {
            (
                wipe::wipe_raw(self.windows.body(self.place), self.dirty, tag),
                wipe::wipe_raw(self.windows.look_ahead(self.place), ahead, tag),
            )
        };
        let outcome = match (body, ahead) {
            (Ok(_), Ok(_)) if !self.windows.canary_is_whole(self.place) => Err(Error::MemoryCorrupted),
            (Ok(body), Ok(_)) => Ok(body),
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        match &outcome {
            Ok(_) => self.windows.pool.give_back(self.place),
            Err(_) => self.windows.pool.quarantine(),
        }
        outcome
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        let _ = self.end(0);
    }
}
