//! What the machines give to their host: frames to send, records to write, events to act on.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::record::Record;
use crate::types::SessionId;

/// A neighbour, numbered by the host: one number for one station's identity as long as the process lives, however often its
/// connection is lost and comes back. Numbers are not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(pub u64);

/// A frame for a neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Which neighbour.
    pub peer: Peer,
    /// The session it belongs to.
    pub session: SessionId,
    /// The frame. It holds ciphertext at most.
    pub frame: Vec<u8>,
}

/// A record that must be durable before the machine goes on; answer with `handle_persisted` or `handle_persist_failed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persist {
    /// Names this request.
    pub token: u64,
    /// What to write.
    pub record: Record,
}

/// Queues of outputs and the numbering of records.
#[derive(Debug)]
pub(super) struct Output<E> {
    pub(super) transmits: VecDeque<Transmit>,
    pub(super) persists: VecDeque<Persist>,
    pub(super) events: VecDeque<E>,
    next_token: u64,
}

impl<E> Output<E> {
    pub(super) const fn new() -> Self {
        Self { transmits: VecDeque::new(), persists: VecDeque::new(), events: VecDeque::new(), next_token: 1 }
    }

    pub(super) fn transmit(&mut self, peer: Peer, session: SessionId, frame: Vec<u8>) {
        self.transmits.push_back(Transmit { peer, session, frame });
    }

    /// Asks for a record and returns its token.
    pub(super) fn persist(&mut self, record: Record) -> u64 {
        let token = self.next_token;
        self.next_token += 1;
        self.persists.push_back(Persist { token, record });
        token
    }

    pub(super) fn event(&mut self, event: E) {
        self.events.push_back(event);
    }

    /// Forgets frames that were to be sent.
    pub(super) fn drop_transmits(&mut self, mut which: impl FnMut(&Transmit) -> bool) {
        self.transmits.retain_mut(|transmit| {
            let drop = which(transmit);
            if drop {
                // It may be a release.
                let _ = crate::wipe::wipe_vec(&mut transmit.frame, 0);
            }
            !drop
        });
    }
}
