//! What a vault on the caller's memory promises, and that it speaks the same format as a vault on an operating system.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exchange;

use std::cell::Cell;
use std::vec::Vec;

use super::*;
use crate::aead::TAG_LENGTH;
use crate::buffer::{CopyClass, Erasure};
use crate::error::Error;
use crate::platform;
use crate::types::{Binding, Protections, SessionId};

const CHUNK: usize = 256;
const PLACES: usize = 12;

fn options() -> BorrowedOptions {
    let mut options = BorrowedOptions::new();
    options.chunk_size = CHUNK;
    options
}

fn binding(number: u8) -> Binding {
    Binding { session: SessionId([number; 32]), context: [number ^ 0xFF; 32] }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index.wrapping_mul(0x9E37_79B1) >> 11) as u8).collect()
}

type Source = fn(&mut [u8]) -> Result<(), Error>;

/// A source that is not random.
fn give(out: &mut [u8], bytes: impl IntoIterator<Item = u8>) -> Result<(), Error> {
    out.iter_mut().zip(bytes).for_each(|(byte, given)| *byte = given);
    Ok(())
}

/// Runs `work` with a vault whose memory was dirty before and is at odd addresses; checks that both slices are zero afterwards.
fn with_vault<E: Entropy>(entropy: E, work: impl FnOnce(&BorrowedVault<'_, E>)) {
    let mut secret = std::vec![0xEE; options().secret_bytes() + 1];
    let mut ordinary = std::vec![0xEE; options().ordinary_bytes(PLACES) + 3];
    let vault = BorrowedVault::new(&mut secret[1..], &mut ordinary[3..], options(), entropy).unwrap();
    work(&vault);
    drop(vault);
    if !cfg!(shokyo_faults) {
        assert!(secret[1..].iter().chain(&ordinary[3..]).all(|byte| *byte == 0));
    }
}

fn contents(buffer: &BorrowedBuffer<'_, '_>) -> Vec<u8> {
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

fn chunks(buffer: &BorrowedBuffer<'_, '_>) -> Vec<Vec<u8>> {
    (0..buffer.chunk_count())
        .map(|index| {
            let (mut chunk, mut piece) = (Vec::new(), [0; 100]);
            loop {
                match buffer.sealed_chunk(index, chunk.len(), &mut piece).unwrap() {
                    0 => break chunk,
                    count => chunk.extend_from_slice(&piece[..count]),
                }
            }
        })
        .collect()
}

fn key_of(buffer: &BorrowedBuffer<'_, '_>) -> [u8; 32] {
    buffer.lend_key(|key| *key).unwrap()
}

fn count(evidence: &Erasure, class: CopyClass) -> Option<(u64, u64, u64)> {
    evidence.copies().find(|copy| copy.class == class).map(|copy| (copy.verified, copy.failed, copy.bytes))
}

#[test]
fn after_erasing_no_cell_holds_the_key_and_the_evidence_says_which() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    with_vault(platform::random, |vault| {
        let mut writer = vault.writer(binding(7)).unwrap();
        for piece in [&[1u8; 200][..], &[2; 200], &[3; 200]] {
            writer.write(piece).unwrap();
        }
        let buffer = writer.finish().unwrap();
        let (id, key) = (buffer.key_id().unwrap(), key_of(&buffer));
        assert!(vault.inner.cells.borrow().peek(id) == key);
        buffer.read_at(0, |_| ()).unwrap();
        let evidence = buffer.erase();
        assert_eq!(vault.inner.cells.borrow().peek(id), [0; 32]);
        assert!(evidence.is_verified());
        assert_eq!((evidence.session(), evidence.key()), (SessionId([7; 32]), Some(id)));
        assert_eq!(evidence.protections(), vault.protections());
        assert!(vault.protections().contains(Protections::CANARY));
        let never = Protections::LOCKED.with(Protections::NO_DUMP).with(Protections::GUARDED);
        assert_eq!(vault.protections().intersection(never.with(Protections::CLEAN_ROOM)), Protections::none());
        // The document's key and the tail's; three whole places; three writes, one finish, one read.
        assert_eq!(count(&evidence, CopyClass::Key), Some((2, 0, 64)));
        assert_eq!(count(&evidence, CopyClass::Ciphertext), Some((3, 0, 3 * (CHUNK + TAG_LENGTH) as u64)));
        assert_eq!(count(&evidence, CopyClass::Window), Some((5, 0, 5 * CHUNK as u64)));
        let again = vault.seal(binding(7), b"x").unwrap().key_id().unwrap();
        assert_eq!((again.cell, again.generation), (id.cell, id.generation + 1), "an identifier is not used twice");
    });
}

#[test]
fn what_is_dropped_on_the_way_is_erased_and_its_places_are_free_again() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    with_vault(platform::random, |vault| {
        for _ in 0..50 {
            let mut writer = vault.writer(binding(1)).unwrap();
            writer.write(&pattern(CHUNK * (PLACES - 1))).unwrap();
            let mut incoming = vault.incoming(binding(1)).unwrap();
            incoming.push(&[1; 100]).unwrap();
        }
        let mut whole = vault.writer(binding(1)).unwrap();
        whole.write(&pattern(CHUNK * PLACES)).unwrap();
        assert_eq!(whole.write(b"x"), Err(Error::Busy { what: "the places for sealed chunks", limit: PLACES as u64 }));
        let buffer = whole.finish().unwrap();
        assert!(contents(&buffer) == pattern(CHUNK * PLACES), "what did not fit changed nothing");
    });
}

#[test]
fn a_forgotten_document_is_erased_with_its_vault() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    // `with_vault` looks at the memory afterwards.
    with_vault(platform::random, |vault| std::mem::forget(vault.seal(binding(1), &pattern(1_000)).unwrap()));
}

#[test]
fn keys_run_out_with_a_clear_error_and_come_back() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    with_vault(platform::random, |vault| {
        let all: Vec<_> = (0..vault.key_capacity()).map(|_| vault.seal(binding(1), b"x").unwrap()).collect();
        assert_eq!((all.len(), vault.chunk_capacity(), vault.chunk_size()), (8, PLACES, CHUNK));
        assert_eq!(vault.seal(binding(1), b"x").unwrap_err(), Error::Busy { what: "the key cells", limit: 8 });
        assert!(all.iter().all(|buffer| contents(buffer) == b"x"));
        drop(all);
        vault.writer(binding(1)).unwrap();
    });
}

#[test]
fn a_generator_that_is_plainly_broken_seals_nothing() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let (mut secret, mut ordinary) = (std::vec![0xEE; 4096], std::vec![0xEE; 4096]);
    let sources: [Source; 3] = [|_| Err(Error::Erased), |_| Ok(()), |out| give(out, std::iter::repeat(0xA5))];
    for source in sources {
        let refused = BorrowedVault::new(&mut secret, &mut ordinary, options(), source);
        assert_eq!(refused.unwrap_err(), Error::RandomnessUnavailable);
    }
    assert!(secret.iter().chain(&ordinary).all(|byte| *byte == 0), "what was there before is wiped all the same");
    // One that begins anew each time gives the vault's own number and guards again.
    let anew = |out: &mut [u8]| give(out, 1..);
    let vault = BorrowedVault::new(&mut secret, &mut ordinary, options(), anew).unwrap();
    assert_eq!(vault.seal(binding(1), b"x").unwrap_err(), Error::RandomnessUnavailable);
    drop(vault);
    // One that gives a key that is in use.
    let draws = Cell::new(0);
    let stuck = |out: &mut [u8]| {
        draws.set(draws.get() + 1);
        if draws.get() == 1 { platform::random(out) } else { give(out, 9..) }
    };
    let vault = BorrowedVault::new(&mut secret, &mut ordinary, options(), stuck).unwrap();
    let first = vault.seal(binding(1), b"x").unwrap();
    assert_eq!(vault.seal(binding(2), b"y").unwrap_err(), Error::RandomnessUnavailable);
    assert_eq!(vault.writer(binding(2)).unwrap_err(), Error::RandomnessUnavailable);
    assert_eq!(contents(&first), b"x");
}

#[test]
fn memory_that_is_too_small_and_impossible_options_are_refused() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let needed = options().secret_bytes();
    let place = options().ordinary_bytes(1);
    let open = |secret: usize, ordinary: usize, options: BorrowedOptions| {
        let (mut secret, mut ordinary) = (std::vec![0; secret], std::vec![0; ordinary]);
        BorrowedVault::new(&mut secret, &mut ordinary, options, platform::random as Source).map(drop)
    };
    assert_eq!(open(needed, place, options()), Ok(()));
    for short in [0, 1, needed / 2, needed - 1] {
        assert_eq!(open(short, place, options()), Err(Error::OutOfMemory { needed: needed as u64 }));
    }
    assert_eq!(open(needed, place - 1, options()), Err(Error::OutOfMemory { needed: place as u64 }));
    for wrong in [
        BorrowedOptions { chunk_size: 100, ..options() },
        BorrowedOptions { chunk_size: 48, ..options() },
        BorrowedOptions { chunk_size: usize::MAX & !15, ..options() },
        BorrowedOptions { key_cells: 0, ..options() },
        BorrowedOptions { key_cells: usize::MAX, ..options() },
        BorrowedOptions { stack: usize::MAX, ..options() },
    ] {
        let _no_overflow = (wrong.secret_bytes(), wrong.ordinary_bytes(usize::MAX));
        assert!(matches!(open(4096, 4096, wrong), Err(Error::Malformed { .. })), "{wrong:?}");
    }
}

#[test]
fn a_reader_cannot_open_a_second_window_but_can_erase() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    with_vault(platform::random, |vault| {
        let (first, second) = (vault.seal(binding(1), b"first").unwrap(), vault.seal(binding(2), b"second").unwrap());
        let id = second.key_id().unwrap();
        let mut writer = vault.writer(binding(3)).unwrap();
        first
            .read_at(0, |_| {
                assert_eq!(second.read_at(0, |_| ()).unwrap_err(), Error::WindowInUse);
                assert_eq!(writer.write(b"x"), Err(Error::WindowInUse));
                assert!(second.erase().is_verified());
                assert_eq!(vault.inner.cells.borrow().peek(id), [0; 32]);
            })
            .unwrap();
        writer.write(b"third").unwrap();
        let third = writer.finish().unwrap();
        assert_eq!(contents(&third), b"third");
        assert_eq!(first.read_at(0, |_| vault.erase_keys()), Err(Error::Erased));
        assert_eq!(third.read_at(0, |_| ()).unwrap_err(), Error::Erased);
        assert_eq!(third.authenticate(), Err(Error::Erased));
        assert_eq!(third.lend_key(|_| ()), Err(Error::Erased));
        assert!(third.erase().is_verified());
        let mut writer = vault.writer(binding(3)).unwrap();
        writer.write(b"y").unwrap();
        assert_eq!(vault.erase_keys(), ErasedKeys { destroyed: 2, verified: 2 });
        assert_eq!(writer.write(b""), Err(Error::Erased));
        assert_eq!(writer.finish().unwrap_err(), Error::Erased);
    });
}

#[test]
fn a_panic_in_a_reader_wipes_the_window_and_is_counted() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    with_vault(platform::random, |vault| {
        let buffer = vault.seal(binding(1), &[0x77; 100]).unwrap();
        let reader = std::panic::AssertUnwindSafe(|| buffer.read_at(0, |_| panic!("a defect in a reader")));
        assert!(std::panic::catch_unwind(reader).is_err());
        assert!(vault.inner.window.borrow().shows_nothing());
        assert_eq!(contents(&buffer), [0x77; 100]);
        assert_eq!(count(&buffer.erase(), CopyClass::Window), Some((3, 0, 3 * CHUNK as u64)));
    });
}

#[test]
fn something_that_writes_beside_a_cell_or_the_window_is_found() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    with_vault(platform::random, |vault| {
        let buffer = vault.seal(binding(1), b"x").unwrap();
        let id = buffer.key_id().unwrap();
        vault.inner.cells.borrow_mut().overrun(id);
        assert_eq!(buffer.read_at(0, |_| ()), Err(Error::MemoryCorrupted));
        let evidence = buffer.erase();
        assert!(!evidence.is_verified());
        assert_eq!(vault.inner.cells.borrow().peek(id), [0; 32], "it is wiped all the same");
        let next = vault.seal(binding(1), b"x").unwrap();
        assert_ne!(next.key_id().unwrap().cell, id.cell, "its cell is not used again");
        vault.inner.window.borrow_mut().overrun();
        assert_eq!(next.read_at(0, |_| ()), Err(Error::MemoryCorrupted));
        assert_eq!(next.read_at(0, |_| ()), Err(Error::NotErased { bytes: CHUNK as u64 }), "it is not lent again");
        assert!(!next.erase().is_verified());
    });
}

#[test]
fn a_place_that_lost_its_mark_is_missed_in_the_evidence() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    with_vault(platform::random, |vault| {
        let buffer = vault.seal(binding(1), &pattern(600)).unwrap();
        vault.inner.chunks.borrow_mut().overwrite_mark(1);
        assert_eq!(buffer.authenticate(), Err(Error::MemoryCorrupted));
        assert_eq!(count(&buffer.erase(), CopyClass::Ciphertext).map(|(held, lost, _)| (held, lost)), Some((2, 1)));
    });
}

#[test]
fn nothing_secret_is_shown_by_debug() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    with_vault(platform::random, |vault| {
        let buffer = vault.seal(binding(1), b"MARKER").unwrap();
        let (mut writer, incoming) = (vault.writer(binding(1)).unwrap(), vault.incoming(binding(1)).unwrap());
        writer.write(b"MARKER").unwrap();
        let shown = std::format!("{vault:?} {buffer:?} {writer:?} {incoming:?}");
        assert!(shown.contains("length: 6") && shown.contains("received: 0"));
        assert!(!shown.contains("MARKER") && !shown.contains("77, 65, 82"));
    });
}

#[cfg(shokyo_faults)]
#[test]
fn with_the_wipe_switched_off_key_and_plaintext_stay() {
    let _alone = crate::faults::serialised(&[crate::faults::Fault::NoWipe]);
    let (mut secret, mut ordinary) = (std::vec![0; 4096], std::vec![0; 4096]);
    let vault = BorrowedVault::new(&mut secret, &mut ordinary, options(), platform::random as Source).unwrap();
    let buffer = vault.seal(binding(1), &[0x77; 100]).unwrap();
    let (id, key) = (buffer.key_id().unwrap(), key_of(&buffer));
    assert!(buffer.erase().is_verified(), "it claims to be wiped: whoever looks must find out");
    assert!(vault.inner.cells.borrow().peek(id) == key);
    drop(vault);
    assert!(secret.windows(32).any(|bytes| bytes == key));
}

#[cfg(shokyo_faults)]
#[test]
fn a_byte_that_stays_makes_the_evidence_say_failed_and_its_cell_is_not_used_again() {
    use crate::faults::{Fault, serialised, set};
    let _alone = serialised(&[]);
    let (mut secret, mut ordinary) = (std::vec![0; 4096], std::vec![0; 4096]);
    let vault = BorrowedVault::new(&mut secret, &mut ordinary, options(), platform::random as Source).unwrap();
    let buffer = vault.seal(binding(1), b"x").unwrap();
    let id = buffer.key_id().unwrap();
    set(&[Fault::StuckByte]);
    assert_eq!(buffer.read_at(0, |_| ()), Err(Error::NotErased { bytes: CHUNK as u64 }));
    let evidence = buffer.erase();
    assert_eq!(count(&evidence, CopyClass::Key), Some((0, 1, 32)));
    assert!(!evidence.is_verified());
    set(&[]);
    assert_eq!(vault.seal(binding(1), b"x").unwrap_err(), Error::NotErased { bytes: CHUNK as u64 }, "nor the window");
    assert_ne!(vault.writer(binding(1)).unwrap().erase().key().unwrap().cell, id.cell);
    set(&[Fault::StuckByte]);
    assert!(matches!(vault.close(), Err(Error::NotErased { .. })));
}
