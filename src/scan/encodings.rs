//! The forms in which programs write bytes as text, or turn them around: what a log, a dump or a message holds of a secret.

use core::fmt;

use zeroize::Zeroizing;

/// How a piece of a needle stands in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// As it is.
    Plain,
    /// Last byte first.
    Reversed,
    /// Two lower-case hexadecimal digits a byte, nothing between them (RFC 4648, section 8, but for the letters' case).
    Hexadecimal,
    /// The same with upper-case letters.
    UpperHexadecimal,
    /// Base64 (RFC 4648, section 4), wherever in an encoded text the needle begins.
    Base64,
    /// Base64 for URLs (RFC 4648, section 5).
    Base64Url,
    /// UTF-16, low byte first: of the text, if the needle is UTF-8, and otherwise each byte widened.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// Decimal numbers with commas between, or commas and spaces, as Rust's `{:?}`, Python and JSON print bytes.
    DecimalList,
}

impl Encoding {
    /// All that are not [`Encoding::Plain`].
    pub const OTHERS: [Self; 8] = [
        Self::Reversed,
        Self::Hexadecimal,
        Self::UpperHexadecimal,
        Self::Base64,
        Self::Base64Url,
        Self::Utf16Le,
        Self::Utf16Be,
        Self::DecimalList,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Reversed => "reversed",
            Self::Hexadecimal => "hexadecimal",
            Self::UpperHexadecimal => "upper-case hexadecimal",
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::DecimalList => "decimal list",
        }
    }

    /// The encoded texts to look for, each with the length of the pieces that count: such that eight bytes of a needle make one.
    pub(super) fn of(self, bytes: &[u8]) -> Vec<(Zeroizing<Vec<u8>>, usize)> {
        match self {
            Self::Plain => vec![(Zeroizing::new(bytes.to_vec()), 8)],
            Self::Reversed => vec![(Zeroizing::new(bytes.iter().rev().copied().collect()), 8)],
            Self::Hexadecimal => vec![(hexadecimal(bytes, b"0123456789abcdef"), 16)],
            Self::UpperHexadecimal => vec![(hexadecimal(bytes, b"0123456789ABCDEF"), 16)],
            Self::Base64 => (0..3).map(|before| (base64(bytes, before, *b"+/"), 10)).collect(),
            Self::Base64Url => (0..3).map(|before| (base64(bytes, before, *b"-_"), 10)).collect(),
            Self::Utf16Le => vec![(utf16(bytes, u16::to_le_bytes), 16)],
            Self::Utf16Be => vec![(utf16(bytes, u16::to_be_bytes), 16)],
            Self::DecimalList => vec![(decimal(bytes, ", "), 32), (decimal(bytes, ","), 24)],
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn hexadecimal(bytes: &[u8], digits: &[u8; 16]) -> Zeroizing<Vec<u8>> {
    let digits = bytes.iter().flat_map(|byte| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
    filled(bytes.len() * 2, digits)
}

/// The characters that `bytes` alone determine, when `before` other bytes stand in front of them.
fn base64(bytes: &[u8], before: usize, last: [u8; 2]) -> Zeroizing<Vec<u8>> {
    let character = |value: u8| match value {
        0..26 => b'A' + value,
        26..52 => b'a' + value - 26,
        52..62 => b'0' + value - 52,
        _ => last[usize::from(value & 1)],
    };
    let bit = |bit: usize| bytes[bit / 8 - before] >> (7 - bit % 8) & 1;
    let range = (before * 8).div_ceil(6)..((before + bytes.len()) * 8) / 6;
    let value = |place: usize| (place * 6..place * 6 + 6).fold(0, |value, at| value << 1 | bit(at));
    filled(range.len(), range.map(|place| character(value(place))))
}

fn utf16(bytes: &[u8], order: fn(u16) -> [u8; 2]) -> Zeroizing<Vec<u8>> {
    match core::str::from_utf8(bytes) {
        Ok(text) => filled(bytes.len() * 2, text.encode_utf16().flat_map(order)),
        Err(_) => filled(bytes.len() * 2, bytes.iter().flat_map(|byte| order(u16::from(*byte)))),
    }
}

fn decimal(bytes: &[u8], between: &str) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len() * (3 + between.len())));
    for (number, byte) in bytes.iter().enumerate() {
        if number > 0 {
            text.extend_from_slice(between.as_bytes());
        }
        let digits = [byte / 100, byte / 10 % 10, byte % 10].map(|digit| b'0' + digit);
        text.extend_from_slice(&digits[usize::from(*byte < 100) + usize::from(*byte < 10)..]);
    }
    text
}

/// Never grown, which would leave copies behind.
fn filled(capacity: usize, bytes: impl Iterator<Item = u8>) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(capacity));
    text.extend(bytes);
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn texts(encoding: Encoding, bytes: &[u8]) -> Vec<String> {
        encoding.of(bytes).iter().map(|(text, _)| String::from_utf8_lossy(text).into_owned()).collect()
    }

    #[test]
    fn bytes_are_written_as_programs_write_them() {
        let bytes = [0, 9, 10, 99, 100, 255, 0xfb, 0xf0];
        assert_eq!(texts(Encoding::Hexadecimal, &bytes), ["00090a6364fffbf0"]);
        assert_eq!(texts(Encoding::UpperHexadecimal, &bytes), ["00090A6364FFFBF0"]);
        let listed = format!("{bytes:?}");
        assert_eq!(texts(Encoding::DecimalList, &bytes)[0], listed.trim_matches(['[', ']']));
        assert_eq!(texts(Encoding::DecimalList, &bytes)[1], listed.trim_matches(['[', ']']).replace(' ', ""));
        assert_eq!(texts(Encoding::Utf16Le, b"ab"), ["a\0b\0"]);
        assert_eq!(texts(Encoding::Utf16Be, "a\u{3042}".as_bytes()), ["\0a\x30\x42"]);
        assert_eq!(*Encoding::Utf16Be.of(&[0xff, 1])[0].0, [0, 0xff, 0, 1]);
        assert_eq!(*Encoding::Reversed.of(&[1, 2, 3])[0].0, [3, 2, 1]);
    }

    /// RFC 4648, section 10, and what stays of it when other bytes stand before.
    #[test]
    fn base64_is_found_wherever_it_begins() {
        assert_eq!(texts(Encoding::Base64, b"foobar")[0], "Zm9vYmFy");
        assert_eq!(texts(Encoding::Base64, b"foob")[0], "Zm9vY");
        // "xfoobar" is eGZvb2Jhcg==, and "xyfoobar" eHlmb29iYXI=.
        assert_eq!(texts(Encoding::Base64, b"foobar")[1..], ["Zvb2Jhc", "mb29iYX"]);
        assert_eq!(texts(Encoding::Base64, &[0xfb, 0xff, 0xbf])[0], "+/+/");
        assert_eq!(texts(Encoding::Base64Url, &[0xfb, 0xff, 0xbf])[0], "-_-_");
        assert!(Encoding::Base64.of(b"").iter().all(|(text, _)| text.is_empty()));
    }

    #[test]
    fn eight_bytes_make_one_piece_of_every_encoding() {
        let mut bytes = [0u8; 8];
        (0..=255u8).for_each(|first| {
            bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = first.wrapping_add(at as u8 * 31) % 128 + 128);
            for encoding in Encoding::OTHERS {
                for (text, piece) in encoding.of(&bytes) {
                    let whole = core::str::from_utf8(&bytes).is_err();
                    assert!(text.len() >= piece || !whole, "{encoding}: {} of {piece}", text.len());
                }
            }
        });
    }
}
