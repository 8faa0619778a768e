//! The kiosk's side of one transaction: apply, receive, open, deliver, erase. A machine serves one application and no other;
//! there is no "next document".
//!
//! Order of calls: inputs first (`handle_*`, commands), then drain [`poll_persist`](Kiosk::poll_persist),
//! [`poll_transmit`](Kiosk::poll_transmit) and [`poll_event`](Kiosk::poll_event), then wait until
//! [`next_deadline`](Kiosk::next_deadline).

mod asking;
mod ending;
mod messages;
mod receiving;
mod state;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use self::state::{Journalled, State};
use super::body::decode_chunk;
use super::body::{
    Apply, ApplyHeader, Attachment, Body, Cancel, Challenge, Complete, Credit, Hello, Offer, Opened, Received,
    Recorded, attachments_hash,
};
use super::cipher_suite::Suite;
use super::crypto::{Crypto, Unlock};
use super::evidence::{Story, make_receipt};
use super::identity::{Identity, Trust};
use super::message::{Frame, MessageType, chunk_hash, frame_hash, hash, session_id};
use super::output::{Output, Peer, Persist, Transmit};
use super::policy::{Deadline, Policy};
use super::record::{CALLED_UNRESOLVED, Outcome, Record};
use super::release::ReleaseBody;
use super::signing::{
    cancel_frame, check_certified, check_receipt, check_signature, erased_frame, plain_frame, sign_frame,
};
use crate::buffer::{Cause, Erasure};
use crate::error::Error;
use crate::receipt::Event;
use crate::types::{Binding, Now, Role, SessionId, Time};

/// The neighbour towards the issuer: a kiosk has one.
pub const UPSTREAM: Peer = Peer(0);

/// What is applied for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application<'a> {
    /// The operator of the issuing station; its name alone is unique only within its operator.
    pub operator: &'a str,
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
#[cfg_attr(shokyo_model, derive(Hash))]
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
    /// A relay attached something to the offer, for the printing: parameters, nothing made from the document.
    Attached {
        /// Which relay.
        role: Role,
        /// What.
        data: Vec<u8>,
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
    /// A deadline passed. It is on record, whatever comes later.
    DeadlineExceeded {
        /// Which.
        deadline: Deadline,
    },
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
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub struct Kiosk<C: Crypto, T: Trust> {
    crypto: C,
    trust: T,
    policy: Policy,
    /// Operator and station.
    issuer_name: (String, String),
    kind: String,
    copies: u8,
    /// The suite of a greeting until the issuer has chosen, then the session's.
    suite: Suite,
    /// The exchange's random identifier until there is a session, then the session's.
    id: SessionId,
    issuer: Option<Identity>,
    opened: Now,
    state: State<C>,
    evidence: Erasure,
    deadline: Option<(Time, Deadline)>,
    /// How long the lost connection may stay lost.
    offline: Option<Time>,
    resend: Option<Time>,
    waiting: Option<(u64, Journalled)>,
    /// The answer to a release, kept to be sent again.
    opened_frame: Option<Vec<u8>>,
    opened_hash: [u8; 32],
    cause: Cause,
    /// Printing had begun when the transaction ended otherwise.
    print_unknown: bool,
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
        if ![application.operator, application.issuer, application.kind].into_iter().all(super::body::is_name) {
            return Err(Error::Malformed { what: "a name (1 to 64 bytes, no control characters)" });
        }
        let exchange = SessionId(crypto.random()?);
        let hello = Hello {
            operator: application.operator.into(),
            issuer: application.issuer.into(),
            suites: policy.suites.numbers(),
            certificate: crypto.certificate().to_vec(),
        };
        let suite = policy.suites.strongest();
        let frame = sign_frame(&crypto, suite, MessageType::Hello, exchange, [0; 32], &hello.encode())?;
        let held = crypto.hold(application.subject, application.details)?;
        let evidence = crypto.evidence(exchange);
        let mut output = Output::new();
        let hello_hash = frame_hash(&frame);
        output.transmit(UPSTREAM, exchange, frame);
        Ok(Self {
            deadline: Some((now.monotonic.after(policy.challenge), Deadline::Challenge)),
            offline: None,
            suite,
            crypto,
            trust,
            policy,
            issuer_name: (application.operator.into(), application.issuer.into()),
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
            print_unknown: false,
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
        self.deadline.map(|(time, _)| time).into_iter().chain(self.resend).chain(self.offline).min()
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
        if frame.suite != self.suite && !matches!(self.state, State::Greeting { .. }) {
            return Err(Error::Mismatch { what: "the suite of a session" });
        }
        match frame.kind {
            MessageType::Challenge => self.challenge(now, &frame, bytes),
            MessageType::Offer => self.offer(now, &frame, bytes),
            MessageType::Attachment => self.attachment(now, &frame, bytes),
            MessageType::Chunk => self.chunk(now, &frame),
            MessageType::Release => self.release(now, &frame, bytes),
            MessageType::Complete => self.complete(&frame),
            MessageType::Recorded => self.recorded(&frame),
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
                    self.output.transmit(UPSTREAM, self.id, frame.clone());
                    self.state = State::Applied { frame, private, apply_hash, subject_tag };
                    self.ask_later(now);
                    self.output.event(KioskEvent::Applied { session: self.id });
                }
            }
            Some((_, Journalled::PrintStarted)) => {
                if let State::Ready { printing, .. } = &mut self.state {
                    *printing = true;
                    self.output.event(KioskEvent::MayPrint);
                }
            }
            Some((_, Journalled::Receipt)) => {
                if let State::Reporting { frame } = self.state.replace(State::Finished) {
                    self.output.transmit(UPSTREAM, self.id, frame.clone());
                    self.state = State::Reported { frame };
                    self.ask_later(now);
                }
            }
            None => {}
        }
    }

    /// A record could not be written: what depends on it does not happen, and everything is erased.
    pub fn handle_persist_failed(&mut self, now: Now, token: u64) {
        match self.waiting.take_if(|(waiting, _)| *waiting == token) {
            // The receipt is not durable, so nobody is told of it; the deadline says so.
            Some((_, Journalled::Receipt)) => self.alarm("a receipt could not be written"),
            Some(_) => self.end(now, Cause::DeviceFault, true),
            None => {}
        }
    }

    /// Acts on a deadline that has passed. No message is needed to erase.
    pub fn handle_timeout(&mut self, now: Now) {
        let offline = self.offline.filter(|time| *time <= now.monotonic).map(|_| Deadline::Reconnect);
        let passed = self.deadline.filter(|(time, _)| *time <= now.monotonic).map(|(_, deadline)| deadline);
        let Some(deadline) = passed.or(offline) else {
            if self.resend.is_some_and(|time| time <= now.monotonic) {
                self.ask(now);
            }
            return;
        };
        self.deadline = None;
        self.offline = None;
        if matches!(self.state, State::Finished) {
            return;
        }
        self.alarm(deadline.alarm());
        self.output.event(KioskEvent::DeadlineExceeded { deadline });
        if matches!(self.state, State::Reporting { .. } | State::Reported { .. }) {
            self.finish(Outcome::Unresolved);
        } else {
            self.end(now, Cause::Deadline, true);
        }
    }

    /// The connection is gone. Before an application is sent that is the end; while the ciphertext moves the transaction waits
    /// [`Policy::reconnect`] for another connection. A document that is already open may still be delivered.
    pub fn handle_peer_lost(&mut self, now: Now) {
        self.handle_timeout(now);
        match self.state {
            State::Ready { .. } | State::Reporting { .. } | State::Reported { .. } | State::Finished => {}
            State::Greeting { .. } => self.end(now, Cause::PeerLost, false),
            State::AwaitingKey { .. } if !self.policy.reconnect.is_zero() => {}
            _ if self.policy.reconnect.is_zero() => self.end(now, Cause::PeerLost, false),
            _ => {
                self.offline.get_or_insert(now.monotonic.after(self.policy.reconnect));
            }
        }
    }

    /// There is a connection again: what is missing is asked for.
    pub fn handle_peer_back(&mut self, now: Now) {
        self.handle_timeout(now);
        self.offline = None;
        self.ask(now);
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
                #[cfg(shokyo_model)]
                if crate::handover::model::defect::is(crate::handover::model::defect::Defect::PrintUnrecorded) {
                    self.handle_persisted(now, token);
                }
                Ok(())
            }
            #[cfg(shokyo_model)]
            State::Ready { printing: true, .. }
                if crate::handover::model::defect::is(crate::handover::model::defect::Defect::PrintAgain) =>
            {
                self.output.event(KioskEvent::MayPrint);
                Ok(())
            }
            _ => Err(Error::WrongState { command: "printing" }),
        }
    }

    /// The document was delivered (交付): erases everything and reports.
    ///
    /// # Errors
    /// [`Error::WrongState`] unless it was being printed, and while a copy lives that was registered with the document
    /// ([`EphemeralBuffer::register_copy`](crate::buffer::EphemeralBuffer::register_copy)): its receipt would say *not erased*. Erase the
    /// copy, give it back, and call again; the deadline does not wait for it.
    pub fn delivered(&mut self, now: Now) -> Result<(), Error> {
        self.handle_timeout(now);
        match &self.state {
            State::Ready { printing: true, document, .. } if self.crypto.living_copies(document) > 0 => {
                Err(Error::WrongState { command: "delivering while a registered copy of the document is not erased" })
            }
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
}
