//! How many documents an unprivileged process can have at once with little locked memory, and what happens then.
//!
//! Each count is taken in a child process, which limits itself and gives up its privileges before it opens anything.

use std::process::Command;

use shokyo::{Error, Vault, VaultOptions};

use crate::documents::BINDING;
use crate::report::{Bars, Limit, section};
use crate::sodium::{self, Sodium};

/// The argument that makes the program a child.
pub const CHILD: &str = "--live-documents-child";
/// `ulimit -l`, in KiB, and how many documents are wanted.
const LIMITS: [(u64, &str, f64); 2] =
    [(8192, "live_documents_ulimit_8192", 200_000.0), (64, "live_documents_ulimit_64", 1_000.0)];
/// Keys asked for under the larger limit: what fits beside windows and rooms.
const CELLS: usize = 250_000;
/// Where a count ends at the latest.
const MOST: usize = 1_000_000;

pub fn run(bars: &mut Bars) {
    section(
        "live sealed documents of an unprivileged process, by locked memory",
        "one after the other is sealed and kept until something refuses. libsodium and memsec: buffers of 32 bytes.",
    );
    for (kibibytes, bar, wanted) in LIMITS {
        println!("ulimit -l {kibibytes}");
        let text = child("shokyo", kibibytes);
        let count = text.lines().find_map(|line| line.strip_prefix("count ")?.parse::<f64>().ok());
        let complete = text.lines().any(|line| line == "refused with an error, everything still readable");
        print!("{}", indented("shokyo", &text));
        match count {
            Some(count) if complete => bars.judge(bar, count, Limit::AtLeast(wanted), "then a clear error"),
            _ => bars.absent(bar, wanted, "the child process failed; its text stands above"),
        }
        print!("{}", indented("libsodium", &child("libsodium", kibibytes)));
        print!("{}", indented("memsec", &child("memsec", kibibytes)));
        println!();
    }
}

fn child(contender: &str, kibibytes: u64) -> String {
    let Ok(program) = std::env::current_exe() else { return "the program's own path is not known\n".to_owned() };
    match Command::new(program).args([CHILD, contender, &kibibytes.to_string()]).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() { text } else { format!("{text}{errors}ended with {}\n", output.status) }
        }
        Err(error) => format!("no child process: {error}\n"),
    }
}

fn indented(name: &str, text: &str) -> String {
    text.lines().map(|line| format!("  {name:<10} {line}\n")).collect()
}

/// What the child process does.
pub fn in_child(contender: &str, kibibytes: u64) -> Result<(), Error> {
    limit(kibibytes * 1024);
    match contender {
        "shokyo" => documents(kibibytes),
        "libsodium" => {
            match Sodium::load() {
                Some(sodium) => {
                    // SAFETY: memory of 32 bytes is asked for; only its address is looked at.
                    buffers(|| unsafe { !(sodium.malloc)(32).is_null() });
                }
                None => println!("{}", sodium::MISSING),
            }
            Ok(())
        }
        _ => {
            // SAFETY: as above.
            buffers(|| unsafe { memsec::malloc::<[u8; 32]>().is_some() });
            Ok(())
        }
    }
}

fn documents(kibibytes: u64) -> Result<(), Error> {
    let mut options = VaultOptions::small();
    if kibibytes > 64 {
        options.chunk_size = 64;
        options.key_cells = CELLS;
    }
    let vault = Vault::open(options)?;
    let mut documents = Vec::new();
    let error = loop {
        match vault.seal(BINDING, &(documents.len() as u64).to_le_bytes()) {
            Ok(document) if documents.len() < MOST => documents.push(document),
            Ok(_) => break Error::Unfinished,
            Err(error) => break error,
        }
    };
    println!("count {}", documents.len());
    println!("protections {:?}, locked by this process {} KiB", vault.protections(), locked());
    println!("then: {error}");
    for (number, document) in documents.iter().enumerate() {
        assert_eq!(document.read_at(0, |plain| plain == (number as u64).to_le_bytes()), Ok(true), "document {number}");
    }
    if matches!(error, Error::LockedMemoryExhausted { .. }) {
        println!("refused with an error, everything still readable");
    }
    Ok(())
}

/// Makes buffers until one is refused, or until more than a thousand were given that are not locked.
fn buffers(make: impl Fn() -> bool) {
    let (mut count, mut locked_count, mut before) = (0, 0, locked());
    let refused = loop {
        if !make() {
            break true;
        }
        count += 1;
        let now = locked();
        if now > before {
            (locked_count, before) = (count, now);
        }
        if count - locked_count > 1000 || count > MOST {
            break false;
        }
    };
    println!("{locked_count} locked, {} KiB", locked());
    if refused {
        println!("then refused");
    } else {
        println!(
            "then given without locking and without an error: {} more until the count was ended",
            count - locked_count
        );
    }
}

/// Locked memory of this process in KiB, as the kernel counts it.
fn locked() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Takes the limit and gives up the privileges that would bypass it.
fn limit(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: calls of the operating system with valid arguments, before anything else was done.
    unsafe {
        assert_eq!(libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit), 0, "the limit cannot be set");
        if libc::geteuid() == 0 {
            assert!(
                libc::setgroups(0, std::ptr::null()) == 0 && libc::setgid(65534) == 0 && libc::setuid(65534) == 0,
                "the privileges cannot be given up"
            );
        }
    }
}
