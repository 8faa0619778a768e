//! Failures that happened in the service, each as a scenario with real machines and real cryptography on a simulated network. Beside
//! each runs a small model of the design that failed: it misdelivers, so that the scenario is known to be the real one.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

#[path = "../support/town/mod.rs"]
mod town;

mod former;

mod s10_copies;
mod s1_print_queue;
mod s2_moving_rows;
#[cfg(feature = "custody")]
mod s3_alarm;
mod s4_same_second;
mod s5_foreign_page;
mod s6_cancelled_registration;
mod s7_previous_person;
#[cfg(unix)]
mod s8_servers;
#[cfg(feature = "custody")]
mod s9_power_cut;
