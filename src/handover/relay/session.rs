//! What a relay knows of one session: whose it is, how much of it is held, and the evidence that nothing stays.

use alloc::string::String;
use alloc::vec::Vec;

use super::RelayEvent;
use crate::buffer::{Cause, CopyClass, Erasure};
use crate::error::Error;
use crate::handover::cipher_suite::Suite;
use crate::handover::crypto::Crypto;
use crate::handover::evidence::{Story, make_receipt};
use crate::handover::message::{Frame, frame_hash};
use crate::handover::output::Peer;
use crate::handover::policy::Deadline;
use crate::handover::record::Outcome;
use crate::handover::signing::erased_frame;
use crate::receipt::{Event, RelayFigures};
use crate::types::{Now, SessionId, Time};
use crate::wipe::Wiped;

/// The most frames of one session that a relay holds: small ones are bounded by number, so that nobody fills the queue to a
/// neighbour that others need.
const MAX_FRAMES_HELD: usize = 16;

/// Who applied, for what, and how.
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub(super) struct Applicant {
    pub(super) downstream: Peer,
    /// The key for messages of the kiosk that began the session.
    pub(super) kiosk: [u8; 32],
    pub(super) suite: Suite,
    pub(super) kind: String,
    pub(super) apply_hash: [u8; 32],
}

#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub(super) struct Session {
    applicant: Applicant,
    begun: bool,
    opened: Now,
    held: usize,
    frames_held: usize,
    facts: RelayFigures,
    evidence: Option<Erasure>,
    ending: Option<Cause>,
    /// The offer that passed, and what this relay attached to it.
    offer: Option<[u8; 32]>,
    attachment: Option<Vec<u8>>,
    /// The receipt's frame, while the receipt is being written.
    reporting: Option<Vec<u8>>,
    /// The receipt's frame, to be sent until it is acknowledged.
    reported: Option<Vec<u8>>,
    /// What the issuer, which has every receipt, calls the session.
    complete: Option<Outcome>,
    pub(super) deadline: (Time, Deadline),
    /// How long the lost connections upstream and downstream may stay lost.
    offline: [Option<Time>; 2],
}

impl Session {
    pub(super) fn new(now: Now, applicant: Applicant, evidence: Erasure) -> Self {
        Self {
            applicant,
            begun: false,
            opened: now,
            held: 0,
            frames_held: 0,
            facts: RelayFigures { peak_bytes: 0, longest_hold_ms: 0, frames: 0 },
            evidence: Some(evidence),
            ending: None,
            offer: None,
            attachment: None,
            reporting: None,
            reported: None,
            complete: None,
            deadline: (now.monotonic, Deadline::Transmit),
            offline: [None; 2],
        }
    }

    /// `true` the first time: the application still needs its record.
    pub(super) const fn begins(&mut self) -> bool {
        !core::mem::replace(&mut self.begun, true)
    }

    /// Whether this application, from this neighbour, began the session.
    pub(super) fn is_opened_by(&self, from: Peer, apply_hash: &[u8; 32]) -> bool {
        self.applicant.downstream == from && self.applicant.apply_hash == *apply_hash
    }

    pub(super) const fn suite(&self) -> Suite {
        self.applicant.suite
    }

    /// Notes the offer that passes; `true` when it is the first.
    pub(super) fn offered(&mut self, offer: [u8; 32]) -> bool {
        self.offer.replace(offer) != Some(offer)
    }

    /// The offer, unless something is attached to it.
    pub(super) fn offer_to_attach_to(&self) -> Option<[u8; 32]> {
        self.offer.filter(|_| self.attachment.is_none())
    }

    pub(super) fn attach(&mut self, frame: Vec<u8>) {
        self.attachment = Some(frame);
    }

    /// What is attached to this offer.
    pub(super) fn attached_to(&self, offer: &[u8; 32]) -> Option<Vec<u8>> {
        self.attachment.clone().filter(|_| self.offer.as_ref() == Some(offer))
    }

    pub(super) fn lost(&mut self, upstream: bool, until: Time) {
        if let Some(offline) = self.offline.get_mut(usize::from(upstream)) {
            offline.get_or_insert(until);
        }
    }

    pub(super) fn back(&mut self, upstream: bool) {
        if let Some(offline) = self.offline.get_mut(usize::from(upstream)) {
            *offline = None;
        }
    }

    /// The deadline that comes first. What has ended waits for its acknowledgement, with or without connections.
    pub(super) fn next_deadline(&self) -> Time {
        let offline = self.offline.iter().flatten().filter(|_| self.is_passing());
        offline.copied().chain([self.deadline.0]).min().unwrap_or(self.deadline.0)
    }

    /// Which deadline has passed.
    pub(super) fn passed_deadline(&self, now: Time) -> Deadline {
        if self.deadline.0 <= now { self.deadline.1 } else { Deadline::Reconnect }
    }

    pub(super) const fn downstream(&self) -> Peer {
        self.applicant.downstream
    }

    pub(super) const fn kiosk_key(&self) -> &[u8; 32] {
        &self.applicant.kiosk
    }

    pub(super) fn kind(&self) -> &str {
        &self.applicant.kind
    }

    pub(super) const fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether the ciphertext moves. Later a lost connection hastens nothing.
    pub(super) fn is_passing(&self) -> bool {
        self.ending.is_none() && self.deadline.1 < Deadline::Release
    }

    pub(super) const fn is_reported(&self) -> bool {
        self.evidence.is_none()
    }

    /// Whether a frame of this length would be more than a relay holds for one session, in bytes or in frames.
    pub(super) const fn would_hold_too_much(&self, length: usize, most: usize) -> bool {
        self.held + length > most || self.frames_held >= MAX_FRAMES_HELD
    }

    pub(super) const fn holds_too_many_frames(&self) -> bool {
        self.frames_held > MAX_FRAMES_HELD
    }

    /// Counts a frame in and gives the bytes now held.
    pub(super) fn held(&mut self, length: usize) -> usize {
        self.held += length;
        self.frames_held += 1;
        self.facts.frames += 1;
        #[cfg(shokyo_model)]
        if crate::handover::model::defect::is(crate::handover::model::defect::Defect::RelayCountsNothing) {
            self.facts.frames = 1;
        }
        self.facts.peak_bytes = self.facts.peak_bytes.max(self.held as u64);
        self.held
    }

    /// Counts a frame out.
    pub(super) fn sent(&mut self, length: usize, hold_ms: u64, wiped: Result<Wiped, Error>) {
        self.held = self.held.saturating_sub(length);
        self.frames_held = self.frames_held.saturating_sub(1);
        self.facts.longest_hold_ms = self.facts.longest_hold_ms.max(hold_ms);
        if let Some(evidence) = &mut self.evidence {
            evidence.record(CopyClass::Ciphertext, wiped);
        }
    }

    /// No document data comes after this; the first cause stays.
    pub(super) fn ending(&mut self, cause: Cause) {
        self.ending.get_or_insert(cause);
    }

    /// The issuer has every receipt, and says what they say together; `true` the first time, which counts.
    pub(super) const fn complete(&mut self, outcome: Outcome) -> bool {
        let first = self.complete.is_none();
        if first {
            self.complete = Some(outcome);
        }
        first
    }

    pub(super) fn is_ready_to_report(&self) -> bool {
        #[cfg(shokyo_model)]
        if crate::handover::model::defect::is(crate::handover::model::defect::Defect::RelayReportsEarly) {
            return self.ending.is_some() && self.evidence.is_some();
        }
        self.ending.is_some() && self.held == 0 && self.evidence.is_some()
    }

    pub(super) const fn is_done(&self) -> bool {
        self.complete.is_some() && self.held == 0 && self.reported.is_some()
    }

    pub(super) fn outcome(&self) -> Outcome {
        let own = if self.ending == Some(Cause::HandedOver) { Outcome::Complete } else { Outcome::Ended };
        own.max(self.complete.unwrap_or(Outcome::Unresolved))
    }

    /// The receipt's frame, until it is acknowledged.
    pub(super) fn unacknowledged(&self) -> Option<Vec<u8>> {
        self.reported.clone()
    }

    /// Whether this frame answers the one with the receipt.
    pub(super) fn is_answered_by(&self, answer: &[u8]) -> bool {
        let reported = self.reported.as_deref().map(frame_hash);
        reported.is_some() && Frame::decode(answer).ok().map(|answer| answer.previous) == reported
    }

    /// The receipt is durable: the frame that carries it, to be sent now.
    pub(super) fn reported(&mut self) -> Option<Vec<u8>> {
        let frame = self.reporting.take()?;
        self.reported = Some(frame.clone());
        Some(frame)
    }

    /// The receipt to be written, and what the host should know.
    pub(super) fn report<C: Crypto>(
        &mut self,
        crypto: &C,
        id: SessionId,
        now: Now,
    ) -> Result<(Vec<u8>, RelayEvent), Error> {
        let erasure = self.evidence.take().ok_or(Error::WrongState { command: "reporting" })?;
        let story = Story {
            event: Event::RelayedNotRetained,
            cause: self.ending.unwrap_or(Cause::Requested),
            kind: &self.applicant.kind,
            opened: self.opened,
            now,
            relay: Some(self.facts),
        };
        let receipt = make_receipt(crypto, erasure, &story)?.as_bytes().to_vec();
        let frame = erased_frame(crypto, self.applicant.suite, id, [0; 32], receipt.clone())?;
        self.reporting = Some(frame);
        let event = RelayEvent::NotRetained {
            session: id,
            peak_bytes: self.facts.peak_bytes,
            longest_hold_ms: self.facts.longest_hold_ms,
            frames: self.facts.frames,
        };
        Ok((receipt, event))
    }
}
