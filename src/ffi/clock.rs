//! Time for C: it comes in with every input, and here is how it is read.

use super::arguments::{PublicStruct, StructOut, read_struct};
use super::boundary::{Failure, guarded};
use super::shokyo_status;
use crate::station::notice;
use crate::types::{Now, Time};

/// One reading of two clocks, given with every input of a session: shokyo_clock reads them. All inputs of one station must come from
/// the same clocks.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_now {
    /// sizeof(shokyo_now).
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// For deadlines: milliseconds on a clock that never goes back and counts the time in which the machine is suspended.
    pub monotonic_ms: u64,
    /// For records: milliseconds since 1970-01-01 UTC.
    pub unix_ms: u64,
}

// SAFETY: `repr(C)`, the size first, another 32-bit and two 64-bit integers without padding.
unsafe impl PublicStruct for shokyo_now {
    const NAME: &'static str = "now";
    const LEAST: usize = 24;
}

/// Reads the clocks of this machine. The first counts suspended time; if it cannot be read, it shows the end of time, past which
/// everything is erased rather than kept.
///
/// now: with its struct_size set; receives the reading.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_clock(now: *mut shokyo_now) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let out = unsafe { StructOut::new(now) }?;
        let now = notice::now();
        out.write(shokyo_now { monotonic_ms: now.monotonic.0, unix_ms: now.unix_ms, ..shokyo_now::default() });
        Ok(())
    })
}

/// The reading that a caller passes.
///
/// # Safety
/// As for [`read_struct`].
pub(super) unsafe fn read_now(now: *const shokyo_now) -> Result<Now, Failure> {
    // SAFETY: passed on to the caller.
    let now = unsafe { read_struct(now) }?;
    if now.reserved != 0 {
        return Err(Failure::Argument("now", "has a reserved field that is not 0"));
    }
    Ok(Now { monotonic: Time(now.monotonic_ms), unix_ms: now.unix_ms })
}
