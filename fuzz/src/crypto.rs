//! A station's real cryptography, but for the signatures of messages; and the ledger of what it gives out.

use shokyo::buffer::{EphemeralBuffer, Erasure, Incoming, KeyCell, Writer};
use shokyo::error::Error;
use shokyo::handover::suite::StationCrypto;
use shokyo::handover::{Crypto, SealedApplication, Shape, Suite, Unlock, WrappedKey, frame_hash};
use shokyo::receipt::{Details, Receipt, StationInfo};
use shokyo::types::{Binding, Role, SessionId};

use crate::ledger::{self, Held};

/// One station.
#[derive(Clone)]
pub struct Station {
    pub real: StationCrypto,
    pub public: [u8; 32],
}

/// What takes the place of a signature: whoever knows the public key can make it.
#[must_use]
pub fn signature(public: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let first = frame_hash(&[public, message].concat());
    let mut whole = [0; 64];
    whole[..32].copy_from_slice(&first);
    whole[32..].copy_from_slice(&frame_hash(&first));
    whole
}

/// A document that is being written, and whose.
pub struct Composing {
    pub writer: Writer,
    session: SessionId,
}

impl Station {
    fn role(&self) -> Role {
        self.real.station().role
    }
}

impl Crypto for Station {
    type PrivateKey = KeyCell;
    type SubjectKey = KeyCell;
    type Application = EphemeralBuffer;
    type Writer = Composing;
    type Document = EphemeralBuffer;
    type Incoming = Incoming;

    fn station(&self) -> &StationInfo {
        self.real.station()
    }

    fn certificate(&self) -> &[u8] {
        self.real.certificate()
    }

    fn receipt_certificate(&self) -> &[u8] {
        self.real.receipt_certificate()
    }

    fn random(&self) -> Result<[u8; 32], Error> {
        self.real.random()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        Ok(signature(&self.public, message))
    }

    fn verify(&self, key: &[u8; 32], message: &[u8], found: &[u8; 64]) -> Result<(), Error> {
        if signature(key, message) == *found { Ok(()) } else { Err(Error::BadSignature) }
    }

    fn receipt(&self, erasure: Erasure, details: &Details<'_>) -> Result<Receipt, Error> {
        self.real.receipt(erasure, details)
    }

    fn evidence(&self, session: SessionId) -> Erasure {
        self.real.evidence(session)
    }

    fn generate(&self, suite: Suite) -> Result<(KeyCell, Vec<u8>), Error> {
        let made = self.real.generate(suite)?;
        ledger::gained(self.role(), Held::PrivateKey);
        Ok(made)
    }

    fn destroy(&self, key: KeyCell, evidence: &mut Erasure) {
        ledger::lost(self.role(), Held::PrivateKey);
        self.real.destroy(key, evidence);
    }

    fn hold(&self, subject: &[u8], application: &[u8]) -> Result<EphemeralBuffer, Error> {
        let held = self.real.hold(subject, application)?;
        ledger::gained(self.role(), Held::Application);
        Ok(held)
    }

    fn seal_application(
        &self,
        application: &EphemeralBuffer,
        suite: Suite,
        to: &[u8],
        info: &[u8; 32],
    ) -> Result<(SealedApplication, [u8; 32]), Error> {
        self.real.seal_application(application, suite, to, info)
    }

    fn open_application(
        &self,
        suite: Suite,
        key: &KeyCell,
        info: &[u8; 32],
        binding: Binding,
        sealed: &SealedApplication,
    ) -> Result<(EphemeralBuffer, KeyCell), Error> {
        let opened = self.real.open_application(suite, key, info, binding, sealed)?;
        ledger::gained(self.role(), Held::Application);
        ledger::gained(self.role(), Held::SubjectKey);
        Ok(opened)
    }

    fn erase_application(&self, application: EphemeralBuffer, evidence: &mut Erasure) {
        ledger::lost(self.role(), Held::Application);
        self.real.erase_application(application, evidence);
    }

    fn subject_tag(&self, key: &KeyCell, subject: &[u8]) -> Result<[u8; 32], Error> {
        self.real.subject_tag(key, subject)
    }

    fn destroy_subject_key(&self, key: KeyCell, evidence: &mut Erasure) {
        ledger::lost(self.role(), Held::SubjectKey);
        self.real.destroy_subject_key(key, evidence);
    }

    fn compose(&self, binding: Binding) -> Result<Composing, Error> {
        let writer = self.real.compose(binding)?;
        ledger::gained(self.role(), Held::Writer);
        ledger::can_read(binding.session, self.role());
        Ok(Composing { writer, session: binding.session })
    }

    fn finish(&self, composing: Composing) -> Result<EphemeralBuffer, Error> {
        let Composing { writer, session } = composing;
        ledger::lost(self.role(), Held::Writer);
        match self.real.finish(writer) {
            Ok(document) => {
                ledger::gained(self.role(), Held::Document);
                Ok(document)
            }
            Err(error) => {
                ledger::cannot_read(session, self.role());
                Err(error)
            }
        }
    }

    fn erase_writer(&self, composing: Composing, evidence: &mut Erasure) {
        ledger::lost(self.role(), Held::Writer);
        ledger::cannot_read(composing.session, self.role());
        self.real.erase_writer(composing.writer, evidence);
    }

    fn shape(&self, document: &EphemeralBuffer) -> Result<Shape, Error> {
        self.real.shape(document)
    }

    fn chunk<'d>(&self, document: &'d EphemeralBuffer, index: u32) -> Result<&'d [u8], Error> {
        self.real.chunk(document, index)
    }

    fn commitment(&self, document: &EphemeralBuffer) -> Result<[u8; 32], Error> {
        self.real.commitment(document)
    }

    fn wrap(&self, document: &EphemeralBuffer, suite: Suite, to: &[u8], info: &[u8; 32]) -> Result<WrappedKey, Error> {
        self.real.wrap(document, suite, to, info)
    }

    fn erase(&self, document: EphemeralBuffer, evidence: &mut Erasure) {
        ledger::lost(self.role(), Held::Document);
        // The defect: an issuer that keeps what it says to have erased.
        if !(crate::planted() && self.role() == Role::Issuer) {
            ledger::cannot_read(document.binding().session, self.role());
        }
        self.real.erase(document, evidence);
    }

    fn incoming(&self, binding: Binding, chunk_size: u32) -> Result<Incoming, Error> {
        let incoming = self.real.incoming(binding, chunk_size)?;
        ledger::gained(self.role(), Held::Incoming);
        Ok(incoming)
    }

    fn push(&self, incoming: &mut Incoming, chunk: &[u8]) -> Result<(), Error> {
        self.real.push(incoming, chunk)
    }

    fn unlock(
        &self,
        incoming: Incoming,
        key: &KeyCell,
        unlock: &Unlock<'_>,
        evidence: &mut Erasure,
    ) -> Result<EphemeralBuffer, Error> {
        ledger::lost(self.role(), Held::Incoming);
        let document = self.real.unlock(incoming, key, unlock, evidence)?;
        ledger::gained(self.role(), Held::Document);
        ledger::can_read(unlock.binding.session, self.role());
        Ok(document)
    }

    fn erase_incoming(&self, incoming: Incoming, evidence: &mut Erasure) {
        ledger::lost(self.role(), Held::Incoming);
        self.real.erase_incoming(incoming, evidence);
    }
}
