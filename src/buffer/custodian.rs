//! The custodian: a thread that destroys keys at their deadlines, whatever their owners are doing or waiting for.
//!
//! There is one in a process, started with the first deadline. It holds no secrets, runs no one's callbacks and keeps no vault
//! alive. Its clock counts the time that the machine was suspended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use super::vault::Inner;
use crate::error::Error;
use crate::platform::{self, ProcessMark, Timer, boot_time};
use crate::types::KeyId;

/// Stack of the thread: it calls little.
const STACK: usize = 128 * 1024;
/// How often deadlines are looked at where the timer was taken away.
const WITHOUT_TIMER: Duration = Duration::from_millis(100);

/// When the key of a cell is destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline {
    /// Boot time.
    at: Duration,
    key: KeyId,
}

struct Custodian {
    owner: ProcessMark,
    timer: Timer,
    deadlines: Mutex<Deadlines>,
}

#[derive(Default)]
struct Deadlines {
    /// Whether the thread was started.
    running: bool,
    keys: BTreeMap<Deadline, Weak<Inner>>,
}

impl Deadline {
    /// At `at`, a boot time, for a key that has a cell now.
    pub(super) fn new(at: Duration, key: KeyId) -> Self {
        Self { at, key }
    }

    /// Has the key destroyed then.
    ///
    /// # Errors
    /// [`Error::System`] when the process can have no thread or timer for it; [`Error::ForkedChild`].
    pub(super) fn set(self, vault: &Arc<Inner>) -> Result<(), Error> {
        let custodian = custodian()?;
        let mut deadlines = custodian.deadlines();
        if !deadlines.running {
            custodian.start()?;
            deadlines.running = true;
        }
        if deadlines.keys.keys().next().is_none_or(|next| self < *next) {
            custodian.timer.set(self.at)?;
        }
        deadlines.keys.insert(self, Arc::downgrade(vault));
        Ok(())
    }

    /// Whether it has passed. Keeps the promise also where the custodian's thread does not get to run.
    pub(super) fn has_passed(&self) -> bool {
        boot_time().is_ok_and(|now| now >= self.at)
    }

    /// Nothing is left to destroy.
    pub(super) fn cancel(&self) {
        let here = CUSTODIANS.iter().filter_map(OnceLock::get).find(|custodian| custodian.owner.is_here());
        if let Some(custodian) = here {
            custodian.deadlines().keys.remove(self);
        }
    }
}

/// One of this process, after those of the processes that it was forked from: their threads are not here.
static CUSTODIANS: [OnceLock<Custodian>; 8] = [const { OnceLock::new() }; 8];

/// The process's custodian; made if there is none.
fn custodian() -> Result<&'static Custodian, Error> {
    for place in &CUSTODIANS {
        if place.get().is_none() {
            let (owner, timer) = (ProcessMark::of_this_process()?, Timer::new()?);
            // Another thread may have been faster.
            let _ = place.set(Custodian { owner, timer, deadlines: Mutex::new(Deadlines::default()) });
        }
        if let Some(custodian) = place.get().filter(|custodian| custodian.owner.is_here()) {
            return Ok(custodian);
        }
    }
    Err(Error::Busy { what: "generations of forked processes with deadlines", limit: CUSTODIANS.len() as u64 })
}

impl Custodian {
    /// Starts the thread, on which no handler of the host's ever runs.
    fn start(&'static self) -> Result<(), Error> {
        let thread = std::thread::Builder::new().name("shokyo-custodian".into()).stack_size(STACK);
        let started = platform::thread::with_signals_blocked(|| thread.spawn(|| self.work()));
        started.map(drop).map_err(|error| Error::System {
            call: "pthread_create",
            os_error: error.raw_os_error().unwrap_or_default(),
        })
    }

    fn deadlines(&self) -> MutexGuard<'_, Deadlines> {
        self.deadlines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            if self.timer.wait().is_err() {
                // The host has closed what is not its own. The promise is kept a little less punctually.
                std::thread::sleep(WITHOUT_TIMER);
            }
            while let Some((key, vault)) = self.due() {
                if let Some(vault) = vault.upgrade() {
                    // The owner's handle wipes and reads back again, and takes the outcome into its evidence.
                    let _ = vault.cells.expire(key);
                }
            }
        }
    }

    /// The next key whose time has come; sets the timer for the one after.
    fn due(&self) -> Option<(KeyId, Weak<Inner>)> {
        let mut deadlines = self.deadlines();
        let next = deadlines.keys.first_entry()?;
        if next.key().has_passed() {
            let (deadline, vault) = next.remove_entry();
            return Some((deadline.key, vault));
        }
        // A clock that cannot be set leaves the check at each use.
        let _ = self.timer.set(next.key().at);
        None
    }
}
