//! What an issuing system does with each message of a session, and after each record.
use super::*;

impl<C: Crypto, T: Trust> Issuer<C, T> {
    pub(super) fn credit(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
        let credit = Credit::decode(frame.body)?;
        let Some(session) = self.sessions.get_mut(&frame.session) else { return Ok(()) };
        let peer = session.peer();
        match session.grant(&self.crypto, &self.policy, frame.previous, credit) {
            Ok(chunks) => {
                for chunk in chunks {
                    self.output.transmit(peer, frame.session, chunk);
                }
                Ok(())
            }
            Err(error @ Error::Mismatch { .. }) => Err(error),
            Err(error) => {
                self.end(now, frame.session, Cause::Refused, true);
                Err(error)
            }
        }
    }

    pub(super) fn received(&mut self, now: Now, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let received = Received::decode(frame.body)?;
        let Some(session) = self.sessions.get_mut(&frame.session) else { return Ok(()) };
        check_signature(&self.crypto, frame, session.kiosk_key())?;
        let received_hash = frame_hash(bytes);
        if let Some(release) = session.stored_release(&received_hash) {
            let peer = session.peer();
            self.output.transmit(peer, frame.session, release);
            #[cfg(shokyo_model)]
            if crate::handover::model::defect::is(crate::handover::model::defect::Defect::AcknowledgementTwice) {
                self.persist(Record::Alarm { session: frame.session, what: "a defect" });
            }
            return Ok(());
        }
        if session.is_recording(&received_hash) {
            return Ok(());
        }
        match session.wrap_and_wipe(&self.crypto, now, received, frame.previous, received_hash) {
            Ok(receipt) => {
                let token = self.output.persist(Record::OwnReceipt { session: frame.session, receipt });
                self.pending.insert(token, (frame.session, Pending::Release));
                self.set_deadline(frame.session, now.monotonic.after(self.policy.release), Deadline::Release);
                #[cfg(shokyo_model)]
                if crate::handover::model::defect::is(crate::handover::model::defect::Defect::ReleaseUnrecorded) {
                    return self.release(now, frame.session);
                }
                Ok(())
            }
            Err(error @ (Error::UnexpectedMessage { .. } | Error::Mismatch { .. })) => Err(error),
            Err(error) => {
                self.end(now, frame.session, Cause::Refused, true);
                Err(error)
            }
        }
    }

    pub(super) fn opened(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
        let opened = Opened::decode(frame.body)?;
        let id = frame.session;
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        check_signature(&self.crypto, frame, session.kiosk_key())?;
        let Some(receipt) = session.close(&self.crypto, now, opened.verified, frame.previous)? else { return Ok(()) };
        self.persist(Record::OwnReceipt { session: id, receipt });
        if !opened.verified {
            self.persist(Record::Alarm { session: id, what: "the kiosk could not open the document" });
        }
        self.output.event(IssuerEvent::Closed { session: id, verified: opened.verified });
        let deadline = now.monotonic.after(self.policy.deliver).after(self.policy.receipt);
        self.set_deadline(id, deadline, Deadline::Receipt);
        self.finish_if_complete(now, id);
        Ok(())
    }

    pub(super) fn erased(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
        let erased = Erased::decode(frame.body)?;
        let (sender, statement) =
            crate::handover::signing::check_erased(&self.crypto, &self.trust, frame, &erased, now)?;
        let id = frame.session;
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        if let Some(first) = session.contradicts(&sender) {
            if first {
                self.persist(Record::Alarm { session: id, what: "two stations gave receipts as one relay" });
            }
            return Err(Error::Mismatch { what: "the relay of a receipt" });
        }
        if session.note_receipt(&sender, &statement)? {
            let token = self.output.persist(Record::PeerReceipt { session: id, receipt: erased.receipt });
            self.pending.insert(token, (id, Pending::Receipt(sender.role)));
            if !ends_well(&sender, &statement) {
                self.persist(Record::Alarm {
                    session: id,
                    what: "another station's receipt says: lost, unknown or not erased",
                });
            }
        }
        Ok(())
    }

    pub(super) fn cancelled(&mut self, now: Now, frame: &Frame<'_>) -> Result<(), Error> {
        let cancel = Cancel::decode(frame.body)?;
        let sender = check_certified(&self.crypto, &self.trust, frame, &cancel.certificate, now)?;
        let id = frame.session;
        let Some(session) = self.sessions.get(&id) else { return Ok(()) };
        if sender.role == Role::Kiosk && sender.key != *session.kiosk_key() || sender.role == Role::Issuer {
            return Err(Error::Untrusted { what: "a cancellation by a station outside the session" });
        }
        if !session.is_closing() {
            self.end(now, id, if sender.role.is_relay() { Cause::PeerLost } else { Cause::Cancelled }, false);
        }
        Ok(())
    }

    pub(super) fn open_application(&mut self, id: SessionId) -> Result<(), Error> {
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        if let Some(event) = session.open_application(&self.crypto)? {
            self.output.event(event);
        }
        Ok(())
    }

    pub(super) fn receipt_is_durable(&mut self, now: Now, id: SessionId, role: Role) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.receipt_is_durable(role);
            self.finish_if_complete(now, id);
        }
    }

    pub(super) fn release(&mut self, now: Now, id: SessionId) -> Result<(), Error> {
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        if let Some(frame) = session.release(&self.crypto)? {
            let peer = session.peer();
            self.output.transmit(peer, id, frame);
            self.output.event(IssuerEvent::Released { session: id });
            self.set_deadline(id, now.monotonic.after(self.policy.release), Deadline::Release);
            self.release_later(now, id);
        }
        Ok(())
    }

    /// The release was not answered: the stored bytes go out again.
    pub(super) fn release_again(&mut self, now: Now, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else { return };
        if let Some(frame) = session.unanswered_release() {
            let peer = session.peer();
            self.output.transmit(peer, id, frame);
            self.release_later(now, id);
        }
    }

    fn release_later(&mut self, now: Now, id: SessionId) {
        self.resends.set(id, self.policy.resend_after(now.monotonic));
    }

    /// A receipt came again because its acknowledgement was lost: the stored bytes go out again.
    pub(super) fn acknowledge_again(&mut self, peer: Peer, id: SessionId) -> Result<(), Error> {
        match self.completed.get(&id) {
            Some(completed) if completed.peer == peer => {
                // Otherwise it follows once the end is on record.
                if completed.on_record {
                    self.output.transmit(peer, id, completed.frame.clone());
                }
                Ok(())
            }
            _ => Err(Error::Mismatch { what: "the neighbour of a session" }),
        }
    }
}
