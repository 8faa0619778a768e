//! The real cryptography, watched: every handle that a machine gets is entered in the ledger for as long as it lives. It does
//! nothing else, so that what the machines can read is known without believing them.

use shokyo::buffer::{EphemeralBuffer, Erasure, Incoming, KeyCell, Writer};
use shokyo::error::Error;
use shokyo::handover::suite::StationCrypto;
use shokyo::handover::{Crypto, SealedApplication, Shape, Suite, Unlock, WrappedKey};
use shokyo::receipt::{Details, Receipt, StationInfo};
use shokyo::types::{Binding, SessionId};

use crate::ledger::{Kind, Shared, Token};

/// A handle and its entry. The handle ends first.
pub struct Held<T> {
    pub inner: T,
    token: Token,
}

/// The cryptography of one station, or of one transaction of a kiosk.
#[derive(Clone)]
pub struct Watched {
    pub inner: StationCrypto,
    pub ledger: Shared,
    pub station: usize,
    /// The transaction of a kiosk's machine.
    pub owner: Option<usize>,
}

impl Watched {
    fn watch<T>(&self, inner: T, kind: Kind, session: Option<SessionId>) -> Held<T> {
        let named = session.and_then(|session| self.ledger.borrow().transaction(session));
        let token = Token::new(&self.ledger, self.station, self.inner.station().role, kind, self.owner.or(named));
        Held { inner, token }
    }
}

impl Crypto for Watched {
    type PrivateKey = Held<KeyCell>;
    type SubjectKey = Held<KeyCell>;
    type Application = Held<EphemeralBuffer>;
    type Writer = Held<Writer>;
    type Document = Held<EphemeralBuffer>;
    type Incoming = Held<Incoming>;

    fn station(&self) -> &StationInfo {
        self.inner.station()
    }

    fn certificate(&self) -> &[u8] {
        self.inner.certificate()
    }

    fn receipt_certificate(&self) -> &[u8] {
        self.inner.receipt_certificate()
    }

    fn random(&self) -> Result<[u8; 32], Error> {
        self.inner.random()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        self.inner.sign(message)
    }

    fn verify(&self, key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), Error> {
        self.inner.verify(key, message, signature)
    }

    fn receipt(&self, erasure: Erasure, details: &Details<'_>) -> Result<Receipt, Error> {
        self.inner.receipt(erasure, details)
    }

    fn evidence(&self, session: SessionId) -> Erasure {
        self.inner.evidence(session)
    }

    fn generate(&self, suite: Suite) -> Result<(Held<KeyCell>, Vec<u8>), Error> {
        let (private, public) = self.inner.generate(suite)?;
        Ok((self.watch(private, Kind::PrivateKey, None), public))
    }

    fn destroy(&self, key: Held<KeyCell>, evidence: &mut Erasure) {
        let Held { inner, token } = key;
        self.inner.destroy(inner, evidence);
        drop(token);
    }

    fn hold(&self, subject: &[u8], application: &[u8]) -> Result<Held<EphemeralBuffer>, Error> {
        Ok(self.watch(self.inner.hold(subject, application)?, Kind::Application, None))
    }

    fn seal_application(
        &self,
        application: &Held<EphemeralBuffer>,
        suite: Suite,
        to: &[u8],
        info: &[u8; 32],
    ) -> Result<(SealedApplication, [u8; 32]), Error> {
        self.inner.seal_application(&application.inner, suite, to, info)
    }

    fn open_application(
        &self,
        suite: Suite,
        key: &Held<KeyCell>,
        info: &[u8; 32],
        binding: Binding,
        sealed: &SealedApplication,
    ) -> Result<(Held<EphemeralBuffer>, Held<KeyCell>), Error> {
        let (application, subject_key) = self.inner.open_application(suite, &key.inner, info, binding, sealed)?;
        let session = Some(binding.session);
        Ok((self.watch(application, Kind::Application, session), self.watch(subject_key, Kind::SubjectKey, session)))
    }

    fn erase_application(&self, application: Held<EphemeralBuffer>, evidence: &mut Erasure) {
        let Held { inner, token } = application;
        self.inner.erase_application(inner, evidence);
        drop(token);
    }

    fn subject_tag(&self, key: &Held<KeyCell>, subject: &[u8]) -> Result<[u8; 32], Error> {
        self.inner.subject_tag(&key.inner, subject)
    }

    fn destroy_subject_key(&self, key: Held<KeyCell>, evidence: &mut Erasure) {
        let Held { inner, token } = key;
        self.inner.destroy_subject_key(inner, evidence);
        drop(token);
    }

    fn compose(&self, binding: Binding) -> Result<Held<Writer>, Error> {
        Ok(self.watch(self.inner.compose(binding)?, Kind::Writer, Some(binding.session)))
    }

    fn finish(&self, writer: Held<Writer>) -> Result<Held<EphemeralBuffer>, Error> {
        let Held { inner, token } = writer;
        let document = self.inner.finish(inner);
        drop(token);
        let document = document?;
        let session = document.binding().session;
        Ok(self.watch(document, Kind::Document, Some(session)))
    }

    fn erase_writer(&self, writer: Held<Writer>, evidence: &mut Erasure) {
        let Held { inner, token } = writer;
        self.inner.erase_writer(inner, evidence);
        drop(token);
    }

    fn shape(&self, document: &Held<EphemeralBuffer>) -> Result<Shape, Error> {
        self.inner.shape(&document.inner)
    }

    fn chunk<'d>(&self, document: &'d Held<EphemeralBuffer>, index: u32) -> Result<&'d [u8], Error> {
        self.inner.chunk(&document.inner, index)
    }

    fn commitment(&self, document: &Held<EphemeralBuffer>) -> Result<[u8; 32], Error> {
        self.inner.commitment(&document.inner)
    }

    fn wrap(
        &self,
        document: &Held<EphemeralBuffer>,
        suite: Suite,
        to: &[u8],
        info: &[u8; 32],
    ) -> Result<WrappedKey, Error> {
        self.inner.wrap(&document.inner, suite, to, info)
    }

    fn erase(&self, document: Held<EphemeralBuffer>, evidence: &mut Erasure) {
        let Held { inner, token } = document;
        self.inner.erase(inner, evidence);
        drop(token);
    }

    fn incoming(&self, binding: Binding, chunk_size: u32) -> Result<Held<Incoming>, Error> {
        Ok(self.watch(self.inner.incoming(binding, chunk_size)?, Kind::Incoming, Some(binding.session)))
    }

    fn push(&self, incoming: &mut Held<Incoming>, chunk: &[u8]) -> Result<(), Error> {
        self.inner.push(&mut incoming.inner, chunk)
    }

    fn unlock(
        &self,
        incoming: Held<Incoming>,
        key: &Held<KeyCell>,
        unlock: &Unlock<'_>,
        evidence: &mut Erasure,
    ) -> Result<Held<EphemeralBuffer>, Error> {
        let Held { inner, token } = incoming;
        let opened = self.inner.unlock(inner, &key.inner, unlock, evidence);
        drop(token);
        Ok(self.watch(opened?, Kind::Document, Some(unlock.binding.session)))
    }

    fn erase_incoming(&self, incoming: Held<Incoming>, evidence: &mut Erasure) {
        let Held { inner, token } = incoming;
        self.inner.erase_incoming(inner, evidence);
        drop(token);
    }
}
