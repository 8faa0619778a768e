//! A relay as a process: the EC centre or the certificate centre.

use std::sync::Arc;

use super::config::Config;
use super::driver::{Machine, Notices, Outgoing};
use super::notice::What;
use super::trust::Authorities;
use crate::error::Error;
use crate::handover::relay::Passing;
use crate::handover::suite::StationCrypto;
use crate::handover::{Peer, Persist, Relay, RelayEvent};
use crate::types::{Now, Time};

/// A relay.
pub(super) struct RelayStation(Relay<StationCrypto, Arc<Authorities>>);

/// A relay takes no commands.
pub(super) enum RelayCommand {}

impl RelayStation {
    pub(super) fn new(config: &Config, crypto: StationCrypto, trust: Arc<Authorities>) -> Result<Self, Error> {
        Ok(Self(Relay::new(crypto, trust, config.policy())?))
    }
}

impl Machine for RelayStation {
    type Command = RelayCommand;

    fn handle_frame(&mut self, now: Now, from: Peer, bytes: Vec<u8>) -> Result<(), Error> {
        self.0.handle_frame(now, from, bytes)
    }

    fn handle_written(&mut self, now: Now, token: u64, durable: bool) {
        if durable {
            self.0.handle_persisted(now, token);
        } else {
            self.0.handle_persist_failed(now, token);
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        self.0.handle_timeout(now);
    }

    fn handle_peer_lost(&mut self, now: Now, peer: Peer) {
        self.0.handle_peer_lost(now, peer);
    }

    fn handle_sent(&mut self, now: Now, passing: Passing) {
        self.0.handle_sent(now, passing);
    }

    fn must_wait(&self, bytes: &[u8]) -> bool {
        self.0.would_hold_too_much(bytes)
    }

    fn command(&mut self, _: Now, command: RelayCommand) -> Result<(), Error> {
        match command {}
    }

    fn shutdown(&mut self, now: Now) {
        self.0.shutdown(now);
    }

    fn abandon(&mut self) {
        self.0.abandon();
    }

    fn next_deadline(&self) -> Option<Time> {
        self.0.next_deadline()
    }

    fn poll_persist(&mut self) -> Option<Persist> {
        self.0.poll_persist()
    }

    fn poll_outgoing(&mut self) -> Option<(Peer, Outgoing)> {
        self.0.poll_transmit().map(|passing| (passing.peer, Outgoing::Passing(passing)))
    }

    fn act(&mut self, _: Now, notices: &Notices) -> bool {
        let mut acted = false;
        while let Some(event) = self.0.poll_event() {
            acted = true;
            let (session, what) = match event {
                RelayEvent::Opened { session } => (session, What::Opened),
                RelayEvent::Offered { .. } => continue,
                RelayEvent::DeadlineExceeded { session, deadline } => (session, What::DeadlineExceeded(deadline)),
                RelayEvent::NotRetained { session, peak_bytes, longest_hold_ms, frames } => {
                    (session, What::NotRetained { peak_bytes, longest_hold_ms, frames })
                }
                RelayEvent::Finished { session, outcome } => (session, What::Finished(outcome)),
            };
            notices.tell(Some(session), what);
        }
        acted
    }
}
