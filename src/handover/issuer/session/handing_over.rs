//! How a document leaves an issuing system: chunks as they are asked for, then the key, once, after its own copy is wiped.

use alloc::vec::Vec;

use super::{Session, State};
use crate::buffer::{Cause, CopyClass};
use crate::error::Error;
use crate::handover::body::{Credit, Received, encode_chunk};
use crate::handover::crypto::Crypto;
use crate::handover::evidence::make_receipt;
use crate::handover::message::{MessageType, frame_hash};
use crate::handover::policy::Policy;
use crate::handover::record::Outcome;
use crate::handover::release::Release;
use crate::handover::signing::{plain_frame, sign_frame};
use crate::receipt::Event;
use crate::types::{Now, Role};
use crate::wipe;

/// How often a whole document may be asked for, repetitions included: connections that are lost again and again need some, whoever
/// wants to keep an issuing system busy gets no more.
const RESENDS: u64 = 8;

impl<C: Crypto> Session<C> {
    /// The chunks that the kiosk asks for.
    ///
    /// # Errors
    /// [`Error::Busy`] when so many were asked for again that somebody only wants them sent.
    pub(in super::super) fn grant(
        &mut self,
        crypto: &C,
        policy: &Policy,
        previous: [u8; 32],
        credit: Credit,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let suite = self.applicant.suite;
        let State::Offered { document, shape, offer_hash, sent, transmitted, .. } = &mut self.state else {
            return Ok(Vec::new());
        };
        if previous != *offer_hash {
            return Err(Error::Mismatch { what: "the offer of a credit" });
        }
        // More than the window at once is not sent, whatever is asked for: relays hold no more than that.
        let until = credit.until.min(shape.count).min(credit.from.saturating_add(policy.credit));
        let most = RESENDS * u64::from(shape.count) + u64::from(policy.credit);
        let mut frames = Vec::new();
        for index in credit.from..until {
            if *transmitted >= most {
                return Err(Error::Busy { what: "chunks sent in one session, repetitions included,", limit: most });
            }
            *transmitted += 1;
            *sent = (*sent).max(index + 1);
            let body = encode_chunk(index, crypto.chunk(document, index)?);
            frames.push(plain_frame(suite, Role::Issuer, MessageType::Chunk, self.id, *offer_hash, &body));
        }
        Ok(frames)
    }

    /// The stored release, when this very `Received` was answered before.
    pub(in super::super) fn stored_release(&self, received: &[u8; 32]) -> Option<Vec<u8>> {
        match &self.state {
            State::Released { frame, received_hash, .. } if received_hash == received => Some(frame.clone()),
            _ => None,
        }
    }

    /// Wraps the key to the kiosk, wipes key and ciphertext, and gives the receipt to be written. Nothing is sent yet.
    pub(in super::super) fn wrap_and_wipe(
        &mut self,
        crypto: &C,
        now: Now,
        received: Received,
        previous: [u8; 32],
        received_hash: [u8; 32],
    ) -> Result<Vec<u8>, Error> {
        let State::Offered { document, shape, offer_hash, sent, .. } = &self.state else {
            return Err(Error::UnexpectedMessage { message: MessageType::Received.name() });
        };
        if previous != *offer_hash || received.count != shape.count || *sent != shape.count {
            return Err(Error::Mismatch { what: "the offer that was received" });
        }
        let wrapped = crypto.wrap(document, self.applicant.suite, &self.applicant.reply_key, &received_hash)?;
        let State::Offered { document, .. } = core::mem::replace(&mut self.state, State::Closing) else {
            return Err(Error::WrongState { command: "wiping" });
        };
        let mut evidence = crypto.evidence(self.id);
        crypto.erase(document, &mut evidence);
        let earlier = core::mem::replace(&mut self.evidence, crypto.evidence(self.id));
        evidence.absorb(earlier)?;
        let receipt = make_receipt(crypto, evidence, &self.story(Event::KeyWiped, Cause::HandedOver, now))?;
        let bytes = receipt.as_bytes().to_vec();
        self.state = State::Recording { wrapped, receipt, received_hash };
        Ok(bytes)
    }

    /// After the receipt is durable: makes the release, which only that receipt makes possible.
    pub(in super::super) fn release(&mut self, crypto: &C) -> Result<Option<Vec<u8>>, Error> {
        let state = core::mem::replace(&mut self.state, State::Closing);
        let State::Recording { wrapped, receipt, received_hash } = state else {
            self.state = state;
            return Ok(None);
        };
        let release = Release::new(wrapped, &receipt, crypto.receipt_certificate())?;
        let mut body = release.encode();
        let frame = sign_frame(crypto, self.applicant.suite, MessageType::Release, self.id, received_hash, &body);
        self.evidence.record(CopyClass::WrappedKey, wipe::wipe_vec(&mut body, 0));
        let frame = frame?;
        let release_hash = frame_hash(&frame);
        self.state = State::Released { frame: frame.clone(), release_hash, received_hash };
        Ok(Some(frame))
    }

    /// The kiosk answered the release: wipes the stored frame. `None` when it was closed before.
    pub(in super::super) fn close(
        &mut self,
        crypto: &C,
        now: Now,
        verified: bool,
        previous: [u8; 32],
    ) -> Result<Option<Vec<u8>>, Error> {
        match &self.state {
            _ if self.ended => return Ok(None),
            State::Released { release_hash, .. } if *release_hash == previous => {}
            State::Released { .. } => return Err(Error::Mismatch { what: "the release that was opened" }),
            _ => return Err(Error::UnexpectedMessage { message: MessageType::Opened.name() }),
        }
        if let State::Released { mut frame, .. } = core::mem::replace(&mut self.state, State::Closing) {
            self.evidence.record(CopyClass::WrappedKey, wipe::wipe_vec(&mut frame, 0));
        }
        if !verified {
            self.verdict = Some(Outcome::Unresolved);
        }
        self.ended = true;
        self.receipt(crypto, now, Event::Closed, Cause::HandedOver).map(Some)
    }
}
