//! Pieces of a document that stand in a process anyway: format words, fonts, program constants. Finding these later says nothing.

use std::collections::HashSet;
use std::fmt;

use zeroize::Zeroizing;

use super::index::{Filter, distinct_bytes, word_at};
use super::needles::{DOCUMENT_PIECE, NeedleKind, Needles, SHORT_PIECE};

/// What a scan of the same process found *before* it had the document: these pieces of documents are not distinctive.
///
/// Keys and markers are random, so a find of them is never put down to coincidence: a baseline does not excuse it.
pub struct Baseline {
    pieces: Known<DOCUMENT_PIECE>,
    words: Known<SHORT_PIECE>,
}

impl Baseline {
    /// How many different pieces of 16 bytes were known.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.pieces.sorted.len()
    }

    /// How many different pieces of 8 bytes were known.
    #[must_use]
    pub fn short_pieces(&self) -> usize {
        self.words.sorted.len()
    }

    /// Both together: what either of two scans found.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self { pieces: self.pieces.merge(other.pieces), words: self.words.merge(other.words) }
    }

    pub(super) fn knows(&self, kind: NeedleKind, window: &[u8]) -> bool {
        kind == NeedleKind::Document
            && match window.len() {
                DOCUMENT_PIECE => self.pieces.contains(window),
                SHORT_PIECE => self.words.contains(window),
                _ => false,
            }
    }
}

impl fmt::Debug for Baseline {
    /// Never the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Baseline({} pieces, {} short pieces)", self.pieces(), self.short_pieces())
    }
}

/// A set of byte strings of one length.
struct Known<const LENGTH: usize> {
    sorted: Zeroizing<Vec<[u8; LENGTH]>>,
    filter: Filter,
}

impl<const LENGTH: usize> Known<LENGTH> {
    fn new(values: impl Iterator<Item = [u8; LENGTH]>) -> Self {
        let mut sorted = Zeroizing::new(values.collect::<Vec<_>>());
        sorted.sort_unstable();
        sorted.dedup();
        let mut filter = Filter::for_values(sorted.len());
        for value in sorted.iter() {
            filter.insert(word_at(value, LENGTH - 8));
        }
        Self { sorted, filter }
    }

    fn contains(&self, window: &[u8]) -> bool {
        self.filter.may_contain(word_at(window, LENGTH - 8))
            && self.sorted.binary_search_by(|value| value.as_slice().cmp(window)).is_ok()
    }

    fn merge(self, other: Self) -> Self {
        Self::new(self.sorted.iter().chain(other.sorted.iter()).copied())
    }
}

/// Gathers what a baseline needs while memory passes by.
pub(super) struct Gatherer<'a> {
    needles: &'a Needles,
    pieces: HashSet<[u8; DOCUMENT_PIECE]>,
    /// Every 8 bytes in a row of every document.
    filter: Filter,
    words: Zeroizing<Vec<u64>>,
    compact_at: usize,
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(needles: &'a Needles) -> Self {
        let documents = || needles.patterns.iter().filter(|pattern| pattern.kind == NeedleKind::Document);
        let mut filter = Filter::for_values(documents().map(|pattern| pattern.bytes.len()).sum());
        for pattern in documents() {
            for word in pattern.bytes.windows(SHORT_PIECE).filter(|word| pattern.is_varied(word)) {
                filter.insert(word_at(word, 0));
            }
        }
        Self { needles, pieces: HashSet::new(), filter, words: Zeroizing::new(Vec::new()), compact_at: 1 << 20 }
    }

    /// Takes in a run that a search found.
    pub(super) fn run(&mut self, run: &super::search::Run) {
        let pattern = &self.needles.patterns[run.pattern];
        if pattern.kind == NeedleKind::Document {
            let bytes = &pattern.bytes[run.offset..run.offset + run.length];
            self.pieces.extend(
                bytes.windows(DOCUMENT_PIECE).filter_map(|window| <[u8; DOCUMENT_PIECE]>::try_from(window).ok()),
            );
        }
    }

    /// Takes in a block of memory or a set of registers.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        for window in bytes.windows(SHORT_PIECE) {
            let word = word_at(window, 0);
            if word != 0 && self.filter.may_contain(word) {
                self.words.push(word);
            }
        }
        if self.words.len() > self.compact_at {
            self.words.sort_unstable();
            self.words.dedup();
            self.compact_at = self.words.len() * 2 + (1 << 20);
        }
    }

    pub(super) fn finish(mut self) -> Baseline {
        self.words.sort_unstable();
        self.words.dedup();
        // The filter let some through that no document has.
        let mut candidates = Filter::for_values(self.words.len());
        self.words.iter().for_each(|word| candidates.insert(*word));
        let mut words: HashSet<[u8; SHORT_PIECE]> = HashSet::new();
        for pattern in self.needles.patterns.iter().filter(|pattern| pattern.kind == NeedleKind::Document) {
            for window in pattern.bytes.windows(SHORT_PIECE) {
                let word = word_at(window, 0);
                if candidates.may_contain(word) && self.words.binary_search(&word).is_ok() && distinct_bytes(window) > 1
                {
                    words.insert(word.to_le_bytes());
                }
            }
        }
        Baseline { pieces: Known::new(self.pieces.drain()), words: Known::new(words.into_iter()) }
    }
}
