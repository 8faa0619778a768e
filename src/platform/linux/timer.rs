//! A timer on the clock that counts suspended time, for deadlines that must not wait longer because the machine slept.

use core::time::Duration;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd};

use super::last_error;
use crate::error::Error;

/// A timer (`timerfd` on `CLOCK_BOOTTIME`). One thread waits; any may set it.
pub(crate) struct Timer(File);

impl Timer {
    /// # Errors
    /// [`Error::System`] when the process has no descriptor left.
    pub(crate) fn new() -> Result<Self, Error> {
        // SAFETY: makes a descriptor and touches no memory.
        let descriptor = unsafe { libc::timerfd_create(libc::CLOCK_BOOTTIME, libc::TFD_CLOEXEC) };
        if descriptor < 0 {
            return Err(Error::System { call: "timerfd_create", os_error: last_error() });
        }
        // SAFETY: the descriptor is new, and nobody else's.
        Ok(Self(unsafe { File::from_raw_fd(descriptor) }))
    }

    /// Ends the wait at `at`, a [boot time](super::boot_time); replaces what was set before. A time that has passed ends it now.
    ///
    /// # Errors
    /// [`Error::System`].
    pub(crate) fn set(&self, at: Duration) -> Result<(), Error> {
        let time = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: libc::timespec {
                tv_sec: i64::try_from(at.as_secs()).unwrap_or(i64::MAX),
                // Zero would switch the timer off.
                tv_nsec: i64::from(at.subsec_nanos().max(1)),
            },
        };
        // SAFETY: the descriptor is the timer's own; `time` is read only.
        let status = unsafe {
            libc::timerfd_settime(self.0.as_raw_fd(), libc::TFD_TIMER_ABSTIME, &raw const time, core::ptr::null_mut())
        };
        if status == 0 { Ok(()) } else { Err(Error::System { call: "timerfd_settime", os_error: last_error() }) }
    }

    /// Waits for the time that is set, now or later.
    ///
    /// # Errors
    /// [`Error::System`] when the descriptor is not a timer any more.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        let mut expirations = [0; 8];
        let failed = |os_error| Error::System { call: "read", os_error };
        (&self.0).read_exact(&mut expirations).map_err(|error| failed(error.raw_os_error().unwrap_or_default()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::platform::boot_time;

    #[test]
    fn a_timer_ends_at_its_time_and_can_be_moved_earlier() {
        let timer = Timer::new().unwrap();
        let start = boot_time().unwrap();
        timer.set(start + Duration::from_secs(3600)).unwrap();
        timer.set(start + Duration::from_millis(20)).unwrap();
        timer.wait().unwrap();
        assert!(boot_time().unwrap() >= start + Duration::from_millis(20));
        timer.set(start).unwrap();
        timer.wait().unwrap();
    }
}
