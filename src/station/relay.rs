//! A relay as a process: the EC centre or the certificate centre.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::config::Config;
use super::connection::Outgoing;
use super::driver::Machine;
use super::notice::{Notices, What};
use super::outbox::StationOutbox;
use super::trust::Authorities;
use crate::error::Error;
use crate::handover::relay::{Passing, UPSTREAM};
use crate::handover::suite::StationCrypto;
use crate::handover::{Peer, Persist, Relay, RelayEvent};
use crate::types::{Now, Role, Time};

/// The longest attachment, in bytes: what [`Relay::attach`] takes.
const LARGEST: u64 = 4096;
/// Tokens of the outbox's records have this bit.
const OUTBOX: u64 = 1 << 63;

/// A relay.
pub(super) struct RelayStation {
    machine: Relay<StationCrypto, Arc<Authorities>>,
    outbox: StationOutbox,
    role: Role,
    /// What is attached to every offer that passes.
    attachment: Option<Vec<u8>>,
}

/// A relay takes no commands.
pub(super) enum RelayCommand {}

impl RelayStation {
    pub(super) fn new(config: &Config, crypto: StationCrypto, trust: Arc<Authorities>) -> Result<Self, Error> {
        let attachment = config.relay.attachment.as_deref().map(read_attachment).transpose()?;
        let outbox = StationOutbox::new(config, crypto.clone(), Arc::clone(&trust))?;
        let machine = Relay::new(crypto, trust, config.policy())?;
        Ok(Self { machine, outbox, role: config.role, attachment })
    }
}

/// The parameters to attach: read once at the start, so that all documents of a run have the same.
pub(crate) fn read_attachment(path: &Path) -> Result<Vec<u8>, Error> {
    let failed =
        |reason: String| Error::Configuration { reason: format!("`relay.attachment` ({}): {reason}", path.display()) };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(format!("cannot be read ({})", error.kind())))?;
    match bytes.len() as u64 {
        0 => Err(failed("is empty; leave the key out to attach nothing".to_owned())),
        1..=LARGEST => Ok(bytes),
        _ => Err(failed(format!("is longer than {LARGEST} bytes"))),
    }
}

impl Machine for RelayStation {
    type Command = RelayCommand;

    fn handle_frame(&mut self, now: Now, from: Peer, bytes: Vec<u8>) -> Result<(), Error> {
        if from == UPSTREAM && self.outbox.handle_frame(now, &bytes).unwrap_or(false) {
            return Ok(());
        }
        self.machine.handle_frame(now, from, bytes)
    }

    fn handle_written(&mut self, now: Now, token: u64, outcome: &Result<(), Error>) {
        match outcome {
            _ if token & OUTBOX != 0 => self.outbox.handle_written(now, token & !OUTBOX, outcome),
            Ok(()) => self.machine.handle_persisted(now, token),
            Err(_) => self.machine.handle_persist_failed(now, token),
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        self.machine.handle_timeout(now);
        self.outbox.handle_timeout(now);
    }

    fn handle_peer_lost(&mut self, now: Now, peer: Peer) {
        self.machine.handle_peer_lost(now, peer);
        if peer == UPSTREAM {
            self.outbox.handle_peer_lost();
        }
    }

    fn handle_peer_back(&mut self, now: Now, peer: Peer) {
        self.machine.handle_peer_back(now, peer);
        if peer == UPSTREAM {
            self.outbox.handle_peer_back(now);
        }
    }

    fn handle_sent(&mut self, now: Now, passing: Passing) {
        self.machine.handle_sent(now, passing);
    }

    fn must_wait(&self, bytes: &[u8]) -> bool {
        self.machine.would_hold_too_much(bytes)
    }

    fn command(&mut self, _: Now, command: RelayCommand) -> Result<(), Error> {
        match command {}
    }

    fn shutdown(&mut self, now: Now) {
        self.machine.shutdown(now);
    }

    fn abandon(&mut self) {
        self.machine.abandon();
    }

    fn next_deadline(&self) -> Option<Time> {
        self.machine.next_deadline().into_iter().chain(self.outbox.next_deadline()).min()
    }

    fn poll_persist(&mut self) -> Option<Persist> {
        self.machine.poll_persist().or_else(|| {
            let persist = self.outbox.poll_persist()?;
            Some(Persist { token: persist.token | OUTBOX, ..persist })
        })
    }

    fn poll_outgoing(&mut self) -> Option<(Peer, Outgoing)> {
        if let Some(passing) = self.machine.poll_transmit() {
            return Some((passing.peer, Outgoing::Passing(passing)));
        }
        self.outbox.poll_transmit().map(|transmit| (transmit.peer, Outgoing::Frame(transmit.session, transmit.frame)))
    }

    fn act(&mut self, now: Now, notices: &Notices) -> bool {
        let mut acted = false;
        while let Some(event) = self.machine.poll_event() {
            acted = true;
            let (session, what) = match event {
                RelayEvent::Opened { session } => (session, What::Opened),
                RelayEvent::Offered { session } => match &self.attachment {
                    Some(attachment) => match self.machine.attach(now, session, attachment) {
                        Ok(()) => {
                            let (role, length) = (self.role, attachment.len());
                            (session, What::Attached { role, length })
                        }
                        // Without it the kiosk does not acknowledge the document, and the session ends.
                        Err(error) => (session, What::Problem(error)),
                    },
                    None => continue,
                },
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
