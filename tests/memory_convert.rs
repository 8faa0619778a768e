//! Values that become documents are wiped, whatever happens; and a writer is a good citizen of `std::io`.
//!
//! The allocator of this test looks at a watched allocation at the moment in which it is given back: that is what the next owner
//! of the memory would find.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use shokyo::types::{Binding, SessionId};
use shokyo::{Error, Vault, VaultOptions};
use zeroize::Zeroizing;

const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
/// Bytes in a watched allocation, and in the document at its beginning.
const CAPACITY: usize = 3000;
const LENGTH: usize = 1000;

/// Address of the allocation that is watched; 0 for none.
static WATCHED: AtomicUsize = AtomicUsize::new(0);
/// Bytes other than zero that it had when it was given back; [`NOT_YET`] before.
static FOUND: AtomicUsize = AtomicUsize::new(NOT_YET);
const NOT_YET: usize = usize::MAX;

struct Watching;

// SAFETY: everything is passed on to the system's allocator; a block is looked at only while it still belongs to its owner.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if WATCHED.load(Ordering::SeqCst) == block.addr() {
            WATCHED.store(0, Ordering::SeqCst);
            // SAFETY: the block is the caller's until it is given back below; the tests have written all of it.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            FOUND.store(bytes.iter().filter(|byte| **byte != 0).count(), Ordering::SeqCst);
        }
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// The tests that watch an allocation take turns.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch(block: *const u8) {
    FOUND.store(NOT_YET, Ordering::SeqCst);
    WATCHED.store(block.addr(), Ordering::SeqCst);
}

fn found() -> usize {
    WATCHED.store(0, Ordering::SeqCst);
    FOUND.load(Ordering::SeqCst)
}

/// A vector whose whole capacity was once written, and whose allocation is watched.
fn source() -> Vec<u8> {
    let mut bytes = vec![b'd'; CAPACITY];
    assert_eq!(bytes.capacity(), CAPACITY);
    bytes.truncate(LENGTH);
    watch(bytes.as_ptr());
    bytes
}

fn vault(max_document: u64) -> Vault {
    let mut options = VaultOptions::new();
    options.max_document = max_document;
    Vault::open(options).unwrap()
}

#[test]
fn a_vector_that_becomes_a_document_is_wiped_up_to_its_capacity() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let (_turn, vault) = (turn(), vault(1 << 20));
    let (document, wiped) = vault.seal_vec(BINDING, source()).unwrap();
    assert_eq!((wiped.bytes(), wiped.tag(), found()), (CAPACITY as u64, 0, 0));
    assert!(document.ct_eq(&[b'd'; LENGTH]).unwrap());
    let (document, wiped) = vault.seal_zeroizing(BINDING, Zeroizing::new(source())).unwrap();
    assert_eq!((wiped.bytes(), found(), document.len()), (CAPACITY as u64, 0, LENGTH as u64));
    let (document, wiped) = vault.seal_string(BINDING, String::from_utf8(source()).unwrap()).unwrap();
    assert_eq!((wiped.bytes(), found(), document.len()), (CAPACITY as u64, 0, LENGTH as u64));
    let (document, wiped) = vault.seal_vec(BINDING, Vec::new()).unwrap();
    assert_eq!((wiped.bytes(), document.len()), (0, 0));
}

#[test]
fn a_source_is_wiped_when_no_document_can_be_made_of_it() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let (_turn, vault) = (turn(), vault(LENGTH as u64 - 1));
    let too_large = |outcome: Result<_, Error>| assert!(matches!(outcome.map(drop), Err(Error::TooLarge { .. })));
    too_large(vault.seal_vec(BINDING, source()));
    assert_eq!(found(), 0);
    too_large(vault.seal_zeroizing(BINDING, Zeroizing::new(source())));
    assert_eq!(found(), 0);
    too_large(vault.seal_string(BINDING, String::from_utf8(source()).unwrap()));
    assert_eq!(found(), 0);
}

#[cfg(feature = "secrecy")]
#[test]
fn secrets_of_the_secrecy_crate_are_wiped_when_they_become_documents() {
    use secrecy::{ExposeSecret, SecretSlice, SecretString};
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let (_turn, vault, small) = (turn(), vault(1 << 20), vault(LENGTH as u64 - 1));
    let slice = || {
        let secret = SecretSlice::from(vec![b'd'; LENGTH]);
        watch(secret.expose_secret().as_ptr());
        secret
    };
    let text = || {
        let secret = SecretString::from("d".repeat(LENGTH));
        watch(secret.expose_secret().as_ptr());
        secret
    };
    for (document, wiped) in
        [vault.seal_secret(BINDING, slice()), vault.seal_secret_string(BINDING, text())].map(Result::unwrap)
    {
        assert_eq!((wiped.bytes(), found().min(1)), (LENGTH as u64, 0));
        assert!(document.ct_eq(&[b'd'; LENGTH]).unwrap());
    }
    assert!(matches!(small.seal_secret(BINDING, slice()), Err(Error::TooLarge { .. })));
    assert_eq!(found(), 0);
    assert!(matches!(small.seal_secret_string(BINDING, text()), Err(Error::TooLarge { .. })));
    assert_eq!(found(), 0);
    #[cfg(shokyo_faults)]
    for stuck in [true, false] {
        let (slice, text) = (slice(), text());
        shokyo::faults::set(if stuck { &[shokyo::faults::Fault::StuckByte] } else { &[] });
        let outcomes = [vault.seal_secret(BINDING, slice).map(drop), vault.seal_secret_string(BINDING, text).map(drop)];
        shokyo::faults::set(&[]);
        assert_eq!(outcomes.map(|outcome| outcome.is_err()), [stuck, stuck]);
        assert_eq!(found(), if stuck { NOT_YET } else { 0 });
    }
}

#[cfg(shokyo_faults)]
#[test]
fn a_source_that_cannot_be_wiped_is_an_error_is_kept_and_leaves_no_document() {
    let _alone = shokyo::faults::serialised(&[]);
    let (_turn, vault) = (turn(), vault(1 << 20));
    let keys = vault.key_capacity();
    let source = source();
    shokyo::faults::set(&[shokyo::faults::Fault::StuckByte]);
    let outcome = vault.seal_vec(BINDING, source);
    shokyo::faults::set(&[]);
    assert!(matches!(outcome, Err(Error::NotErased { .. })), "{outcome:?}");
    assert_eq!(found(), NOT_YET, "nobody else gets the allocation");
    // The cell that kept a byte is overwritten once more.
    assert_eq!(vault.erase_all().destroyed, 1);
    assert_eq!(vault.key_capacity(), keys);
}

#[cfg(shokyo_faults)]
#[test]
fn with_the_wipe_switched_off_the_next_owner_finds_the_document() {
    let _alone = shokyo::faults::serialised(&[shokyo::faults::Fault::NoWipe]);
    let (_turn, vault) = (turn(), vault(1 << 20));
    let _document = vault.seal_vec(BINDING, source()).unwrap();
    assert_eq!(found(), CAPACITY);
}

#[test]
fn a_writer_tells_the_standard_library_what_went_wrong() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let vault = vault(1000);
    let mut writer = vault.writer(BINDING).unwrap();
    assert_eq!(Write::write(&mut writer, &[]).unwrap(), 0);
    assert_eq!(Write::write(&mut writer, &[1; 1000]).unwrap(), 1000);
    let error = writer.write_all(&[1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    let own = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    assert_eq!(own, Some(&Error::TooLarge { what: "the document", limit: 1000 }));
    assert_eq!(Write::write(&mut writer, &[]).unwrap(), 0, "a refused write changes nothing");
    writer.flush().unwrap();

    let mut other = vault.writer(BINDING).unwrap();
    let document = vault.seal(BINDING, b"one").unwrap();
    document.read_at(0, |plain| assert_eq!(other.write_all(plain).unwrap_err().kind(), ErrorKind::Deadlock)).unwrap();
    vault.erase_all();
    assert_eq!(other.write_all(b"two").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(other.flush().unwrap_err().kind(), ErrorKind::BrokenPipe, "what was written is lost");
    assert_eq!(other.write(&[]).unwrap_err(), Error::Erased);
}

#[test]
fn errors_have_the_kind_that_a_caller_of_the_standard_library_acts_on() {
    for (error, kind) in [
        (Error::LockedMemoryExhausted { needed: 2, limit: 1 }, ErrorKind::OutOfMemory),
        (Error::WindowTimeout, ErrorKind::TimedOut),
        (Error::Expired, ErrorKind::TimedOut),
        (Error::Busy { what: "clean rooms", limit: 1 }, ErrorKind::ResourceBusy),
        (Error::NotAuthentic, ErrorKind::InvalidData),
        (Error::OutOfRange { at: 2, length: 1 }, ErrorKind::InvalidInput),
        (Error::ProtectionUnavailable { protection: "LOCKED", os_error: 1 }, ErrorKind::PermissionDenied),
        (Error::System { call: "clock_gettime", os_error: libc::ENOENT }, ErrorKind::NotFound),
        (Error::Io { what: "reading the document", kind: ErrorKind::ConnectionReset }, ErrorKind::ConnectionReset),
        (Error::Unsupported { what: "key agreement" }, ErrorKind::Unsupported),
        (Error::NotErased { bytes: 1 }, ErrorKind::Other),
    ] {
        let text = error.to_string();
        let standard = std::io::Error::from(error.clone());
        assert_eq!((standard.kind(), standard.to_string()), (kind, text));
        assert_eq!(standard.into_inner().unwrap().downcast_ref::<Error>(), Some(&error));
    }
}

#[test]
fn copying_tells_how_far_it_is_and_a_panic_there_loses_the_document() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let vault = vault(1 << 20);
    let mut writer = vault.writer(BINDING).unwrap();
    let mut told = Vec::new();
    let text = [7; 50_000];
    assert_eq!(writer.copy_from_with(&mut &text[..], |so_far| told.push(so_far)), Ok(50_000));
    assert!(told.is_sorted() && told.len() >= 3 && told.last() == Some(&50_000), "{told:?}");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = writer.copy_from_with(&mut &text[..], |so_far| assert!(so_far < 20_000, "the caller fails"));
    }));
    assert!(panicked.is_err());
    assert_eq!(writer.write(b"more"), Err(Error::Erased));
    assert!(writer.erase().is_verified());
    assert_eq!(vault.seal(BINDING, b"another").unwrap().read_at(0, <[u8]>::len), Ok(7), "the window came back");
}
