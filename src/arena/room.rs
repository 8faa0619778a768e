//! Rooms: locked stacks on which everything runs that touches keys or plaintext.
//!
//! Only pointers go in and a status comes out. Whatever way the work ends, panics included, the used part of the stack is wiped
//! and read back and every register is scrubbed before the caller goes on. Between uses a room is all zeros, so the deepest
//! byte that is not zero tells how much was used, and everything below it needs no wipe.

use core::num::NonZeroUsize;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use corosensei::stack::{STACK_ALIGNMENT, Stack, StackPointer};

use super::pool::Pool;
use super::{Policy, Region, alternate, crossing};
use crate::error::Error;
use crate::platform;
use crate::types::Protections;
use crate::wipe;

/// Inaccessible bytes below each room, so that no single frame can step over them.
const GUARD: usize = 64 * 1024;
/// Bytes at the bottom of each room that must stay as they are.
pub(crate) const CANARY: usize = 64;

/// Rooms of one size.
pub(crate) struct Rooms {
    rooms: Box<[Room]>,
    owner: platform::ProcessMark,
    alternate: bool,
    pool: Pool,
    high_water: AtomicUsize,
}

struct Room {
    region: Region,
    canary: [u8; CANARY],
}

impl Rooms {
    /// `count` rooms of at least `size` bytes.
    pub(crate) fn new(count: usize, size: usize, policy: Policy) -> Result<Self, Error> {
        let rooms = (0..count).map(|_| Room::new(size, policy)).collect::<Result<Box<[_]>, _>>()?;
        Ok(Self {
            pool: Pool::new(rooms.len()),
            rooms,
            owner: policy.owner,
            alternate: policy.alternate,
            high_water: AtomicUsize::new(0),
        })
    }

    /// The protections that all rooms have.
    pub(crate) fn achieved(&self) -> Protections {
        self.rooms.iter().fold(Protections::from_bits(u32::MAX), |all, room| all.intersection(room.region.achieved()))
    }

    /// The most bytes of stack that any work has used.
    pub(crate) fn high_water(&self) -> usize {
        self.high_water.load(Ordering::Relaxed)
    }

    /// How many rooms are in use. Safe in a signal handler.
    pub(crate) fn in_use(&self) -> usize {
        self.pool.lent()
    }

    /// Waits until no work runs; how many rooms are still in use after `patience`.
    pub(crate) fn wait_idle(&self, patience: Duration) -> usize {
        self.pool.wait_idle(0, patience)
    }

    /// Runs `work` in a free room. It may capture pointers, never secrets by value: captures are moved over the caller's stack.
    ///
    /// # Errors
    /// What `work` gave; [`Error::Busy`] when no room became free within `patience`; [`Error::NotErased`] or
    /// [`Error::RoomTooSmall`] when the room is not clean afterwards, which outranks every other outcome.
    pub(crate) fn run(&self, patience: Duration, work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        self.owner.check()?;
        let busy = Error::Busy { what: "clean rooms", limit: self.rooms.len() as u64 };
        let place = self.pool.take(patience).ok_or(busy)?;
        let room = &self.rooms[place];
        if self.alternate {
            alternate::prepare();
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| crossing::on_stack(&room.region, room.walls(), work)));
        let _ = wipe::scrub_registers();
        if self.alternate {
            alternate::scrub();
        }
        let clean = room.clean().map(|used| {
            self.high_water.fetch_max(used, Ordering::Relaxed);
        });
        match &clean {
            Ok(()) => self.pool.give_back(place),
            Err(_) => self.pool.quarantine(),
        }
        match outcome {
            Ok(outcome) => clean.and(outcome),
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl Room {
    fn new(size: usize, policy: Policy) -> Result<Self, Error> {
        let mut room = Self { region: Region::new(size, GUARD, policy)?, canary: [0; CANARY] };
        platform::random(&mut room.canary)?;
        // SAFETY: the first bytes of the region, which nobody else knows yet.
        unsafe { room.region.start().as_ptr().cast::<[u8; CANARY]>().write(room.canary) };
        Ok(room)
    }

    fn walls(&self) -> Walls {
        Walls::of(&self.region)
    }

    /// Wipes what was used and reads it back; how many bytes that were.
    fn clean(&self) -> Result<usize, Error> {
        let (start, length) = (self.region.start().as_ptr(), self.region.length());
        // SAFETY: the canary's bytes are the region's; the room is not in use.
        let whole = unsafe { start.cast::<[u8; CANARY]>().read_volatile() } == self.canary;
        // SAFETY: the rest of the region; the room is not in use.
        let unused = unsafe {
            let unused = CANARY + wipe::leading_zeros(start.add(CANARY), length - CANARY);
            let _evidence = wipe::wipe_raw(start.add(unused), length - unused, 0)?;
            unused
        };
        if whole {
            Ok(length - unused)
        } else {
            Err(Error::RoomTooSmall { needed: length as u64, available: (length - CANARY) as u64 })
        }
    }
}

/// The bounds of a stack, guard included.
struct Walls {
    base: StackPointer,
    limit: StackPointer,
    /// The lowest byte that can be touched.
    #[cfg(windows)]
    lowest: usize,
}

impl Walls {
    fn of(region: &Region) -> Self {
        let address = |place: NonNull<u8>| place.addr();
        let base = NonZeroUsize::saturating_add(address(region.start()), region.length());
        let limit = NonZeroUsize::new(address(region.start()).get() - region.below()).unwrap_or(NonZeroUsize::MIN);
        debug_assert!(base.get().is_multiple_of(STACK_ALIGNMENT));
        Self {
            base,
            limit,
            #[cfg(windows)]
            lowest: region.start().addr().get(),
        }
    }
}

// SAFETY: the region has inaccessible pages below its accessible ones, which are at least one page (4096 bytes); both ends are
// aligned to pages.
unsafe impl Stack for Walls {
    fn base(&self) -> StackPointer {
        self.base
    }

    fn limit(&self) -> StackPointer {
        self.limit
    }

    /// What Windows is told of the thread's stack meanwhile: every page is there from the beginning, so that none is made when it is
    /// touched, and none is set aside for the time after an overflow, which ends the process.
    #[cfg(windows)]
    fn teb_fields(&self) -> corosensei::stack::StackTebFields {
        corosensei::stack::StackTebFields {
            StackBase: self.base.get(),
            StackLimit: self.lowest,
            DeallocationStack: self.limit.get(),
            GuaranteedStackBytes: 0,
        }
    }

    /// A stack that does not grow stays as it was.
    #[cfg(windows)]
    fn update_teb_fields(&mut self, _stack_limit: usize, _guaranteed_stack_bytes: usize) {}
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Secret;
    use super::*;

    fn rooms() -> Rooms {
        let owner = platform::ProcessMark::of_this_process().unwrap();
        Rooms::new(
            1,
            128 * 1024,
            Policy { strict: true, locked: true, secret: Secret::No, total: 0, owner, alternate: true },
        )
        .unwrap()
    }

    fn is_clean(rooms: &Rooms) -> bool {
        let region = &rooms.rooms[0].region;
        // SAFETY: the room is not in use.
        let zeros = unsafe { wipe::leading_zeros(region.start().as_ptr().add(CANARY), region.length() - CANARY) };
        zeros == region.length() - CANARY
    }

    fn dirty_the_stack() {
        let mut bytes = [0xC7u8; 2000];
        core::hint::black_box(&mut bytes);
    }

    #[test]
    fn a_room_is_clean_after_work() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let rooms = rooms();
        let mut place = 0usize;
        rooms
            .run(Duration::ZERO, || {
                dirty_the_stack();
                place = (&raw const place).addr();
                Ok(())
            })
            .unwrap();
        assert!(is_clean(&rooms));
    }

    #[test]
    fn a_room_is_clean_after_a_panic_which_goes_on() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let rooms = rooms();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _ = rooms.run(Duration::ZERO, || {
                dirty_the_stack();
                panic!("work in a room fails");
            });
        }));
        assert!(panicked.is_err());
        assert!(is_clean(&rooms));
        rooms.run(Duration::ZERO, || Ok(())).unwrap();
    }

    #[test]
    fn work_runs_on_the_rooms_own_stack() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let rooms = rooms();
        let mut local = 0usize;
        rooms
            .run(Duration::ZERO, || {
                let here = 0u8;
                local = (&raw const here).addr();
                Ok(())
            })
            .unwrap();
        let region = &rooms.rooms[0].region;
        let start = region.start().addr().get();
        assert!((start..start + region.length()).contains(&local));
    }

    #[test]
    fn use_is_measured() {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let rooms = rooms();
        rooms
            .run(Duration::ZERO, || {
                dirty_the_stack();
                Ok(())
            })
            .unwrap();
        let used = rooms.high_water();
        assert!((2000..64 * 1024).contains(&used), "{used}");
    }

    #[cfg(shokyo_faults)]
    #[test]
    fn with_the_wipe_switched_off_a_room_keeps_what_ran_in_it() {
        let _alone = crate::faults::serialised(&[crate::faults::Fault::NoWipe]);
        let rooms = rooms();
        rooms
            .run(Duration::ZERO, || {
                dirty_the_stack();
                Ok(())
            })
            .unwrap();
        assert!(!is_clean(&rooms));
    }

    #[cfg(shokyo_faults)]
    #[test]
    fn a_room_that_cannot_be_cleaned_is_quarantined() {
        let _alone = crate::faults::serialised(&[crate::faults::Fault::StuckByte]);
        let rooms = rooms();
        let outcome = rooms.run(Duration::ZERO, || Ok(()));
        assert!(matches!(outcome, Err(Error::NotErased { .. })), "{outcome:?}");
        assert!(matches!(rooms.run(Duration::ZERO, || Ok(())), Err(Error::Busy { .. })));
    }
}
