//! A document in one piece: whole or not at all, in locked memory that is wiped before it goes back, within its limits.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "support/child.rs"]
mod child;

use std::panic::{AssertUnwindSafe, catch_unwind};

use child::{in_a_child_with_limit, is_child};
use shokyo::buffer::CopyClass;
use shokyo::types::{Binding, Protections, SessionId};
use shokyo::{EphemeralBuffer, Error, Protection, Vault, VaultOptions};

const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };

fn vault_with(change: impl FnOnce(&mut VaultOptions)) -> Vault {
    let mut options = VaultOptions::new();
    change(&mut options);
    Vault::open(options).unwrap()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index.wrapping_mul(0x9E37_79B1) >> 11) as u8 | 1).collect()
}

fn windows(buffer: EphemeralBuffer) -> (u64, u64, u64) {
    let evidence = buffer.erase();
    let copy = evidence.copies().find(|copy| copy.class == CopyClass::Window).unwrap();
    (copy.verified, copy.failed, copy.bytes)
}

#[test]
fn documents_of_every_size_are_lent_whole() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let vault = vault_with(|options| options.chunk_size = 80);
    for length in [0, 1, 79, 80, 81, 64 * 80 - 1, 64 * 80, 64 * 80 + 1, 128 * 80, 20_000] {
        let plain = pattern(length);
        let buffer = vault.seal(BINDING, &plain).unwrap();
        assert!(buffer.with_whole(|whole| whole == plain).unwrap(), "length {length}");
        assert_eq!(buffer.windows_lent(), 1);
        let sealing = vault.seal(BINDING, &plain).unwrap().erase();
        let sealing = sealing.copies().find(|copy| copy.class == CopyClass::Window).unwrap().bytes;
        assert_eq!(windows(buffer), (2, 0, sealing + length as u64), "sealing, and the whole");
    }
}

#[test]
fn a_thread_looks_at_one_document_at_a_time() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let vault = vault_with(|options| options.windows = 1);
    let (one, two) = (vault.seal(BINDING, b"one").unwrap(), vault.seal(BINDING, b"two").unwrap());
    one.read_at(0, |_| assert_eq!(two.with_whole(|_| ()), Err(Error::WindowInUse))).unwrap();
    one.with_whole(|_| {
        assert_eq!(two.with_whole(|_| ()), Err(Error::WindowInUse));
        assert_eq!(two.read_at(0, |_| ()), Err(Error::WindowInUse));
        assert_eq!(one.ct_eq(b"one"), Err(Error::WindowInUse));
    })
    .unwrap();
    assert_eq!(two.with_whole(<[u8]>::to_vec).unwrap(), b"two");
    assert_eq!(windows(one), (3, 0, 9));
}

/// Runs `work` in a thread for which the system only pretends to unmap memory, so that what is left in it can be looked at.
fn without_unmapping<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let run = || {
        let statement = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
        let mut program = [
            statement((libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, 0, 0, 0),
            statement((libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, libc::SYS_munmap as u32, 0, 1),
            statement((libc::BPF_RET | libc::BPF_K) as u16, libc::SECCOMP_RET_ERRNO, 0, 0),
            statement((libc::BPF_RET | libc::BPF_K) as u16, libc::SECCOMP_RET_ALLOW, 0, 0),
        ];
        let filter = libc::sock_fprog { len: 4, filter: program.as_mut_ptr() };
        // SAFETY: both calls concern this thread alone; the filter lives during the second, and the kernel copies it.
        let status = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
                | libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter)
        };
        assert_eq!(status, 0, "{}", std::io::Error::last_os_error());
        work()
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap())
}

/// How many bytes other than zero `with_whole` leaves behind in its memory, when its reader returns and when it panics.
fn left_behind() -> [usize; 2] {
    let vault = vault_with(|_| ());
    let buffer = vault.seal(BINDING, &pattern(50_000)).unwrap();
    without_unmapping(|| {
        [false, true].map(|fails| {
            let mut place = 0;
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                let _ = buffer.with_whole(|whole| {
                    place = whole.as_ptr().expose_provenance();
                    assert!(!fails, "the reader fails");
                });
            }));
            assert_eq!(outcome.is_err(), fails);
            // SAFETY: the pages are still mapped in spite of the library, and belong to nobody.
            let left = unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance::<u8>(place), 50_000) };
            left.iter().filter(|byte| **byte != 0).count()
        })
    })
}

#[test]
fn a_whole_is_wiped_before_it_is_given_back_after_a_panic_too() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    assert_eq!(left_behind(), [0, 0]);
}

#[cfg(shokyo_faults)]
#[test]
fn with_the_wipe_switched_off_the_whole_stays_where_it_was() {
    let _alone = shokyo::faults::serialised(&[shokyo::faults::Fault::NoWipe]);
    assert_eq!(left_behind(), [50_000, 50_000]);
}

#[test]
fn a_panic_in_a_reader_of_the_whole_is_counted_and_gives_everything_back() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let vault = vault_with(|options| (options.windows, options.max_whole) = (1, 8192));
    let buffer = vault.seal(BINDING, &[7; 5000]).unwrap();
    for _ in 0..3 {
        catch_unwind(AssertUnwindSafe(|| buffer.with_whole(|_| panic!("the reader fails")))).unwrap_err();
    }
    assert_eq!(buffer.with_whole(<[u8]>::len), Ok(5000));
    assert_eq!(windows(buffer), (5, 0, 25_000));
}

#[test]
fn a_document_erased_while_it_is_looked_at_is_an_error_and_is_wiped() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let vault = vault_with(|options| options.patience = std::time::Duration::from_millis(20));
    let buffer = vault.seal(BINDING, &[7; 50_000]).unwrap();
    let outcome = buffer.with_whole(|whole| {
        let done = vault.erase_all();
        assert_eq!((done.destroyed, done.in_flight), (1, 1));
        assert!(whole.iter().all(|byte| *byte == 7));
    });
    assert_eq!(outcome, Err(Error::Erased));
    assert_eq!(buffer.with_whole(|_| panic!("an erased document")), Err(Error::Erased));
    let evidence = buffer.erase();
    assert!(evidence.is_verified());
}

#[test]
fn a_vaults_limit_on_wholes_holds_over_all_threads() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let vault = vault_with(|options| options.max_whole = 3 * 4096);
    let buffer = vault.seal(BINDING, &[7; 5000]).unwrap();
    let small = vault.seal(BINDING, &[7; 4096]).unwrap();
    buffer
        .with_whole(|_| {
            std::thread::scope(|scope| {
                let refused = scope.spawn(|| buffer.with_whole(|_| ())).join().unwrap();
                assert_eq!(refused, Err(Error::LockedMemoryExhausted { needed: 16_384, limit: 12_288 }));
                assert!(refused.unwrap_err().to_string().contains("max_whole"));
                scope.spawn(|| small.with_whole(|_| ())).join().unwrap().unwrap();
            });
        })
        .unwrap();
    let large = vault.seal(BINDING, &[7; 12_289]).unwrap();
    assert!(matches!(large.with_whole(|_| ()), Err(Error::LockedMemoryExhausted { limit: 12_288, .. })));
    let never = vault_with(|options| options.max_whole = 0);
    let empty = never.seal(BINDING, &[]).unwrap();
    assert!(matches!(empty.with_whole(|_| ()), Err(Error::LockedMemoryExhausted { limit: 0, .. })));
}

/// The kernel's flags of the mapping at an address, or none where nothing accessible is mapped.
fn flags_at(address: usize) -> Vec<String> {
    let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut inside = false;
    for line in text.lines() {
        if let Some(flags) = line.strip_prefix("VmFlags:") {
            if inside {
                return flags.split_whitespace().map(String::from).collect();
            }
        } else if let Some((start, end)) = line.split(' ').next().and_then(|range| range.split_once('-'))
            && let (Ok(start), Ok(end)) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
        {
            inside = (start..end).contains(&address);
        }
    }
    Vec::new()
}

#[test]
fn a_whole_is_locked_neither_dumped_nor_inherited_and_stands_between_guards() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let vault = vault_with(|_| ());
    let buffer = vault.seal(BINDING, &[7; 50_000]).unwrap();
    buffer
        .with_whole(|whole| {
            let (start, end) = (whole.as_ptr().addr(), whole.as_ptr().addr() + whole.len());
            for address in [start, end - 1] {
                let flags = flags_at(address);
                let is_set = |flag: &str| flags.iter().any(|other| other == flag);
                // A child gets zeros, or, of secret memory, nothing.
                assert!(["rd", "lo", "dd"].into_iter().all(is_set) && (is_set("wf") || is_set("dc")), "{flags:?}");
            }
            for address in [start & !4095, end.next_multiple_of(4096)].map(|page| [page - 1, page]).concat() {
                let inside = (start & !4095..end.next_multiple_of(4096)).contains(&address);
                assert_eq!(flags_at(address).iter().any(|flag| flag == "rd"), inside, "{address:x}");
            }
        })
        .unwrap();
    assert!(buffer.erase().protections().contains(Protections::LOCKED.with(Protections::GUARDED)));
}

#[test]
fn a_process_without_enough_locked_memory_is_told_and_best_effort_says_what_was_missing() {
    in_a_child_with_limit("child_with_one_mebibyte", 1 << 20);
}

#[test]
#[ignore = "run in a child process by the test above"]
fn child_with_one_mebibyte() {
    if !is_child() {
        return;
    }
    let vault = Vault::open(VaultOptions::small()).unwrap();
    let fits = vault.seal(BINDING, &pattern(300_000)).unwrap();
    let large = vault.seal(BINDING, &pattern(1 << 20)).unwrap();
    for _ in 0..20 {
        assert!(fits.with_whole(|whole| whole == pattern(300_000)).unwrap(), "memory comes back after each call");
        let error = large.with_whole(|_| panic!("plaintext in memory that is not locked")).unwrap_err();
        let Error::LockedMemoryExhausted { needed, limit: 1_048_576 } = error else { panic!("{error:?}") };
        assert!(needed > (1 << 20) + 32 * 1024, "the vault's own memory counts: {needed}");
    }
    drop((fits, large, vault));

    let mut options = VaultOptions::small();
    options.protection = Protection::BestEffort;
    let vault = Vault::open(options).unwrap();
    assert!(vault.protections().contains(Protections::LOCKED));
    let large = vault.seal(BINDING, &pattern(1 << 20)).unwrap();
    assert!(large.read_at(0, |_| ()).is_ok());
    assert!(large.with_whole(|whole| whole == pattern(1 << 20)).unwrap());
    let protections = large.erase().protections();
    assert!(!protections.contains(Protections::LOCKED), "{protections}");
    let rest = Protections::GUARDED.with(Protections::NO_DUMP).with(Protections::CLEAN_ROOM).with(Protections::CANARY);
    assert!(protections.contains(rest), "{protections}");
    assert!(vault.seal(BINDING, b"another").unwrap().erase().protections().contains(Protections::LOCKED));
}
