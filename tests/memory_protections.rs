//! Each protection by itself, as the kernel shows it: secret memory, what a forked child gets, and the hardening of a process.
#![cfg(all(feature = "std", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "support/child.rs"]
mod child;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use child::{copy_of_this_program, is_child};
use shokyo::types::{Binding, Protections, SessionId};
use shokyo::{
    EphemeralBuffer, Error, Hardening, HardeningOutcome, HardeningStep, SecretMemory, Vault, VaultOptions,
    harden_process,
};

const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
const NOBODY: u32 = 65534;

/// Mappings are the whole process's: one test at a time makes some.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn options(secret_memory: SecretMemory) -> VaultOptions {
    let mut options = VaultOptions::new();
    options.secret_memory = secret_memory;
    options
}

/// A vault in secret memory, unless the kernel has none: that is said, and the test that asked ends.
fn secret_vault() -> Option<Vault> {
    match Vault::open(options(SecretMemory::Require)) {
        Ok(vault) => Some(vault),
        Err(Error::ProtectionUnavailable { protection: "FRAME_PINNED", os_error: libc::ENOSYS }) => {
            eprintln!("skipped: this kernel has no secret memory, or it is switched off (secretmem.enable)");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[derive(Debug)]
struct Mapping {
    range: std::ops::Range<usize>,
    head: String,
    flags: String,
}

fn mappings() -> Vec<Mapping> {
    let mut found: Vec<Mapping> = Vec::new();
    for line in std::fs::read_to_string("/proc/self/smaps").unwrap().lines() {
        if let Some(flags) = line.strip_prefix("VmFlags:") {
            found.last_mut().unwrap().flags = format!("{flags} ");
        } else if let Some((start, end)) = line.split(' ').next().and_then(|range| range.split_once('-'))
            && let (Ok(start), Ok(end)) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
        {
            found.push(Mapping { range: start..end, head: line.to_owned(), flags: String::new() });
        }
    }
    found
}

fn secret_mappings() -> Vec<Mapping> {
    mappings().into_iter().filter(|mapping| mapping.head.contains("/secretmem")).collect()
}

#[test]
fn keys_and_plaintext_in_secret_memory_are_read_by_nobody_else_and_ciphertext_is_not_there() {
    let _alone = alone();
    assert_eq!(secret_mappings().len(), 0);
    let Some(vault) = secret_vault() else { return };
    let expected = Protections::LOCKED
        .with(Protections::FRAME_PINNED)
        .with(Protections::GUARDED)
        .with(Protections::NO_DUMP)
        .with(Protections::NOT_INHERITED);
    assert!(vault.protections().contains(expected), "{}", vault.protections());
    let buffer = vault.seal(BINDING, b"where not even the kernel looks").unwrap();

    let secret = secret_mappings();
    // Cells, four windows, four rooms: each alone between inaccessible pages.
    assert_eq!(secret.len(), 9, "{secret:?}");
    let all = mappings();
    let accessible =
        |address: usize| all.iter().any(|mapping| mapping.range.contains(&address) && mapping.flags.contains(" rd "));
    let memory = File::open("/proc/self/mem").unwrap();
    for mapping in &secret {
        for flag in [" lo ", " dd ", " dc "] {
            assert!(mapping.flags.contains(flag), "{flag}: {mapping:?}");
        }
        assert!(!accessible(mapping.range.start - 1) && !accessible(mapping.range.end), "no guard: {mapping:?}");
        for page in mapping.range.clone().step_by(4096) {
            assert!(memory.read_at(&mut [0], page as u64).is_err(), "the kernel reads {page:x} for others");
        }
    }
    let lies_there = |address: usize| secret.iter().any(|mapping| mapping.range.contains(&address));
    assert!(buffer.read_at(0, |plain| lies_there(plain.as_ptr().addr())).unwrap());
    let sealed = buffer.sealed_chunk(0).unwrap();
    assert!(!lies_there(sealed.as_ptr().addr()));
    memory.read_exact_at(&mut [0], sealed.as_ptr().addr() as u64).unwrap();
    assert!(buffer.erase().protections().contains(Protections::FRAME_PINNED));
    drop(vault);
    assert_eq!(secret_mappings().len(), 0);
}

#[test]
fn every_page_of_secret_memory_is_there_before_the_vault_opens() {
    let _alone = alone();
    let Some(_vault) = secret_vault() else { return };
    let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut checked = 0;
    let mut inside = false;
    let mut size = None;
    for line in text.lines() {
        if line.contains("/secretmem") {
            inside = true;
        } else if let (true, Some(kilobytes)) = (inside, line.strip_prefix("Size:")) {
            size = Some(kilobytes.trim().to_owned());
        } else if let (true, Some(kilobytes)) = (inside, line.strip_prefix("Rss:")) {
            assert_eq!(size.take().as_deref(), Some(kilobytes.trim()));
            (checked, inside) = (checked + 1, false);
        }
    }
    assert_eq!(checked, 9);
}

#[test]
fn secret_memory_is_the_default_where_it_can_be_had_and_off_is_off() {
    let _alone = alone();
    let can = secret_vault().is_some();
    assert_eq!(Vault::open(VaultOptions::new()).unwrap().protections().contains(Protections::FRAME_PINNED), can);
    let ordinary = Vault::open(options(SecretMemory::Off)).unwrap();
    assert!(!ordinary.protections().contains(Protections::FRAME_PINNED));
    assert!(ordinary.protections().contains(Protections::LOCKED));
    assert_eq!(secret_mappings().len(), 0);
}

/// How a forked child ends that runs `work`.
fn in_a_forked_child(work: impl FnOnce()) -> ExitStatus {
    // SAFETY: the child runs `work`, which takes no lock that another thread may hold, and ends without running anything else.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        // SAFETY: only numbers. A child that is killed on purpose leaves no core file.
        unsafe {
            libc::prctl(libc::PR_SET_DUMPABLE, 0);
            libc::alarm(20);
        }
        work();
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: `status` is a valid place for the answer, and the child is this process's.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    ExitStatus::from_raw(status)
}

fn a_child_gets(buffer: &EphemeralBuffer) -> ExitStatus {
    buffer
        .read_at(0, |plain| {
            let place = plain.as_ptr();
            in_a_forked_child(|| {
                // SAFETY: the byte is the parent's; in the child it is zero or not there, which is what the test is about.
                let byte = unsafe { place.read_volatile() };
                // SAFETY: ends the child at once.
                unsafe { libc::_exit(if byte == 0 { 0 } else { 1 }) };
            })
        })
        .unwrap()
}

#[test]
fn a_forked_child_gets_zeros_or_nothing_and_a_vault_dropped_there_stays_the_parents() {
    let _alone = alone();
    let plain = [0x77; 100];
    let ordinary = Vault::open(options(SecretMemory::Off)).unwrap();
    let buffer = ordinary.seal(BINDING, &plain).unwrap();
    assert_eq!(a_child_gets(&buffer).code(), Some(0), "zeros");
    if let Some(secret) = secret_vault() {
        let hidden = secret.seal(BINDING, &plain).unwrap();
        assert_eq!(a_child_gets(&hidden).signal(), Some(libc::SIGSEGV), "nothing");
        assert!(hidden.read_at(0, |bytes| bytes == plain).unwrap());
    }
    for kind in [SecretMemory::Off, SecretMemory::Auto] {
        let vault = Vault::open(options(kind)).unwrap();
        let mut copy = Some(vault);
        let ended = in_a_forked_child(|| drop(copy.take()));
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let vault = copy.take().unwrap();
        let buffer = vault.seal(BINDING, &plain).unwrap();
        assert!(buffer.read_at(0, |bytes| bytes == plain).unwrap());
        assert!(buffer.erase().is_verified());
    }
}

/// This program again, as an ordinary user where the test is run by root, in a folder that this user can write to.
fn again(folder: &Path, test: &str) -> Command {
    let program = copy_of_this_program(folder, 0o777);
    let mut command = Command::new(program);
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]).env("SHOKYO_TEST_CHILD", "1");
    command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // SAFETY: between fork and exec only system calls are made.
    unsafe {
        command.pre_exec(|| {
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit);
            let root = libc::geteuid() == 0;
            let most = if root { libc::RLIM_INFINITY } else { limit.rlim_max };
            let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
            if libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            if root
                && (libc::setgroups(0, std::ptr::null()) != 0 || libc::setgid(NOBODY) != 0 || libc::setuid(NOBODY) != 0)
            {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
    command
}

/// A process that does what it is told, line by line.
struct Target {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    /// Where it keeps a byte of 0x3D.
    address: String,
}

impl Target {
    fn start(folder: &Path) -> Self {
        let mut child = again(folder, "child_that_is_hardened").spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut target = Self { child, output, address: String::new() };
        target.address = target.answer();
        target
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the target ended early");
            // The harness writes its own words before, without ending the line.
            if let Some((_, answer)) = line.split_once("answer: ") {
                return answer.trim().to_owned();
            }
        }
    }

    fn tell(&mut self, command: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{command}").unwrap();
    }

    fn ask(&mut self, command: &str) -> String {
        self.tell(command);
        self.answer()
    }

    /// What another process of the same user gets that reads the target's memory.
    fn read_by_another(&self, folder: &Path) -> String {
        let mut reader = again(folder, "child_that_reads_another");
        reader.env("SHOKYO_TARGET", format!("{} {}", self.child.id(), self.address));
        let output = reader.stderr(Stdio::inherit()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_once("answer: ").unwrap_or_else(|| panic!("{text}")).1.lines().next().unwrap().to_owned()
    }

    fn abort(mut self) -> ExitStatus {
        self.tell("abort");
        self.child.wait().unwrap()
    }
}

fn cores(folder: &Path) -> usize {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().to_string_lossy().into_owned();
    std::fs::read_dir(folder).unwrap().map(name).filter(|name| name.contains("core")).count()
}

#[test]
fn a_hardened_process_is_not_read_by_others_of_its_user_and_undo_says_what_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut target = Target::start(folder.path());
    let readable = target.read_by_another(folder.path());
    if readable != "read 61" {
        let yama = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
        assert_ne!(yama.trim(), "0", "the control must be able to read: {readable}");
        assert!(!yama.is_empty(), "the control must be able to read: {readable}");
        return eprintln!("skipped: Yama (ptrace_scope {}) lets nobody read another's memory", yama.trim());
    }
    assert_eq!(
        target.ask("harden"),
        "NOT_DUMPABLE Achieved, NO_CORE_FILE Achieved, NO_TRACER_EXCEPTION known, NO_PAGE_MERGING known, NO_NEW_PRIVILEGES Achieved"
    );
    let expected = format!("os error {}", libc::EACCES);
    assert_eq!(target.read_by_another(folder.path()), expected);
    assert_eq!(target.ask("privileges"), "NoNewPrivs: 1");
    assert_eq!(target.ask("core"), "soft 0");

    let stays = target.ask("undo");
    assert!(
        stays.contains("NO_NEW_PRIVILEGES") && !stays.contains("NOT_DUMPABLE") && !stays.contains("CORE"),
        "{stays}"
    );
    assert_eq!(target.read_by_another(folder.path()), "read 61");
    assert_eq!(target.ask("privileges"), "NoNewPrivs: 1");
    assert_ne!(target.ask("core"), "soft 0");
}

#[test]
fn a_hardened_process_that_aborts_leaves_no_core() {
    let folder = tempfile::tempdir().unwrap();
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let in_folder = !pattern.starts_with(['|', '/', '@']);
    let mut hardened = Target::start(folder.path());
    hardened.ask("harden");
    let ended = hardened.abort();
    assert_eq!(ended.signal(), Some(libc::SIGABRT));
    assert!(!ended.core_dumped());
    assert_eq!(cores(folder.path()), 0);

    // What the same process leaves that was not hardened, or no longer is.
    let ended = Target::start(folder.path()).abort();
    let mut undone = Target::start(folder.path());
    undone.ask("harden");
    undone.ask("undo");
    let ended_undone = undone.abort();
    if in_folder {
        assert!(ended.core_dumped() && ended_undone.core_dumped(), "the control must leave a core: {pattern}");
        assert!(cores(folder.path()) >= 1);
    } else {
        eprintln!("the control is not checked: cores go to {pattern}");
    }
}

#[test]
#[ignore = "run in a child process by the tests above"]
fn child_that_is_hardened() {
    if !is_child() {
        return;
    }
    let byte = std::hint::black_box(Box::new(0x3Du8));
    let mut hardened = None;
    println!("answer: {}", (&raw const *byte).addr());
    for line in std::io::stdin().lines() {
        match line.unwrap().as_str() {
            "harden" => {
                let mut asked = Hardening::new();
                asked.no_new_privileges = true;
                let done = harden_process(asked).unwrap();
                let word = |(step, outcome): (HardeningStep, HardeningOutcome)| match (step, outcome) {
                    // Kernels differ in whether they have these.
                    (
                        HardeningStep::NoTracerException | HardeningStep::NoPageMerging,
                        HardeningOutcome::Achieved | HardeningOutcome::NothingToDo,
                    ) => format!("{} known", step.name()),
                    (step, outcome) => format!("{} {outcome:?}", step.name()),
                };
                println!("answer: {}", done.outcomes().map(word).collect::<Vec<_>>().join(", "));
                assert!(done.has(HardeningStep::NotDumpable));
                hardened = Some(done);
            }
            "undo" => println!(
                "answer: {:?}",
                hardened.take().unwrap().undo().iter().map(|step| step.name()).collect::<Vec<_>>()
            ),
            "privileges" => {
                // A process that is not dumpable can still read this file of its own.
                let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
                let line = status.lines().find(|line| line.starts_with("NoNewPrivs")).unwrap();
                println!("answer: {}", line.replace('\t', " "));
            }
            "core" => {
                let mut limit = libc::rlimit { rlim_cur: 1, rlim_max: 1 };
                // SAFETY: `limit` is a valid place for the answer.
                unsafe { libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) };
                println!("answer: soft {}", limit.rlim_cur);
            }
            "abort" => std::process::abort(),
            other => panic!("{other}"),
        }
    }
}

#[test]
#[ignore = "run in a child process by the tests above"]
fn child_that_reads_another() {
    let Ok(target) = std::env::var("SHOKYO_TARGET") else { return };
    let (pid, address) = target.split_once(' ').unwrap();
    let mut byte = [0];
    let read =
        File::open(format!("/proc/{pid}/mem")).and_then(|memory| memory.read_at(&mut byte, address.parse().unwrap()));
    match read {
        Ok(_) => println!("answer: read {}", byte[0]),
        Err(error) => println!("answer: os error {}", error.raw_os_error().unwrap()),
    }
}

#[test]
fn what_is_not_asked_for_is_not_done() {
    let mut none = Hardening::new();
    (none.not_dumpable, none.no_core_file, none.no_tracer_exception, none.no_page_merging) =
        (false, false, false, false);
    let nothing = harden_process(none).unwrap();
    assert!(nothing.outcomes().all(|(_, outcome)| outcome == HardeningOutcome::NotAsked));
    assert!(nothing.undo().is_empty());
}
