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

#[test]
fn a_document_written_in_pieces_is_the_same_document() {
    let vault = vault();
    let plain = pattern(100_000);
    for piece in [1_000, 16 * 1024, 16 * 1024 + 1, 33_333, 99_999] {
        let mut writer = vault.writer(binding(1)).unwrap();
        for part in plain.chunks(piece) {
            writer.write_all(part).unwrap();
        }
        assert!(contents(&writer.finish().unwrap()) == plain, "pieces of {piece}");
    }
}

/// A reader that gives its bytes in uneven pieces, and is interrupted now and then.
struct Uneven<'a> {
    rest: &'a [u8],
    calls: usize,
}

impl Read for Uneven<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.calls += 1;
        if self.calls.is_multiple_of(5) {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let count = out.len().min(self.rest.len()).min(1 + self.calls * 37 % 5_000);
        out[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

#[test]
fn a_reader_is_copied_whole() {
    let vault = vault();
    let chunk = vault.chunk_size();
    for length in [0, 1, chunk - 1, chunk, chunk + 1, chunk + 64, chunk + 65, 5 * chunk, 200_001] {
        let plain = pattern(length);
        let mut writer = vault.writer(binding(1)).unwrap();
        assert_eq!(writer.copy_from(&mut Uneven { rest: &plain, calls: 0 }).unwrap(), length as u64);
        assert_eq!(writer.copy_from(&mut &b"and more"[..]).unwrap(), 8);
        let buffer = writer.finish().unwrap();
        let whole = contents(&buffer);
        assert!(whole[..length] == plain && &whole[length..] == b"and more", "length {length}");
    }
}

#[test]
fn what_a_failing_reader_gave_is_kept() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            if self.0 == 0 {
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
            let count = out.len().min(self.0);
            out[..count].fill(0x41);
            self.0 -= count;
            Ok(count)
        }
    }
    let mut writer = vault().writer(binding(1)).unwrap();
    let outcome = writer.copy_from(&mut Failing(20_000));
    assert!(matches!(outcome, Err(Error::Io { kind: std::io::ErrorKind::ConnectionReset, .. })));
    assert_eq!(writer.len(), 20_000);
    assert!(contents(&writer.finish().unwrap()).iter().all(|byte| *byte == 0x41));
}

#[test]
fn a_document_beyond_the_limit_is_refused_and_stays_writable() {
    let vault = vault_with(|options| options.max_document = 1000);
    let mut writer = vault.writer(binding(1)).unwrap();
    writer.write(&[1; 900]).unwrap();
    assert!(matches!(writer.write(&[1; 101]), Err(Error::TooLarge { limit: 1000, .. })));
    writer.write(&[2; 100]).unwrap();
    assert_eq!(writer.finish().unwrap().len(), 1000);
    let mut writer = vault.writer(binding(1)).unwrap();
    assert!(matches!(writer.copy_from(&mut std::io::repeat(1)), Err(Error::TooLarge { limit: 1000, .. })));
    assert!(writer.finish().is_err(), "a document cut off at the limit is no document");
}

#[test]
fn reading_lends_to_the_end_of_the_chunk() {
    let vault = vault();
    let (chunk, plain) = (vault.chunk_size(), pattern(40_000));
    let buffer = vault.seal(binding(1), &plain).unwrap();
    for offset in [0, 1, chunk - 1, chunk, 2 * chunk + 5, 39_999] {
        let end = ((offset / chunk + 1) * chunk).min(plain.len());
        assert_eq!(buffer.read_at(offset as u64, <[u8]>::to_vec).unwrap(), plain[offset..end]);
    }
    for offset in [40_000, u64::MAX] {
        assert_eq!(buffer.read_at(offset, |_| ()), Err(Error::OutOfRange { at: offset, length: 40_000 }));
    }
    let empty = vault.seal(binding(1), &[]).unwrap();
    assert_eq!(empty.read_at(0, <[u8]>::len), Ok(0));
    assert!(matches!(empty.read_at(1, |_| ()), Err(Error::OutOfRange { .. })));
    assert_eq!(buffer.windows_lent(), 6);
}

#[test]
fn sealed_chunks_are_ciphertext_and_tag() {
    let vault = vault();
    let plain = pattern(20_000);
    let buffer = vault.seal(binding(1), &plain).unwrap();
    let (first, last) = (buffer.sealed_chunk(0).unwrap(), buffer.sealed_chunk(1).unwrap());
    assert_eq!((first.len(), last.len()), (16 * 1024 + 16, 20_000 - 16 * 1024 + 16));
    assert_ne!(first[..64], plain[..64]);
    assert!(matches!(buffer.sealed_chunk(2), Err(Error::OutOfRange { at: 2, length: 2 })));
    let again = vault.seal(binding(1), &plain).unwrap();
    assert_ne!(again.sealed_chunk(0).unwrap(), first, "every document has a key of its own");
}

#[test]
fn a_thread_that_holds_a_window_is_told_and_does_not_wait_for_itself() {
    let vault = vault_with(|options| options.windows = 1);
    let buffer = vault.seal(binding(1), b"one").unwrap();
    let mut writer = vault.writer(binding(2)).unwrap();
    buffer
        .read_at(0, |_| {
            assert_eq!(buffer.read_at(0, |_| ()), Err(Error::WindowInUse));
            assert_eq!(writer.write(b"two"), Err(Error::WindowInUse));
        })
        .unwrap();
    writer.write(b"two").unwrap();
    assert_eq!(contents(&writer.finish().unwrap()), b"two");
}

#[test]
fn waiting_for_a_window_ends() {
    let vault = vault_with(|options| {
        options.windows = 1;
        options.patience = std::time::Duration::from_millis(30);
    });
    let buffer = vault.seal(binding(1), b"one").unwrap();
    buffer
        .read_at(0, |_| {
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| buffer.read_at(0, |_| ()));
                assert_eq!(waiting.join().unwrap(), Err(Error::WindowTimeout));
            });
        })
        .unwrap();
    buffer.read_at(0, |_| ()).unwrap();
}

#[test]
fn a_panic_in_a_reader_wipes_the_window_and_is_counted() {
    let vault = vault_with(|options| options.windows = 1);
    let buffer = vault.seal(binding(1), &[0xD7; 5000]).unwrap();
    let mut window = 0usize;
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = buffer.read_at(0, |plain| {
            window = plain.as_ptr().addr();
            panic!("the reader fails");
        });
    }));
    assert!(panicked.is_err());
    // SAFETY: the vault is alive and no window is lent; its memory stays mapped and readable.
    let left = unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance::<u8>(window), 5000) };
    assert!(left.iter().all(|byte| *byte == 0));
    assert_eq!(buffer.read_at(0, <[u8]>::len), Ok(5000), "the window came back");
    let evidence = buffer.erase();
    let windows = evidence.copies().find(|copy| copy.class == CopyClass::Window).unwrap();
    assert_eq!((windows.verified, windows.failed), (3, 0));
}

#[test]
fn erasing_everything_ends_documents_and_never_tears_them() {
    let vault = vault();
    let plain = pattern(50_000);
    let buffers: Vec<_> = (0..8).map(|number| vault.seal(binding(number), &plain).unwrap()).collect();
    let mut writer = vault.writer(binding(9)).unwrap();
    writer.write(b"half a document").unwrap();
    std::thread::scope(|scope| {
        for buffer in &buffers {
            let plain = &plain;
            scope.spawn(move || {
                let mut offset = 0;
                loop {
                    match buffer.read_at(offset, |seen| seen == &plain[offset as usize..][..seen.len()]) {
                        Ok(same) => assert!(same),
                        Err(error) => break assert_eq!(error, Error::Erased),
                    }
                    offset = (offset + 16_384) % 49_152;
                }
            });
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        let done = vault.erase_all();
        // Eight documents, and the writer's tail: no chunk of it is full, so its own key is not drawn yet.
        assert_eq!((done.destroyed, done.verified, done.failed), (9, 9, 0));
    });
    assert_eq!(writer.write(b"the other half"), Err(Error::Erased));
    assert!(writer.finish().is_err());
    for buffer in buffers {
        assert_eq!(buffer.authenticate(), Err(Error::Erased));
        let evidence = buffer.erase();
        assert!(evidence.is_verified());
        assert!(evidence.key().is_some());
    }
    assert_eq!(vault.erase_all().in_flight, 0);
    assert_eq!(contents(&vault.seal(binding(1), b"new").unwrap()), b"new");
}

#[test]
fn erasing_everything_from_inside_a_window_does_not_wait_for_itself() {
    let vault = vault();
    let buffer = vault.seal(binding(1), b"plain").unwrap();
    let outcome = buffer.read_at(0, |plain| {
        let done = vault.erase_all();
        assert_eq!((done.destroyed, done.in_flight), (1, 1));
        assert_eq!(plain, b"plain");
    });
    assert_eq!(outcome, Err(Error::Erased));
}

#[test]
fn impossible_options_are_refused() {
    for change in [
        (|options: &mut VaultOptions| options.windows = 0) as fn(&mut VaultOptions),
        |options| options.chunk_size = 100,
        |options| options.chunk_size = 2 << 20,
        |options| options.key_cells = 0,
    ] {
        let mut options = VaultOptions::new();
        change(&mut options);
        assert!(matches!(Vault::open(options), Err(Error::Configuration { .. })));
    }
}

#[test]
fn a_vault_says_what_protects_it() {
    let expected = Protections::LOCKED
        .with(Protections::GUARDED)
        .with(Protections::NO_DUMP)
        .with(Protections::NOT_INHERITED)
        .with(Protections::CANARY)
        .with(Protections::CLEAN_ROOM);
    assert!(vault().protections().contains(expected), "{}", vault().protections());
}

#[test]
fn nothing_secret_is_shown_by_debug() {
    let vault = vault();
    let buffer = vault.seal(binding(1), b"shown by nobody").unwrap();
    let shown = format!("{vault:?} {buffer:?} {:?}", vault.writer(binding(1)).unwrap());
    assert!(!shown.contains("nobody") && !shown.contains("110, 111, 98"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_document_equals_the_bytes_written(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3000), 0..8),
        chunk in 4usize..80,
        last in proptest::collection::vec(any::<u8>(), 0..500),
        offsets in proptest::collection::vec(0usize..30_000, 4),
    ) {
        let vault = vault_with(|options| {
            options.chunk_size = chunk * 16;
            options.windows = 1;
            options.key_cells = 8;
        });
        let mut writer = vault.writer(binding(1)).unwrap();
        let mut oracle = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            if index % 2 == 0 {
                writer.write(piece).unwrap();
            } else {
                writer.copy_from(&mut &piece[..]).unwrap();
            }
            oracle.extend_from_slice(piece);
        }
        oracle.extend_from_slice(&last);
        let buffer = writer.finish_with(&last).unwrap();
        prop_assert_eq!(buffer.len(), oracle.len() as u64);
        prop_assert_eq!(&contents(&buffer), &oracle);
        for offset in offsets.into_iter().filter(|offset| *offset < oracle.len()) {
            let seen = buffer.read_at(offset as u64, <[u8]>::to_vec).unwrap();
            prop_assert_eq!(&oracle[offset..offset + seen.len()], &seen[..]);
        }
        prop_assert!(buffer.erase().is_verified());
    }
}
