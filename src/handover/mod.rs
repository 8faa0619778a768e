//! The transmit-then-erase protocol as state machines without I/O, clocks, threads or global state.

mod identity;
mod record;

pub use identity::{Identity, KeyUse, Trust};
pub use record::{Outcome, Record};
