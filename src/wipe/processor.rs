//! Which vector registers this processor has *and* the operating system saves, and how it flushes caches. The only place that asks: what wipes and what
//! scrubs must agree, because a wipe may use no register that a scrub does not clear.

use core::arch::x86_64::{__cpuid, __cpuid_count};
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// The widest vector registers that may be used, each with the narrower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Vectors {
    /// xmm0–15: every x86-64 has them.
    Sse2 = 1,
    /// ymm0–15 (AVX).
    Avx = 2,
    /// zmm0–31 and the mask registers (AVX-512F).
    Avx512 = 3,
}

/// What was found, once it was asked for: asking costs a virtual machine tens of microseconds.
static FOUND: AtomicU8 = AtomicU8::new(0);

/// The widest vector registers that may be used. Callable from a signal handler.
#[inline]
pub(super) fn vectors() -> Vectors {
    match FOUND.load(Ordering::Relaxed) {
        1 => Vectors::Sse2,
        2 => Vectors::Avx,
        3 => Vectors::Avx512,
        _ => {
            let found = detect();
            FOUND.store(found as u8, Ordering::Relaxed);
            found
        }
    }
}

/// The widest vector registers that a wipe uses: all that may be used.
///
/// A build with deliberate faults (`--cfg shokyo_faults`) takes fewer from `SHOKYO_PROCESSOR` (`sse2` or `avx`), so that what
/// narrower processors run is looked at from outside, too. What scrubs still clears every register that there is: other code uses
/// them.
#[inline]
pub(super) fn wiping() -> Vectors {
    #[cfg(all(shokyo_faults, feature = "std"))]
    return vectors().min(narrowed::widest());
    #[cfg(not(all(shokyo_faults, feature = "std")))]
    vectors()
}

#[cfg(all(shokyo_faults, feature = "std"))]
mod narrowed {
    use super::{AtomicU8, Ordering, Vectors};

    /// What the environment asked for, once it was read.
    static ASKED: AtomicU8 = AtomicU8::new(0);

    pub(super) fn widest() -> Vectors {
        match ASKED.load(Ordering::Relaxed) {
            1 => Vectors::Sse2,
            2 => Vectors::Avx,
            3 => Vectors::Avx512,
            _ => {
                let asked = match std::env::var("SHOKYO_PROCESSOR").as_deref() {
                    Ok("sse2") => Vectors::Sse2,
                    Ok("avx") => Vectors::Avx,
                    _ => Vectors::Avx512,
                };
                ASKED.store(asked as u8, Ordering::Relaxed);
                asked
            }
        }
    }
}

/// The processor's word alone is not enough: registers that the operating system does not save must not be touched.
#[cold]
fn detect() -> Vectors {
    let basic = __cpuid(1);
    let (osxsave, avx) = (basic.ecx >> 27 & 1, basic.ecx >> 28 & 1);
    if osxsave == 0 || avx == 0 {
        return Vectors::Sse2;
    }
    let (low, _high): (u32, u32);
    // SAFETY: OSXSAVE is set, so xgetbv with index 0 is allowed.
    unsafe {
        core::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") _high, options(nomem, nostack, preserves_flags))
    };
    if low & 0b110 != 0b110 {
        return Vectors::Sse2;
    }
    let extended = if __cpuid(0).eax >= 7 { __cpuid_count(7, 0).ebx } else { 0 };
    if extended >> 16 & 1 == 1 && low & 0b1110_0000 == 0b1110_0000 { Vectors::Avx512 } else { Vectors::Avx }
}

/// Set in [`FLUSHING`] when the processor has CLFLUSHOPT.
const OPTIMISED: u32 = 1 << 31;
/// Bytes that are flushed at once, with [`OPTIMISED`]; zero before it was asked for.
static FLUSHING: AtomicU32 = AtomicU32::new(0);

/// How many bytes one instruction flushes from the caches, and whether CLFLUSHOPT may be used instead of CLFLUSH.
pub(super) fn flushing() -> (usize, bool) {
    let mut found = FLUSHING.load(Ordering::Relaxed);
    if found == 0 {
        let line = (__cpuid(1).ebx >> 8 & 0xFF) * 8;
        let extended = if __cpuid(0).eax >= 7 { __cpuid_count(7, 0).ebx } else { 0 };
        // A processor that names no line flushes the smallest there ever was.
        let line = if line.is_power_of_two() { line } else { 16 };
        found = if extended >> 23 & 1 == 1 { line | OPTIMISED } else { line };
        FLUSHING.store(found, Ordering::Relaxed);
    }
    ((found & !OPTIMISED) as usize, found & OPTIMISED != 0)
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What the kernel says about the first processor, by the name of the line.
    fn kernel(text: &str, name: &str) -> std::vec::Vec<std::string::String> {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_once(':').unwrap().1.split_whitespace().map(std::borrow::ToOwned::to_owned).collect()
    }

    #[test]
    fn the_kernel_names_the_same_way_to_flush_and_asking_twice_changes_nothing() {
        let text = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let line = kernel(&text, "clflush size")[0].parse().unwrap();
        let optimised = kernel(&text, "flags").iter().any(|flag| flag == "clflushopt");
        assert_eq!([flushing(), flushing()], [(line, optimised); 2]);
    }

    #[test]
    fn the_kernel_names_the_same_vector_registers() {
        let text = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let flags = kernel(&text, "flags");
        let flags: std::vec::Vec<&str> = flags.iter().map(std::string::String::as_str).collect();
        let expected = match (flags.contains(&"avx512f"), flags.contains(&"avx")) {
            (true, _) => Vectors::Avx512,
            (_, true) => Vectors::Avx,
            _ => Vectors::Sse2,
        };
        assert_eq!(vectors(), expected);
    }

    #[test]
    fn a_wipe_uses_what_there_is_and_a_build_with_faults_less_when_asked() {
        #[cfg(shokyo_faults)]
        if let Ok(asked) = std::env::var("SHOKYO_PROCESSOR") {
            let asked = [("sse2", Vectors::Sse2), ("avx", Vectors::Avx)].into_iter().find(|(name, _)| *name == asked);
            return assert_eq!(wiping(), vectors().min(asked.unwrap().1));
        }
        assert_eq!(wiping(), vectors());
    }
}
