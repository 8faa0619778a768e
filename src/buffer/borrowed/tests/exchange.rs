//! The same format as a vault on an operating system: against the construction written down once more, and in both directions.

use proptest::prelude::*;

use super::*;
use crate::aead::{self, Aead, Ring};
use crate::buffer::{EphemeralBuffer, KeyCell, RoomSize, Vault, VaultOptions};

/// The construction written down once more, chunk by chunk, with the other implementation of the cipher.
fn oracle(key: &[u8; 32], binding: &Binding, plain: &[u8]) -> Vec<Vec<u8>> {
    let pieces: Vec<&[u8]> = if plain.is_empty() { std::vec![plain] } else { plain.chunks(CHUNK).collect() };
    let last = pieces.len() - 1;
    pieces
        .iter()
        .enumerate()
        .map(|(index, piece)| {
            let (mut sealed, index, is_final) = (piece.to_vec(), index as u64, index == last);
            let associated = aead::chunk_associated_data(binding, index, is_final);
            let nonce = aead::stream_nonce(index, is_final);
            let tag = Ring::new(key).unwrap().seal(&nonce, &associated, &mut sealed).unwrap();
            sealed.extend_from_slice(&tag);
            sealed
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn a_document_is_sealed_as_the_construction_says_however_it_is_written(
        length in prop_oneof![0usize..=40, 240usize..=272, 496usize..=530, 1_000usize..=1_100],
        pieces in proptest::collection::vec(prop_oneof![0usize..=20, 250usize..=262, 500usize..=515], 0..8),
        whole in any::<bool>(),
        offset in 0usize..1_100,
        packet in 1usize..700,
    ) {
        #[cfg(shokyo_faults)]
        let _alone = crate::faults::serialised(&[]);
        let plain = pattern(length);
        with_vault(platform::random, |vault| {
            let buffer = if whole {
                vault.seal(binding(1), &plain).unwrap()
            } else {
                let mut writer = vault.writer(binding(1)).unwrap();
                let mut rest = &plain[..];
                for piece in pieces {
                    let now = rest.split_off(..piece.min(rest.len())).unwrap();
                    writer.write(now).unwrap();
                }
                assert_eq!(writer.len() as usize, length - rest.len());
                writer.finish_with(rest).unwrap()
            };
            assert_eq!((buffer.len() as usize, buffer.chunk_count() as usize), (length, length.div_ceil(CHUNK).max(1)));
            let sealed = chunks(&buffer);
            assert_eq!(sealed, oracle(&key_of(&buffer), &binding(1), &plain));
            assert!(contents(&buffer) == plain);
            buffer.authenticate().unwrap();
            if offset < length {
                let end = (offset / CHUNK * CHUNK + CHUNK).min(length);
                buffer.read_at(offset as u64, |shown| assert!(shown == &plain[offset..end])).unwrap();
            } else if length > 0 {
                let expected = Error::OutOfRange { at: offset as u64, length: length as u64 };
                assert_eq!(buffer.read_at(offset as u64, |_| ()).unwrap_err(), expected);
            }
            let mut incoming = vault.incoming(binding(1)).unwrap();
            for piece in sealed.concat().chunks(packet) {
                incoming.push(piece).unwrap();
            }
            let mut key = key_of(&buffer);
            let arrived = incoming.attach(&mut key, length as u64).unwrap();
            assert_eq!(key, [0; 32], "the caller's copy of the key is wiped");
            assert!(contents(&arrived) == plain);
        });
    }
}

/// The same key in a cell of a vault on an operating system.
fn cell_with(vault: &Vault, key: &[u8; 32]) -> KeyCell {
    let mut cell = vault.empty_key().unwrap();
    vault.room(RoomSize::Small, |desk| desk.store(&mut cell, key)).unwrap();
    cell
}

fn key_in(vault: &Vault, buffer: &EphemeralBuffer) -> [u8; 32] {
    let mut out = [0; 32];
    vault.room(RoomSize::Small, |desk| desk.load(buffer.key(), &mut out)).unwrap();
    out
}

#[test]
fn documents_are_exchanged_with_a_vault_on_an_operating_system_in_both_directions() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let system = Vault::open(VaultOptions { chunk_size: CHUNK, ..VaultOptions::small() }).unwrap();
    for length in [0, 1, 15, 16, 17, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7] {
        let plain = pattern(length);
        let there = system.seal(binding(3), &plain).unwrap();
        let key = key_in(&system, &there);
        let sealed: Vec<Vec<u8>> =
            (0..there.chunk_count()).map(|index| there.sealed_chunk(index).unwrap().to_vec()).collect();
        // The vault's number and guards first, then the very key that the other vault drew.
        let first = Cell::new(true);
        let entropy = |out: &mut [u8]| if first.replace(false) { platform::random(out) } else { give(out, key) };
        with_vault(entropy, |vault| {
            let here = vault.seal(binding(3), &plain).unwrap();
            assert_eq!(chunks(&here), sealed, "the ciphertext is the same, byte for byte");
            let mut arrives = system.incoming(binding(3)).unwrap();
            chunks(&here).iter().for_each(|chunk| arrives.push(chunk).unwrap());
            let arrived = arrives.attach(cell_with(&system, &key_of(&here)), length as u64).unwrap();
            let mut whole = Vec::new();
            arrived
                .for_each_window(|_, plain| {
                    whole.extend_from_slice(plain);
                    Ok(())
                })
                .unwrap();
            assert!(whole == plain, "sealed here, opened there: {length}");

            let mut arrives = vault.incoming(binding(3)).unwrap();
            sealed.iter().for_each(|chunk| arrives.push(chunk).unwrap());
            let arrived = arrives.attach(&mut { key }, length as u64).unwrap();
            assert!(contents(&arrived) == plain, "sealed there, opened here: {length}");
        });
    }
}

#[test]
fn a_document_opens_only_with_its_key_session_order_and_length() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    with_vault(platform::random, |vault| {
        let plain = pattern(CHUNK * 3);
        let buffer = vault.seal(binding(1), &plain).unwrap();
        let (sealed, key, length) = (chunks(&buffer), key_of(&buffer), plain.len() as u64);
        let refused = |bound: Binding, chunks: &[Vec<u8>], key: [u8; 32], length: u64, expected: Error| {
            let mut incoming = vault.incoming(bound).unwrap();
            incoming.push(&chunks.concat()).unwrap();
            let mut key = key;
            let (error, evidence) = incoming.attach(&mut key, length).unwrap_err();
            assert_eq!((error, key), (expected, [0; 32]));
            assert!(evidence.is_verified());
        };
        refused(binding(2), &sealed, key, length, Error::NotAuthentic);
        refused(Binding { context: [9; 32], ..binding(1) }, &sealed, key, length, Error::NotAuthentic);
        refused(binding(1), &sealed, [7; 32], length, Error::NotAuthentic);
        let mut swapped = sealed.clone();
        swapped.swap(0, 1);
        refused(binding(1), &swapped, key, length, Error::NotAuthentic);
        refused(binding(1), &sealed[..2], key, 2 * CHUNK as u64, Error::NotAuthentic);
        for position in [0, 100, 255, 256, 271] {
            let mut altered = sealed.clone();
            altered[1][position] ^= 0x10;
            refused(binding(1), &altered, key, length, Error::NotAuthentic);
        }
        let mismatch = || Error::Mismatch { what: "the length of the document" };
        refused(binding(1), &sealed, key, length - 1, mismatch());
        refused(binding(1), &sealed[..2], key, length, mismatch());
        refused(binding(1), &sealed, key, u64::MAX, mismatch());
        // Chunks of two documents, as a mixed-up buffer would hold them: the key's owner decides.
        let other = vault.seal(binding(1), &plain).unwrap();
        let mixed = [chunks(&other)[0].clone(), sealed[1].clone(), sealed[2].clone()];
        refused(binding(1), &mixed, key, length, Error::NotAuthentic);
    });
}
