//! Models of one key cell and of the destruction of all keys. A key has two words here: enough to be torn.

use std::sync::Arc;

use loom::thread;

use super::super::{fails, holds, holds_within, without_fence};
use super::{AtomicU32, Cell, DEAD, EXPIRED, Epochs, FILLING, LIVE, MASK, Ordering, WIPING, Words, fence, is_filling};
use crate::error::Error;
use crate::wipe::{self, Wiped};

const KEY: [u32; 2] = [0x0BAD_C0DE, 0x600D_F00D];
const NEXT: [u32; 2] = [1, 2];
const ZERO: [u32; 2] = [0, 0];

const TORN: &str = "a reader got something else than the key";
const LEFT: &str = "words of a destroyed key are left";
const LOST: &str = "a key that is not destroyed was overwritten";

/// A cell, and the epochs of its vault.
struct Shared {
    state: AtomicU32,
    words: [AtomicU32; 2],
    epochs: Epochs,
}

impl Words for &[AtomicU32; 2] {
    const COUNT: usize = 2;

    fn store(self, index: usize, value: u32) {
        self[index].store(value, Ordering::Relaxed);
    }

    fn load(self, index: usize) -> u32 {
        self[index].load(Ordering::Relaxed)
    }

    fn wipe(self, tag: u128) -> Result<Wiped, Error> {
        self.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        loom::sync::atomic::fence(Ordering::SeqCst);
        if self.iter().any(|word| word.load(Ordering::SeqCst) != 0) {
            return Err(Error::NotErased { bytes: 8 });
        }
        wipe::wipe(&mut [0; 8], tag)
    }
}

impl Shared {
    /// A free cell.
    fn free() -> Arc<Self> {
        let words = ZERO.map(AtomicU32::new);
        Arc::new(Self { state: AtomicU32::new(DEAD), words, epochs: Epochs::new() })
    }

    /// A cell that was leased in the first epoch, without a key.
    fn empty() -> Arc<Self> {
        let shared = Self::free();
        shared.cell(1, 0).begin();
        shared
    }

    /// The same, with [`KEY`].
    fn live() -> Arc<Self> {
        let shared = Self::empty();
        fill(&shared.cell(1, 0)).unwrap();
        shared
    }

    fn cell(&self, generation: u32, epoch: u64) -> Cell<'_, &[AtomicU32; 2]> {
        Cell { state: &self.state, words: &self.words, epochs: &self.epochs, generation, epoch, tag: 0 }
    }

    fn words(&self) -> [u32; 2] {
        [0, 1].map(|index| self.words[index].load(Ordering::Relaxed))
    }

    fn epoch(&self) -> u64 {
        self.epochs.current.load(Ordering::Relaxed)
    }

    /// Destroys all keys, in the order of `Cells::destroy_all`; whether someone was filling.
    fn destroy_all(&self) -> bool {
        self.epochs.destroy();
        let filling = is_filling(&self.state);
        self.overwrite();
        self.epochs.destroyed();
        filling
    }

    /// What `Cells::destroy_all` does with the words. It is not read back here: the model checker forgets which of two stores of
    /// one thread came first when another thread reads the older one, and would then see it come back to life.
    fn overwrite(&self) {
        self.words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        loom::sync::atomic::fence(Ordering::SeqCst);
    }
}

type Key<'c> = Cell<'c, &'c [AtomicU32; 2]>;

fn fill(cell: &Key<'_>) -> Result<(), Error> {
    cell.fill(|index| KEY[index])
}

/// Reads as whoever opens a document does: copies, makes something with the copy, and looks again.
fn read(cell: &Key<'_>) -> Result<(), Error> {
    let mut copy = ZERO;
    cell.copy(|index, word| copy[index] = word)?;
    assert_eq!(copy, KEY, "{TORN}");
    if cell.is_current() { Ok(()) } else { Err(cell.ended()) }
}

/// Runs `one` in another thread and `other` in this one.
fn at_once<T: 'static>(
    shared: &Arc<Shared>,
    one: impl FnOnce(&Shared) -> T + 'static,
    other: impl FnOnce(&Shared),
) -> T {
    let theirs = Arc::clone(shared);
    let thread = thread::spawn(move || one(&theirs));
    other(shared);
    thread.join().unwrap()
}

// Readers.

fn a_reader_and(other: fn(&Shared), read: fn(&Key<'_>) -> Result<(), Error>) {
    let shared = Shared::live();
    let outcome = at_once(&shared, move |shared| read(&shared.cell(1, 0)), other);
    assert!(matches!(outcome, Ok(()) | Err(Error::Erased | Error::Expired)));
    assert_eq!(shared.words(), ZERO, "{LEFT}");
    assert!(read(&shared.cell(1, 0)).is_err());
}

fn expire(shared: &Shared) {
    let outcome = shared.cell(1, 0).expire();
    assert!(matches!(outcome, Some(Ok(_))), "{outcome:?}");
}

fn destroy(shared: &Shared) {
    shared.destroy_all();
}

#[test]
fn a_reader_gets_the_whole_key_or_an_error_while_it_expires() {
    holds(|| a_reader_and(expire, read));
}

#[test]
fn a_reader_gets_the_whole_key_or_an_error_while_all_keys_are_destroyed() {
    holds(|| a_reader_and(destroy, read));
}

#[test]
fn a_reader_gets_the_whole_key_or_an_error_while_it_is_erased_and_the_cell_gets_the_next_key() {
    holds(|| {
        let shared = Shared::live();
        let _ = at_once(
            &shared,
            |shared| read(&shared.cell(1, 0)),
            |shared| {
                let _evidence = shared.cell(1, 0).erase().unwrap();
                shared.cell(2, 0).begin();
                shared.cell(2, 0).fill(|index| NEXT[index]).unwrap();
            },
        );
        assert_eq!(shared.words(), NEXT);
    });
}

#[test]
fn a_reader_gets_the_whole_key_or_an_error_while_it_expires_and_all_keys_are_destroyed() {
    holds_within(2, || {
        let shared = Shared::live();
        let other = Arc::clone(&shared);
        let custodian = thread::spawn(move || other.cell(1, 0).expire().is_some());
        let _ = at_once(&shared, |shared| read(&shared.cell(1, 0)), destroy);
        // The destruction touches no state: the deadline is kept, and told, all the same.
        assert!(custodian.join().unwrap());
        assert_eq!(shared.words(), ZERO, "{LEFT}");
        assert_eq!(read(&shared.cell(1, 0)), Err(Error::Expired));
    });
}

#[test]
fn control_expiring_without_the_fence_is_found() {
    fails(TORN, || a_reader_and(|shared| without_fence(0, || expire(shared)), read));
}

#[test]
fn control_destroying_without_the_fence_is_found_by_a_reader() {
    fails(TORN, || a_reader_and(|shared| without_fence(0, || destroy(shared)), read));
}

#[test]
fn control_reading_without_the_fence_is_found() {
    fails(TORN, || a_reader_and(expire, |cell| without_fence(0, || read(cell))));
}

#[test]
fn control_reading_without_looking_again_is_found() {
    fails(TORN, || {
        a_reader_and(expire, |cell| {
            if !cell.is_live() {
                return Err(cell.ended());
            }
            assert_eq!([0, 1].map(|index| cell.words.load(index)), KEY, "{TORN}");
            Ok(())
        });
    });
}

// Whoever fills.

fn a_filler_and_a_destruction(fill: fn(&Key<'_>) -> Result<(), Error>, destroy: fn(&Shared) -> bool) {
    let shared = Shared::empty();
    let outcome = at_once(
        &shared,
        move |shared| fill(&shared.cell(1, 0)),
        |shared| {
            if !destroy(shared) {
                assert_eq!(shared.words(), ZERO, "{LEFT}, though nobody was filling");
            }
        },
    );
    assert!(matches!(outcome, Ok(()) | Err(Error::Erased)));
    assert_eq!(shared.words(), ZERO, "{LEFT}");
    assert_eq!(read(&shared.cell(1, 0)), Err(Error::Erased));
    // The lease can end, and the cell serves the next.
    let _evidence = shared.cell(1, 0).erase().unwrap();
    shared.cell(2, shared.epoch()).begin();
    fill(&shared.cell(2, shared.epoch())).unwrap();
    assert_eq!(shared.words(), KEY);
}

#[test]
fn a_key_that_is_filled_while_all_are_destroyed_is_gone_and_at_once_when_nobody_was_said_to_fill() {
    holds(|| a_filler_and_a_destruction(fill, Shared::destroy_all));
}

#[test]
fn control_filling_without_the_fence_before_is_found() {
    fails("though nobody was filling", || {
        a_filler_and_a_destruction(|cell| without_fence(0, || fill(cell)), Shared::destroy_all);
    });
}

#[test]
fn control_filling_without_the_fence_after_is_found() {
    fails(LEFT, || a_filler_and_a_destruction(|cell| without_fence(1, || fill(cell)), Shared::destroy_all));
}

#[test]
fn control_destroying_without_the_fence_is_found_by_who_fills() {
    fails(LEFT, || a_filler_and_a_destruction(fill, |shared| without_fence(0, || shared.destroy_all())));
}

#[test]
fn control_counting_who_fills_after_the_overwriting_is_found() {
    fails("though nobody was filling", || {
        a_filler_and_a_destruction(fill, |shared| {
            shared.epochs.destroy();
            shared.overwrite();
            let filling = is_filling(&shared.state);
            shared.epochs.destroyed();
            filling
        });
    });
}

/// Filling with only one of its two looks at the epoch.
fn fill_looking_once(cell: &Key<'_>, before: bool) -> Result<(), Error> {
    cell.state
        .compare_exchange(cell.word(super::EMPTY), cell.word(FILLING), Ordering::AcqRel, Ordering::Acquire)
        .unwrap();
    fence(Ordering::SeqCst);
    if before && cell.epochs.current.load(Ordering::Relaxed) != cell.epoch {
        cell.state.store(cell.word(DEAD), Ordering::Release);
        return Err(Error::Erased);
    }
    KEY.into_iter().enumerate().for_each(|(index, word)| cell.words.store(index, word));
    cell.state.store(cell.word(LIVE), Ordering::Release);
    fence(Ordering::SeqCst);
    if before || cell.epochs.current.load(Ordering::Relaxed) == cell.epoch {
        return Ok(());
    }
    let _ = cell.words.wipe(0);
    Err(Error::Erased)
}

#[test]
fn control_filling_without_looking_before_is_found() {
    fails("though nobody was filling", || {
        a_filler_and_a_destruction(|cell| fill_looking_once(cell, false), Shared::destroy_all);
    });
}

#[test]
fn control_filling_without_looking_after_is_found() {
    fails(LEFT, || a_filler_and_a_destruction(|cell| fill_looking_once(cell, true), Shared::destroy_all));
}

#[test]
fn a_key_that_expires_while_it_is_filled_is_whole_or_gone() {
    holds(|| {
        let shared = Shared::empty();
        let filled = at_once(
            &shared,
            |shared| fill(&shared.cell(1, 0)),
            |shared| drop(shared.cell(1, 0).expire().map(Result::unwrap)),
        );
        let read = read(&shared.cell(1, 0));
        assert_eq!(shared.words(), if read.is_ok() { KEY } else { ZERO });
        // A cell that expired while it was empty gets no key.
        assert!(filled != Err(Error::Erased) && (filled.is_ok() || read == Err(Error::Expired)));
    });
}

#[test]
fn a_key_that_is_filled_while_it_expires_and_all_are_destroyed_is_gone() {
    holds_within(2, || {
        let shared = Shared::empty();
        let other = Arc::clone(&shared);
        let custodian = thread::spawn(move || drop(other.cell(1, 0).expire()));
        let _ = at_once(&shared, |shared| fill(&shared.cell(1, 0)), destroy);
        custodian.join().unwrap();
        assert_eq!(shared.words(), ZERO, "{LEFT}");
    });
}

// New leases.

/// A lease is taken and filled while all keys are destroyed.
fn a_new_lease_and(enter: fn(&Epochs) -> Option<u64>, destroy: fn(&Shared), destructions: usize) {
    let shared = Shared::free();
    let threads: Vec<_> = (0..destructions)
        .map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || destroy(&shared))
        })
        .collect();
    let lease = enter(&shared.epochs).map(|epoch| {
        shared.cell(1, epoch).begin();
        (epoch, fill(&shared.cell(1, epoch)))
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    match lease {
        Some((epoch, outcome)) if epoch == shared.epoch() => {
            assert_eq!((outcome, shared.words()), (Ok(()), KEY), "{LOST}");
            assert_eq!(read(&shared.cell(1, epoch)), Ok(()));
        }
        _ => assert_eq!(shared.words(), ZERO, "{LEFT} by {lease:?}"),
    }
    // The destructions are over: from now on there are new leases.
    assert_eq!(shared.epochs.enter(), Some(shared.epoch()));
}

#[test]
fn a_new_lease_is_not_overwritten_by_a_destruction_before_it() {
    holds(|| a_new_lease_and(Epochs::enter, destroy, 1));
}

#[test]
fn a_new_lease_is_not_overwritten_by_two_destructions_before_it() {
    holds_within(2, || a_new_lease_and(Epochs::enter, destroy, 2));
}

#[test]
fn a_cell_whose_lease_ends_during_a_destruction_serves_a_new_one_that_is_not_overwritten() {
    holds_within(3, || {
        let shared = Shared::live();
        let mut lease = None;
        at_once(&shared, destroy, |shared| {
            let _evidence = shared.cell(1, 0).erase().unwrap();
            lease = shared.epochs.enter().map(|epoch| {
                shared.cell(2, epoch).begin();
                (epoch, fill(&shared.cell(2, epoch)))
            });
        });
        match lease {
            Some((1, outcome)) => assert_eq!((outcome, shared.words()), (Ok(()), KEY), "{LOST}"),
            _ => assert_eq!(shared.words(), ZERO, "{LEFT} by {lease:?}"),
        }
    });
}

#[test]
fn control_looking_for_destructions_before_the_epoch_is_found() {
    fails(LOST, || {
        a_new_lease_and(
            |epochs| {
                let quiet = epochs.destroying.load(Ordering::SeqCst) == 0;
                quiet.then(|| epochs.current.load(Ordering::SeqCst))
            },
            destroy,
            1,
        );
    });
}

#[test]
fn control_opening_an_epoch_before_saying_so_is_found() {
    fails(LOST, || {
        a_new_lease_and(
            Epochs::enter,
            |shared| {
                shared.epochs.current.fetch_add(1, Ordering::SeqCst);
                shared.epochs.destroying.fetch_add(1, Ordering::SeqCst);
                fence(Ordering::SeqCst);
                shared.overwrite();
                shared.epochs.destroyed();
            },
            1,
        );
    });
}

#[test]
fn control_ending_a_destruction_without_saying_what_it_did_is_found() {
    fails(LOST, || {
        a_new_lease_and(
            Epochs::enter,
            |shared| {
                shared.epochs.destroy();
                shared.words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
                shared.epochs.destroying.fetch_sub(1, Ordering::Relaxed);
            },
            1,
        );
    });
}

// Endings that meet.

#[test]
fn of_two_destructions_at_once_both_leave_nothing() {
    holds(|| {
        let shared = Shared::live();
        let destroy = |shared: &Shared| {
            assert!(!shared.destroy_all());
            assert_eq!(shared.words(), ZERO, "{LEFT}");
        };
        at_once(&shared, destroy, destroy);
        assert_eq!(shared.epoch(), 2);
        assert_eq!(read(&shared.cell(1, 0)), Err(Error::Erased));
    });
}

fn a_deadline_and_an_erasure(expire: fn(&Key<'_>) -> bool) {
    let shared = Shared::live();
    let expired = at_once(
        &shared,
        move |shared| expire(&shared.cell(1, 0)),
        |shared| {
            assert!(shared.cell(1, 0).erase().is_ok());
            assert_eq!(shared.words(), ZERO, "{LEFT}");
        },
    );
    let end = if expired { EXPIRED } else { DEAD };
    assert_eq!(shared.state.load(Ordering::Relaxed) & MASK, end, "the reason of the end is not the one told");
    assert_eq!(shared.words(), ZERO, "{LEFT}");
}

#[test]
fn when_a_key_expires_while_it_is_erased_it_is_gone_and_one_reason_is_told() {
    holds(|| a_deadline_and_an_erasure(|cell| cell.expire().map(Result::unwrap).is_some()));
}

#[test]
fn control_expiring_in_two_steps_is_found() {
    fails("", || {
        a_deadline_and_an_erasure(|cell| {
            if cell.state.load(Ordering::SeqCst) != cell.word(LIVE) {
                return false;
            }
            cell.state.store(cell.word(WIPING), Ordering::SeqCst);
            fence(Ordering::SeqCst);
            let _ = cell.words.wipe(0);
            cell.state.store(cell.word(EXPIRED), Ordering::SeqCst);
            true
        });
    });
}

#[test]
fn of_two_deadlines_at_once_one_is_told() {
    holds(|| {
        let shared = Shared::live();
        let expire = |shared: &Shared| shared.cell(1, 0).expire().map(Result::unwrap).is_some();
        let mut mine = false;
        let theirs = at_once(&shared, expire, |shared| mine = expire(shared));
        assert!(theirs != mine);
        assert_eq!(shared.words(), ZERO, "{LEFT}");
    });
}

#[test]
fn two_erasures_at_once_both_find_the_cell_zero() {
    holds(|| {
        let shared = Shared::live();
        let erase = |shared: &Shared| drop(shared.cell(1, 0).erase().unwrap());
        at_once(&shared, erase, erase);
        assert_eq!(shared.words(), ZERO, "{LEFT}");
        assert_eq!(shared.state.load(Ordering::Relaxed), shared.cell(1, 0).word(DEAD));
    });
}
