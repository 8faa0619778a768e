//! Hardening of the whole process, for hosts that ask for it: no core dumps, no debuggers of the same user, no merging of pages.
//!
//! It is never done unasked, because it changes how the host can be debugged. Every step is read back, reported by itself, and undone
//! only when that is asked for.
//!
//! Not offered, with the reason. Locking all memory (`mlockall`): it fails or swallows the limit, and what must be locked is. No
//! huge pages (`PR_SET_THP_DISABLE`): merging small pages into a huge one moves them, but compaction moves locked pages anyway; what
//! keeps a page in its place is secret memory. No memory both writable and executable (`PR_SET_MDWE`): it stops what injects code, not
//! what reads, cannot be undone, and breaks hosts that compile at run time.

use super::imp::{Before, take, undo};
use crate::error::Error;

/// Which steps [`harden_process`] takes. They are Linux's: elsewhere none can be taken, and each that is asked for fails.
///
/// ```
/// let mut asked = shokyo::Hardening::new();
/// asked.no_new_privileges = true;
/// # if false {
/// let hardened = shokyo::harden_process(asked)?;
/// for (step, outcome) in hardened.outcomes() {
///     println!("{}: {outcome:?}", step.name());
/// }
/// # }
/// # Ok::<(), shokyo::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hardening {
    /// Whether a step that fails is an error; then nothing stays changed that can be undone. Default: yes.
    pub strict: bool,
    /// [`HardeningStep::NotDumpable`]. Default: yes.
    pub not_dumpable: bool,
    /// [`HardeningStep::NoCoreFile`]. Default: yes.
    pub no_core_file: bool,
    /// [`HardeningStep::NoTracerException`]. Default: yes.
    pub no_tracer_exception: bool,
    /// [`HardeningStep::NoPageMerging`]. Default: yes.
    pub no_page_merging: bool,
    /// [`HardeningStep::NoNewPrivileges`], which cannot be undone. Default: no.
    pub no_new_privileges: bool,
}

/// One step of [`harden_process`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HardeningStep {
    /// No core dump is made, none for a handler behind a pipe either, and nobody without `CAP_SYS_PTRACE` can trace the process or
    /// read its memory, the same user included (`PR_SET_DUMPABLE`). The process itself loses the files under `/proc/self` that
    /// belong to root then. For the process; a program that it starts is dumpable again.
    NotDumpable,
    /// The soft limit on core files is 0 (`RLIMIT_CORE`). For the process and what it starts. A handler behind a pipe ignores it.
    NoCoreFile,
    /// No process is excepted from Yama's rule that only an ancestor may trace (`PR_SET_PTRACER`). For the process; what was allowed
    /// before cannot be read, so it cannot be restored.
    NoTracerException,
    /// Equal pages are not merged with those of other processes, which would let these find out what is in them
    /// (`PR_SET_MEMORY_MERGE`). For the process and children that it forks.
    NoPageMerging,
    /// Programs that are started gain no privileges by their files (`PR_SET_NO_NEW_PRIVS`). For the calling *thread* and what it
    /// starts from then on: to be called before there are other threads.
    NoNewPrivileges,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HardeningOutcome {
    /// It was done, and reading it back says so.
    Achieved,
    /// The kernel does not have what the step would switch off.
    NothingToDo,
    /// It failed, with the operating system's error number, or reads back as it was before: then 0.
    Failed(i32),
    /// It was not asked for.
    NotAsked,
}

/// The steps that were taken, and what is needed to undo them. Dropping it changes nothing.
#[derive(Debug)]
#[must_use = "it says what was achieved"]
pub struct Hardened {
    outcomes: [(HardeningStep, HardeningOutcome); 5],
    before: Before,
}

/// Takes the steps that are asked for, each by itself, reads each back, and reports it.
///
/// Threads: the steps are the whole process's, except [`HardeningStep::NoNewPrivileges`]; to be called once, early, and by whoever
/// owns the process. Two calls at once take each other's changes for what stood before.
///
/// # Errors
/// With [`Hardening::strict`], [`Error::ProtectionUnavailable`] that names the first step that failed; what was changed is undone
/// then as far as it can be.
pub fn harden_process(asked: Hardening) -> Result<Hardened, Error> {
    let before = Before::read()?;
    let take = |step| if asked.has(step) { take(step, &before) } else { HardeningOutcome::NotAsked };
    let hardened = Hardened { outcomes: HardeningStep::ALL.map(|step| (step, take(step))), before };
    let failed = hardened.outcomes().find_map(|(step, outcome)| match outcome {
        HardeningOutcome::Failed(os_error) => Some(Error::ProtectionUnavailable { protection: step.name(), os_error }),
        _ => None,
    });
    match failed {
        Some(error) if asked.strict => {
            let _ = hardened.undo();
            Err(error)
        }
        _ => Ok(hardened),
    }
}

impl Hardened {
    /// What became of each step, those that were not asked for included.
    pub fn outcomes(&self) -> impl Iterator<Item = (HardeningStep, HardeningOutcome)> {
        self.outcomes.iter().copied()
    }

    /// Whether a step was taken and reads back as taken.
    #[must_use]
    pub fn has(&self, step: HardeningStep) -> bool {
        self.outcomes.contains(&(step, HardeningOutcome::Achieved))
    }

    /// Restores what stood before, and tells which steps could not be undone. Those are at least
    /// [`HardeningStep::NoTracerException`] and, unless it was so before, [`HardeningStep::NoNewPrivileges`], where they were taken.
    #[must_use = "it says what could not be undone"]
    pub fn undo(self) -> std::vec::Vec<HardeningStep> {
        // A step that failed may have changed something all the same: what failed may be the reading back.
        let changed = |outcome| matches!(outcome, HardeningOutcome::Achieved | HardeningOutcome::Failed(_));
        self.outcomes()
            .filter(|(step, outcome)| changed(*outcome) && !undo(*step, &self.before))
            .map(|(step, _)| step)
            .collect()
    }
}

impl Hardening {
    /// Every step that can be undone, strictly.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            strict: true,
            not_dumpable: true,
            no_core_file: true,
            no_tracer_exception: true,
            no_page_merging: true,
            no_new_privileges: false,
        }
    }

    const fn has(&self, step: HardeningStep) -> bool {
        match step {
            HardeningStep::NotDumpable => self.not_dumpable,
            HardeningStep::NoCoreFile => self.no_core_file,
            HardeningStep::NoTracerException => self.no_tracer_exception,
            HardeningStep::NoPageMerging => self.no_page_merging,
            HardeningStep::NoNewPrivileges => self.no_new_privileges,
        }
    }
}

impl Default for Hardening {
    fn default() -> Self {
        Self::new()
    }
}

impl HardeningStep {
    /// All steps, in the order in which they are taken.
    pub const ALL: [Self; 5] =
        [Self::NotDumpable, Self::NoCoreFile, Self::NoTracerException, Self::NoPageMerging, Self::NoNewPrivileges];

    /// The step's name in errors and reports, such as `NOT_DUMPABLE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotDumpable => "NOT_DUMPABLE",
            Self::NoCoreFile => "NO_CORE_FILE",
            Self::NoTracerException => "NO_TRACER_EXCEPTION",
            Self::NoPageMerging => "NO_PAGE_MERGING",
            Self::NoNewPrivileges => "NO_NEW_PRIVILEGES",
        }
    }
}
