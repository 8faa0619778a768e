//! The registers of a stopped thread, as the kernel's register sets hold them.
//!
//! On x86-64 the extended set is the whole XSAVE area in the standard format: the legacy region (x87, xmm0–15), the header, then
//! the upper halves of ymm0–15, zmm0–15, zmm16–31, masks and whatever else the processor has, at the offsets that CPUID leaf
//! 0xD gives. A component in its initial state reads as zeros.

use std::io;

use crate::error::Error;

const GENERAL: i32 = libc::NT_PRSTATUS;
const FLOATING_POINT: i32 = libc::NT_PRFPREG;
/// `NT_X86_XSTATE`.
#[cfg(target_arch = "x86_64")]
const EXTENDED: i32 = 0x202;
/// `NT_ARM_SVE`.
#[cfg(target_arch = "aarch64")]
const EXTENDED: i32 = 0x405;

/// The name of a register set in reports, its note type, and whether a machine may lack it.
const SETS: &[(&str, i32, bool)] = &[
    ("general", GENERAL, false),
    ("floating-point", FLOATING_POINT, false),
    #[cfg(target_arch = "x86_64")]
    ("xsave", EXTENDED, false),
    #[cfg(target_arch = "aarch64")]
    ("sve", EXTENDED, true),
];

/// Bytes of the legacy region that hold registers: control words, x87 and xmm0–15.
#[cfg(target_arch = "x86_64")]
const LEGACY_REGISTERS: usize = 416;

/// All registers of one thread.
#[derive(Clone, Debug)]
pub struct RegisterFile {
    /// The sets that were read.
    pub sets: Vec<RegisterSet>,
    /// Names of sets that the machine has and the kernel did not give, with the operating system's error number.
    pub missing: Vec<(&'static str, i32)>,
}

/// One register set.
#[derive(Clone)]
pub struct RegisterSet {
    /// `general`, `floating-point`, `xsave` or `sve`.
    pub name: &'static str,
    /// Its bytes, in the kernel's layout.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for RegisterSet {
    /// Never the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegisterSet({}, {} bytes)", self.name, self.bytes.len())
    }
}

/// Reads every set of a stopped thread of this tracer.
pub(super) fn read(thread: i32) -> Result<RegisterFile, Error> {
    let mut file = RegisterFile { sets: Vec::new(), missing: Vec::new() };
    for &(name, note, optional) in SETS {
        match read_set(thread, note) {
            Ok(bytes) => file.sets.push(RegisterSet { name, bytes }),
            Err(os_error) if note == GENERAL || os_error == libc::ESRCH => {
                return Err(Error::System { call: "ptrace(GETREGSET)", os_error });
            }
            Err(libc::EINVAL | libc::ENODEV) if optional => {}
            Err(os_error) => file.missing.push((name, os_error)),
        }
    }
    #[cfg(target_arch = "x86_64")]
    drop_repeated_legacy_region(&mut file);
    Ok(file)
}

/// The floating-point set is the start of the XSAVE area: searched twice, each find would be counted twice.
#[cfg(target_arch = "x86_64")]
fn drop_repeated_legacy_region(file: &mut RegisterFile) {
    let registers = |name: &str| {
        file.sets
            .iter()
            .find(|set| set.name == name)
            .and_then(|set| set.bytes.get(..LEGACY_REGISTERS))
            .map(<[u8]>::to_vec)
    };
    if registers("xsave").is_some() && registers("xsave") == registers("floating-point") {
        file.sets.retain(|set| set.name != "floating-point");
    }
}

fn read_set(thread: i32, note: i32) -> Result<Vec<u8>, i32> {
    let mut bytes = vec![0u8; 16 * 1024];
    loop {
        let mut area = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        // SAFETY: GETREGSET writes at most `iov_len` bytes to `iov_base`, a buffer of that length, and the number written to
        // `iov_len`; both live through the call.
        let result = unsafe { libc::ptrace(libc::PTRACE_GETREGSET, thread, note as usize, &raw mut area) };
        if result == -1 {
            return Err(io::Error::last_os_error().raw_os_error().unwrap_or(0));
        }
        if area.iov_len < bytes.len() {
            bytes.truncate(area.iov_len);
            return Ok(bytes);
        }
        // Filled to the brim: there may be more.
        let larger = bytes.len() * 2;
        bytes.resize(larger, 0);
    }
}

impl RegisterSet {
    /// The name of the register at `offset` bytes in this set, such as `rdi`, `xmm3` or `zmm17`; the offset where there is none.
    #[must_use]
    pub fn register_at(&self, offset: usize) -> String {
        name_at(self.name, offset).unwrap_or_else(|| format!("byte {offset}"))
    }

    /// The stack pointer, where this set has it and the processor is known.
    #[must_use]
    pub fn stack_pointer(&self) -> Option<u64> {
        let at = STACK_POINTER.filter(|_| self.name == "general")?;
        let bytes = self.bytes.get(at..at + 8)?.try_into().ok()?;
        Some(u64::from_le_bytes(bytes))
    }
}

/// Where the stack pointer stands in the general set.
const STACK_POINTER: Option<usize> = if cfg!(target_arch = "x86_64") {
    Some(19 * 8)
} else if cfg!(target_arch = "aarch64") {
    Some(31 * 8)
} else {
    None
};

#[cfg(target_arch = "x86_64")]
fn name_at(set: &str, offset: usize) -> Option<String> {
    const NAMES: [&str; 27] = [
        "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi",
        "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
    ];
    if set == "general" {
        return NAMES.get(offset / 8).map(|name| (*name).into());
    }
    let legacy = match offset {
        32..160 => Some(format!("st{}", (offset - 32) / 16)),
        160..LEGACY_REGISTERS => Some(format!("xmm{}", (offset - 160) / 16)),
        _ => None,
    };
    if legacy.is_some() || set != "xsave" {
        return legacy;
    }
    // Components: 2 holds the upper halves of ymm, 5 the masks, 6 the upper halves of zmm0–15, 7 zmm16–31 whole.
    [(2, 16, "ymm", " (upper half)", 0), (5, 8, "k", "", 0), (6, 32, "zmm", " (upper half)", 0), (7, 64, "zmm", "", 16)]
        .into_iter()
        .find_map(|(component, width, name, part, first)| {
            let leaf = std::arch::x86_64::__cpuid_count(0xD, component);
            let (length, start) = (leaf.eax as usize, leaf.ebx as usize);
            let inside = length > 0 && (start..start + length).contains(&offset);
            inside.then(|| format!("{name}{}{part}", first + (offset - start) / width))
        })
}

#[cfg(target_arch = "aarch64")]
fn name_at(set: &str, offset: usize) -> Option<String> {
    match (set, offset) {
        ("general", 0..248) => Some(format!("x{}", offset / 8)),
        ("general", 248..256) => Some("sp".into()),
        ("floating-point", 0..512) => Some(format!("v{}", offset / 16)),
        _ => None,
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn name_at(_set: &str, _offset: usize) -> Option<String> {
    None
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn registers_are_named_by_their_place() {
        let general = RegisterSet { name: "general", bytes: vec![0; 216] };
        let extended = RegisterSet { name: "xsave", bytes: vec![0; 1024] };
        assert_eq!(general.register_at(0), "r15");
        assert_eq!(general.register_at(8 * 14 + 3), "rdi");
        assert_eq!(extended.register_at(160 + 16 * 7), "xmm7");
        assert_eq!(extended.register_at(512), "byte 512");
        if std::is_x86_feature_detected!("avx") {
            assert_eq!(extended.register_at(576 + 16 * 2 + 8), "ymm2 (upper half)");
        }
    }
}
