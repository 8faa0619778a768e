//! AES-256-GCM by several libraries: how fast each is, and where its secrets stand while it has a key.

mod residue;

use std::hint::black_box;
use std::time::Duration;

use aes_gcm::aead::{AeadInOut, KeyInit};
use shokyo::aead::Aead as _;

use crate::measure::{Contender, Times, race};
use crate::report::{Bars, Limit, section, throughput};

const NONCE: [u8; 12] = [9; 12];
const BUDGET: Duration = Duration::from_secs(3);

/// Sizes, and whether they carry bars.
const SIZES: [(usize, &str, bool); 5] = [
    (4 << 10, "4KiB", false),
    (16 << 10, "16KiB", true),
    (64 << 10, "64KiB", true),
    (256 << 10, "256KiB", true),
    (1 << 20, "1MiB", true),
];

/// One library. `None` and `false` are failures, which none of them has on valid input.
trait Peer: Sized {
    const NAME: &'static str;
    fn new(key: &[u8; 32]) -> Option<Self>;
    fn seal(&self, data: &mut [u8]) -> Option<[u8; 16]>;
    fn open(&self, data: &mut [u8], tag: &[u8; 16]) -> bool;
}

struct Shokyo(shokyo::aead::Backend);
struct Ring(ring::aead::LessSafeKey);
struct AwsLc(aws_lc_rs::aead::LessSafeKey);
struct RustCrypto(aes_gcm::Aes256Gcm);
struct Graviola(graviola::aead::AesGcm);

impl Peer for Shokyo {
    const NAME: &'static str = "shokyo's backend";

    fn new(key: &[u8; 32]) -> Option<Self> {
        shokyo::aead::Backend::new(key).ok().map(Self)
    }

    fn seal(&self, data: &mut [u8]) -> Option<[u8; 16]> {
        self.0.seal(&NONCE, &[], data).ok()
    }

    fn open(&self, data: &mut [u8], tag: &[u8; 16]) -> bool {
        self.0.open(&NONCE, &[], data, tag).is_ok()
    }
}

/// aws-lc-rs has the interface of ring, but for one call.
macro_rules! like_ring {
    ($peer:ident, $name:literal, $library:ident, |$key:ident, $nonce:ident, $data:ident, $tag:ident| $open:expr) => {
        impl Peer for $peer {
            const NAME: &'static str = $name;

            fn new(key: &[u8; 32]) -> Option<Self> {
                let key = $library::aead::UnboundKey::new(&$library::aead::AES_256_GCM, key).ok()?;
                Some(Self($library::aead::LessSafeKey::new(key)))
            }

            fn seal(&self, data: &mut [u8]) -> Option<[u8; 16]> {
                let nonce = $library::aead::Nonce::assume_unique_for_key(NONCE);
                let tag = self.0.seal_in_place_separate_tag(nonce, $library::aead::Aad::empty(), data).ok()?;
                tag.as_ref().try_into().ok()
            }

            fn open(&self, $data: &mut [u8], $tag: &[u8; 16]) -> bool {
                let ($key, $nonce) = (&self.0, $library::aead::Nonce::assume_unique_for_key(NONCE));
                $open.is_ok()
            }
        }
    };
}

like_ring!(Ring, "ring", ring, |key, nonce, data, tag| {
    key.open_in_place_separate_tag(nonce, ring::aead::Aad::empty(), (*tag).into(), data, 0..)
});
like_ring!(AwsLc, "aws-lc-rs", aws_lc_rs, |key, nonce, data, tag| {
    key.open_in_place_separate_tag(nonce, aws_lc_rs::aead::Aad::empty(), tag, data)
});

impl Peer for RustCrypto {
    const NAME: &'static str = "aes-gcm (RustCrypto)";

    fn new(key: &[u8; 32]) -> Option<Self> {
        Some(Self(aes_gcm::Aes256Gcm::new(key.into())))
    }

    fn seal(&self, data: &mut [u8]) -> Option<[u8; 16]> {
        self.0.encrypt_inout_detached(&NONCE.into(), &[], data.into()).ok().map(Into::into)
    }

    fn open(&self, data: &mut [u8], tag: &[u8; 16]) -> bool {
        self.0.decrypt_inout_detached(&NONCE.into(), &[], data.into(), tag.into()).is_ok()
    }
}

impl Peer for Graviola {
    const NAME: &'static str = "graviola";

    fn new(key: &[u8; 32]) -> Option<Self> {
        Some(Self(graviola::aead::AesGcm::new(key)))
    }

    fn seal(&self, data: &mut [u8]) -> Option<[u8; 16]> {
        let mut tag = [0; 16];
        self.0.encrypt(&NONCE, &[], data, &mut tag);
        Some(tag)
    }

    fn open(&self, data: &mut [u8], tag: &[u8; 16]) -> bool {
        self.0.decrypt(&NONCE, &[], data, tag).is_ok()
    }
}

pub fn run(bars: &mut Bars) {
    section(
        "AES-256-GCM: where a key stands while it is in use",
        "the key's first 16 bytes, which every key schedule begins with, looked for in all writable memory of the process",
    );
    // graviola stops the process on processors without what it needs.
    let graviola = graviola::util::is_cpu_supported();
    let mut clean = vec![Shokyo::NAME];
    clean.extend(
        [residue::judge::<Ring>(), residue::judge::<AwsLc>(), residue::judge::<RustCrypto>()].into_iter().flatten(),
    );
    if graviola {
        clean.extend(residue::judge::<Graviola>());
    }
    println!("  only on the stack, which the clean room locks and wipes: {}", clean[1..].join(", "));

    section(
        "AES-256-GCM: seal and open, throughput",
        "bytes sealed plus bytes opened. Warm: the key was expanded before. Fresh: the key is expanded in the measured time.",
    );
    for (size, name, barred) in SIZES {
        for fresh in [false, true] {
            let mut contenders = vec![
                contender::<Shokyo>(size, fresh),
                contender::<Ring>(size, fresh),
                contender::<AwsLc>(size, fresh),
                contender::<RustCrypto>(size, fresh),
            ];
            if graviola {
                contenders.push(contender::<Graviola>(size, fresh));
            }
            let times = race(contenders, BUDGET);
            let state = if fresh { "fresh" } else { "warm" };
            let all = fastest(&times, |_| true);
            throughput(&format!("{name}, {state} key"), &times, 2 * size, all.map_or(f64::NAN, Times::median));
            let rivals = fastest(&times[1..], |one| clean.contains(&one.name));
            if let (true, Some(rival)) = (barred, rivals) {
                let bar = format!("aead_{state}_{name}");
                let what = format!("÷ {}, the fastest that leaves nothing outside of its stack", rival.name);
                bars.judge(&bar, times[0].ratio_to(rival), Limit::AtMost(1.10), &what);
            }
            println!();
        }
    }
}

fn fastest(times: &[Times], admitted: impl Fn(&Times) -> bool) -> Option<&Times> {
    times.iter().filter(|one| admitted(one)).min_by(|one, other| one.median().total_cmp(&other.median()))
}

fn contender<'w, P: Peer + 'w>(size: usize, fresh: bool) -> Contender<'w> {
    let mut data = vec![0x5A; size];
    let kept = if fresh { None } else { P::new(&[7; 32]) };
    Contender::new(P::NAME, move || {
        let made;
        let key = match &kept {
            Some(kept) => kept,
            None => {
                made = P::new(black_box(&[7; 32]));
                match &made {
                    Some(made) => made,
                    None => panic!("{} refuses a key", P::NAME),
                }
            }
        };
        let Some(tag) = key.seal(black_box(&mut data)) else { panic!("{} does not seal", P::NAME) };
        assert!(key.open(black_box(&mut data), &tag), "{} does not open what it sealed", P::NAME);
    })
}

/// All libraries give the same bytes: what is compared is the same work.
pub fn agree() -> bool {
    fn sealed<P: Peer>() -> Option<([u8; 16], Vec<u8>)> {
        let mut data = vec![0x33; 1000];
        let tag = P::new(&[5; 32])?.seal(&mut data)?;
        Some((tag, data))
    }
    let own = sealed::<Shokyo>();
    let graviola = !graviola::util::is_cpu_supported() || own == sealed::<Graviola>();
    own.is_some() && own == sealed::<Ring>() && own == sealed::<AwsLc>() && own == sealed::<RustCrypto>() && graviola
}
