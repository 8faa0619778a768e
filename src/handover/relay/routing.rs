//! Where a frame goes, if it may go anywhere: direction, signature, session, neighbour, bytes held.
use super::*;

impl<C: Crypto, T: Trust> Relay<C, T> {
    /// Where a frame goes, if it may go anywhere.
    pub(super) fn route(
        &mut self,
        now: Now,
        from: Peer,
        bytes: &[u8],
    ) -> Result<(MessageType, SessionId, Peer), Error> {
        let frame = Frame::decode(bytes)?;
        let (kind, id) = (frame.kind, frame.session);
        let upwards = from != UPSTREAM;
        let allowed = match kind {
            MessageType::Hello
            | MessageType::Apply
            | MessageType::Credit
            | MessageType::Received
            | MessageType::Opened => upwards && frame.role == Role::Kiosk,
            MessageType::Challenge
            | MessageType::Offer
            | MessageType::Chunk
            | MessageType::Release
            | MessageType::Complete => !upwards && frame.role == Role::Issuer,
            MessageType::Erased => upwards && frame.role != Role::Issuer,
            MessageType::Cancel => true,
        };
        if !allowed {
            return Err(Error::UnexpectedMessage { message: kind.name() });
        }
        let sender = self.authenticate(now, &frame)?;
        let other_kiosk = |session: &Session| {
            sender.as_ref().is_some_and(|sender| sender.role == Role::Kiosk && sender.key != *session.kiosk_key())
        };
        if self.sessions.get(&id).is_some_and(other_kiosk) {
            return Err(Error::Mismatch { what: "the kiosk of a session" });
        }
        if kind == MessageType::Hello {
            if self.exchanges.len() >= self.policy.max_sessions {
                return Err(Error::Busy { what: "sessions", limit: self.policy.max_sessions as u64 });
            }
            if self.exchanges.contains_key(&id) || self.sessions.contains_key(&id) {
                return Err(Error::Replayed);
            }
            self.exchanges.insert(id, (from, now.monotonic.after(self.policy.challenge)));
            return Ok((kind, id, UPSTREAM));
        }
        if kind == MessageType::Apply {
            let kiosk = sender.ok_or(Error::BadSignature)?;
            self.open(now, from, kiosk.key, id, frame.body)?;
            return Ok((kind, id, UPSTREAM));
        }
        let downstream = match self.sessions.get(&id) {
            // After the end no document data can come, or the receipt would not cover it.
            Some(session)
                if session.is_ending()
                    && !matches!(kind, MessageType::Erased | MessageType::Complete | MessageType::Cancel) =>
            {
                return Err(Error::UnexpectedMessage { message: kind.name() });
            }
            Some(session) => session.downstream(),
            None => match self.exchanges.get(&id) {
                Some((peer, _)) if matches!(kind, MessageType::Challenge | MessageType::Cancel) => *peer,
                _ => return Err(Error::UnexpectedMessage { message: kind.name() }),
            },
        };
        match (upwards, from == downstream) {
            (true, true) => Ok((kind, id, UPSTREAM)),
            (false, _) => Ok((kind, id, downstream)),
            (true, false) => Err(Error::Mismatch { what: "the neighbour of a session" }),
        }
    }

    /// Checks who signed the messages that begin and end sessions.
    pub(super) fn authenticate(&self, now: Now, frame: &Frame<'_>) -> Result<Option<Identity>, Error> {
        let certificate = match frame.kind {
            MessageType::Hello => Hello::decode(frame.body)?.certificate,
            MessageType::Apply => ApplyHeader::decode(&Apply::decode(frame.body)?.header)?.certificate,
            MessageType::Erased => Erased::decode(frame.body)?.certificate,
            MessageType::Complete => Complete::decode(frame.body)?.certificate,
            MessageType::Cancel => Cancel::decode(frame.body)?.certificate,
            _ => return Ok(None),
        };
        check_certified(&self.crypto, &self.trust, frame, &certificate, now).map(Some)
    }

    pub(super) fn open(
        &mut self,
        now: Now,
        from: Peer,
        kiosk: [u8; 32],
        id: SessionId,
        body: &[u8],
    ) -> Result<(), Error> {
        if self.sessions.contains_key(&id) {
            return Err(Error::Replayed);
        }
        if self.sessions.len() >= self.policy.max_sessions {
            return Err(Error::Busy { what: "sessions", limit: self.policy.max_sessions as u64 });
        }
        let header = ApplyHeader::decode(&Apply::decode(body)?.header)?;
        self.sessions.insert(id, Session::new(now, from, kiosk, header.kind, self.crypto.evidence(id)));
        self.set_deadline(id, now.monotonic.after(self.policy.whole()));
        Ok(())
    }

    pub(super) fn take(&mut self, now: Now, kind: MessageType, passing: Passing) -> Result<(), Error> {
        let id = passing.session;
        let Some(session) = self.sessions.get_mut(&id) else {
            self.passing.push_back(passing);
            return Ok(());
        };
        let held = session.held(passing.frame.len());
        if held > self.policy.max_held {
            self.handle_sent(now, passing);
            self.end(now, id, Cause::Refused);
            return Err(Error::Busy { what: "bytes held for a session", limit: self.policy.max_held as u64 });
        }
        let from_kiosk =
            passing.peer == UPSTREAM && kind == MessageType::Erased && sender(&passing.frame) == Some(Role::Kiosk);
        if kind == MessageType::Apply {
            let record = Record::Opened { session: id, kind: session.kind().into() };
            let token = self.output.persist(record);
            self.waiting.insert(token, passing);
            return Ok(());
        }
        self.passing.push_back(passing);
        if from_kiosk {
            session.ending(Cause::HandedOver);
        }
        match kind {
            MessageType::Cancel if !session.is_ending() => {
                // The kiosk's receipt still comes; if not, this is how long it is waited for.
                self.bring_deadline_forward(id, now.monotonic.after(self.policy.receipt));
            }
            MessageType::Complete => session.complete(),
            _ => {}
        }
        Ok(())
    }
}

fn sender(frame: &[u8]) -> Option<Role> {
    Frame::decode(frame).ok().map(|frame| frame.role)
}
