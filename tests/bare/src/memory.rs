//! The program's memory: everything that it ever writes is in these statics, its stack too, so that all of it can be searched.

use core::ops::Range;

use shokyo::buffer::BorrowedOptions;

/// Small chunks, so that documents have several.
pub(crate) const OPTIONS: BorrowedOptions = {
    let mut options = BorrowedOptions::new();
    options.chunk_size = 1024;
    options.key_cells = 4;
    options
};
pub(crate) const PLACES: usize = 12;
pub(crate) const STACK_SIZE: usize = 128 * 1024;
pub(crate) const SECRET_SIZE: usize = OPTIONS.secret_bytes();
pub(crate) const ORDINARY_SIZE: usize = OPTIONS.ordinary_bytes(PLACES);

#[repr(align(64))]
pub(crate) struct Aligned<const N: usize>(pub(crate) [u8; N]);

pub(crate) static mut STACK: Aligned<STACK_SIZE> = Aligned([0; STACK_SIZE]);
static mut SECRET: Aligned<SECRET_SIZE> = Aligned([0; SECRET_SIZE]);
static mut ORDINARY: Aligned<ORDINARY_SIZE> = Aligned([0; ORDINARY_SIZE]);
static mut SOURCE: Aligned<8192> = Aligned([0; 8192]);

/// The slices for a vault.
///
/// # Safety
/// One vault at a time.
pub(crate) unsafe fn slices() -> (&'static mut [u8], &'static mut [u8]) {
    // SAFETY: nobody else has the slices, as the caller promises.
    unsafe { ((&raw mut SECRET.0).as_mut_unchecked(), (&raw mut ORDINARY.0).as_mut_unchecked()) }
}

/// Where documents come from before they are sealed.
///
/// # Safety
/// One at a time.
pub(crate) unsafe fn source() -> &'static mut [u8] {
    // SAFETY: nobody else has the slice, as the caller promises.
    unsafe { (&raw mut SOURCE.0).as_mut_unchecked() }
}

/// Wipes the secret slice, whoever holds it: for when nothing runs any more but this.
pub(crate) fn wipe_secret() -> bool {
    // SAFETY: called by the panic handler alone, after which nothing of the vault runs.
    unsafe { shokyo::wipe::wipe_raw((&raw mut SECRET.0).cast(), SECRET_SIZE, 0).is_ok() }
}

/// Changes a byte of the secret slice, as a defect elsewhere would.
pub(crate) fn write_beside(offset: usize) {
    let place = (&raw mut SECRET).cast::<u8>();
    // SAFETY: the offset lies in the static. That a vault borrows it is the point.
    unsafe { place.add(offset).write_volatile(place.add(offset).read_volatile() ^ 1) };
}

/// Everything that the program can have written: the linker's own bounds of zero-initialised memory, which hold all statics.
pub(crate) fn all() -> Range<*const u8> {
    unsafe extern "C" {
        static __bss_start: u8;
        static _end: u8;
    }
    &raw const __bss_start..&raw const _end
}

/// Whether both slices hold zeros alone.
pub(crate) fn slices_are_zero() -> bool {
    let zero = |start: *const u8, length: usize| {
        // SAFETY: the bytes are the statics'.
        (0..length).all(|offset| unsafe { start.add(offset).read_volatile() } == 0)
    };
    zero((&raw const SECRET).cast(), SECRET_SIZE) && zero((&raw const ORDINARY).cast(), ORDINARY_SIZE)
}

/// How far `work` goes below this frame, in bytes.
#[inline(never)]
pub(crate) fn stack_used(work: impl FnOnce()) -> usize {
    const PAINT: u8 = 0xC5;
    /// Bytes below this variable that may belong to this frame.
    const FRAME: usize = 512;
    let here = 0u8;
    let here = core::hint::black_box(&raw const here).addr();
    let bottom = (&raw mut STACK).cast::<u8>();
    let painted = here.saturating_sub(bottom.addr()).saturating_sub(FRAME);
    for offset in 0..painted {
        // SAFETY: below this frame is dead stack, in the static.
        unsafe { bottom.add(offset).write_volatile(PAINT) };
    }
    work();
    // SAFETY: as above, for reading.
    let untouched = (0..painted).take_while(|offset| unsafe { bottom.add(*offset).read_volatile() } == PAINT).count();
    for offset in 0..painted {
        // SAFETY: as above. What the work left is not what the next claim looks for.
        unsafe { bottom.add(offset).write_volatile(0) };
    }
    here - bottom.addr() - untouched
}
