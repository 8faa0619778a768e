//! Hardening of the whole process: none of the steps that Linux knows is there.
//!
//! What comes nearest is the operator's to set: no local dumps and no error reports by policy, and an account of its own for the
//! station, so that no other program of the same user can open the process.

use windows_sys::Win32::Foundation::ERROR_NOT_SUPPORTED;

use crate::error::Error;
use crate::platform::{HardeningOutcome, HardeningStep};

/// What stood before: nothing that a step changes.
#[derive(Debug)]
pub(crate) struct Before;

impl Before {
    /// # Errors
    /// None; the signature is that of other systems.
    pub(crate) fn read() -> Result<Self, Error> {
        Ok(Self)
    }
}

/// Takes a step: none can be taken.
pub(crate) fn take(_step: HardeningStep, _before: &Before) -> HardeningOutcome {
    HardeningOutcome::Failed(ERROR_NOT_SUPPORTED.cast_signed())
}

/// Whether a step is undone: none was taken.
pub(crate) fn undo(_step: HardeningStep, _before: &Before) -> bool {
    true
}
