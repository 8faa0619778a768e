//! What a kiosk does with the messages that begin and end a transaction: who may have sent each, what it must answer, and what
//! follows.
use super::*;

impl<C: Crypto, T: Trust> Kiosk<C, T> {
    pub(super) fn challenge(&mut self, now: Now, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let State::Greeting { hello_hash, .. } = &self.state else {
            return Err(Error::UnexpectedMessage { message: MessageType::Challenge.name() });
        };
        let challenge = Challenge::decode(frame.body)?;
        let issuer = check_certified(&self.crypto, &self.trust, frame, &challenge.certificate, now)?;
        if !self.is_asked(&issuer) {
            return Err(Error::Untrusted { what: "a challenge by another issuer than was asked" });
        }
        if frame.previous != *hello_hash {
            return Err(Error::Mismatch { what: "the greeting of a challenge" });
        }
        // Signed by the issuer, chosen from what this kiosk signed: nobody between them can have weakened it.
        if !self.policy.suites.contains(frame.suite) {
            self.end(now, Cause::Refused, false);
            return Err(Error::UnsupportedSuite { found: frame.suite as u64 });
        }
        match self.make_apply(frame.suite, &challenge, frame_hash(bytes)) {
            Ok((id, next)) => {
                self.suite = frame.suite;
                // From here on this transaction is its session, and so is its evidence.
                let mut evidence = self.crypto.evidence(id);
                if let State::Greeting { held, .. } = self.state.replace(next) {
                    self.crypto.erase_application(held, &mut evidence);
                }
                self.evidence = evidence;
                self.id = id;
                self.issuer = Some(issuer);
                self.deadline = Some((now.monotonic.after(self.policy.transmit), Deadline::Transmit));
                let token = self.output.persist(Record::Opened { session: id, kind: self.kind.clone() });
                self.waiting = Some((token, Journalled::Apply));
                #[cfg(shokyo_model)]
                if crate::handover::model::defect::is(crate::handover::model::defect::Defect::ApplyUnrecorded) {
                    self.handle_persisted(now, token);
                }
                Ok(())
            }
            Err(error) => {
                self.end(now, Cause::Refused, false);
                Err(error)
            }
        }
    }

    pub(super) fn make_apply(
        &self,
        suite: Suite,
        challenge: &Challenge,
        challenge_hash: [u8; 32],
    ) -> Result<(SessionId, State<C>), Error> {
        let State::Greeting { held, .. } = &self.state else {
            return Err(Error::WrongState { command: "applying" });
        };
        let (private, reply_key) = self.crypto.generate(suite)?;
        let id =
            session_id(&challenge.nonce, &self.crypto.station().operator, &self.crypto.station().station, &reply_key);
        let header = ApplyHeader {
            nonce: challenge.nonce,
            epoch: challenge.epoch,
            operator: self.issuer_name.0.clone(),
            issuer: self.issuer_name.1.clone(),
            kind: self.kind.clone(),
            copies: self.copies,
            reply_key,
            certificate: self.crypto.certificate().to_vec(),
        }
        .encode();
        let info = hash(b"shokyo application v1", &[&header]);
        let (sealed, subject_tag) = self.crypto.seal_application(held, suite, &challenge.public_key, &info)?;
        let body = Apply { header, encapsulated: sealed.encapsulated, sealed: sealed.sealed }.encode();
        let frame = sign_frame(&self.crypto, suite, MessageType::Apply, id, challenge_hash, &body)?;
        let apply_hash = frame_hash(&frame);
        Ok((id, State::Journalling { frame, private, apply_hash, subject_tag }))
    }

    pub(super) fn release(&mut self, now: Now, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
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
                    suite: self.suite,
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
        let answer = sign_frame(&self.crypto, self.suite, MessageType::Opened, self.id, frame_hash(bytes), &body);
        let outcome = match (opened, answer) {
            (Ok(document), Ok(answer)) if verified => {
                self.output.transmit(UPSTREAM, self.id, answer.clone());
                self.opened_hash = frame_hash(bytes);
                self.opened_frame = Some(answer);
                self.state = State::Ready { document, printing: false };
                self.deadline = Some((now.monotonic.after(self.policy.deliver), Deadline::Deliver));
                #[cfg(shokyo_model)]
                if crate::handover::model::defect::is(crate::handover::model::defect::Defect::NoDeliverDeadline) {
                    self.deadline = None;
                }
                self.offline = None;
                self.ask_later(now);
                self.output.event(KioskEvent::Ready { length: offer.length });
                return Ok(());
            }
            (Ok(document), answer) => {
                self.crypto.erase(document, &mut self.evidence);
                (Error::NotErased { bytes: 32 }, answer)
            }
            (Err(error), answer) => (error, answer),
        };
        self.state = State::Emptied;
        self.end(now, Cause::Refused, false);
        if let Ok(answer) = outcome.1 {
            // Before the receipt, which is sent only once it is durable.
            self.output.transmit(UPSTREAM, self.id, answer);
        }
        Err(outcome.0)
    }

    pub(super) fn complete(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let complete = Complete::decode(frame.body)?;
        self.check_issuer(frame)?;
        match self.state {
            State::Reported { .. } => {
                let own = match self.cause {
                    Cause::Delivered => Outcome::Complete,
                    _ if self.print_unknown => Outcome::Unresolved,
                    _ => Outcome::Ended,
                };
                #[cfg(shokyo_model)]
                if crate::handover::model::defect::is(crate::handover::model::defect::Defect::CompleteUntold) {
                    self.finish(own);
                    return Ok(());
                }
                if complete.outcome == Outcome::Unresolved {
                    self.alarm(CALLED_UNRESOLVED);
                }
                self.finish(own.max(complete.outcome));
                Ok(())
            }
            State::Finished => Ok(()),
            _ => Err(Error::UnexpectedMessage { message: MessageType::Complete.name() }),
        }
    }

    /// The issuer's session is over: it has this receipt, and that all are there is waited for until the deadline.
    pub(super) fn recorded(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        Recorded::decode(frame.body)?;
        self.check_issuer(frame)?;
        if let State::Reported { frame: reported } = &self.state
            && frame_hash(reported) == frame.previous
        {
            self.resend = None;
        }
        Ok(())
    }

    pub(super) fn cancelled(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
        let cancel = Cancel::decode(frame.body)?;
        let sender = check_certified(&self.crypto, &self.trust, frame, &cancel.certificate, now)?;
        let fits = sender.role.is_relay() || self.is_asked(&sender);
        if !fits {
            return Err(Error::Untrusted { what: "a cancellation by a station outside the session" });
        }
        // Whoever is told that a limit is reached may try again later; everything else is an end.
        let cause = if cancel.cause == Cause::Busy { Cause::Busy } else { Cause::Cancelled };
        self.end(now, cause, false);
        Ok(())
    }

    pub(super) fn is_asked(&self, issuer: &Identity) -> bool {
        let (operator, station) = &self.issuer_name;
        issuer.role == Role::Issuer && issuer.station == *station && issuer.operator == *operator
    }

    pub(super) fn check_issuer(&self, frame: &Frame<'_>) -> Result<Identity, Error> {
        let issuer = self.issuer.as_ref().ok_or(Error::UnexpectedMessage { message: frame.kind.name() })?;
        check_signature(&self.crypto, frame, &issuer.key)?;
        Ok(issuer.clone())
    }
}
