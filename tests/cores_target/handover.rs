//! What a station does with keys: agreement, wrapping, signatures.

use std::sync::Arc;

use shokyo::handover::suite::{SigningKey, StationCrypto, StationKeys};
use shokyo::handover::{Crypto, SealedApplication, Suite, Unlock, WrappedKey};
use shokyo::receipt::StationInfo;
use shokyo::types::Role;
use shokyo::{EphemeralBuffer, Erasure, Incoming, KeyCell};

use super::calls::Call;
use super::calls::Unwiped::Something;
use super::{BINDING, Bench, DOCUMENT};

/// As in the needles.
const INFO: [u8; 32] = [5; 32];
/// Seeds of signing keys that a station holds.
const SIGNING: u8 = 2;

/// A station whose subject, application and document are pieces of the bench's plaintext.
pub(crate) struct Station<'b> {
    bench: &'b Bench,
    suite: Suite,
    crypto: StationCrypto,
}

impl<'b> Station<'b> {
    pub(crate) fn new(bench: &'b Bench) -> Self {
        Self::with(bench, Suite::XWing)
    }

    fn with(bench: &'b Bench, suite: Suite) -> Self {
        let vault = || bench.vault_with(|options| options.agreement = true);
        let (identity, documents) = (vault(), vault());
        let keys = StationKeys {
            info: StationInfo {
                role: Role::Issuer,
                station: "station".into(),
                operator: "operator".into(),
                post: "post".into(),
            },
            messages: SigningKey::generate(&identity).unwrap(),
            certificate: Vec::new(),
            receipts: SigningKey::generate(&identity).unwrap(),
            receipt_certificate: Vec::new(),
            not_covered: Vec::new(),
        };
        Self { bench, suite, crypto: StationCrypto::new(documents, Arc::new(keys), None) }
    }

    fn subject(&self) -> &'b [u8] {
        &self.bench.source[50_000..50_020]
    }

    fn held(&self) -> EphemeralBuffer {
        self.crypto.hold(self.subject(), &self.bench.source[51_000..51_700]).unwrap()
    }

    fn sealed(&self) -> (KeyCell, SealedApplication) {
        let (key, public) = self.crypto.generate(self.suite).unwrap();
        let (sealed, _) = self.crypto.seal_application(&self.held(), self.suite, &public, &INFO).unwrap();
        (key, sealed)
    }

    fn document(&self) -> EphemeralBuffer {
        let mut writer = self.crypto.compose(BINDING).unwrap();
        writer.copy_from(&mut self.bench.reader(DOCUMENT)).unwrap();
        self.crypto.finish(writer).unwrap()
    }

    fn incoming(&self, document: &EphemeralBuffer) -> Incoming {
        let shape = self.crypto.shape(document).unwrap();
        let mut incoming = self.crypto.incoming(BINDING, shape.chunk_size).unwrap();
        for index in 0..shape.count {
            let chunk = self.crypto.chunk(document, index).unwrap().to_vec();
            self.crypto.push(&mut incoming, &chunk).unwrap();
        }
        incoming
    }

    /// Wraps the document's key to a new key, erases the document, and unwraps it again.
    pub(crate) fn hand_over(&self) -> EphemeralBuffer {
        let (reply_key, public) = self.crypto.generate(self.suite).unwrap();
        let document = self.document();
        let commitment = self.crypto.commitment(&document).unwrap();
        let wrapped = self.crypto.wrap(&document, self.suite, &public, &INFO).unwrap();
        let (incoming, length) = (self.incoming(&document), document.len());
        drop(document);
        self.unlock(incoming, &reply_key, &wrapped, commitment, length).0.unwrap()
    }

    fn unlock(
        &self,
        incoming: Incoming,
        key: &KeyCell,
        wrapped: &WrappedKey,
        commitment: [u8; 32],
        length: u64,
    ) -> (Result<EphemeralBuffer, shokyo::Error>, Erasure) {
        let unlock = Unlock {
            suite: self.suite,
            encapsulated: &wrapped.encapsulated,
            wrapped: &wrapped.wrapped,
            info: &INFO,
            binding: BINDING,
            commitment: &commitment,
            length,
        };
        let mut evidence = self.crypto.evidence(BINDING.session);
        (self.crypto.unlock(incoming, key, &unlock, &mut evidence), evidence)
    }

    pub(crate) fn sign(&self) {
        self.crypto.sign(b"a message").unwrap();
    }
}

pub(crate) const CALLS: &[Call] = &[
    ("station, new", Something, |bench| {
        let station = Station::new(bench);
        bench.halt(SIGNING);
        drop(station);
    }),
    ("station.sign", Something, |bench| {
        let station = Station::new(bench);
        let signature = station.crypto.sign(b"a message");
        bench.halt(SIGNING);
        signature.unwrap();
    }),
    ("station.generate", Something, |bench| {
        let station = Station::new(bench);
        let generated = station.crypto.generate(station.suite);
        bench.halt(SIGNING + 1);
        drop(generated);
    }),
    ("station.hold", Something, |bench| {
        let station = Station::new(bench);
        let held = station.held();
        bench.halt(SIGNING + 1);
        drop(held);
    }),
    ("station.seal_application", Something, |bench| {
        let station = Station::new(bench);
        let (_key, public) = station.crypto.generate(station.suite).unwrap();
        let held = station.held();
        let sealed = station.crypto.seal_application(&held, station.suite, &public, &INFO);
        bench.halt(SIGNING + 2);
        drop(sealed.unwrap());
    }),
    ("station.open_application", Something, |bench| {
        let station = Station::new(bench);
        let (key, sealed) = station.sealed();
        let opened = station.crypto.open_application(station.suite, &key, &INFO, BINDING, &sealed);
        // The subject key is exported, not drawn.
        bench.halt(SIGNING + 2);
        drop(opened.unwrap());
    }),
    ("station.open_application, with a wrong tag", Something, |bench| {
        let station = Station::new(bench);
        let (key, mut sealed) = station.sealed();
        *sealed.sealed.last_mut().unwrap() ^= 1;
        let opened = station.crypto.open_application(station.suite, &key, &INFO, BINDING, &sealed);
        bench.halt(SIGNING + 1);
        assert!(opened.is_err());
    }),
    ("station.subject_tag", Something, |bench| {
        let station = Station::new(bench);
        let (key, sealed) = station.sealed();
        let (application, subject_key) =
            station.crypto.open_application(station.suite, &key, &INFO, BINDING, &sealed).unwrap();
        drop((application, key));
        let tag = station.crypto.subject_tag(&subject_key, station.subject());
        bench.halt(SIGNING);
        tag.unwrap();
    }),
    ("station.commitment", Something, |bench| {
        let station = Station::new(bench);
        let document = station.document();
        let commitment = station.crypto.commitment(&document);
        bench.halt(SIGNING + 1);
        commitment.unwrap();
    }),
    ("station.wrap", Something, |bench| {
        let station = Station::new(bench);
        let (_key, public) = station.crypto.generate(station.suite).unwrap();
        let document = station.document();
        let wrapped = station.crypto.wrap(&document, station.suite, &public, &INFO);
        bench.halt(SIGNING + 2);
        drop(wrapped.unwrap());
    }),
    ("station.unlock", Something, |bench| {
        let station = Station::new(bench);
        let opened = station.hand_over();
        bench.halt(SIGNING + 1);
        assert_eq!(opened.len(), DOCUMENT as u64);
    }),
    ("station.unlock, with another commitment", Something, |bench| {
        let station = Station::new(bench);
        let (reply_key, public) = station.crypto.generate(station.suite).unwrap();
        let document = station.document();
        let wrapped = station.crypto.wrap(&document, station.suite, &public, &INFO).unwrap();
        let (incoming, length) = (station.incoming(&document), document.len());
        drop(document);
        let outcome = station.unlock(incoming, &reply_key, &wrapped, [0; 32], length);
        bench.halt(SIGNING + 1);
        assert!(outcome.0.is_err());
    }),
    ("station.generate, X25519", Something, |bench| {
        let station = Station::with(bench, Suite::X25519);
        let generated = station.crypto.generate(station.suite);
        bench.halt(SIGNING + 1);
        drop(generated);
    }),
    ("station.open_application, X25519", Something, |bench| {
        let station = Station::with(bench, Suite::X25519);
        let (key, sealed) = station.sealed();
        let opened = station.crypto.open_application(station.suite, &key, &INFO, BINDING, &sealed);
        bench.halt(SIGNING + 2);
        drop(opened.unwrap());
    }),
    ("station.wrap and unlock, X25519", Something, |bench| {
        let station = Station::with(bench, Suite::X25519);
        let opened = station.hand_over();
        bench.halt(SIGNING + 1);
        assert_eq!(opened.len(), DOCUMENT as u64);
    }),
    ("station, dropped", Something, |bench| {
        let station = Station::new(bench);
        drop(station.hand_over());
        drop(station);
        bench.halt(0);
    }),
];
