//! Receipts that come when their session is over here: kept as they are and answered, and nothing that was said before changes.
use super::*;
use crate::handover::body::Recorded;
use crate::handover::signing::check_erased;

/// Late receipts that may be on their way to the disk at once.
const AT_ONCE: usize = 64;
/// Of these, from one neighbour.
const AT_ONCE_FROM_ONE: usize = 16;

/// A late receipt that is being written.
#[cfg_attr(shokyo_model, derive(Clone, Hash))]
pub(super) struct Late {
    peer: Peer,
    suite: Suite,
    session: SessionId,
    /// The hash of the frame that brought it.
    frame: [u8; 32],
}

impl Late {
    pub(super) fn is_from(&self, peer: Peer) -> bool {
        self.peer == peer
    }
}

impl<C: Crypto, T: Trust> Issuer<C, T> {
    /// A receipt for no session that is open here. The store knows whether there was one, and how many it keeps.
    pub(super) fn late(&mut self, now: Now, peer: Peer, frame: &Frame<'_>, bytes: &[u8]) -> Result<(), Error> {
        let erased = Erased::decode(frame.body)?;
        let (sender, _) = check_erased(&self.crypto, &self.trust, frame, &erased, now)?;
        if sender.role == Role::Issuer {
            return Err(Error::Untrusted { what: "a receipt of another issuer" });
        }
        if self.late.len() >= AT_ONCE
            || self.late.values().filter(|late| late.is_from(peer)).count() >= AT_ONCE_FROM_ONE
        {
            return Err(Error::Busy { what: "late receipts that are being written", limit: AT_ONCE as u64 });
        }
        let session = frame.session;
        let token = self.output.persist(Record::PeerReceipt { session, receipt: erased.receipt });
        self.late.insert(token, Late { peer, suite: frame.suite, session, frame: frame_hash(bytes) });
        Ok(())
    }

    /// Tells the station whose receipt it is, so that it need not send it again.
    pub(super) fn answer(&mut self, late: &Late, kept: bool) {
        let body = Recorded { kept, certificate: self.crypto.certificate().to_vec() }.encode();
        // Without a signature it is sent again.
        if let Ok(frame) = sign_frame(&self.crypto, late.suite, MessageType::Recorded, late.session, late.frame, &body)
        {
            self.output.transmit(late.peer, late.session, frame);
        }
    }
}
