//! Wiping many key cells at once, while other threads may be using them. Callable from a signal handler: no lock, no allocation,
//! no call of the operating system. It must never judge: it counts what was there and what stayed.

#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(all(target_arch = "aarch64", target_feature = "neon"), path = "aarch64.rs")]
#[cfg_attr(
    not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))),
    path = "portable.rs"
)]
mod imp;
#[cfg(test)]
mod portable;

use core::sync::atomic::{AtomicU32, Ordering, fence};

/// Words of 32 bits in a cell.
const WORDS: usize = 8;
/// Cells that are overwritten and then read back before the next ones: few enough to stay in the nearest cache (16 KiB), so that
/// the read-back costs little, and enough that the fence between costs little.
const BLOCK: usize = 512;

/// What [`wipe_cells`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CellsWiped {
    /// Cells that were not all zeros before.
    pub(crate) present: u64,
    /// Cells that were not all zeros when they were read back. Nothing in them may be called destroyed.
    pub(crate) stuck: u64,
}

/// Overwrites consecutive cells of 32 bytes with zeros, counts those that held something before, reads all of them back, and
/// counts those that still do.
///
/// Other threads may read and write the words of the cells atomically at the same time: they never see half a word. A word that is
/// written between the overwrite and the read-back counts as stuck; one that is written afterwards is not seen at all. Keeping
/// writers out, or making them look again after they wrote, is the caller's duty.
///
/// # Safety
/// `start` is aligned to 32 bytes; the `cells * 8` words from there are one allocation, valid for reading and writing during the
/// whole call, and others access them only atomically, by whole words.
pub(crate) unsafe fn wipe_cells(start: *mut AtomicU32, cells: usize) -> CellsWiped {
    debug_assert!(start.addr().is_multiple_of(WORDS * size_of::<AtomicU32>()));
    #[cfg(shokyo_faults)]
    if crate::faults::active(crate::faults::Fault::NoWipe) {
        // SAFETY: the range is valid for reading, as the caller promises.
        return CellsWiped { present: unsafe { imp::count(start, cells) }, stuck: 0 };
    }
    let mut found = CellsWiped::default();
    let mut done = 0;
    while done < cells {
        let count = (cells - done).min(BLOCK);
        // SAFETY: fewer than `cells` cells are done, and `count` more lie in the range.
        unsafe {
            let block = start.add(done * WORDS);
            found.present += imp::clear(block, count);
            // No load of the read-back is answered before every store stands in the coherent view.
            fence(Ordering::SeqCst);
            #[cfg(shokyo_faults)]
            if crate::faults::active(crate::faults::Fault::StuckByte) && (done..done + count).contains(&(cells / 2)) {
                (*start.add(cells / 2 * WORDS + 4)).store(0xA5, Ordering::SeqCst);
            }
            found.stuck += imp::count(block, count);
        }
        done += count;
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicBool;
    use std::vec::Vec;

    #[cfg(shokyo_faults)]
    use crate::faults::{Fault, serialised};

    #[repr(align(32))]
    struct Cell([AtomicU32; WORDS]);

    fn cells(count: usize, filled: impl Fn(usize) -> bool) -> Vec<Cell> {
        let word = |cell, word: usize| if filled(cell) && word == cell % WORDS { 1 << (cell % 32) } else { 0 };
        (0..count).map(|cell| Cell(core::array::from_fn(|index| AtomicU32::new(word(cell, index))))).collect()
    }

    fn words(cells: &[Cell]) -> *mut AtomicU32 {
        cells.as_ptr().cast::<AtomicU32>().cast_mut()
    }

    fn is_zero(cell: &Cell) -> bool {
        cell.0.iter().all(|word| word.load(Ordering::SeqCst) == 0)
    }

    const COUNTS: [usize; 9] = [0, 1, 2, 3, 7, 511, 512, 513, 2000];

    #[test]
    fn every_cell_is_wiped_those_that_held_something_are_counted_and_nothing_beside_them_changes() {
        #[cfg(shokyo_faults)]
        let _alone = serialised(&[]);
        for count in COUNTS {
            let all = cells(count + 2, |cell| cell % 3 != 1);
            let expected = (1..=count).filter(|cell| cell % 3 != 1).count() as u64;
            // SAFETY: the cells between the first and the last are the vector's own.
            let found = unsafe { wipe_cells(words(&all[1..]), count) };
            assert_eq!(found, CellsWiped { present: expected, stuck: 0 });
            assert!(all[1..=count].iter().all(is_zero));
            assert!(!is_zero(&all[0]));
            assert_eq!(is_zero(&all[count + 1]), (count + 1) % 3 == 1);
        }
    }

    type Walk = unsafe fn(*mut AtomicU32, usize) -> u64;

    /// Every way to clear and to count that this processor has.
    fn ways() -> Vec<(Walk, Walk)> {
        /// Two functions of whatever calling convention.
        macro_rules! way {
            ($clear:path, $count:path) => {
                (
                    // SAFETY: passed on to the caller.
                    |start, cells| unsafe { $clear(start, cells) },
                    // SAFETY: passed on to the caller.
                    |start, cells| unsafe { $count(start, cells) },
                )
            };
        }
        #[allow(unused_mut)]
        let mut ways: Vec<(Walk, Walk)> =
            std::vec![way!(imp::clear, imp::count), way!(portable::clear, portable::count)];
        #[cfg(target_arch = "x86_64")]
        ways.push(way!(imp::clear_sse2, imp::count_sse2));
        ways
    }

    #[test]
    fn one_bit_anywhere_makes_its_cell_counted_in_every_way() {
        for (clear, count) in ways() {
            for bit in 0..256 {
                let all = cells(5, |cell| cell == 0 || cell == 4);
                all[2].0[bit / 32].store(1 << (bit % 32), Ordering::SeqCst);
                // SAFETY: the three cells in the middle are the vector's own.
                unsafe {
                    assert_eq!(count(words(&all[1..]), 3), 1, "bit {bit}");
                    assert_eq!(clear(words(&all[1..]), 3), 1, "bit {bit}");
                    assert_eq!(count(words(&all[1..]), 3), 0, "bit {bit}");
                    assert_eq!((clear(words(&all[1..]), 0), count(words(&all[1..]), 0)), (0, 0));
                }
                assert!(all[1..4].iter().all(is_zero));
                assert!(!is_zero(&all[0]) && !is_zero(&all[4]));
            }
        }
    }

    #[test]
    fn other_threads_never_see_half_a_word() {
        #[cfg(shokyo_faults)]
        let _alone = serialised(&[]);
        let all = cells(64, |_| false);
        let ready = AtomicBool::new(false);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let user = scope.spawn(|| {
                let mut seen = (0u64, 0u64);
                while !stop.load(Ordering::Relaxed) {
                    for word in all.iter().flat_map(|cell| &cell.0) {
                        word.store(0xC3C3_C3C3, Ordering::Relaxed);
                        match word.load(Ordering::Relaxed) {
                            0 => seen.0 += 1,
                            0xC3C3_C3C3 => seen.1 += 1,
                            torn => panic!("half a word: {torn:#x}"),
                        }
                    }
                    ready.store(true, Ordering::Relaxed);
                }
                seen
            });
            while !ready.load(Ordering::Relaxed) && !user.is_finished() {
                std::thread::yield_now();
            }
            for _ in 0..20_000 {
                // SAFETY: the cells live longer than the scope and are accessed by whole words only.
                let _ = unsafe { wipe_cells(words(&all), all.len()) };
            }
            stop.store(true, Ordering::Relaxed);
            let (_, own) = user.join().unwrap();
            assert!(own > 0, "the other thread did not run");
        });
    }

    #[cfg(shokyo_faults)]
    #[test]
    fn a_cell_that_keeps_a_word_is_counted_as_stuck() {
        let _alone = serialised(&[Fault::StuckByte]);
        for count in COUNTS {
            let all = cells(count, |_| true);
            // SAFETY: the cells are the vector's own.
            let found = unsafe { wipe_cells(words(&all), count) };
            assert_eq!(found, CellsWiped { present: count as u64, stuck: count.min(1) as u64 });
        }
    }

    #[cfg(shokyo_faults)]
    #[test]
    fn with_the_wipe_switched_off_the_cells_stay() {
        let _alone = serialised(&[Fault::NoWipe]);
        let all = cells(600, |_| true);
        // SAFETY: the cells are the vector's own.
        assert_eq!(unsafe { wipe_cells(words(&all), 600) }, CellsWiped { present: 600, stuck: 0 });
        assert!(!all.iter().any(is_zero));
    }
}
