//! A thread must not be cancelled inside a call: its windows would stay lent and unwiped.
//!
//! Windows has no cancellation: a thread there is ended by itself, or by `TerminateThread`, which nothing holds back.
#![cfg(unix)]

use std::ffi::c_int;

/// Of POSIX, as glibc and musl number it.
const PTHREAD_CANCEL_DISABLE: c_int = 1;

unsafe extern "C" {
    /// The `libc` crate does not have it.
    fn pthread_setcancelstate(state: c_int, previous: *mut c_int) -> c_int;
}

/// While it lives, a request to cancel this thread waits.
pub(super) struct Held {
    previous: c_int,
}

impl Held {
    pub(super) fn new() -> Self {
        let mut previous = PTHREAD_CANCEL_DISABLE;
        // SAFETY: the pointer is valid, and the number is one that POSIX demands.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut previous) };
        Self { previous }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut ignored = 0;
        // SAFETY: as above; the number came from the same function.
        unsafe { pthread_setcancelstate(self.previous, &raw mut ignored) };
    }
}
