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

mod alternate;
mod cell;
mod cells;
mod crossing;
mod list;
mod pool;
mod region;
mod registry;
mod room;
mod slots;
mod stack_notes;
#[cfg(shokyo_faults)]
mod strike;
mod sync;
mod whole;
mod window;

pub(crate) use alternate::is_covered as alternate_stacks_are_covered;
pub(crate) use cells::{Cells, Destroyed, Lease as CellLease, Reading};
use region::Region;
pub(crate) use region::{Policy, Secret};
pub(crate) use registry::{Registered, destroy_all};
pub(crate) use room::{CANARY as ROOM_CANARY, Rooms};
pub(crate) use slots::{Slot, Slots};
#[cfg(shokyo_faults)]
pub(crate) use strike::strike;
pub(crate) use whole::{Whole, Wholes};
pub(crate) use window::{AHEAD, STAYS, Window, Windows};

use crate::platform::ProcessMark;
use crate::types::Protections;

/// All memory of one vault.
pub(crate) struct Arena {
    pub(crate) cells: Cells,
    pub(crate) windows: Windows,
    pub(crate) wholes: Wholes,
    pub(crate) small: Rooms,
    pub(crate) agreement: Option<Rooms>,
    pub(crate) slots: Slots,
    pub(crate) policy: Policy,
}

impl Arena {
    /// The process it belongs to.
    pub(crate) fn owner(&self) -> ProcessMark {
        self.policy.owner
    }

    /// The protections that all memory for keys and plaintext has.
    pub(crate) fn achieved(&self) -> Protections {
        let all = self.cells.achieved().intersection(self.windows.achieved()).intersection(self.small.achieved());
        self.agreement.as_ref().map_or(all, |rooms| all.intersection(rooms.achieved()))
    }

    /// Rooms and windows that are in use. Safe in a signal handler.
    pub(crate) fn in_flight(&self) -> u64 {
        let rooms = self.small.in_use() + self.agreement.as_ref().map_or(0, Rooms::in_use);
        (rooms + self.windows.lent()) as u64
    }
}
