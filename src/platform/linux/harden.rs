//! The steps of hardening that Linux has.

use super::last_error;
use crate::error::Error;
use crate::platform::{HardeningOutcome, HardeningStep};

/// Which process Yama lets trace this one beside its ancestors; 0 for none (`linux/prctl.h`).
const PR_SET_PTRACER: libc::c_int = 0x5961_6d61;

/// What stood before.
#[derive(Debug)]
pub(crate) struct Before {
    dumpable: libc::c_int,
    core: libc::rlimit,
    merging: libc::c_int,
    no_new_privileges: libc::c_int,
}

impl Before {
    /// # Errors
    /// [`Error::System`].
    pub(crate) fn read() -> Result<Self, Error> {
        Ok(Self {
            dumpable: read(libc::PR_GET_DUMPABLE).unwrap_or(1),
            core: core_limit().map_err(|os_error| Error::System { call: "getrlimit", os_error })?,
            merging: read(libc::PR_GET_MEMORY_MERGE).unwrap_or(0),
            no_new_privileges: read(libc::PR_GET_NO_NEW_PRIVS).unwrap_or(0),
        })
    }
}

/// Takes a step and reads it back.
pub(crate) fn take(step: HardeningStep, before: &Before) -> HardeningOutcome {
    match step {
        HardeningStep::NotDumpable => outcome(set(libc::PR_SET_DUMPABLE, 0), read(libc::PR_GET_DUMPABLE) == Ok(0)),
        HardeningStep::NoCoreFile => outcome(
            set_core_limit(libc::rlimit { rlim_cur: 0, ..before.core }),
            core_limit().is_ok_and(|limit| limit.rlim_cur == 0),
        ),
        HardeningStep::NoTracerException => unless_missing(outcome(set(PR_SET_PTRACER, 0), true)),
        HardeningStep::NoPageMerging => {
            unless_missing(outcome(set(libc::PR_SET_MEMORY_MERGE, 0), read(libc::PR_GET_MEMORY_MERGE) == Ok(0)))
        }
        HardeningStep::NoNewPrivileges => {
            outcome(set(libc::PR_SET_NO_NEW_PRIVS, 1), read(libc::PR_GET_NO_NEW_PRIVS) == Ok(1))
        }
    }
}

/// Restores what stood before a step; whether it stands again.
pub(crate) fn undo(step: HardeningStep, before: &Before) -> bool {
    match step {
        // 2 can be read, for a process whose program gave it another identity, but only the kernel can set it.
        HardeningStep::NotDumpable => {
            before.dumpable != 1 || set(libc::PR_SET_DUMPABLE, 1).is_ok() && read(libc::PR_GET_DUMPABLE) == Ok(1)
        }
        HardeningStep::NoCoreFile => {
            // The hard limit may have been lowered since.
            let now = core_limit().unwrap_or(before.core);
            let soft = before.core.rlim_cur.min(now.rlim_max);
            set_core_limit(libc::rlimit { rlim_cur: soft, ..now }).is_ok() && soft == before.core.rlim_cur
        }
        HardeningStep::NoTracerException => false,
        HardeningStep::NoPageMerging => {
            before.merging == 0
                || set(libc::PR_SET_MEMORY_MERGE, 1).is_ok() && read(libc::PR_GET_MEMORY_MERGE) == Ok(before.merging)
        }
        HardeningStep::NoNewPrivileges => read(libc::PR_GET_NO_NEW_PRIVS) == Ok(before.no_new_privileges),
    }
}

fn outcome(done: Result<(), i32>, reads_back: bool) -> HardeningOutcome {
    match done {
        Ok(()) if reads_back => HardeningOutcome::Achieved,
        Ok(()) => HardeningOutcome::Failed(0),
        Err(error) => HardeningOutcome::Failed(error),
    }
}

/// A kernel that does not know a switch answers EINVAL.
fn unless_missing(outcome: HardeningOutcome) -> HardeningOutcome {
    match outcome {
        HardeningOutcome::Failed(libc::EINVAL) => HardeningOutcome::NothingToDo,
        other => other,
    }
}

fn set(option: libc::c_int, value: libc::c_ulong) -> Result<(), i32> {
    const NONE: libc::c_ulong = 0;
    // SAFETY: the options of this file take numbers, no addresses.
    let status = unsafe { libc::prctl(option, value, NONE, NONE, NONE) };
    if status == 0 { Ok(()) } else { Err(last_error()) }
}

fn read(option: libc::c_int) -> Result<libc::c_int, i32> {
    const NONE: libc::c_ulong = 0;
    // SAFETY: the options of this file take no arguments and return the value.
    let value = unsafe { libc::prctl(option, NONE, NONE, NONE, NONE) };
    if value >= 0 { Ok(value) } else { Err(last_error()) }
}

fn core_limit() -> Result<libc::rlimit, i32> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer.
    let status = unsafe { libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) };
    if status == 0 { Ok(limit) } else { Err(last_error()) }
}

fn set_core_limit(limit: libc::rlimit) -> Result<(), i32> {
    // SAFETY: `limit` is a valid place to read from.
    let status = unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) };
    if status == 0 { Ok(()) } else { Err(last_error()) }
}
