//! How a transaction ends: whatever there is is erased, the receipt is written, and only then reported.
use super::*;

impl<C: Crypto, T: Trust> Kiosk<C, T> {
    /// Erases whatever there is, makes the receipt, and reports it.
    pub(super) fn end(&mut self, now: Now, cause: Cause, tell: bool) {
        if matches!(self.state, State::Reporting { .. } | State::Reported { .. } | State::Finished) {
            return;
        }
        if matches!(self.state, State::Ready { printing: true, .. }) && cause != Cause::Delivered {
            self.print_unknown = true;
            self.alarm("printing had begun; whether it was delivered is unknown");
        }
        let applied = !matches!(self.state, State::Greeting { .. } | State::Journalling { .. });
        let has_session = !matches!(self.state, State::Greeting { .. });
        if matches!(self.state, State::AwaitingKey { .. }) {
            // An acknowledgement that is still to be sent would make the issuing system hand over to nobody.
            self.output.drop_transmits(|_| true);
        }
        self.waiting = None;
        self.offline = None;
        self.resend = None;
        self.opened_frame = None;
        self.cause = cause;
        let evidence = core::mem::replace(&mut self.evidence, self.crypto.evidence(self.id));
        let erasure = self.state.replace(State::Finished).erase(&self.crypto, evidence);
        self.output.event(KioskEvent::Erased { cause, verified: erasure.is_verified() });
        if !has_session {
            // Nothing was applied for and no record was opened.
            self.finish_silently(Outcome::Ended);
            return;
        }
        if tell
            && applied
            && let Ok(frame) = cancel_frame(&self.crypto, self.suite, self.id, [0; 32], cause)
        {
            self.output.transmit(UPSTREAM, self.id, frame);
        }
        match self.report(erasure, cause, now) {
            Ok((token, frame)) if applied => {
                self.waiting = Some((token, Journalled::Receipt));
                self.state = State::Reporting { frame };
                self.deadline = Some((now.monotonic.after(self.policy.receipt), Deadline::Receipt));
                self.resend = None;
            }
            Ok(_) => self.finish(Outcome::Ended),
            Err(_) => {
                self.alarm("a receipt could not be made");
                self.finish(Outcome::Unresolved);
            }
        }
    }

    /// The record that is asked for, and the frame to be sent once it is durable.
    pub(super) fn report(&mut self, erasure: Erasure, cause: Cause, now: Now) -> Result<(u64, Vec<u8>), Error> {
        // Erased either way; but whether paper came out nobody knows, and the issuing system must not call it undelivered.
        let event = if self.print_unknown { Event::Unresolved } else { Event::Erased };
        let story = Story { event, cause, kind: &self.kind, opened: self.opened, now, relay: None };
        let receipt = make_receipt(&self.crypto, erasure, &story)?.as_bytes().to_vec();
        let token = self.output.persist(Record::OwnReceipt { session: self.id, receipt: receipt.clone() });
        Ok((token, erased_frame(&self.crypto, self.suite, self.id, self.opened_hash, receipt)?))
    }

    /// Writes down how a transaction stands that only waits to be acknowledged, as the last thing before the process ends.
    pub fn abandon(&mut self) {
        if matches!(self.state, State::Reporting { .. } | State::Reported { .. }) {
            self.alarm("the station stopped before its receipt was acknowledged");
            self.finish(Outcome::Unresolved);
        }
    }

    pub(super) fn finish(&mut self, outcome: Outcome) {
        self.output.persist(Record::Ended { session: self.id, outcome });
        self.finish_silently(outcome);
    }

    pub(super) fn finish_silently(&mut self, outcome: Outcome) {
        self.state = State::Finished;
        self.deadline = None;
        self.resend = None;
        self.output.event(KioskEvent::Finished { outcome });
    }

    pub(super) fn alarm(&mut self, what: &'static str) {
        if !matches!(self.state, State::Greeting { .. }) {
            self.output.persist(Record::Alarm { session: self.id, what });
        }
    }
}
