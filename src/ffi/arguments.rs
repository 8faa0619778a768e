//! What callers pass: checked before anything is done with it. What cannot be checked, that a pointer which is not null points to
//! what the header says, is the caller's promise.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

use super::boundary::Failure;
use crate::types::SessionId;

/// Public structs larger than this are taken for an error: no version will reach it.
const LARGEST_STRUCT: usize = 4096;

/// A struct that begins with its own size.
///
/// # Safety
/// It is `repr(C)`, its first field is `struct_size: u32`, it has no padding, and any bytes are a valid value.
pub(super) unsafe trait PublicStruct: Copy {
    /// The name in messages.
    const NAME: &'static str;
    /// The size below which a field without a default would be missing.
    const LEAST: usize;
}

/// Where a result goes, once the call has succeeded.
pub(super) struct Out<T>(*mut T);

/// Where a result goes that is a public struct, as far as the caller's version of it reaches.
pub(super) struct StructOut<T>(*mut T, usize);

/// Where bytes go: all of them, or none of them and their number.
pub(super) struct BytesOut {
    bytes: *mut u8,
    capacity: usize,
    length: *mut usize,
}

/// Where a text goes, cut to fit, and its whole length.
pub(super) struct TextOut {
    text: *mut c_char,
    size: usize,
    length: *mut usize,
}

/// The bytes at `data`; nothing at all when both are zero.
///
/// # Safety
/// If `data` is not null, `length` bytes there are readable and nobody writes them for `'a`.
pub(super) unsafe fn slice<'a>(data: *const c_void, length: usize, name: &'static str) -> Result<&'a [u8], Failure> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Failure::Argument(name, "is NULL although its length is not 0"));
    }
    if isize::try_from(length).is_err() || data.addr().checked_add(length).is_none() {
        return Err(Failure::Argument(name, "has a length that no memory has"));
    }
    // SAFETY: not null, no longer than memory can be, and readable as the caller promises.
    Ok(unsafe { std::slice::from_raw_parts(data.cast(), length) })
}

/// The bytes at `data`, to be written; nothing at all when both are zero.
///
/// # Safety
/// If `data` is not null, `length` bytes there are readable and writable, and nobody else uses them for `'a`.
pub(super) unsafe fn slice_mut<'a>(
    data: *mut c_void,
    length: usize,
    name: &'static str,
) -> Result<&'a mut [u8], Failure> {
    // SAFETY: passed on to the caller; that borrow ends here.
    let length = unsafe { slice(data, length, name) }?.len();
    if length == 0 {
        return Ok(&mut []);
    }
    // SAFETY: not null, no longer than memory can be, and the caller's to lend.
    Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), length) })
}

/// The text at `pointer`, of at most `longest` bytes before its null.
///
/// # Safety
/// If `pointer` is not null, the bytes there are readable up to the first null, and nobody writes them for `'a`.
pub(super) unsafe fn text<'a>(pointer: *const c_char, longest: usize, name: &'static str) -> Result<&'a str, Failure> {
    if pointer.is_null() {
        return Err(Failure::Argument(name, "is NULL"));
    }
    // SAFETY: every byte up to the first null is readable, and none behind it is looked at.
    let length = (0..=longest).find(|at| unsafe { pointer.add(*at).read() } == 0);
    let length = length.ok_or(Failure::Argument(name, "is too long a text, or has no null at its end"))?;
    // SAFETY: those bytes were just read.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast(), length) };
    std::str::from_utf8(bytes).map_err(|_| Failure::Argument(name, "is no text in UTF-8"))
}

/// A text for a field of fixed size: null-terminated, the rest null, cut to fit.
pub(super) fn fixed<const N: usize>(text: &str) -> [c_char; N] {
    let mut field = [0; N];
    let fitting = text.floor_char_boundary(N.saturating_sub(1));
    for (place, byte) in field.iter_mut().zip(text.bytes().take(fitting)) {
        *place = c_char::from_ne_bytes([byte]);
    }
    field
}

/// The struct at `pointer` in this version's form: fields that the caller's version does not have are 0.
///
/// # Safety
/// If `pointer` is not null, as many bytes there as its `struct_size` says, and at least 4, are readable during the call.
pub(super) unsafe fn read_struct<T: PublicStruct>(pointer: *const T) -> Result<T, Failure> {
    // SAFETY: passed on to the caller.
    let size = unsafe { struct_size::<T>(pointer) }?;
    let mut value = MaybeUninit::<T>::zeroed();
    let (source, known) = (pointer.cast::<u8>(), size.min(size_of::<T>()));
    // SAFETY: `known` bytes are readable at the source and writable at the value.
    unsafe { source.copy_to_nonoverlapping(value.as_mut_ptr().cast(), known) };
    for place in known..size {
        // SAFETY: the caller's struct has `size` bytes.
        if unsafe { source.add(place).read() } != 0 {
            return Err(Failure::Argument(T::NAME, "has a field set that this version of the library does not know"));
        }
    }
    // SAFETY: every byte is initialised, and any bytes are a valid value.
    Ok(unsafe { value.assume_init() })
}

/// A session's identifier.
///
/// # Safety
/// If `session` is not null, 32 bytes there are readable.
pub(super) unsafe fn read_session(session: *const u8) -> Result<SessionId, Failure> {
    if session.is_null() {
        return Err(Failure::Argument("session", "is NULL"));
    }
    // SAFETY: not null, and readable as the caller promises; bytes have no alignment.
    Ok(SessionId(unsafe { session.cast::<[u8; 32]>().read() }))
}

impl<T> Out<T> {
    /// # Safety
    /// If `pointer` is not null, a `T` can be written there until the call ends.
    pub(super) unsafe fn new(pointer: *mut T, name: &'static str) -> Result<Self, Failure> {
        if pointer.is_null() { Err(Failure::Argument(name, "is NULL")) } else { Ok(Self(pointer)) }
    }

    pub(super) fn write(self, value: T) {
        // SAFETY: not null, and writable as promised when it was made.
        unsafe { self.0.write_unaligned(value) };
    }
}

impl BytesOut {
    /// # Safety
    /// If `bytes` is not null, `capacity` bytes can be written there until the call ends; if `length` is not null, a number can be
    /// read and written there.
    pub(super) unsafe fn new(
        bytes: *mut c_void,
        capacity: usize,
        length: *mut usize,
        name: &'static str,
    ) -> Result<Self, Failure> {
        if length.is_null() {
            return Err(Failure::Argument("length", "is NULL"));
        }
        if bytes.is_null() && capacity != 0 {
            return Err(Failure::Argument(name, "is NULL although its capacity is not 0"));
        }
        if isize::try_from(capacity).is_err() || bytes.addr().checked_add(capacity).is_none() {
            return Err(Failure::Argument(name, "has a capacity that no memory has"));
        }
        Ok(Self { bytes: bytes.cast(), capacity, length })
    }

    /// Whether so many bytes fit; if not, `length` says how many there are.
    pub(super) fn fits(&self, needed: usize) -> Result<(), Failure> {
        if needed <= self.capacity {
            return Ok(());
        }
        // SAFETY: not null, and writable as promised when it was made.
        unsafe { self.length.write_unaligned(needed) };
        Err(Failure::Capacity { needed, capacity: self.capacity })
    }

    /// Writes the bytes and their number; the number alone, and a failure, when they do not fit.
    pub(super) fn write(self, value: &[u8]) -> Result<(), Failure> {
        self.fits(value.len())?;
        if !value.is_empty() {
            // SAFETY: that many bytes are writable there, and the value is the library's own.
            unsafe { value.as_ptr().copy_to_nonoverlapping(self.bytes, value.len()) };
        }
        // SAFETY: as above.
        unsafe { self.length.write_unaligned(value.len()) };
        Ok(())
    }
}

impl TextOut {
    /// # Safety
    /// If `text` is not null, `size` bytes can be written there until the call ends; if `length` is not null, a number can be
    /// written there.
    pub(super) unsafe fn new(text: *mut c_char, size: usize, length: *mut usize) -> Result<Self, Failure> {
        if length.is_null() {
            return Err(Failure::Argument("length", "is NULL"));
        }
        if text.is_null() && size != 0 {
            return Err(Failure::Argument("text", "is NULL although its size is not 0"));
        }
        Ok(Self { text, size, length })
    }

    pub(super) fn write(self, whole: &str) {
        // SAFETY: as promised when it was made.
        unsafe { copy_text(whole, self.text, self.size) };
        // SAFETY: not null, and writable as promised when it was made.
        unsafe { self.length.write_unaligned(whole.len()) };
    }
}

/// Writes a text with a null at its end, cut between characters to `size` bytes; nothing when there is no room at all.
///
/// # Safety
/// If `text` is not null, `size` bytes can be written there.
pub(super) unsafe fn copy_text(whole: &str, text: *mut c_char, size: usize) {
    if text.is_null() || size == 0 {
        return;
    }
    let fitting = whole.floor_char_boundary(size - 1);
    // SAFETY: there are `size` writable bytes, and at most `size - 1` and the null are written.
    unsafe {
        text.cast::<u8>().copy_from_nonoverlapping(whole.as_ptr(), fitting);
        text.cast::<u8>().add(fitting).write(0);
    }
}

impl<T: PublicStruct> StructOut<T> {
    /// # Safety
    /// If `pointer` is not null, as many bytes there as its `struct_size` says, and at least 4, are readable and writable until the
    /// call ends.
    pub(super) unsafe fn new(pointer: *mut T) -> Result<Self, Failure> {
        // SAFETY: passed on to the caller.
        let size = unsafe { struct_size::<T>(pointer) }?;
        Ok(Self(pointer, size))
    }

    /// Writes everything after `struct_size`, which stays the caller's; what this version does not know becomes 0.
    pub(super) fn write(self, value: T) {
        let (target, known) = (self.0.cast::<u8>(), self.1.min(size_of::<T>()));
        let source = (&raw const value).cast::<u8>();
        let head = size_of::<u32>();
        // SAFETY: the caller's struct has `self.1` bytes and ours `size_of::<T>()`, none of them padding; `known` is in both and, like
        // `self.1`, not below `head`.
        unsafe {
            source.add(head).copy_to_nonoverlapping(target.add(head), known - head);
            target.add(known).write_bytes(0, self.1 - known);
        }
    }
}

/// # Safety
/// If `pointer` is not null, 4 bytes there are readable.
unsafe fn struct_size<T: PublicStruct>(pointer: *const T) -> Result<usize, Failure> {
    if pointer.is_null() {
        return Err(Failure::Argument(T::NAME, "is NULL"));
    }
    // SAFETY: not null, and readable as the caller promises.
    let size = unsafe { pointer.cast::<u32>().read_unaligned() };
    match usize::try_from(size) {
        Ok(size) if (T::LEAST.max(size_of::<u32>())..=LARGEST_STRUCT).contains(&size) => Ok(size),
        _ => Err(Failure::Argument(T::NAME, "has a struct_size that no version has; set it to sizeof")),
    }
}
