//! Documents: sealed, read and erased; and plain buffers: created, written and erased.

use std::hint::black_box;
use std::time::Duration;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use shokyo::types::{Binding, SessionId};
use shokyo::{Vault, VaultOptions};

use crate::measure::{Contender, Times, look_at, race};
use crate::report::{Bars, Limit, section, table};
use crate::sodium::{self, Sodium};

pub const BINDING: Binding = Binding { session: SessionId([1; 32]), context: [2; 32] };
const BUDGET: Duration = Duration::from_secs(4);

/// Document sizes; the most that a document may cost, in raw seals and opens; memguard in libsodiums, as measured on another machine
/// in one run (141–170 against 31–44 µs, 1200–1570 against 440–580 µs, 4100 against 1700 µs); the least number of times as fast.
const SIZES: [(usize, &str, f64, f64, f64); 3] =
    [(4 << 10, "4KiB", 1.6, 4.1, 60.0), (256 << 10, "256KiB", 1.25, 2.7, 15.0), (1 << 20, "1MiB", 1.25, 2.4, 12.0)];

/// Seal, open, look at every byte, erase; a fresh key each.
pub fn seal_read_erase(bars: &mut Bars, sodium: Option<Sodium>) -> Result<(), shokyo::Error> {
    section(
        "seal, open, read and erase a document, a fresh key each",
        "÷ ring alone: a key drawn from the operating system, expanded once, seal and open in place, nothing erased.",
    );
    let vault = Vault::open(VaultOptions::new())?;
    for (size, name, limit, memguard, wanted) in SIZES {
        let plain = vec![0x5Au8; size];
        let (mut drawn, mut given) = (plain.clone(), plain.clone());
        let (mut one, mut two) = (vec![0; size + sodium::TAG], vec![0; size + sodium::TAG]);
        let random = SystemRandom::new();
        let mut contenders = vec![
            Contender::new("ring alone", || {
                let mut key = [0; 32];
                assert!(random.fill(&mut key).is_ok());
                ring_seal_open(&key, &mut drawn);
            }),
            Contender::new("ring alone, the key not drawn", || ring_seal_open(&black_box([3; 32]), &mut given)),
            Contender::new("shokyo", || seal_read_erase_one(&vault, &plain)),
        ];
        if let Some(sodium) = sodium {
            let plain = &plain;
            contenders.push(Contender::new("libsodium secretbox, sodium_malloc", move || {
                sodium.seal_open_free(plain, &mut one, false);
            }));
            contenders.push(Contender::new("the same, the key in sodium_malloc too", move || {
                sodium.seal_open_free(plain, &mut two, true);
            }));
        }
        let times = race(contenders, BUDGET);
        table(name, &times, 0);
        println!("  shokyo ÷ ring with a given key: {:.3}", times[2].ratio_to(&times[1]));
        bars.judge(
            &format!("seal_read_erase_{name}"),
            times[2].ratio_to(&times[0]),
            Limit::AtMost(limit),
            "÷ ring alone",
        );
        let estimated = format!("memguard_estimated_{name}");
        match times.get(3) {
            Some(sodium) => bars.judge(
                &estimated,
                sodium.ratio_to(&times[2]) * memguard,
                Limit::AtLeast(wanted),
                &format!(
                    "quoted, not measured: memguard took {memguard} times as long as libsodium on one other machine"
                ),
            ),
            None => bars.absent(&estimated, wanted, sodium::MISSING),
        }
        println!();
    }
    Ok(())
}

/// A buffer of 4 KiB: created, written, erased.
pub fn create_write_erase(bars: &mut Bars, sodium: Option<Sodium>) -> Result<(), shokyo::Error> {
    section(
        "create, write and erase a buffer of 4 KiB",
        "÷ sodium_malloc, write, sodium_free. shokyo encrypts it meanwhile and reads back what it wiped; the others do neither.",
    );
    let vault = Vault::open(VaultOptions::new())?;
    let plain = &[0x5Au8; 4096];
    let mut contenders = vec![
        Contender::new("shokyo", || {
            let document = vault.seal(BINDING, black_box(plain));
            assert!(document.is_ok_and(|document| document.erase().is_verified()), "not sealed and erased");
        }),
        Contender::new("memsec", || {
            // SAFETY: the memory has the length that is copied.
            unsafe {
                let memory = memsec::malloc::<[u8; 4096]>();
                let Some(memory) = memory else { panic!("memsec::malloc failed") };
                memory.as_ptr().copy_from_nonoverlapping(black_box(plain), 1);
                black_box(memory);
                memsec::free(memory);
            }
        }),
    ];
    if let Some(sodium) = sodium {
        contenders.push(Contender::new("libsodium", move || sodium.create_write_free(black_box(plain))));
    }
    let times = race(contenders, BUDGET);
    table("4 KiB", &times, times.len() - 1);
    match (&times[..], sodium) {
        ([shokyo, _, libsodium], Some(_)) => {
            bars.judge("create_write_erase_4KiB", shokyo.ratio_to(libsodium), Limit::AtMost(0.1), "÷ sodium_malloc");
        }
        _ => bars.absent("create_write_erase_4KiB", 0.1, sodium::MISSING),
    }
    Ok(())
}

/// One document through its whole life.
pub fn seal_read_erase_one(vault: &Vault, plain: &[u8]) {
    let outcome = vault.seal(BINDING, black_box(plain)).and_then(|document| {
        document.for_each_window(|_, plain| {
            look_at(plain);
            Ok(())
        })?;
        Ok(document.erase().is_verified())
    });
    assert_eq!(outcome, Ok(true), "not sealed, read and erased");
}

pub fn ring_seal_open(key: &[u8; 32], data: &mut [u8]) {
    let outcome = UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).and_then(|key| {
        let nonce = || Nonce::assume_unique_for_key([0; 12]);
        let tag = key.seal_in_place_separate_tag(nonce(), Aad::empty(), data)?;
        key.open_in_place_separate_tag(nonce(), Aad::empty(), tag, black_box(&mut *data), 0..)?;
        Ok(())
    });
    assert!(outcome.is_ok(), "ring does not open what it sealed");
}

/// Where the time of a small document goes, by differences between operations that contain one another.
pub fn breakdown() -> Result<(), shokyo::Error> {
    section(
        "where the time of a document of 4 KiB goes",
        "each line measured by itself; the lines below use the ones above",
    );
    let vault = Vault::open(VaultOptions::new())?;
    let (plain, tiny) = (vec![0x5Au8; 4096], [0x5Au8; 16]);
    let document = vault.seal(BINDING, &plain)?;
    let tiny_document = vault.seal(BINDING, &tiny)?;
    let mut key = [0u8; 32];
    let mut data = plain.clone();
    let (mut scratch, mut page) = (vec![0u8; 4096], vec![0u8; 6144]);
    let times: Vec<Times> = race(
        vec![
            Contender::new("32 bytes from getrandom", || {
                // SAFETY: the range is the array's.
                let drawn = unsafe { libc::getrandom(key.as_mut_ptr().cast(), 32, 0) };
                assert_eq!(drawn, 32);
            }),
            Contender::new("registers scrubbed", || {
                black_box(shokyo::wipe::scrub_registers());
            }),
            Contender::new("4 KiB of the caller's stack scrubbed", || shokyo::wipe::scrub_stack(4096)),
            Contender::new("4 KiB wiped and read back", || {
                assert!(shokyo::wipe::wipe(black_box(&mut scratch), 0).is_ok());
            }),
            Contender::new("6 KiB wiped and read back", || {
                assert!(shokyo::wipe::wipe(black_box(&mut page), 0).is_ok());
            }),
            Contender::new("ring: expand, seal and open 4 KiB", || ring_seal_open(&black_box([3; 32]), &mut data)),
            Contender::new("key drawn in a room, and erased", || {
                assert!(vault.new_key().is_ok_and(|key| key.erase().is_ok()));
            }),
            Contender::new("16 bytes read through a window", || {
                assert!(tiny_document.read_at(0, |plain| black_box(plain)[0]).is_ok());
            }),
            Contender::new("16 bytes authenticated (no reader)", || assert!(tiny_document.authenticate().is_ok())),
            Contender::new("4 KiB read through a window", || {
                assert!(document.read_at(0, |plain| black_box(plain)[0]).is_ok());
            }),
            Contender::new("16 bytes sealed and erased", || {
                assert!(vault.seal(BINDING, black_box(&tiny)).is_ok_and(|document| document.erase().is_verified()));
            }),
            Contender::new("4 KiB sealed and erased", || {
                assert!(vault.seal(BINDING, black_box(&plain)).is_ok_and(|document| document.erase().is_verified()));
            }),
            Contender::new("4 KiB sealed, read and erased", || seal_read_erase_one(&vault, &plain)),
        ],
        BUDGET,
    );
    table("operation", &times, times.len() - 1);
    Ok(())
}
