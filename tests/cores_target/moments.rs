//! Programs that end with a core: in the middle of an operation, at any moment of it, or after everything was done.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::handover::Station;
use super::{BINDING, Bench, DOCUMENT, tell};

/// A program of this name, which does not come back.
pub(crate) fn run(name: &str) {
    let bench = Bench::ready();
    match name {
        "work" => work(&bench),
        #[cfg(shokyo_faults)]
        name if name.starts_with("crash-") => crash(name, &bench),
        "timer-own-stack" => interrupted(&bench, false),
        "timer-alternate-stack" => interrupted(&bench, true),
        name => {
            a_whole_life(&bench);
            end(name)
        }
    }
}

/// Seals and opens for ever: whoever kills it finds it somewhere in between.
fn work(bench: &Bench) {
    let vault = bench.vault();
    let buffer = bench.document(&vault);
    tell(&[super::STILL]);
    loop {
        drop(vault.seal(BINDING, bench.source).unwrap());
        buffer.authenticate().unwrap();
        buffer.hmac_sha256(b"key").unwrap();
    }
}

#[cfg(shokyo_faults)]
fn crash(name: &str, bench: &Bench) {
    use shokyo::faults::{Fault, add, strike_after};

    let (name, handler) = name.rsplit_once(", ").unwrap();
    if handler == "default" {
        // SAFETY: no handler is installed: the default is.
        unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
    } else {
        assert_eq!(handler, "of the standard library");
    }
    // Not a multiple of the hash's blocks: the hash holds plaintext between chunks.
    let vault = bench.vault_with(|options| options.chunk_size = 4096 + 16);
    match name {
        "crash-in-seal" => {
            add(Fault::CrashInSeal);
            strike_after(3);
            let _ = vault.seal(BINDING, &bench.source[..DOCUMENT]);
        }
        "crash-in-open" => {
            let buffer = bench.document(&vault);
            add(Fault::CrashInOpen);
            let _ = buffer.read_at(5000, <[u8]>::len);
        }
        "crash-in-hash" => {
            let buffer = bench.document(&vault);
            add(Fault::CrashInOpen);
            strike_after(3);
            let _ = buffer.hmac_sha256(b"key");
        }
        "crash-in-signature" => {
            let station = Station::new(bench);
            add(Fault::CrashInAgreement);
            station.sign();
        }
        "crash-in-wrap" | "crash-in-unwrap" => {
            let station = Station::new(bench);
            add(Fault::CrashInAgreement);
            strike_after(u32::from(name == "crash-in-unwrap"));
            let _ = station.hand_over();
        }
        other => panic!("no crash is called {other}"),
    }
    panic!("{name} did not crash");
}

/// Interruptions that hit work in a room.
static INSIDE: AtomicU64 = AtomicU64::new(0);
/// How many of them come before the last.
const INTERRUPTIONS: u64 = 300;
/// Where the worker's ordinary stack is.
static STACK: AtomicUsize = AtomicUsize::new(0);

/// Counts when it interrupted work in a room; the last time it sees to it that no other signal comes, whose frame would cover its own.
extern "C" fn count(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel gives a handler with SA_SIGINFO its context, which is the handler's alone to change.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    let ordinary = STACK.load(Ordering::Relaxed);
    if (ordinary - (1 << 20)..ordinary + (1 << 20)).contains(&stack_pointer(context)) {
        return;
    }
    if INSIDE.fetch_add(1, Ordering::Relaxed) + 1 >= INTERRUPTIONS {
        // SAFETY: the mask that is in force when the handler returns.
        unsafe { libc::sigaddset(&raw mut context.uc_sigmask, libc::SIGUSR1) };
    }
}

#[cfg(target_arch = "x86_64")]
fn stack_pointer(context: &libc::ucontext_t) -> usize {
    context.uc_mcontext.gregs[libc::REG_RSP as usize] as usize
}

#[cfg(target_arch = "aarch64")]
fn stack_pointer(context: &libc::ucontext_t) -> usize {
    context.uc_mcontext.sp as usize
}

/// Works while signals come, whose handler runs on an alternate stack of the host's or on the stack of that moment; then aborts.
fn interrupted(bench: &Bench, alternate: bool) {
    const LENGTH: usize = 64 * 1024;
    let here = 0u8;
    STACK.store((&raw const here).addr(), Ordering::Relaxed);
    // SAFETY: the alternate stack is a mapping of its own that is never unmapped; the handler only counts.
    unsafe {
        if alternate {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let start = libc::mmap(std::ptr::null_mut(), LENGTH, access, flags, -1, 0);
            assert_ne!(start, libc::MAP_FAILED);
            let stack = libc::stack_t { ss_sp: start, ss_flags: 0, ss_size: LENGTH };
            assert_eq!(libc::sigaltstack(&raw const stack, std::ptr::null_mut()), 0);
        }
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = count as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | if alternate { libc::SA_ONSTACK } else { 0 };
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()), 0);
    }
    let vault = bench.vault();
    let buffer = bench.document(&vault);
    let done = AtomicBool::new(false);
    // SAFETY: the number of this very thread.
    let worker = unsafe { libc::pthread_self() };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // SAFETY: the worker lives longer than this scope.
                unsafe { libc::pthread_kill(worker, libc::SIGUSR1) };
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
        });
        while INSIDE.load(Ordering::Relaxed) < INTERRUPTIONS {
            drop(vault.seal(BINDING, bench.source).unwrap());
            buffer.authenticate().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    std::process::abort();
}

/// Everything that happens to a document, its keys alive in their cells at the end.
fn a_whole_life(bench: &Bench) {
    let station = Station::new(bench);
    let vault = bench.vault();
    let buffer = bench.document(&vault);
    assert_eq!(buffer.read_at(0, |plain| plain == &bench.source[..plain.len()]), Ok(true));
    buffer.authenticate().unwrap();
    buffer.hmac_sha256(b"key").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| bench.document(&vault).authenticate()).join().unwrap().unwrap();
    });
    station.sign();
    drop(station.hand_over());
    let mut writer = vault.writer(BINDING).unwrap();
    writer.copy_from(&mut bench.reader(DOCUMENT)).unwrap();
    // What the process still holds when it ends.
    std::mem::forget((station, vault, buffer, writer));
}

fn end(name: &str) {
    match name {
        "after everything, abort" => std::process::abort(),
        "after everything, exit" => {
            extern "C" fn at_exit() {
                std::process::abort();
            }
            // SAFETY: the function takes nothing and does not come back.
            assert_eq!(unsafe { libc::atexit(at_exit) }, 0);
            std::process::exit(0);
        }
        "after everything, panic" => {
            assert!(catch_unwind(|| panic!("after everything")).is_err());
            let thread = std::thread::spawn(|| panic!("in a thread, too"));
            assert!(thread.join().is_err());
            std::process::abort();
        }
        "after everything, segmentation fault" => {
            // SAFETY: not sound, on purpose: the page at zero is never mapped, and the process ends here.
            unsafe {
                #[cfg(target_arch = "x86_64")]
                std::arch::asm!("xor eax, eax", "mov byte ptr [rax], 0", options(noreturn));
                #[cfg(not(target_arch = "x86_64"))]
                libc::raise(libc::SIGSEGV)
            };
        }
        other => panic!("no program is called {other}"),
    }
}
