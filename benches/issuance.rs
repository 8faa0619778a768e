//! `cargo bench --bench issuance`: whole issuances through four processes, beside the same bytes moved and nothing else.
//!
//! The comparison is a package of its own, `benches/issuance`, because it needs the stations and starts itself again as each of
//! them.
#![allow(missing_docs)]

mod package;

fn main() -> std::process::ExitCode {
    package::run("shokyo-issuance")
}
