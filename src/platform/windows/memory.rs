//! Committed private memory between reserved addresses that cannot be touched, locked in the working set and left out of error reports.
//!
//! The protection of a locked page is never changed: a page that becomes inaccessible, or a guard page, loses its lock. The guards are
//! addresses that were reserved and never committed.

use core::ffi::c_void;
use core::ptr::NonNull;
use std::sync::OnceLock;

use windows_sys::Win32::Foundation::{ERROR_NOT_SUPPORTED, ERROR_PROC_NOT_FOUND};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_NOACCESS, PAGE_READWRITE, VirtualAlloc, VirtualFree,
};
use windows_sys::Win32::System::SystemInformation::{GetSystemInfo, SYSTEM_INFO};
use windows_sys::{core::HRESULT, core::PCSTR, s, w};

use super::working_set;
use crate::error::Error;

/// Bytes in a page.
pub(crate) fn page_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        let mut system = SYSTEM_INFO::default();
        // SAFETY: `system` is a valid place for the answer.
        unsafe { GetSystemInfo(&raw mut system) };
        usize::try_from(system.dwPageSize).ok().filter(|size| size.is_power_of_two()).unwrap_or(4096)
    })
}

/// Address space of `length` bytes (a multiple of the page size), aligned to a page, that cannot be touched yet; its pages will
/// read as zero.
pub(crate) fn reserve(length: usize) -> Result<NonNull<u8>, Error> {
    // SAFETY: addresses of the system's choice touch nothing that exists.
    let start = unsafe { VirtualAlloc(core::ptr::null(), length, MEM_RESERVE, PAGE_NOACCESS) };
    NonNull::new(start.cast()).ok_or(Error::OutOfMemory { needed: length as u64 })
}

/// Makes pages of a reserved mapping readable and writable.
///
/// # Safety
/// The whole pages `start..start + length` belong to a mapping of [`reserve`] that the caller owns.
pub(crate) unsafe fn make_accessible(start: NonNull<u8>, length: usize) -> Result<(), Error> {
    // SAFETY: the caller owns the pages.
    let committed = unsafe { VirtualAlloc(start.as_ptr().cast(), length, MEM_COMMIT, PAGE_READWRITE) };
    if committed.is_null() { Err(Error::OutOfMemory { needed: length as u64 }) } else { Ok(()) }
}

/// Gives back a whole mapping of [`reserve`]: `below` bytes of guard, `length` accessible bytes at `start`, and the guard above. What
/// stood in them must have been wiped, or never have been secret.
///
/// # Safety
/// The mapping begins at `start - below`, is the caller's, and nothing refers into it any more.
pub(crate) unsafe fn release(start: NonNull<u8>, below: usize, _length: usize, _above: usize) {
    if let Some(reports) = ErrorReports::of_this_system() {
        // Others may get the addresses, and their memory belongs in a report. A block that was never left out is no error.
        // SAFETY: only the address is looked at.
        unsafe { (reports.include)(start.as_ptr().cast()) };
    }
    // SAFETY: the caller's mapping begins there and is given back whole.
    unsafe { VirtualFree(start.sub(below).as_ptr().cast(), 0, MEM_RELEASE) };
}

/// Keeps pages in memory and out of the page file, and puts them there now; the process's working set grows for it.
///
/// # Errors
/// The operating system's error number; [`is_lock_limit`](super::is_lock_limit) tells those that mean the limit.
///
/// # Safety
/// The whole pages are the caller's, and accessible.
pub(crate) unsafe fn lock(start: NonNull<u8>, length: usize) -> Result<(), i32> {
    // SAFETY: passed on to the caller.
    unsafe { working_set::lock(start, length) }
}

/// Leaves pages out of what Windows Error Reporting writes when the process crashes or hangs. Not out of what a debugger, the Task
/// Manager or a kernel crash dump writes: nothing does that.
///
/// A process can leave out 512 blocks, those of the host included.
///
/// # Errors
/// The operating system's error number: `ERROR_PROC_NOT_FOUND` before Windows 10, version 1703.
///
/// # Safety
/// The whole pages are the caller's.
pub(crate) unsafe fn advise_no_dump(start: NonNull<u8>, length: usize) -> Result<(), i32> {
    let reports = ErrorReports::of_this_system().ok_or(ERROR_PROC_NOT_FOUND.cast_signed())?;
    let length = u32::try_from(length).map_err(|_| ERROR_NOT_SUPPORTED.cast_signed())?;
    // SAFETY: the caller owns the pages; only their place is noted down.
    match unsafe { (reports.exclude)(start.as_ptr().cast(), length) } {
        0.. => Ok(()),
        failed => Err(number(failed)),
    }
}

/// Nothing is to be done: no process inherits another's memory.
///
/// # Errors
/// None; the signature is that of other systems.
///
/// # Safety
/// None is needed.
pub(crate) unsafe fn advise_wipe_on_fork(_start: NonNull<u8>, _length: usize) -> Result<(), i32> {
    Ok(())
}

/// Nothing is to be done: no process inherits another's memory.
///
/// # Errors
/// None; the signature is that of other systems.
///
/// # Safety
/// None is needed.
pub(crate) unsafe fn advise_not_in_children(_start: NonNull<u8>, _length: usize) -> Result<(), i32> {
    Ok(())
}

/// There is no secret memory. What comes nearest, physical pages of one's own (`AllocateUserPhysicalPages`), needs a privilege that
/// nobody has by default, and stays readable for debuggers.
///
/// # Errors
/// Always `ERROR_NOT_SUPPORTED`.
pub(crate) fn reserve_secret(_below: usize, _length: usize, _above: usize) -> Result<NonNull<u8>, i32> {
    Err(ERROR_NOT_SUPPORTED.cast_signed())
}

/// There is no secret memory.
///
/// # Errors
/// Always `ERROR_NOT_SUPPORTED`.
///
/// # Safety
/// None is needed.
pub(crate) unsafe fn populate_secret(_start: NonNull<u8>, _length: usize) -> Result<(), i32> {
    Err(ERROR_NOT_SUPPORTED.cast_signed())
}

/// The functions of Windows Error Reporting that leave memory out. Looked up, because the library also loads where they are missing.
#[derive(Clone, Copy)]
struct ErrorReports {
    exclude: unsafe extern "system" fn(*const c_void, u32) -> HRESULT,
    include: unsafe extern "system" fn(*const c_void) -> HRESULT,
}

impl ErrorReports {
    fn of_this_system() -> Option<Self> {
        static FOUND: OnceLock<Option<ErrorReports>> = OnceLock::new();
        *FOUND.get_or_init(|| {
            let (exclude, include) =
                (function(s!("WerRegisterExcludedMemoryBlock"))?, function(s!("WerUnregisterExcludedMemoryBlock"))?);
            // SAFETY: `werapi.h` declares them so.
            unsafe {
                Some(Self {
                    exclude: core::mem::transmute::<
                        unsafe extern "system" fn() -> isize,
                        unsafe extern "system" fn(*const c_void, u32) -> HRESULT,
                    >(exclude),
                    include: core::mem::transmute::<
                        unsafe extern "system" fn() -> isize,
                        unsafe extern "system" fn(*const c_void) -> HRESULT,
                    >(include),
                })
            }
        })
    }
}

/// A function of `kernel32.dll`, which every process has.
fn function(name: PCSTR) -> Option<unsafe extern "system" fn() -> isize> {
    // SAFETY: both names end with a zero; the module is never unloaded.
    unsafe { GetProcAddress(GetModuleHandleW(w!("kernel32.dll")), name) }
}

/// The error number in an HRESULT that was made from one; any other as it is.
fn number(failed: HRESULT) -> i32 {
    const OF_WINDOWS: u32 = 0x8007_0000;
    if failed.cast_unsigned() & 0xFFFF_0000 == OF_WINDOWS { failed & 0xFFFF } else { failed }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use windows_sys::Win32::System::Memory::{MEM_FREE, MEMORY_BASIC_INFORMATION, VirtualQuery};

    use super::*;

    /// State and protection of the page at an address.
    fn page_at(address: *const u8) -> (u32, u32) {
        let mut page = MEMORY_BASIC_INFORMATION::default();
        // SAFETY: the place is valid and as long as is said.
        let told = unsafe { VirtualQuery(address.cast(), &raw mut page, size_of_val(&page)) };
        assert!(told > 0);
        (page.State, page.Protect)
    }

    #[test]
    fn accessible_pages_are_zero_and_stand_between_addresses_that_nobody_can_touch() {
        let page = page_size();
        let mapping = reserve(6 * page).unwrap();
        // SAFETY: the mapping is this test's.
        unsafe {
            let start = mapping.add(page);
            make_accessible(start, 3 * page).unwrap();
            lock(start, 3 * page).unwrap();
            let bytes = core::slice::from_raw_parts_mut(start.as_ptr(), 3 * page);
            assert!(bytes.iter().all(|byte| *byte == 0));
            bytes.fill(7);
            assert_eq!(page_at(start.as_ptr()), (MEM_COMMIT, PAGE_READWRITE));
            assert_eq!(page_at(start.as_ptr().sub(1)).0, MEM_RESERVE);
            assert_eq!(page_at(start.as_ptr().add(3 * page)).0, MEM_RESERVE);
            release(start, page, 3 * page, 2 * page);
            assert_eq!(page_at(mapping.as_ptr()).0, MEM_FREE);
        }
    }

    #[test]
    fn blocks_are_left_out_of_reports_until_there_are_512_and_places_come_back() {
        if ErrorReports::of_this_system().is_none() {
            return std::eprintln!("skipped: this system has no error reports, or cannot leave memory out of them");
        }
        let page = page_size();
        let mut blocks = std::vec::Vec::new();
        let full = loop {
            let start = reserve(page).unwrap();
            blocks.push(start);
            // SAFETY: the page is this test's.
            unsafe {
                make_accessible(start, page).unwrap();
                if let Err(error) = advise_no_dump(start, page) {
                    break error;
                }
            }
            assert!(blocks.len() <= 512);
        };
        assert!(blocks.len() > 256 && full != 0, "{} blocks, then {full}", blocks.len());
        // SAFETY: all are this test's.
        unsafe {
            let last = blocks.pop().unwrap();
            release(blocks.pop().unwrap(), 0, page, 0);
            assert_eq!(advise_no_dump(last, page), Ok(()));
            blocks.push(last);
            blocks.into_iter().for_each(|start| release(start, 0, page, 0));
        }
    }
}
