//! The way into and out of the library: every call passes [`guarded`], which turns failures into a status and a detail, and stops panics.
//!
//! A panic means that something is not as the code believes. Whatever it was, the keys of the vault it concerns are destroyed then, and that
//! vault does nothing more with documents than erase them.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(unix)]
use super::cancellation;
use super::vault::{self, VaultState};
use super::{detail, log, shokyo_status};
use crate::error::Error;
use crate::platform::FirstProcess;

/// The process that the library serves, from its first call.
static OWNER: FirstProcess = FirstProcess::new();

/// Why a call fails. Texts name arguments and reasons, never data.
#[derive(Debug)]
pub(super) enum Failure {
    /// The library's own reason.
    Library(Error),
    /// An argument, and what is wrong with it.
    Argument(&'static str, &'static str),
    /// A handle, and what is wrong with it.
    Handle(&'static str, &'static str),
    /// An object that another call uses.
    InUse(&'static str),
    /// No handle is left.
    Exhausted,
    /// The place for an output is smaller than what goes there. In bytes.
    Capacity { needed: usize, capacity: usize },
    /// The callback asked to stop.
    Stopped,
    /// The vault met a panic before.
    Poisoned,
    /// A panic.
    Panic,
}

/// One call: which vault a panic in it concerns. No call concerns more than one.
#[derive(Default)]
pub(super) struct Call {
    /// Its number: a call holds no vault open.
    vault: Cell<Option<NonZeroU64>>,
}

/// Runs the body of a call of the interface.
pub(super) fn guarded(work: impl FnOnce(&Call) -> Result<(), Failure>) -> shokyo_status {
    #[cfg(unix)]
    let _held = cancellation::Held::new();
    let call = Call::default();
    // Unwind safety: what a panic may leave half done belongs to a vault that is poisoned below, or sits behind the lock of the table,
    // which changes nothing that could panic in between.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        refuse_forked_child()?;
        work(&call)
    }));
    let failure = match outcome {
        Ok(Ok(())) => {
            log::flush();
            return shokyo_status::Ok;
        }
        Ok(Err(failure)) => failure,
        Err(panic) => {
            call.erase_everything();
            // Its destructor is not known, and may panic, too.
            std::mem::forget(catch_unwind(AssertUnwindSafe(move || drop(panic))));
            Failure::Panic
        }
    };
    detail::keep(&failure);
    let status = failure.status();
    if status != shokyo_status::ForkedChild {
        log::failed(status);
        log::flush();
    }
    // The host's callback may have made calls that failed.
    detail::keep(&failure);
    status
}

impl Call {
    /// The call works with documents of this vault; refused when it is poisoned.
    pub(super) fn uses(&self, vault: &VaultState) -> Result<(), Failure> {
        self.ends(vault);
        if vault.is_poisoned() { Err(Failure::Poisoned) } else { Ok(()) }
    }

    /// The call erases or frees something of this vault, or asks about it, which a poisoned one allows.
    pub(super) fn ends(&self, vault: &VaultState) {
        self.vault.set(Some(vault.number()));
    }

    fn erase_everything(&self) {
        // Nothing more can be done if this fails as well.
        std::mem::forget(catch_unwind(AssertUnwindSafe(|| {
            // One that is not open any more has erased everything as it was closed.
            if let Some(vault) = self.vault.get().and_then(vault::with_number) {
                vault.poison();
                let _ = vault.vault().erase_all();
            }
        })));
    }
}

/// A child has neither the parent's locked memory nor, perhaps, a lock that another of its threads held. Asked before any lock.
fn refuse_forked_child() -> Result<(), Error> {
    OWNER.check()
}

impl Failure {
    fn status(&self) -> shokyo_status {
        match self {
            Self::Library(error) => error.into(),
            Self::Argument(..) => shokyo_status::InvalidArgument,
            Self::Handle(..) => shokyo_status::InvalidHandle,
            Self::InUse(_) => shokyo_status::HandleInUse,
            Self::Exhausted => shokyo_status::HandlesExhausted,
            Self::Capacity { .. } => shokyo_status::CapacityTooSmall,
            Self::Stopped => shokyo_status::CallbackStopped,
            Self::Poisoned => shokyo_status::VaultPoisoned,
            Self::Panic => shokyo_status::Panic,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(error) => error.fmt(f),
            Self::Argument(name, problem) | Self::Handle(name, problem) => write!(f, "{name} {problem}"),
            Self::InUse(name) => write!(f, "{name} is in use by another call; wait for it to return"),
            Self::Exhausted => f.write_str("no more handles can be given in this process"),
            Self::Capacity { needed, capacity } => {
                write!(f, "the output has {needed} bytes and there is room for {capacity}; nothing was lost")
            }
            Self::Stopped => f.write_str("the callback asked to stop"),
            Self::Poisoned => f.write_str("an earlier call on this vault met a fault; open another vault"),
            Self::Panic => f.write_str("a fault inside the library; the keys of the vault are destroyed, report it"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}
