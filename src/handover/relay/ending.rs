//! How a session ends at a relay: every frame wiped, the receipt written, then sent until it is acknowledged.
use super::*;

impl<C: Crypto, T: Trust> Relay<C, T> {
    pub(super) fn expire(&mut self, now: Now, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else { return };
        let deadline = session.passed_deadline(now.monotonic);
        let (reported, ending) = (session.is_reported(), session.is_ending());
        self.output.event(RelayEvent::DeadlineExceeded { session: id, deadline });
        // A frame that was never given back is with the host.
        let what = if ending && !reported { "a frame could not be sent by the deadline" } else { deadline.alarm() };
        self.output.persist(Record::Alarm { session: id, what });
        if ending {
            self.remove(id, Outcome::Unresolved);
        } else {
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
        let (downstream, suite) = (session.downstream(), session.suite());
        let (gone, kept): (VecDeque<_>, VecDeque<_>) =
            self.passing.drain(..).partition(|passing| passing.session == id && !passing.own);
        self.passing = kept;
        for passing in gone {
            self.handle_sent(now, passing);
        }
        self.drop_waiting(now, id);
        self.cancel(now, &[UPSTREAM, downstream], suite, id, [0; 32], cause);
        self.set_deadline(id, now.monotonic.after(self.policy.receipt), Deadline::Receipt);
        self.report_if_empty(now, id);
    }

    pub(super) fn is_opening(&self, id: SessionId) -> bool {
        self.opening.values().any(|(of, _)| *of == id)
    }

    /// Wipes an application whose record is not durable yet. It goes nowhere, even if the record is written after all.
    pub(super) fn drop_waiting(&mut self, now: Now, id: SessionId) {
        #[cfg(shokyo_model)]
        if crate::handover::model::defect::is(crate::handover::model::defect::Defect::RelayForgetsWaiting)
            || crate::handover::model::defect::is(crate::handover::model::defect::Defect::RelayReportsEarly)
        {
            return;
        }
        let waiting = self.opening.values_mut().filter(|(of, _)| *of == id).find_map(|(_, passing)| passing.take());
        if let Some(passing) = waiting {
            self.handle_sent(now, passing);
        }
    }

    pub(super) fn cancel(
        &mut self,
        now: Now,
        peers: &[Peer],
        suite: Suite,
        id: SessionId,
        previous: [u8; 32],
        cause: Cause,
    ) {
        if let Ok(frame) = cancel_frame(&self.crypto, suite, id, previous, cause) {
            for peer in peers {
                self.send_own(now, *peer, id, frame.clone());
            }
        }
    }

    /// Once the session ends and its last frame is wiped: the receipt.
    pub(super) fn report_if_empty(&mut self, now: Now, id: SessionId) {
        #[cfg(shokyo_model)]
        let early = crate::handover::model::defect::is(crate::handover::model::defect::Defect::RelayReportsEarly);
        #[cfg(not(shokyo_model))]
        let early = false;
        if self.is_opening(id) && !early {
            // Whether there is a session to report about, the record tells.
            return;
        }
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.is_done() {
            let (outcome, downstream) = (session.outcome(), session.downstream());
            self.remove(id, outcome);
            self.complete.insert(id, now.monotonic.after(self.policy.receipt), downstream);
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
                self.set_deadline(id, now.monotonic.after(self.policy.receipt), Deadline::Receipt);
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
            self.deadlines.remove(id);
            self.resends.remove(id);
            self.output.persist(Record::Ended { session: id, outcome });
            self.output.event(RelayEvent::Finished { session: id, outcome });
        }
    }

    pub(super) fn bring_deadline_forward(&mut self, id: SessionId, time: Time) {
        if self.sessions.get(&id).is_some_and(|session| session.deadline.0 > time) {
            self.set_deadline(id, time, Deadline::Receipt);
        }
    }

    /// The next step began. Its deadline counts from the first message that shows it, however often that is repeated.
    pub(super) fn advance_deadline(&mut self, id: SessionId, time: Time, deadline: Deadline) {
        if self.sessions.get(&id).is_some_and(|session| session.deadline.1 < deadline) {
            self.set_deadline(id, time, deadline);
        }
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

    /// The receipt was not acknowledged: the stored bytes go out again.
    pub(super) fn report_again(&mut self, now: Now, id: SessionId) {
        let Some(frame) = self.sessions.get(&id).and_then(Session::unacknowledged) else { return };
        self.send_own(now, UPSTREAM, id, frame);
        self.report_later(now, id);
    }

    pub(super) fn report_later(&mut self, now: Now, id: SessionId) {
        self.resends.set(id, self.policy.resend_after(now.monotonic));
    }
}
