//! The C interface, `include/shokyo.h`: what another language calls. One file for each kind of object.
//!
//! Nothing here may let a panic out, follow a handle as a pointer, hold a lock while it calls back, or write an output of a call
//! that failed. Who owns what is decided in `handles.rs` alone, what a pointer argument may be in `arguments.rs`, and what a panic does
//! in `boundary.rs`.
//!
//! The comments of public items become the header's, so they speak to a reader of C; the general rules are at its top
//! (`cbindgen.toml`).
#![allow(
    non_camel_case_types,
    reason = "the types are named as C names them, and so appear in the header without a second name"
)]
#![allow(clippy::missing_safety_doc, reason = "each function says in the terms of C what it asks of its pointers")]

#[cfg(panic = "abort")]
compile_error!(
    "the C interface needs panic = \"unwind\": a panic must destroy the keys of its vault, which an abort leaves in memory"
);

mod arguments;
mod boundary;
mod cancellation;
mod document;
mod handles;

// The header has its functions in this order, which the blank lines keep rustfmt from changing.
mod version;

mod status;

mod detail;

mod vault;

mod writer;

mod buffer;

mod erasure;

mod last_resort;

mod hardening;

mod log;

mod clock;

mod station;

mod link;

mod link_info;

mod words;

mod frame;

mod event;

mod record;

mod machine;

mod kiosk;

mod kiosk_document;

mod copy;

mod customer_words;

mod customer;

mod outbox;

mod issuer;

mod relay;

mod receipt;

mod store;

mod store_log;

pub use buffer::*;
pub use clock::*;
pub use copy::*;
pub use customer::*;
pub use customer_words::*;
pub use detail::*;
pub use erasure::*;
pub use event::*;
pub use frame::*;
pub use hardening::*;
pub use issuer::*;
pub use kiosk::*;
pub use kiosk_document::*;
pub use last_resort::*;
pub use link::*;
pub use link_info::*;
pub use log::*;
pub use outbox::*;
pub use receipt::*;
pub use record::*;
pub use relay::*;
pub use station::*;
pub use status::*;
pub use store::*;
pub use store_log::*;
pub use vault::*;
pub use version::*;
pub use words::*;
pub use writer::*;
