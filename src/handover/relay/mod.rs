//! A relay's side: frames pass, each is wiped as soon as it is sent, a bounded number of bytes is held for a session, and at
//! the end nothing is left but a receipt that says how much was held and for how long at most.
//!
//! A relay has no key of any document: it can neither read nor change what passes. It keeps every session to the neighbours that
//! began it, and checks the signatures of the messages that begin and end sessions, because its own receipt depends on them.
//!
//! Order of calls: inputs first, then drain [`poll_persist`](Relay::poll_persist), [`poll_transmit`](Relay::poll_transmit),
//! giving every transmit back with [`handle_sent`](Relay::handle_sent), and [`poll_event`](Relay::poll_event), then wait until
//! [`next_deadline`](Relay::next_deadline).

mod ending;
mod late;
mod routing;
mod session;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use self::late::WayBack;
use self::session::Session;
use super::body::{Apply, ApplyHeader, Attachment, Body, Cancel, Complete, Erased, Hello, MAX_ATTACHMENT, Recorded};
use super::cipher_suite::Suite;
use super::crypto::Crypto;
use super::identity::{Identity, Trust};
use super::message::{Frame, MessageType, frame_hash, session_id};
use super::output::{Output, Peer, Persist};
use super::policy::{Deadline, Policy};
use super::recent::Recent;
use super::record::{CALLED_UNRESOLVED, Outcome, Record};
use super::schedule::Schedule;
use super::share;
use super::signing::{cancel_frame, check_certified, sign_frame};
use crate::buffer::Cause;
use crate::error::Error;
use crate::types::{Now, Role, SessionId, Time};
use crate::wipe;

/// The neighbour towards the issuer: a relay has one. Neighbours towards the kiosks have other numbers.
pub const UPSTREAM: Peer = Peer(0);

/// What happens at a relay, for its host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(shokyo_model, derive(Hash))]
pub enum RelayEvent {
    /// A session passes through here.
    Opened {
        /// The session.
        session: SessionId,
    },
    /// A document is offered through here: now something may be attached, see [`Relay::attach`].
    Offered {
        /// The session.
        session: SessionId,
    },
    /// A deadline passed. It is on record, whatever comes later.
    DeadlineExceeded {
        /// The session.
        session: SessionId,
        /// Which.
        deadline: Deadline,
    },
    /// Every frame of a session is wiped and the receipt is made.
    NotRetained {
        /// The session.
        session: SessionId,
        /// The most bytes that were held at once.
        peak_bytes: u64,
        /// The longest time that a frame was held, in milliseconds.
        longest_hold_ms: u64,
        /// How many frames passed.
        frames: u64,
    },
    /// Nothing of a session is open any more.
    Finished {
        /// The session.
        session: SessionId,
        /// How it ended.
        outcome: Outcome,
    },
}

/// A frame on its way through. Give it back with [`Relay::handle_sent`] as soon as it is written, or can not be.
#[derive(Debug)]
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub struct Passing {
    /// Which neighbour it goes to.
    pub peer: Peer,
    session: SessionId,
    frame: Vec<u8>,
    length: usize,
    since: Time,
    own: bool,
}

impl Passing {
    fn new(peer: Peer, session: SessionId, frame: Vec<u8>, since: Time, own: bool) -> Self {
        Self { peer, session, length: frame.len(), frame, since, own }
    }

    /// Takes the bytes out, for a writer that needs to own them; they must come back with [`Passing::put_back`].
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.frame)
    }

    /// Puts the bytes back after they were written, in the same memory. Without it their erasure counts as failed.
    pub fn put_back(&mut self, frame: Vec<u8>) {
        self.frame = frame;
    }

    /// The bytes to write.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.frame
    }
}

/// A greeting that was passed on, until its application comes.
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
struct Exchange {
    downstream: Peer,
    kiosk: [u8; 32],
    expires: Time,
    /// The challenge that passed, which the application names.
    challenge: Option<[u8; 32]>,
}

/// A relay.
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub struct Relay<C: Crypto, T: Trust> {
    crypto: C,
    trust: T,
    policy: Policy,
    exchanges: BTreeMap<SessionId, Exchange>,
    sessions: BTreeMap<SessionId, Session>,
    deadlines: Schedule,
    /// When a receipt is sent again.
    resends: Schedule,
    /// Sessions that are complete here, for as long as a receipt or its acknowledgement still passes that was lost on the way.
    complete: Recent<Peer>,
    /// Sessions of which a receipt passed that are not held here: where the answer goes.
    late: BTreeMap<SessionId, WayBack>,
    /// Applications that wait for their `opened` record; without one whose session ended meanwhile.
    opening: BTreeMap<u64, (SessionId, Option<Passing>)>,
    /// Receipts that are being written.
    reporting: BTreeMap<u64, SessionId>,
    passing: VecDeque<Passing>,
    output: Output<RelayEvent>,
}

impl<C: Crypto, T: Trust> Relay<C, T> {
    /// A relay without sessions.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the station is no relay.
    pub fn new(crypto: C, trust: T, policy: Policy) -> Result<Self, Error> {
        if !crypto.station().role.is_relay() {
            return Err(Error::Mismatch { what: "the station's role" });
        }
        Ok(Self {
            crypto,
            trust,
            policy,
            exchanges: BTreeMap::new(),
            sessions: BTreeMap::new(),
            deadlines: Schedule::default(),
            resends: Schedule::default(),
            complete: Recent::new(policy.remembered()),
            late: BTreeMap::new(),
            opening: BTreeMap::new(),
            reporting: BTreeMap::new(),
            passing: VecDeque::new(),
            output: Output::new(),
        })
    }

    // ---- getters

    /// How many sessions are open.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Whether taking this frame now would end its session because too much is held. A host whose frames are being written can
    /// wait for some of them to come back first.
    #[must_use]
    pub fn would_hold_too_much(&self, bytes: &[u8]) -> bool {
        let session = Frame::decode(bytes).ok().and_then(|frame| self.sessions.get(&frame.session));
        session.is_some_and(|session| {
            !session.is_ending() && session.would_hold_too_much(bytes.len(), self.policy.max_held)
        })
    }

    /// When [`Relay::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        let exchange = self.exchanges.values().map(|exchange| exchange.expires).min();
        exchange.into_iter().chain(self.deadlines.next()).chain(self.resends.next()).min()
    }

    // ---- inputs

    /// Takes a frame from a neighbour. Its bytes are wiped here when it is refused, otherwise after it is sent.
    ///
    /// # Errors
    /// What is wrong with it; nothing is changed then, except that a session which would hold too much is ended.
    pub fn handle_frame(&mut self, now: Now, from: Peer, mut bytes: Vec<u8>) -> Result<(), Error> {
        self.handle_timeout(now);
        let routed = self.route(now, from, &bytes);
        match routed {
            Ok((kind, session, to)) => {
                let passing = Passing::new(to, session, bytes, now.monotonic, false);
                self.take(now, kind, passing)
            }
            Err(error) => {
                let _ = wipe::wipe_vec(&mut bytes, 0)?;
                Err(error)
            }
        }
    }

    /// A frame was written, or its neighbour is gone: wipes it and counts how long it was held.
    pub fn handle_sent(&mut self, now: Now, mut passing: Passing) {
        let length = passing.length;
        let whole = passing.frame.len() == length;
        let wiped = wipe::wipe_vec(&mut passing.frame, 0);
        let wiped = if whole { wiped } else { Err(Error::NotErased { bytes: length as u64 }) };
        if passing.own {
            return;
        }
        if let Some(session) = self.sessions.get_mut(&passing.session) {
            session.sent(length, now.monotonic.since(passing.since), wiped);
            self.report_if_empty(now, passing.session);
        }
    }

    /// A record is durable.
    pub fn handle_persisted(&mut self, now: Now, token: u64) {
        self.handle_timeout(now);
        if let Some((id, passing)) = self.opening.remove(&token) {
            self.output.event(RelayEvent::Opened { session: id });
            self.passing.extend(passing);
            self.report_if_empty(now, id);
        }
        if let Some(id) = self.reporting.remove(&token)
            && let Some(session) = self.sessions.get_mut(&id)
            && let Some(frame) = session.reported()
        {
            self.send_own(now, UPSTREAM, id, frame);
            self.report_later(now, id);
        }
    }

    /// A record could not be written. An `opened` record: there never was a session here, and the application goes back. A receipt:
    /// nobody is told of it, and the deadline says so.
    pub fn handle_persist_failed(&mut self, now: Now, token: u64) {
        if let Some((id, passing)) = self.opening.remove(&token) {
            if let Some(mut passing) = passing {
                // An application is ciphertext; without a session there is no receipt that its wipe would belong into.
                let _ = wipe::wipe_vec(&mut passing.frame, 0);
            }
            if let Some(session) = self.sessions.remove(&id) {
                self.deadlines.remove(id);
                self.cancel(now, &[session.downstream()], session.suite(), id, [0; 32], Cause::Refused);
            }
        }
        if let Some(id) = self.reporting.remove(&token) {
            self.output.persist(Record::Alarm { session: id, what: "a receipt could not be written" });
        }
    }

    /// Acts on every deadline that has passed. No message is needed to erase.
    pub fn handle_timeout(&mut self, now: Now) {
        self.exchanges.retain(|_, exchange| exchange.expires > now.monotonic);
        self.complete.forget_until(now.monotonic);
        self.forget_old_ways(now.monotonic);
        while let Some(id) = self.deadlines.take_due(now.monotonic) {
            self.expire(now, id);
        }
        while let Some(id) = self.resends.take_due(now.monotonic) {
            self.report_again(now, id);
        }
    }

    /// The connection to a neighbour is gone: what was on its way there is wiped, and the sessions through it wait
    /// [`Policy::reconnect`] for another connection while their ciphertext moves.
    pub fn handle_peer_lost(&mut self, now: Now, peer: Peer) {
        self.handle_timeout(now);
        let (gone, kept): (VecDeque<_>, VecDeque<_>) = self.passing.drain(..).partition(|passing| passing.peer == peer);
        self.passing = kept;
        for passing in gone {
            self.handle_sent(now, passing);
        }
        let through: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, session)| (peer == UPSTREAM || session.downstream() == peer) && session.is_passing())
            .map(|(id, _)| *id)
            .collect();
        let until = now.monotonic.after(self.policy.reconnect);
        for id in through {
            if self.policy.reconnect.is_zero() {
                self.end(now, id, Cause::PeerLost);
            } else if let Some(session) = self.sessions.get_mut(&id) {
                session.lost(peer == UPSTREAM, until);
                self.reschedule(id);
            }
        }
    }

    /// There is a connection to a neighbour again: the sessions through it go on.
    pub fn handle_peer_back(&mut self, now: Now, peer: Peer) {
        self.handle_timeout(now);
        let through: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, session)| peer == UPSTREAM || session.downstream() == peer)
            .map(|(id, _)| *id)
            .collect();
        for id in through {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.back(peer == UPSTREAM);
            }
            self.reschedule(id);
            if peer == UPSTREAM {
                self.report_again(now, id);
            }
        }
    }

    // ---- commands

    /// Attaches something of this operator's to the offer of a session, signed, for the kiosk: parameters for the printing, such as
    /// those against forgery, at most 4,096 bytes. It is sent again whenever the offer passes again.
    ///
    /// # Errors
    /// [`Error::WrongState`] unless an offer has passed and nothing is attached, [`Error::TooLarge`]; when the signing key was
    /// erased.
    pub fn attach(&mut self, now: Now, session: SessionId, data: &[u8]) -> Result<(), Error> {
        self.handle_timeout(now);
        if data.len() > MAX_ATTACHMENT {
            return Err(Error::TooLarge { what: "an attachment (bytes)", limit: MAX_ATTACHMENT as u64 });
        }
        let found = self.sessions.get_mut(&session).filter(|session| !session.is_ending());
        let state = Error::WrongState { command: "attaching" };
        let found = found.ok_or(state.clone())?;
        let offer = found.offer_to_attach_to().ok_or(state)?;
        let body = Attachment { data: data.to_vec(), certificate: self.crypto.certificate().to_vec() }.encode();
        let frame = sign_frame(&self.crypto, found.suite(), MessageType::Attachment, session, offer, &body)?;
        found.attach(frame.clone());
        let downstream = found.downstream();
        self.send_own(now, downstream, session, frame);
        Ok(())
    }

    /// Ends everything, as before the process ends.
    pub fn shutdown(&mut self, now: Now) {
        let sessions: Vec<_> =
            self.sessions.iter().filter(|(_, session)| !session.is_ending()).map(|(id, _)| *id).collect();
        for id in sessions {
            self.end(now, id, Cause::Shutdown);
        }
    }

    /// Writes down how every session stands that only waits to be acknowledged, as the last thing before the process ends.
    pub fn abandon(&mut self) {
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for id in sessions {
            self.output.persist(Record::Alarm {
                session: id,
                what: "the station stopped before its receipt was acknowledged",
            });
            self.remove(id, Outcome::Unresolved);
        }
    }

    // ---- outputs

    /// The next record to write.
    pub fn poll_persist(&mut self) -> Option<Persist> {
        self.output.persists.pop_front()
    }

    /// The next frame to send; give it back with [`Relay::handle_sent`].
    pub fn poll_transmit(&mut self) -> Option<Passing> {
        self.passing.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<RelayEvent> {
        self.output.events.pop_front()
    }
}
