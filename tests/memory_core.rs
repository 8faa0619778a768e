//! What a document in memory promises: it comes back whole or not at all, only in its session, and goes when told to.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::io::{Read, Write};

use proptest::prelude::*;
use shokyo::buffer::CopyClass;
use shokyo::types::{Binding, Protections, SessionId};
use shokyo::{EphemeralBuffer, Error, Vault, VaultOptions};

fn vault() -> Vault {
    Vault::open(VaultOptions::new()).unwrap()
}

fn vault_with(change: impl FnOnce(&mut VaultOptions)) -> Vault {
    let mut options = VaultOptions::new();
    change(&mut options);
    Vault::open(options).unwrap()
}

fn binding(number: u8) -> Binding {
    Binding { session: SessionId([number; 32]), context: [number ^ 0xFF; 32] }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index.wrapping_mul(0x9E37_79B1) >> 11) as u8).collect()
}

fn contents(buffer: &EphemeralBuffer) -> Vec<u8> {
    let mut whole = Vec::new();
    buffer
        .for_each_window(|offset, plain| {
            assert_eq!(offset, whole.len() as u64);
            whole.extend_from_slice(plain);
            Ok(())
        })
        .unwrap();
    whole
}

#[test]
fn documents_of_every_size_come_back_whole() {
    let vault = vault();
    let chunk = vault.chunk_size();
    for length in [0, 1, 15, 16, 17, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk + 7, 20_000_000] {
        let plain = pattern(length);
        let mut writer = vault.writer(binding(1)).unwrap();
        writer.write(&plain).unwrap();
        assert_eq!(writer.len(), length as u64);
        let buffer = writer.finish().unwrap();
        assert_eq!(buffer.len(), length as u64);
        assert_eq!(buffer.chunk_count(), length.div_ceil(chunk).max(1) as u64);
        assert!(contents(&buffer) == plain, "length {length}");
        assert!(contents(&vault.seal(binding(1), &plain).unwrap()) == plain, "length {length}");
        buffer.authenticate().unwrap();
    }
}
