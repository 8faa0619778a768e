//! Looking into another process from outside, for the residue scanner: stops every thread of it, reads its registers, its
//! mappings and its memory, and lets it go again.
//!
//! It must never leave the process stopped, never take an exit status that its parent waits for, and never change a byte of it.
//!
//! The kernel ties a traced thread to the *thread* that traces it, so everything happens on one dedicated thread, inside
//! [`with_stopped`]. When that thread ends, the kernel itself releases whatever could not be released in order.

mod mappings;
mod registers;

use std::fs::{self, File};
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, Instant};

pub use mappings::Mapping;
pub use registers::{RegisterFile, RegisterSet};

use crate::error::Error;

/// Stops every thread of process `pid`, runs `inspect` on it, and lets it run again, whatever `inspect` returns.
///
/// `patience` bounds the stopping, not `inspect`. A process that was stopped by a signal before stays so afterwards; a signal
/// that arrives meanwhile is delivered afterwards.
///
/// The caller must not wait for the process (`waitpid`, `Child::wait`, `Child::try_wait`) in another thread meanwhile: the
/// kernel would show it the stops as if the process had changed state.
///
/// # Errors
/// [`Error::Configuration`] when the process may not be inspected, with what to do; [`Error::Io`] when it does not exist, ended
/// while it was inspected, or did not stop in time; and what `inspect` returns.
///
/// # Panics
/// Only with the panic of `inspect`, after the process runs again.
pub fn with_stopped<T: Send>(
    pid: i32,
    patience: Duration,
    inspect: impl FnOnce(&StoppedProcess) -> Result<T, Error> + Send,
) -> Result<T, Error> {
    let work = move || {
        let process = StoppedProcess::stop(pid, patience)?;
        let outcome = inspect(&process);
        // A process that was killed meanwhile reads as empty: its own end is the error to tell, not what followed from it.
        process.still_stopped()?;
        outcome
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("shokyo-inspect".into())
            .spawn_scoped(scope, work)
            .map_err(|error| Error::io("starting the thread that inspects a process", &error))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A process all of whose threads are stopped, until it is dropped. It stays on the thread that made it.
#[derive(Debug)]
pub struct StoppedProcess {
    pid: i32,
    threads: Vec<StoppedThread>,
    memory: File,
    page_states: Option<File>,
    page_size: u64,
    bound_to_thread: PhantomData<*const ()>,
}

#[derive(Clone, Copy, Debug)]
struct StoppedThread {
    id: i32,
    /// A signal that was about to be delivered, 0 for none.
    signal: i32,
    stopped: bool,
}

impl StoppedProcess {
    /// The process.
    #[must_use]
    pub const fn pid(&self) -> i32 {
        self.pid
    }

    /// The threads' identifiers, ascending.
    pub fn threads(&self) -> impl Iterator<Item = i32> {
        self.threads.iter().map(|thread| thread.id)
    }

    /// Bytes of a page.
    #[must_use]
    pub const fn page_size(&self) -> u64 {
        self.page_size
    }

    /// The mappings, ascending by address.
    ///
    /// # Errors
    /// [`Error::Io`] when the process ended or the list cannot be read.
    pub fn mappings(&self) -> Result<Vec<Mapping>, Error> {
        // A kernel without page monitoring has no smaps: the flags are then unknown, the mappings are the same.
        let text = fs::read(format!("/proc/{}/smaps", self.pid))
            .or_else(|_| fs::read(format!("/proc/{}/maps", self.pid)))
            .map_err(|error| self.explain("reading the mappings of the process", &error))?;
        let mappings = mappings::parse(&text);
        if mappings.is_empty() {
            return Err(ended());
        }
        Ok(mappings)
    }

    /// The registers of one of its [threads](Self::threads).
    ///
    /// # Errors
    /// [`Error::System`] when the kernel does not give the general registers; [`Error::Io`] when the process ended. Other sets that the
    /// kernel does not give are listed in the result.
    pub fn registers(&self, thread: i32) -> Result<RegisterFile, Error> {
        registers::read(thread).map_err(|error| match error {
            Error::System { os_error: libc::ESRCH, .. } => ended(),
            other => other,
        })
    }

    /// The parts of `mapping` that may hold something, as page-aligned address ranges `(start, end)`: without the pages of private
    /// anonymous memory that were never touched, which read as zeros.
    ///
    /// # Errors
    /// [`Error::Io`] when the process ended.
    pub fn touched(&self, mapping: &Mapping) -> Result<Vec<(u64, u64)>, Error> {
        let whole = vec![(mapping.start, mapping.end)];
        match &self.page_states {
            Some(file) if mapping.is_private_anonymous() => {
                mappings::touched(file, mapping, self.page_size).or_else(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => Err(ended()),
                    _ => Ok(whole),
                })
            }
            _ => Ok(whole),
        }
    }

    /// Reads memory at `address`, also where the process itself has no read permission. Returns how many bytes were read, at least 1.
    ///
    /// # Errors
    /// [`Error::System`] when the page at `address` cannot be read (EIO, mostly), [`Error::Io`] when the process ended.
    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<usize, Error> {
        loop {
            return match self.memory.read_at(into, address) {
                // The kernel gives 0 bytes once the address space is gone.
                Ok(0) => Err(ended()),
                Ok(count) => Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Err(ended()),
                Err(error) => {
                    Err(Error::System { call: "reading /proc/PID/mem", os_error: error.raw_os_error().unwrap_or(0) })
                }
            };
        }
    }

    /// The length in bytes of the file behind `mapping`, when it can be told.
    #[must_use]
    pub fn file_length(&self, mapping: &Mapping) -> Option<u64> {
        if mapping.inode == 0 {
            return None;
        }
        let exact = format!("/proc/{}/map_files/{:x}-{:x}", self.pid, mapping.start, mapping.end);
        let by_name = format!("/proc/{}/root{}", self.pid, mapping.name);
        let metadata = fs::metadata(exact).or_else(|_| fs::metadata(by_name)).ok()?;
        (metadata.ino() == mapping.inode).then_some(metadata.len())
    }

    fn stop(pid: i32, patience: Duration) -> Result<Self, Error> {
        if pid <= 0 {
            return Err(Error::Configuration { reason: format!("{pid} is not the number of a process") });
        }
        if pid as u32 == std::process::id() {
            let reason =
                "a process cannot inspect itself, its threads would have to stop; start the scanner as another process";
            return Err(Error::Configuration { reason: reason.into() });
        }
        let open = |name: &str| File::open(format!("/proc/{pid}/{name}"));
        // SAFETY: sysconf has no preconditions.
        let page_size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let memory = open("mem").map_err(|error| refusal(pid, "opening the memory of the process", &error))?;
        let mut process = Self {
            pid,
            threads: Vec::new(),
            memory,
            page_states: open("pagemap").ok(),
            page_size: u64::try_from(page_size).unwrap_or(4096),
            bound_to_thread: PhantomData,
        };
        process.stop_all(Instant::now() + patience)?;
        Ok(process)
    }

    /// Stops threads until a listing shows none that is not stopped: then nobody is left who could start another.
    fn stop_all(&mut self, deadline: Instant) -> Result<(), Error> {
        let mut gone: Vec<i32> = Vec::new();
        loop {
            let known = |id: &i32| self.threads.iter().any(|thread| thread.id == *id) || gone.contains(id);
            let new: Vec<i32> = self.list_threads()?.into_iter().filter(|id| !known(id)).collect();
            if new.is_empty() {
                break;
            }
            for id in new {
                if self.seize(id)? {
                    self.threads.push(StoppedThread { id, signal: 0, stopped: false });
                } else {
                    gone.push(id);
                }
            }
            for thread in self.threads.iter_mut().filter(|thread| !thread.stopped) {
                match wait_for_stop(self.pid, thread.id, deadline)? {
                    Some(signal) => (thread.signal, thread.stopped) = (signal, true),
                    None => gone.push(thread.id),
                }
            }
            self.threads.retain(|thread| thread.stopped);
        }
        self.threads.sort_by_key(|thread| thread.id);
        if self.threads.is_empty() { Err(ended()) } else { Ok(()) }
    }

    fn list_threads(&self) -> Result<Vec<i32>, Error> {
        let explain = |error: &io::Error| self.explain("listing the threads of the process", error);
        let mut threads = Vec::new();
        for entry in fs::read_dir(format!("/proc/{}/task", self.pid)).map_err(|error| explain(&error))? {
            let entry = entry.map_err(|error| explain(&error))?;
            threads.extend(entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
        }
        threads.sort_unstable();
        Ok(threads)
    }

    /// Takes hold of a thread and asks it to stop; `false` when it has ended.
    fn seize(&self, thread: i32) -> Result<bool, Error> {
        for (name, request) in [("ptrace(SEIZE)", libc::PTRACE_SEIZE), ("ptrace(INTERRUPT)", libc::PTRACE_INTERRUPT)] {
            // SAFETY: both requests take no memory of this process: address and data are 0, which for SEIZE means no options.
            let result = unsafe { libc::ptrace(request, thread, 0usize, 0usize) };
            if result == -1 {
                let error = io::Error::last_os_error();
                if has_ended(thread_state(self.pid, thread)) {
                    return Ok(false);
                }
                return Err(refusal(self.pid, name, &error));
            }
        }
        Ok(true)
    }

    fn still_stopped(&self) -> Result<(), Error> {
        // Only SIGKILL takes a thread out of its stop, and it takes the whole process.
        let held = |thread: &StoppedThread| thread_state(self.pid, thread.id) == Some(b't');
        if self.threads.iter().all(held) { Ok(()) } else { Err(ended()) }
    }

    fn explain(&self, what: &'static str, error: &io::Error) -> Error {
        match error.raw_os_error() {
            Some(libc::ESRCH | libc::ENOENT) => ended(),
            _ => Error::io(what, error),
        }
    }
}

impl Drop for StoppedProcess {
    fn drop(&mut self) {
        for thread in &self.threads {
            // SAFETY: DETACH takes no memory of this process; `data` is the signal to deliver. It fails only for a thread that has
            // ended, or has not stopped yet, and that one the kernel releases when this thread ends.
            unsafe { libc::ptrace(libc::PTRACE_DETACH, thread.id, 0usize, thread.signal as usize) };
        }
    }
}

/// Waits until a seized thread has stopped. Returns the signal to deliver later (0: none), or `None` when the thread ended.
fn wait_for_stop(pid: i32, thread: i32, deadline: Instant) -> Result<Option<i32>, Error> {
    let mut seen_stopped = 0;
    let mut pause = Duration::from_micros(20);
    loop {
        if let Some(status) = take_stop(thread) {
            // Low byte: the signal; above it: the event. An event's signal is the tracer's own and is not delivered.
            return Ok(Some(if status >> 8 == 0 { status & 0x7f } else { 0 }));
        }
        match thread_state(pid, thread) {
            // Another waiter of this process may have taken the report of the stop; the stop itself holds.
            Some(b't') if seen_stopped == 3 => return Ok(Some(signal_at_stop(thread))),
            Some(b't') => seen_stopped += 1,
            state if has_ended(state) => return Ok(None),
            _ => {}
        }
        if Instant::now() > deadline {
            let reason = "stopping the threads of the process (it runs on; is one of them stuck in the kernel?)";
            return Err(Error::Io { what: reason, kind: io::ErrorKind::TimedOut });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(1));
    }
}

/// Takes the report of a stop, and only of a stop: an exit status belongs to the parent, which may be this process.
fn take_stop(thread: i32) -> Option<i32> {
    // SAFETY: siginfo_t is plain data for which all zeros is valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WSTOPPED | libc::WNOHANG | libc::__WALL;
    // SAFETY: `info` is valid for writing for the whole call.
    let result = unsafe { libc::waitid(libc::P_PID, thread as libc::id_t, &mut info, options) };
    // SAFETY: waitid filled the fields of a child's report, or left the zeros.
    (result == 0 && unsafe { info.si_pid() } != 0).then(|| unsafe { info.si_status() })
}

/// The signal that a stopped thread is about to receive, 0 when it stopped for another reason.
fn signal_at_stop(thread: i32) -> i32 {
    // SAFETY: siginfo_t is plain data for which all zeros is valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: GETSIGINFO writes one siginfo_t to `data`, which is valid for that.
    let result = unsafe { libc::ptrace(libc::PTRACE_GETSIGINFO, thread, 0usize, &raw mut info) };
    // An event's code holds the event above the low byte.
    if result == 0 && info.si_code >> 8 == 0 { info.si_signo } else { 0 }
}

/// The state letter of a thread, `None` when there is no such thread.
fn thread_state(pid: i32, thread: i32) -> Option<u8> {
    let text = fs::read(format!("/proc/{pid}/task/{thread}/stat")).ok()?;
    // The name before it may hold anything, also parentheses.
    let end_of_name = text.iter().rposition(|byte| *byte == b')')?;
    text.get(end_of_name + 2).copied()
}

fn has_ended(state: Option<u8>) -> bool {
    matches!(state, None | Some(b'Z' | b'X' | b'x'))
}

fn ended() -> Error {
    Error::Io {
        what: "the process ended while it was inspected; nothing is known about it",
        kind: io::ErrorKind::NotFound,
    }
}

/// Says why the kernel refused, and what to do about it.
fn refusal(pid: i32, what: &'static str, error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ESRCH) => {
            Error::Io { what: "finding the process to inspect; has it ended?", kind: io::ErrorKind::NotFound }
        }
        Some(libc::EPERM | libc::EACCES) => {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:")).map_or("0", str::trim);
            let yama = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
            let reason = if tracer != "0" {
                format!("process {pid} is already traced by process {tracer}; end that debugger or scanner first")
            } else {
                format!(
                    "process {pid} may not be inspected: run the scanner with CAP_SYS_PTRACE (as root), or as the user of a process \
                     that has not made itself undumpable, with kernel.yama.ptrace_scope at 0, or at 1 and the scanner as its parent \
                     (now: {})",
                    if yama.is_empty() { "not in this kernel" } else { yama.trim() }
                )
            };
            Error::Configuration { reason }
        }
        _ => Error::io(what, error),
    }
}

#[cfg(test)]
mod tests;
