//! Before a session exists: challenges, applications, refusals.
use super::*;

impl<C: Crypto, T: Trust> Issuer<C, T> {
    pub(super) fn hello(&mut self, now: Now, peer: Peer, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let hello = Hello::decode(frame.body)?;
        let kiosk = check_certified(&self.crypto, &self.trust, frame, &hello.certificate, now)?;
        if kiosk.role != Role::Kiosk {
            return Err(Error::Untrusted { what: "an application from a station that is no kiosk" });
        }
        let known = Suites::from_numbers(&hello.suites);
        let suite = self.policy.suites.strongest_common(known);
        let refused = if hello.issuer != self.crypto.station().station
            || hello.operator != self.crypto.station().operator
        {
            Some((Error::Mismatch { what: "the issuer that is asked" }, Cause::Refused))
        } else if suite.is_none() {
            let found = hello.suites.first().copied().unwrap_or_default().into();
            Some((Error::UnsupportedSuite { found }, Cause::Refused))
        } else if self.challenges.len() >= self.policy.max_sessions || self.sessions.len() >= self.policy.max_sessions {
            Some((Error::Busy { what: "sessions", limit: self.policy.max_sessions as u64 }, Cause::Busy))
        } else {
            self.over_the_limit(peer, &kiosk).map(|error| (error, Cause::Busy))
        };
        if let Some((error, cause)) = refused {
            self.refuse(peer, frame, bytes, cause);
            return Err(error);
        }
        let suite = suite.unwrap_or(frame.suite);
        let nonce = self.crypto.random()?;
        let (private, public_key) = self.crypto.generate(suite)?;
        let body = Challenge {
            nonce,
            epoch: self.epoch,
            public_key,
            valid_ms: u64::try_from(self.policy.challenge.as_millis()).unwrap_or(u64::MAX),
            certificate: self.crypto.certificate().to_vec(),
        };
        let challenge =
            sign_frame(&self.crypto, suite, MessageType::Challenge, frame.session, frame_hash(bytes), &body.encode())?;
        let expires = now.monotonic.after(self.policy.challenge);
        let challenge_hash = frame_hash(&challenge);
        let exchange = frame.session;
        self.challenges.insert(nonce, Outstanding { peer, exchange, suite, kiosk, private, challenge_hash, expires });
        self.output.transmit(peer, frame.session, challenge);
        Ok(())
    }

    pub(super) fn apply(&mut self, now: Now, peer: Peer, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        if let Some(session) = self.sessions.get(&frame.session)
            && session.is_opened_by(peer, &frame_hash(bytes))
        {
            // It came again because its answer was lost.
            if let Some(offer) = session.stored_offer() {
                self.output.transmit(peer, frame.session, offer);
            }
            return Ok(());
        }
        let apply = Apply::decode(frame.body)?;
        let header = ApplyHeader::decode(&apply.header)?;
        let kiosk = check_certified(&self.crypto, &self.trust, frame, &header.certificate, now)?;
        let Some(outstanding) = self.challenges.get(&header.nonce) else {
            if !self.sessions.contains_key(&frame.session) {
                // Of before a restart, too late, or used: the kiosk need not wait for its deadline.
                self.refuse(peer, frame, bytes, Cause::Refused);
            }
            return Err(Error::Replayed);
        };
        if outstanding.peer != peer || kiosk != outstanding.kiosk {
            return Err(Error::Mismatch { what: "the kiosk that was challenged" });
        }
        if frame.previous != outstanding.challenge_hash || header.epoch != self.epoch {
            return Err(Error::Mismatch { what: "the challenge of an application" });
        }
        if frame.suite != outstanding.suite {
            return Err(Error::Mismatch { what: "the suite of a session" });
        }
        if header.issuer != self.crypto.station().station || header.operator != self.crypto.station().operator {
            return Err(Error::Mismatch { what: "the issuer that is asked" });
        }
        let id = session_id(&header.nonce, &kiosk.operator, &kiosk.station, &header.reply_key);
        if frame.session != id {
            return Err(Error::Mismatch { what: "the session of an application" });
        }
        if header.copies == 0 {
            return Err(Error::Malformed { what: "the number of copies" });
        }
        // The nonce is used from here on, whatever happens.
        let Some(outstanding) = self.challenges.remove(&header.nonce) else { return Err(Error::Replayed) };
        if self.sessions.contains_key(&id) || self.sessions.len() >= self.policy.max_sessions {
            let mut evidence = self.crypto.evidence(id);
            self.crypto.destroy(outstanding.private, &mut evidence);
            self.refuse(peer, frame, bytes, Cause::Busy);
            return Err(Error::Busy { what: "sessions", limit: self.policy.max_sessions as u64 });
        }
        let info = hash(b"shokyo application v1", &[&apply.header]);
        let session = Session::new(
            now,
            id,
            frame_hash(bytes),
            session::Applicant {
                peer,
                suite: outstanding.suite,
                kiosk,
                kind: header.kind.clone(),
                copies: header.copies,
                reply_key: header.reply_key,
            },
            session::SealedPart {
                private: outstanding.private,
                info,
                encapsulated: apply.encapsulated,
                sealed: apply.sealed,
            },
            self.crypto.evidence(id),
        );
        self.sessions.insert(id, session);
        self.set_deadline(id, now.monotonic.after(self.policy.transmit), Deadline::Transmit);
        let token = self.output.persist(Record::Opened { session: id, kind: header.kind });
        self.pending.insert(token, (id, Pending::Open));
        #[cfg(shokyo_model)]
        if crate::handover::model::defect::is(crate::handover::model::defect::Defect::OpenUnrecorded) {
            return self.open_application(id);
        }
        Ok(())
    }

    /// A kiosk's or a neighbour's share of the table is used up.
    fn over_the_limit(&self, peer: Peer, kiosk: &Identity) -> Option<Error> {
        let challenges = self.challenges.values().map(|challenge| (challenge.peer, &challenge.kiosk.key));
        let sessions = self.sessions.values().map(|s| (s.peer(), s.kiosk_key(), s.is_closing()));
        share::exceeded(&self.policy, (peer, &kiosk.key), challenges, sessions)
    }

    fn refuse(&mut self, peer: Peer, frame: &Frame<'_>, bytes: &[u8], cause: Cause) {
        if let Ok(answer) = cancel_frame(&self.crypto, frame.suite, frame.session, frame_hash(bytes), cause) {
            self.output.transmit(peer, frame.session, answer);
        }
    }

    pub(super) fn drop_challenge(&mut self, nonce: &[u8; 32]) {
        if let Some(outstanding) = self.challenges.remove(nonce) {
            let mut evidence = self.crypto.evidence(SessionId(*nonce));
            self.crypto.destroy(outstanding.private, &mut evidence);
        }
    }
}
