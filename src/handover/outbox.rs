//! Receipts of sessions that are over at this station and that the issuer never acknowledged: sent until it answers.
//!
//! While a session is open its own machine sends its receipt. What a restart or a deadline left unanswered waits in the host's store,
//! and the host gives it to this machine, a few at a time. Order of calls as for every machine here: inputs, then drain
//! [`poll_persist`](Outbox::poll_persist) and [`poll_transmit`](Outbox::poll_transmit), then wait until
//! [`next_deadline`](Outbox::next_deadline).
//!
//! It must never make a receipt, change an outcome or clear an alarm: what it sends is what was signed when the session ended.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use super::body::{Body, Erased, Recorded};
use super::crypto::Crypto;
use super::identity::Trust;
use super::kiosk::UPSTREAM;
use super::message::{Frame, MessageType, frame_hash};
use super::output::{Persist, Transmit};
use super::policy::Policy;
use super::record::Record;
use super::signing::{check_certified, sign_frame};
use crate::error::Error;
use crate::types::{Now, Role, SessionId, Time};

/// Receipts on their way at once.
const AT_ONCE: usize = 16;
/// How often one is sent before another gets its place.
const TRIES: u32 = 8;
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A receipt that waits for its acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unacknowledged {
    /// Its place in the store; later ones have greater numbers.
    pub position: u64,
    /// The session.
    pub session: SessionId,
    /// The COSE_Sign1 bytes.
    pub receipt: Vec<u8>,
    /// The certificate (DER) of the key that signed it, where another key signs by now.
    pub certificate: Option<Vec<u8>>,
}

struct Sending {
    position: u64,
    session: SessionId,
    receipt: [u8; 32],
    frame: Vec<u8>,
    next: Time,
    tries: u32,
    /// The acknowledgement is being written.
    answered: Option<u64>,
}

/// The receipts of one station that wait for their acknowledgement.
pub struct Outbox<C: Crypto, T: Trust> {
    crypto: C,
    trust: T,
    policy: Policy,
    /// By the hash of the frame.
    sending: BTreeMap<[u8; 32], Sending>,
    /// The place in the store behind which the next ones are looked for.
    behind: u64,
    connected: bool,
    persists: VecDeque<Persist>,
    transmits: VecDeque<Transmit>,
    next_token: u64,
}

impl<C: Crypto, T: Trust> Outbox<C, T> {
    /// An outbox without receipts.
    ///
    /// # Errors
    /// [`Error::Mismatch`] at an issuer: its receipts go nowhere.
    pub fn new(crypto: C, trust: T, policy: Policy) -> Result<Self, Error> {
        if crypto.station().role == Role::Issuer {
            return Err(Error::Mismatch { what: "the station's role" });
        }
        Ok(Self {
            crypto,
            trust,
            policy,
            sending: BTreeMap::new(),
            behind: 0,
            connected: true,
            persists: VecDeque::new(),
            transmits: VecDeque::new(),
            next_token: 1,
        })
    }

    // ---- getters

    /// Where the host should look for more, and how many fit: receipts behind this place in the store. `None` while there is no room,
    /// or no connection to send them over.
    #[must_use]
    pub fn wants(&self) -> Option<(u64, usize)> {
        let room = AT_ONCE.saturating_sub(self.sending.len());
        (self.connected && room > 0).then_some((self.behind, room))
    }

    /// When [`Outbox::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        let waiting = self.sending.values().filter(|sending| self.connected && sending.answered.is_none());
        waiting.map(|sending| sending.next).min()
    }

    // ---- inputs

    /// Takes what the store has behind the place that was asked for, in its order. With nothing there the next search begins at
    /// the front again.
    ///
    /// # Errors
    /// When a frame could not be signed; the rest is taken.
    pub fn handle_found(&mut self, now: Now, found: Vec<Unacknowledged>) -> Result<(), Error> {
        if found.is_empty() {
            self.behind = 0;
        }
        let mut outcome = Ok(());
        for receipt in found {
            self.behind = self.behind.max(receipt.position);
            if self.sending.len() < AT_ONCE && self.sending.values().all(|sending| sending.position != receipt.position)
            {
                outcome = outcome.and(self.begin(now, receipt));
            }
        }
        self.handle_timeout(now);
        outcome
    }

    /// Looks at a frame from upstream; `true` when it was the answer to one of these receipts, and for nobody else.
    ///
    /// # Errors
    /// What is wrong with an answer; nothing is changed then.
    pub fn handle_frame(&mut self, now: Now, bytes: &[u8]) -> Result<bool, Error> {
        let frame = Frame::decode(bytes)?;
        if frame.kind != MessageType::Recorded || !self.sending.contains_key(&frame.previous) {
            return Ok(false);
        }
        let answer = Recorded::decode(frame.body)?;
        if frame.role != Role::Issuer {
            return Err(Error::Untrusted { what: "an acknowledgement by another station than an issuer" });
        }
        check_certified(&self.crypto, &self.trust, &frame, &answer.certificate, now)?;
        let Some(sending) = self.sending.get_mut(&frame.previous) else { return Ok(false) };
        if sending.session != frame.session {
            return Err(Error::Mismatch { what: "the session of an acknowledgement" });
        }
        if sending.answered.is_some() {
            return Ok(true);
        }
        let (session, receipt) = (sending.session, sending.receipt);
        let token = self.next_token;
        self.next_token += 2;
        sending.answered = Some(token);
        if !answer.kept {
            let what = "the issuing system keeps no receipt of this session: it never opened it, or has too many";
            self.persists.push_back(Persist { token: token + 1, record: Record::Alarm { session, what } });
        }
        self.persists.push_back(Persist { token, record: Record::Acknowledged { session, receipt } });
        Ok(true)
    }

    /// A record is durable.
    pub fn handle_persisted(&mut self, token: u64) {
        self.sending.retain(|_, sending| sending.answered != Some(token));
    }

    /// A record could not be written: the receipt is sent again, and answered again.
    pub fn handle_persist_failed(&mut self, token: u64) {
        for sending in self.sending.values_mut().filter(|sending| sending.answered == Some(token)) {
            sending.answered = None;
        }
    }

    /// Sends what is due. What was sent in vain so often makes room for others.
    pub fn handle_timeout(&mut self, now: Now) {
        if !self.connected {
            return;
        }
        let due = |sending: &Sending| sending.answered.is_none() && sending.next <= now.monotonic;
        self.sending.retain(|_, sending| !(due(sending) && sending.tries >= TRIES));
        for sending in self.sending.values_mut().filter(|sending| due(sending)) {
            let doubled = self.policy.resend.max(Duration::from_millis(1)).saturating_mul(1 << sending.tries);
            sending.tries += 1;
            sending.next = now.monotonic.after(doubled.min(LONGEST_PAUSE));
            let (session, frame) = (sending.session, sending.frame.clone());
            self.transmits.push_back(Transmit { peer: UPSTREAM, session, frame });
        }
    }

    /// The connection upstream is gone.
    pub fn handle_peer_lost(&mut self) {
        self.connected = false;
        self.transmits.clear();
    }

    /// There is a connection upstream again: everything is sent at once.
    pub fn handle_peer_back(&mut self, now: Now) {
        self.connected = true;
        for sending in self.sending.values_mut() {
            sending.next = now.monotonic;
            sending.tries = 0;
        }
        self.handle_timeout(now);
    }

    // ---- outputs

    /// The next record to write.
    pub fn poll_persist(&mut self) -> Option<Persist> {
        self.persists.pop_front()
    }

    /// The next frame to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    fn begin(&mut self, now: Now, found: Unacknowledged) -> Result<(), Error> {
        let receipt = crate::receipt::hash(&found.receipt);
        let body = Erased {
            receipt: found.receipt,
            receipt_certificate: found.certificate.unwrap_or_else(|| self.crypto.receipt_certificate().to_vec()),
            certificate: self.crypto.certificate().to_vec(),
        };
        // Which suite the session had is not on record, and nothing in this message depends on it.
        let suite = self.policy.suites.strongest();
        let frame = sign_frame(&self.crypto, suite, MessageType::Erased, found.session, [0; 32], &body.encode())?;
        let sending = Sending {
            position: found.position,
            session: found.session,
            receipt,
            frame,
            next: now.monotonic,
            tries: 0,
            answered: None,
        };
        self.sending.insert(frame_hash(&sending.frame), sending);
        Ok(())
    }
}
