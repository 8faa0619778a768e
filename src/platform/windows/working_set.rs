//! Locked pages and the working set: a process may lock as many pages as its minimum working set has, a few left out, and at first that
//! is 50 pages. So the minimum grows by what is to be locked.

use core::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use windows_sys::Win32::Foundation::ERROR_WORKING_SET_QUOTA;
use windows_sys::Win32::System::Memory::{GetProcessWorkingSetSizeEx, SetProcessWorkingSetSizeEx, VirtualLock};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

use super::last_error;

/// How often the working set grows for one call: whoever else locks pages may take what was meant for it.
const ATTEMPTS: usize = 4;
/// What the working set grows by besides: the process's own pages, which it needs at any rate, have a place in it too.
const BESIDES: usize = 64 * 1024;

/// Bytes of a process's working set, least and most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sizes {
    least: usize,
    most: usize,
    /// Which of the two are hard limits (`QUOTA_LIMITS_HARDWS_`).
    flags: u32,
}

/// Bytes that may be locked before the working set has to grow: the limit that an error tells.
pub(crate) fn locked_memory_limit() -> u64 {
    sizes().map_or(0, |sizes| sizes.least as u64)
}

/// Locks pages (`VirtualLock`), and makes the working set larger where it must be.
///
/// # Safety
/// The whole pages are the caller's, and accessible.
pub(super) unsafe fn lock(start: NonNull<u8>, length: usize) -> Result<(), i32> {
    lock_with(
        length,
        || {
            // SAFETY: the caller owns the pages; locking changes no contents.
            if unsafe { VirtualLock(start.as_ptr().cast(), length) } != 0 { Ok(()) } else { Err(last_error()) }
        },
        sizes,
        set,
    )
}

/// Tries to lock; while the system says that the working set is too small, makes it larger and tries again.
fn lock_with(
    length: usize,
    lock: impl Fn() -> Result<(), i32>,
    sizes: impl Fn() -> Result<Sizes, i32>,
    set: impl Fn(Sizes) -> Result<(), i32>,
) -> Result<(), i32> {
    const TOO_SMALL: i32 = ERROR_WORKING_SET_QUOTA.cast_signed();
    /// Two threads that read the sizes and then set them would take away one's growth.
    static GROWS: Mutex<()> = Mutex::new(());
    for _ in 0..ATTEMPTS {
        match lock() {
            Err(TOO_SMALL) => {}
            outcome => return outcome,
        }
        let _alone = GROWS.lock().unwrap_or_else(PoisonError::into_inner);
        let now = sizes()?;
        let least = now.least.checked_add(length).and_then(|sum| sum.checked_add(BESIDES)).ok_or(TOO_SMALL)?;
        set(Sizes { least, most: now.most.max(least.saturating_add(BESIDES)), flags: now.flags })?;
    }
    lock()
}

fn sizes() -> Result<Sizes, i32> {
    let (mut least, mut most, mut flags) = (0, 0, 0);
    // SAFETY: asks about this process; the places are valid.
    let told =
        unsafe { GetProcessWorkingSetSizeEx(GetCurrentProcess(), &raw mut least, &raw mut most, &raw mut flags) };
    if told != 0 { Ok(Sizes { least, most, flags }) } else { Err(last_error()) }
}

fn set(sizes: Sizes) -> Result<(), i32> {
    // SAFETY: changes numbers of this process only.
    let done = unsafe { SetProcessWorkingSetSizeEx(GetCurrentProcess(), sizes.least, sizes.most, sizes.flags) };
    if done != 0 { Ok(()) } else { Err(last_error()) }
}

#[cfg(test)]
mod tests {
    use core::cell::{Cell, RefCell};

    use windows_sys::Win32::Foundation::{ERROR_NO_SYSTEM_RESOURCES, ERROR_NOACCESS, ERROR_PRIVILEGE_NOT_HELD};

    use super::*;

    const QUOTA: i32 = ERROR_WORKING_SET_QUOTA.cast_signed();
    const AT_FIRST: Sizes = Sizes { least: 50 * 4096, most: 345 * 4096, flags: 10 };

    #[test]
    fn the_working_set_grows_by_what_is_locked_and_keeps_its_flags() {
        let sizes = Cell::new(AT_FIRST);
        let locked = 1 << 20;
        let lock = || if sizes.get().least >= AT_FIRST.least + locked { Ok(()) } else { Err(QUOTA) };
        let set = |new: Sizes| {
            assert!(new.most > new.least, "the system refuses other sizes");
            sizes.set(new);
            Ok(())
        };
        assert_eq!(lock_with(locked, lock, || Ok(sizes.get()), set), Ok(()));
        assert_eq!(sizes.get(), Sizes { least: 50 * 4096 + locked + BESIDES, most: sizes.get().most, flags: 10 });
        let set_never = |_| panic!("there was room already");
        assert_eq!(lock_with(locked, lock, || Ok(sizes.get()), set_never), Ok(()));
    }

    #[test]
    fn what_others_take_meanwhile_is_asked_for_again_but_not_for_ever() {
        for (taken, expected) in [(ATTEMPTS, Ok(())), (ATTEMPTS + 1, Err(QUOTA))] {
            let left = Cell::new(taken);
            let lock = || match left.get() {
                0 => Ok(()),
                more => {
                    left.set(more - 1);
                    Err(QUOTA)
                }
            };
            assert_eq!(lock_with(4096, lock, || Ok(AT_FIRST), |_| Ok(())), expected);
        }
    }

    #[test]
    fn a_refusal_is_told_and_other_errors_grow_nothing() {
        for error in [ERROR_NO_SYSTEM_RESOURCES, ERROR_PRIVILEGE_NOT_HELD].map(u32::cast_signed) {
            assert_eq!(lock_with(4096, || Err(QUOTA), || Ok(AT_FIRST), |_| Err(error)), Err(error));
            assert!(super::super::is_lock_limit(error));
        }
        let asked = RefCell::new(0);
        let other = ERROR_NOACCESS.cast_signed();
        let outcome = lock_with(
            4096,
            || Err(other),
            || Ok(AT_FIRST),
            |_| {
                *asked.borrow_mut() += 1;
                Ok(())
            },
        );
        assert_eq!((outcome, asked.into_inner()), (Err(other), 0));
        assert_eq!(lock_with(usize::MAX, || Err(QUOTA), || Ok(AT_FIRST), |_| Ok(())), Err(QUOTA));
    }

    #[test]
    fn this_process_has_a_limit() {
        assert!(locked_memory_limit() > 0);
    }
}
