//! How the shared library with the C interface is linked. It builds and reads nothing, and does nothing without the feature `capi`.
//!
//! - `nodelete`: `dlclose` must not take away code whose locked memory, thread-local windows and handles live on.
//! - `now`: binding a symbol at its first call can write registers that hold secrets to the stack.
//! - `relro`: what was bound cannot be changed afterwards.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux");
    if linux && env::var_os("CARGO_FEATURE_CAPI").is_some() {
        for option in ["nodelete", "now", "relro"] {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-z,{option}");
        }
    }
}
