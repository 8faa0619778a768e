//! The four systems as real processes on bad ground: killed, stopped, cut off, slowed down, without disk, with jumping clocks.
//!
//! After each scenario all stores are checked: every session that was opened has an end, nothing is called complete without every
//! receipt, and what a process lost is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod check;
mod clocks;
mod connections;
mod disks;
mod kills;
mod proxy;
mod station;
mod stops;
mod town;
