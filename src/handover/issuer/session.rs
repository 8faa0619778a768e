//! One session of an issuing system: its states, each consumed by the step that leaves it.

mod handing_over;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::{IssuerEvent, Source};
use crate::buffer::{Cause, CopyClass, Erasure};
use crate::error::Error;
use crate::handover::body::{Body, MAX_CHUNKS, Offer};
use crate::handover::cipher_suite::Suite;
use crate::handover::crypto::{Crypto, SealedApplication, Shape, WrappedKey};
use crate::handover::evidence::{Story, make_receipt};
use crate::handover::identity::Identity;
use crate::handover::message::{MessageType, chunk_hash, frame_hash, hash};
use crate::handover::output::Peer;
use crate::handover::policy::{Deadline, Policy};
use crate::handover::record::Outcome;
use crate::handover::signing::sign_frame;
use crate::receipt::{Event, Receipt, Statement};
use crate::types::{Binding, Now, Role, SessionId, Time};
use crate::wipe;

/// What waits for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(shokyo_model, derive(Hash))]
pub(super) enum Pending {
    /// Opening the application.
    Open,
    /// Sending the release.
    Release,
    /// Counting the receipt of this station.
    Receipt(Role),
    /// Telling the other stations that every receipt is there.
    Complete,
    /// Nothing.
    Nothing,
}

/// Whether another station's receipt says that its part ended as it should.
pub(super) fn ends_well(sender: &Identity, statement: &Statement) -> bool {
    match sender.role {
        Role::Kiosk => statement.event == Event::Erased,
        _ => statement.event == Event::RelayedNotRetained && statement.relay.is_some_and(|relay| relay.frames > 0),
    }
}

/// Who applied, and for what.
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub(super) struct Applicant {
    pub(super) peer: Peer,
    pub(super) suite: Suite,
    pub(super) kiosk: Identity,
    pub(super) kind: String,
    pub(super) copies: u8,
    pub(super) reply_key: Vec<u8>,
}

/// The sealed part of an application and the key that opens it.
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub(super) struct SealedPart<C: Crypto> {
    pub(super) private: C::PrivateKey,
    pub(super) info: [u8; 32],
    pub(super) encapsulated: Vec<u8>,
    pub(super) sealed: Vec<u8>,
}

fn version_hash(version: &[u8]) -> [u8; 32] {
    hash(b"shokyo version v1", &[version])
}

#[allow(
    clippy::large_enum_variant,
    reason = "one lives in each session and is moved a few times; a box would be an allocation more"
)]
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
enum State<C: Crypto> {
    /// The `opened` record is being written; no document key exists.
    Journalling(SealedPart<C>),
    /// The host composes.
    Composing {
        application: C::Application,
        subject_key: C::SubjectKey,
        /// With the hash of the version of the row that it is made from.
        writer: Option<(C::Writer, [u8; 32])>,
    },
    /// The ciphertext moves to the kiosk.
    Offered {
        document: C::Document,
        shape: Shape,
        /// Kept to be sent again.
        frame: Vec<u8>,
        offer_hash: [u8; 32],
        /// One more than the highest index that was sent.
        sent: u32,
        /// How many chunks were sent, repetitions included.
        transmitted: u64,
    },
    /// Key and ciphertext are wiped; the receipt is being written.
    Recording { wrapped: WrappedKey, receipt: Receipt, received_hash: [u8; 32] },
    /// The wrapped key is on its way; it is kept to be sent again until the kiosk answers.
    Released { frame: Vec<u8>, release_hash: [u8; 32], received_hash: [u8; 32] },
    /// Nothing is left to erase; receipts are awaited.
    Closing,
}

#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub(super) struct Session<C: Crypto> {
    id: SessionId,
    apply_hash: [u8; 32],
    applicant: Applicant,
    opened: Now,
    state: State<C>,
    /// Evidence of what was erased on the way and is in no receipt yet.
    evidence: Erasure,
    /// Stations whose receipts came, and those whose receipts are durable.
    noted: BTreeMap<Role, [u8; 32]>,
    receipts: BTreeSet<Role>,
    /// What a defect keeps.
    #[cfg(shokyo_model)]
    kept: Option<C::Document>,
    /// Set when the session cannot end as complete any more.
    verdict: Option<Outcome>,
    /// Set when the last receipt of this station was made.
    ended: bool,
    pub(super) deadline: (Time, Deadline),
    /// How long the neighbour's lost connection may stay lost.
    pub(super) offline: Option<Time>,
}

impl<C: Crypto> Session<C> {
    pub(super) fn new(
        now: Now,
        id: SessionId,
        apply_hash: [u8; 32],
        applicant: Applicant,
        sealed: SealedPart<C>,
        evidence: Erasure,
    ) -> Self {
        let state = State::Journalling(sealed);
        Self {
            id,
            apply_hash,
            applicant,
            opened: now,
            state,
            evidence,
            noted: BTreeMap::new(),
            receipts: BTreeSet::new(),
            #[cfg(shokyo_model)]
            kept: None,
            verdict: None,
            ended: false,
            deadline: (now.monotonic, Deadline::Transmit),
            offline: None,
        }
    }

    /// The deadline that comes first. Once the key is wiped a lost connection hastens nothing: nobody can read anything here.
    pub(super) fn next_deadline(&self) -> Time {
        let offline = self.offline.filter(|_| self.deadline.1 < Deadline::Release);
        self.deadline.0.min(offline.unwrap_or(self.deadline.0))
    }

    /// Which deadline has passed.
    pub(super) fn passed_deadline(&self, now: Time) -> Deadline {
        if self.deadline.0 <= now { self.deadline.1 } else { Deadline::Reconnect }
    }

    pub(super) const fn suite(&self) -> Suite {
        self.applicant.suite
    }

    /// Whether this application began the session.
    pub(super) fn is_opened_by(&self, peer: Peer, apply_hash: &[u8; 32]) -> bool {
        self.applicant.peer == peer && self.apply_hash == *apply_hash
    }

    /// The offer, while its ciphertext moves.
    pub(super) fn stored_offer(&self) -> Option<Vec<u8>> {
        match &self.state {
            State::Offered { frame, .. } => Some(frame.clone()),
            _ => None,
        }
    }

    /// Whether the receipt for the answer to this very `Received` is being written.
    pub(super) fn is_recording(&self, received: &[u8; 32]) -> bool {
        matches!(&self.state, State::Recording { received_hash, .. } if received_hash == received)
    }

    /// The release, until it is answered.
    pub(super) fn unanswered_release(&self) -> Option<Vec<u8>> {
        match &self.state {
            State::Released { frame, .. } => Some(frame.clone()),
            _ => None,
        }
    }

    pub(super) const fn peer(&self) -> Peer {
        self.applicant.peer
    }

    pub(super) const fn kiosk_key(&self) -> &[u8; 32] {
        &self.applicant.kiosk.key
    }

    pub(super) const fn is_closing(&self) -> bool {
        self.ended
    }

    pub(super) const fn application(&self) -> Option<&C::Application> {
        match &self.state {
            State::Composing { application, .. } => Some(application),
            _ => None,
        }
    }

    const fn binding(&self) -> Binding {
        Binding { session: self.id, context: self.apply_hash }
    }

    /// After the `opened` record: opens the application and destroys the challenge's key.
    pub(super) fn open_application(&mut self, crypto: &C) -> Result<Option<IssuerEvent>, Error> {
        let binding = self.binding();
        let State::Journalling(part) = core::mem::replace(&mut self.state, State::Closing) else { return Ok(None) };
        let sealed = SealedApplication { encapsulated: part.encapsulated, sealed: part.sealed };
        let opened = crypto.open_application(self.applicant.suite, &part.private, &part.info, binding, &sealed);
        match opened {
            Ok((application, subject_key)) => {
                crypto.destroy(part.private, &mut self.evidence);
                self.state = State::Composing { application, subject_key, writer: None };
            }
            Err(error) => {
                // Left to `end`, which destroys the key and says so.
                let part = SealedPart { encapsulated: sealed.encapsulated, sealed: sealed.sealed, ..part };
                self.state = State::Journalling(part);
                return Err(error);
            }
        }
        Ok(Some(IssuerEvent::Application {
            session: self.id,
            kind: self.applicant.kind.clone(),
            copies: self.applicant.copies,
            kiosk: self.applicant.kiosk.station.clone(),
        }))
    }

    pub(super) fn writer(&mut self, crypto: &C, version: &[u8]) -> Result<&mut C::Writer, Error> {
        let (binding, version) = (self.binding(), version_hash(version));
        let State::Composing { writer, .. } = &mut self.state else {
            return Err(Error::WrongState { command: "composing" });
        };
        if writer.is_none() {
            *writer = Some((crypto.compose(binding)?, version));
        }
        match writer {
            Some((writer, known)) if *known == version => Ok(writer),
            _ => Err(Error::Mismatch { what: "the version of the register's row" }),
        }
    }

    /// Seals the document, erases the application, and gives the signed offer.
    pub(super) fn offer(&mut self, crypto: &C, policy: &Policy, source: &Source<'_>) -> Result<Vec<u8>, Error> {
        let State::Composing { subject_key, writer, .. } = &mut self.state else {
            return Err(Error::WrongState { command: "offering" });
        };
        if writer.as_ref().is_some_and(|(_, version)| *version != version_hash(source.version)) {
            return Err(Error::Mismatch { what: "the version of the register's row" });
        }
        let (writer, _) = writer.take().ok_or(Error::EmptyDocument)?;
        let subject_tag = crypto.subject_tag(subject_key, source.subject);
        let document = crypto.finish(writer).inspect_err(|_| {
            // What it held was erased as it was dropped, but nobody saw that: the receipt must not say otherwise.
            self.evidence.record(CopyClass::Ciphertext, Err(Error::NotErased { bytes: 0 }));
        })?;
        let offered = subject_tag.and_then(|tag| Self::shape_offer(crypto, policy, &document, tag));
        let signed = offered.and_then(|(shape, offer)| {
            let body = offer.encode();
            Ok((shape, sign_frame(crypto, self.applicant.suite, MessageType::Offer, self.id, self.apply_hash, &body)?))
        });
        let (shape, frame) = match signed {
            Ok(signed) => signed,
            Err(error) => {
                crypto.erase(document, &mut self.evidence);
                return Err(error);
            }
        };
        let offer_hash = frame_hash(&frame);
        let offered = State::Offered { document, shape, frame: frame.clone(), offer_hash, sent: 0, transmitted: 0 };
        if let State::Composing { application, subject_key, .. } = core::mem::replace(&mut self.state, offered) {
            crypto.erase_application(application, &mut self.evidence);
            crypto.destroy_subject_key(subject_key, &mut self.evidence);
        }
        Ok(frame)
    }

    fn shape_offer(
        crypto: &C,
        policy: &Policy,
        document: &C::Document,
        subject_tag: [u8; 32],
    ) -> Result<(Shape, Offer), Error> {
        let shape = crypto.shape(document)?;
        if shape.length == 0 {
            return Err(Error::EmptyDocument);
        }
        let most = policy.max_document.min(MAX_CHUNKS as u64 * u64::from(shape.chunk_size));
        if shape.length > most {
            return Err(Error::TooLarge { what: "the document (bytes)", limit: most });
        }
        let mut hashes = Vec::with_capacity(shape.count as usize);
        for index in 0..shape.count {
            hashes.push(chunk_hash(crypto.chunk(document, index)?));
        }
        let commitment = crypto.commitment(document)?;
        let offer = Offer { length: shape.length, chunk_size: shape.chunk_size, hashes, commitment, subject_tag };
        Ok((shape, offer))
    }

    /// Erases whatever the session still holds and gives the receipt, and whether all of it was verified.
    pub(super) fn end(&mut self, crypto: &C, now: Now, cause: Cause) -> Result<(Vec<u8>, bool), Error> {
        let mut event = Event::Erased;
        self.verdict = Some(Outcome::Ended);
        self.ended = true;
        match core::mem::replace(&mut self.state, State::Closing) {
            State::Journalling(part) => crypto.destroy(part.private, &mut self.evidence),
            State::Composing { application, subject_key, writer } => {
                crypto.erase_application(application, &mut self.evidence);
                crypto.destroy_subject_key(subject_key, &mut self.evidence);
                if let Some((writer, _)) = writer {
                    crypto.erase_writer(writer, &mut self.evidence);
                }
            }
            State::Offered { document, .. } => crypto.erase(document, &mut self.evidence),
            State::Recording { mut wrapped, .. } => {
                self.evidence.record(CopyClass::WrappedKey, wipe::wipe_vec(&mut wrapped.wrapped, 0));
            }
            State::Released { mut frame, .. } => {
                // The kiosk may hold the key or not; nobody here can know.
                self.evidence.record(CopyClass::WrappedKey, wipe::wipe_vec(&mut frame, 0));
                self.verdict = Some(Outcome::Unresolved);
                event = Event::Unresolved;
            }
            State::Closing => {}
        }
        let verified = self.evidence.is_verified();
        Ok((self.receipt(crypto, now, event, cause)?, verified))
    }

    /// Notes a verified receipt of another station; `false` when it is already there. Before this station's own part is over, no
    /// other can truthfully be at its end.
    pub(super) fn note_receipt(&mut self, sender: &Identity, statement: &Statement) -> Result<bool, Error> {
        if !self.ended {
            return Err(Error::UnexpectedMessage { message: MessageType::Erased.name() });
        }
        match sender.role {
            Role::Issuer => return Err(Error::Untrusted { what: "a receipt of another issuer" }),
            Role::Kiosk
                if sender.station != self.applicant.kiosk.station
                    || sender.operator != self.applicant.kiosk.operator =>
            {
                return Err(Error::Mismatch { what: "the kiosk of a receipt" });
            }
            _ => {}
        }
        if !ends_well(sender, statement) {
            self.verdict = Some(Outcome::Unresolved);
        } else if sender.role == Role::Kiosk && statement.cause != Cause::Delivered {
            #[cfg(shokyo_model)]
            if crate::handover::model::defect::is(crate::handover::model::defect::Defect::CompleteUndelivered) {
                return Ok(self.noted.insert(sender.role, sender.key).is_none());
            }
            // Erased, but not after a delivery.
            self.verdict.get_or_insert(Outcome::Ended);
        }
        #[cfg(shokyo_model)]
        if crate::handover::model::defect::is(crate::handover::model::defect::Defect::ReceiptTwice) {
            self.noted.remove(&sender.role);
        }
        Ok(self.noted.insert(sender.role, sender.key).is_none())
    }

    /// Whether another station already gave the receipt of this relay's role: then nobody here can know who carried the session. `Some`
    /// when it did, with whether this is the first time that it is found.
    pub(super) fn contradicts(&mut self, sender: &Identity) -> Option<bool> {
        if !sender.role.is_relay() {
            // Which kiosk it is was known from the start.
            return None;
        }
        self.noted.get(&sender.role).filter(|known| **known != sender.key)?;
        Some(self.verdict.replace(Outcome::Unresolved) != Some(Outcome::Unresolved))
    }

    pub(super) fn receipt_is_durable(&mut self, role: Role) {
        self.receipts.insert(role);
    }

    pub(super) fn forget_receipt(&mut self, role: Role) {
        self.noted.remove(&role);
    }

    pub(super) fn has_all_receipts(&self) -> bool {
        self.ended && self.receipts.len() == 3
    }

    pub(super) fn outcome(&self, complete: bool) -> Outcome {
        self.verdict.unwrap_or(if complete { Outcome::Complete } else { Outcome::Unresolved })
    }

    fn receipt(&mut self, crypto: &C, now: Now, event: Event, cause: Cause) -> Result<Vec<u8>, Error> {
        let evidence = core::mem::replace(&mut self.evidence, crypto.evidence(self.id));
        Ok(make_receipt(crypto, evidence, &self.story(event, cause, now))?.as_bytes().to_vec())
    }

    fn story(&self, event: Event, cause: Cause, now: Now) -> Story<'_> {
        Story { event, cause, kind: &self.applicant.kind, opened: self.opened, now, relay: None }
    }
}
