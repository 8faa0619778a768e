//! Dead stack of processors without a path of their own, and nothing of their registers.

use core::mem::MaybeUninit;

use super::Coverage;

#[inline(always)]
pub(in crate::wipe) fn scrub() -> Coverage {
    Coverage::None
}

/// Overwrites at least `bytes` bytes below the caller's frame, but for what a compiler leaves between frames.
///
/// # Safety
/// The stack has that room.
#[inline(never)]
pub(in crate::wipe) unsafe fn scrub_stack(bytes: usize) {
    const FRAME: usize = 1024;
    let mut dead = MaybeUninit::<[u8; FRAME]>::uninit();
    // SAFETY: the array is this frame's own.
    let _clean = unsafe { crate::wipe::store::zero_and_check(dead.as_mut_ptr().cast(), FRAME) };
    if bytes > FRAME {
        // SAFETY: passed on to the caller.
        unsafe { scrub_stack(bytes - FRAME) };
    }
    // The array must outlive the call, or the frames would share one place.
    core::hint::black_box(&mut dead);
}
