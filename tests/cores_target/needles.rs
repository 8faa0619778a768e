//! What must not stay: the plaintext, and under faults every key that the target draws and what is derived from it.

use std::sync::OnceLock;

use shokyo::scan::Needles;

/// The plaintext that every target of this process is given, and what to look for: the plaintext, eight bytes and up, and with
/// faults all secrets that follow from the first draws.
pub(crate) fn everything() -> &'static (Vec<u8>, Needles) {
    static EVERYTHING: OnceLock<(Vec<u8>, Needles)> = OnceLock::new();
    EVERYTHING.get_or_init(|| {
        let plain = super::observer::random(super::PLAIN);
        let needles = Needles::marker(&plain);
        #[cfg(shokyo_faults)]
        let needles = needles.merge(known::secrets());
        (plain, needles)
    })
}

#[cfg(shokyo_faults)]
pub(crate) mod known {
    use hkdf::Hkdf;
    use hpke::kem::XWing;
    use hpke::rand_core::{TryCryptoRng, TryRng};
    use hpke::{Deserializable, Kem};
    use sha2::{Digest, Sha256, Sha512};
    use shokyo::faults::known_draw;
    use shokyo::scan::Needles;

    /// Draws that may be keys of documents.
    const KEYS: u32 = 40;
    /// Draws that may be seeds of signing keys, of HPKE keys, or the randomness of an encapsulation.
    const SEEDS: u32 = 10;
    /// What the targets of the handover give as `info`.
    pub(crate) const INFO: [u8; 32] = [5; 32];

    pub(super) fn secrets() -> Needles {
        let mut all = Needles::default();
        for draw in 0..KEYS {
            let bytes = known_draw(draw);
            all = all.merge(Needles::of_key(&bytes[..32].try_into().unwrap()));
            all = all.merge(Needles::marker(&bytes[32..]));
        }
        for draw in 0..SEEDS {
            let seed: [u8; 32] = known_draw(draw)[..32].try_into().unwrap();
            // Ed25519 (RFC 8032, section 5.1.5): the scalar, as hashed and as clamped, and the prefix.
            let mut expanded = Sha512::digest(seed);
            all = all.merge(Needles::marker(&expanded[..]));
            expanded[0] &= 248;
            expanded[31] = expanded[31] & 127 | 64;
            all = all.merge(Needles::marker(&expanded[..32]));
            for encapsulation in 0..SEEDS {
                all = all.merge(context(&seed, &known_draw(encapsulation)));
            }
        }
        all
    }

    /// The secrets of HPKE's base mode (RFC 9180, sections 5.1 and 5.1.1): shared secret, key with what AES makes of it, exporter secret.
    fn context(seed: &[u8; 32], randomness: &[u8; 64]) -> Needles {
        let Schedule { shared, key, exporter } = schedule(seed, randomness);
        Needles::of_key(&key).merge(Needles::marker(&shared)).merge(Needles::marker(&exporter))
    }

    fn schedule(seed: &[u8; 32], randomness: &[u8; 64]) -> Schedule {
        let private = <XWing as Kem>::PrivateKey::from_bytes(seed).unwrap();
        let public = XWing::sk_to_pk(&private);
        let (shared, _) = XWing::encap_with_rng(&public, None, &mut Replayed(randomness)).unwrap();
        let context = [&[0][..], &extracted(b"", b"psk_id_hash", b""), &extracted(b"", b"info_hash", &INFO)].concat();
        let secret = extracted(&shared.0, b"secret", b"");
        Schedule {
            shared: shared.0.to_vec(),
            key: expanded(&secret, b"key", &context),
            exporter: expanded(&secret, b"exp", &context),
        }
    }

    /// Whether what is derived here is what the library derives: both export the same.
    pub(crate) fn derivation_agrees_with_the_library() -> bool {
        use hpke::aead::AesGcm256;
        use hpke::kdf::HkdfSha256;
        use hpke::{OpModeS, setup_sender_with_rng};

        let (seed, randomness) = ([3; 32], known_draw(7));
        let public = XWing::sk_to_pk(&<XWing as Kem>::PrivateKey::from_bytes(&seed).unwrap());
        let mut replayed = Replayed(&randomness);
        let setup = setup_sender_with_rng::<AesGcm256, HkdfSha256, XWing>;
        let (_, library) = setup(&OpModeS::Base, &public, &INFO, &mut replayed).unwrap();
        let mut exported = [0; 32];
        library.export(b"both", &mut exported).unwrap();
        expanded(&schedule(&seed, &randomness).exporter, b"sec", b"both") == exported
    }

    struct Schedule {
        shared: Vec<u8>,
        key: [u8; 32],
        exporter: [u8; 32],
    }

    /// X-Wing, HKDF-SHA256, AES-256-GCM.
    const SUITE: &[u8] = b"HPKE\x64\x7a\x00\x01\x00\x02";

    fn extracted(salt: &[u8], label: &[u8], material: &[u8]) -> [u8; 32] {
        let material = [b"HPKE-v1", SUITE, label, material].concat();
        Hkdf::<Sha256>::extract(Some(salt), &material).0.into()
    }

    fn expanded(secret: &[u8; 32], label: &[u8], context: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        let info = [&[0, 32][..], b"HPKE-v1", SUITE, label, context].concat();
        Hkdf::<Sha256>::from_prk(secret).unwrap().expand(&info, &mut out).unwrap();
        out
    }

    struct Replayed<'a>(&'a [u8]);

    impl TryRng for Replayed<'_> {
        type Error = std::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            unimplemented_draw()
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            unimplemented_draw()
        }

        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            let (now, rest) = self.0.split_at(out.len());
            out.copy_from_slice(now);
            self.0 = rest;
            Ok(())
        }
    }

    impl TryCryptoRng for Replayed<'_> {}

    fn unimplemented_draw() -> ! {
        panic!("X-Wing draws bytes")
    }
}
