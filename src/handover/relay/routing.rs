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
            | MessageType::Complete
            | MessageType::Recorded => !upwards && frame.role == Role::Issuer,
            MessageType::Attachment => !upwards && frame.role.is_relay(),
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
            if self.exchanges.contains_key(&id) || self.sessions.contains_key(&id) {
                return Err(Error::Replayed);
            }
            let kiosk = sender.ok_or(Error::BadSignature)?.key;
            self.check_limits(now, from, &kiosk, &frame, bytes)?;
            let expires = now.monotonic.after(self.policy.challenge);
            self.exchanges.insert(id, Exchange { downstream: from, kiosk, expires, challenge: None });
            return Ok((kind, id, UPSTREAM));
        }
        if kind == MessageType::Apply {
            let kiosk = sender.ok_or(Error::BadSignature)?;
            self.open(now, from, &kiosk, &frame, bytes)?;
            return Ok((kind, id, UPSTREAM));
        }
        // A station that was started anew gives its receipt and does not know the suite, and is answered in its own.
        let of_the_session = !matches!(kind, MessageType::Erased | MessageType::Recorded);
        if of_the_session && self.sessions.get(&id).is_some_and(|session| session.suite() != frame.suite) {
            return Err(Error::Mismatch { what: "the suite of a session" });
        }
        let downstream = match self.sessions.get(&id) {
            // After the end no document data can come, or the receipt would not cover it.
            Some(session)
                if session.is_ending()
                    && !matches!(
                        kind,
                        MessageType::Erased | MessageType::Complete | MessageType::Cancel | MessageType::Recorded
                    ) =>
            {
                return Err(Error::UnexpectedMessage { message: kind.name() });
            }
            Some(session) => session.downstream(),
            None => match self.exchanges.get_mut(&id) {
                Some(exchange) if kind == MessageType::Challenge => {
                    exchange.challenge = Some(frame_hash(bytes));
                    // As long as its issuer accepts it, or a little longer.
                    exchange.expires = now.monotonic.after(self.policy.challenge);
                    exchange.downstream
                }
                Some(exchange) if kind == MessageType::Cancel => {
                    let downstream = exchange.downstream;
                    if !upwards || from == downstream {
                        // Refused, or not wanted any more.
                        self.exchanges.remove(&id);
                    }
                    downstream
                }
                _ => match (kind, self.complete.get(&id).copied()) {
                    (MessageType::Erased | MessageType::Complete | MessageType::Recorded, Some(peer)) => peer,
                    (MessageType::Erased, None) => self.late(now, from, &frame)?,
                    (MessageType::Complete | MessageType::Recorded, None) => {
                        self.way_back(&id).ok_or(Error::UnexpectedMessage { message: kind.name() })?
                    }
                    _ => return Err(Error::UnexpectedMessage { message: kind.name() }),
                },
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
            MessageType::Recorded => Recorded::decode(frame.body)?.certificate,
            MessageType::Cancel => Cancel::decode(frame.body)?.certificate,
            MessageType::Attachment => Attachment::decode(frame.body)?.certificate,
            _ => return Ok(None),
        };
        check_certified(&self.crypto, &self.trust, frame, &certificate, now).map(Some)
    }

    /// Opens the session of an application. The same application again, from where it came, only passes again.
    fn open(&mut self, now: Now, from: Peer, kiosk: &Identity, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let (id, apply_hash) = (frame.session, frame_hash(bytes));
        let header = ApplyHeader::decode(&Apply::decode(frame.body)?.header)?;
        if id != session_id(&header.nonce, &kiosk.operator, &kiosk.station, &header.reply_key) {
            // It is another's, whose own application would then be refused here.
            return Err(Error::Mismatch { what: "the session of an application" });
        }
        let kiosk = kiosk.key;
        if let Some(session) = self.sessions.get(&id) {
            let again = session.is_opened_by(from, &apply_hash) && !session.is_ending();
            return if again && !self.is_opening(id) { Ok(()) } else { Err(Error::Replayed) };
        }
        if self.complete.contains(&id) || self.is_opening(id) {
            return Err(Error::Replayed);
        }
        // A challenge that has passed opens one session here: an application that comes again later, when its session is forgotten, opens
        // none.
        let answers = |exchange: &Exchange| exchange.challenge == Some(frame.previous) && exchange.downstream == from;
        let Some(greeting) = self.exchanges.iter().find(|(_, exchange)| answers(exchange)).map(|(id, _)| *id) else {
            self.cancel(now, &[from], frame.suite, id, frame_hash(bytes), Cause::Refused);
            return Err(Error::Replayed);
        };
        self.check_limits(now, from, &kiosk, frame, bytes)?;
        self.exchanges.remove(&greeting);
        let applicant =
            session::Applicant { downstream: from, kiosk, suite: frame.suite, kind: header.kind, apply_hash };
        self.sessions.insert(id, Session::new(now, applicant, self.crypto.evidence(id)));
        self.set_deadline(id, now.monotonic.after(self.policy.transmit), Deadline::Transmit);
        Ok(())
    }

    /// Refuses, with an answer, what would be more than this relay, a neighbour's or a kiosk's share of it can take.
    fn check_limits(
        &mut self,
        now: Now,
        from: Peer,
        kiosk: &[u8; 32],
        frame: &Frame<'_>,
        bytes: &[u8],
    ) -> Result<(), Error> {
        // An application takes the place of one of its kiosk's greetings.
        let greeting = frame.kind == MessageType::Hello;
        let exchanges =
            self.exchanges.values().filter(|_| greeting).map(|exchange| (exchange.downstream, &exchange.kiosk));
        let sessions = self.sessions.values().map(|s| (s.downstream(), s.kiosk_key(), s.is_ending()));
        let all = self.sessions.len().max(if greeting { self.exchanges.len() } else { 0 });
        let limit = self.policy.max_sessions;
        let full = (all >= limit).then_some(Error::Busy { what: "sessions", limit: limit as u64 });
        let Some(error) = share::exceeded(&self.policy, (from, kiosk), exchanges, sessions).or(full) else {
            return Ok(());
        };
        self.cancel(now, &[from], frame.suite, frame.session, frame_hash(bytes), Cause::Busy);
        Err(error)
    }

    pub(super) fn take(&mut self, now: Now, kind: MessageType, passing: Passing) -> Result<(), Error> {
        let id = passing.session;
        if kind == MessageType::Recorded {
            self.forget_way(&id);
            if self.sessions.get(&id).is_some_and(|session| session.is_answered_by(&passing.frame)) {
                // The issuer's session is over: it has this receipt, and the others' are waited for until the deadline.
                self.resends.remove(id);
            }
        }
        let Some(session) = self.sessions.get_mut(&id) else {
            self.passing.push_back(passing);
            return Ok(());
        };
        let held = session.held(passing.frame.len());
        if held > self.policy.max_held || session.holds_too_many_frames() {
            self.handle_sent(now, passing);
            self.end(now, id, Cause::Refused);
            return Err(Error::Busy { what: "bytes held for a session", limit: self.policy.max_held as u64 });
        }
        let from_kiosk =
            passing.peer == UPSTREAM && kind == MessageType::Erased && sender(&passing.frame) == Some(Role::Kiosk);
        if kind == MessageType::Apply && session.begins() {
            let record = Record::Opened { session: id, kind: session.kind().into() };
            let token = self.output.persist(record);
            self.opening.insert(token, (id, Some(passing)));
            return Ok(());
        }
        let offer = (kind == MessageType::Offer).then(|| frame_hash(&passing.frame));
        // It is the issuer's, and was decoded for that check.
        let complete = (kind == MessageType::Complete).then(|| outcome_in(&passing.frame));
        self.passing.push_back(passing);
        if from_kiosk {
            session.ending(Cause::HandedOver);
            self.drop_waiting(now, id);
        }
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        match kind {
            MessageType::Cancel if !session.is_ending() => {
                // The kiosk's receipt still comes; if not, this is how long it is waited for.
                self.bring_deadline_forward(id, now.monotonic.after(self.policy.receipt));
            }
            MessageType::Received => {
                self.advance_deadline(id, now.monotonic.after(self.policy.release), Deadline::Release);
            }
            MessageType::Opened => {
                let delivered = now.monotonic.after(self.policy.deliver).after(self.policy.receipt);
                self.advance_deadline(id, delivered, Deadline::Deliver);
            }
            _ => {}
        }
        if let Some(offer) = offer {
            self.offered(now, id, offer);
        }
        if let Some(outcome) = complete {
            self.completed(id, outcome);
        }
        Ok(())
    }
}

/// What a Complete says of its session.
fn outcome_in(frame: &[u8]) -> Outcome {
    let complete = Frame::decode(frame).and_then(|frame| Complete::decode(frame.body));
    complete.map_or(Outcome::Unresolved, |complete| complete.outcome)
}

impl<C: Crypto, T: Trust> Relay<C, T> {
    /// The issuer has every receipt.
    fn completed(&mut self, id: SessionId, outcome: Outcome) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.complete(outcome) && outcome == Outcome::Unresolved {
            self.output.persist(Record::Alarm { session: id, what: CALLED_UNRESOLVED });
        }
    }

    /// An offer passes: what is attached follows it.
    fn offered(&mut self, now: Now, id: SessionId, offer: [u8; 32]) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let downstream = session.downstream();
        if session.offered(offer) {
            self.output.event(RelayEvent::Offered { session: id });
        } else if let Some(frame) = session.attached_to(&offer) {
            self.send_own(now, downstream, id, frame);
        }
    }
}

fn sender(frame: &[u8]) -> Option<Role> {
    Frame::decode(frame).ok().map(|frame| frame.role)
}
