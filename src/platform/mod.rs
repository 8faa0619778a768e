//! The operating system's calls for memory, randomness and time. Each call reports what was *achieved*; nothing here decides
//! whether that is enough, and nothing here ever holds a secret.
//!
//! Without the `std` feature there is no operating system to ask: the module is then empty.

#[cfg(all(feature = "std", target_os = "linux"))]
#[path = "linux/mod.rs"]
mod imp;

#[cfg(all(feature = "std", target_os = "linux"))]
pub mod host;

#[cfg(all(feature = "std", target_os = "linux"))]
pub mod inspect;

#[cfg(all(feature = "std", not(target_os = "linux")))]
compile_error!("the feature `std` needs Linux in this version; build with --no-default-features for other systems");

#[cfg(feature = "std")]
pub(crate) use imp::{
    FirstProcess, ProcessMark, Timer, advise_no_dump, advise_not_in_children, advise_wipe_on_fork, lock,
    locked_memory_limit, make_accessible, page_size, populate_secret, random, release, reserve, reserve_secret,
    signal_frame_size, signals, thread,
};
#[cfg(feature = "std")]
pub use imp::{Hardened, Hardening, HardeningOutcome, HardeningStep, boot_time, harden_process};
