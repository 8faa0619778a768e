//! What a process promises when it forks, when a signal arrives, and when it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shokyo::types::{Binding, SessionId};
use shokyo::{EphemeralBuffer, Error, FatalSignal, KeyCell, Vault, VaultOptions};

const BINDING: Binding = Binding { session: SessionId([3; 32]), context: [4; 32] };
const MODE: &str = "SHOKYO_TEST_MODE";

static VAULT: OnceLock<Vault> = OnceLock::new();
static KEY: OnceLock<KeyCell> = OnceLock::new();

fn vault() -> Vault {
    Vault::open(VaultOptions::new()).unwrap()
}

/// Runs one of the modes of [`the_other_process`].
fn run(mode: &str) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "the_other_process", "--nocapture", "--test-threads=1"]).env(MODE, mode);
    #[cfg(shokyo_faults)]
    command.env("SHOKYO_FAULTS", "");
    command.status().unwrap()
}

/// Not a test of its own: what the tests below run in a process that may end.
#[test]
fn the_other_process() {
    let Ok(mode) = std::env::var(MODE) else { return };
    // SAFETY: a limit on this process's own life, should anything wait for ever.
    unsafe { libc::alarm(60) };
    KEY.set(VAULT.get_or_init(vault).new_key().unwrap()).unwrap();
    match mode.as_str() {
        "exit" => {
            // Functions run in the reverse order: this one after the library's.
            // SAFETY: the function stays where it is.
            unsafe { libc::atexit(end_with_the_keys_state) };
            shokyo::erase_on_exit().unwrap();
            shokyo::erase_on_exit().unwrap();
            std::process::exit(1);
        }
        "exit-without" => {
            // SAFETY: as above.
            unsafe { libc::atexit(end_with_the_keys_state) };
            std::process::exit(1);
        }
        "chained" | "chained-plain" => {
            let flags = if mode == "chained" { libc::SA_SIGINFO } else { 0 };
            handle(libc::SIGSEGV, flags);
            shokyo::erase_on_signals(&FatalSignal::FAULTS).unwrap();
            shokyo::erase_on_signals(&FatalSignal::FAULTS).unwrap();
            // SAFETY: not true, on purpose.
            unsafe { core::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
        }
        "default" => {
            shokyo::erase_on_signals(&FatalSignal::FAULTS).unwrap();
            std::process::abort();
        }
        "terminated" => {
            shokyo::erase_on_signals(&FatalSignal::ENDS).unwrap();
            // SAFETY: to this process.
            unsafe { libc::raise(libc::SIGTERM) };
        }
        "ignored" => {
            // SAFETY: the signal does nothing from here on.
            unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
            shokyo::erase_on_signals(&[FatalSignal::Hangup]).unwrap();
            // SAFETY: to this process.
            unsafe { libc::raise(libc::SIGHUP) };
            std::process::exit(if KEY.get().unwrap().is_live() { 7 } else { 1 });
        }
        "interrupted" => std::process::exit(interrupted()),
        other => panic!("no mode {other}"),
    }
}

extern "C" fn end_with_the_keys_state() {
    let live = KEY.get().is_some_and(KeyCell::is_live);
    // SAFETY: ends the process at once.
    unsafe { libc::_exit(if live { 9 } else { 7 }) };
}

/// The host's own handler, which must find the keys gone.
fn handle(signal: i32, flags: i32) {
    extern "C" fn handler(_: i32) {
        end_with_the_keys_state();
    }
    // SAFETY: a handler that only looks and ends.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = flags;
        libc::sigaction(signal, &raw const action, core::ptr::null_mut());
    }
}

#[test]
fn keys_are_gone_when_exit_functions_of_before_run() {
    assert_eq!(run("exit").code(), Some(7));
    assert_eq!(run("exit-without").code(), Some(9), "without it the keys are still there");
}

#[test]
fn a_fatal_signal_destroys_the_keys_and_then_reaches_the_hosts_handler() {
    assert_eq!(run("chained").code(), Some(7));
    assert_eq!(run("chained-plain").code(), Some(7));
}

#[test]
fn a_process_still_ends_by_the_signal_it_got() {
    assert_eq!(run("default").signal(), Some(libc::SIGABRT));
    assert_eq!(run("terminated").signal(), Some(libc::SIGTERM));
}

#[test]
fn an_ignored_signal_stays_ignored() {
    assert_eq!(run("ignored").code(), Some(7));
}

static ARRIVED: AtomicU64 = AtomicU64::new(0);

/// Everything is erased from a signal handler again and again, at any point of whatever the process does.
fn interrupted() -> i32 {
    extern "C" fn handler(_: i32) {
        shokyo::erase_now();
        ARRIVED.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: installs a handler that does only what a handler may, and a timer.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGALRM, &raw const action, core::ptr::null_mut());
        let every = libc::timeval { tv_sec: 0, tv_usec: 200 };
        let timer = libc::itimerval { it_interval: every, it_value: every };
        libc::setitimer(libc::ITIMER_REAL, &raw const timer, core::ptr::null_mut());
    }
    let until = Instant::now() + Duration::from_secs(20);
    let (mut whole, mut erased, mut vaults) = (0, 0, 0);
    while (whole < 1000 || erased < 200 || vaults < 20 || ARRIVED.load(Ordering::Relaxed) < 2000)
        && Instant::now() < until
    {
        let vault = vault();
        for number in 0..100u8 {
            let plain = [number; 20_000];
            let outcome = vault.seal(BINDING, &plain).and_then(|document| {
                document.for_each_window(|_, plain| {
                    assert!(plain.iter().all(|byte| *byte == number));
                    Ok(())
                })
            });
            match outcome {
                Ok(()) => whole += 1,
                Err(Error::Erased) => erased += 1,
                Err(error) => panic!("{error}"),
            }
        }
        vaults += 1;
    }
    println!("{whole} whole, {erased} erased, {vaults} vaults, {} signals", ARRIVED.load(Ordering::Relaxed));
    if whole >= 1000 && erased >= 200 && vaults >= 20 { 7 } else { 1 }
}

#[test]
fn erasing_everything_from_a_signal_handler_never_blocks_and_never_tears() {
    assert_eq!(run("interrupted").code(), Some(7));
}

/// Runs `inside` in a forked child, where it gives the number of the first promise that does not hold, or 0.
fn in_a_child(inside: impl FnOnce() -> i32) -> Option<i32> {
    // SAFETY: the child runs `inside`, which allocates little and prints nothing, and ends without the parent's destructors.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: a limit on the child's life, should it wait for ever.
        unsafe { libc::alarm(20) };
        let outcome = inside();
        // SAFETY: ends the child.
        unsafe { libc::_exit(outcome) };
    }
    let mut status = 0;
    // SAFETY: waits for the child.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
}

/// Every call on inherited handles; 0 when each says what it must.
fn inherited(vault: &Vault, document: EphemeralBuffer, key: KeyCell) -> i32 {
    let refused = Err(Error::ForkedChild);
    if vault.writer(BINDING).err() != Some(Error::ForkedChild) {
        return 1;
    }
    if vault.seal(BINDING, b"x").err() != Some(Error::ForkedChild) {
        return 2;
    }
    if document.read_at(0, |_| ()) != refused || document.authenticate() != refused {
        return 3;
    }
    if document.hmac_sha256(b"key").err() != Some(Error::ForkedChild) {
        return 4;
    }
    if vault.new_key().err() != Some(Error::ForkedChild) || key.is_live() {
        return 5;
    }
    if vault.incoming(BINDING).and_then(|mut incoming| incoming.push(&[0; 100])) != refused {
        return 6;
    }
    if vault.erase_all().destroyed != 0 || shokyo::erase_now().destroyed != 0 {
        return 7;
    }
    if document.erase().is_verified() || key.erase().err() != Some(Error::ForkedChild) {
        return 8;
    }
    // A vault of the child's own works.
    let Ok(own) = Vault::open(VaultOptions::small()) else { return 9 };
    let Ok(mine) = own.seal(BINDING, b"the child's") else { return 10 };
    if mine.read_at(0, |plain| plain == b"the child's") != Ok(true) {
        return 11;
    }
    let Ok(short) = own.new_key() else { return 12 };
    if short.expire_after(Duration::from_millis(5)).is_err() {
        return 13;
    }
    std::thread::sleep(Duration::from_millis(50));
    if short.is_live() || !mine.erase().is_verified() { 14 } else { 0 }
}

#[test]
fn a_forked_child_gets_a_clear_error_on_every_call_and_the_parent_goes_on() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let vault = vault();
    let (document, key) = (vault.seal(BINDING, b"the parent's").unwrap(), vault.new_key().unwrap());
    // The custodian's thread is not in the child either.
    key.expire_after(Duration::from_secs(3600)).unwrap();
    let mut handles = Some((document, key));
    let outcome = in_a_child(|| {
        let (document, key) = handles.take().unwrap();
        let outcome = inherited(&vault, document, key);
        drop(vault.clone());
        outcome
    });
    assert_eq!(outcome, Some(0));
    let (document, key) = handles.unwrap();
    assert!(key.is_live());
    assert_eq!(document.read_at(0, |plain| plain == b"the parent's"), Ok(true));
    assert!(document.erase().is_verified());
}

#[test]
fn a_child_forked_inside_a_readers_closure_sees_nothing_of_it_when_it_returns() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let vault = vault();
    let document = vault.seal(BINDING, b"the parent's").unwrap();
    let mut child = 0;
    let outcome = document.read_at(0, |_| {
        // SAFETY: the child returns from the closure, gets an error, and ends below.
        child = unsafe { libc::fork() };
    });
    if child == 0 {
        // SAFETY: ends the child.
        unsafe { libc::_exit(if outcome == Err(Error::ForkedChild) { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: waits for the child.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{status}");
    assert_eq!(outcome, Ok(()));
    assert_eq!(document.read_at(0, |plain| plain == b"the parent's"), Ok(true));
}

#[test]
fn a_child_forked_in_the_middle_of_other_threads_work_never_waits_for_them() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let vault = vault();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let document = vault.seal(BINDING, &[7; 5000]).unwrap();
                    document.read_at(0, |_| ()).unwrap();
                }
            });
        }
        for round in 0..100 {
            let document = vault.seal(BINDING, b"the parent's").unwrap();
            let outcome = in_a_child(|| {
                if document.read_at(0, |_| ()) != Err(Error::ForkedChild) {
                    return 1;
                }
                if vault.seal(BINDING, b"x").err() != Some(Error::ForkedChild) {
                    return 2;
                }
                if vault.erase_all().destroyed != 0 || document.sealed_chunk(0).is_ok() {
                    return 3;
                }
                drop(vault.clone());
                // Its own vaults neither wait for a lock of the parent's.
                match Vault::open(VaultOptions::small()) {
                    Ok(own) => drop(own),
                    Err(_) => return 4,
                }
                0
            });
            assert_eq!(outcome, Some(0), "round {round}");
        }
        stop.store(true, Ordering::Relaxed);
    });
}
