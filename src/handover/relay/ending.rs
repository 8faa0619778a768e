//! How a session ends at a relay: every frame wiped, the receipt written, then sent until it is acknowledged.
use super::*;

impl<C: Crypto, T: Trust> Relay<C, T> {
    pub(super) fn expire(&mut self, now: Now, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else { return };
        if session.is_reported() {
            self.output
                .persist(Record::Alarm { session: id, what: "the receipt was not acknowledged by the deadline" });
            self.remove(id, Outcome::Unresolved);
        } else if session.is_ending() {
            // A frame was never given back; the host holds it.
            self.output.persist(Record::Alarm { session: id, what: "a frame could not be sent by the deadline" });
            self.remove(id, Outcome::Unresolved);
        } else {
            self.output.persist(Record::Alarm { session: id, what: "a deadline passed and the session was ended" });
            self.end(now, id, Cause::Deadline);
        }
    }

    /// Wipes what is on its way and tells both neighbours.
    pub(super) fn end(&mut self, now: Now, id: SessionId, cause: Cause) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.is_ending() {
            return;
        }
        session.ending(cause);
        let downstream = session.downstream();
        let (gone, kept): (VecDeque<_>, VecDeque<_>) =
            self.passing.drain(..).partition(|passing| passing.session == id && !passing.own);
        self.passing = kept;
        for passing in gone {
            self.handle_sent(now, passing);
        }
        let waiting: Vec<_> =
            self.waiting.iter().filter(|(_, passing)| passing.session == id).map(|(token, _)| *token).collect();
        for token in waiting {
            if let Some(passing) = self.waiting.remove(&token) {
                self.handle_sent(now, passing);
            }
        }
        self.cancel(now, &[UPSTREAM, downstream], id, cause);
        self.set_deadline(id, now.monotonic.after(self.policy.receipt));
        self.report_if_empty(now, id);
    }

    pub(super) fn cancel(&mut self, now: Now, peers: &[Peer], id: SessionId, cause: Cause) {
        if let Ok(frame) = cancel_frame(&self.crypto, id, [0; 32], cause) {
            for peer in peers {
                self.send_own(now, *peer, id, frame.clone());
            }
        }
    }

    /// Once the session ends and its last frame is wiped: the receipt.
    pub(super) fn report_if_empty(&mut self, now: Now, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.is_done() {
            let outcome = session.outcome();
            self.remove(id, outcome);
            return;
        }
        if !session.is_ready_to_report() {
            return;
        }
        match session.report(&self.crypto, id, now) {
            Ok((receipt, event)) => {
                let token = self.output.persist(Record::OwnReceipt { session: id, receipt });
                self.reporting.insert(token, id);
                self.output.event(event);
                self.set_deadline(id, now.monotonic.after(self.policy.receipt));
            }
            Err(_) => {
                self.output.persist(Record::Alarm { session: id, what: "a receipt could not be made" });
                self.remove(id, Outcome::Unresolved);
            }
        }
    }

    pub(super) fn send_own(&mut self, now: Now, peer: Peer, session: SessionId, frame: Vec<u8>) {
        self.passing.push_back(Passing::new(peer, session, frame, now.monotonic, true));
    }

    pub(super) fn remove(&mut self, id: SessionId, outcome: Outcome) {
        if self.sessions.remove(&id).is_some() {
            self.deadlines.retain(|(_, session)| *session != id);
            self.output.persist(Record::Ended { session: id, outcome });
            self.output.event(RelayEvent::Finished { session: id, outcome });
        }
    }

    pub(super) fn bring_deadline_forward(&mut self, id: SessionId, deadline: Time) {
        if self.deadlines.iter().all(|(time, session)| *session != id || *time > deadline) {
            self.set_deadline(id, deadline);
        }
    }

    pub(super) fn set_deadline(&mut self, id: SessionId, deadline: Time) {
        self.deadlines.retain(|(_, session)| *session != id);
        self.deadlines.insert((deadline, id));
    }
}
