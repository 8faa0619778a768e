//! Models of the arena's synchronisation: the code as it is shipped, run in every order and with every stale value that the memory
//! model allows, by `cargo xtask step models`.
//!
//! Each claim has controls: the same model with one step left out or moved must fail. The models stand beside the code they run:
//! `pool.rs`, `cell.rs`, `list.rs`; `sync.rs` is the model checker's side of the atomics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) use super::sync::{SOON, without_fence};

/// How often a thread may be interrupted where it does not wait. Most defects need one or two.
const INTERRUPTIONS: usize = 3;

/// Runs a model in every order.
///
/// # Panics
/// When one of its assertions does in any of them, or all threads wait in one.
pub(super) fn holds(model: impl Fn() + Send + Sync + 'static) {
    holds_within(INTERRUPTIONS, model);
}

/// [`holds`], with another bound where there are too many orders or very few.
pub(super) fn holds_within(interruptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let orders = check(interruptions, model);
    let claim = std::thread::current().name().unwrap_or_default().to_owned();
    println!("{claim}: {orders} orders");
    assert!(orders > 1, "nothing happens at the same time here");
}

/// Runs a model that must fail with a message that holds `how`.
pub(super) fn fails(how: &str, model: impl Fn() + Send + Sync + 'static) {
    let outcome = catch_unwind(AssertUnwindSafe(|| check(INTERRUPTIONS, model)));
    let Err(panic) = outcome else { panic!("the defect was not found") };
    let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    assert!(message.unwrap_or_default().contains(how), "another failure than the one that was put in: {message:?}");
}

fn check(interruptions: usize, model: impl Fn() + Send + Sync + 'static) -> usize {
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(interruptions));
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    orders.load(Ordering::Relaxed)
}
