//! Looks through the process's own memory for what must not be there. A needle is kept only in disguise (each byte XOR 0x5A), so
//! that the search does not find itself; and a search that finds nothing counts only because the same search found the needle
//! while it was there.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "support/own_memory.rs"]
mod own_memory;

use std::io::Read;

use own_memory::{Memory, writable};
use ring::rand::{SecureRandom, SystemRandom};
use shokyo::types::{Binding, SessionId};
use shokyo::{SecretMemory, Vault, VaultOptions};

const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
const DISGUISE: u8 = 0x5A;

/// A vault whose memory the search can read.
fn readable_vault() -> Vault {
    let mut options = VaultOptions::new();
    options.secret_memory = SecretMemory::Off;
    Vault::open(options).unwrap()
}

/// Bytes in disguise.
struct Needle<const N: usize>([u8; N]);

impl Needle<32> {
    fn random() -> Self {
        let mut stored = [0; 32];
        SystemRandom::new().fill(&mut stored).unwrap();
        Self(stored)
    }
}

/// Where the needle stands in writable memory: for each place whether it is kept as plaintext must be.
fn find<const N: usize>(needle: &Needle<N>) -> Vec<bool> {
    let memory = Memory::open();
    let mut piece = vec![0u8; 1 << 20];
    let own = piece.as_ptr().addr()..piece.as_ptr().addr() + piece.len();
    let mut found = Vec::new();
    for range in writable() {
        let mut at = range.start;
        while at < range.end {
            let length = piece.len().min(range.end - at);
            // What cannot be read (vsyscall, memory gone since) holds no needle of ours.
            let got = memory.read(at, &mut piece[..length]);
            if got < N {
                break;
            }
            for place in 0..=got - N {
                let same = || (0..N).all(|index| piece[place + index] ^ DISGUISE == needle.0[index]);
                if piece[place] ^ DISGUISE == needle.0[0] && !own.contains(&(at + place)) && same() {
                    found.push(range.kept);
                }
            }
            at += if at + got < range.end { got - N + 1 } else { got };
        }
    }
    found
}

/// Gives the needle, undisguised, again and again.
struct Marked<'a> {
    needle: &'a Needle<32>,
    position: usize,
    length: usize,
}

impl Read for Marked<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = out.len().min(self.length - self.position);
        for byte in &mut out[..count] {
            *byte = std::hint::black_box(self.needle.0[self.position % 32]) ^ DISGUISE;
            self.position += 1;
        }
        Ok(count)
    }
}

/// Seals, reads, authenticates, hashes and erases a document full of the needle; checks where it is meanwhile if asked to.
fn a_document_lives(vault: &Vault, needle: &Needle<32>, check: bool) {
    let mut writer = vault.writer(BINDING).unwrap();
    writer.copy_from(&mut Marked { needle, position: 0, length: 40_000 }).unwrap();
    if check {
        assert_eq!(find(needle), [], "nothing may stay between calls of a writer");
    }
    // Plaintext in memory of the caller's, which the caller wipes.
    let mut own = vec![0; 3200];
    Marked { needle, position: 0, length: 3200 }.read_exact(&mut own).unwrap();
    writer.write(&own).unwrap();
    let _ = shokyo::wipe::wipe_vec(&mut own, 0).unwrap();
    let buffer = writer.finish().unwrap();
    buffer
        .for_each_window(|offset, plain| {
            let expected = |index: usize| needle.0[(offset as usize + index) % 32] ^ DISGUISE;
            assert!(offset > 16_384 || plain.iter().enumerate().all(|(index, byte)| *byte == expected(index)));
            if check && offset == 0 {
                let found = find(needle);
                assert!(found.len() >= 500, "the search must find what is there: {}", found.len());
                assert!(found.iter().all(|kept| *kept), "plaintext stands in locked memory only");
            }
            Ok(())
        })
        .unwrap();
    buffer.authenticate().unwrap();
    buffer.hmac_sha256(b"key").unwrap();
    let evidence = buffer.erase();
    assert!(evidence.is_verified());
    shokyo::wipe::scrub_stack(16 * 1024);
}

#[test]
fn nothing_of_a_document_stays_behind() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let (vault, needle) = (readable_vault(), Needle::random());
    a_document_lives(&vault, &needle, true);
    assert_eq!(find(&needle), []);
}

#[cfg(shokyo_faults)]
mod with_faults {
    use super::*;
    use shokyo::faults::{Fault, serialised, set};

    /// The known key, in disguise.
    static KEY: Needle<32> = Needle([
        0xF6, 0x8C, 0xDD, 0x53, 0xA1, 0xF1, 0x80, 0x1E, 0x6C, 0x09, 0x16, 0xB8, 0xE6, 0x05, 0x54, 0xAF, 0x1B, 0x8F,
        0xDE, 0xAC, 0xDF, 0xE7, 0xA6, 0x0C, 0xEA, 0xB7, 0x06, 0x20, 0xF1, 0x3C, 0xC1, 0x7B,
    ]);
    /// AES-256 round keys 2, 7 and 14 of the known key (FIPS 197, section 5.2), in disguise.
    static ROUND_KEYS: [Needle<16>; 3] = [
        Needle([0xc4, 0x98, 0x20, 0x31, 0x3f, 0x33, 0xfa, 0x75, 0x09, 0x60, 0xb6, 0x97, 0xb5, 0x3f, 0xb8, 0x62]),
        Needle([0xc6, 0x45, 0x80, 0x23, 0x71, 0xff, 0x3f, 0xc0, 0x6d, 0x8d, 0x3c, 0xfe, 0x71, 0x51, 0x18, 0x3c]),
        Needle([0xbc, 0x97, 0xf9, 0x47, 0x1f, 0x60, 0xcb, 0xd0, 0xc2, 0xe4, 0x40, 0x2a, 0xfe, 0x60, 0x4f, 0xb9]),
    ];

    #[test]
    fn neither_the_key_nor_its_round_keys_stay_behind_and_without_the_wipe_all_do() {
        let _alone = serialised(&[Fault::KnownKey]);
        let vault = readable_vault();
        let alive = vault.seal(BINDING, b"while a document lives, its key is in a cell").unwrap();
        assert_eq!(find(&KEY), [true], "once, and locked");
        drop(alive);

        a_document_lives(&vault, &Needle::random(), false);
        assert_eq!(find(&KEY), []);
        assert!(ROUND_KEYS.iter().all(|needle| find(needle).is_empty()));

        set(&[Fault::KnownKey, Fault::NoWipe]);
        let needle = Needle::random();
        a_document_lives(&vault, &needle, false);
        assert!(!find(&KEY).is_empty());
        for (number, needle) in ROUND_KEYS.iter().enumerate() {
            assert!(!find(needle).is_empty(), "round key {number}");
        }
        assert!(!find(&needle).is_empty());
        // What stayed goes when the wipe works again and the vault ends.
        set(&[]);
    }
}
