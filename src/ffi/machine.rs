//! What a kiosk's transaction, an issuing system, a relay and an outbox have in common behind their handles: one call at a time, records
//! in the order in which they are made, frames that wait for a buffer that is large enough.
//!
//! The host's code never runs while the station's order is held, and what it calls on the same object meanwhile answers that the object
//! is in use.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::arguments::{BytesOut, Out};
use super::boundary::{Call, Failure};
use super::handles::{self, Handle, Use};
use super::log;
use super::station::StationState;
use super::vault::VaultState;
use crate::buffer::Cause;
use crate::custody;
use crate::error::Error;
use crate::handover::{Peer, Persist, Record};
use crate::types::{Now, Time};
use crate::wipe;

/// A machine of the handover, driven by the host's calls.
pub(super) trait Drive: Sized + Send + 'static {
    /// The type of the handle in C.
    type Handle: Handle<Object = Driven<Self>>;

    fn handle_written(&mut self, now: Now, token: u64, outcome: &Result<(), Error>);
    fn next_deadline(&self) -> Option<Time>;
    fn poll_persist(&mut self) -> Option<Persist>;
    /// What was asked for while another call was in progress; only a kiosk lets itself be cancelled so.
    fn cancel_late(&mut self, _: Now, _: Cause) {}
}

/// What the handle of a machine stands for.
pub(super) struct Driven<D: Drive> {
    station: Arc<StationState>,
    state: Mutex<State<D>>,
    /// A cancellation that came while another call was in progress.
    late: Mutex<Option<(Now, Cause)>>,
}

/// A machine and its records.
struct State<D> {
    drive: D,
    /// Records that the journal has, by their tokens.
    written: VecDeque<(u64, Receiver<Result<(), Error>>)>,
    /// Records for the host's own database.
    kept: VecDeque<Kept>,
}

/// A record for a host that keeps records itself.
pub(super) struct Kept {
    pub(super) sequence: u64,
    pub(super) unix_ms: u64,
    pub(super) persist: Persist,
}

/// A machine, for one call.
pub(super) struct Alone<'d, D: Drive> {
    driven: &'d Driven<D>,
    /// Present until it is dropped.
    state: Option<MutexGuard<'d, State<D>>>,
}

/// The machine of a handle, in a call that works with the station's documents.
pub(super) fn of<D: Drive>(call: &Call, handle: *const D::Handle) -> Result<Use<Driven<D>>, Failure> {
    let driven = handles::get(handle)?;
    call.uses(driven.station.vault())?;
    Ok(driven)
}

/// One input to the machine of a handle.
pub(super) fn input<D: Drive, R>(
    call: &Call,
    handle: *const D::Handle,
    now: Now,
    work: impl FnOnce(&mut D) -> R,
) -> Result<R, Failure> {
    of::<D>(call, handle)?.alone()?.input(now, work)
}

/// Asks the machine of a handle for something that needs no time.
pub(super) fn look<D: Drive, R>(
    call: &Call,
    handle: *const D::Handle,
    work: impl FnOnce(&mut D) -> R,
) -> Result<R, Failure> {
    Ok(work(of::<D>(call, handle)?.alone()?.drive()?))
}

/// Waits until every record is durable, those included that follow from it, and tells the machine. The first failure is returned.
pub(super) fn store_records<D: Drive>(call: &Call, handle: *const D::Handle, now: Now) -> Result<(), Failure> {
    let driven = of::<D>(call, handle)?;
    if driven.station.journal().is_none() {
        return Err(Error::WrongState { command: "storing the records that the host keeps" }.into());
    }
    let mut alone = driven.alone()?;
    let mut outcome = Ok(());
    while let Some((token, written)) = alone.state()?.written.pop_front() {
        let ended = Error::Store { what: "writing a record, because its thread ended; stop the process and report it" };
        let one = written.recv().unwrap_or(Err(ended));
        alone.input(now, |drive| drive.handle_written(now, token, &one))?;
        outcome = outcome.and(one);
    }
    Ok(outcome?)
}

/// Tells when the machine must be called again.
pub(super) fn next_deadline<D: Drive>(
    call: &Call,
    handle: *const D::Handle,
    monotonic_ms: Out<u64>,
    is_some: Out<bool>,
) -> Result<(), Failure> {
    let deadline = look::<D, _>(call, handle, |drive| drive.next_deadline())?;
    monotonic_ms.write(deadline.map_or(0, |deadline| deadline.0));
    is_some.write(deadline.is_some());
    Ok(())
}

/// Gives up the handle.
pub(super) fn free<D: Drive>(call: &Call, handle: *mut D::Handle) -> Result<(), Failure> {
    handles::free(handle)?.inspect(|driven| call.ends(driven.vault()));
    Ok(())
}

impl<D: Drive> Driven<D> {
    pub(super) fn new(station: &Arc<StationState>, drive: D) -> Self {
        let state = State { drive, written: VecDeque::new(), kept: VecDeque::new() };
        Self { station: Arc::clone(station), state: Mutex::new(state), late: Mutex::new(None) }
    }

    /// The vault of the station's documents.
    pub(super) fn vault(&self) -> &Arc<VaultState> {
        self.station.vault()
    }

    /// The machine, for this call alone.
    pub(super) fn alone(&self) -> Result<Alone<'_, D>, Failure> {
        match self.state.try_lock() {
            Ok(state) => Ok(Alone { driven: self, state: Some(state) }),
            // A panic has poisoned its vault as well, unless that was freed from under it.
            Err(TryLockError::Poisoned(_)) => Err(Failure::Poisoned),
            Err(TryLockError::WouldBlock) => Err(Failure::InUse(D::Handle::NAME)),
        }
    }

    /// Cancels now, or as soon as the call that is in progress ends.
    pub(super) fn cancel(&self, now: Now, cause: Cause) -> Result<(), Failure> {
        match self.alone() {
            Ok(mut alone) => alone.input(now, |drive| drive.cancel_late(now, cause)),
            Err(Failure::InUse(_)) => {
                self.late().get_or_insert((now, cause));
                // The other call may have ended meanwhile, after it had looked.
                self.carry_out_late();
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether a cancellation waits for the end of this call.
    pub(super) fn is_cancelled(&self) -> bool {
        self.late().is_some()
    }

    fn late(&self) -> MutexGuard<'_, Option<(Now, Cause)>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever ends a call looks here after it has let go of the machine, and whoever leaves something here tries to take the machine
    /// afterwards: one of them carries it out.
    fn carry_out_late(&self) {
        while self.is_cancelled() {
            let Ok(mut state) = self.state.try_lock() else { return };
            let Some((now, cause)) = self.late().take() else { return };
            state.input(&self.station, now, |drive| drive.cancel_late(now, cause));
        }
    }
}

impl<D: Drive> Alone<'_, D> {
    fn state(&mut self) -> Result<&mut State<D>, Failure> {
        self.state.as_deref_mut().ok_or(Failure::InUse(D::Handle::NAME))
    }

    /// The machine, to be asked.
    pub(super) fn drive(&mut self) -> Result<&mut D, Failure> {
        Ok(&mut self.state()?.drive)
    }

    /// One input to the machine.
    pub(super) fn input<R>(&mut self, now: Now, work: impl FnOnce(&mut D) -> R) -> Result<R, Failure> {
        let station = &self.driven.station;
        Ok(self.state.as_deref_mut().ok_or(Failure::InUse(D::Handle::NAME))?.input(station, now, work))
    }

    /// Whether a record waits to be written.
    pub(super) fn has_records(&self) -> bool {
        self.state.as_deref().is_some_and(|state| !(state.written.is_empty() && state.kept.is_empty()))
    }

    /// The records that the host keeps.
    pub(super) fn kept(&mut self) -> Result<&mut VecDeque<Kept>, Failure> {
        if self.driven.station.journal().is_some() {
            return Err(Error::WrongState { command: "taking records that the station's store keeps" }.into());
        }
        Ok(&mut self.state()?.kept)
    }
}

impl<D: Drive> Drop for Alone<'_, D> {
    fn drop(&mut self) {
        self.state = None;
        if !std::thread::panicking() {
            self.driven.carry_out_late();
        }
    }
}

impl<D: Drive> State<D> {
    fn input<R>(&mut self, station: &StationState, now: Now, work: impl FnOnce(&mut D) -> R) -> R {
        let mut made = station.in_order();
        let outcome = work(&mut self.drive);
        let Some(journal) = station.journal() else {
            while let Some(persist) = self.drive.poll_persist() {
                tell_alarm(&persist.record);
                *made += 1;
                self.kept.push_back(Kept { sequence: *made, unix_ms: now.unix_ms, persist });
            }
            return outcome;
        };
        let mut records: Vec<(Record, custody::Done)> = Vec::new();
        while let Some(Persist { token, record }) = self.drive.poll_persist() {
            tell_alarm(&record);
            let (done, written) = channel();
            // A machine that is gone waits for nothing.
            records.push((record, Box::new(move |outcome| drop(done.send(outcome)))));
            self.written.push_back((token, written));
        }
        *made += records.len() as u64;
        if !records.is_empty() {
            journal.write_together(records, now.unix_ms);
        }
        outcome
    }
}

/// The host's log hears of every alarm, at the end of the call.
fn tell_alarm(record: &Record) {
    if let Record::Alarm { session, .. } = record {
        log::alarm(*session);
    }
}

/// A frame that waits for a buffer that is large enough.
pub(super) struct Waiting {
    pub(super) peer: Peer,
    pub(super) frame: Vec<u8>,
}

impl Waiting {
    /// Writes the frame into the caller's buffer and wipes it here. One that does not fit is put back.
    pub(super) fn write(mut self, back: &mut Option<Self>, out: BytesOut) -> Result<(), Failure> {
        let written = out.write(&self.frame);
        match written {
            Ok(()) => drop(wipe::wipe_vec(&mut self.frame, 0)?),
            Err(_) => *back = Some(self),
        }
        written
    }

    /// Drops what waits for a neighbour that is gone.
    pub(super) fn forget(waiting: &mut Option<Self>, peer: Peer) {
        if let Some(mut gone) = waiting.take_if(|waiting| waiting.peer == peer) {
            // It may be a release.
            let _ = wipe::wipe_vec(&mut gone.frame, 0);
        }
    }
}
