//! Frames for C: how large one is at most, and which session it belongs to, for a host that finds out who is to take it.

use std::ffi::c_void;

use super::arguments::{Out, slice};
use super::boundary::guarded;
use super::shokyo_status;
use crate::handover::Frame;

/// The largest frame, in bytes.
pub const SHOKYO_MAX_FRAME: usize = 61440;
/// The neighbour towards the issuing system, of a kiosk or a relay. Neighbours towards the kiosks have other numbers, which the host gives.
pub const SHOKYO_UPSTREAM: u64 = 0;

/// Tells which session a frame belongs to. Nothing is verified: whoever takes the frame does that.
///
/// frame, length: the bytes, not changed and not kept. session: receives 32 bytes.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, MALFORMED, TOO_LARGE, UNSUPPORTED_VERSION, UNSUPPORTED_SUITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_frame_session(frame: *const c_void, length: usize, session: *mut u8) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a place for 32 bytes, which have no alignment.
        let session = unsafe { Out::<[u8; 32]>::new(session.cast(), "session") }?;
        // SAFETY: the caller gives NULL or readable bytes that nobody writes meanwhile.
        let frame = unsafe { slice(frame, length, "frame") }?;
        session.write(Frame::decode(frame)?.session.0);
        Ok(())
    })
}

const _: () = assert!(SHOKYO_MAX_FRAME == crate::handover::MAX_FRAME);
const _: () = assert!(SHOKYO_UPSTREAM == crate::handover::relay::UPSTREAM.0);
