//! What a scan looks for. Needles hold copies of secrets: they are zeroed when dropped and never shown.

use std::fmt;
use std::sync::OnceLock;

use zeroize::Zeroizing;

use super::anchors;
use super::derived;
use super::encodings::Encoding;
use super::index::{Index, Spot, distinct_bytes};

/// Bytes of a document's shortest piece that counts in memory.
pub const DOCUMENT_PIECE: usize = 16;
/// Bytes of the shortest piece that counts in registers, and everywhere for keys, what is derived from them, and markers.
pub const SHORT_PIECE: usize = 8;

/// What kind of secret a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NeedleKind {
    /// Plaintext of a document.
    Document,
    /// An AES-256 key (rounds 0 and 1 of its schedule).
    Key,
    /// Rounds 2 to 14 of the key's schedule.
    RoundKeys,
    /// The schedule for decryption.
    InverseRoundKeys,
    /// GCM's hash subkey or a power of it.
    HashSubkeys,
    /// A caller's own marker.
    Marker,
}

impl NeedleKind {
    /// All kinds.
    pub const ALL: [NeedleKind; 6] =
        [Self::Document, Self::Key, Self::RoundKeys, Self::InverseRoundKeys, Self::HashSubkeys, Self::Marker];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Key => "key",
            Self::RoundKeys => "round-keys",
            Self::InverseRoundKeys => "inverse-round-keys",
            Self::HashSubkeys => "hash-subkeys",
            Self::Marker => "marker",
        }
    }
}

impl fmt::Display for NeedleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One text whose pieces are looked for.
pub(super) struct Pattern {
    pub(super) kind: NeedleKind,
    pub(super) encoding: Encoding,
    /// Number of the needle that it was made of.
    pub(super) source: usize,
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Length of the pieces that count in memory.
    pub(super) piece: usize,
    /// Length of the pieces that count in registers.
    pub(super) register_piece: usize,
    /// How many pieces are varied enough to count.
    pub(super) varied: u64,
    /// Offsets whose 8 bytes are looked up: every varied piece holds one.
    anchors: Vec<u64>,
}

impl Pattern {
    fn new(kind: NeedleKind, bytes: Zeroizing<Vec<u8>>) -> Self {
        Self::encoded(kind, Encoding::Plain, 0, bytes, SHORT_PIECE)
    }

    /// `shortest`: the length of the encoding's shortest piece.
    fn encoded(
        kind: NeedleKind,
        encoding: Encoding,
        source: usize,
        bytes: Zeroizing<Vec<u8>>,
        shortest: usize,
    ) -> Self {
        let piece = if kind == NeedleKind::Document { shortest.max(DOCUMENT_PIECE) } else { shortest };
        let (anchors, varied) = anchors::choose(&bytes, piece, least_different(kind, encoding, piece));
        // A vector register holds 16 bytes in a row.
        let register_piece = shortest.min(16);
        Self { kind, encoding, source, bytes, piece, register_piece, varied, anchors }
    }

    /// How many pieces there are.
    pub(super) fn pieces(&self) -> u64 {
        (self.bytes.len() + 1).saturating_sub(self.piece) as u64
    }

    /// Whether a piece of this pattern (of `piece` or `register_piece` bytes) is varied enough to be no coincidence.
    pub(super) fn is_varied(&self, window: &[u8]) -> bool {
        distinct_bytes(window) as usize >= least_different(self.kind, self.encoding, window.len())
    }

    /// Whether so many distinctive pieces are enough to notice a copy.
    pub(super) fn is_assessable(&self, distinctive: u64) -> bool {
        let least = if self.kind == NeedleKind::Document { 16 } else { 1 };
        distinctive >= least && distinctive * 4 >= self.pieces()
    }
}

/// How many different values a piece of `length` bytes must have. Keys and markers are random: four in 8 bytes are there but once
/// in millions. Documents repeat themselves, and encodings have few characters.
const fn least_different(kind: NeedleKind, encoding: Encoding, length: usize) -> usize {
    match (encoding, kind, length) {
        (Encoding::Plain | Encoding::Reversed, NeedleKind::Document, DOCUMENT_PIECE) => 8,
        (Encoding::Plain | Encoding::Reversed, NeedleKind::Document, _) => 6,
        (Encoding::Plain | Encoding::Reversed, _, _) => 4,
        (_, _, ..DOCUMENT_PIECE) => 6,
        _ => 7,
    }
}

/// A set of secrets to look for: documents, keys with all that AES-256-GCM derives from them, markers.
///
/// Give needles to a scanning process through a pipe or in memory, never in an argument or the environment: there they would
/// be found. A process that holds needles cannot be clean itself.
#[derive(Default)]
pub struct Needles {
    pub(super) patterns: Vec<Pattern>,
    /// How many needles the patterns were made of.
    sources: usize,
    index: OnceLock<Index>,
}

impl Needles {
    /// Every piece of 16 bytes or more of a document ([`DOCUMENT_PIECE`]); in registers of 8 ([`SHORT_PIECE`]).
    ///
    /// A piece counts when it has at least 8 different byte values (6 in a register).
    #[must_use]
    pub fn of_document(document: &[u8]) -> Self {
        Self::of(vec![Pattern::new(NeedleKind::Document, Zeroizing::new(document.to_vec()))])
    }

    /// Every piece of 8 bytes or more of an AES-256 key, its round keys (also those of the equivalent inverse cipher), and GCM's hash
    /// subkey with its first powers: as they stand, with each 32-bit word reversed, and with each 128-bit block reversed.
    ///
    /// Bit-sliced schedules, as software without AES instructions keeps them, are not among them.
    #[must_use]
    pub fn of_key(key: &[u8; 32]) -> Self {
        let derived = derived::derive(key);
        let (first, rest) = derived.round_keys.split_at(32);
        let mut patterns = Vec::new();
        for (kind, bytes) in [
            (NeedleKind::Key, first),
            (NeedleKind::RoundKeys, rest),
            (NeedleKind::InverseRoundKeys, &derived.inverse_round_keys[..]),
            (NeedleKind::HashSubkeys, &derived.hash_subkeys[..]),
        ] {
            for reversed in [1, 4, 16] {
                let mut form = Zeroizing::new(bytes.to_vec());
                form.chunks_exact_mut(reversed).for_each(<[u8]>::reverse);
                patterns.push(Pattern::new(kind, form));
            }
        }
        Self::of(patterns)
    }

    /// Every piece of 8 bytes or more of a marker.
    #[must_use]
    pub fn marker(bytes: &[u8]) -> Self {
        Self::of(vec![Pattern::new(NeedleKind::Marker, Zeroizing::new(bytes.to_vec()))])
    }

    /// Documents, keys and markers also as text and turned around: [`Encoding::OTHERS`]. It takes about twenty times their memory.
    ///
    /// The shortest piece that counts stands for 8 bytes or a few more (of a document in UTF-16 for 8 characters, of a long list of
    /// numbers for 10), and in a register for 4.
    #[must_use]
    pub fn with_encodings(mut self) -> Self {
        let mut patterns = std::mem::take(&mut self.patterns);
        let encoded = patterns
            .iter()
            .filter(|pattern| matches!(pattern.kind, NeedleKind::Document | NeedleKind::Key | NeedleKind::Marker))
            .filter(|pattern| pattern.encoding == Encoding::Plain)
            .flat_map(|pattern| Encoding::OTHERS.map(|encoding| (pattern, encoding)))
            .flat_map(|(pattern, encoding)| {
                let (kind, source) = (pattern.kind, pattern.source);
                let forms = encoding.of(&pattern.bytes).into_iter();
                forms.map(move |(bytes, shortest)| Pattern::encoded(kind, encoding, source, bytes, shortest))
            })
            .collect::<Vec<_>>();
        patterns.extend(encoded);
        Self { sources: self.sources, ..Self::of(patterns) }
    }

    /// Both sets together. The needles of `other` are [numbered](super::Hit::needle) after these.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        let mut patterns = std::mem::take(&mut self.patterns);
        let sources = self.sources;
        patterns.extend(other.patterns.into_iter().map(|mut pattern| {
            pattern.source += sources;
            pattern
        }));
        Self { sources: sources + other.sources, ..Self::of(patterns) }
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.iter().all(|pattern| pattern.pieces() == 0)
    }

    fn of(patterns: Vec<Pattern>) -> Self {
        Self { patterns, sources: 1, index: OnceLock::new() }
    }

    /// The anchors of all patterns; made at the first use.
    pub(super) fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let spots = self.patterns.iter().enumerate().flat_map(|(number, pattern)| {
                pattern.anchors.iter().map(move |&offset| {
                    let value = super::index::word_at(&pattern.bytes, offset as usize);
                    (value, Spot { text: number as u32, offset })
                })
            });
            Index::new(spots.collect())
        })
    }
}

impl fmt::Debug for Needles {
    /// Never the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Needles({} patterns)", self.patterns.len())
    }
}
