//! Frames that a session cannot take yet, because those before them are still being written.
//!
//! A frame can overtake the news that earlier ones were written. Then it waits here, and the frames of its session behind it:
//! other sessions, also those of the same neighbour, go on. The wait is short, because whoever keeps to its credit never needs it
//! for longer, and everyone else is then told that too much is held.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Received;
use crate::handover::Peer;
use crate::types::SessionId;

/// How long a frame may wait.
const OVERTAKING: Duration = Duration::from_millis(250);
/// Frames of one session that may wait. Credit allows three; a session that sends more is not waited for, and cannot keep the
/// permits of its neighbour's connection.
const EACH: usize = 4;

/// The frames that wait, in the order in which they came.
#[derive(Default)]
pub(super) struct Parked(VecDeque<(SessionId, Instant, Received)>);

impl Parked {
    /// Whether a frame of this session must wait behind another.
    pub(super) fn has(&self, session: SessionId) -> bool {
        self.0.iter().any(|(of, ..)| *of == session)
    }

    /// Keeps a frame.
    pub(super) fn push(&mut self, session: SessionId, received: Received) {
        self.0.push_back((session, Instant::now() + OVERTAKING, received));
    }

    /// Forgets what came over connections of a neighbour that are over.
    pub(super) fn forget(&mut self, peer: Peer) {
        self.0.retain(|(.., received)| received.peer != peer);
    }

    /// The next frame whose time has come: its session can take it, it waited long enough, or too many wait behind it.
    pub(super) fn pop(&mut self, mut must_wait: impl FnMut(&[u8]) -> bool) -> Option<Received> {
        let now = Instant::now();
        let mut seen = HashSet::new();
        let ready = self.0.iter().position(|(session, until, received)| {
            seen.insert(*session)
                && (*until <= now
                    || self.0.iter().filter(|(of, ..)| of == session).count() > EACH
                    || !must_wait(&received.bytes))
        })?;
        self.0.remove(ready).map(|(.., received)| received)
    }

    /// When the first one has waited long enough.
    pub(super) fn until(&self) -> Option<Instant> {
        self.0.iter().map(|(_, until, _)| *until).min()
    }
}
