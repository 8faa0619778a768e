//! Receipts of sessions that this relay does not hold any more pass on, and so do the answers. Nothing else does.
use super::*;
use crate::handover::signing::check_erased;

/// The share of the ways back that one neighbour may have: a part in so many.
const PARTS: usize = 4;

/// The way back to whoever sent a late receipt.
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub(super) struct WayBack {
    downstream: Peer,
    expires: Time,
}

impl<C: Crypto, T: Trust> Relay<C, T> {
    /// Notes where a receipt came from whose session is over here, as after a restart. It is checked as the issuer does.
    pub(super) fn late(&mut self, now: Now, from: Peer, frame: &Frame<'_>) -> Result<Peer, Error> {
        check_erased(&self.crypto, &self.trust, frame, &Erased::decode(frame.body)?, now)?;
        if let Some(way) = self.late.get(&frame.session) {
            return Ok(way.downstream);
        }
        let limit = self.policy.remembered();
        let of_neighbour = self.late.values().filter(|way| way.downstream == from).count();
        if self.late.len() >= limit || of_neighbour >= limit.div_ceil(PARTS) {
            return Err(Error::Busy { what: "late receipts", limit: limit as u64 });
        }
        let expires = now.monotonic.after(self.policy.receipt);
        self.late.insert(frame.session, WayBack { downstream: from, expires });
        Ok(from)
    }

    /// Where an answer to a late receipt goes.
    pub(super) fn way_back(&self, id: &SessionId) -> Option<Peer> {
        self.late.get(id).map(|way| way.downstream)
    }

    /// The answer has passed.
    pub(super) fn forget_way(&mut self, id: &SessionId) {
        self.late.remove(id);
    }

    pub(super) fn forget_old_ways(&mut self, now: Time) {
        self.late.retain(|_, way| way.expires > now);
    }
}
