//! Checks of the clock, the processor, and this program itself.

use super::check::Finding;
use super::host::Host;

pub(super) fn clock(host: &Host) -> Finding {
    let remedy = "run an NTP client (systemd-timesyncd, chrony) and look at `timedatectl`";
    match host.calls.clock {
        Some(true) => Finding::good("the kernel's clock is synchronised"),
        Some(false) => {
            Finding::bad("the kernel's clock is not synchronised: times in receipts cannot be compared", remedy)
        }
        None => Finding::unknown("the kernel does not tell (adjtimex), as in a sandbox", remedy),
    }
}

pub(super) fn processor(host: &Host) -> Finding {
    let text = match host.text("proc/cpuinfo") {
        Ok(text) => text,
        Err(unseen) => return unseen.into(),
    };
    let mut flags: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some((name, value)) = line.split_once(':')
            && matches!(name.trim(), "flags" | "Features")
        {
            flags = value.split_whitespace().collect();
            break;
        }
    }
    if flags.is_empty() {
        return Finding::unknown("/proc/cpuinfo names no features", "see docs/processors.md for what is supported");
    }
    if host.calls.scrub == Some(false) {
        return Finding::bad(
            "this build has no way to clear this processor's registers",
            "x86-64, AArch64 or 32-bit ARM; see docs/processors.md",
        );
    }
    let has = |flag: &str| flags.contains(&flag);
    let path = if has("avx512f") {
        "AVX-512 (zmm0–31)"
    } else if has("avx") {
        "AVX (ymm0–15)"
    } else if has("asimd") {
        "Advanced SIMD (v0–v31)"
    } else if has("sse2") {
        "SSE2 (xmm0–15)"
    } else {
        "general registers"
    };
    let virtual_machine = if has("hypervisor") { "; a virtual machine, whose host can read everything" } else { "" };
    let (aes, hash) = (has("aes"), has("pclmulqdq") || has("pmull"));
    if aes && hash {
        return Finding::good(format!("AES and GHASH instructions; wipes and scrubs with {path}{virtual_machine}"));
    }
    let missing = if aes { "carry-less multiplication" } else { "AES instructions" };
    Finding::weak(
        format!(
            "no {missing}: ciphers are slower and keep more in memory; wipes and scrubs with {path}{virtual_machine}"
        ),
        "a processor with AES-NI and PCLMULQDQ, or the ARMv8 extension; in a virtual machine pass the host's features on",
    )
}

/// The dynamic section may be anywhere in it.
const LARGEST_PROGRAM: u64 = 256 << 20;

pub(super) fn build(host: &Host) -> Finding {
    let bytes = match host.bytes("proc/self/exe", LARGEST_PROGRAM) {
        Ok(bytes) => bytes,
        Err(unseen) => return unseen.into(),
    };
    let remedy = "build with cargo build --release and without linker options that take protections away";
    let Some(elf) = Elf::read(&bytes) else {
        return Finding::unknown("this program is no ELF file for 64 bits whose headers can be read", remedy);
    };
    if cfg!(shokyo_faults) {
        return Finding::bad("this is a build with deliberate faults, for tests: it may not wipe", remedy);
    }
    let lacks: Vec<&str> = [
        (!elf.position_independent, "position independence (PIE)"),
        (!elf.relocations_read_only, "read-only relocations (RELRO)"),
        (!elf.bound_at_start, "binding at the start (-z now): lazy binding can spill registers to the stack"),
        (!elf.stack_not_executable, "a stack that is not executable"),
        (elf.writable_and_executable, "separation of code and data"),
    ]
    .into_iter()
    .filter_map(|(lacks, what)| lacks.then_some(what))
    .collect();
    if !lacks.is_empty() {
        return Finding::bad(format!("this program lacks {}", lacks.join(", ")), remedy);
    }
    if cfg!(debug_assertions) {
        return Finding::weak("this is a debug build: wipes and clean rooms are measured on release builds", remedy);
    }
    Finding::good("PIE, full RELRO, no executable stack, no memory both writable and executable; release build")
}

/// What the linker made sure of (System V ABI, chapter 5; the GNU segment types).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Elf {
    position_independent: bool,
    relocations_read_only: bool,
    bound_at_start: bool,
    stack_not_executable: bool,
    writable_and_executable: bool,
}

impl Elf {
    /// Of a file with 64 bits, little-endian.
    fn read(bytes: &[u8]) -> Option<Self> {
        const LOAD: u64 = 1;
        const DYNAMIC: u64 = 2;
        const STACK: u64 = 0x6474_e551;
        const RELRO: u64 = 0x6474_e552;
        if bytes.get(..6)? != b"\x7fELF\x02\x01" {
            return None;
        }
        let word = |at: u64, length: usize| {
            let at = usize::try_from(at).ok()?;
            let bytes = bytes.get(at..at.checked_add(length)?)?;
            Some(bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte)))
        };
        let mut elf = Self { position_independent: word(16, 2)? == 3, ..Self::default() };
        let (table, count) = (word(32, 8)?, word(56, 2)?);
        for number in 0..count {
            let at = table.checked_add(number * 56)?;
            let (kind, flags) = (word(at, 4)?, word(at.checked_add(4)?, 4)?);
            let (executable, writable) = (flags & 1 != 0, flags & 2 != 0);
            match kind {
                LOAD => elf.writable_and_executable |= executable && writable,
                STACK => elf.stack_not_executable = !executable,
                RELRO => elf.relocations_read_only = true,
                DYNAMIC => elf.bound_at_start = bound_at_start(bytes, word(at + 8, 8)?, word(at + 32, 8)?)?,
                _ => {}
            }
        }
        Some(elf)
    }
}

/// `DT_BIND_NOW`, `DF_BIND_NOW` or `DF_1_NOW`.
fn bound_at_start(bytes: &[u8], at: u64, length: u64) -> Option<bool> {
    let at = usize::try_from(at).ok()?;
    let section = bytes.get(at..at.checked_add(usize::try_from(length).ok()?)?)?;
    let entries = section.chunks_exact(16).map(|entry| {
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        (word(&entry[..8]), word(&entry[8..]))
    });
    let now = |(tag, value): (u64, u64)| match tag {
        24 => true,
        30 => value & 8 != 0,
        0x6fff_fffb => value & 1 != 0,
        _ => false,
    };
    Some(entries.into_iter().any(now))
}
