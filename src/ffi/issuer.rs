//! An issuing system for C: challenges, applications, documents that are sealed as they are written, and the one release of each key.

use std::ffi::c_void;
use std::sync::Arc;

use super::arguments::{BytesOut, Out, StructOut, read_session, slice};
use super::boundary::{Failure, guarded};
use super::clock::{read_now, shokyo_now};
use super::event::{cause_of_end, shokyo_event};
use super::handles::{Handle, Kind, Place};
use super::machine::{self, Drive, Driven, Waiting};
use super::record::{self, shokyo_record};
use super::shokyo_status;
use super::station::{shokyo_station, station_of};
use crate::error::Error;
use crate::handover::suite::{StationCrypto, split_application};
use crate::handover::{Issuer, Peer, Persist, Source};
use crate::station::trust::Authorities;
use crate::types::{Now, Time};

/// An issuing system with all its sessions. A handle, not an address.
pub struct shokyo_issuer {
    _opaque: [u8; 0],
}

/// Looks at an application, which lies in locked memory and is wiped as soon as the callback returns.
///
/// user_data: what the caller gave. subject, subject_length: the holder of the card. details, details_length: whatever else the kiosk sent.
/// All of it is personal data and must not be kept; copies of it are the host's to wipe, see shokyo_wipe.
/// Gives 0 for success; anything else makes the call give SHOKYO_STATUS_CALLBACK_STOPPED.
/// The rules are those of shokyo_reader.
pub type shokyo_application_reader = Option<
    unsafe extern "C-unwind" fn(
        user_data: *mut c_void,
        subject: *const u8,
        subject_length: usize,
        details: *const u8,
        details_length: usize,
    ) -> i32,
>;

/// What is behind the handle.
pub(super) struct IssuerDrive {
    machine: Issuer<StationCrypto, Arc<Authorities>>,
    waiting: Option<Waiting>,
}

impl Handle for shokyo_issuer {
    type Object = Driven<IssuerDrive>;
    const KIND: Kind = Kind::Issuer;
    const NAME: &'static str = "the issuer";
}

impl Drive for IssuerDrive {
    type Handle = shokyo_issuer;

    fn handle_written(&mut self, now: Now, token: u64, outcome: &Result<(), Error>) {
        match outcome {
            Ok(()) => self.machine.handle_persisted(now, token),
            // The store's word about the record itself, not about the disk.
            Err(Error::WrongState { .. } | Error::Busy { .. }) => self.machine.handle_persist_refused(now, token),
            Err(_) => self.machine.handle_persist_failed(now, token),
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.machine.next_deadline()
    }

    fn poll_persist(&mut self) -> Option<Persist> {
        self.machine.poll_persist()
    }
}

/// Makes the issuing system of a station, which lives as long as the station does. Challenges from before a restart are worth nothing.
/// The documents of the configuration are not looked at: the host composes.
///
/// station: an issuer's; stays the caller's. issuer: receives the handle, which the caller owns and gives to shokyo_issuer_free.
/// Threads: any; one issuer is for one thread at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED; MISMATCH when the station is no issuer; RANDOMNESS_UNAVAILABLE,
/// HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_new(
    station: *const shokyo_station,
    issuer: *mut *mut shokyo_issuer,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let out = unsafe { Out::new(issuer, "issuer") }?;
        let station = station_of(station)?;
        call.uses(station.vault())?;
        let place = Place::reserve()?;
        let (crypto, trust) = (station.crypto().clone(), Arc::clone(station.trust()));
        let machine = Issuer::new(crypto, trust, station.config().policy())?;
        out.write(place.fill(Driven::new(&station, IssuerDrive { machine, waiting: None })));
        Ok(())
    })
}

/// Takes a frame from a neighbour.
///
/// issuer: stays the caller's. now: the time. peer: which neighbour, by the host's number; see shokyo_relay_handle_frame. frame, length: the
/// bytes, not changed and not kept; sealed, and the caller's to drop.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED. What is wrong with the frame, as for
/// shokyo_kiosk_handle_frame, and REPLAYED, BUSY: it changes nothing, unless it shows that its session cannot be trusted any more, which is
/// erased then. Either way go on with the outputs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_handle_frame(
    issuer: *mut shokyo_issuer,
    now: *const shokyo_now,
    peer: u64,
    frame: *const c_void,
    length: usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let frame = unsafe { slice(frame, length, "frame") }?;
        Ok(machine::input::<IssuerDrive, _>(call, issuer, now, |drive| {
            drive.machine.handle_frame(now, Peer(peer), frame)
        })??)
    })
}

/// Acts on every deadline that has passed: no frame is needed to erase. To be called when shokyo_issuer_next_deadline has come.
///
/// issuer: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_handle_timeout(
    issuer: *mut shokyo_issuer,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<IssuerDrive, _>(call, issuer, now, |drive| drive.machine.handle_timeout(now))
    })
}

/// Says that the connection to a neighbour is gone: its sessions wait for another one as long as the
/// configuration says. Those whose key is already with the kiosk wait for their receipts as before.
///
/// issuer: stays the caller's. now: the time. peer: which neighbour.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_handle_peer_lost(
    issuer: *mut shokyo_issuer,
    now: *const shokyo_now,
    peer: u64,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<IssuerDrive, _>(call, issuer, now, |drive| {
            Waiting::forget(&mut drive.waiting, Peer(peer));
            drive.machine.handle_peer_lost(now, Peer(peer));
        })
    })
}

/// Says that there is a connection to a neighbour again, to the same station as before: its sessions go on.
///
/// issuer: stays the caller's. now: the time. peer: which neighbour.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_handle_peer_back(
    issuer: *mut shokyo_issuer,
    now: *const shokyo_now,
    peer: u64,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<IssuerDrive, _>(call, issuer, now, |drive| drive.machine.handle_peer_back(now, Peer(peer)))
    })
}

/// Waits until the records that the issuer asks for are durable in the station's store, and tells it. To be called after every input, before
/// shokyo_issuer_poll_frame: what must be on record first is not sent before.
///
/// issuer: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the host keeps the records. STORE when the disk
/// refuses a record, REPLAYED, WRONG_STATE, BUSY and others when a record is refused for what it says: the issuer knows, and has erased
/// what depends on it; go on with the outputs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_store_records(
    issuer: *mut shokyo_issuer,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::store_records::<IssuerDrive>(call, issuer, now)
    })
}

/// Gives the next record of a station that was opened with records_by_host, to be confirmed with shokyo_issuer_handle_stored. It is given once.
///
/// issuer: stays the caller's. record: with its struct_size set; receives the record, of kind SHOKYO_RECORD_NONE when none waits. receipt,
/// capacity: where a receipt goes, at most 8,192 bytes; length: receives its length, 0 for other records.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records;
/// CAPACITY_TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_poll_record(
    issuer: *mut shokyo_issuer,
    record: *mut shokyo_record,
    receipt: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let record = unsafe { StructOut::new(record) }?;
        // SAFETY: the caller gives NULL or so many writable bytes, and NULL or a place for a number.
        let receipt = unsafe { BytesOut::new(receipt, capacity, length, "receipt") }?;
        record::poll::<IssuerDrive>(call, issuer, record, receipt)
    })
}

/// Says what became of a record that shokyo_issuer_poll_record gave.
///
/// issuer: stays the caller's. now: the time. token: the record's. outcome: one of SHOKYO_STORED_.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_handle_stored(
    issuer: *mut shokyo_issuer,
    now: *const shokyo_now,
    token: u64,
    outcome: u32,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        record::stored::<IssuerDrive>(call, issuer, now, token, outcome)
    })
}

/// Gives the next frame and the neighbour that it is for. It is given once.
///
/// issuer: stays the caller's. frame, capacity: where it goes; SHOKYO_MAX_FRAME bytes are always enough. length: receives its length, 0 when
/// none waits. peer: receives the neighbour. The frame may be a release: wipe it with shokyo_wipe when it is sent.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, CAPACITY_TOO_SMALL; NOT_ERASED when the frame was given and the
/// library's own copy could not be shown to be erased.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_poll_frame(
    issuer: *mut shokyo_issuer,
    frame: *mut c_void,
    capacity: usize,
    length: *mut usize,
    peer: *mut u64,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or so many writable bytes, and NULL or a place for a number.
        let frame = unsafe { BytesOut::new(frame, capacity, length, "frame") }?;
        // SAFETY: the caller gives NULL or a place for a number.
        let peer = unsafe { Out::new(peer, "peer") }?;
        let to = machine::look::<IssuerDrive, _>(call, issuer, |drive| drive.poll_frame(frame))??;
        peer.write(to.0);
        Ok(())
    })
}

/// Gives the next event. It is given once.
///
/// issuer: stays the caller's. event: with its struct_size set; receives the event, of kind SHOKYO_EVENT_NONE when none waits.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_poll_event(
    issuer: *mut shokyo_issuer,
    event: *mut shokyo_event,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let out = unsafe { StructOut::new(event) }?;
        let event = machine::look::<IssuerDrive, _>(call, issuer, |drive| drive.machine.poll_event())?;
        out.write(event.as_ref().map_or(shokyo_event::NONE, shokyo_event::of_issuer));
        Ok(())
    })
}

/// Tells when shokyo_issuer_handle_timeout must be called at the latest. It changes with every input.
///
/// issuer: stays the caller's. monotonic_ms: receives the time on the clock of shokyo_now. is_some: receives whether there is one.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_next_deadline(
    issuer: *const shokyo_issuer,
    monotonic_ms: *mut u64,
    is_some: *mut bool,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a number.
        let monotonic_ms = unsafe { Out::new(monotonic_ms, "monotonic_ms") }?;
        // SAFETY: the caller gives NULL or a place for the answer.
        let is_some = unsafe { Out::new(is_some, "is_some") }?;
        machine::next_deadline::<IssuerDrive>(call, issuer, monotonic_ms, is_some)
    })
}

/// Lends the application of a session whose document is to be composed: after SHOKYO_EVENT_APPLICATION, until shokyo_issuer_offer.
///
/// issuer: stays the caller's. session: 32 bytes. reader: the callback, called at most once; what it calls on this issuer answers
/// HANDLE_IN_USE. user_data: passed to it as it is, may be NULL.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when no application of this session is open;
/// WINDOW_IN_USE, WINDOW_TIMEOUT, BUSY: the callback was not called. CALLBACK_STOPPED; ERASED, EXPIRED, NOT_ERASED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_application(
    issuer: *mut shokyo_issuer,
    session: *const u8,
    reader: shokyo_application_reader,
    user_data: *mut c_void,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or 32 readable bytes.
        let session = unsafe { read_session(session) }?;
        let reader = reader.ok_or(Failure::Argument("reader", "is NULL"))?;
        let driven = machine::of::<IssuerDrive>(call, issuer)?;
        let mut alone = driven.alone()?;
        let application = alone.drive()?.machine.application(session)?;
        let answer = application.read_at(0, |plain| {
            let (subject, details) = split_application(plain)?;
            // SAFETY: the caller gives a function of this type, and the bytes are readable until it returns.
            Ok::<_, Error>(unsafe {
                reader(user_data, subject.as_ptr(), subject.len(), details.as_ptr(), details.len())
            })
        })??;
        if answer == 0 { Ok(()) } else { Err(Failure::Stopped) }
    })
}

/// Appends bytes to the document of a session, sealing every full chunk. The first call makes the document's key.
///
/// issuer: stays the caller's. session: 32 bytes. version, version_length: the version of the register's row that the document is made
/// from, the same at every call; NULL with length 0 where a register has none. data, length: the bytes, not changed and not kept. The
/// caller's own copy stays the caller's to wipe.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when no application of this session is open;
/// MISMATCH for another version than at the first call; TOO_LARGE; LOCKED_MEMORY_EXHAUSTED, WINDOW_IN_USE, WINDOW_TIMEOUT: nothing was
/// changed. After any other, such as ERASED, the document is lost: cancel the session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_write(
    issuer: *mut shokyo_issuer,
    session: *const u8,
    version: *const c_void,
    version_length: usize,
    data: *const c_void,
    length: usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or 32 readable bytes.
        let session = unsafe { read_session(session) }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let version = unsafe { slice(version, version_length, "version") }?;
        // SAFETY: as above.
        let plain = unsafe { slice(data, length, "data") }?;
        let driven = machine::of::<IssuerDrive>(call, issuer)?;
        driven.alone()?.drive()?.machine.document(session, version)?.write(plain)?;
        Ok(())
    })
}

/// Ends the document of a session, erases its application, and offers the ciphertext to the kiosk.
///
/// issuer: stays the caller's. now: the time. session: 32 bytes. subject, subject_length: of the row that the document was made from, read
/// again after the writing, not what was asked for: the kiosk compares it with the holder of the card. version, version_length: of that
/// row, read again; a row that changed meanwhile gives no document.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED. EMPTY_DOCUMENT, TOO_LARGE, WRONG_STATE, MISMATCH for another
/// version than at the first write, and others: the session is erased, if there is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_offer(
    issuer: *mut shokyo_issuer,
    now: *const shokyo_now,
    session: *const u8,
    subject: *const c_void,
    subject_length: usize,
    version: *const c_void,
    version_length: usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: the caller gives NULL or 32 readable bytes.
        let session = unsafe { read_session(session) }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let subject = unsafe { slice(subject, subject_length, "subject") }?;
        // SAFETY: as above.
        let version = unsafe { slice(version, version_length, "version") }?;
        let source = Source { subject, version };
        Ok(machine::input::<IssuerDrive, _>(call, issuer, now, |drive| drive.machine.offer(now, session, &source))??)
    })
}

/// Ends a session from this side and erases it: refused, unknown in the register, or cancelled. A session that is not there is none.
///
/// issuer: stays the caller's. now: the time. session: 32 bytes. cause: one of SHOKYO_CAUSE_, but DELIVERED and HANDED_OVER.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_cancel(
    issuer: *mut shokyo_issuer,
    now: *const shokyo_now,
    session: *const u8,
    cause: u32,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: the caller gives NULL or 32 readable bytes.
        let session = unsafe { read_session(session) }?;
        let cause = cause_of_end(cause)?;
        machine::input::<IssuerDrive, _>(call, issuer, now, |drive| drive.machine.cancel(now, session, cause))
    })
}

/// Tells how many sessions are open.
///
/// issuer: stays the caller's. count: receives the number.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_open_sessions(issuer: *const shokyo_issuer, count: *mut usize) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a number.
        let count = unsafe { Out::new(count, "count") }?;
        count.write(machine::look::<IssuerDrive, _>(call, issuer, |drive| drive.machine.open_sessions())?);
        Ok(())
    })
}

/// Ends and erases every session, as before the process ends. Go on with the outputs until no session is open or the host's patience
/// ends, then call shokyo_issuer_abandon.
///
/// issuer: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_shutdown(issuer: *mut shokyo_issuer, now: *const shokyo_now) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<IssuerDrive, _>(call, issuer, now, |drive| drive.machine.shutdown(now))
    })
}

/// Writes down how every session stands that only waits for receipts or their acknowledgement, as the last thing before the process ends;
/// then shokyo_issuer_store_records.
///
/// issuer: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_abandon(issuer: *mut shokyo_issuer, now: *const shokyo_now) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<IssuerDrive, _>(call, issuer, now, |drive| drive.machine.abandon())
    })
}

/// Gives up the handle. Sessions that are open are erased, and say so nowhere: the next start of the station finds them lost. If calls
/// are using it, the end of the last of them erases.
///
/// issuer: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for one that was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_issuer_free(issuer: *mut shokyo_issuer) -> shokyo_status {
    guarded(|call| machine::free::<IssuerDrive>(call, issuer))
}

impl IssuerDrive {
    fn poll_frame(&mut self, out: BytesOut) -> Result<Peer, Failure> {
        let next = self.waiting.take().or_else(|| {
            self.machine.poll_transmit().map(|transmit| Waiting { peer: transmit.peer, frame: transmit.frame })
        });
        let to = next.as_ref().map_or(Peer(0), |next| next.peer);
        match next {
            Some(next) => next.write(&mut self.waiting, out)?,
            None => out.write(&[])?,
        }
        Ok(to)
    }
}
