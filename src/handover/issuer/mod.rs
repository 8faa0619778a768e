//! The issuing system's side: challenges, applications, sealed documents, and the one release of each key.
//!
//! Order of calls, as for every machine here: inputs first (`handle_*`, commands), then drain the outputs
//! ([`poll_persist`](Issuer::poll_persist), [`poll_transmit`](Issuer::poll_transmit), [`poll_event`](Issuer::poll_event)),
//! then wait until [`next_deadline`](Issuer::next_deadline). Time only comes in; nothing here reads a clock.

mod ending;
mod greeting;
mod late;
mod messages;
mod session;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use self::late::Late;
use self::session::{Pending, Session, ends_well};
use super::body::{Apply, ApplyHeader, Body, Cancel, Challenge, Credit, Erased, Hello, Opened, Received};
use super::cipher_suite::{Suite, Suites};
use super::crypto::Crypto;
use super::identity::{Identity, Trust};
use super::message::{Frame, MessageType, frame_hash, hash, session_id};
use super::output::{Output, Peer, Persist, Transmit};
use super::policy::{Deadline, Policy};
use super::recent::Recent;
use super::record::{Outcome, Record};
use super::schedule::Schedule;
use super::share;
use super::signing::{cancel_frame, check_certified, check_signature, sign_frame};
use crate::buffer::Cause;
use crate::error::Error;
use crate::types::{Now, Role, SessionId, Time};

/// What happens in an issuing system, for its host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(shokyo_model, derive(Hash))]
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
    /// A deadline passed. It is on record, whatever comes later.
    DeadlineExceeded {
        /// The session; for [`Deadline::Challenge`] the exchange's random identifier, of which there is no record.
        session: SessionId,
        /// Which.
        deadline: Deadline,
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

/// The row of the host's register that a document is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// Whose row it is. Personal data.
    pub subject: &'a [u8],
    /// The row's version (freshness token), the same as when the writing began; empty where a register has none.
    pub version: &'a [u8],
}

/// A challenge that was given out and not answered.
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
struct Outstanding<C: Crypto> {
    peer: Peer,
    exchange: SessionId,
    suite: Suite,
    kiosk: Identity,
    private: C::PrivateKey,
    challenge_hash: [u8; 32],
    expires: Time,
}

/// The acknowledgement of a session's receipts, kept to be sent again.
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
struct Completed {
    peer: Peer,
    frame: Vec<u8>,
    /// The end of the session is on record: a process that dies before calls it lost, and nobody was told otherwise.
    on_record: bool,
}

/// The issuing system.
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub struct Issuer<C: Crypto, T: Trust> {
    crypto: C,
    trust: T,
    policy: Policy,
    epoch: [u8; 16],
    challenges: BTreeMap<[u8; 32], Outstanding<C>>,
    sessions: BTreeMap<SessionId, Session<C>>,
    deadlines: Schedule,
    /// When a release is sent again.
    resends: Schedule,
    /// What acknowledged the receipts of sessions that are complete, to be sent again, and for how long.
    completed: Recent<Completed>,
    pending: BTreeMap<u64, (SessionId, Pending)>,
    /// Receipts of sessions that are over, while they are being written.
    late: BTreeMap<u64, Late>,
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
            deadlines: Schedule::default(),
            resends: Schedule::default(),
            completed: Recent::new(policy.remembered()),
            pending: BTreeMap::new(),
            late: BTreeMap::new(),
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
        challenge.into_iter().chain(self.deadlines.next()).chain(self.resends.next()).min()
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
            MessageType::Erased if self.completed.contains(&frame.session) => {
                self.acknowledge_again(peer, frame.session)
            }
            MessageType::Erased if !self.sessions.contains_key(&frame.session) => self.late(now, peer, &frame, bytes),
            kind => {
                let session =
                    self.sessions.get_mut(&frame.session).ok_or(Error::UnexpectedMessage { message: kind.name() })?;
                if session.peer() != peer {
                    return Err(Error::Mismatch { what: "the neighbour of a session" });
                }
                // A station that was started anew gives its receipt and does not know the suite.
                if frame.suite != session.suite() && kind != MessageType::Erased {
                    return Err(Error::Mismatch { what: "the suite of a session" });
                }
                match kind {
                    MessageType::Credit => self.credit(now, &frame),
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
        if let Some(late) = self.late.remove(&token) {
            self.answer(&late, true);
        }
        let Some((id, pending)) = self.pending.remove(&token) else { return };
        let outcome = match pending {
            Pending::Open => self.open_application(id),
            Pending::Release => self.release(now, id),
            Pending::Receipt(role) => {
                self.receipt_is_durable(now, id, role);
                Ok(())
            }
            Pending::Complete => {
                self.tell_complete(id);
                Ok(())
            }
            Pending::Nothing => Ok(()),
        };
        if outcome.is_err() {
            self.end(now, id, Cause::Refused, true);
        }
    }

    /// A record could not be written: what depends on it does not happen, and the session is erased.
    pub fn handle_persist_failed(&mut self, now: Now, token: u64) {
        // It comes again.
        self.late.remove(&token);
        match self.pending.remove(&token) {
            Some((id, Pending::Open | Pending::Release)) => self.end(now, id, Cause::Refused, true),
            // It comes again, because nobody is told that it arrived.
            Some((id, Pending::Receipt(role))) => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.forget_receipt(role);
                }
            }
            // Whoever sends its receipt again learns that it is kept.
            Some((id, Pending::Complete)) => self.completed.remove(&id),
            Some((_, Pending::Nothing)) | None => {}
        }
    }

    /// A record is refused for what it says and will never be written: a receipt for a session that was never opened here, or of
    /// which more receipts are there than are kept. Whoever sent it is told; everything else is as after
    /// [`Issuer::handle_persist_failed`].
    pub fn handle_persist_refused(&mut self, now: Now, token: u64) {
        match self.late.remove(&token) {
            Some(late) => self.answer(&late, false),
            None => self.handle_persist_failed(now, token),
        }
    }

    /// Acts on every deadline that has passed. No message is needed to erase.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((nonce, _)) = self.challenges.iter().find(|(_, challenge)| challenge.expires <= now.monotonic) {
            let nonce = *nonce;
            if let Some(challenge) = self.challenges.get(&nonce) {
                let session = challenge.exchange;
                self.output.event(IssuerEvent::DeadlineExceeded { session, deadline: Deadline::Challenge });
            }
            self.drop_challenge(&nonce);
        }
        self.completed.forget_until(now.monotonic);
        while let Some(id) = self.deadlines.take_due(now.monotonic) {
            self.expire(now, id);
        }
        while let Some(id) = self.resends.take_due(now.monotonic) {
            self.release_again(now, id);
        }
    }

    /// The connection to a neighbour is gone: its sessions wait [`Policy::reconnect`] for another connection. Those whose key is
    /// already with the kiosk wait for their receipts as before, and challenges until they expire.
    pub fn handle_peer_lost(&mut self, now: Now, peer: Peer) {
        self.handle_timeout(now);
        let sessions: Vec<_> =
            self.sessions.iter().filter(|(_, s)| s.peer() == peer && !s.is_closing()).map(|(id, _)| *id).collect();
        self.output.drop_transmits(|transmit| transmit.peer == peer);
        // What is written by now is answered when it comes again.
        self.late.retain(|_, late| !late.is_from(peer));
        let until = now.monotonic.after(self.policy.reconnect);
        for id in sessions {
            if self.policy.reconnect.is_zero() {
                self.end(now, id, Cause::PeerLost, false);
            } else if let Some(session) = self.sessions.get_mut(&id) {
                session.offline.get_or_insert(until);
                self.reschedule(id);
            }
        }
    }

    /// There is a connection to a neighbour again: its sessions go on. Kiosks ask for what they miss.
    pub fn handle_peer_back(&mut self, now: Now, peer: Peer) {
        self.handle_timeout(now);
        let sessions: Vec<_> = self.sessions.iter().filter(|(_, s)| s.peer() == peer).map(|(id, _)| *id).collect();
        for id in sessions {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.offline = None;
            }
            self.reschedule(id);
            self.release_again(now, id);
        }
    }

    // ---- commands

    /// The writer of a session's document, which is made from this version of the register's row (empty where there is none; see
    /// [`Source::version`]). The first call creates the document key.
    ///
    /// # Errors
    /// [`Error::WrongState`] unless an application is open; [`Error::Mismatch`] when the version is another than at the first
    /// call; when no key is to be had.
    pub fn document(&mut self, session: SessionId, version: &[u8]) -> Result<&mut C::Writer, Error> {
        match self.sessions.get_mut(&session) {
            Some(found) => found.writer(&self.crypto, version),
            None => Err(Error::WrongState { command: "composing" }),
        }
    }

    /// Seals the document, consumes the application, and offers the ciphertext to the kiosk.
    ///
    /// `source` is the row that the document was made from, read again after the writing. Its subject is compared by the kiosk
    /// with the holder of the card, so that a document of another person is refused before any key moves; its version must be the
    /// one that the writing began with, so that a row which changed meanwhile gives no document.
    ///
    /// # Errors
    /// [`Error::EmptyDocument`], [`Error::TooLarge`], [`Error::WrongState`], [`Error::Mismatch`] for another version; the session
    /// is erased then.
    pub fn offer(&mut self, now: Now, session: SessionId, source: &Source<'_>) -> Result<(), Error> {
        self.handle_timeout(now);
        let Some(found) = self.sessions.get_mut(&session) else {
            return Err(Error::WrongState { command: "offering" });
        };
        match found.offer(&self.crypto, &self.policy, source) {
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

    /// Writes down how every session stands that only waits for receipts, as the last thing before the process ends.
    pub fn abandon(&mut self) {
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for id in sessions {
            self.persist(Record::Alarm { session: id, what: "the station stopped before every receipt was there" });
            self.remove(id, false, Pending::Nothing);
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
}
