//! What stores say about many sessions, as numbers, and about one, as a story. Pure data: how it is shown is not decided here.
//!
//! Stores may be those of several stations and operators; a session counts once, however many of them hold it. Reading keeps
//! nothing but sums and a bounded list, so that memory does not grow with the number of sessions. This module must never
//! say more than the receipts say: where nothing is recorded, the answer is "unknown", and signatures count as checked only
//! when keys were given.

mod gather;
mod session;
mod story;
mod summary;
mod tally;
mod times;

use crate::receipt::Event;
use crate::types::Role;

pub use gather::{find, story, summarise};
pub use session::{Attention, Standing};
pub use story::{Said, Story, Told};
pub use summary::{Build, Completeness, Expiries, Owner, Promptness, Protected, Signatures, StoreFacts, Summary};
pub use tally::Tally;
pub use times::{CLASSES_MS, Times};

/// The receipts that a completed handover leaves, and who makes each.
pub const EXPECTED: [(Role, Event); 5] = super::completeness::REQUIRED;
