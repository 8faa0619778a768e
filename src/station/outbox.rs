//! What a kiosk or a relay does with receipts that nobody acknowledged before: it looks for them in its store, a few at a time, and
//! sends them upstream until they are answered for.

use std::sync::Arc;

use super::config::Config;
use super::trust::Authorities;
use crate::custody::Store;
use crate::error::Error;
use crate::handover::suite::StationCrypto;
use crate::handover::{Outbox, Persist};
use crate::types::{Now, Time};

/// How often the store is looked at, in milliseconds, for sessions that ended without acknowledgement.
const LOOK_MS: u64 = 15_000;

/// The outbox of a station, with its own view of the store.
pub(crate) struct StationOutbox {
    store: Store,
    machine: Outbox<StationCrypto, Arc<Authorities>>,
    look: Time,
}

impl StationOutbox {
    /// Opens the store for reading; the station must have opened it for writing before.
    pub(crate) fn new(config: &Config, crypto: StationCrypto, trust: Arc<Authorities>) -> Result<Self, Error> {
        let store = Store::open_read_only(&config.store)?;
        Ok(Self { store, machine: Outbox::new(crypto, trust, config.policy())?, look: Time(0) })
    }

    /// `true` when the frame was an answer to one of these receipts.
    pub(crate) fn handle_frame(&mut self, now: Now, bytes: &[u8]) -> Result<bool, Error> {
        self.machine.handle_frame(now, bytes)
    }

    pub(crate) fn handle_written(&mut self, now: Now, token: u64, outcome: &Result<(), Error>) {
        match outcome {
            Ok(()) => self.machine.handle_persisted(token),
            Err(_) => self.machine.handle_persist_failed(token),
        }
        if self.machine.next_deadline().is_none() {
            // All that were found are answered for: perhaps there are more.
            self.look = now.monotonic;
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        if self.look <= now.monotonic
            && let Some((behind, room)) = self.machine.wants()
        {
            self.look = now.monotonic.after(core::time::Duration::from_millis(LOOK_MS));
            // What cannot be read or signed now is tried again at the next look.
            let found = self.store.unacknowledged(behind, room).unwrap_or_default();
            let _ = self.machine.handle_found(now, found);
        }
        self.machine.handle_timeout(now);
    }

    pub(crate) fn handle_peer_lost(&mut self) {
        self.machine.handle_peer_lost();
    }

    pub(crate) fn handle_peer_back(&mut self, now: Now) {
        self.look = now.monotonic;
        self.machine.handle_peer_back(now);
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.machine.next_deadline().into_iter().chain(self.machine.wants().map(|_| self.look)).min()
    }

    pub(crate) fn poll_persist(&mut self) -> Option<Persist> {
        self.machine.poll_persist()
    }

    /// The next frame for the upstream neighbour.
    pub(crate) fn poll_transmit(&mut self) -> Option<crate::handover::Transmit> {
        self.machine.poll_transmit()
    }
}
