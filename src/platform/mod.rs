//! The operating system's calls for memory, randomness and time. Each call reports what was *achieved*; nothing here decides
//! whether that is enough, and nothing here ever holds a secret.
//!
//! Without the `std` feature there is no operating system to ask: the module is then empty.

#[cfg(all(feature = "std", target_os = "linux"))]
#[path = "linux/mod.rs"]
mod imp;
#[cfg(all(feature = "std", windows))]
#[path = "windows/mod.rs"]
mod imp;

#[cfg(all(feature = "std", not(any(target_os = "linux", windows))))]
compile_error!("the feature `std` needs Linux or Windows; build with --no-default-features for other systems");

#[cfg(feature = "std")]
mod fatal;
#[cfg(feature = "std")]
mod harden;
#[cfg(feature = "std")]
pub mod host;
#[cfg(all(feature = "std", target_os = "linux"))]
pub mod inspect;

#[cfg(feature = "std")]
pub use fatal::FatalSignal;
#[cfg(feature = "std")]
pub use harden::{Hardened, Hardening, HardeningOutcome, HardeningStep, harden_process};
#[cfg(feature = "std")]
pub use imp::boot_time;
#[cfg(all(feature = "std", target_os = "linux"))]
pub use imp::clock_is_synchronised;
#[cfg(any(feature = "custody", all(feature = "std", target_os = "linux")))]
pub(crate) use imp::files;
#[cfg(feature = "std")]
pub(crate) use imp::{
    FirstProcess, ProcessMark, Timer, advise_no_dump, advise_not_in_children, advise_wipe_on_fork, is_lock_limit,
    is_secret_limit, lock, locked_memory_limit, make_accessible, page_size, populate_secret, random, release, reserve,
    reserve_secret, signal_frame_size, signals, thread,
};
#[cfg(all(feature = "std", target_os = "linux"))]
pub(crate) use imp::{child, file_layer, memory_file};
