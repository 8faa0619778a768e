//! Bytes as hexadecimal digits.

/// Lower-case digits.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}

/// Exactly `N` bytes from `2 N` digits.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode_all(text)?.try_into().ok()
}

/// All bytes from an even number of digits.
pub(crate) fn decode_all(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    if digits.len() == 2 * bytes.len() { Some(bytes) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_and_strange_text_is_refused() {
        assert_eq!(decode::<3>(&encode(&[0, 0xAB, 0xFF])), Some([0, 0xAB, 0xFF]));
        for strange in ["", "ab", "zzzzzz", "00abff0", "00abff00"] {
            assert_eq!(decode::<3>(strange), None);
        }
    }
}
