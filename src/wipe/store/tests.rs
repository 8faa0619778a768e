//! Each path that this processor has, called directly, against what one would write without thinking of speed.
//!
//! The AVX-512 path is also executed on processors that do not have it, one instruction after another, by
//! `cargo xtask step disassembly`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::vec::Vec;

use proptest::prelude::*;

use super::{imp, portable};

/// A way to wipe, and the shortest range that it takes.
struct Way {
    name: &'static str,
    least: usize,
    most: usize,
    run: unsafe fn(*mut u8, usize, *mut u8) -> u64,
}

/// A way whose place to plant a byte is left out where faults are not compiled in.
macro_rules! way {
    ($name:literal, $least:expr, $most:expr, $function:path) => {
        Way {
            name: $name,
            least: $least,
            most: $most,
            run: |start, length, _plant| {
                // SAFETY: passed on to the caller.
                unsafe {
                    $function(
                        start,
                        length,
                        #[cfg(shokyo_faults)]
                        _plant,
                    )
                }
            },
        }
    };
}

impl Way {
    /// Every way that this processor has.
    fn all() -> Vec<Self> {
        const ANY: usize = usize::MAX;
        #[allow(unused_mut)]
        let mut all =
            std::vec![way!("chosen", 0, ANY, imp::zero_and_check), way!("portable", 0, ANY, portable::zero_and_check)];
        #[cfg(target_arch = "x86_64")]
        {
            use crate::wipe::processor::{Vectors, vectors};
            all.push(way!("tiny", 1, 15, imp::wipe_tiny));
            all.push(way!("SSE2", 16, ANY, imp::wipe_sse2));
            if vectors() >= Vectors::Avx {
                all.push(way!("AVX", 32, ANY, imp::wipe_avx));
            }
            if vectors() >= Vectors::Avx512 {
                all.push(way!("AVX-512", 64, ANY, imp::wipe_avx512));
            }
        }
        #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
        all.extend([way!("tiny", 1, 15, imp::wipe_tiny), way!("NEON", 16, ANY, imp::wipe_neon)]);
        all
    }

    fn takes(&self, length: usize) -> bool {
        (self.least..=self.most).contains(&length)
    }

    /// Wipes a part of `memory`; whether the read-back found nothing but zeros.
    fn wipe(&self, memory: &mut [u8], from: usize, length: usize, plant: Option<usize>) -> bool {
        let mut outside = 0;
        let range = &mut memory[from..from + length];
        let plant = plant.map_or(&raw mut outside, |place| &raw mut range[place]);
        // SAFETY: the range is a slice that is borrowed exclusively, and as long as this way needs.
        unsafe { (self.run)(range.as_mut_ptr(), length, plant) == 0 }
    }
}

/// A way to find the first byte that is not zero.
type Look = unsafe fn(*const u8, usize) -> usize;

fn looks() -> Vec<Look> {
    #[allow(unused_mut)]
    let mut all: Vec<Look> = std::vec![imp::leading_zeros, portable::leading_zeros];
    #[cfg(target_arch = "x86_64")]
    {
        all.push(imp::leading_zeros_by_sixteen);
        all.push(|start, length| {
            let blocks = length / 128;
            // SAFETY: whole blocks of the caller's range; then what is after them.
            unsafe {
                let zero = if blocks > 0 { imp::zero_blocks_sse2(start, blocks) } else { 0 };
                zero * 128 + imp::leading_zeros_by_sixteen(start.add(zero * 128), length - zero * 128)
            }
        });
    }
    all
}

/// Lengths at which a path changes what it does: vectors and blocks, the read-back's lag, and the distance of prefetching.
fn edges() -> Vec<usize> {
    let around = |place: usize| place.saturating_sub(2)..=place + 2;
    let lag = (0..4).flat_map(|blocks| around(3584 + blocks * 128));
    let ahead = (0..4).flat_map(|blocks| around(10_240 + 3584 + blocks * 128)).chain(around(10_240 + 128));
    lag.chain(ahead).chain(around(4096)).chain(around(8192)).chain(around(20_000)).collect()
}

fn check_one(way: &Way, memory: &mut [u8], from: usize, length: usize) {
    memory.fill(0xEE);
    assert!(way.wipe(memory, from, length, None), "{} {from} {length}", way.name);
    let all_are = |range: &[u8], value| range.iter().all(|byte| *byte == value);
    assert!(all_are(&memory[from..from + length], 0), "{} leaves a byte of {length} at {from}", way.name);
    assert!(all_are(&memory[..from], 0xEE), "{} writes before {length} bytes at {from}", way.name);
    assert!(all_are(&memory[from + length..], 0xEE), "{} writes after {length} bytes at {from}", way.name);
}

#[test]
fn every_path_wipes_every_short_length_at_every_alignment_and_nothing_beside_it() {
    let mut memory = std::vec![0; 64 + 601 + 64];
    for way in Way::all() {
        for length in (0..=600).filter(|length| way.takes(*length)) {
            for from in 0..64 {
                check_one(&way, &mut memory, from, length);
            }
        }
    }
}

#[test]
fn every_path_wipes_lengths_around_its_blocks_and_nothing_beside_them() {
    let mut memory = std::vec![0; 64 + 20_010 + 64];
    for way in Way::all() {
        for length in edges().into_iter().filter(|length| way.takes(*length)) {
            for from in [0, 1, 8, 15, 16, 31, 33, 63] {
                check_one(&way, &mut memory[..64 + length + 64], from, length);
            }
        }
    }
}

/// Pages that may be used between two that may not.
#[cfg(target_os = "linux")]
struct Walled {
    mapping: *mut u8,
}

#[cfg(target_os = "linux")]
impl Walled {
    const PAGE: usize = 4096;
    const INSIDE: usize = 4 * Self::PAGE;

    fn new() -> Self {
        let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping, wherever there is room; then a change of its middle pages.
        unsafe {
            let length = Self::INSIDE + 2 * Self::PAGE;
            let mapping = libc::mmap(core::ptr::null_mut(), length, libc::PROT_NONE, anonymous, -1, 0);
            assert_ne!(mapping, libc::MAP_FAILED);
            let mapping = mapping.cast::<u8>();
            let access = libc::PROT_READ | libc::PROT_WRITE;
            assert_eq!(libc::mprotect(mapping.add(Self::PAGE).cast(), Self::INSIDE, access), 0);
            Self { mapping }
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the accessible pages of the mapping, which lives as long as `self`.
        unsafe { core::slice::from_raw_parts_mut(self.mapping.add(Self::PAGE), Self::INSIDE) }
    }
}

#[cfg(target_os = "linux")]
impl Drop for Walled {
    fn drop(&mut self) {
        // SAFETY: the mapping is our own and nothing refers into it any more.
        let _ = unsafe { libc::munmap(self.mapping.cast(), Self::INSIDE + 2 * Self::PAGE) };
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_path_touches_the_page_after_the_range_or_the_one_before_it() {
    let mut walled = Walled::new();
    let bytes = walled.bytes();
    let lengths: Vec<usize> = (0..=600).chain(edges()).filter(|length| *length <= bytes.len()).collect();
    for way in Way::all() {
        for length in lengths.iter().copied().filter(|length| way.takes(*length)) {
            for from in [0, bytes.len() - length] {
                bytes.fill(0xEE);
                assert!(way.wipe(bytes, from, length, None));
                assert!(bytes[from..from + length].iter().all(|byte| *byte == 0));
            }
        }
    }
    bytes.fill(0);
    for look in looks() {
        for length in &lengths {
            for from in [0, bytes.len() - length] {
                let range = &bytes[from..from + length];
                // SAFETY: the range is a slice.
                assert_eq!(unsafe { look(range.as_ptr(), range.len()) }, *length);
            }
        }
    }
}

#[test]
fn the_first_byte_that_is_not_zero_is_found_wherever_it_is() {
    for look in looks() {
        for from in [0, 1, 16, 63] {
            for length in (0..300).chain([383, 384, 385, 1000, 4097]) {
                let mut memory = std::vec![0xFF; 64 + length + 1];
                memory[from..from + length].fill(0);
                // SAFETY: the range lies in the vector.
                let found = |memory: &[u8]| unsafe { look(memory[from..].as_ptr(), length) };
                assert_eq!(found(&memory), length);
                let step = if length > 600 { 7 } else { 1 };
                for place in (0..length).step_by(step) {
                    memory[from + place] = 0x80;
                    memory[from + length - 1] |= 1;
                    assert_eq!(found(&memory), place);
                    memory[from..from + length].fill(0);
                }
            }
        }
    }
}

/// A way to wipe eight words, in which a byte may be planted.
type Words = unsafe fn(*mut u32, *mut u8) -> u64;

fn words() -> [Words; 2] {
    macro_rules! way {
        ($function:path) => {
            |start, _plant| {
                // SAFETY: passed on to the caller.
                unsafe {
                    $function(
                        start,
                        #[cfg(shokyo_faults)]
                        _plant,
                    )
                }
            }
        };
    }
    [way!(imp::wipe_words), way!(portable::wipe_words)]
}

#[test]
fn eight_words_are_wiped_and_nothing_beside_them() {
    for wipe in words() {
        let (mut memory, mut outside) = ([u32::MAX; 10], 0);
        // SAFETY: the words in the middle are the array's.
        assert_eq!(unsafe { wipe(&raw mut memory[1], &raw mut outside) }, 0);
        assert_eq!(memory, [u32::MAX, 0, 0, 0, 0, 0, 0, 0, 0, u32::MAX]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_path_does_what_a_loop_over_the_bytes_does(
        memory in proptest::collection::vec(any::<u8>(), 0..3000),
        from in any::<prop::sample::Index>(),
        length in any::<prop::sample::Index>(),
    ) {
        let from = from.index(memory.len() + 1);
        let length = length.index(memory.len() - from + 1);
        let mut expected = memory.clone();
        expected[from..from + length].iter_mut().for_each(|byte| *byte = 0);
        for way in Way::all().into_iter().filter(|way| way.takes(length)) {
            let mut memory = memory.clone();
            prop_assert!(way.wipe(&mut memory, from, length, None));
            prop_assert_eq!(&memory, &expected, "{}", way.name);
        }
    }

    #[test]
    fn every_way_of_looking_finds_what_a_loop_over_the_bytes_finds(
        zeros in 0..2000usize,
        rest in proptest::collection::vec(0..2u8, 0..200),
    ) {
        let memory: Vec<u8> = core::iter::repeat_n(0, zeros).chain(rest).collect();
        let expected = memory.iter().take_while(|byte| **byte == 0).count();
        for look in looks() {
            // SAFETY: the range is the vector's.
            prop_assert_eq!(unsafe { look(memory.as_ptr(), memory.len()) }, expected);
        }
    }
}

#[cfg(shokyo_faults)]
mod with_a_byte_that_stays {
    use super::*;

    #[test]
    fn the_read_back_of_every_path_finds_it_wherever_it_is() {
        for way in Way::all() {
            for length in (1..=600).filter(|length| way.takes(*length)) {
                let mut memory = std::vec![1; length + 64];
                for place in 0..length {
                    assert!(!way.wipe(&mut memory, length % 64, length, Some(place)), "{} {place} {length}", way.name);
                }
            }
            for length in edges().into_iter().filter(|length| way.takes(*length)) {
                let mut memory = std::vec![1; length + 64];
                for place in (0..length).step_by(61).chain(length - 130..length) {
                    assert!(!way.wipe(&mut memory, length % 64, length, Some(place)), "{} {place} {length}", way.name);
                }
            }
        }
    }

    #[test]
    fn the_read_back_of_eight_words_finds_it_in_each() {
        for wipe in words() {
            for place in 0..32 {
                let mut memory = [1u32; 8];
                let start = memory.as_mut_ptr();
                // SAFETY: the words and the byte are the array's.
                assert_eq!(unsafe { wipe(start, start.cast::<u8>().add(place)) }, 1, "byte {place}");
            }
        }
    }
}
