//! A known key and a known document, and the search for either. The program holds both in disguise only: every byte exclusive-or a
//! mask, so that what the search finds is what the vault left.

use crate::memory;

const MASK: u8 = 0x5A;
/// SHA-256 of `shokyo bare key`.
const KEY: [u8; 32] = [
    0x38, 0xE1, 0x7C, 0x9F, 0xB1, 0xEB, 0xB1, 0x3A, 0xF4, 0xFC, 0x13, 0x66, 0xD5, 0xF4, 0xD7, 0x0B, 0x1F, 0x85, 0xF5,
    0xA1, 0x03, 0x36, 0x48, 0x2E, 0x37, 0x4D, 0xAE, 0x70, 0x5F, 0xFB, 0x8B, 0x34,
];
/// The third and the last round key that AES-256 derives from it (FIPS 197, section 5.2).
const ROUND_KEYS: [u8; 32] = [
    0x0B, 0xDF, 0xE3, 0xF4, 0xE0, 0x6E, 0x08, 0x94, 0x4E, 0xC8, 0x41, 0xA8, 0xC1, 0x66, 0xCC, 0xF9, 0x32, 0xEF, 0x62,
    0x4A, 0x75, 0x40, 0xA1, 0x0E, 0x4B, 0xF8, 0x70, 0x5A, 0x75, 0x51, 0xB8, 0xC0,
];
/// SHA-256 of `shokyo bare plain`; documents repeat it.
const PLAIN: [u8; 32] = [
    0xD7, 0x85, 0x63, 0x6F, 0x56, 0xB8, 0x83, 0x75, 0x67, 0x44, 0x7D, 0xA2, 0x36, 0x0C, 0x8F, 0xB8, 0xC1, 0x1F, 0xB9,
    0xD6, 0x81, 0x5E, 0xC4, 0x6F, 0x84, 0xB5, 0x5C, 0x87, 0x97, 0x21, 0x3C, 0xCE,
];
/// Bytes of a piece that counts as found.
const PIECE: usize = 8;

/// How many pieces of 8 bytes were found.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) key: usize,
    pub(crate) round_keys: usize,
    pub(crate) plain: usize,
}

/// Writes the known key.
pub(crate) fn put_key(out: &mut [u8]) {
    put(out, &KEY);
}

/// Writes the known document.
pub(crate) fn put_plain(out: &mut [u8]) {
    put(out, &PLAIN);
}

/// Whether this is the known document from `offset` on.
pub(crate) fn is_plain(offset: usize, bytes: &[u8]) -> bool {
    bytes.iter().zip(offset..).all(|(byte, at)| byte ^ core::hint::black_box(MASK) == PLAIN[at % 32])
}

/// Searches everything that the program can have written.
pub(crate) fn search() -> Found {
    let all = memory::all();
    let length = all.end.addr() - all.start.addr();
    // SAFETY: every byte of the range is the program's own; this looks at it as a debugger would.
    let byte = |at: usize| unsafe { all.start.add(at).read_volatile() };
    let mut found = Found::default();
    for start in 0..length.saturating_sub(PIECE) {
        let hits = |needle: &[u8; 32]| {
            let piece = |piece: &[u8]| piece.iter().zip(start..).all(|(wanted, at)| byte(at) ^ MASK == *wanted);
            needle.chunks_exact(PIECE).filter(|wanted| piece(wanted)).count()
        };
        found.key += hits(&KEY);
        found.round_keys += hits(&ROUND_KEYS);
        found.plain += hits(&PLAIN);
    }
    found
}

fn put(out: &mut [u8], disguised: &[u8; 32]) {
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = disguised[at % 32] ^ core::hint::black_box(MASK);
    }
}
