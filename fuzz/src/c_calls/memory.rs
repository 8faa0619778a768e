//! The memory that a call is given, and what must not change in it.

use std::ops::Range;

/// What lies where nothing was written.
const UNTOUCHED: u8 = 0xA5;
/// Bytes beyond what the caller said is there.
const BEYOND: usize = 16;

/// One place, aligned for everything.
pub struct Region {
    words: Vec<u64>,
    given: Vec<u8>,
    out: Range<usize>,
}

impl Region {
    /// Bytes that are read.
    #[must_use]
    pub fn input(bytes: &[u8]) -> Self {
        let mut words = vec![0_u64; (bytes.len() + BEYOND) / 8 + 1];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks(8)) {
            let mut eight = [0; 8];
            eight[..chunk.len()].copy_from_slice(chunk);
            *word = u64::from_ne_bytes(eight);
        }
        let given = bytes_of(&words);
        Self { words, given, out: 0..0 }
    }

    /// Room for so many bytes, of which the first are given.
    #[must_use]
    pub fn output(first: &[u8], room: usize) -> Self {
        let mut bytes = vec![UNTOUCHED; room.max(first.len()) + BEYOND];
        bytes[..first.len()].copy_from_slice(first);
        Self { out: 0..room, ..Self::input(&bytes) }
    }

    /// Its address.
    pub fn address(&mut self) -> u64 {
        self.words.as_mut_ptr() as u64
    }

    /// What is there now.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        bytes_of(&self.words)
    }

    /// The first eight bytes as a number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.words.first().copied().unwrap_or_default()
    }

    /// Whether nothing was written but, if the call succeeded, where it may.
    #[must_use]
    pub fn is_sound(&self, succeeded: bool) -> bool {
        let now = self.bytes();
        let out = if succeeded { self.out.clone() } else { 0..0 };
        now.iter().zip(&self.given).enumerate().all(|(index, (now, given))| now == given || out.contains(&index))
    }
}

fn bytes_of(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
