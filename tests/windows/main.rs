//! What a vault promises on Windows, and what it says that it cannot. `cargo xtask step windows` runs this under wine.
#![cfg(windows)]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod ends;
mod protections;
