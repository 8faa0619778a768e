//! How links stand, for C, and where a station's sockets belong.

use std::ffi::c_char;

use super::arguments::{Out, PublicStruct, StructOut, TextOut, fixed};
use super::boundary::{Failure, guarded};
use super::link::{State, of, shokyo_link};
use super::shokyo_status;
use super::station::{shokyo_station, station_of};
use crate::station::link::LinkStage;

/// The handshake, until the side that listens has accepted the other's certificate and said so.
pub const SHOKYO_LINK_HANDSHAKE: u32 = 1;
/// Frames go both ways.
pub const SHOKYO_LINK_OPEN: u32 = 2;
/// This side has ended it in order; what the neighbour sent before its own end can still be polled.
pub const SHOKYO_LINK_CLOSING: u32 = 3;
/// Both sides have ended it in order. What waits to be sent is to be sent before the socket is closed.
pub const SHOKYO_LINK_CLOSED: u32 = 4;
/// It is over otherwise. What waits to be sent, such as an alert that tells the neighbour why, is to be sent before the socket is closed.
pub const SHOKYO_LINK_FAILED: u32 = 5;

/// The address to connect to, "host:port": the configuration's upstream.address. For shokyo_station_address.
pub const SHOKYO_ADDRESS_UPSTREAM: u32 = 1;
/// The address to listen on: the configuration's listen; port 0 lets the system choose. For shokyo_station_address.
pub const SHOKYO_ADDRESS_LISTEN: u32 = 2;

/// How a link stands, and with whom.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_link_info {
    /// sizeof(shokyo_link_info), set by the caller.
    pub struct_size: u32,
    /// How far it has come, one of SHOKYO_LINK_.
    pub state: u32,
    /// The neighbour's role, one of SHOKYO_ROLE_; 0 until the link is open for the first time.
    pub role: u32,
    /// 1 when a received frame waits to be polled; otherwise 0.
    pub has_frame: u32,
    /// The neighbour's number for the machines: the same for the same station as long as this process lives, and never another's.
    /// SHOKYO_UPSTREAM for the neighbour towards the issuing system. Given once the link is open.
    pub peer: u64,
    /// Which connection of the station's this is; later ones have greater numbers. Of two links with the same peer the earlier is to
    /// be given up.
    pub connection: u64,
    /// How many bytes wait to be sent.
    pub waiting_bytes: u64,
    /// The neighbour's name as its certificate says it, null-terminated. Given once the link is open.
    pub station: [c_char; 64],
    /// Who runs the neighbour, null-terminated. Given once the link is open.
    pub operator_name: [c_char; 64],
}

// SAFETY: `repr(C)`, the size first, three 32-bit and three 64-bit integers and characters without padding (4*4+3*8+64+64).
unsafe impl PublicStruct for shokyo_link_info {
    const NAME: &'static str = "info";
    const LEAST: usize = 168;
}

/// Tells where a station's sockets belong, as its configuration says.
///
/// station: stays the caller's. which: SHOKYO_ADDRESS_UPSTREAM or SHOKYO_ADDRESS_LISTEN. text: where to write it, null-terminated and cut
/// to fit; may be NULL when size is 0. size: bytes at text. length: receives the length of the whole text without its null; 0 when the
/// station has no such neighbour.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_station_address(
    station: *const shokyo_station,
    which: u32,
    text: *mut c_char,
    size: usize,
    length: *mut usize,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or places for that many bytes and for a number.
        let out = unsafe { TextOut::new(text, size, length) }?;
        let station = station_of(station)?;
        call.ends(station.vault());
        let config = station.config();
        match which {
            SHOKYO_ADDRESS_UPSTREAM => out.write(config.upstream.as_ref().map_or("", |upstream| &upstream.address)),
            SHOKYO_ADDRESS_LISTEN => {
                out.write(&config.listen.map_or_else(String::new, |address| address.to_string()));
            }
            _ => return Err(Failure::Argument("which", "is no address of a station")),
        }
        Ok(())
    })
}

/// Tells whether frames can be sent now.
///
/// link: stays the caller's. open: receives the answer.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_is_open(link: *const shokyo_link, open: *mut bool) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for the answer.
        let open = unsafe { Out::new(open, "open") }?;
        open.write(matches!(of(call, link)?.alone()?.machine.stage(), LinkStage::Open));
        Ok(())
    })
}

/// Tells how a link stands, and with whom.
///
/// link: stays the caller's. info: with its struct_size set; receives the answer.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_link_describe(link: *const shokyo_link, info: *mut shokyo_link_info) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let info = unsafe { StructOut::new(info) }?;
        let linked = of(call, link)?;
        info.write(linked.alone()?.describe());
        Ok(())
    })
}

impl State {
    fn describe(&self) -> shokyo_link_info {
        let (peer, connection) = self.met.map_or((0, 0), |(peer, connection)| (peer.0, connection));
        let name = self.met.and(self.machine.peer());
        shokyo_link_info {
            struct_size: 0,
            state: match self.machine.stage() {
                LinkStage::Handshake => SHOKYO_LINK_HANDSHAKE,
                LinkStage::Open => SHOKYO_LINK_OPEN,
                LinkStage::Closing => SHOKYO_LINK_CLOSING,
                LinkStage::Closed => SHOKYO_LINK_CLOSED,
                LinkStage::Failed(_) => SHOKYO_LINK_FAILED,
            },
            role: name.map_or(0, |name| name.role as u32),
            has_frame: self.machine.next_frame_length().is_some().into(),
            peer,
            connection,
            waiting_bytes: self.machine.waiting_bytes() as u64,
            station: fixed(name.map_or("", |name| &name.station)),
            operator_name: fixed(name.map_or("", |name| &name.operator)),
        }
    }
}
