//! The issuing system's side: challenges, applications, sealed documents, and the one release of each key.
//!
//! Order of calls, as for every machine here: inputs first (`handle_*`, commands), then drain the outputs
//! ([`poll_persist`](Issuer::poll_persist), [`poll_transmit`](Issuer::poll_transmit), [`poll_event`](Issuer::poll_event)),
//! then wait until [`next_deadline`](Issuer::next_deadline). Time only comes in; nothing here reads a clock.

mod session;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use self::session::{Pending, Session};
use super::body::{Apply, ApplyHeader, Body, Cancel, Challenge, Credit, Erased, Hello, Opened, Received};
use super::crypto::Crypto;
use super::identity::{Identity, Trust};
use super::message::{Frame, MessageType, frame_hash, hash, session_id};
use super::output::{Output, Peer, Persist, Transmit};
use super::policy::Policy;
use super::record::{Outcome, Record};
use super::signing::{check_certified, check_signature, sign_frame};
use crate::buffer::Cause;
use crate::error::Error;
use crate::types::{Now, Role, SessionId, Time};

/// What happens in an issuing system, for its host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssuerEvent {
    /// An application is open: compose its document, then call [`Issuer::offer`].
    Application {
        /// The session.
        session: SessionId,
        /// What kind of document.
        kind: String,
        /// How many copies.
        copies: u8,
        /// The kiosk that asked.
        kiosk: String,
    },
    /// The sealed document is offered; its ciphertext moves.
    Offered {
        /// The session.
        session: SessionId,
    },
    /// The key and the ciphertext are wiped, read back, and the receipt is durable; the wrapped key is sent.
    Released {
        /// The session.
        session: SessionId,
    },
    /// The kiosk answered, and the wrapped key is wiped too.
    Closed {
        /// The session.
        session: SessionId,
        /// Whether the kiosk could open the document.
        verified: bool,
    },
    /// The session ended before its time; what could be erased is.
    Ended {
        /// The session.
        session: SessionId,
        /// Why.
        cause: Cause,
        /// Whether every range was read back as erased.
        verified: bool,
    },
    /// Nothing is open any more.
    Finished {
        /// The session.
        session: SessionId,
        /// How it ended.
        outcome: Outcome,
    },
}

/// A challenge that was given out and not answered.
struct Outstanding<C: Crypto> {
    peer: Peer,
    kiosk: Identity,
    private: C::PrivateKey,
    challenge_hash: [u8; 32],
    expires: Time,
}

/// The issuing system.
pub struct Issuer<C: Crypto, T: Trust> {
    crypto: C,
    trust: T,
    policy: Policy,
    epoch: [u8; 16],
    challenges: BTreeMap<[u8; 32], Outstanding<C>>,
    sessions: BTreeMap<SessionId, Session<C>>,
    deadlines: BTreeSet<(Time, SessionId)>,
    pending: BTreeMap<u64, (SessionId, Pending)>,
    output: Output<IssuerEvent>,
}

impl<C: Crypto, T: Trust> Issuer<C, T> {
    /// An issuing system with a new epoch: challenges from before a restart are worth nothing.
    ///
    /// # Errors
    /// [`Error::RandomnessUnavailable`]; [`Error::Mismatch`] when the station is no issuer.
    pub fn new(crypto: C, trust: T, policy: Policy) -> Result<Self, Error> {
        if crypto.station().role != Role::Issuer {
            return Err(Error::Mismatch { what: "the station's role" });
        }
        let mut epoch = [0; 16];
        epoch.copy_from_slice(&crypto.random()?[..16]);
        Ok(Self {
            crypto,
            trust,
            policy,
            epoch,
            challenges: BTreeMap::new(),
            sessions: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            pending: BTreeMap::new(),
            output: Output::new(),
        })
    }

    // ---- getters

    /// The application of a session whose document is being composed.
    ///
    /// # Errors
    /// [`Error::WrongState`].
    pub fn application(&self, session: SessionId) -> Result<&C::Application, Error> {
        self.sessions
            .get(&session)
            .and_then(Session::application)
            .ok_or(Error::WrongState { command: "reading the application" })
    }

    /// How many sessions are open.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.sessions.len()
    }

    /// When [`Issuer::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        let challenge = self.challenges.values().map(|outstanding| outstanding.expires).min();
        let session = self.deadlines.first().map(|(time, _)| *time);
        challenge.into_iter().chain(session).min()
    }

    /// The cryptography and the memory that this machine works with.
    #[must_use]
    pub const fn crypto(&self) -> &C {
        &self.crypto
    }

    // ---- inputs

    /// Takes a frame from a neighbour.
    ///
    /// # Errors
    /// What is wrong with the frame. A frame that is refused changes nothing, unless it shows that the session cannot be
    /// trusted any more; then the session is erased.
    pub fn handle_frame(&mut self, now: Now, peer: Peer, bytes: &[u8]) -> Result<(), Error> {
        self.handle_timeout(now);
        let frame = Frame::decode(bytes)?;
        match frame.kind {
            MessageType::Hello => self.hello(now, peer, &frame, bytes),
            MessageType::Apply => self.apply(now, peer, &frame, bytes),
            kind => {
                let session =
                    self.sessions.get_mut(&frame.session).ok_or(Error::UnexpectedMessage { message: kind.name() })?;
                if session.peer() != peer {
                    return Err(Error::Mismatch { what: "the neighbour of a session" });
                }
                match kind {
                    MessageType::Credit => self.credit(&frame),
                    MessageType::Received => self.received(now, &frame, bytes),
                    MessageType::Opened => self.opened(now, &frame),
                    MessageType::Erased => self.erased(now, &frame),
                    MessageType::Cancel => self.cancelled(now, &frame),
                    _ => Err(Error::UnexpectedMessage { message: kind.name() }),
                }
            }
        }
    }

    /// A record is durable.
    pub fn handle_persisted(&mut self, now: Now, token: u64) {
        self.handle_timeout(now);
        let Some((id, pending)) = self.pending.remove(&token) else { return };
        let outcome = match pending {
            Pending::Open => self.open_application(id),
            Pending::Release => self.release(now, id),
            Pending::Nothing => Ok(()),
        };
        if outcome.is_err() {
            self.end(now, id, Cause::Refused, true);
        }
    }

    /// A record could not be written: what depends on it does not happen, and the session is erased.
    pub fn handle_persist_failed(&mut self, now: Now, token: u64) {
        if let Some((id, Pending::Open | Pending::Release)) = self.pending.remove(&token) {
            self.end(now, id, Cause::Refused, true);
        }
    }

    /// Acts on every deadline that has passed. No message is needed to erase.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((nonce, _)) = self.challenges.iter().find(|(_, challenge)| challenge.expires <= now.monotonic) {
            let nonce = *nonce;
            self.drop_challenge(&nonce);
        }
        while let Some(&(time, id)) = self.deadlines.first() {
            if time > now.monotonic {
                break;
            }
            self.deadlines.pop_first();
            self.expire(now, id);
        }
    }

    /// The connection to a neighbour is gone: its challenges and its sessions end, except those whose key is already with the
    /// kiosk, which wait for their receipts.
    pub fn handle_peer_lost(&mut self, now: Now, peer: Peer) {
        let nonces: Vec<_> = self.challenges.iter().filter(|(_, c)| c.peer == peer).map(|(nonce, _)| *nonce).collect();
        for nonce in nonces {
            self.drop_challenge(&nonce);
        }
        let sessions: Vec<_> =
            self.sessions.iter().filter(|(_, s)| s.peer() == peer && !s.is_closing()).map(|(id, _)| *id).collect();
        for id in sessions {
            self.end(now, id, Cause::PeerLost, false);
        }
    }

    // ---- commands

    /// The writer of a session's document. The first call creates the document key.
    ///
    /// # Errors
    /// [`Error::WrongState`] unless an application is open; when no key is to be had.
    pub fn document(&mut self, session: SessionId) -> Result<&mut C::Writer, Error> {
        match self.sessions.get_mut(&session) {
            Some(found) => found.writer(&self.crypto),
            None => Err(Error::WrongState { command: "composing" }),
        }
    }

    /// Seals the document, consumes the application, and offers the ciphertext to the kiosk.
    ///
    /// `source_subject` is the subject in the row that the document was made from; the kiosk compares it with the holder of the
    /// card, so that a document of another person is refused before any key moves.
    ///
    /// # Errors
    /// [`Error::EmptyDocument`], [`Error::TooLarge`], [`Error::WrongState`]; the session is erased then.
    pub fn offer(&mut self, now: Now, session: SessionId, source_subject: &[u8]) -> Result<(), Error> {
        self.handle_timeout(now);
        let Some(found) = self.sessions.get_mut(&session) else {
            return Err(Error::WrongState { command: "offering" });
        };
        match found.offer(&self.crypto, &self.policy, source_subject) {
            Ok(frame) => {
                self.output.transmit(found.peer(), session, frame);
                self.output.event(IssuerEvent::Offered { session });
                Ok(())
            }
            Err(error) => {
                self.end(now, session, Cause::Refused, true);
                Err(error)
            }
        }
    }

    /// Ends a session from this side.
    pub fn cancel(&mut self, now: Now, session: SessionId, cause: Cause) {
        self.end(now, session, cause, true);
    }

    /// Ends everything, as before the process ends.
    pub fn shutdown(&mut self, now: Now) {
        while let Some(nonce) = self.challenges.keys().next().copied() {
            self.drop_challenge(&nonce);
        }
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for id in sessions {
            self.end(now, id, Cause::Shutdown, true);
        }
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
    pub fn poll_event(&mut self) -> Option<IssuerEvent> {
        self.output.events.pop_front()
    }

    // ---- messages before a session exists

    fn hello(&mut self, now: Now, peer: Peer, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let hello = Hello::decode(frame.body)?;
        let kiosk = check_certified(&self.crypto, &self.trust, frame, &hello.certificate, now)?;
        if kiosk.role != Role::Kiosk {
            return Err(Error::Untrusted { what: "an application from a station that is no kiosk" });
        }
        let refused = if hello.issuer != self.crypto.station().station {
            Some(Error::Mismatch { what: "the issuer that is asked" })
        } else if self.challenges.len() >= self.policy.max_sessions || self.sessions.len() >= self.policy.max_sessions {
            Some(Error::Busy { what: "sessions", limit: self.policy.max_sessions as u64 })
        } else {
            None
        };
        if let Some(error) = refused {
            self.refuse(peer, frame.session, frame_hash(bytes));
            return Err(error);
        }
        let nonce = self.crypto.random()?;
        let (private, public_key) = self.crypto.generate()?;
        let body = Challenge {
            nonce,
            epoch: self.epoch,
            public_key,
            valid_ms: u64::try_from(self.policy.challenge.as_millis()).unwrap_or(u64::MAX),
            certificate: self.crypto.certificate().to_vec(),
        };
        let challenge =
            sign_frame(&self.crypto, MessageType::Challenge, frame.session, frame_hash(bytes), &body.encode())?;
        let expires = now.monotonic.after(self.policy.challenge);
        let challenge_hash = frame_hash(&challenge);
        self.challenges.insert(nonce, Outstanding { peer, kiosk, private, challenge_hash, expires });
        self.output.transmit(peer, frame.session, challenge);
        Ok(())
    }

    fn apply(&mut self, now: Now, peer: Peer, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let apply = Apply::decode(frame.body)?;
        let header = ApplyHeader::decode(&apply.header)?;
        let outstanding = self.challenges.get(&header.nonce).ok_or(Error::Replayed)?;
        let kiosk = check_certified(&self.crypto, &self.trust, frame, &header.certificate, now)?;
        if outstanding.peer != peer || kiosk != outstanding.kiosk {
            return Err(Error::Mismatch { what: "the kiosk that was challenged" });
        }
        if frame.previous != outstanding.challenge_hash || header.epoch != self.epoch {
            return Err(Error::Mismatch { what: "the challenge of an application" });
        }
        if header.issuer != self.crypto.station().station {
            return Err(Error::Mismatch { what: "the issuer that is asked" });
        }
        let id = session_id(&header.nonce, &kiosk.station, &header.reply_key);
        if frame.session != id {
            return Err(Error::Mismatch { what: "the session of an application" });
        }
        if header.copies == 0 {
            return Err(Error::Malformed { what: "the number of copies" });
        }
        // The nonce is used from here on, whatever happens.
        let Some(outstanding) = self.challenges.remove(&header.nonce) else { return Err(Error::Replayed) };
        if self.sessions.contains_key(&id) || self.sessions.len() >= self.policy.max_sessions {
            let mut evidence = self.crypto.evidence(id);
            self.crypto.destroy(outstanding.private, &mut evidence);
            self.refuse(peer, id, frame_hash(bytes));
            return Err(Error::Busy { what: "sessions", limit: self.policy.max_sessions as u64 });
        }
        let info = hash(b"shokyo application v1", &[&apply.header]);
        let session = Session::new(
            now,
            id,
            frame_hash(bytes),
            session::Applicant {
                peer,
                kiosk,
                kind: header.kind.clone(),
                copies: header.copies,
                reply_key: header.reply_key,
            },
            session::SealedPart {
                private: outstanding.private,
                info,
                encapsulated: apply.encapsulated,
                sealed: apply.sealed,
            },
            self.crypto.evidence(id),
        );
        self.sessions.insert(id, session);
        self.set_deadline(id, now.monotonic.after(self.policy.transmit));
        let token = self.output.persist(Record::Opened { session: id, kind: header.kind });
        self.pending.insert(token, (id, Pending::Open));
        Ok(())
    }

    fn refuse(&mut self, peer: Peer, session: SessionId, previous: [u8; 32]) {
        let body = Cancel { cause: Cause::Refused, certificate: self.crypto.certificate().to_vec() }.encode();
        if let Ok(frame) = sign_frame(&self.crypto, MessageType::Cancel, session, previous, &body) {
            self.output.transmit(peer, session, frame);
        }
    }

    fn drop_challenge(&mut self, nonce: &[u8; 32]) {
        if let Some(outstanding) = self.challenges.remove(nonce) {
            let mut evidence = self.crypto.evidence(SessionId(*nonce));
            self.crypto.destroy(outstanding.private, &mut evidence);
        }
    }

    // ---- messages of a session

    fn credit(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let credit = Credit::decode(frame.body)?;
        let Some(session) = self.sessions.get_mut(&frame.session) else { return Ok(()) };
        let peer = session.peer();
        for chunk in session.grant(&self.crypto, &self.policy, credit.until)? {
            self.output.transmit(peer, frame.session, chunk);
        }
        Ok(())
    }

    fn received(&mut self, now: Now, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let received = Received::decode(frame.body)?;
        let Some(session) = self.sessions.get_mut(&frame.session) else { return Ok(()) };
        check_signature(&self.crypto, frame, session.kiosk_key())?;
        let received_hash = frame_hash(bytes);
        if let Some(release) = session.stored_release(&received_hash) {
            let peer = session.peer();
            self.output.transmit(peer, frame.session, release);
            return Ok(());
        }
        match session.wrap_and_wipe(&self.crypto, now, received, frame.previous, received_hash) {
            Ok(receipt) => {
                let token = self.output.persist(Record::OwnReceipt { session: frame.session, receipt });
                self.pending.insert(token, (frame.session, Pending::Release));
                self.set_deadline(frame.session, now.monotonic.after(self.policy.release));
                Ok(())
            }
            Err(error @ (Error::UnexpectedMessage { .. } | Error::Mismatch { .. })) => Err(error),
            Err(error) => {
                self.end(now, frame.session, Cause::Refused, true);
                Err(error)
            }
        }
    }

    fn opened(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
        let opened = Opened::decode(frame.body)?;
        let id = frame.session;
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        check_signature(&self.crypto, frame, session.kiosk_key())?;
        let Some(receipt) = session.close(&self.crypto, now, opened.verified, frame.previous)? else { return Ok(()) };
        self.persist(Record::OwnReceipt { session: id, receipt });
        if !opened.verified {
            self.persist(Record::Alarm { session: id, what: "the kiosk could not open the document" });
        }
        self.output.event(IssuerEvent::Closed { session: id, verified: opened.verified });
        let deadline = now.monotonic.after(self.policy.deliver).after(self.policy.receipt);
        self.set_deadline(id, deadline);
        self.finish_if_complete(id);
        Ok(())
    }

    fn erased(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
        let erased = Erased::decode(frame.body)?;
        let (sender, statement) = super::signing::check_erased(&self.crypto, &self.trust, frame, &erased, now)?;
        let id = frame.session;
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        if session.note_receipt(&sender, &statement)? {
            self.persist(Record::PeerReceipt { session: id, receipt: erased.receipt });
            self.finish_if_complete(id);
        }
        Ok(())
    }

    fn cancelled(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
        let cancel = Cancel::decode(frame.body)?;
        let sender = check_certified(&self.crypto, &self.trust, frame, &cancel.certificate, now)?;
        let id = frame.session;
        let Some(session) = self.sessions.get(&id) else { return Ok(()) };
        if sender.role == Role::Kiosk && sender.key != *session.kiosk_key() || sender.role == Role::Issuer {
            return Err(Error::Untrusted { what: "a cancellation by a station outside the session" });
        }
        if !session.is_closing() {
            self.end(now, id, if sender.role.is_relay() { Cause::PeerLost } else { Cause::Cancelled }, false);
        }
        Ok(())
    }

    // ---- steps after records

    fn open_application(&mut self, id: SessionId) -> Result<(), Error> {
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        if let Some(event) = session.open_application(&self.crypto)? {
            self.output.event(event);
        }
        Ok(())
    }

    fn release(&mut self, now: Now, id: SessionId) -> Result<(), Error> {
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        if let Some(frame) = session.release(&self.crypto)? {
            let peer = session.peer();
            self.output.transmit(peer, id, frame);
            self.output.event(IssuerEvent::Released { session: id });
            self.set_deadline(id, now.monotonic.after(self.policy.release));
        }
        Ok(())
    }

    // ---- endings

    fn expire(&mut self, now: Now, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else { return };
        if session.is_closing() {
            self.persist(Record::Alarm { session: id, what: "receipts were missing at the deadline" });
            self.remove(id, false);
        } else {
            self.persist(Record::Alarm { session: id, what: "a deadline passed and the session was erased" });
            self.end(now, id, Cause::Deadline, true);
        }
    }

    fn end(&mut self, now: Now, id: SessionId, cause: Cause, tell: bool) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.is_closing() {
            return;
        }
        self.output.drop_transmits(id);
        let peer = session.peer();
        let ended = session.end(&self.crypto, now, cause);
        let verified = matches!(&ended, Ok((_, true)));
        match ended {
            Ok((receipt, _)) => self.persist(Record::OwnReceipt { session: id, receipt }),
            Err(_) => self.persist(Record::Alarm { session: id, what: "a receipt could not be made" }),
        }
        if tell {
            let body = Cancel { cause, certificate: self.crypto.certificate().to_vec() }.encode();
            if let Ok(frame) = sign_frame(&self.crypto, MessageType::Cancel, id, [0; 32], &body) {
                self.output.transmit(peer, id, frame);
            }
        }
        self.output.event(IssuerEvent::Ended { session: id, cause, verified });
        self.set_deadline(id, now.monotonic.after(self.policy.receipt));
        self.finish_if_complete(id);
    }

    fn finish_if_complete(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else { return };
        if !session.has_all_receipts() {
            return;
        }
        if let Ok(frame) = sign_frame(&self.crypto, MessageType::Complete, id, [0; 32], &super::body::Complete.encode())
        {
            let peer = session.peer();
            self.output.transmit(peer, id, frame);
        }
        self.remove(id, true);
    }

    fn remove(&mut self, id: SessionId, complete: bool) {
        let Some(session) = self.sessions.remove(&id) else { return };
        self.deadlines.retain(|(_, session)| *session != id);
        let outcome = session.outcome(complete);
        self.persist(Record::Ended { session: id, outcome });
        self.output.event(IssuerEvent::Finished { session: id, outcome });
    }

    fn persist(&mut self, record: Record) {
        let id = record.session();
        let token = self.output.persist(record);
        self.pending.insert(token, (id, Pending::Nothing));
    }

    fn set_deadline(&mut self, id: SessionId, deadline: Time) {
        self.deadlines.retain(|(_, session)| *session != id);
        self.deadlines.insert((deadline, id));
    }
}
