//! Cells by whole words, for processors without a path of their own.

use core::sync::atomic::{AtomicU32, Ordering};

use super::WORDS;

/// Overwrites cells; how many held something before.
///
/// # Safety
/// As for [`super::wipe_cells`].
pub(super) unsafe fn clear(start: *mut AtomicU32, cells: usize) -> u64 {
    let mut present = 0;
    for cell in 0..cells {
        let mut all = 0;
        for word in 0..WORDS {
            // SAFETY: the word lies in the range, which others access only atomically.
            let word = unsafe { &*start.add(cell * WORDS + word) };
            all |= word.load(Ordering::Relaxed);
            word.store(0, Ordering::Relaxed);
        }
        present += u64::from(all != 0);
    }
    present
}

/// How many cells are not all zeros.
///
/// # Safety
/// As for [`super::wipe_cells`]; nothing is written.
pub(super) unsafe fn count(start: *mut AtomicU32, cells: usize) -> u64 {
    let mut present = 0;
    for cell in 0..cells {
        let mut all = 0;
        for word in 0..WORDS {
            // SAFETY: the word lies in the range, which others access only atomically.
            all |= unsafe { &*start.add(cell * WORDS + word) }.load(Ordering::Relaxed);
        }
        present += u64::from(all != 0);
    }
    present
}
