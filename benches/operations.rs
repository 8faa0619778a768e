//! The operations of the memory core, one by one: `cargo bench --bench operations`.
//!
//! For comparing one state of the code with another on the same machine. What is compared with other libraries stands in
//! `versus`.
#![allow(missing_docs, clippy::unwrap_used)]

use divan::Bencher;
use divan::counter::BytesCount;
use shokyo::types::{Binding, SessionId};
use shokyo::{Vault, VaultOptions};

const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
/// One chunk.
const CHUNK: usize = 16 * 1024;

fn main() {
    divan::main();
}

fn vault() -> Vault {
    Vault::open(VaultOptions::new()).unwrap()
}

/// A room entered and left, 32 random bytes drawn in it, one cell filled.
#[divan::bench]
fn key_draw(bencher: Bencher) {
    let vault = vault();
    bencher.bench_local(|| vault.new_key().unwrap());
}

/// The cell wiped and read back.
#[divan::bench]
fn key_erase(bencher: Bencher) {
    let vault = vault();
    bencher.with_inputs(|| vault.new_key().unwrap()).bench_local_values(|key| key.erase().unwrap());
}

/// A room entered, a key expanded, 16 bytes opened, the room wiped: nearly all of it is the room.
#[divan::bench]
fn room_entry(bencher: Bencher) {
    let vault = vault();
    let document = vault.seal(BINDING, &[7; 16]).unwrap();
    bencher.bench_local(|| document.authenticate().unwrap());
}

/// The same, and the window lent to a reader, whose stack and registers are scrubbed.
#[divan::bench]
fn window_lend(bencher: Bencher) {
    let vault = vault();
    let document = vault.seal(BINDING, &[7; 16]).unwrap();
    bencher.bench_local(|| document.read_at(0, |plain| divan::black_box(plain)[0]).unwrap());
}

#[divan::bench]
fn seal_16_kib(bencher: Bencher) {
    let (vault, plain) = (vault(), vec![7; CHUNK]);
    bencher.counter(BytesCount::new(CHUNK)).bench_local(|| vault.seal(BINDING, &plain).unwrap());
}

#[divan::bench]
fn open_16_kib(bencher: Bencher) {
    let vault = vault();
    let document = vault.seal(BINDING, &vec![7; CHUNK]).unwrap();
    bencher
        .counter(BytesCount::new(CHUNK))
        .bench_local(|| document.read_at(0, |plain| divan::black_box(plain)[0]).unwrap());
}

/// Key and ciphertext of one chunk wiped and read back.
#[divan::bench]
fn erase_16_kib(bencher: Bencher) {
    let (vault, plain) = (vault(), vec![7; CHUNK]);
    bencher.with_inputs(|| vault.seal(BINDING, &plain).unwrap()).bench_local_values(|document| document.erase());
}
