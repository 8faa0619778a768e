//! The kiosk's side of one transaction: apply, receive, open, deliver, erase. A machine serves one application and no other;
//! there is no "next document".
//!
//! Order of calls: inputs first (`handle_*`, commands), then drain [`poll_persist`](Kiosk::poll_persist),
//! [`poll_transmit`](Kiosk::poll_transmit) and [`poll_event`](Kiosk::poll_event), then wait until
//! [`next_deadline`](Kiosk::next_deadline).

mod state;

use alloc::string::String;
use alloc::vec::Vec;

use self::state::{Journalled, State};
use super::body::decode_chunk;
use super::body::{
    Apply, ApplyHeader, Body, Cancel, Challenge, Complete, Credit, Erased, Hello, Offer, Opened, Received,
};
use super::crypto::{Crypto, Unlock};
use super::evidence::{Story, make_receipt};
use super::identity::{Identity, Trust};
use super::message::{Frame, MessageType, chunk_hash, frame_hash, hash, session_id};
use super::output::{Output, Peer, Persist, Transmit};
use super::policy::Policy;
use super::record::{Outcome, Record};
use super::release::ReleaseBody;
use super::signing::{check_certified, check_receipt, check_signature, plain_frame, sign_frame};
use crate::buffer::{Cause, Erasure};
use crate::error::Error;
use crate::receipt::Event;
use crate::types::{Binding, Now, Role, SessionId, Time};

/// The neighbour towards the issuer: a kiosk has one.
pub const UPSTREAM: Peer = Peer(0);

/// What is applied for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application<'a> {
    /// The issuing station.
    pub issuer: &'a str,
    /// What kind of document, at most 64 bytes.
    pub kind: &'a str,
    /// How many copies, at least 1.
    pub copies: u8,
    /// The holder of the card: the identifier that the issuer's register knows. Personal data.
    pub subject: &'a [u8],
    /// Whatever else the issuer's software needs. Personal data.
    pub details: &'a [u8],
}

/// What happens at a kiosk, for its host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KioskEvent {
    /// The session has its identifier; the application is on its way.
    Applied {
        /// The session.
        session: SessionId,
    },
    /// A document was offered and its ciphertext comes.
    Offered {
        /// Its length in bytes.
        length: u64,
    },
    /// Every chunk of the ciphertext is here; the key is not.
    Received,
    /// The document is open: show the price, start printing with [`Kiosk::print`].
    Ready {
        /// Its length in bytes.
        length: u64,
    },
    /// Printing may begin, once.
    MayPrint,
    /// Everything here is erased.
    Erased {
        /// Why.
        cause: Cause,
        /// Whether every range was read back as erased.
        verified: bool,
    },
    /// Nothing is open any more.
    Finished {
        /// How it ended.
        outcome: Outcome,
    },
}

/// One transaction of a kiosk.
pub struct Kiosk<C: Crypto, T: Trust> {
    crypto: C,
    trust: T,
    policy: Policy,
    issuer_name: String,
    kind: String,
    copies: u8,
    /// The exchange's random identifier until there is a session, then the session's.
    id: SessionId,
    issuer: Option<Identity>,
    opened: Now,
    state: State<C>,
    evidence: Erasure,
    deadline: Option<Time>,
    resend: Option<Time>,
    waiting: Option<(u64, Journalled)>,
    /// The answer to a release, kept to be sent again.
    opened_frame: Option<Vec<u8>>,
    opened_hash: [u8; 32],
    cause: Cause,
    output: Output<KioskEvent>,
}

impl<C: Crypto, T: Trust> Kiosk<C, T> {
    /// Begins a transaction: holds the application sealed in this station's memory and asks the issuer for a challenge.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the station is no kiosk, [`Error::TooLarge`] for long names or applications, and when no key or
    /// memory is to be had.
    pub fn apply(now: Now, crypto: C, trust: T, policy: Policy, application: &Application<'_>) -> Result<Self, Error> {
        if crypto.station().role != Role::Kiosk {
            return Err(Error::Mismatch { what: "the station's role" });
        }
        if application.copies == 0 {
            return Err(Error::Malformed { what: "the number of copies" });
        }
        for name in [application.issuer, application.kind] {
            if name.is_empty() || name.len() > super::body::MAX_NAME {
                return Err(Error::TooLarge { what: "a name (bytes)", limit: super::body::MAX_NAME as u64 });
            }
        }
        let exchange = SessionId(crypto.random()?);
        let hello = Hello { issuer: application.issuer.into(), certificate: crypto.certificate().to_vec() };
        let frame = sign_frame(&crypto, MessageType::Hello, exchange, [0; 32], &hello.encode())?;
        let held = crypto.hold(application.subject, application.details)?;
        let evidence = crypto.evidence(exchange);
        let mut output = Output::new();
        let hello_hash = frame_hash(&frame);
        output.transmit(UPSTREAM, exchange, frame);
        Ok(Self {
            deadline: Some(now.monotonic.after(policy.challenge)),
            crypto,
            trust,
            policy,
            issuer_name: application.issuer.into(),
            kind: application.kind.into(),
            copies: application.copies,
            id: exchange,
            issuer: None,
            opened: now,
            state: State::Greeting { held, hello_hash },
            evidence,
            resend: None,
            waiting: None,
            opened_frame: None,
            opened_hash: [0; 32],
            cause: Cause::Requested,
            output,
        })
    }

    // ---- getters

    /// The identifier that frames of this transaction carry: the exchange's until the application is sent, then the session's.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The open document.
    ///
    /// # Errors
    /// [`Error::WrongState`] before it is ready and after it is erased.
    pub fn document(&self) -> Result<&C::Document, Error> {
        self.state.document().ok_or(Error::WrongState { command: "reading the document" })
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    /// Whether outputs wait to be drained.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !(self.output.persists.is_empty() && self.output.transmits.is_empty() && self.output.events.is_empty())
    }

    /// When [`Kiosk::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadline.into_iter().chain(self.resend).min()
    }

    /// The cryptography and the memory that this machine works with.
    #[must_use]
    pub const fn crypto(&self) -> &C {
        &self.crypto
    }

    // ---- inputs

    /// Takes a frame.
    ///
    /// # Errors
    /// What is wrong with it. A frame without a valid signature changes nothing; one that is signed and wrong erases.
    pub fn handle_frame(&mut self, now: Now, bytes: &[u8]) -> Result<(), Error> {
        self.handle_timeout(now);
        let frame = Frame::decode(bytes)?;
        if frame.session != self.id {
            return Err(Error::Mismatch { what: "the session of a message" });
        }
        match frame.kind {
            MessageType::Challenge => self.challenge(now, &frame, bytes),
            MessageType::Offer => self.offer(now, &frame, bytes),
            MessageType::Chunk => self.chunk(now, &frame),
            MessageType::Release => self.release(now, &frame, bytes),
            MessageType::Complete => self.complete(&frame),
            MessageType::Cancel => self.cancelled(now, &frame),
            kind => Err(Error::UnexpectedMessage { message: kind.name() }),
        }
    }

    /// A record is durable.
    pub fn handle_persisted(&mut self, now: Now, token: u64) {
        self.handle_timeout(now);
        match self.waiting.take_if(|(waiting, _)| *waiting == token) {
            Some((_, Journalled::Apply)) => {
                if let State::Journalling { frame, private, apply_hash, subject_tag } =
                    self.state.replace(State::Finished)
                {
                    self.state = State::Applied { private, apply_hash, subject_tag };
                    self.output.transmit(UPSTREAM, self.id, frame);
                    self.output.event(KioskEvent::Applied { session: self.id });
                }
            }
            Some((_, Journalled::PrintStarted)) => {
                if let State::Ready { document, printing } = &mut self.state {
                    let _ = document;
                    *printing = true;
                    self.output.event(KioskEvent::MayPrint);
                }
            }
            None => {}
        }
    }

    /// A record could not be written: what depends on it does not happen, and everything is erased.
    pub fn handle_persist_failed(&mut self, now: Now, token: u64) {
        if self.waiting.take_if(|(waiting, _)| *waiting == token).is_some() {
            self.end(now, Cause::DeviceFault, true);
        }
    }

    /// Acts on a deadline that has passed. No message is needed to erase.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.resend.is_some_and(|time| time <= now.monotonic) {
            if let State::Reported { frame } = &self.state {
                self.output.transmit(UPSTREAM, self.id, frame.clone());
                self.resend = Some(now.monotonic.after(self.policy.resend));
            } else {
                self.resend = None;
            }
        }
        if self.deadline.is_some_and(|time| time <= now.monotonic) {
            self.deadline = None;
            match self.state {
                State::Finished => {}
                State::Reported { .. } => {
                    self.alarm("the receipt was not acknowledged by the deadline");
                    self.finish(Outcome::Unresolved);
                }
                _ => {
                    self.alarm("a deadline passed and the transaction was erased");
                    self.end(now, Cause::Deadline, true);
                }
            }
        }
    }

    /// The connection is gone. A document that is already open may still be delivered.
    pub fn handle_peer_lost(&mut self, now: Now) {
        if !matches!(self.state, State::Ready { .. } | State::Reported { .. } | State::Finished) {
            self.end(now, Cause::PeerLost, false);
        }
    }

    // ---- commands

    /// Asks to start printing. [`KioskEvent::MayPrint`] follows once that is on record; after it, never again.
    ///
    /// # Errors
    /// [`Error::WrongState`] unless a document is ready and printing was not asked for.
    pub fn print(&mut self, now: Now) -> Result<(), Error> {
        self.handle_timeout(now);
        match self.state {
            State::Ready { printing: false, .. } if self.waiting.is_none() => {
                let token = self.output.persist(Record::PrintStarted { session: self.id });
                self.waiting = Some((token, Journalled::PrintStarted));
                Ok(())
            }
            _ => Err(Error::WrongState { command: "printing" }),
        }
    }

    /// The document was delivered (交付): erases everything and reports.
    ///
    /// # Errors
    /// [`Error::WrongState`] unless it was being printed.
    pub fn delivered(&mut self, now: Now) -> Result<(), Error> {
        self.handle_timeout(now);
        match self.state {
            State::Ready { printing: true, .. } => {
                self.end(now, Cause::Delivered, false);
                Ok(())
            }
            _ => Err(Error::WrongState { command: "delivering" }),
        }
    }

    /// Ends the transaction without delivery, from any state: abandoned, jam, door, shutdown.
    pub fn cancel(&mut self, now: Now, cause: Cause) {
        self.end(now, cause, true);
    }

    // ---- outputs

    /// The next record to write.
    pub fn poll_persist(&mut self) -> Option<Persist> {
        self.output.persists.pop_front()
    }

    /// The next frame to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.output.transmits.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<KioskEvent> {
        self.output.events.pop_front()
    }

    // ---- messages

    fn challenge(&mut self, now: Now, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let State::Greeting { hello_hash, .. } = &self.state else {
            return Err(Error::UnexpectedMessage { message: MessageType::Challenge.name() });
        };
        let challenge = Challenge::decode(frame.body)?;
        let issuer = check_certified(&self.crypto, &self.trust, frame, &challenge.certificate, now)?;
        if issuer.role != Role::Issuer || issuer.station != self.issuer_name {
            return Err(Error::Untrusted { what: "a challenge by another issuer than was asked" });
        }
        if frame.previous != *hello_hash {
            return Err(Error::Mismatch { what: "the greeting of a challenge" });
        }
        match self.make_apply(&challenge, frame_hash(bytes)) {
            Ok((id, next)) => {
                // From here on this transaction is its session, and so is its evidence.
                let mut evidence = self.crypto.evidence(id);
                if let State::Greeting { held, .. } = self.state.replace(next) {
                    self.crypto.erase_application(held, &mut evidence);
                }
                self.evidence = evidence;
                self.id = id;
                self.issuer = Some(issuer);
                self.deadline = Some(now.monotonic.after(self.policy.transmit));
                let token = self.output.persist(Record::Opened { session: id, kind: self.kind.clone() });
                self.waiting = Some((token, Journalled::Apply));
                Ok(())
            }
            Err(error) => {
                self.end(now, Cause::Refused, false);
                Err(error)
            }
        }
    }

    fn make_apply(&self, challenge: &Challenge, challenge_hash: [u8; 32]) -> Result<(SessionId, State<C>), Error> {
        let State::Greeting { held, .. } = &self.state else {
            return Err(Error::WrongState { command: "applying" });
        };
        let (private, reply_key) = self.crypto.generate()?;
        let id = session_id(&challenge.nonce, &self.crypto.station().station, &reply_key);
        let header = ApplyHeader {
            nonce: challenge.nonce,
            epoch: challenge.epoch,
            issuer: self.issuer_name.clone(),
            kind: self.kind.clone(),
            copies: self.copies,
            reply_key,
            certificate: self.crypto.certificate().to_vec(),
        }
        .encode();
        let info = hash(b"shokyo application v1", &[&header]);
        let (sealed, subject_tag) = self.crypto.seal_application(held, &challenge.public_key, &info)?;
        let body = Apply { header, encapsulated: sealed.encapsulated, sealed: sealed.sealed }.encode();
        let frame = sign_frame(&self.crypto, MessageType::Apply, id, challenge_hash, &body)?;
        let apply_hash = frame_hash(&frame);
        Ok((id, State::Journalling { frame, private, apply_hash, subject_tag }))
    }

    fn offer(&mut self, now: Now, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let State::Applied { apply_hash, subject_tag, .. } = &self.state else {
            return Err(Error::UnexpectedMessage { message: MessageType::Offer.name() });
        };
        let (apply_hash, subject_tag) = (*apply_hash, *subject_tag);
        self.check_issuer(frame)?;
        let offer = Offer::decode(frame.body)?;
        let accepted = if frame.previous != apply_hash {
            Err(Error::Mismatch { what: "the application of an offer" })
        } else if offer.length > self.policy.max_document {
            Err(Error::TooLarge { what: "the document (bytes)", limit: self.policy.max_document })
        } else if !bool::from(subtle::ConstantTimeEq::ct_eq(&offer.subject_tag[..], &subject_tag[..])) {
            Err(Error::Mismatch { what: "the subject of the offered document and the holder of the card" })
        } else {
            self.crypto.incoming(Binding { session: self.id, context: apply_hash }, offer.chunk_size)
        };
        match accepted {
            Ok(incoming) => {
                let length = offer.length;
                if let State::Applied { private, apply_hash, .. } = self.state.replace(State::Finished) {
                    let offer_hash = frame_hash(bytes);
                    self.state = State::Receiving { private, incoming, offer, offer_hash, apply_hash, next: 0 };
                }
                self.output.event(KioskEvent::Offered { length });
                self.grant();
                Ok(())
            }
            Err(error) => {
                self.end(now, Cause::Refused, true);
                Err(error)
            }
        }
    }

    fn grant(&mut self) {
        if let State::Receiving { offer, offer_hash, next, .. } = &self.state {
            let until = (next + self.policy.credit).min(offer.hashes.len() as u32);
            let body = Credit { until }.encode();
            let frame = plain_frame(Role::Kiosk, MessageType::Credit, self.id, *offer_hash, &body);
            self.output.transmit(UPSTREAM, self.id, frame);
        }
    }

    fn chunk(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
        let State::Receiving { incoming, offer, offer_hash, next, .. } = &mut self.state else {
            return Err(Error::UnexpectedMessage { message: MessageType::Chunk.name() });
        };
        let (index, bytes) = decode_chunk(frame.body)?;
        if index < *next {
            return Ok(());
        }
        let expected = offer.hashes.get(index as usize);
        let taken = if index != *next || frame.previous != *offer_hash || expected != Some(&chunk_hash(bytes)) {
            Err(Error::NotAuthentic)
        } else {
            self.crypto.push(incoming, bytes)
        };
        if let Err(error) = taken {
            self.end(now, Cause::Refused, true);
            return Err(error);
        }
        *next += 1;
        if (*next as usize) < offer.hashes.len() {
            self.grant();
            return Ok(());
        }
        self.received(now)
    }

    fn received(&mut self, now: Now) -> Result<(), Error> {
        let State::Receiving { private, incoming, offer, offer_hash, apply_hash, next } =
            self.state.replace(State::Finished)
        else {
            return Err(Error::WrongState { command: "acknowledging" });
        };
        let body = Received { count: next }.encode();
        let frame = sign_frame(&self.crypto, MessageType::Received, self.id, offer_hash, &body);
        let received_hash = frame.as_ref().map_or([0; 32], |frame| frame_hash(frame));
        self.state = State::AwaitingKey { private, incoming, offer, apply_hash, received_hash };
        match frame {
            Ok(frame) => {
                self.output.transmit(UPSTREAM, self.id, frame);
                self.output.event(KioskEvent::Received);
                self.deadline = Some(now.monotonic.after(self.policy.release));
                Ok(())
            }
            Err(error) => {
                self.end(now, Cause::Refused, true);
                Err(error)
            }
        }
    }

    fn release(&mut self, now: Now, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        if let (Some(opened), true) = (&self.opened_frame, self.opened_hash == frame_hash(bytes)) {
            self.output.transmit(UPSTREAM, self.id, opened.clone());
            return Ok(());
        }
        let State::AwaitingKey { received_hash, .. } = &self.state else {
            return Err(Error::UnexpectedMessage { message: MessageType::Release.name() });
        };
        let received_hash = *received_hash;
        // The signature comes before any use of the private key.
        let issuer = self.check_issuer(frame)?;
        let State::AwaitingKey { private, incoming, offer, apply_hash, .. } = self.state.replace(State::Finished)
        else {
            return Err(Error::WrongState { command: "opening" });
        };
        let opened = ReleaseBody::decode(frame.body).and_then(|release| {
            if frame.previous != received_hash {
                return Err(Error::Mismatch { what: "what a release answers" });
            }
            let statement =
                check_receipt(&self.trust, &release.receipt, &release.receipt_certificate, &issuer, self.id, now)?;
            if statement.event != Event::KeyWiped {
                return Err(Error::Mismatch { what: "the receipt in a release" });
            }
            Ok(release)
        });
        let opened = match opened {
            Ok(release) => {
                let unlock = Unlock {
                    encapsulated: &release.encapsulated,
                    wrapped: &release.wrapped,
                    info: &received_hash,
                    commitment: &offer.commitment,
                    binding: Binding { session: self.id, context: apply_hash },
                    length: offer.length,
                };
                self.crypto.unlock(incoming, &private, &unlock, &mut self.evidence)
            }
            Err(error) => {
                self.crypto.erase_incoming(incoming, &mut self.evidence);
                Err(error)
            }
        };
        self.crypto.destroy(private, &mut self.evidence);
        let verified = opened.is_ok() && self.evidence.is_verified();
        let body = Opened { verified }.encode();
        let answer = sign_frame(&self.crypto, MessageType::Opened, self.id, frame_hash(bytes), &body);
        let outcome = match (opened, answer) {
            (Ok(document), Ok(answer)) if verified => {
                self.output.transmit(UPSTREAM, self.id, answer.clone());
                self.opened_hash = frame_hash(bytes);
                self.opened_frame = Some(answer);
                self.state = State::Ready { document, printing: false };
                self.deadline = Some(now.monotonic.after(self.policy.deliver));
                self.output.event(KioskEvent::Ready { length: offer.length });
                return Ok(());
            }
            (Ok(document), answer) => {
                self.crypto.erase(document, &mut self.evidence);
                (Error::NotErased { bytes: 32 }, answer)
            }
            (Err(error), answer) => (error, answer),
        };
        if let Ok(answer) = outcome.1 {
            self.output.transmit(UPSTREAM, self.id, answer);
        }
        self.state = State::Emptied;
        self.end(now, Cause::Refused, false);
        Err(outcome.0)
    }

    fn complete(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        Complete::decode(frame.body)?;
        self.check_issuer(frame)?;
        match self.state {
            State::Reported { .. } => {
                let delivered = self.cause == Cause::Delivered;
                self.finish(if delivered { Outcome::Complete } else { Outcome::Ended });
                Ok(())
            }
            State::Finished => Ok(()),
            _ => Err(Error::UnexpectedMessage { message: MessageType::Complete.name() }),
        }
    }

    fn cancelled(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
        let cancel = Cancel::decode(frame.body)?;
        let sender = check_certified(&self.crypto, &self.trust, frame, &cancel.certificate, now)?;
        let fits = sender.role.is_relay() || sender.role == Role::Issuer && sender.station == self.issuer_name;
        if !fits {
            return Err(Error::Untrusted { what: "a cancellation by a station outside the session" });
        }
        self.end(now, Cause::Cancelled, false);
        Ok(())
    }

    fn check_issuer(&self, frame: &Frame<'_>) -> Result<Identity, Error> {
        let issuer = self.issuer.as_ref().ok_or(Error::UnexpectedMessage { message: frame.kind.name() })?;
        check_signature(&self.crypto, frame, &issuer.key)?;
        Ok(issuer.clone())
    }

    // ---- endings

    /// Erases whatever there is, makes the receipt, and reports it.
    fn end(&mut self, now: Now, cause: Cause, tell: bool) {
        if matches!(self.state, State::Reported { .. } | State::Finished) {
            return;
        }
        let applied = !matches!(self.state, State::Greeting { .. } | State::Journalling { .. });
        let has_session = !matches!(self.state, State::Greeting { .. });
        self.waiting = None;
        self.opened_frame = None;
        self.cause = cause;
        self.output.drop_transmits(self.id);
        let evidence = core::mem::replace(&mut self.evidence, self.crypto.evidence(self.id));
        let erasure = self.state.replace(State::Finished).erase(&self.crypto, evidence);
        self.output.event(KioskEvent::Erased { cause, verified: erasure.is_verified() });
        if !has_session {
            // Nothing was applied for and no record was opened.
            self.finish_silently(Outcome::Ended);
            return;
        }
        if tell && applied {
            let body = Cancel { cause, certificate: self.crypto.certificate().to_vec() }.encode();
            if let Ok(frame) = sign_frame(&self.crypto, MessageType::Cancel, self.id, [0; 32], &body) {
                self.output.transmit(UPSTREAM, self.id, frame);
            }
        }
        match self.report(erasure, cause, now) {
            Ok(frame) if applied => {
                self.output.transmit(UPSTREAM, self.id, frame.clone());
                self.state = State::Reported { frame };
                self.deadline = Some(now.monotonic.after(self.policy.receipt));
                self.resend = Some(now.monotonic.after(self.policy.resend));
            }
            Ok(_) => self.finish(Outcome::Ended),
            Err(_) => {
                self.alarm("a receipt could not be made");
                self.finish(Outcome::Unresolved);
            }
        }
    }

    fn report(&mut self, erasure: Erasure, cause: Cause, now: Now) -> Result<Vec<u8>, Error> {
        let story = Story { event: Event::Erased, cause, kind: &self.kind, opened: self.opened, now, relay: None };
        let receipt = make_receipt(&self.crypto, erasure, &story)?.as_bytes().to_vec();
        self.output.persist(Record::OwnReceipt { session: self.id, receipt: receipt.clone() });
        let body = Erased {
            receipt,
            receipt_certificate: self.crypto.receipt_certificate().to_vec(),
            certificate: self.crypto.certificate().to_vec(),
        }
        .encode();
        sign_frame(&self.crypto, MessageType::Erased, self.id, self.opened_hash, &body)
    }

    fn finish(&mut self, outcome: Outcome) {
        self.output.persist(Record::Ended { session: self.id, outcome });
        self.finish_silently(outcome);
    }

    fn finish_silently(&mut self, outcome: Outcome) {
        self.state = State::Finished;
        self.deadline = None;
        self.resend = None;
        self.output.event(KioskEvent::Finished { outcome });
    }

    fn alarm(&mut self, what: &'static str) {
        if !matches!(self.state, State::Greeting { .. }) {
            self.output.persist(Record::Alarm { session: self.id, what });
        }
    }
}
