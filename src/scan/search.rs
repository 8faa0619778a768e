//! Finding pieces of needles in bytes: in memory, block after block, and in registers.

use super::baseline::Baseline;
use super::index::{Index, Spot, distinct_bytes, word_at};
use super::needles::{Needles, Pattern, SHORT_PIECE};

/// Blocks of one stretch of memory overlap by this much, so that no piece is cut by an edge.
pub(super) const OVERLAP: usize = 64;

/// Zeros are skipped in stretches of this length.
const ZEROS: usize = 1024;

/// A stretch of memory that equals a stretch of a pattern, as long as it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    /// Number of the pattern.
    pub(super) pattern: usize,
    /// Offset in the pattern.
    pub(super) offset: usize,
    /// Address of the first byte; in registers the offset in the set.
    pub(super) at: u64,
    /// Bytes.
    pub(super) length: usize,
}

impl Run {
    const fn end(&self) -> u64 {
        self.at + self.length as u64
    }

    /// The same for two runs that are parts of one.
    const fn diagonal(&self) -> (usize, u64) {
        (self.pattern, self.at.wrapping_sub(self.offset as u64))
    }
}

/// Whether a run holds a distinctive piece of `piece` bytes: varied, and not known from the baseline.
fn is_distinctive(pattern: &Pattern, run: &Run, piece: usize, baseline: Option<&Baseline>) -> bool {
    pattern.bytes[run.offset..run.offset + run.length]
        .windows(piece)
        .any(|window| pattern.is_varied(window) && !baseline.is_some_and(|known| known.knows(pattern.kind, window)))
}

/// Searches memory, block after block, and gives each run once.
pub(super) struct MemorySearch<'a> {
    needles: &'a Needles,
    index: &'a Index,
    baseline: Option<&'a Baseline>,
    /// Runs seen in this stretch that end behind the current position, wanted or not; the flag tells.
    recent: Vec<(Run, bool)>,
    candidates: Vec<Run>,
}

impl<'a> MemorySearch<'a> {
    pub(super) fn new(needles: &'a Needles, baseline: Option<&'a Baseline>) -> Self {
        Self { needles, index: needles.index(), baseline, recent: Vec::new(), candidates: Vec::new() }
    }

    /// Searches the block at address `base`. A block that `continues` the one before begins with its last [`OVERLAP`] bytes.
    ///
    /// `found` gets each run, and how many bytes of it were reported with an earlier block: such a run grows.
    pub(super) fn block(&mut self, base: u64, bytes: &[u8], continues: bool, mut found: impl FnMut(Run, usize)) {
        if continues {
            self.recent.retain(|(run, _)| run.end() > base);
        } else {
            self.recent.clear();
        }
        let mut earlier: Vec<(Run, bool)> = std::mem::take(&mut self.recent);
        // What reaches beyond this is met again in the next block.
        let overlap = (base + bytes.len() as u64).saturating_sub(OVERLAP as u64);
        let last = bytes.len().saturating_sub(SHORT_PIECE - 1);
        let mut at = 0;
        while at < last {
            // Most memory is zeros, and no anchor is.
            if word_at(bytes, at) == 0 {
                let stretch = &bytes[at..bytes.len().min(at + ZEROS)];
                at += if stretch.iter().fold(0, |all, byte| all | byte) == 0 {
                    stretch.len() - SHORT_PIECE + 1
                } else {
                    1
                };
                continue;
            }
            if let Some(batch) = bytes[at..].first_chunk() {
                let possible = self.index.possible(batch);
                if possible == 0 {
                    at += Index::BATCH;
                    continue;
                }
                at += possible.trailing_zeros() as usize;
            }
            let spots = self.index.spots(word_at(bytes, at));
            if !spots.is_empty() {
                self.candidates(base, bytes, at, spots);
                self.judge(&mut earlier, &mut found);
                let position = base + at as u64;
                self.recent.retain(|(run, _)| run.end() > position.min(overlap));
            }
            at += 1;
        }
        self.recent.retain(|(run, _)| run.end() > overlap);
    }

    /// Collects the runs through the word at `at`, longest first.
    fn candidates(&mut self, base: u64, bytes: &[u8], at: usize, spots: &[(u64, Spot)]) {
        self.candidates.clear();
        for (_, spot) in spots {
            let (number, offset) = (spot.text as usize, spot.offset as usize);
            let diagonal = (number, (base + at as u64).wrapping_sub(spot.offset));
            let position = base + at as u64;
            let seen =
                |(run, _): &(Run, bool)| run.diagonal() == diagonal && run.at <= position && position < run.end();
            if self.recent.iter().any(seen) {
                continue;
            }
            let pattern = &self.needles.patterns[number];
            let before = equal_backwards(&bytes[..at], &pattern.bytes[..offset]);
            let after = equal_forwards(&bytes[at..], &pattern.bytes[offset..]);
            let (offset, at) = (offset - before, base + (at - before) as u64);
            self.candidates.push(Run { pattern: number, offset, at, length: before + after });
        }
        self.candidates.sort_unstable_by_key(|run| (std::cmp::Reverse(run.length), run.pattern, run.offset));
    }

    fn judge(&mut self, earlier: &mut [(Run, bool)], found: &mut impl FnMut(Run, usize)) {
        for run in &self.candidates {
            let pattern = &self.needles.patterns[run.pattern];
            // The same run as in the block before, or its rest.
            let same =
                |other: &Run| other.diagonal() == run.diagonal() && other.at <= run.end() && run.at <= other.end();
            let cut = earlier.iter_mut().find(|(other, _)| same(other));
            let (mut whole, mut reported) = (*run, 0);
            let mut wanted = false;
            if let Some((start, was_wanted)) = cut {
                wanted = *was_wanted;
                if wanted {
                    reported = start.length;
                }
                let grown = run.end().max(start.end()) - start.at;
                whole = Run { length: grown as usize, ..*start };
                *start = whole;
            }
            let inside = |(other, wanted): &(Run, bool)| {
                *wanted && other.pattern == run.pattern && other.at <= run.at && run.end() <= other.end()
            };
            let repeated = !wanted && self.recent.iter().chain(earlier.iter()).any(inside);
            if !repeated && !wanted && run.length >= pattern.piece {
                wanted = is_distinctive(pattern, run, pattern.piece, self.baseline);
            }
            if wanted && whole.length > reported {
                found(whole, reported);
            }
            self.recent.push((whole, wanted));
        }
    }
}

/// How many bytes at the ends of both are equal.
fn equal_backwards(left: &[u8], right: &[u8]) -> usize {
    left.iter().rev().zip(right.iter().rev()).take_while(|(a, b)| a == b).count()
}

/// How many bytes at the starts of both are equal.
fn equal_forwards(left: &[u8], right: &[u8]) -> usize {
    let words = left.chunks_exact(64).zip(right.chunks_exact(64)).take_while(|(a, b)| a == b).count() * 64;
    words + left[words..].iter().zip(&right[words..]).take_while(|(a, b)| a == b).count()
}

/// Searches register sets for pieces of [`SHORT_PIECE`] bytes and more; gives the number of the set with each run, in order.
///
/// Registers are few and needles may be large: the registers' words are indexed, and the needles slide over them.
pub(super) fn in_registers(sets: &[&[u8]], needles: &Needles, baseline: Option<&Baseline>) -> Vec<(usize, Run)> {
    let index = Index::new(register_words(sets));
    let mut runs: Vec<(usize, Run)> = Vec::new();
    for (number, pattern) in needles.patterns.iter().enumerate() {
        let text = &pattern.bytes[..];
        for offset in 0..(text.len() + 1).saturating_sub(SHORT_PIECE) {
            for (_, spot) in index.spots(word_at(text, offset)) {
                let (set, at) = (spot.text as usize, spot.offset as usize);
                if offset > 0
                    && at > 0
                    && sets[set][at - 1] == text[offset - 1]
                    && starts_earlier(sets[set], at, text, offset)
                {
                    continue;
                }
                let before = equal_backwards(&sets[set][..at], &text[..offset]);
                let after = equal_forwards(&sets[set][at..], &text[offset..]);
                let (offset, at) = (offset - before, (at - before) as u64);
                let run = Run { pattern: number, offset, at, length: before + after };
                if is_distinctive(pattern, &run, pattern.register_piece, baseline) {
                    runs.push((set, run));
                }
            }
        }
    }
    runs.sort_unstable_by_key(|(set, run)| (*set, std::cmp::Reverse(run.length), *run));
    runs.dedup();
    // One place in a register is told once for each pattern, with its longest run.
    let mut told: Vec<(usize, Run)> = Vec::new();
    runs.retain(|(set, run)| {
        let inside = |(other_set, other): &(usize, Run)| {
            other_set == set && other.pattern == run.pattern && other.at <= run.at && run.end() <= other.end()
        };
        let new = !told.iter().any(inside);
        if new {
            told.push((*set, *run));
        }
        new
    });
    runs.sort_unstable_by_key(|(set, run)| (*set, run.at, *run));
    runs
}

/// Whether the same run was already met one word earlier, where the words overlap by all but one byte.
fn starts_earlier(set: &[u8], at: usize, text: &[u8], offset: usize) -> bool {
    let word = &set[at - 1..at - 1 + SHORT_PIECE];
    word == &text[offset - 1..offset - 1 + SHORT_PIECE] && distinct_bytes(word) >= LEAST_IN_REGISTERS
}

/// Words with fewer different values are part of no distinctive piece.
const LEAST_IN_REGISTERS: u32 = 4;

/// The words of register sets that may be part of a distinctive piece.
pub(super) fn register_words(sets: &[&[u8]]) -> Vec<(u64, Spot)> {
    let mut words = Vec::new();
    for (number, set) in sets.iter().enumerate() {
        for (offset, word) in set.windows(SHORT_PIECE).enumerate() {
            if distinct_bytes(word) >= LEAST_IN_REGISTERS {
                words.push((word_at(word, 0), Spot { text: number as u32, offset: offset as u64 }));
            }
        }
    }
    words
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
