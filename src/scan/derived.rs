//! What AES-256-GCM makes from a key and keeps while it works: each of it gives the key, or the power to forge, away.
//!
//! Only a detector: nothing here may ever be used to seal or open anything. It is not constant-time.

use aes::Block;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

/// Round keys of AES-256: 15 of 16 bytes.
const ROUND_KEYS: usize = 15 * 16;

/// Powers of the hash key that fast implementations keep.
const POWERS: usize = 8;

/// Derived material, each a sequence of 16-byte blocks.
pub(super) struct Derived {
    /// Rounds 0 to 14; the first 32 bytes are the key itself (FIPS 197, section 5.2).
    pub(super) round_keys: Zeroizing<Vec<u8>>,
    /// Rounds 1 to 13 of the equivalent inverse cipher (FIPS 197, section 5.3.5).
    pub(super) inverse_round_keys: Zeroizing<Vec<u8>>,
    /// The hash subkey H = AES(key, 0) of GCM (NIST SP 800-38D, section 6.4), its powers to H⁸, and each shifted by one bit as
    /// carry-less multiplication wants it.
    pub(super) hash_subkeys: Zeroizing<Vec<u8>>,
}

pub(super) fn derive(key: &[u8; 32]) -> Derived {
    let round_keys = expand(key);
    let mut inverse = Zeroizing::new(round_keys[16..ROUND_KEYS - 16].to_vec());
    for round_key in inverse.chunks_exact_mut(16) {
        let mut block = Block::default();
        block.copy_from_slice(round_key);
        aes::hazmat::inv_mix_columns(&mut block);
        round_key.copy_from_slice(&block);
    }
    let mut subkey = Block::default();
    aes::Aes256::new(&(*key).into()).encrypt_block(&mut subkey);
    let subkey = u128::from_be_bytes(subkey.into());
    let mut hash_subkeys = Zeroizing::new(Vec::with_capacity(POWERS * 32));
    let mut power = subkey;
    for _ in 0..POWERS {
        hash_subkeys.extend_from_slice(&power.to_be_bytes());
        hash_subkeys.extend_from_slice(&shifted(power).to_be_bytes());
        power = multiplied(power, subkey);
    }
    Derived { round_keys, inverse_round_keys: inverse, hash_subkeys }
}

/// The key expansion for 256-bit keys.
fn expand(key: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let mut words = Zeroizing::new(Vec::with_capacity(ROUND_KEYS));
    words.extend_from_slice(key);
    let mut round_constant = 1u8;
    while words.len() < ROUND_KEYS {
        let at = words.len();
        let mut word = [words[at - 4], words[at - 3], words[at - 2], words[at - 1]];
        match at % 32 {
            0 => {
                word.rotate_left(1);
                word = word.map(substituted);
                word[0] ^= round_constant;
                round_constant <<= 1;
            }
            16 => word = word.map(substituted),
            _ => {}
        }
        for (offset, byte) in word.into_iter().enumerate() {
            let value = byte ^ words[at - 32 + offset];
            words.push(value);
        }
    }
    words
}

/// SubBytes of one byte: in a block of equal bytes ShiftRows and MixColumns change nothing, so one round is the substitution alone.
fn substituted(byte: u8) -> u8 {
    let mut block: Block = [byte; 16].into();
    aes::hazmat::cipher_round(&mut block, &Block::default());
    block[0]
}

/// Multiplication in GCM's field, bit by bit (NIST SP 800-38D, algorithm 1).
fn multiplied(x: u128, y: u128) -> u128 {
    let (mut product, mut value) = (0, y);
    for bit in (0..128).rev() {
        if x >> bit & 1 == 1 {
            product ^= value;
        }
        value = if value & 1 == 1 { value >> 1 ^ 0xe1 << 120 } else { value >> 1 };
    }
    product
}

/// `mulX_POLYVAL` (RFC 8452, appendix A): what POLYVAL-based and OpenSSL-derived implementations store for H.
fn shifted(value: u128) -> u128 {
    value << 1 ^ if value >> 127 == 1 { 0xc2 << 120 | 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter_map(|c| char::from(c).to_digit(16).map(|d| d as u8)).collect();
        digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    #[test]
    fn round_keys_are_those_of_fips_197_appendix_a_3() {
        let mut key = [0; 32];
        key.copy_from_slice(&bytes("603deb1015ca71be2b73aef0857d7781 1f352c073b6108d72d9810a30914dff4"));
        let derived = derive(&key);
        assert_eq!(derived.round_keys[..32], key);
        assert_eq!(derived.round_keys[32..48], bytes("9ba354118e6925afa51a8b5f2067fcde"));
        assert_eq!(derived.round_keys[48..64], bytes("a8b09c1a93d194cdbe49846eb75d5b9a"));
        assert_eq!(
            derived.round_keys[208..],
            bytes("cafaaae3e4d59b349adf6acebd10190dfe4890d1e6188d0b046df344706c631e")
        );
    }

    #[test]
    fn inverse_round_keys_are_those_of_fips_197_appendix_c_3() {
        let mut key = [0; 32];
        key.copy_from_slice(&(0..32).collect::<Vec<u8>>());
        let derived = derive(&key);
        // "ik_sch" of rounds 1 (the last but one key) and 13 (the first but one).
        assert_eq!(derived.inverse_round_keys[12 * 16..], bytes("34f1d1ffbfceaa2ffce9e25f2558016e"));
        assert_eq!(derived.inverse_round_keys[..16], bytes("1a1f181d1e1b1c191217101516131411"));
    }

    #[test]
    fn the_hash_subkey_and_its_powers_are_those_of_gcm() {
        // GCM specification, test case 13: AES-256 with a key of zeros.
        let derived = derive(&[0; 32]);
        assert_eq!(derived.hash_subkeys[..16], bytes("dc95c078a2408989ad48a21492842087"));
        // Test case 2: the first block of GHASH is C · H.
        let number = |text: &str| bytes(text).iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
        let product =
            multiplied(number("0388dace60b6a392f328c2b971b2fe78"), number("66e94bd4ef8a2c3b884cfa59ca342b2e"));
        assert_eq!(product, number("5e2ec746917062882c85b0685353deb7"));
        // RFC 8452, appendix A: mulX_POLYVAL of 9c98c04df9387ded828175a92ba652d8 (little-endian) is 3931819bf271fada0503eb52574ca572.
        let little = |text: &str| number(text).swap_bytes();
        assert_eq!(shifted(little("9c98c04df9387ded828175a92ba652d8")), little("3931819bf271fada0503eb52574ca572"));
    }
}
