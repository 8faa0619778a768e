//! What a kiosk does with each message: who may have sent it, what it must answer, and what follows.
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

    pub(super) fn make_apply(
        &self,
        challenge: &Challenge,
        challenge_hash: [u8; 32],
    ) -> Result<(SessionId, State<C>), Error> {
        let State::Greeting { held, .. } = &self.state else {
            return Err(Error::WrongState { command: "applying" });
        };
        let (private, reply_key) = self.crypto.generate()?;
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
        let (sealed, subject_tag) = self.crypto.seal_application(held, &challenge.public_key, &info)?;
        let body = Apply { header, encapsulated: sealed.encapsulated, sealed: sealed.sealed }.encode();
        let frame = sign_frame(&self.crypto, MessageType::Apply, id, challenge_hash, &body)?;
        let apply_hash = frame_hash(&frame);
        Ok((id, State::Journalling { frame, private, apply_hash, subject_tag }))
    }

    pub(super) fn offer(&mut self, now: Now, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
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

    pub(super) fn grant(&mut self) {
        if let State::Receiving { offer, offer_hash, next, .. } = &self.state {
            let until = (next + self.policy.credit).min(offer.hashes.len() as u32);
            let body = Credit { until }.encode();
            let frame = plain_frame(Role::Kiosk, MessageType::Credit, self.id, *offer_hash, &body);
            self.output.transmit(UPSTREAM, self.id, frame);
        }
    }

    pub(super) fn chunk(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
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

    pub(super) fn received(&mut self, now: Now) -> Result<(), Error> {
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
        self.state = State::Emptied;
        self.end(now, Cause::Refused, false);
        if let Ok(answer) = outcome.1 {
            // Before the receipt, which is sent only once it is durable.
            self.output.transmit(UPSTREAM, self.id, answer);
        }
        Err(outcome.0)
    }

    pub(super) fn complete(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        Complete::decode(frame.body)?;
        self.check_issuer(frame)?;
        match self.state {
            State::Reported { .. } => {
                self.finish(match self.cause {
                    Cause::Delivered => Outcome::Complete,
                    _ if self.print_unknown => Outcome::Unresolved,
                    _ => Outcome::Ended,
                });
                Ok(())
            }
            State::Finished => Ok(()),
            _ => Err(Error::UnexpectedMessage { message: MessageType::Complete.name() }),
        }
    }

    pub(super) fn cancelled(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
        let cancel = Cancel::decode(frame.body)?;
        let sender = check_certified(&self.crypto, &self.trust, frame, &cancel.certificate, now)?;
        let fits = sender.role.is_relay() || self.is_asked(&sender);
        if !fits {
            return Err(Error::Untrusted { what: "a cancellation by a station outside the session" });
        }
        self.end(now, Cause::Cancelled, false);
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
