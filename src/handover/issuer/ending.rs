//! How a session ends at an issuing system: erased, receipted, told, and removed when every receipt is there.
use super::*;
use crate::handover::body::Complete;

impl<C: Crypto, T: Trust> Issuer<C, T> {
    pub(super) fn expire(&mut self, now: Now, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else { return };
        let deadline = session.passed_deadline(now.monotonic);
        self.persist(Record::Alarm { session: id, what: deadline.alarm() });
        self.output.event(IssuerEvent::DeadlineExceeded { session: id, deadline });
        if self.sessions.get(&id).is_some_and(Session::is_closing) {
            self.remove(id, false, Pending::Nothing);
        } else {
            self.end(now, id, Cause::Deadline, true);
        }
    }

    pub(super) fn end(&mut self, now: Now, id: SessionId, cause: Cause, tell: bool) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.is_closing() {
            return;
        }
        self.output.drop_transmits(|transmit| transmit.session == id);
        let (peer, suite) = (session.peer(), session.suite());
        let ended = session.end(&self.crypto, now, cause);
        let verified = matches!(&ended, Ok((_, true)));
        match ended {
            Ok((receipt, _)) => self.persist(Record::OwnReceipt { session: id, receipt }),
            Err(_) => self.persist(Record::Alarm { session: id, what: "a receipt could not be made" }),
        }
        if tell && let Ok(frame) = cancel_frame(&self.crypto, suite, id, [0; 32], cause) {
            self.output.transmit(peer, id, frame);
        }
        self.output.event(IssuerEvent::Ended { session: id, cause, verified });
        self.set_deadline(id, now.monotonic.after(self.policy.receipt), Deadline::Receipt);
        self.finish_if_complete(now, id);
    }

    pub(super) fn finish_if_complete(&mut self, now: Now, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else { return };
        if !session.has_all_receipts() {
            return;
        }
        let (peer, suite, outcome) = (session.peer(), session.suite(), session.outcome(true));
        let body = Complete { outcome, certificate: self.crypto.certificate().to_vec() }.encode();
        let mut told = Pending::Nothing;
        if let Ok(frame) = sign_frame(&self.crypto, suite, MessageType::Complete, id, [0; 32], &body) {
            let until = now.monotonic.after(self.policy.receipt);
            self.completed.insert(id, until, Completed { peer, frame, on_record: false });
            told = Pending::Complete;
        }
        self.remove(id, true, told);
    }

    /// The end is on record: now the others may rely on it.
    pub(super) fn tell_complete(&mut self, id: SessionId) {
        if let Some(completed) = self.completed.get_mut(&id) {
            completed.on_record = true;
            self.output.transmit(completed.peer, id, completed.frame.clone());
        }
    }

    pub(super) fn remove(&mut self, id: SessionId, complete: bool, then: Pending) {
        let Some(session) = self.sessions.remove(&id) else { return };
        self.deadlines.remove(id);
        self.resends.remove(id);
        let outcome = session.outcome(complete);
        let token = self.output.persist(Record::Ended { session: id, outcome });
        self.pending.insert(token, (id, then));
        self.output.event(IssuerEvent::Finished { session: id, outcome });
    }

    pub(super) fn persist(&mut self, record: Record) {
        let id = record.session();
        let token = self.output.persist(record);
        self.pending.insert(token, (id, Pending::Nothing));
    }

    pub(super) fn set_deadline(&mut self, id: SessionId, time: Time, deadline: Deadline) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.deadline = (time, deadline);
            self.reschedule(id);
        }
    }

    /// Puts a session where its next deadline belongs.
    pub(super) fn reschedule(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get(&id) {
            self.deadlines.set(id, session.next_deadline());
        }
    }
}
