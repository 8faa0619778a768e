//! What a kiosk sends again when no answer comes: stored bytes, never a new message. The issuer answers with stored bytes, too.
use super::*;

impl<C: Crypto, T: Trust> Kiosk<C, T> {
    /// Sends what an answer is missing to.
    pub(super) fn ask(&mut self, now: Now) {
        match &mut self.state {
            State::Applied { frame, .. } | State::AwaitingKey { frame, .. } | State::Reported { frame } => {
                let frame = frame.clone();
                self.output.transmit(UPSTREAM, self.id, frame);
            }
            State::Receiving { frame, offer, next, asked, .. } => {
                *asked = *next;
                // Every chunk is here, so an attachment is not: who attaches does it again when the offer passes again.
                let again = (*next as usize == offer.hashes.len()).then(|| frame.clone());
                match again {
                    Some(frame) => self.output.transmit(UPSTREAM, self.id, frame),
                    None => self.grant(),
                }
            }
            _ => {}
        }
        self.ask_later(now);
    }

    /// The next time to ask, counted anew from each progress.
    pub(super) fn ask_later(&mut self, now: Now) {
        self.resend = self.state.asks().then(|| self.policy.resend_after(now.monotonic));
    }
}
