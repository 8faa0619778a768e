//! Choosing which 8-byte values of a text to look up, so that every piece of it that counts holds one of them.
//!
//! A piece that is varied enough always has 8 bytes in a row with at least four different values (of two halves with eight
//! different values together, one has four). Among these, values that stand in the text many times are avoided: each
//! occurrence would have to be compared at each find.

use std::collections::HashMap;

use super::index::{distinct_bytes, word_at};

const ANCHOR: usize = 8;
/// A value that occurs more often than this is avoided.
const COMMON: u8 = 32;
/// Occurrences of an unavoidable common value that are compared before another is added.
const COMPARED: usize = 64;

/// Offsets such that each window of `piece` bytes with at least `least` different values has an anchor inside, or is equal to one
/// that has. Also the number of such windows. `least` is half of `piece` or more, so that there always is an anchor.
pub(super) fn choose(text: &[u8], piece: usize, least: usize) -> (Vec<u64>, u64) {
    let mut anchors: Vec<u64> = Vec::new();
    let mut varied = 0;
    let occurrences = Occurrences::of(text);
    let mut common: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut values = Values::default();
    text.iter().take(piece.saturating_sub(1)).for_each(|byte| values.enter(*byte));
    for (start, window) in text.windows(piece).enumerate() {
        if start > 0 {
            values.leave(text[start - 1]);
        }
        values.enter(window[piece - 1]);
        if values.different < least {
            continue;
        }
        varied += 1;
        if anchors.last().is_some_and(|last| *last >= start as u64) {
            continue;
        }
        // The last one serves the most windows after this one.
        let usable = |at: &usize| distinct_bytes(&text[*at..at + ANCHOR]) >= 4;
        let candidates = || (start..=start + piece - ANCHOR).rev().filter(usable);
        if let Some(rare) = candidates().find(|at| occurrences.estimate(word_at(text, *at)) <= COMMON) {
            anchors.push(rare as u64);
            continue;
        }
        let Some(at) = candidates().next() else { continue };
        let others = common.entry(word_at(text, at)).or_default();
        let equal = |other: &&usize| {
            other.checked_sub(at - start).is_some_and(|from| text.get(from..from + piece) == Some(window))
        };
        if others.iter().take(COMPARED).any(|other| equal(&other)) {
            continue;
        }
        others.push(at);
        anchors.push(at as u64);
    }
    (anchors, varied)
}

/// The values in a window that slides.
struct Values {
    counts: [u8; 256],
    different: usize,
}

impl Default for Values {
    fn default() -> Self {
        Self { counts: [0; 256], different: 0 }
    }
}

impl Values {
    fn enter(&mut self, byte: u8) {
        let count = &mut self.counts[usize::from(byte)];
        self.different += usize::from(*count == 0);
        *count += 1;
    }

    fn leave(&mut self, byte: u8) {
        let count = &mut self.counts[usize::from(byte)];
        *count -= 1;
        self.different -= usize::from(*count == 0);
    }
}

/// About how often each 8-byte value occurs: counters shared by hash, so never too low.
struct Occurrences {
    counters: Vec<u8>,
    shift: u32,
}

impl Occurrences {
    fn of(text: &[u8]) -> Self {
        let bits = text.len().max(256).next_power_of_two().ilog2().min(21);
        let mut occurrences = Self { counters: vec![0; 1 << bits], shift: 64 - bits };
        for at in 0..(text.len() + 1).saturating_sub(ANCHOR) {
            let place = occurrences.place(word_at(text, at));
            occurrences.counters[place] = occurrences.counters[place].saturating_add(1);
        }
        occurrences
    }

    fn estimate(&self, value: u64) -> u8 {
        self.counters[self.place(value)]
    }

    fn place(&self, value: u64) -> usize {
        ((value ^ value >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_varied(window: &[u8]) -> bool {
        distinct_bytes(window) >= 8
    }

    fn assert_covered(text: &[u8]) -> usize {
        let (anchors, varied) = choose(text, 16, 8);
        let mut counted = 0;
        for (start, window) in text.windows(16).enumerate().filter(|(_, window)| is_varied(window)) {
            counted += 1;
            let inside = |at: &u64| *at >= start as u64 && *at <= start as u64 + 8;
            // Or a window of the same content has one at the same place.
            let elsewhere = |at: &u64| {
                (0..=8).any(|inner| {
                    (*at as usize).checked_sub(inner).is_some_and(|from| text.get(from..from + 16) == Some(window))
                })
            };
            assert!(anchors.iter().any(inside) || anchors.iter().any(elsewhere), "window at {start}");
        }
        assert_eq!(counted, varied);
        anchors.len()
    }

    #[test]
    fn every_varied_piece_has_an_anchor() {
        let mut state = 1u64;
        let random: Vec<u8> = (0..4000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        assert!(assert_covered(&random) < 4000 / 8);
        let table: Vec<u8> = (0..300).flat_map(|row| format!("{:010} 00000 n\r\n", row * 733).into_bytes()).collect();
        assert_covered(&table);
        assert_covered(b"short");
        assert_covered(&[]);
    }

    #[test]
    fn a_text_that_repeats_itself_needs_few_anchors() {
        let repeated = b"the same line, again and again\n".repeat(400);
        assert!(assert_covered(&repeated) < 300);
        assert_eq!(assert_covered(&[b' '; 5000]), 0);
    }
}
