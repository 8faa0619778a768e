//! A timer on the clock that counts suspended time, for deadlines that must not wait longer because the machine slept.
//!
//! A wait of Windows for so and so long does not count the time in sleep (since Windows 8), and a wait for a time of day follows a
//! clock that may be set back. So the wait is divided: after a sleep, a deadline that has passed meanwhile is seen within a second.

use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::boot_time;
use crate::error::Error;

/// The longest wait without a look at the clock.
const LOOK: Duration = Duration::from_secs(1);

/// A timer. One thread waits; any may set it.
pub(crate) struct Timer {
    at: Mutex<Option<Duration>>,
    changed: Condvar,
}

impl Timer {
    /// # Errors
    /// None; the signature is that of other systems.
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self { at: Mutex::new(None), changed: Condvar::new() })
    }

    /// Ends the wait at `at`, a [boot time](super::boot_time); replaces what was set before. A time that has passed ends it now.
    ///
    /// # Errors
    /// None; the signature is that of other systems.
    pub(crate) fn set(&self, at: Duration) -> Result<(), Error> {
        *self.at() = Some(at);
        self.changed.notify_all();
        Ok(())
    }

    /// Waits for the time that is set, now or later.
    ///
    /// # Errors
    /// [`Error::System`] when the clock cannot be read.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        let mut at = self.at();
        loop {
            at = match *at {
                None => self.changed.wait(at).unwrap_or_else(PoisonError::into_inner),
                Some(end) => {
                    let Some(left) = end.checked_sub(boot_time()?).filter(|left| !left.is_zero()) else {
                        *at = None;
                        return Ok(());
                    };
                    self.changed.wait_timeout(at, left.min(LOOK)).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn at(&self) -> MutexGuard<'_, Option<Duration>> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_ends_at_its_time_and_can_be_moved_earlier_while_it_is_waited_for() {
        let timer = Timer::new().unwrap();
        let start = boot_time().unwrap();
        timer.set(start + Duration::from_secs(3600)).unwrap();
        timer.set(start + Duration::from_millis(20)).unwrap();
        timer.wait().unwrap();
        assert!(boot_time().unwrap() >= start + Duration::from_millis(20));
        timer.set(start).unwrap();
        timer.wait().unwrap();
        timer.set(start + Duration::from_secs(3600)).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| timer.wait());
            std::thread::sleep(Duration::from_millis(50));
            assert!(!waits.is_finished());
            timer.set(start).unwrap();
            waits.join().unwrap().unwrap();
        });
    }
}
