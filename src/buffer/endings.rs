//! Tests: keys that end while they are in use, by a deadline or because everything is erased at once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::vec::Vec;

use super::*;
use crate::error::Error;
use crate::types::{Binding, SessionId};

const BINDING: Binding = Binding { session: SessionId([4; 32]), context: [5; 32] };

fn vault() -> Vault {
    Vault::open(VaultOptions { chunk_size: 256, ..VaultOptions::new() }).unwrap()
}

/// Waits for something that another thread does.
fn soon(done: impl Fn() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(20);
    while !done() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
    done()
}

#[test]
fn a_key_is_destroyed_at_its_deadline_though_its_owner_does_nothing() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    let (key, other) = (vault.new_key().unwrap(), vault.new_key().unwrap());
    other.expire_after(Duration::from_secs(3600)).unwrap();
    assert_ne!(vault.inner().cells.peek(key.id()), [0; 32]);
    key.expire_after(Duration::from_millis(20)).unwrap();
    // Looked at from behind, so that nothing but the custodian can have done it.
    assert!(soon(|| vault.inner().cells.peek(key.id()) == [0; 32]));
    assert!(other.is_live());
    assert_eq!(key.check_live(), Err(Error::Expired));
    assert_eq!(key.erase().unwrap().bytes(), 32);
}

#[test]
fn a_deadline_moves_earlier_and_never_later() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    let (sooner, later) = (vault.new_key().unwrap(), vault.new_key().unwrap());
    sooner.expire_after(Duration::from_secs(3600)).unwrap();
    sooner.expire_after(Duration::from_millis(10)).unwrap();
    later.expire_after(Duration::from_millis(10)).unwrap();
    later.expire_after(Duration::from_secs(3600)).unwrap();
    for key in [&sooner, &later] {
        assert!(soon(|| vault.inner().cells.peek(key.id()) == [0; 32]));
    }
}

#[test]
fn the_vaults_lifetime_holds_for_every_document_and_what_ends_earlier_is_forgotten() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let lifetime = Some(Duration::from_millis(40));
    let vault = Vault::open(VaultOptions { lifetime, ..VaultOptions::new() }).unwrap();
    let document = vault.seal(BINDING, b"short-lived").unwrap();
    let mut writer = vault.writer(BINDING).unwrap();
    writer.write(b"not even finished").unwrap();
    drop(vault.seal(BINDING, b"erased before its deadline").unwrap());
    assert!(soon(|| !document.key().is_live()));
    assert_eq!(document.read_at(0, |_| ()), Err(Error::Expired));
    let unwritten = vault.writer(BINDING).unwrap();
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(writer.finish().unwrap_err(), Error::Expired);
    assert_eq!(unwritten.finish_with(b"too late").unwrap_err(), Error::Expired);
    assert!(document.erase().is_verified());
}

#[test]
fn a_window_lent_beyond_the_deadline_is_doomed_and_not_overwritten() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    let document = vault.seal(BINDING, &[0x42; 200]).unwrap();
    let outcome = document.read_at(0, |plain| {
        document.key().expire_after(Duration::from_millis(10)).unwrap();
        assert!(soon(|| vault.inner().cells.peek(document.key_id()) == [0; 32]));
        // What a live reference shows never changes under it.
        assert!(plain.iter().all(|byte| *byte == 0x42));
    });
    assert_eq!(outcome, Err(Error::Expired));
    let window = vault.inner().windows.take(Duration::ZERO, crate::arena::STAYS).unwrap();
    assert_eq!(window.plain(256), [0; 256], "wiped when it came back");
}

#[test]
fn documents_raced_by_an_erase_of_everything_come_whole_or_not_at_all() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let vault = vault();
    let (stop, whole, erased) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for fill in [0x11u8, 0x22, 0x33] {
            let (vault, stop, whole, erased) = (&vault, &stop, &whole, &erased);
            scope.spawn(move || {
                let plain = [fill; 700];
                while !stop.load(Ordering::Relaxed) {
                    let mut seen = Vec::new();
                    let outcome = vault.seal(BINDING, &plain).and_then(|document| {
                        document.for_each_window(|_, plain| {
                            seen.extend_from_slice(plain);
                            Ok(())
                        })
                    });
                    assert!(seen.iter().all(|byte| *byte == fill), "torn plaintext");
                    match outcome {
                        Ok(()) => {
                            assert_eq!(seen.len(), 700);
                            whole.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(Error::Erased) => drop(erased.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        let until = Instant::now() + Duration::from_secs(20);
        while (whole.load(Ordering::Relaxed) < 100 || erased.load(Ordering::Relaxed) < 100) && Instant::now() < until {
            assert_eq!(vault.erase_now().failed, 0);
            std::thread::sleep(Duration::from_micros(50));
        }
        stop.store(true, Ordering::Relaxed);
    });
    if std::env::var_os("SHOKYO_UNDER_VALGRIND").is_some() {
        std::println!(
            "SKIPPED in part: valgrind runs one thread at a time, so that how often both happen says nothing"
        );
        return;
    }
    assert!(whole.into_inner() >= 100 && erased.into_inner() >= 100, "both must happen, or nothing was raced");
}

/// Under the known key, everything that was ever published must open with it: a seal under half a key would not.
#[cfg(shokyo_faults)]
#[test]
fn nothing_is_ever_sealed_under_half_a_key() {
    use crate::aead::{self, Aead, RustCrypto};
    let _alone = crate::faults::serialised(&[crate::faults::Fault::KnownKey]);
    let vault = vault();
    let stop = AtomicBool::new(false);
    let published = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let key = RustCrypto::new(&crate::faults::known_key()).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let Ok(document) = vault.seal(BINDING, &[0x77; 250]) else { continue };
                    let mut chunk = document.sealed_chunk(0).unwrap().to_vec();
                    let tag = chunk.split_off(250).try_into().unwrap();
                    let associated = aead::chunk_associated_data(&BINDING, 0, true);
                    key.open(&aead::stream_nonce(0, true), &associated, &mut chunk, &tag).unwrap();
                    published.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let until = Instant::now() + Duration::from_secs(3);
        while published.load(Ordering::Relaxed) < 20_000 && Instant::now() < until {
            vault.erase_now();
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(published.into_inner() > 0);
}

#[test]
fn a_vault_that_ends_leaves_the_list_that_a_signal_handler_walks() {
    #[cfg(shokyo_faults)]
    let _alone = crate::faults::serialised(&[]);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    // Of the walker's own vaults alone: a walk over all would destroy the keys of other tests.
                    let vault = vault();
                    let _ = vault.new_key();
                    vault.erase_now();
                }
            });
        }
        for _ in 0..200 {
            drop(vault());
        }
        stop.store(true, Ordering::Relaxed);
    });
}
