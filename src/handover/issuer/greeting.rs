//! Before a session exists: challenges, applications, refusals.
use super::*;

impl<C: Crypto, T: Trust> Issuer<C, T> {
    pub(super) fn hello(&mut self, now: Now, peer: Peer, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let hello = Hello::decode(frame.body)?;
        let kiosk = check_certified(&self.crypto, &self.trust, frame, &hello.certificate, now)?;
        if kiosk.role != Role::Kiosk {
            return Err(Error::Untrusted { what: "an application from a station that is no kiosk" });
        }
        let refused = if hello.issuer != self.crypto.station().station
            || hello.operator != self.crypto.station().operator
        {
            Some(Error::Mismatch { what: "the issuer that is asked" })
        } else if self.challenges.len() >= self.policy.max_sessions || self.sessions.len() >= self.policy.max_sessions {
            Some(Error::Busy { what: "sessions", limit: self.policy.max_sessions as u64 })
        } else {
            None
        };
        if let Some(error) = refused {
            self.refuse(peer, frame.session, frame_hash(bytes));
            return Err(error);
        }
        let nonce = self.crypto.random()?;
        let (private, public_key) = self.crypto.generate()?;
        let body = Challenge {
            nonce,
            epoch: self.epoch,
            public_key,
            valid_ms: u64::try_from(self.policy.challenge.as_millis()).unwrap_or(u64::MAX),
            certificate: self.crypto.certificate().to_vec(),
        };
        let challenge =
            sign_frame(&self.crypto, MessageType::Challenge, frame.session, frame_hash(bytes), &body.encode())?;
        let expires = now.monotonic.after(self.policy.challenge);
        let challenge_hash = frame_hash(&challenge);
        self.challenges.insert(nonce, Outstanding { peer, kiosk, private, challenge_hash, expires });
        self.output.transmit(peer, frame.session, challenge);
        Ok(())
    }

    pub(super) fn apply(&mut self, now: Now, peer: Peer, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let apply = Apply::decode(frame.body)?;
        let header = ApplyHeader::decode(&apply.header)?;
        let outstanding = self.challenges.get(&header.nonce).ok_or(Error::Replayed)?;
        let kiosk = check_certified(&self.crypto, &self.trust, frame, &header.certificate, now)?;
        if outstanding.peer != peer || kiosk != outstanding.kiosk {
            return Err(Error::Mismatch { what: "the kiosk that was challenged" });
        }
        if frame.previous != outstanding.challenge_hash || header.epoch != self.epoch {
            return Err(Error::Mismatch { what: "the challenge of an application" });
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
            self.refuse(peer, id, frame_hash(bytes));
            return Err(Error::Busy { what: "sessions", limit: self.policy.max_sessions as u64 });
        }
        let info = hash(b"shokyo application v1", &[&apply.header]);
        let session = Session::new(
            now,
            id,
            frame_hash(bytes),
            session::Applicant {
                peer,
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
        self.set_deadline(id, now.monotonic.after(self.policy.transmit));
        let token = self.output.persist(Record::Opened { session: id, kind: header.kind });
        self.pending.insert(token, (id, Pending::Open));
        Ok(())
    }

    pub(super) fn refuse(&mut self, peer: Peer, session: SessionId, previous: [u8; 32]) {
        if let Ok(frame) = cancel_frame(&self.crypto, session, previous, Cause::Refused) {
            self.output.transmit(peer, session, frame);
        }
    }

    pub(super) fn drop_challenge(&mut self, nonce: &[u8; 32]) {
        if let Some(outstanding) = self.challenges.remove(nonce) {
            let mut evidence = self.crypto.evidence(SessionId(*nonce));
            self.crypto.destroy(outstanding.private, &mut evidence);
        }
    }
}
