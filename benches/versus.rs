//! `cargo bench --bench versus`: this library against its peers, one line for each bar.
//!
//! The comparison is a package of its own, `benches/versus`, because its peers are heavy: nothing else may have to build
//! them.
#![allow(missing_docs)]

mod package;

fn main() -> std::process::ExitCode {
    package::run("shokyo-versus")
}
