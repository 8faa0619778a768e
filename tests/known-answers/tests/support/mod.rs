//! The vectors of tests/vectors/others, or those in the folder that `SHOKYO_VECTORS_OF_OTHERS` names.
#![allow(dead_code)]

use serde_json::Value;

pub fn vectors(name: &str) -> Vec<Value> {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors/others").to_owned();
    let folder = std::env::var("SHOKYO_VECTORS_OF_OTHERS").unwrap_or(kept);
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}/{name}")).unwrap()).unwrap()
}

pub fn bytes(hexadecimal: &Value) -> Vec<u8> {
    let digits = hexadecimal.as_str().unwrap();
    assert_eq!(digits.len() % 2, 0);
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

pub fn array<const N: usize>(hexadecimal: &Value) -> [u8; N] {
    bytes(hexadecimal).try_into().unwrap()
}
