//! What wiping with a read-back of every byte costs, in units of the C library's `memset` of the same memory, which reads nothing back.
//!
//! Contenders take turns in one run, and the median of the ratios of neighbours is compared, because times of one machine say little
//! about another's, and those of a busy one little about the same a moment later. A line
//! `bar NAME measured=… limit=… met|missed` for each figure that the project promises. `cargo bench --bench wipe`.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::time::Instant;

use shokyo::wipe;

// The portable path, compiled on its own: the library has it only where there is no faster one.
#[allow(dead_code)]
#[path = "../src/wipe/store/portable.rs"]
mod portable;

const MIB: usize = 1 << 20;
/// Buffers that are wiped in turn for the cold figures: more than any cache holds.
const RING: usize = 256;
const HOT_ROUNDS: usize = 2000;
const COLD_ROUNDS: usize = 600;

/// A way to wipe.
struct Contender {
    name: &'static str,
    run: fn(&mut [u8]),
}

/// What was measured of one contender.
struct Median {
    time: f64,
    ratio: f64,
}

fn main() {
    let contenders = [
        Contender { name: "memset", run: memset },
        Contender { name: "wipe", run: |memory| drop(wipe::wipe(memory, 0)) },
        Contender { name: "portable", run: portable_wipe },
    ];
    let mut ring = Ring::new();
    println!("path chosen for this processor: {}", chosen());
    let hot = medians(&contenders, HOT_ROUNDS, |_| 0, &mut ring, MIB);
    let cold = medians(&contenders, COLD_ROUNDS, |turn| turn % RING, &mut ring, MIB);
    print("1 MiB, hot", &contenders, &hot);
    print("1 MiB, cold", &contenders, &cold);
    let limit = if chosen() == "AVX-512" { 1.10 } else { 1.25 };
    bar("wipe_hot", hot[1].ratio, limit);
    bar("wipe_hot_portable", hot[2].ratio, 2.2);
    bar("wipe_cold", cold[1].ratio, 1.0);
    for length in [32, 64, 128, 256, 512, 1024, 4096, 16 * 1024, 64 * 1024, 256 * 1024] {
        let times = medians(&contenders, HOT_ROUNDS, |_| 0, &mut ring, length);
        print(&format!("{length} bytes, hot"), &contenders, &times);
    }
}

/// The median of each contender's times for one call, in nanoseconds, and of what each is of the first one's beside it. `place` chooses
/// the buffer of a turn.
fn medians(
    contenders: &[Contender],
    rounds: usize,
    place: impl Fn(usize) -> usize,
    ring: &mut Ring,
    length: usize,
) -> Vec<Median> {
    // Short ones are measured many at once: the clock takes longer than they do.
    let calls = (8192 / length).max(1);
    let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
    let mut turn = 0;
    for round in 0..rounds {
        for step in 0..contenders.len() {
            // Forwards and backwards from a moving start: what one leaves in the caches for the next to write back falls on all alike.
            let step = if round % 2 == 0 { step } else { contenders.len() - 1 - step };
            let index = (round / 2 + step) % contenders.len();
            let (contender, times) = (&contenders[index], &mut times[index]);
            turn += 1;
            let memory = &mut ring.buffer(place(turn))[..length];
            if place(turn) == place(turn + 1) {
                (contender.run)(memory);
            }
            let started = Instant::now();
            for _ in 0..calls {
                (contender.run)(memory);
            }
            times.push(started.elapsed().as_secs_f64() * 1e9 / calls as f64);
        }
    }
    let times_of_first = times[0].clone();
    let ratio = |times: &[f64]| median(times.iter().zip(&times_of_first).map(|(time, first)| time / first));
    times.iter().map(|times| Median { time: median(times.iter().copied()), ratio: ratio(times) }).collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn print(what: &str, contenders: &[Contender], medians: &[Median]) {
    for (contender, Median { time, ratio }) in contenders.iter().zip(medians) {
        println!("{what:20} {:10} {time:10.1} ns  {ratio:6.3} of memset", contender.name);
    }
}

fn bar(name: &str, measured: f64, limit: f64) {
    println!("bar {name} measured={measured:.3} limit={limit} {}", if measured <= limit { "met" } else { "missed" });
}

fn memset(memory: &mut [u8]) {
    // SAFETY: the slice is borrowed exclusively.
    unsafe { libc::memset(memory.as_mut_ptr().cast(), 0, memory.len()) };
}

fn portable_wipe(memory: &mut [u8]) {
    #[cfg(shokyo_faults)]
    let mut outside = 0;
    // SAFETY: the slice is borrowed exclusively.
    let left = unsafe {
        portable::zero_and_check(
            memory.as_mut_ptr(),
            memory.len(),
            #[cfg(shokyo_faults)]
            &raw mut outside,
        )
    };
    assert_eq!(left, 0);
}

fn chosen() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            "AVX-512"
        } else if is_x86_feature_detected!("avx") {
            "AVX"
        } else {
            "SSE2"
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        "NEON"
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        "portable"
    }
}

/// One allocation of [`RING`] MiB, aligned to pages, every page of which was written.
struct Ring {
    start: NonNull<u8>,
}

impl Ring {
    const LAYOUT: Layout = match Layout::from_size_align(RING * MIB, 4096) {
        Ok(layout) => layout,
        Err(_) => panic!("the ring's size is not a multiple of a page"),
    };

    fn new() -> Self {
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc_zeroed(Self::LAYOUT) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(Self::LAYOUT) };
        let mut ring = Self { start };
        for index in 0..RING {
            ring.buffer(index).fill(1);
        }
        ring
    }

    fn buffer(&mut self, index: usize) -> &mut [u8] {
        assert!(index < RING);
        // SAFETY: the buffer lies in the allocation, is initialised, and borrowed as exclusively as the ring.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr().add(index * MIB), MIB) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout.
        unsafe { dealloc(self.start.as_ptr(), Self::LAYOUT) };
    }
}
