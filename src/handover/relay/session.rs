//! What a relay knows of one session: whose it is, how much of it is held, and the evidence that nothing stays.

use alloc::string::String;
use alloc::vec::Vec;

use super::RelayEvent;
use crate::buffer::{Cause, CopyClass, Erasure};
use crate::error::Error;
use crate::handover::crypto::Crypto;
use crate::handover::evidence::{Story, make_receipt};
use crate::handover::output::Peer;
use crate::handover::record::Outcome;
use crate::handover::signing::erased_frame;
use crate::receipt::{Event, RelayFigures};
use crate::types::{Now, SessionId, Time};
use crate::wipe::Wiped;

#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub(super) struct Session {
    downstream: Peer,
    /// The key for messages of the kiosk that began the session.
    kiosk: [u8; 32],
    kind: String,
    opened: Now,
    held: usize,
    facts: RelayFigures,
    evidence: Option<Erasure>,
    ending: Option<Cause>,
    /// The receipt's frame, while the receipt is being written.
    reporting: Option<Vec<u8>>,
    /// The receipt's frame and when it is sent again.
    reported: Option<(Vec<u8>, Time)>,
    complete: bool,
}

impl Session {
    pub(super) fn new(now: Now, downstream: Peer, kiosk: [u8; 32], kind: String, evidence: Erasure) -> Self {
        Self {
            downstream,
            kiosk,
            kind,
            opened: now,
            held: 0,
            facts: RelayFigures { peak_bytes: 0, longest_hold_ms: 0, frames: 0 },
            evidence: Some(evidence),
            ending: None,
            reporting: None,
            reported: None,
            complete: false,
        }
    }

    pub(super) const fn downstream(&self) -> Peer {
        self.downstream
    }

    pub(super) const fn kiosk_key(&self) -> &[u8; 32] {
        &self.kiosk
    }

    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    pub(super) const fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    pub(super) const fn is_reported(&self) -> bool {
        self.evidence.is_none()
    }

    pub(super) fn resend_at(&self) -> Option<Time> {
        self.reported.as_ref().map(|(_, time)| *time)
    }

    pub(super) const fn now_held(&self) -> usize {
        self.held
    }

    /// Counts a frame in and gives the bytes now held.
    pub(super) fn held(&mut self, length: usize) -> usize {
        self.held += length;
        self.facts.frames += 1;
        self.facts.peak_bytes = self.facts.peak_bytes.max(self.held as u64);
        self.held
    }

    /// Counts a frame out.
    pub(super) fn sent(&mut self, length: usize, hold_ms: u64, wiped: Result<Wiped, Error>) {
        self.held = self.held.saturating_sub(length);
        self.facts.longest_hold_ms = self.facts.longest_hold_ms.max(hold_ms);
        if let Some(evidence) = &mut self.evidence {
            evidence.record(CopyClass::Ciphertext, wiped);
        }
    }

    /// No document data comes after this; the first cause stays.
    pub(super) fn ending(&mut self, cause: Cause) {
        self.ending.get_or_insert(cause);
    }

    /// The issuer has every receipt.
    pub(super) const fn complete(&mut self) {
        self.complete = true;
    }

    pub(super) const fn is_ready_to_report(&self) -> bool {
        self.ending.is_some() && self.held == 0 && self.evidence.is_some()
    }

    pub(super) const fn is_done(&self) -> bool {
        self.complete && self.held == 0 && self.reported.is_some()
    }

    pub(super) fn outcome(&self) -> Outcome {
        if self.ending == Some(Cause::HandedOver) { Outcome::Complete } else { Outcome::Ended }
    }

    pub(super) fn due_resend(&mut self, now: Time, every: core::time::Duration) -> Option<Vec<u8>> {
        let (frame, time) = self.reported.as_mut()?;
        (*time <= now).then(|| {
            *time = now.after(every);
            frame.clone()
        })
    }

    /// The receipt is durable: the frame that carries it, to be sent now.
    pub(super) fn reported(&mut self, now: Now, resend: core::time::Duration) -> Option<Vec<u8>> {
        let frame = self.reporting.take()?;
        self.reported = Some((frame.clone(), now.monotonic.after(resend)));
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
            kind: &self.kind,
            opened: self.opened,
            now,
            relay: Some(self.facts),
        };
        let receipt = make_receipt(crypto, erasure, &story)?.as_bytes().to_vec();
        let frame = erased_frame(crypto, id, [0; 32], receipt.clone())?;
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
