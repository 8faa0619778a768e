//! The receipts of a kiosk that nobody acknowledged, for C: found in its store and sent until the issuing system answers. A relay does
//! this by itself.

use std::ffi::c_void;
use std::sync::Arc;

use super::arguments::{BytesOut, Out, slice};
use super::boundary::{Failure, guarded};
use super::clock::{read_now, shokyo_now};
use super::handles::{Handle, Kind, Place};
use super::machine::{self, Drive, Driven, Waiting};
use super::shokyo_status;
use super::station::{shokyo_station, station_of};
use crate::error::Error;
use crate::handover::Persist;
use crate::handover::kiosk::UPSTREAM;
use crate::station::outbox::StationOutbox;
use crate::types::{Now, Role, Time};

/// The receipts of a kiosk's sessions that are over and were not acknowledged. A handle, not an address.
pub struct shokyo_outbox {
    _opaque: [u8; 0],
}

/// What is behind the handle.
pub(super) struct OutboxDrive {
    outbox: StationOutbox,
    waiting: Option<Waiting>,
}

impl Handle for shokyo_outbox {
    type Object = Driven<OutboxDrive>;
    const KIND: Kind = Kind::Outbox;
    const NAME: &'static str = "the outbox";
}

impl Drive for OutboxDrive {
    type Handle = shokyo_outbox;

    fn handle_written(&mut self, now: Now, token: u64, outcome: &Result<(), Error>) {
        self.outbox.handle_written(now, token, outcome);
    }

    fn next_deadline(&self) -> Option<Time> {
        self.outbox.next_deadline()
    }

    fn poll_persist(&mut self) -> Option<Persist> {
        self.outbox.poll_persist()
    }
}

/// Makes the outbox of a kiosk, which lives as long as the station does: what a restart or a deadline left unacknowledged is sent to the
/// issuing system until it answers. A kiosk has one.
///
/// station: a kiosk's; stays the caller's. outbox: receives the handle, which the caller owns and gives to shokyo_outbox_free.
/// Threads: any; one outbox is for one thread at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED; MISMATCH when the station is no kiosk; WRONG_STATE when the host keeps the
/// records; STORE, HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_outbox_new(
    station: *const shokyo_station,
    outbox: *mut *mut shokyo_outbox,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let out = unsafe { Out::new(outbox, "outbox") }?;
        let station = station_of(station)?;
        call.uses(station.vault())?;
        if station.role() != Role::Kiosk {
            return Err(Error::Mismatch { what: "the station's role" }.into());
        }
        if station.journal().is_none() {
            return Err(Error::WrongState { command: "making an outbox of records that the host keeps" }.into());
        }
        let place = Place::reserve()?;
        let (crypto, trust) = (station.crypto().clone(), Arc::clone(station.trust()));
        let outbox = StationOutbox::new(station.config(), crypto, trust)?;
        out.write(place.fill(Driven::new(&station, OutboxDrive { outbox, waiting: None })));
        Ok(())
    })
}

/// Takes a frame from the neighbour towards the issuing system, if it is the answer to one of these receipts. To be asked before the
/// transactions.
///
/// outbox: stays the caller's. now: the time. frame, length: the bytes, not changed and not kept. taken: receives whether the frame was an
/// answer, and for nobody else.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; what is wrong with an answer, as for
/// shokyo_kiosk_handle_frame: nothing was changed, and the frame is for nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_outbox_handle_frame(
    outbox: *mut shokyo_outbox,
    now: *const shokyo_now,
    frame: *const c_void,
    length: usize,
    taken: *mut bool,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for the answer.
        let taken = unsafe { Out::new(taken, "taken") }?;
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let frame = unsafe { slice(frame, length, "frame") }?;
        taken.write(machine::input::<OutboxDrive, _>(call, outbox, now, |drive| {
            drive.outbox.handle_frame(now, frame)
        })??);
        Ok(())
    })
}

/// Looks for more in the store and sends again what is due. To be called once at the start, and when shokyo_outbox_next_deadline has come.
///
/// outbox: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_outbox_handle_timeout(
    outbox: *mut shokyo_outbox,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<OutboxDrive, _>(call, outbox, now, |drive| drive.outbox.handle_timeout(now))
    })
}

/// Says that the connection is gone: nothing is sent until it is back.
///
/// outbox: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_outbox_handle_peer_lost(
    outbox: *mut shokyo_outbox,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<OutboxDrive, _>(call, outbox, now, |drive| {
            Waiting::forget(&mut drive.waiting, UPSTREAM);
            drive.outbox.handle_peer_lost();
        })
    })
}

/// Says that there is a connection again: everything is sent at once.
///
/// outbox: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_outbox_handle_peer_back(
    outbox: *mut shokyo_outbox,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<OutboxDrive, _>(call, outbox, now, |drive| drive.outbox.handle_peer_back(now))
    })
}

/// Waits until the acknowledgements are durable in the station's store. To be called after every input.
///
/// outbox: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; STORE: the receipt is sent again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_outbox_store_records(
    outbox: *mut shokyo_outbox,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::store_records::<OutboxDrive>(call, outbox, now)
    })
}

/// Gives the next frame for the neighbour towards the issuing system. It is given once.
///
/// outbox: stays the caller's. frame, capacity: where it goes; SHOKYO_MAX_FRAME bytes are always enough. length: receives its length, 0 when
/// none waits.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, CAPACITY_TOO_SMALL; NOT_ERASED when the frame was given and the
/// library's own copy could not be shown to be erased.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_outbox_poll_frame(
    outbox: *mut shokyo_outbox,
    frame: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or so many writable bytes, and NULL or a place for a number.
        let frame = unsafe { BytesOut::new(frame, capacity, length, "frame") }?;
        machine::look::<OutboxDrive, _>(call, outbox, |drive| drive.poll_frame(frame))?
    })
}

/// Tells when shokyo_outbox_handle_timeout must be called at the latest. It changes with every input.
///
/// outbox: stays the caller's. monotonic_ms: receives the time on the clock of shokyo_now. is_some: receives whether there is one.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_outbox_next_deadline(
    outbox: *const shokyo_outbox,
    monotonic_ms: *mut u64,
    is_some: *mut bool,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a number.
        let monotonic_ms = unsafe { Out::new(monotonic_ms, "monotonic_ms") }?;
        // SAFETY: the caller gives NULL or a place for the answer.
        let is_some = unsafe { Out::new(is_some, "is_some") }?;
        machine::next_deadline::<OutboxDrive>(call, outbox, monotonic_ms, is_some)
    })
}

/// Gives up the handle. What was not answered for stays in the store, for the next outbox.
///
/// outbox: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for one that was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_outbox_free(outbox: *mut shokyo_outbox) -> shokyo_status {
    guarded(|call| machine::free::<OutboxDrive>(call, outbox))
}

impl OutboxDrive {
    fn poll_frame(&mut self, out: BytesOut) -> Result<(), Failure> {
        let next = self.waiting.take().or_else(|| {
            self.outbox.poll_transmit().map(|transmit| Waiting { peer: transmit.peer, frame: transmit.frame })
        });
        match next {
            Some(next) => next.write(&mut self.waiting, out),
            None => out.write(&[]),
        }
    }
}
