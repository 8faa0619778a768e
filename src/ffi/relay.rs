//! A relay for C: sealed frames pass, each is wiped once it is sent, and a receipt says how much was held and for how long.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Arc;

use super::arguments::{BytesOut, Out, StructOut, read_session, slice};
use super::boundary::{Failure, guarded};
use super::clock::{read_now, shokyo_now};
use super::event::shokyo_event;
use super::handles::{Handle, Kind, Place};
use super::machine::{self, Drive, Driven, Waiting};
use super::record::{self, shokyo_record};
use super::shokyo_status;
use super::station::{shokyo_station, station_of};
use crate::error::Error;
use crate::handover::relay::{Passing, UPSTREAM};
use crate::handover::suite::StationCrypto;
use crate::handover::{Peer, Persist, Relay};
use crate::station::outbox::StationOutbox;
use crate::station::relay::read_attachment;
use crate::station::trust::Authorities;
use crate::types::{Now, Time};

/// Tokens of the outbox's records have this bit.
const OUTBOX: u64 = 1 << 63;

/// A relay with all its sessions: the EC centre or the certificate centre. A handle, not an address.
pub struct shokyo_relay {
    _opaque: [u8; 0],
}

/// What is behind the handle.
pub(super) struct RelayDrive {
    machine: Relay<StationCrypto, Arc<Authorities>>,
    /// Receipts that nobody acknowledged before; none where the host keeps the records.
    outbox: Option<StationOutbox>,
    /// What the configuration says to attach.
    attachment: Option<Vec<u8>>,
    /// A frame of the outbox.
    waiting: Option<Waiting>,
    /// A frame that waits for a buffer that is large enough.
    next: Option<Passing>,
    /// Frames that the host is sending, by their tickets.
    sending: BTreeMap<u64, Passing>,
    tickets: u64,
}

impl Handle for shokyo_relay {
    type Object = Driven<RelayDrive>;
    const KIND: Kind = Kind::Relay;
    const NAME: &'static str = "the relay";
}

impl Drive for RelayDrive {
    type Handle = shokyo_relay;

    fn handle_written(&mut self, now: Now, token: u64, outcome: &Result<(), Error>) {
        match (&mut self.outbox, outcome) {
            (Some(outbox), _) if token & OUTBOX != 0 => outbox.handle_written(now, token & !OUTBOX, outcome),
            (_, Ok(())) => self.machine.handle_persisted(now, token),
            (_, Err(_)) => self.machine.handle_persist_failed(now, token),
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        let outbox = self.outbox.as_ref().and_then(StationOutbox::next_deadline);
        self.machine.next_deadline().into_iter().chain(outbox).min()
    }

    fn poll_persist(&mut self) -> Option<Persist> {
        self.machine.poll_persist().or_else(|| {
            let persist = self.outbox.as_mut()?.poll_persist()?;
            Some(Persist { token: persist.token | OUTBOX, ..persist })
        })
    }
}

impl RelayDrive {
    fn handle_frame(&mut self, now: Now, peer: Peer, frame: &[u8]) -> Result<(), Error> {
        if let (UPSTREAM, Some(outbox)) = (peer, &mut self.outbox)
            && outbox.handle_frame(now, frame).unwrap_or(false)
        {
            return Ok(());
        }
        self.machine.handle_frame(now, peer, frame.to_vec())
    }

    fn handle_timeout(&mut self, now: Now) {
        self.machine.handle_timeout(now);
        if let Some(outbox) = &mut self.outbox {
            outbox.handle_timeout(now);
        }
    }

    fn handle_peer_lost(&mut self, now: Now, peer: Peer) {
        Waiting::forget(&mut self.waiting, peer);
        if let Some(passing) = self.next.take_if(|passing| passing.peer == peer) {
            self.machine.handle_sent(now, passing);
        }
        self.machine.handle_peer_lost(now, peer);
        if let (UPSTREAM, Some(outbox)) = (peer, &mut self.outbox) {
            outbox.handle_peer_lost();
        }
    }

    fn handle_peer_back(&mut self, now: Now, peer: Peer) {
        self.machine.handle_peer_back(now, peer);
        if let (UPSTREAM, Some(outbox)) = (peer, &mut self.outbox) {
            outbox.handle_peer_back(now);
        }
    }

    fn poll_frame(&mut self, out: BytesOut, peer: Out<u64>, ticket: Out<u64>) -> Result<(), Failure> {
        if let Some(passing) = self.next.take().or_else(|| self.machine.poll_transmit()) {
            if let Err(failure) = out.write(passing.bytes()) {
                self.next = Some(passing);
                return Err(failure);
            }
            self.tickets += 1;
            peer.write(passing.peer.0);
            ticket.write(self.tickets);
            self.sending.insert(self.tickets, passing);
            return Ok(());
        }
        let outbox = &mut self.outbox;
        let next = self.waiting.take().or_else(|| {
            let transmit = outbox.as_mut()?.poll_transmit()?;
            Some(Waiting { peer: transmit.peer, frame: transmit.frame })
        });
        let to = next.as_ref().map_or(0, |next| next.peer.0);
        match next {
            Some(next) => next.write(&mut self.waiting, out)?,
            None => out.write(&[])?,
        }
        peer.write(to);
        ticket.write(0);
        Ok(())
    }

    fn attach(&mut self, now: Now, session: crate::types::SessionId, data: &[u8]) -> Result<(), Error> {
        match (data, &self.attachment) {
            ([], Some(configured)) => self.machine.attach(now, session, configured),
            ([], None) => {
                let reason = "`relay.attachment` names no file; name one, or give the data".to_owned();
                Err(Error::Configuration { reason })
            }
            (data, _) => self.machine.attach(now, session, data),
        }
    }
}

/// Makes the relay of a station, which lives as long as the station does. It also sends the receipts that an earlier process, or a deadline,
/// left without acknowledgement.
///
/// station: an EC centre's or a certificate centre's; stays the caller's. relay: receives the handle, which the caller owns and gives to
/// shokyo_relay_free.
/// Threads: any; one relay is for one thread at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED; MISMATCH when the station is no relay; CONFIGURATION when relay.attachment
/// names a file that cannot be used; STORE, HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_new(
    station: *const shokyo_station,
    relay: *mut *mut shokyo_relay,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let out = unsafe { Out::new(relay, "relay") }?;
        let station = station_of(station)?;
        call.uses(station.vault())?;
        let place = Place::reserve()?;
        let (config, trust) = (station.config(), station.trust());
        let machine = Relay::new(station.crypto().clone(), Arc::clone(trust), config.policy())?;
        let outbox = match station.journal() {
            Some(_) => Some(StationOutbox::new(config, station.crypto().clone(), Arc::clone(trust))?),
            None => None,
        };
        let attachment = config.relay.attachment.as_deref().map(read_attachment).transpose()?;
        let (waiting, next, sending) = (None, None, BTreeMap::new());
        let drive = RelayDrive { machine, outbox, attachment, waiting, next, sending, tickets: 0 };
        out.write(place.fill(Driven::new(&station, drive)));
        Ok(())
    })
}

/// Takes a frame from a neighbour.
///
/// relay: stays the caller's. now: the time. peer: which neighbour, by the host's number: SHOKYO_UPSTREAM towards the issuing system;
/// towards the kiosks one number for one station's identity, as TLS has verified it, for as long as the process lives, however often
/// its connection is lost and comes back. Numbers are never given to another station. frame, length: the bytes, not changed and not kept
/// beyond what the relay passes on; the caller's own copy is the caller's to wipe, see shokyo_wipe.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED. What is wrong with the frame, as for
/// shokyo_kiosk_handle_frame, and BUSY: it changes nothing, except that a session which would hold too much is ended: see
/// shokyo_relay_must_wait. Either way go on with the outputs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_handle_frame(
    relay: *mut shokyo_relay,
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
        Ok(machine::input::<RelayDrive, _>(call, relay, now, |drive| drive.handle_frame(now, Peer(peer), frame))??)
    })
}

/// Tells whether a frame must wait until frames that are being sent were given back: to take it now would end its session, because the
/// relay would hold too much. Frames of that session that come later must wait behind it.
///
/// relay: stays the caller's. frame, length: the bytes, not changed and not kept. must_wait: receives the answer.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_must_wait(
    relay: *const shokyo_relay,
    frame: *const c_void,
    length: usize,
    must_wait: *mut bool,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for the answer.
        let must_wait = unsafe { Out::new(must_wait, "must_wait") }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let frame = unsafe { slice(frame, length, "frame") }?;
        must_wait.write(machine::look::<RelayDrive, _>(call, relay, |drive| drive.machine.would_hold_too_much(frame))?);
        Ok(())
    })
}

/// Acts on every deadline that has passed: no frame is needed to erase. To be called when shokyo_relay_next_deadline has come.
///
/// relay: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_handle_timeout(
    relay: *mut shokyo_relay,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<RelayDrive, _>(call, relay, now, |drive| drive.handle_timeout(now))
    })
}

/// Says that the connection to a neighbour is gone: what was on its way there is
/// wiped, and the sessions through it wait for another one as long as the configuration says. Frames that are being sent are still to
/// be given back.
///
/// relay: stays the caller's. now: the time. peer: which neighbour.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_handle_peer_lost(
    relay: *mut shokyo_relay,
    now: *const shokyo_now,
    peer: u64,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<RelayDrive, _>(call, relay, now, |drive| drive.handle_peer_lost(now, Peer(peer)))
    })
}

/// Says that there is a connection to a neighbour again, to the same station as before: its sessions go on.
///
/// relay: stays the caller's. now: the time. peer: which neighbour.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_handle_peer_back(
    relay: *mut shokyo_relay,
    now: *const shokyo_now,
    peer: u64,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<RelayDrive, _>(call, relay, now, |drive| drive.handle_peer_back(now, Peer(peer)))
    })
}

/// Waits until the records that the relay asks for are durable in the station's store, and tells it. To be called after every input, before
/// shokyo_relay_poll_frame: what must be on record first is not sent before.
///
/// relay: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the host keeps the records. STORE when the disk
/// refuses a record, REPLAYED, WRONG_STATE, BUSY and others when a record is refused for what it says: the relay knows, and has erased
/// what depends on it; go on with the outputs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_store_records(relay: *mut shokyo_relay, now: *const shokyo_now) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::store_records::<RelayDrive>(call, relay, now)
    })
}

/// Gives the next record of a station that was opened with records_by_host, to be confirmed with shokyo_relay_handle_stored. It is given once.
///
/// relay: stays the caller's. record: with its struct_size set; receives the record, of kind SHOKYO_RECORD_NONE when none waits. receipt,
/// capacity: where a receipt goes, at most 8,192 bytes; length: receives its length, 0 for other records.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records;
/// CAPACITY_TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_poll_record(
    relay: *mut shokyo_relay,
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
        record::poll::<RelayDrive>(call, relay, record, receipt)
    })
}

/// Says what became of a record that shokyo_relay_poll_record gave.
///
/// relay: stays the caller's. now: the time. token: the record's. outcome: one of SHOKYO_STORED_.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_handle_stored(
    relay: *mut shokyo_relay,
    now: *const shokyo_now,
    token: u64,
    outcome: u32,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        record::stored::<RelayDrive>(call, relay, now, token, outcome)
    })
}

/// Gives the next frame and the neighbour that it is for. It is given once, and stays in the relay, too, until shokyo_relay_handle_sent.
///
/// relay: stays the caller's. frame, capacity: where it goes; SHOKYO_MAX_FRAME bytes are always enough. length: receives its length, 0 when
/// none waits. peer: receives the neighbour. ticket: receives what to give back, 0 for a frame that is not to be given back.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED, CAPACITY_TOO_SMALL; NOT_ERASED when the frame was given and the
/// library's own copy could not be shown to be erased.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_poll_frame(
    relay: *mut shokyo_relay,
    frame: *mut c_void,
    capacity: usize,
    length: *mut usize,
    peer: *mut u64,
    ticket: *mut u64,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or so many writable bytes, and NULL or a place for a number.
        let frame = unsafe { BytesOut::new(frame, capacity, length, "frame") }?;
        // SAFETY: the caller gives NULL or a place for a number.
        let peer = unsafe { Out::new(peer, "peer") }?;
        // SAFETY: as above.
        let ticket = unsafe { Out::new(ticket, "ticket") }?;
        machine::look::<RelayDrive, _>(call, relay, |drive| drive.poll_frame(frame, peer, ticket))?
    })
}

/// Says that a frame was written to its connection, or cannot be: the relay wipes it, and counts how long it was held. Wipe your own copy
/// with shokyo_wipe first: the relay's receipt says that nothing is left.
///
/// relay: stays the caller's. now: the time. ticket: of shokyo_relay_poll_frame; each is given back once, also after its neighbour was lost.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, also for a ticket that was given back or never given; INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_handle_sent(
    relay: *mut shokyo_relay,
    now: *const shokyo_now,
    ticket: u64,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<RelayDrive, _>(call, relay, now, |drive| {
            let passing = drive.sending.remove(&ticket);
            let passing = passing.ok_or(Failure::Argument("ticket", "was given back, or never given"))?;
            drive.machine.handle_sent(now, passing);
            Ok(())
        })?
    })
}

/// Gives the next event. It is given once.
///
/// relay: stays the caller's. event: with its struct_size set; receives the event, of kind SHOKYO_EVENT_NONE when none waits.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_poll_event(relay: *mut shokyo_relay, event: *mut shokyo_event) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let out = unsafe { StructOut::new(event) }?;
        let event = machine::look::<RelayDrive, _>(call, relay, |drive| drive.machine.poll_event())?;
        out.write(event.as_ref().map_or(shokyo_event::NONE, shokyo_event::of_relay));
        Ok(())
    })
}

/// Tells when shokyo_relay_handle_timeout must be called at the latest. It changes with every input.
///
/// relay: stays the caller's. monotonic_ms: receives the time on the clock of shokyo_now. is_some: receives whether there is one.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_next_deadline(
    relay: *const shokyo_relay,
    monotonic_ms: *mut u64,
    is_some: *mut bool,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a number.
        let monotonic_ms = unsafe { Out::new(monotonic_ms, "monotonic_ms") }?;
        // SAFETY: the caller gives NULL or a place for the answer.
        let is_some = unsafe { Out::new(is_some, "is_some") }?;
        machine::next_deadline::<RelayDrive>(call, relay, monotonic_ms, is_some)
    })
}

/// Attaches something of this operator's to the offer of a session, signed, for the kiosk: parameters for the printing, nothing made from
/// a document. To be called at SHOKYO_EVENT_OFFERED; it is sent again whenever the offer passes again.
///
/// relay: stays the caller's. now: the time. session: 32 bytes. data, length: at most 4,096 bytes; NULL with length 0 for what
/// relay.attachment of the configuration names.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE unless an offer has passed and nothing is attached;
/// TOO_LARGE; CONFIGURATION when it names nothing to attach.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_attach(
    relay: *mut shokyo_relay,
    now: *const shokyo_now,
    session: *const u8,
    data: *const c_void,
    length: usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: the caller gives NULL or 32 readable bytes.
        let session = unsafe { read_session(session) }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let data = unsafe { slice(data, length, "data") }?;
        Ok(machine::input::<RelayDrive, _>(call, relay, now, |drive| drive.attach(now, session, data))??)
    })
}

/// Tells how many sessions are open.
///
/// relay: stays the caller's. count: receives the number.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_open_sessions(relay: *const shokyo_relay, count: *mut usize) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a number.
        let count = unsafe { Out::new(count, "count") }?;
        count.write(machine::look::<RelayDrive, _>(call, relay, |drive| drive.machine.open_sessions())?);
        Ok(())
    })
}

/// Ends and erases every session, as before the process ends. Go on with the outputs until no session is open or the host's patience
/// ends, then call shokyo_relay_abandon.
///
/// relay: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_shutdown(relay: *mut shokyo_relay, now: *const shokyo_now) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<RelayDrive, _>(call, relay, now, |drive| drive.machine.shutdown(now))
    })
}

/// Writes down how every session stands that only waits for receipts or their acknowledgement, as the last thing before the process ends;
/// then shokyo_relay_store_records.
///
/// relay: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_abandon(relay: *mut shokyo_relay, now: *const shokyo_now) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<RelayDrive, _>(call, relay, now, |drive| drive.machine.abandon())
    })
}

/// Gives up the handle. Sessions that are open are erased, and say so nowhere: the next start of the station finds them lost. If calls
/// are using it, the end of the last of them erases.
///
/// relay: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for one that was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_relay_free(relay: *mut shokyo_relay) -> shokyo_status {
    guarded(|call| machine::free::<RelayDrive>(call, relay))
}
