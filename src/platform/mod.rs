//! platform.
#[cfg(all(feature = "std", target_os = "linux"))]
pub mod inspect;
