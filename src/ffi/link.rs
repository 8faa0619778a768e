//! Links for C: mutual TLS with a neighbour, frames and keep-alive, without sockets: bytes in, bytes out.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};

use super::arguments::{BytesOut, Out, slice, slice_mut};
use super::boundary::{Call, Failure, guarded};
use super::clock::{read_now, shokyo_now};
use super::frame::SHOKYO_MAX_FRAME;
use super::handles::{self, Handle, Kind, Place, Use};
use super::shokyo_status;
use super::station::{StationState, shokyo_station, station_of};
use crate::error::Error;
use crate::handover::Peer;
use crate::station::link::LinkMachine;
use crate::station::neighbours::{Neighbours, Side};
use crate::station::run::link_options;
use crate::station::tls::{ClientTls, ServerTls};
use crate::types::Now;

/// One connection to a neighbour of a station: mutual TLS 1.3, frames, pings and the time after which a silent neighbour is dead. It has
/// no socket: the host feeds what it reads and sends what it polls. A handle, not an address.
pub struct shokyo_link {
    _opaque: [u8; 0],
}

/// What a station's links share: credentials, which are read when the first link needs them, and who was met.
#[derive(Default)]
pub(super) struct Links {
    client: OnceLock<ClientTls>,
    server: OnceLock<ServerTls>,
    neighbours: Neighbours,
}

/// What the handle stands for.
pub(super) struct Linked {
    station: Arc<StationState>,
    side: Side,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) machine: LinkMachine,
    /// Number and connection of the neighbour, once the link was open.
    pub(super) met: Option<(Peer, u64)>,
}

impl Handle for shokyo_link {
    type Object = Linked;
    const KIND: Kind = Kind::Link;
    const NAME: &'static str = "the link";
}

/// Begins a link over a socket that the host has connected to the upstream neighbour, towards the issuing system. The first bytes to be
/// sent can be polled at once.
///
/// station: stays the caller's, and may be freed before the link. now: the time. link: receives the handle, which the caller owns and
/// gives to shokyo_link_free.
/// Threads: any; one link is for one thread at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE; CONFIGURATION when the station has no such neighbour, or its certificate or key for TLS cannot
/// be used, of which shokyo_detail names the file; UNSUPPORTED, HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_connect(
    station: *const shokyo_station,
    now: *const shokyo_now,
    link: *mut *mut shokyo_link,
) -> shokyo_status {
    // SAFETY: passed on to the caller.
    guarded(|call| unsafe { begin(call, station, now, link, Side::Upstream) })
}

/// Begins a link over a socket that the host has accepted from a downstream neighbour, towards a kiosk.
///
/// station: stays the caller's, and may be freed before the link. now: the time. link: receives the handle, which the caller owns and
/// gives to shokyo_link_free.
/// Threads: any; one link is for one thread at a time. Signals: not safe in a signal handler.
/// Errors: as shokyo_link_connect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_accept(
    station: *const shokyo_station,
    now: *const shokyo_now,
    link: *mut *mut shokyo_link,
) -> shokyo_status {
    // SAFETY: passed on to the caller.
    guarded(|call| unsafe { begin(call, station, now, link, Side::Downstream) })
}

/// Takes bytes that were read from the socket. Poll bytes, frames and the state afterwards.
///
/// link: stays the caller's. now: the time. bytes, length: what was read, not changed and not kept. taken: receives how many bytes were
/// taken: fewer than length while frames wait; poll them, then give the rest again, before what is read next.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE: nothing was taken. UNTRUSTED about the neighbour's certificate; CONFIGURATION
/// when the neighbour refused this station's; MISMATCH when versions or protocols differ, or another station than before answers upstream;
/// MALFORMED, TOO_LARGE for what is no TLS or no frame; IO when the neighbour ended it; BUSY after more neighbours than there are: the
/// link has failed, and every later call says the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_receive(
    link: *mut shokyo_link,
    now: *const shokyo_now,
    bytes: *const c_void,
    length: usize,
    taken: *mut usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let bytes = unsafe { slice(bytes, length, "bytes") }?;
        // SAFETY: the caller gives NULL or a place for a number.
        let out = unsafe { Out::new(taken, "taken") }?;
        let linked = of(call, link)?;
        let mut state = linked.alone()?;
        let taken = state.machine.handle_bytes(now.monotonic, bytes);
        linked.meet(&mut state)?;
        out.write(taken?);
        Ok(())
    })
}

/// Says that the socket has ended or broken: no more bytes will come.
///
/// link: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE; IO when the neighbour had not ended the link in order before: it has failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_receive_end(link: *mut shokyo_link, now: *const shokyo_now) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        let linked = of(call, link)?;
        let mut state = linked.alone()?;
        Ok(state.machine.handle_end(now.monotonic)?)
    })
}

/// Does what the time demands: sends a ping, or gives up a neighbour that is silent, or takes nothing, for too long. To be called at
/// shokyo_link_next_deadline; give what was read to shokyo_link_receive before.
///
/// link: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE; IO when the neighbour was given up, and whatever the link failed with before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_handle_timeout(link: *mut shokyo_link, now: *const shokyo_now) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        let linked = of(call, link)?;
        let mut state = linked.alone()?;
        Ok(state.machine.handle_timeout(now.monotonic)?)
    })
}

/// Tells when shokyo_link_handle_timeout must be called at the latest. It changes with every call.
///
/// link: stays the caller's. monotonic_ms: receives the time on the clock of shokyo_now. is_some: receives whether there is one.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_next_deadline(
    link: *const shokyo_link,
    monotonic_ms: *mut u64,
    is_some: *mut bool,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a number.
        let monotonic_ms = unsafe { Out::new(monotonic_ms, "monotonic_ms") }?;
        // SAFETY: the caller gives NULL or a place for the answer.
        let is_some = unsafe { Out::new(is_some, "is_some") }?;
        let deadline = of(call, link)?.alone()?.machine.next_deadline();
        monotonic_ms.write(deadline.map_or(0, |deadline| deadline.0));
        is_some.write(deadline.is_some());
        Ok(())
    })
}

/// Gives bytes to be sent over the socket, as many as there are and fit, each once and in their order. To be called after every other
/// call and whenever the socket takes more, also after the link has failed or closed, until there are none.
///
/// link: stays the caller's. now: the time. bytes, capacity: where they go; any capacity will do. length: receives how many there are, 0
/// when none waits.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_poll_bytes(
    link: *mut shokyo_link,
    now: *const shokyo_now,
    bytes: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: the caller gives NULL or writable bytes that nobody else uses meanwhile.
        let bytes = unsafe { slice_mut(bytes, capacity, "bytes") }?;
        // SAFETY: the caller gives NULL or a place for a number.
        let length = unsafe { Out::new(length, "length") }?;
        let linked = of(call, link)?;
        let count = linked.alone()?.machine.poll_bytes(now.monotonic, bytes);
        length.write(count);
        Ok(())
    })
}

/// Gives the next frame that was received: for the machine that it belongs to. It is given once, and wiped here.
///
/// link: stays the caller's. now: the time. frame, capacity: where it goes; SHOKYO_MAX_FRAME bytes are always enough. length:
/// receives its length, 0 when none waits. It may be a release: wipe it with shokyo_wipe when it was taken.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE; CAPACITY_TOO_SMALL: the frame still waits; NOT_ERASED when the frame was given
/// and the library's own copy could not be shown to be erased; TOO_LARGE for a frame that no machine takes: the link has failed. When no
/// frame waits any more: what the link failed with.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_poll_frame(
    link: *mut shokyo_link,
    now: *const shokyo_now,
    frame: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: the caller gives NULL or so many writable bytes, and NULL or a place for a number.
        let out = unsafe { BytesOut::new(frame, capacity, length, "frame") }?;
        let linked = of(call, link)?;
        let mut state = linked.alone()?;
        let length = state.machine.next_frame_length().unwrap_or(0);
        if length > SHOKYO_MAX_FRAME {
            let error = Error::TooLarge { what: "a frame, in bytes,", limit: SHOKYO_MAX_FRAME as u64 };
            state.machine.fail(error.clone());
            return Err(error.into());
        }
        out.fits(length)?;
        let Some(mut frame) = state.machine.poll_frame(now.monotonic)? else { return out.write(&[]) };
        let written = out.write(&frame);
        let _ = crate::wipe::wipe_vec(&mut frame, 0)?;
        written
    })
}

/// Sends a frame: encrypts it at once, to be polled as bytes. The caller's own copy stays the caller's to wipe.
///
/// link: stays the caller's. now: the time. frame, length: the frame, at most SHOKYO_MAX_FRAME bytes, not changed and not kept.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE; MALFORMED for an empty frame, TOO_LARGE; WRONG_STATE before the link is open;
/// BUSY while as many frames wait as all sessions of the configuration may have under way: poll bytes first: nothing was changed. IO when
/// the link is closed; what it failed with.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_send_frame(
    link: *mut shokyo_link,
    now: *const shokyo_now,
    frame: *const c_void,
    length: usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let frame = unsafe { slice(frame, length, "frame") }?;
        if frame.len() > SHOKYO_MAX_FRAME {
            return Err(Error::TooLarge { what: "a frame, in bytes,", limit: SHOKYO_MAX_FRAME as u64 }.into());
        }
        let linked = of(call, link)?;
        let mut state = linked.alone()?;
        Ok(state.machine.send(now.monotonic, frame)?)
    })
}

/// Ends a link in order: what waits is sent, then the neighbour is told, which ends its own direction. Poll the bytes and send them, and
/// go on receiving until the state is SHOKYO_LINK_CLOSED, or not long: then close the socket. A link that was never open is given up.
///
/// link: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_close(link: *mut shokyo_link, now: *const shokyo_now) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        of(call, link)?.alone()?.machine.close(now.monotonic);
        Ok(())
    })
}

/// Gives up the handle. Frames that nobody polled are wiped. The socket is the host's.
///
/// link: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for a link that was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_free(link: *mut shokyo_link) -> shokyo_status {
    guarded(|call| {
        handles::free(link)?.inspect(|linked| call.ends(linked.station.vault()));
        Ok(())
    })
}

/// # Safety
/// As the callers say of their pointers.
unsafe fn begin(
    call: &Call,
    station: *const shokyo_station,
    now: *const shokyo_now,
    link: *mut *mut shokyo_link,
    side: Side,
) -> Result<(), Failure> {
    // SAFETY: the caller gives NULL or a place for a handle.
    let out = unsafe { Out::new(link, "link") }?;
    // SAFETY: the caller gives NULL or a struct of the size that it states.
    let now = unsafe { read_now(now) }?;
    let station = station_of(station)?;
    call.ends(station.vault());
    let place = Place::reserve()?;
    let machine = Links::begin(&station, side, now)?;
    let state = Mutex::new(State { machine, met: None });
    out.write(place.fill(Linked { station: Arc::clone(&station), side, state }));
    Ok(())
}

/// The link of a handle.
pub(super) fn of(call: &Call, link: *const shokyo_link) -> Result<Use<Linked>, Failure> {
    let linked = handles::get(link)?;
    call.ends(linked.station.vault());
    Ok(linked)
}

impl Links {
    fn begin(station: &StationState, side: Side, now: Now) -> Result<LinkMachine, Error> {
        let (links, config, trust) = (station.links(), station.config(), station.trust());
        let options = link_options(config);
        match side {
            Side::Upstream => {
                let tls = made_once(&links.client, || ClientTls::new(config, trust))?;
                LinkMachine::connect(&tls, options, now.monotonic)
            }
            Side::Downstream => {
                let tls = made_once(&links.server, || ServerTls::new(config, trust))?;
                LinkMachine::accept(&tls, options, now.monotonic)
            }
        }
    }
}

/// What is there, or what is made now; of two that are made at once, one stays.
fn made_once<T: Clone>(place: &OnceLock<T>, make: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    match place.get() {
        Some(made) => Ok(made.clone()),
        None => make().map(|made| place.get_or_init(|| made).clone()),
    }
}

impl Linked {
    /// The link, for this call alone.
    pub(super) fn alone(&self) -> Result<MutexGuard<'_, State>, Failure> {
        match self.state.try_lock() {
            Ok(state) => Ok(state),
            // A panic has poisoned its station's vault as well.
            Err(TryLockError::Poisoned(_)) => Err(Failure::Poisoned),
            Err(TryLockError::WouldBlock) => Err(Failure::InUse(shokyo_link::NAME)),
        }
    }

    /// Numbers the neighbour, once the link was open. One that must not be there ends it.
    fn meet(&self, state: &mut State) -> Result<(), Error> {
        let (true, None, Some(name)) = (state.machine.was_open(), state.met, state.machine.peer()) else {
            return Ok(());
        };
        match self.station.links().neighbours.connected(name, self.side) {
            Ok(met) => {
                state.met = Some(met);
                Ok(())
            }
            Err(error) => {
                state.machine.fail(error.clone());
                Err(error)
            }
        }
    }
}
