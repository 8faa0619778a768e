//! Which library answers.

use std::ffi::c_char;

/// The version of this interface. It is raised when a function, struct, number or rule of the header changes or goes; what is only
/// added does not raise it.
pub const SHOKYO_ABI_VERSION: u32 = 1;

/// The version of the interface in the library that is loaded, to be compared with SHOKYO_ABI_VERSION of the header.
///
/// Threads: any. Signals: safe in a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn shokyo_abi_version() -> u32 {
    SHOKYO_ABI_VERSION
}

/// The version of the library, as in "1.2.3": a static, null-terminated text that the caller must not free.
///
/// Threads: any. Signals: safe in a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn shokyo_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
