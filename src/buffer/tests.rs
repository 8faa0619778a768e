//! What needs to look behind the handles: cells after erasing, chunks moved between documents, keys made in rooms.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::vec::Vec;

use hmac::{Hmac, KeyInit, Mac};

use super::*;
use crate::error::Error;
use crate::types::{Binding, KeyId, SessionId};

fn vault() -> Vault {
    Vault::open(VaultOptions { chunk_size: 256, ..VaultOptions::new() }).unwrap()
}

fn binding(number: u8) -> Binding {
    Binding { session: SessionId([number; 32]), context: [number ^ 0xFF; 32] }
}

/// Another cell with the same key, as a key wrap would make it.
fn copy_of(vault: &Vault, key: &KeyCell) -> KeyCell {
    let mut copy = vault.empty_key().unwrap();
    vault
        .room(RoomSize::Small, |desk| {
            let mut secret = [0; 32];
            desk.load(key, &mut secret)?;
            desk.store(&mut copy, &secret)
        })
        .unwrap();
    copy
}

fn chunks(buffer: &EphemeralBuffer) -> Vec<Vec<u8>> {
    (0..buffer.chunk_count()).map(|index| buffer.sealed_chunk(index).unwrap().to_vec()).collect()
}

fn attach(
    vault: &Vault,
    bound: Binding,
    chunks: &[Vec<u8>],
    key: KeyCell,
    length: u64,
) -> Result<EphemeralBuffer, (Error, Erasure)> {
    let mut incoming = vault.incoming(bound).unwrap();
    chunks.iter().for_each(|chunk| incoming.push(chunk).unwrap());
    assert_eq!(incoming.received(), chunks.len() as u64);
    incoming.attach(key, length)
}

#[test]
fn a_document_opens_elsewhere_with_its_key_and_only_as_it_was_sealed() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let (vault, other_vault) = (vault(), vault());
    let plain: Vec<u8> = (0..256 * 4).map(|index| (index % 251) as u8).collect();
    let buffer = vault.seal(binding(1), &plain).unwrap();
    let sealed = chunks(&buffer);
    let length = plain.len() as u64;
    let key = || copy_of(&other_vault, buffer.key());

    let arrived = attach(&other_vault, binding(1), &sealed, key(), length).unwrap();
    assert_eq!(arrived.read_at(256, <[u8]>::to_vec).unwrap(), plain[256..512]);

    let refused = |bound: Binding, chunks: &[Vec<u8>], length: u64, expected: Error| {
        let key = key();
        let id = key.id();
        let (error, evidence) = attach(&other_vault, bound, chunks, key, length).unwrap_err();
        assert_eq!(error, expected);
        assert!(evidence.is_verified());
        assert_eq!(evidence.key(), Some(id));
        assert_eq!(other_vault.inner().cells.peek(id), [0; 32]);
    };
    refused(binding(2), &sealed, length, Error::NotAuthentic);
    refused(Binding { context: [9; 32], ..binding(1) }, &sealed, length, Error::NotAuthentic);
    let mut swapped = sealed.clone();
    swapped.swap(0, 1);
    refused(binding(1), &swapped, length, Error::NotAuthentic);
    let mut repeated = sealed.clone();
    repeated[2] = repeated[1].clone();
    refused(binding(1), &repeated, length, Error::NotAuthentic);
    // A document cut off at a chunk's border: what is now the last was not sealed as final.
    refused(binding(1), &sealed[..3], 256 * 3, Error::NotAuthentic);
    for position in [0, 100, 255, 256, 271] {
        let mut altered = sealed.clone();
        altered[3][position] ^= 0x10;
        refused(binding(1), &altered, length, Error::NotAuthentic);
    }
    refused(binding(1), &sealed, length - 1, Error::Mismatch { what: "the length of the document" });
    refused(binding(1), &sealed[..2], length, Error::Mismatch { what: "the length of the document" });
    let stranger = other_vault.new_key().unwrap();
    assert_eq!(attach(&other_vault, binding(1), &sealed, stranger, length).unwrap_err().0, Error::NotAuthentic);
}

#[test]
fn chunks_of_another_size_are_refused() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    let mut incoming = vault.incoming(binding(1)).unwrap();
    for length in [0, 15, 256 + 17, 1000] {
        assert!(matches!(incoming.push(&vec![0; length]), Err(Error::Malformed { .. })), "{length}");
    }
    incoming.push(&[0; 256 + 16]).unwrap();
    assert!(matches!(incoming.push(&[0; 16]), Err(Error::Malformed { .. })), "an empty last chunk is never made");
    incoming.push(&[0; 100]).unwrap();
    assert!(matches!(incoming.push(&[0; 256 + 16]), Err(Error::Malformed { .. })), "nothing follows a shorter chunk");
    assert_eq!(incoming.received(), 2);
    let evidence = incoming.erase();
    assert_eq!(
        evidence.copies().map(|copy| (copy.class, copy.verified, copy.bytes)).collect::<Vec<_>>(),
        [(CopyClass::Ciphertext, 2, 256 + 16 + 100)]
    );
}

#[test]
fn after_erasing_the_cell_holds_nothing_and_the_evidence_says_which() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    let mut writer = vault.writer(binding(7)).unwrap();
    for piece in [&[1u8; 200][..], &[2; 200], &[3; 200]] {
        writer.write(piece).unwrap();
    }
    let buffer = writer.finish().unwrap();
    let id = buffer.key_id();
    assert_ne!(vault.inner().cells.peek(id), [0; 32]);
    buffer.read_at(0, |_| ()).unwrap();
    let evidence = buffer.erase();
    assert_eq!(vault.inner().cells.peek(id), [0; 32]);
    assert!(evidence.is_verified());
    assert_eq!(evidence.session(), SessionId([7; 32]));
    assert_eq!(evidence.key(), Some(id));
    let count =
        |class| evidence.copies().find(|copy| copy.class == class).map(|copy| (copy.verified, copy.failed, copy.bytes));
    // The document's key and the tail's; three chunks of 256, 256 and 88 bytes with their tags; three writes, one finish, one read.
    assert_eq!(count(CopyClass::Key), Some((2, 0, 64)));
    assert_eq!(count(CopyClass::Ciphertext), Some((3, 0, 600 + 48)));
    assert_eq!(count(CopyClass::Window).map(|(verified, failed, _)| (verified, failed)), Some((5, 0)));
    assert_eq!(evidence.protections(), vault.protections());
}

#[test]
fn a_cell_that_is_used_again_has_a_new_identifier() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    let first = vault.new_key().unwrap();
    let id = first.id();
    assert_eq!(first.erase().unwrap().tag(), id.to_tag());
    let second = vault.new_key().unwrap();
    assert_eq!(second.id(), KeyId { generation: id.generation + 1, ..id });
}

#[test]
fn keys_run_out_with_a_clear_error_and_come_back() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault =
        Vault::open(VaultOptions { key_cells: 1, max_key_cells: 1, windows: 1, ..VaultOptions::new() }).unwrap();
    let keys: Vec<_> = (0..vault.key_capacity()).map(|_| vault.new_key().unwrap()).collect();
    // Two canaries, and two slots for the look-ahead of one window.
    assert_eq!(keys.len(), crate::platform::page_size() / 32 - 4);
    assert!(matches!(vault.new_key(), Err(Error::LockedMemoryExhausted { .. })));
    drop(keys);
    vault.new_key().unwrap();
}

#[test]
fn cells_grow_up_to_the_limit_and_every_key_keeps_its_own() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault =
        Vault::open(VaultOptions { key_cells: 1, max_key_cells: 1000, windows: 1, ..VaultOptions::new() }).unwrap();
    let first = vault.key_capacity();
    let mut leases = Vec::new();
    let error = loop {
        match vault.inner().cells.lease() {
            Ok(mut lease) => {
                let number = u32::try_from(leases.len()).unwrap();
                let key = core::array::from_fn(|index| number.to_ne_bytes()[index % 4] ^ 0x5A);
                vault.inner().cells.fill(&mut lease, &key).unwrap();
                leases.push((lease, key));
            }
            Err(error) => break error,
        }
    };
    // Eight pages of 4 KiB hold 1024 slots; each block spends two on canaries.
    let pages = (1000 * 32_usize).next_multiple_of(crate::platform::page_size());
    assert_eq!(error, Error::LockedMemoryExhausted { needed: pages as u64 + 32, limit: pages as u64 });
    assert!(leases.len() >= first && leases.len() <= pages / 32);
    assert_eq!(leases.len(), vault.key_capacity());
    for (lease, key) in &leases {
        let mut out = [0; 32];
        vault.inner().cells.copy(lease, &mut out).unwrap();
        assert_eq!(out, *key);
    }
    let done = vault.erase_all();
    assert_eq!((done.destroyed, done.verified, done.failed), (leases.len() as u64, leases.len() as u64, 0));
    for (lease, _) in &leases {
        assert_eq!(vault.inner().cells.peek(lease.id()), [0; 32]);
        assert_eq!(vault.inner().cells.copy(lease, &mut [0; 32]).unwrap_err(), Error::Erased);
        let _evidence = vault.inner().cells.give_back(lease).unwrap();
    }
    assert_eq!(vault.erase_all().destroyed, 0);
    vault.new_key().unwrap();
}

#[test]
fn work_with_a_key_that_is_destroyed_meanwhile_is_void() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    let key = vault.new_key().unwrap();
    let outcome = vault.room(RoomSize::Small, |desk| {
        desk.load(&key, &mut [0; 32])?;
        let _ = vault.inner().cells.destroy_all();
        Ok(())
    });
    assert_eq!(outcome, Err(Error::Erased));
    assert!(!key.is_live());
    let mut empty = vault.empty_key().unwrap();
    let _ = vault.inner().cells.destroy_all();
    assert_eq!(vault.room(RoomSize::Small, |desk| desk.store(&mut empty, &[1; 32])), Err(Error::Erased));
    assert_eq!(vault.inner().cells.peek(empty.id()), [0; 32]);
}

#[test]
fn keys_are_never_torn_while_everything_is_erased() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for fill in [0x11u8, 0xEE] {
            let (vault, stop) = (&vault, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let mut lease = vault.inner().cells.lease().unwrap();
                    if vault.inner().cells.fill(&mut lease, &[fill; 32]).is_ok() {
                        let mut out = [0; 32];
                        if vault.inner().cells.copy(&lease, &mut out).is_ok() {
                            assert_eq!(out, [fill; 32]);
                        }
                    }
                    let _evidence = vault.inner().cells.give_back(&lease).unwrap();
                }
            });
        }
        for _ in 0..20_000 {
            assert_eq!(vault.inner().cells.destroy_all().failed, 0);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_hash_over_a_document_is_hmac_sha256() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    for length in [0, 1, 255, 256, 1000] {
        let plain: Vec<u8> = (0..length).map(|index| (index % 13) as u8).collect();
        let buffer = vault.seal(binding(1), &plain).unwrap();
        for key in [&b""[..], b"salt", &[7; 200]] {
            let mut expected = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
            expected.update(&plain);
            assert_eq!(buffer.hmac_sha256(key).unwrap()[..], expected.finalize().into_bytes()[..]);
        }
    }
}

#[test]
fn small_documents_are_made_and_used_inside_a_room() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    let buffer = vault
        .seal_small(binding(3), |_, window| {
            window[..5].copy_from_slice(b"hello");
            Ok(5)
        })
        .unwrap();
    assert_eq!((buffer.len(), buffer.chunk_count()), (5, 1));
    let mut length = 0;
    buffer
        .open_in_room(RoomSize::Small, |_, plain| {
            length = plain.len();
            if plain == b"hello" { Ok(()) } else { Err(Error::NotAuthentic) }
        })
        .unwrap();
    assert_eq!(length, 5);
    assert_eq!(
        vault.seal_small(binding(3), |_, window| Ok(window.len() + 1)).unwrap_err(),
        Error::TooLarge { what: "a small document", limit: 256 }
    );
    let two_chunks = vault.seal(binding(1), &[1; 300]).unwrap();
    assert!(matches!(two_chunks.open_in_room(RoomSize::Small, |_, _| Ok(())), Err(Error::TooLarge { .. })));
    let window = vault.inner().windows.take(std::time::Duration::ZERO, crate::arena::STAYS).unwrap();
    assert_eq!(window.plain(256), [0; 256]);
}

#[test]
fn something_that_writes_beside_the_cells_is_found_when_a_key_ends() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    let (first, second) = (vault.new_key().unwrap(), vault.new_key().unwrap());
    let id = second.id();
    let _evidence = first.erase().unwrap();
    vault.inner().cells.overrun();
    assert_eq!(second.erase().unwrap_err(), Error::MemoryCorrupted);
    assert_eq!(vault.inner().cells.peek(id), [0; 32], "the key is wiped all the same");
}

#[test]
fn a_vault_without_key_agreement_says_so() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    assert!(matches!(vault.room(RoomSize::Agreement, |_| Ok(())), Err(Error::Unsupported { .. })));
}

#[test]
fn a_room_too_small_is_refused_when_the_vault_opens() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let asked = VaultOptions { room_size: 4096, ..VaultOptions::new() };
    assert!(matches!(Vault::open(asked), Err(Error::RoomTooSmall { available: 4096, .. })));
    let asked = VaultOptions { agreement: true, agreement_room_size: 16 * 1024, ..VaultOptions::new() };
    assert!(matches!(Vault::open(asked), Err(Error::RoomTooSmall { available: 16384, .. })));
}

#[test]
fn rooms_are_as_large_as_their_work_needs() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let (small, agreement) = (stack_use::small().unwrap(), stack_use::agreement().unwrap());
    std::println!("small room {small} bytes, agreement room {agreement} bytes");
    assert!(agreement >= 128 * 1024);
    // An exception on Windows needs more of the stack than a signal on Linux.
    if cfg!(all(unix, not(debug_assertions))) {
        assert!(small <= crate::platform::page_size().max(16 * 1024), "{small}");
    }
    let vault = Vault::open(VaultOptions { agreement: true, ..VaultOptions::new() }).unwrap();
    vault.room(RoomSize::Agreement, |_| Ok(())).unwrap();
}

#[test]
fn a_panic_at_the_desk_leaves_a_clean_room_and_goes_on() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = Vault::open(VaultOptions { agreement: true, ..VaultOptions::new() }).unwrap();
    let key = vault.new_key().unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = vault.room(RoomSize::Agreement, |desk| {
            let mut secret = [0; 32];
            desk.load(&key, &mut secret)?;
            panic!("work at the desk fails");
        });
    }));
    assert!(panicked.is_err());
    vault.room(RoomSize::Agreement, |desk| desk.load(&key, &mut [0; 32])).unwrap();
}

#[cfg(shokyo_faults)]
#[test]
fn a_byte_that_stays_makes_the_evidence_say_failed() {
    let _alone = crate::faults::serialised(&[]);
    let vault = Vault::open(VaultOptions { chunk_size: 256, max_key_cells: 1, ..VaultOptions::new() }).unwrap();
    let buffer = vault.seal(binding(1), &[1; 300]).unwrap();
    let capacity = vault.key_capacity();
    crate::faults::set(&[crate::faults::Fault::StuckByte]);
    let evidence = buffer.erase();
    crate::faults::set(&[]);
    assert!(!evidence.is_verified());
    let failed = |class| evidence.copies().find(|copy| copy.class == class).map(|copy| copy.failed);
    assert_eq!((failed(CopyClass::Key), failed(CopyClass::Ciphertext)), (Some(1), Some(2)));
    assert_eq!(evidence.key(), None, "a key that may still be there was not destroyed");
    // The cell is quarantined.
    let keys: Vec<_> = (0..capacity - 1).map(|_| vault.new_key().unwrap()).collect();
    assert!(vault.new_key().is_err());
    drop(keys);
}

#[cfg(shokyo_faults)]
#[test]
fn a_window_that_cannot_be_wiped_is_an_error_and_is_not_lent_again() {
    let _alone = crate::faults::serialised(&[]);
    let vault =
        Vault::open(VaultOptions { windows: 1, patience: std::time::Duration::from_millis(50), ..VaultOptions::new() })
            .unwrap();
    let buffer = vault.seal(binding(1), &[1; 300]).unwrap();
    let outcome = buffer.read_at(0, |_| crate::faults::set(&[crate::faults::Fault::StuckByte]));
    crate::faults::set(&[]);
    assert!(matches!(outcome, Err(Error::NotErased { bytes: 300 })), "{outcome:?}");
    assert_eq!(buffer.read_at(0, |_| ()), Err(Error::WindowTimeout));
    assert!(!buffer.erase().is_verified());
}

#[cfg(shokyo_faults)]
#[test]
fn with_the_wipe_switched_off_the_key_stays_in_its_cell() {
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    crate::faults::set(&[crate::faults::Fault::NoWipe, crate::faults::Fault::KnownKey]);
    let buffer = vault.seal(binding(1), &[1; 300]).unwrap();
    let id = buffer.key_id();
    let _evidence = buffer.erase();
    assert_eq!(vault.inner().cells.peek(id), crate::faults::known_key());
}
