//! Models of the arena's synchronisation: the code as it is shipped, run in every order and with every stale value that the memory
//! model allows, by `cargo xtask step models`.
//!
//! Each claim has controls: the same model with one step left out or moved must fail. Only what is modelled is built, in the place
//! of the arena: nothing here may need an operating system. Each part's models are in the file of its name; `sync.rs` is the model
//! checker's side of the atomics.
#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "what the rest of the arena uses")]

#[path = "../cell.rs"]
mod cell;
#[path = "../list.rs"]
mod list;
#[path = "../pool.rs"]
mod pool;
#[path = "../sync.rs"]
mod sync;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sync::SOON;
pub(crate) use sync::{fence, without_fence};

/// How often a thread may be interrupted where it does not wait, in models that have too many orders without such a bound. Most
/// defects need one or two.
const INTERRUPTIONS: usize = 3;

/// Runs a model of two threads in every order there is.
///
/// # Panics
/// When one of its assertions does in any of them, or all threads wait in one.
pub(crate) fn holds(model: impl Fn() + Send + Sync + 'static) {
    told(check(None, model));
}

/// Runs a model of more threads in every order with at most so many interruptions.
///
/// # Panics
/// See [`holds`].
pub(crate) fn holds_within(interruptions: usize, model: impl Fn() + Send + Sync + 'static) {
    told(check(Some(interruptions), model));
}

fn told(orders: usize) {
    let claim = std::thread::current().name().unwrap_or_default().to_owned();
    // Past the test harness, which keeps what tests print: each run says how much it looked at.
    let _ = writeln!(std::io::stdout(), "{claim}: {orders} orders");
    assert!(orders > 1, "nothing happens at the same time here");
}

/// Runs a model that must fail with a message that holds `how`.
pub(crate) fn fails(how: &str, model: impl Fn() + Send + Sync + 'static) {
    let outcome = catch_unwind(AssertUnwindSafe(|| check(Some(INTERRUPTIONS), model)));
    let Err(panic) = outcome else { panic!("the defect was not found") };
    let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    assert!(message.unwrap_or_default().contains(how), "another failure than the one that was put in: {message:?}");
}

fn check(interruptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) -> usize {
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(interruptions);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    orders.load(Ordering::Relaxed)
}
