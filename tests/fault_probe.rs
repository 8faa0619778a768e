//! A vault's whole life between two marks, for `cargo xtask step injection`, which runs this under strace and lets one system call
//! after the other fail. It never decides what must come out: it says what did, line by line.
//!
//! Without a harness, because the harness starts threads and makes system calls of its own. Started by `cargo test`, it runs every
//! mode once, with nothing failing, and demands what must hold then.
//!
//! The document is full of a marker that the program itself holds only in disguise, so that the search at the end does not find
//! the marker in the program.
#![cfg_attr(not(all(feature = "std", target_os = "linux")), allow(unused))]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::process::Command;

use shokyo::types::{Binding, Protections, SessionId};
use shokyo::{Error, Hardening, Protection, SecretMemory, Vault, VaultOptions, harden_process};

const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
/// Protection and secret memory of each mode.
const MODES: [&str; 5] = ["strict off", "best-effort off", "strict auto", "best-effort require", "harden"];

fn main() {
    if let Ok(mode) = std::env::var("SHOKYO_PROBE") {
        return probe(&mode);
    }
    for mode in MODES {
        let program = std::env::current_exe().unwrap();
        let output = Command::new(program).env("SHOKYO_PROBE", mode).env("SHOKYO_FAULTS", "").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{mode}: {text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(!text.contains("error"), "{mode}: {text}");
        if mode != "harden" {
            assert!(text.contains("claims: hold") && text.contains("residue: 0\n"), "{mode}: {text}");
            assert_eq!(text.matches("evidence: verified").count(), 8, "{mode}: {text}");
        }
        println!("{mode}: nothing failed, nothing stayed");
    }
}

fn probe(mode: &str) {
    if mode == "harden" {
        return harden();
    }
    let before = accessible();
    mark("begin");
    let _ = live(mode);
    mark("end");
    say("mappings", &accessible().saturating_sub(before).to_string());
    say("residue", &residue().to_string());
    // What failed must not have left anything broken.
    let again = live(mode);
    say("again", if again.is_ok() { "ok" } else { "failed" });
}

/// One write, so that a trace of system calls shows where it is.
fn mark(what: &str) {
    std::io::stdout().write_all(format!("-- {what}\n").as_bytes()).unwrap();
}

fn say(what: &str, result: &str) {
    println!("{what}: {result}");
}

/// Says how a step went; the result of one that went well.
fn step<T>(name: &str, outcome: Result<T, Error>) -> Result<T, Error> {
    match &outcome {
        Ok(_) => say(name, "ok"),
        Err(error) => say(name, &format!("error {error}")),
    }
    outcome
}

fn live(mode: &str) -> Result<(), Error> {
    let mut options = VaultOptions::small();
    let (protection, secret_memory) = mode.split_once(' ').unwrap();
    options.protection = if protection == "strict" { Protection::Strict } else { Protection::BestEffort };
    options.secret_memory = match secret_memory {
        "off" => SecretMemory::Off,
        "require" => SecretMemory::Require,
        _ => SecretMemory::Auto,
    };
    let vault = step("open", Vault::open(options))?;
    say("protections", &vault.protections().to_string());
    say("claims", &claims(vault.protections()));
    // Each document by itself: what fails in one must not spoil the next.
    let first = document(&vault, 40_000);
    let second = document(&vault, 1_000);
    shokyo::wipe::scrub_stack(16 * 1024);
    // While the vault's memory can still be read; and once more at the end.
    say("residue", &residue().to_string());
    let done = vault.erase_all();
    say("erase-all", if done.failed == 0 && done.in_flight == 0 { "ok" } else { "failed" });
    first.and(second)
}

/// Written, copied, read, authenticated, erased.
fn document(vault: &Vault, length: usize) -> Result<(), Error> {
    let written = (|| {
        let mut writer = step("writer", vault.writer(BINDING))?;
        let copied = step("copy", writer.copy_from(&mut Marked { position: 0, length }).map(|_| ()));
        let mut own = vec![0; 3200];
        Marked { position: 0, length: 3200 }.read_exact(&mut own).unwrap();
        let written = copied.and_then(|()| step("write", writer.write(&own)));
        let _ = shokyo::wipe::wipe_vec(&mut own, 0).unwrap();
        if let Err(error) = written {
            say("evidence", verified(writer.erase().is_verified()));
            return Err(error);
        }
        step("finish", writer.finish())
    })();
    let buffer = written?;
    let read = step(
        "read",
        buffer.for_each_window(|_, plain| if plain[0] == marker(0) { Ok(()) } else { Err(Error::Erased) }),
    );
    let authentic = step("authenticate", buffer.authenticate());
    let read_again = step("read at", buffer.read_at(0, |plain| assert!(!plain.is_empty())));
    let keyed = step("hmac", buffer.hmac_sha256(b"key").map(|_| ()));
    say("evidence", verified(buffer.erase().is_verified()));
    let other = step("seal", vault.seal(BINDING, &[0; 100]))?;
    say("evidence", verified(other.erase().is_verified()));
    read.and(authentic).and(read_again).and(keyed)
}

fn verified(is: bool) -> &'static str {
    if is { "verified" } else { "NOT VERIFIED" }
}

fn harden() {
    say("core before", &core_limit());
    mark("begin");
    let mut asked = Hardening::new();
    asked.no_new_privileges = true;
    let hardened = step("harden", harden_process(asked));
    mark("end");
    // SAFETY: reads a number.
    let dumpable = unsafe { libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0) };
    say("dumpable", &dumpable.to_string());
    say("core", &core_limit());
    if let Ok(hardened) = hardened {
        let _ = hardened.undo();
    }
}

fn core_limit() -> String {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer.
    unsafe { libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) };
    limit.rlim_cur.to_string()
}

/// The mappings that can be written: bytes, name and flags.
fn writable() -> Vec<(usize, String, String)> {
    let mut found: Vec<(usize, String, String)> = Vec::new();
    let mut wanted = false;
    for line in std::fs::read_to_string("/proc/self/smaps").unwrap().lines() {
        if let Some(flags) = line.strip_prefix("VmFlags:") {
            if wanted {
                found.last_mut().unwrap().2 = format!("{flags} ");
            }
        } else if let Some((start, end)) = line.split(' ').next().and_then(|range| range.split_once('-'))
            && let (Ok(start), Ok(end)) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
        {
            let mut fields = line.split_whitespace().skip(1);
            wanted = fields.next().unwrap().starts_with("rw");
            if wanted {
                found.push((end - start, fields.nth(3).unwrap_or_default().to_owned(), String::new()));
            }
        }
    }
    found
}

/// Bytes of writable memory, heap and stack aside.
fn accessible() -> usize {
    writable().iter().filter(|(_, name, _)| name != "[heap]" && name != "[stack]").map(|(bytes, ..)| bytes).sum()
}

/// Whether the kernel agrees with what the vault says.
fn claims(said: Protections) -> String {
    let locked: Vec<_> = writable().into_iter().filter(|(.., flags)| flags.contains(" lo ")).collect();
    let all = |holds: &dyn Fn(&str, &str) -> bool| locked.iter().all(|(_, name, flags)| holds(name, flags));
    for (claim, holds) in [
        // Cells, one window, one room.
        (Protections::LOCKED, locked.len() == 3),
        (Protections::NO_DUMP, all(&|_, flags| flags.contains(" dd "))),
        (Protections::NOT_INHERITED, all(&|_, flags| flags.contains(" wf ") || flags.contains(" dc "))),
        (Protections::FRAME_PINNED, all(&|name, _| name.starts_with("/secretmem"))),
    ] {
        if said.contains(claim) && !holds {
            return format!("BROKEN {claim}");
        }
    }
    "hold".to_owned()
}

const DISGUISE: u8 = 0x5A;
/// Random, in disguise.
static DISGUISED: [u8; 32] = [
    0x8e, 0x13, 0xf7, 0x42, 0xb9, 0x6d, 0x05, 0xda, 0x71, 0xc4, 0x2f, 0x98, 0xe3, 0x5c, 0x16, 0xab, 0x30, 0xd5, 0x6a,
    0x87, 0xfc, 0x21, 0x4e, 0xb3, 0x09, 0x9e, 0x63, 0xf0, 0x35, 0xca, 0x7f, 0x54,
];

fn marker(position: usize) -> u8 {
    std::hint::black_box(DISGUISED[position % 32]) ^ DISGUISE
}

/// Gives the marker again and again.
struct Marked {
    position: usize,
    length: usize,
}

impl Read for Marked {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = out.len().min(self.length - self.position);
        for byte in &mut out[..count] {
            *byte = marker(self.position);
            self.position += 1;
        }
        Ok(count)
    }
}

/// How often half of the marker stands in memory that can be read and written, secret memory aside.
fn residue() -> usize {
    const N: usize = 16;
    let memory = File::open("/proc/self/mem").unwrap();
    let mut piece = vec![0u8; 1 << 16];
    let own = piece.as_ptr().addr()..piece.as_ptr().addr() + piece.len();
    let mut found = 0;
    for line in std::fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let mut fields = line.split_whitespace();
        let Some((start, end)) = fields.next().and_then(|range| range.split_once('-')) else { continue };
        if !fields.next().unwrap_or_default().starts_with("rw") {
            continue;
        }
        let parse = |text| usize::from_str_radix(text, 16).unwrap();
        let (mut at, end) = (parse(start), parse(end));
        while at < end {
            let length = piece.len().min(end - at);
            let Ok(got) = memory.read_at(&mut piece[..length], at as u64) else { break };
            if got < N {
                break;
            }
            for place in 0..=got - N {
                let same = piece[place] ^ DISGUISE == DISGUISED[0]
                    && (0..N).all(|index| piece[place + index] ^ DISGUISE == DISGUISED[index]);
                found += usize::from(same && !own.contains(&(at + place)));
            }
            at += if at + got < end { got - N + 1 } else { got };
        }
    }
    found
}
