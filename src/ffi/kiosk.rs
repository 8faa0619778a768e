//! A kiosk's transactions for C: one handle for one application, its inputs and outputs. What is done with its document stands in
//! `kiosk_document.rs`.

use std::ffi::{c_char, c_void};

use super::arguments::{BytesOut, Out, PublicStruct, StructOut, read_struct, slice, text};
use super::boundary::{Failure, guarded};
use super::clock::{read_now, shokyo_now};
use super::event::{cause_of_end, shokyo_event};
use super::handles::{Handle, Kind, Place};
use super::machine::{self, Drive, Driven, Waiting};
use super::record::{self, shokyo_record};
use super::shokyo_status;
use super::station::{TransactionPlace, shokyo_station, station_of};
use crate::buffer::Cause;
use crate::error::Error;
use crate::handover::suite::StationCrypto;
use crate::handover::{Application, Kiosk, KioskEvent, Persist};
use crate::station::trust::Authorities;
use crate::types::{Now, Role, Time};
use std::sync::Arc;

/// The longest name of a station, an operator or a kind of document, in bytes.
const LONGEST_NAME: usize = 64;

/// One transaction of a kiosk: apply, receive, open, print, erase. There is no second document in it. A handle, not an address.
pub struct shokyo_kiosk {
    _opaque: [u8; 0],
}

/// What is applied for. All fields but details must be given.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_application {
    /// sizeof(shokyo_application).
    pub struct_size: u32,
    /// How many copies, 1 to 255.
    pub copies: u32,
    /// The operator of the issuing station, null-terminated, at most 64 bytes: a station's name is unique only within its operator.
    pub operator_name: *const c_char,
    /// The issuing station, of the same form.
    pub issuer: *const c_char,
    /// What kind of document, of the same form.
    pub document_kind: *const c_char,
    /// The holder of the card, as the issuer's register knows them. Personal data: sealed during the call; the caller's own copy stays the
    /// caller's to wipe, see shokyo_wipe.
    pub subject: *const c_void,
    /// Its length in bytes.
    pub subject_length: usize,
    /// Whatever else the issuer's software needs, also sealed. With the subject at most 8,174 bytes.
    pub details: *const c_void,
    /// Its length in bytes.
    pub details_length: usize,
}

// SAFETY: `repr(C)`, the size first, another 32-bit integer, then pointers and lengths, all of the same size, without padding; a
// pointer may have any value, and is checked before it is used.
unsafe impl PublicStruct for shokyo_application {
    const NAME: &'static str = "application";
    const LEAST: usize = 8 + 7 * size_of::<usize>();
}

/// What is behind the handle.
pub(super) struct KioskDrive {
    pub(super) machine: Kiosk<StationCrypto, Arc<Authorities>>,
    waiting: Option<Waiting>,
    /// What relays attached, the first time each.
    attachments: Vec<(Role, Vec<u8>)>,
    _place: TransactionPlace,
}

impl Handle for shokyo_kiosk {
    type Object = Driven<KioskDrive>;
    const KIND: Kind = Kind::Kiosk;
    const NAME: &'static str = "the kiosk";
}

impl Drive for KioskDrive {
    type Handle = shokyo_kiosk;

    fn handle_written(&mut self, now: Now, token: u64, outcome: &Result<(), Error>) {
        match outcome {
            Ok(()) => self.machine.handle_persisted(now, token),
            Err(_) => self.machine.handle_persist_failed(now, token),
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.machine.next_deadline()
    }

    fn poll_persist(&mut self) -> Option<Persist> {
        self.machine.poll_persist()
    }

    fn cancel_late(&mut self, now: Now, cause: Cause) {
        self.machine.cancel(now, cause);
    }
}

impl KioskDrive {
    fn poll_frame(&mut self, out: BytesOut) -> Result<(), Failure> {
        let next = self.waiting.take().or_else(|| {
            self.machine.poll_transmit().map(|transmit| Waiting { peer: transmit.peer, frame: transmit.frame })
        });
        match next {
            Some(next) => next.write(&mut self.waiting, out),
            None => out.write(&[]),
        }
    }

    fn poll_event(&mut self) -> shokyo_event {
        // What an event says belongs to the session as it is now: the application's own event names its own.
        let Some(event) = self.machine.poll_event() else { return shokyo_event::NONE };
        let told = shokyo_event::of_kiosk(self.machine.id(), &event);
        if let KioskEvent::Attached { role, data } = event {
            self.attachments.push((role, data));
        }
        told
    }
}

/// Begins a transaction: holds the application sealed in the station's memory, and asks the issuing system for a challenge. Call it when
/// the card has left the kiosk (SHOKYO_CUSTOMER_EVENT_APPLY).
///
/// station: a kiosk's; stays the caller's. now: the time. application: read during the call. kiosk: receives the handle, which the caller
/// owns and gives to shokyo_kiosk_free.
/// Threads: any; one transaction is for one thread at a time, and different ones may be used at once. Signals: not safe in a signal
/// handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED; MISMATCH when the station is no kiosk; MALFORMED for an empty name or
/// one with control characters; TOO_LARGE; BUSY when as many transactions are there as the configuration allows;
/// LOCKED_MEMORY_EXHAUSTED, WINDOW_TIMEOUT, WINDOW_IN_USE inside a callback that looks at another document of the station,
/// RANDOMNESS_UNAVAILABLE, HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_apply(
    station: *const shokyo_station,
    now: *const shokyo_now,
    application: *const shokyo_application,
    kiosk: *mut *mut shokyo_kiosk,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let out = unsafe { Out::new(kiosk, "kiosk") }?;
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: as above.
        let application = unsafe { read_struct(application) }?;
        // SAFETY: the caller's struct points to NULL or to what its fields say.
        let application = unsafe { application.to_library() }?;
        let station = station_of(station)?;
        call.uses(station.vault())?;
        let place = Place::reserve()?;
        let transaction = TransactionPlace::take(&station)?;
        let (crypto, trust) = (station.crypto().clone(), Arc::clone(station.trust()));
        let machine = Kiosk::apply(now, crypto, trust, station.config().policy(), &application)?;
        let drive = KioskDrive { machine, waiting: None, attachments: Vec::new(), _place: transaction };
        out.write(place.fill(Driven::new(&station, drive)));
        Ok(())
    })
}

/// Tells which frames belong to the transaction: those for which shokyo_frame_session gives the same.
///
/// kiosk: stays the caller's. session: receives 32 bytes: a random identifier until SHOKYO_EVENT_APPLIED, then the session's.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_session(kiosk: *const shokyo_kiosk, session: *mut u8) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for 32 bytes, which have no alignment.
        let session = unsafe { Out::<[u8; 32]>::new(session.cast(), "session") }?;
        session.write(machine::look::<KioskDrive, _>(call, kiosk, |drive| drive.machine.id())?.0);
        Ok(())
    })
}

/// Takes a frame from the neighbour towards the issuing system.
///
/// kiosk: stays the caller's. now: the time. frame, length: the bytes, not changed and not kept; sealed, and the caller's to drop.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED. What is wrong with the frame: MISMATCH for another session's,
/// MALFORMED, TOO_LARGE, UNSUPPORTED_VERSION, UNSUPPORTED_SUITE, UNEXPECTED_MESSAGE, BAD_SIGNATURE, UNTRUSTED, NOT_AUTHENTIC, EXPIRED,
/// CANCELLED and others. A frame without a valid signature changes nothing; one that is signed and wrong erases. Either way go on with
/// the outputs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_handle_frame(
    kiosk: *mut shokyo_kiosk,
    now: *const shokyo_now,
    frame: *const c_void,
    length: usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let frame = unsafe { slice(frame, length, "frame") }?;
        Ok(machine::input::<KioskDrive, _>(call, kiosk, now, |drive| drive.machine.handle_frame(now, frame))??)
    })
}

/// Acts on every deadline that has passed: no frame is needed to erase. To be called when shokyo_kiosk_next_deadline has come.
///
/// kiosk: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_handle_timeout(
    kiosk: *mut shokyo_kiosk,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<KioskDrive, _>(call, kiosk, now, |drive| drive.machine.handle_timeout(now))
    })
}

/// Says that the connection is gone. Before an application is sent that is the end; while the ciphertext moves the transaction waits for
/// another connection as long as the configuration says; a document that is open may still be delivered.
///
/// kiosk: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_handle_peer_lost(
    kiosk: *mut shokyo_kiosk,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<KioskDrive, _>(call, kiosk, now, |drive| {
            // What was to be sent is asked for again, or comes again by itself.
            Waiting::forget(&mut drive.waiting, crate::handover::kiosk::UPSTREAM);
            drive.machine.handle_peer_lost(now);
        })
    })
}

/// Says that there is a connection again, to the same station: what is missing is asked for.
///
/// kiosk: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_handle_peer_back(
    kiosk: *mut shokyo_kiosk,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<KioskDrive, _>(call, kiosk, now, |drive| drive.machine.handle_peer_back(now))
    })
}

/// Waits until the records that the transaction asks for are durable in the station's store, and tells it. To be called after every input,
/// before shokyo_kiosk_poll_frame: what must be on record first is not sent or printed before.
///
/// kiosk: stays the caller's. now: the time.
/// Threads: any, one at a time; records of several threads share a transaction of the store. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the host keeps the records. STORE when the disk
/// refuses a record, REPLAYED and others when a record is refused for what it says: the transaction knows, and has erased what
/// depends on it; go on with the outputs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_store_records(kiosk: *mut shokyo_kiosk, now: *const shokyo_now) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::store_records::<KioskDrive>(call, kiosk, now)
    })
}

/// Gives the next record of a station that was opened with records_by_host, to be confirmed with shokyo_kiosk_handle_stored. It is given once.
///
/// kiosk: stays the caller's. record: with its struct_size set; receives the record, of kind SHOKYO_RECORD_NONE when none waits. receipt,
/// capacity: where a receipt goes, at most 8,192 bytes; length: receives its length, 0 for other records.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records;
/// CAPACITY_TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_poll_record(
    kiosk: *mut shokyo_kiosk,
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
        record::poll::<KioskDrive>(call, kiosk, record, receipt)
    })
}

/// Says what became of a record that shokyo_kiosk_poll_record gave.
///
/// kiosk: stays the caller's. now: the time. token: the record's. outcome: one of SHOKYO_STORED_.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_handle_stored(
    kiosk: *mut shokyo_kiosk,
    now: *const shokyo_now,
    token: u64,
    outcome: u32,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        record::stored::<KioskDrive>(call, kiosk, now, token, outcome)
    })
}

/// Gives the next frame for the neighbour towards the issuing system. It is given once.
///
/// kiosk: stays the caller's. frame, capacity: where it goes; SHOKYO_MAX_FRAME bytes are always enough. length: receives its length, 0 when
/// none waits. It holds ciphertext at most.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, CAPACITY_TOO_SMALL; NOT_ERASED when the frame was given and the
/// library's own copy could not be shown to be erased.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_poll_frame(
    kiosk: *mut shokyo_kiosk,
    frame: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or so many writable bytes, and NULL or a place for a number.
        let frame = unsafe { BytesOut::new(frame, capacity, length, "frame") }?;
        machine::look::<KioskDrive, _>(call, kiosk, |drive| drive.poll_frame(frame))?
    })
}

/// Gives the next event: act on it, and give it to shokyo_customer_handle_kiosk where there is a customer's session. It is given once.
///
/// kiosk: stays the caller's. event: with its struct_size set; receives the event, of kind SHOKYO_EVENT_NONE when none waits.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_poll_event(kiosk: *mut shokyo_kiosk, event: *mut shokyo_event) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let event = unsafe { StructOut::new(event) }?;
        event.write(machine::look::<KioskDrive, _>(call, kiosk, KioskDrive::poll_event)?);
        Ok(())
    })
}

/// Gives what a relay attached to the offer for the printing, as often as it is asked: parameters, nothing made from the document.
///
/// kiosk: stays the caller's. role: of SHOKYO_EVENT_ATTACHED. data, capacity: where it goes; 4,096 bytes are always enough. length: receives
/// its length.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, CAPACITY_TOO_SMALL; WRONG_STATE when that relay attached nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_attachment(
    kiosk: *const shokyo_kiosk,
    role: u32,
    data: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or so many writable bytes, and NULL or a place for a number.
        let data = unsafe { BytesOut::new(data, capacity, length, "data") }?;
        machine::look::<KioskDrive, _>(call, kiosk, |drive| {
            let found = drive.attachments.iter().find(|(relay, _)| *relay as u32 == role);
            let (_, found) = found.ok_or(Error::WrongState { command: "reading what a relay attached" })?;
            data.write(found)
        })?
    })
}

/// Tells when shokyo_kiosk_handle_timeout must be called at the latest. It changes with every input.
///
/// kiosk: stays the caller's. monotonic_ms: receives the time on the clock of shokyo_now. is_some: receives whether there is one.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_next_deadline(
    kiosk: *const shokyo_kiosk,
    monotonic_ms: *mut u64,
    is_some: *mut bool,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a number.
        let monotonic_ms = unsafe { Out::new(monotonic_ms, "monotonic_ms") }?;
        // SAFETY: the caller gives NULL or a place for the answer.
        let is_some = unsafe { Out::new(is_some, "is_some") }?;
        machine::next_deadline::<KioskDrive>(call, kiosk, monotonic_ms, is_some)
    })
}

/// Ends the transaction without delivery, from any state, and erases: abandoned, jam, door, shutdown. While another call uses the
/// transaction, also from inside its own callback, that call carries it out when it ends, and reads no further window.
///
/// kiosk: stays the caller's. now: the time. cause: one of SHOKYO_CAUSE_, but DELIVERED and HANDED_OVER.
/// Threads: any, at any time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_cancel(
    kiosk: *mut shokyo_kiosk,
    now: *const shokyo_now,
    cause: u32,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        let cause = cause_of_end(cause)?;
        machine::of::<KioskDrive>(call, kiosk)?.cancel(now, cause)
    })
}

/// Writes down how a transaction stands that only waits for its receipt to be acknowledged, as the last thing before the process ends; then
/// shokyo_kiosk_store_records. One that is otherwise open is to be cancelled before, with SHOKYO_CAUSE_SHUTDOWN.
///
/// kiosk: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_abandon(kiosk: *mut shokyo_kiosk, now: *const shokyo_now) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<KioskDrive, _>(call, kiosk, now, |drive| drive.machine.abandon())
    })
}

/// Tells whether the transaction is over and every output was taken: then it is to be freed.
///
/// kiosk: stays the caller's. finished: receives the answer.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_is_finished(kiosk: *const shokyo_kiosk, finished: *mut bool) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for the answer.
        let finished = unsafe { Out::new(finished, "finished") }?;
        let driven = machine::of::<KioskDrive>(call, kiosk)?;
        let mut alone = driven.alone()?;
        let records = alone.has_records();
        let drive = alone.drive()?;
        let outputs = drive.machine.has_output() || drive.waiting.is_some() || records;
        finished.write(drive.machine.is_finished() && !outputs);
        Ok(())
    })
}

/// Gives up the handle. A transaction that is not over is erased, and says so nowhere: the next start of the station finds it lost. If
/// calls are using it, the end of the last of them erases.
///
/// kiosk: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any, also inside its own callback. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for a transaction that was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_kiosk_free(kiosk: *mut shokyo_kiosk) -> shokyo_status {
    guarded(|call| machine::free::<KioskDrive>(call, kiosk))
}

impl shokyo_application {
    /// # Safety
    /// Its pointers are null or point to what the fields say, and nobody writes that for `'a`.
    unsafe fn to_library<'a>(self) -> Result<Application<'a>, Failure> {
        let copies = u8::try_from(self.copies).ok().filter(|copies| *copies > 0);
        Ok(Application {
            // SAFETY: passed on to the caller.
            operator: unsafe { text(self.operator_name, LONGEST_NAME, "operator_name") }?,
            // SAFETY: as above.
            issuer: unsafe { text(self.issuer, LONGEST_NAME, "issuer") }?,
            // SAFETY: as above.
            kind: unsafe { text(self.document_kind, LONGEST_NAME, "document_kind") }?,
            copies: copies.ok_or(Failure::Argument("copies", "is not 1 to 255"))?,
            // SAFETY: as above.
            subject: unsafe { slice(self.subject, self.subject_length, "subject") }?,
            // SAFETY: as above.
            details: unsafe { slice(self.details, self.details_length, "details") }?,
        })
    }
}
