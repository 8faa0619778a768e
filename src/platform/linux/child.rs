//! A program that is started to work on a document, with as few ways to keep it as the system can give it.

use core::time::Duration;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What a program may use at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of address space (`RLIMIT_AS`).
    pub(crate) memory: u64,
    /// Processor time in seconds (`RLIMIT_CPU`).
    pub(crate) seconds: u64,
    /// Open files (`RLIMIT_NOFILE`).
    pub(crate) files: u64,
}

/// The soft and hard limit on core files. Where cores go to a program through a pipe (`core_pattern`), Linux writes one in spite of 0,
/// and none for 1 (`do_coredump` in fs/coredump.c); where they go to files, both stop it.
const CORE: u64 = 1;

/// Makes the command's program start with: no core, no byte written to any file, the limits, no new privileges, no descriptor but the
/// standard ones, death with the thread that started it, and a process group of its own.
pub(crate) fn confine(command: &mut Command, limits: Limits) {
    command.process_group(0);
    let confine = move || {
        // Inherited by what is executed (core(5)): should a core be written all the same, it has none of the memory. Best effort.
        // SAFETY: the strings end with zero; the descriptor is closed again.
        unsafe {
            let filter = libc::open(c"/proc/self/coredump_filter".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if filter >= 0 {
                libc::write(filter, c"0".as_ptr().cast(), 1);
                libc::close(filter);
            }
        }
        limit(libc::RLIMIT_CORE as _, CORE)?;
        // Pipes are no files; whoever writes to a file gets an error instead of a signal.
        limit(libc::RLIMIT_FSIZE as _, 0)?;
        limit(libc::RLIMIT_AS as _, limits.memory)?;
        limit(libc::RLIMIT_CPU as _, limits.seconds)?;
        limit(libc::RLIMIT_NOFILE as _, limits.files)?;
        // SAFETY: changes the disposition of one signal in the child alone.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        control(libc::PR_SET_NO_NEW_PRIVS, 1)?;
        control(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
        // Until the program is executed.
        control(libc::PR_SET_DUMPABLE, 0)?;
        // SAFETY: marks the child's own descriptors to be closed when the program is executed.
        if unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls alone: no memory is allocated, no lock taken.
    unsafe { command.pre_exec(confine) };
}

fn limit(resource: libc::c_int, most: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: most as _, rlim_max: most as _ };
    // SAFETY: `limit` is a valid place to read from.
    let status = unsafe { libc::setrlimit(resource as _, &raw const limit) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn control(option: libc::c_int, value: libc::c_ulong) -> io::Result<()> {
    const NONE: libc::c_ulong = 0;
    // SAFETY: the options above take numbers, no addresses.
    let status = unsafe { libc::prctl(option, value, NONE, NONE, NONE) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Waits until there is something to read, or the writing end is closed; whether it was so in time.
pub(crate) fn wait_readable(from: &impl AsRawFd, time: Duration) -> io::Result<bool> {
    let milliseconds = libc::c_int::try_from(time.as_millis().saturating_add(1)).unwrap_or(libc::c_int::MAX);
    let mut wanted = libc::pollfd { fd: from.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, which is a valid place.
    match unsafe { libc::poll(&raw mut wanted, 1, milliseconds) } {
        -1 => Err(io::Error::last_os_error()),
        count => Ok(count > 0),
    }
}

/// Whether a child of this process has ended. It stays to be waited for, so that its number is nobody else's.
pub(crate) fn has_ended(child: u32) -> bool {
    let mut information = core::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: asks about a child; the place is valid and zeroed, and stays so when the child has not ended.
    unsafe {
        let status = libc::waitid(libc::P_PID, child as libc::id_t, information.as_mut_ptr(), flags);
        status == 0 && information.assume_init_ref().si_pid() != 0
    }
}

/// Kills every process of a child's group. The child must not have been waited for yet.
pub(crate) fn kill_group(child: u32) {
    if let Ok(group @ 2..) = libc::pid_t::try_from(child) {
        // SAFETY: sends a signal; touches no memory.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
}
