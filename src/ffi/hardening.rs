//! Hardening of the whole process, for C.

use super::arguments::{PublicStruct, StructOut, read_struct};
use super::boundary::{Failure, guarded};
use super::shokyo_status;
use crate::platform::{Hardening, HardeningOutcome, HardeningStep, harden_process};

/// No core dump is made, and nobody of the same user can trace the process or read its memory. The process itself loses the files
/// under /proc/self that belong to root then. A program that it starts is dumpable again.
pub const SHOKYO_HARDENING_NOT_DUMPABLE: u32 = 1;
/// The limit on core files is 0, for the process and what it starts.
pub const SHOKYO_HARDENING_NO_CORE_FILE: u32 = 2;
/// No process is excepted from the rule that only an ancestor may trace (Yama). What was allowed before cannot be restored.
pub const SHOKYO_HARDENING_NO_TRACER_EXCEPTION: u32 = 4;
/// Equal pages are not merged with those of other processes, which would let these find out what is in them.
pub const SHOKYO_HARDENING_NO_PAGE_MERGING: u32 = 8;
/// Programs that are started gain no privileges by their files. For the calling thread and what it starts from then on, so to be asked
/// for before there are other threads. Cannot be undone.
pub const SHOKYO_HARDENING_NO_NEW_PRIVILEGES: u32 = 16;

/// How many steps a shokyo_hardened has room for.
pub const SHOKYO_HARDENING_STEPS: usize = 16;

/// What shokyo_harden_process is asked for. All 0, or no options at all: every step but SHOKYO_HARDENING_NO_NEW_PRIVILEGES, strictly.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_hardening_options {
    /// sizeof(shokyo_hardening_options).
    pub struct_size: u32,
    /// The steps, as SHOKYO_HARDENING_ flags. 0: every one but SHOKYO_HARDENING_NO_NEW_PRIVILEGES.
    pub steps: u32,
    /// 0: a step that fails makes the call fail, and what can be undone is undone. 1: the others are taken all the same.
    pub best_effort: u32,
}

/// What became of each step. A step is in one of the three sets, or was not asked for.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_hardened {
    /// sizeof(shokyo_hardened), set by the caller.
    pub struct_size: u32,
    /// Steps that were done, and reading them back says so, as SHOKYO_HARDENING_ flags.
    pub achieved: u32,
    /// Steps for which there was nothing to do: the system does not have what they would switch off.
    pub nothing_to_do: u32,
    /// Steps that failed.
    pub failed: u32,
    /// For the step with the flag 1 << n, at n: the operating system's error number if it failed; 0 when it could be done and reads
    /// back as it was before.
    pub os_error: [i32; SHOKYO_HARDENING_STEPS],
}

// SAFETY: `repr(C)`, the size first, two more 32-bit integers.
unsafe impl PublicStruct for shokyo_hardening_options {
    const NAME: &'static str = "options";
    const LEAST: usize = 4;
}

// SAFETY: `repr(C)`, the size first, nineteen more 32-bit integers.
unsafe impl PublicStruct for shokyo_hardened {
    const NAME: &'static str = "hardened";
    const LEAST: usize = 80;
}

/// Hardens the whole process: no core dumps, no debuggers of the same user, no merging of pages. Never done unasked, because it changes
/// how the host can be debugged. It stays for the life of the process.
///
/// options: NULL for the defaults; read during the call. hardened: with its struct_size set; receives what became of each step. Every
/// step is read back.
/// Threads: for the whole process, except SHOKYO_HARDENING_NO_NEW_PRIVILEGES; to be called once, early, before other threads start.
/// Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT; PROTECTION_UNAVAILABLE (without best_effort), whose detail names the first step that failed; SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_harden_process(
    options: *const shokyo_hardening_options,
    hardened: *mut shokyo_hardened,
) -> shokyo_status {
    guarded(|_| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let out = unsafe { StructOut::new(hardened) }?;
        let options = if options.is_null() {
            shokyo_hardening_options::default()
        } else {
            // SAFETY: the caller gives a struct of the size that it states.
            unsafe { read_struct(options) }?
        };
        let mut done = shokyo_hardened::default();
        for (step, outcome) in harden_process(options.to_library()?)?.outcomes() {
            match outcome {
                HardeningOutcome::Achieved => done.achieved |= flag(step),
                HardeningOutcome::NothingToDo => done.nothing_to_do |= flag(step),
                HardeningOutcome::Failed(os_error) => {
                    done.failed |= flag(step);
                    if let Some(place) = done.os_error.get_mut(flag(step).trailing_zeros() as usize) {
                        *place = os_error;
                    }
                }
                HardeningOutcome::NotAsked => {}
            }
        }
        out.write(done);
        Ok(())
    })
}

const fn flag(step: HardeningStep) -> u32 {
    match step {
        HardeningStep::NotDumpable => SHOKYO_HARDENING_NOT_DUMPABLE,
        HardeningStep::NoCoreFile => SHOKYO_HARDENING_NO_CORE_FILE,
        HardeningStep::NoTracerException => SHOKYO_HARDENING_NO_TRACER_EXCEPTION,
        HardeningStep::NoPageMerging => SHOKYO_HARDENING_NO_PAGE_MERGING,
        HardeningStep::NoNewPrivileges => SHOKYO_HARDENING_NO_NEW_PRIVILEGES,
    }
}

impl shokyo_hardening_options {
    fn to_library(self) -> Result<Hardening, Failure> {
        let known = HardeningStep::ALL.into_iter().fold(0, |flags, step| flags | flag(step));
        if self.steps & !known != 0 {
            return Err(Failure::Argument("options", "has steps that are not SHOKYO_HARDENING_ values"));
        }
        let mut asked = Hardening::new();
        asked.strict = match self.best_effort {
            0 => true,
            1 => false,
            _ => return Err(Failure::Argument("options", "has a best_effort that is neither 0 nor 1")),
        };
        if self.steps != 0 {
            let has = |step| self.steps & flag(step) != 0;
            asked.not_dumpable = has(HardeningStep::NotDumpable);
            asked.no_core_file = has(HardeningStep::NoCoreFile);
            asked.no_tracer_exception = has(HardeningStep::NoTracerException);
            asked.no_page_merging = has(HardeningStep::NoPageMerging);
            asked.no_new_privileges = has(HardeningStep::NoNewPrivileges);
        }
        Ok(asked)
    }
}
