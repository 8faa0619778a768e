//! Wiping with read-back, against wiping without.

use std::hint::black_box;
use std::time::Duration;

use zeroize::Zeroize;

use crate::measure::{Contender, look_at, race};
use crate::report::{Bars, Limit, section, table};

const MIB: usize = 1 << 20;
const BUDGET: Duration = Duration::from_secs(4);

type Wipe = fn(&mut [u8]);

pub fn run(bars: &mut Bars) {
    section(
        "wipe and read back 1 MiB",
        "÷ libc's memset, which reads nothing back. Hot: again and again. Cold: flushed from all caches before each call.",
    );
    let (limit, path) = hot_limit();
    for cold in [false, true] {
        let mut memory = Pages::new();
        let memory = &raw mut *memory.0;
        let works: [(&'static str, Wipe); 6] = [
            ("memset (libc)", |bytes| {
                // SAFETY: the range is the slice's.
                unsafe { libc::memset(black_box(bytes.as_mut_ptr().cast()), 0, bytes.len()) };
            }),
            ("shokyo: wipe and read back", |bytes| {
                let wiped = shokyo::wipe::wipe(black_box(bytes), 0);
                assert!(wiped.is_ok_and(|wiped| wiped.bytes() == MIB as u64), "not wiped");
            }),
            ("zeroize", |bytes| black_box(bytes).zeroize()),
            ("zeroize, then ordinary loads", |bytes| {
                black_box(&mut *bytes).zeroize();
                assert_eq!(look_at(bytes), 0);
            }),
            ("zeroize, then volatile loads of bytes", |bytes| {
                black_box(&mut *bytes).zeroize();
                // SAFETY: a reference is valid for reading.
                let all = bytes.iter().fold(0, |all, byte| all | unsafe { std::ptr::from_ref(byte).read_volatile() });
                assert_eq!(all, 0);
            }),
            ("explicit_bzero (libc)", |bytes| {
                // SAFETY: the range is the slice's.
                unsafe { libc::explicit_bzero(black_box(bytes.as_mut_ptr().cast()), bytes.len()) };
            }),
        ];
        let contenders = works.into_iter().map(|(name, work)| {
            // SAFETY: contenders take turns, so that only one uses the memory at a time.
            let work = move || work(unsafe { &mut *memory });
            if cold {
                // SAFETY: as above.
                Contender::prepared(name, move || flush(unsafe { &mut *memory }), work)
            } else {
                Contender::new(name, work)
            }
        });
        let times = race(contenders.collect(), BUDGET);
        table(if cold { "1 MiB, cold" } else { "1 MiB, hot" }, &times, 0);
        let ratio = times[1].ratio_to(&times[0]);
        if cold {
            bars.judge("wipe_1MiB_cold", ratio, Limit::AtMost(1.0), "÷ memset");
        } else {
            bars.judge("wipe_1MiB_hot", ratio, Limit::AtMost(limit), &format!("÷ memset; {path}"));
        }
        println!();
    }
}

/// What can be asked of this processor.
fn hot_limit() -> (f64, &'static str) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return (1.10, "a processor with AVX-512");
        }
        if is_x86_feature_detected!("avx2") {
            return (1.25, "a processor with AVX2");
        }
    }
    (2.2, "portable code")
}

/// One MiB at the start of a page.
struct Pages(Box<Aligned>);

#[repr(align(4096))]
struct Aligned([u8; MIB]);

impl Pages {
    fn new() -> Self {
        let mut pages = Self(Box::new(Aligned([0; MIB])));
        pages.0.0.fill(1);
        pages
    }
}

impl std::ops::Deref for Aligned {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// Writes the memory and pushes it out of every cache.
fn flush(bytes: &mut [u8]) {
    bytes.fill(0xA5);
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm_clflush, _mm_mfence};
        for line in bytes.chunks(64) {
            // SAFETY: the address is valid; every x86-64 processor has the instruction.
            unsafe { _mm_clflush(line.as_ptr()) };
        }
        // SAFETY: every x86-64 processor has the instruction.
        unsafe { _mm_mfence() };
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        // Larger than the last-level caches of ordinary processors.
        let other = vec![1u8; 128 << 20];
        black_box(look_at(&other));
    }
}
