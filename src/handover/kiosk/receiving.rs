//! How ciphertext comes to a kiosk: the offer, what relays attach to it, the chunks, and the acknowledgement.
use super::*;

impl<C: Crypto, T: Trust> Kiosk<C, T> {
    pub(super) fn offer(&mut self, now: Now, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        if let State::Receiving { offer_hash, .. } | State::AwaitingKey { offer_hash, .. } = &self.state
            && *offer_hash == frame_hash(bytes)
        {
            // It came again because this kiosk asked again.
            return Ok(());
        }
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
                if let State::Applied { frame, private, apply_hash, .. } = self.state.replace(State::Finished) {
                    let (offer_hash, attachments) = (frame_hash(bytes), BTreeMap::new());
                    self.state = State::Receiving {
                        private,
                        incoming,
                        offer,
                        offer_hash,
                        apply_hash,
                        next: 0,
                        asked: 0,
                        frame,
                        attachments,
                    };
                }
                self.output.event(KioskEvent::Offered { length });
                self.grant();
                self.ask_later(now);
                Ok(())
            }
            Err(error) => {
                self.end(now, Cause::Refused, true);
                Err(error)
            }
        }
    }

    /// Asks for the chunks that are to come next and were not asked for.
    pub(super) fn grant(&mut self) {
        if let State::Receiving { offer, offer_hash, next, asked, .. } = &mut self.state {
            let from = (*asked).max(*next);
            let until = next.saturating_add(self.policy.credit).min(offer.hashes.len() as u32);
            if from < until {
                *asked = until;
                let body = Credit { from, until }.encode();
                let frame = plain_frame(self.suite, Role::Kiosk, MessageType::Credit, self.id, *offer_hash, &body);
                self.output.transmit(UPSTREAM, self.id, frame);
            }
        }
    }

    pub(super) fn attachment(&mut self, now: Now, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let attachment = Attachment::decode(frame.body)?;
        let relay = check_certified(&self.crypto, &self.trust, frame, &attachment.certificate, now)?;
        if !relay.role.is_relay() {
            return Err(Error::Untrusted { what: "an attachment by a station that is no relay" });
        }
        let hash = frame_hash(bytes);
        let State::Receiving { offer_hash, attachments, .. } = &mut self.state else {
            return match self.state {
                // It came again with an offer that was asked for again.
                State::AwaitingKey { .. } => Ok(()),
                _ => Err(Error::UnexpectedMessage { message: MessageType::Attachment.name() }),
            };
        };
        match attachments.get(&relay.role) {
            Some(known) if *known == hash => return Ok(()),
            None if frame.previous == *offer_hash => {}
            _ => {
                // Signed, and not what was attached before or to another offer: nothing that is printed could be relied on.
                self.end(now, Cause::Refused, true);
                return Err(Error::Mismatch { what: "what a relay attached" });
            }
        }
        attachments.insert(relay.role, hash);
        self.output.event(KioskEvent::Attached { role: relay.role, data: attachment.data });
        self.received_if_whole(now)
    }

    pub(super) fn chunk(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
        let State::Receiving { incoming, offer, offer_hash, next, .. } = &mut self.state else {
            return Err(Error::UnexpectedMessage { message: MessageType::Chunk.name() });
        };
        let (index, bytes) = decode_chunk(frame.body)?;
        if index < *next {
            return Ok(());
        }
        if index > *next
            && frame.previous == *offer_hash
            && offer.hashes.get(index as usize) == Some(&chunk_hash(bytes))
        {
            // Those before it went down with a connection; they are asked for again.
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
            self.ask_later(now);
            return Ok(());
        }
        self.received_if_whole(now)
    }

    /// Acknowledges once every chunk and every required attachment is here.
    fn received_if_whole(&mut self, now: Now) -> Result<(), Error> {
        let State::Receiving { offer, next, attachments, .. } = &self.state else { return Ok(()) };
        let chunks = *next as usize == offer.hashes.len();
        if !chunks || !self.policy.attachments.iter().all(|role| attachments.contains_key(&role)) {
            self.ask_later(now);
            return Ok(());
        }
        let State::Receiving { private, incoming, offer, offer_hash, apply_hash, next, attachments, .. } =
            self.state.replace(State::Finished)
        else {
            return Err(Error::WrongState { command: "acknowledging" });
        };
        let body = Received { count: next, attachments: attachments_hash(&attachments) }.encode();
        let signed = sign_frame(&self.crypto, self.suite, MessageType::Received, self.id, offer_hash, &body);
        let (frame, error) = match signed {
            Ok(frame) => (frame, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let received_hash = frame_hash(&frame);
        self.state = State::AwaitingKey {
            frame: frame.clone(),
            private,
            incoming,
            offer,
            offer_hash,
            apply_hash,
            received_hash,
        };
        if let Some(error) = error {
            self.end(now, Cause::Refused, true);
            return Err(error);
        }
        self.output.transmit(UPSTREAM, self.id, frame);
        self.output.event(KioskEvent::Received);
        self.deadline = Some((now.monotonic.after(self.policy.release), Deadline::Release));
        self.ask_later(now);
        Ok(())
    }
}
