//! Pools of locked pages that are made when a vault opens: *key cells*, *windows* and *rooms*; and the pool of ordinary pages
//! that hold ciphertext.
//!
//! ```text
//! cells    guard │ canary cell cell … look-ahead … canary │ guard   cells of 32 bytes, atomic words; 64 bytes for each window
//! window   guard │ canary (only the slack of its pages) body │ guard
//! room     guard, 64 KiB or more │ canary … stack grows down │ guard
//! ```
//!
//! Everything that is given back is zero and was read back as zero. Memory whose read-back failed is *quarantined*: it is never
//! handed out again and never unmapped. Nothing here may know what a document, a session or a chunk is.

mod cells;
mod crossing;
mod pool;
mod region;
mod room;
mod slots;
mod stack_notes;
#[cfg(shokyo_faults)]
mod strike;
mod window;

pub(crate) use cells::{Cells, Lease as CellLease, Reading};
pub(crate) use region::Policy;
use region::Region;
pub(crate) use room::{CANARY as ROOM_CANARY, Rooms};
pub(crate) use slots::{Slot, Slots};
#[cfg(shokyo_faults)]
pub(crate) use strike::strike;
pub(crate) use window::{AHEAD, Window, Windows};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The guard of a mutex whose data a panic cannot leave half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
