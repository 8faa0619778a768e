//! The issuing system as a process: applications in, documents from the host's register out, sealed as they are read.

use std::fs::File;
use std::sync::Arc;

use super::config::{Config, DocumentSource};
use super::driver::{Machine, Notices, Outgoing};
use super::notice::What;
use super::trust::Authorities;
use crate::buffer::Cause;
use crate::error::Error;
use crate::handover::relay::Passing;
use crate::handover::suite::{StationCrypto, split_application};
use crate::handover::{Issuer, IssuerEvent, Peer, Persist, Source};
use crate::types::{Now, SessionId, Time};

/// An issuing system with its register of documents.
pub(super) struct IssuerStation {
    machine: Issuer<StationCrypto, Arc<Authorities>>,
    register: Vec<DocumentSource>,
}

/// An issuing system takes no commands.
pub(super) enum IssuerCommand {}

impl IssuerStation {
    pub(super) fn new(config: &Config, crypto: StationCrypto, trust: Arc<Authorities>) -> Result<Self, Error> {
        Ok(Self { machine: Issuer::new(crypto, trust, config.policy())?, register: config.documents.clone() })
    }

    /// Composes the document of an application: the file's bytes go straight into a locked window and are sealed there.
    fn compose(&mut self, session: SessionId, kind: &str) -> Result<(), Error> {
        let register = &self.register;
        let found = self.machine.application(session)?.read_at(0, |plain| {
            let (subject, _) = split_application(plain)?;
            let row = register.iter().position(|row| row.kind == kind && row.subject.as_bytes() == subject);
            row.ok_or(Error::Unsupported { what: "issuing this kind of document for this subject" })
        })??;
        let Some(row) = self.register.get(found) else { return Err(Error::WrongState { command: "composing" }) };
        let mut file = File::open(&row.file).map_err(|error| Error::io("opening the document's file", &error))?;
        self.machine.document(session, b"")?.copy_from(&mut file)?;
        // The subject of the row that the document was made from, not the one that was asked for.
        // Reading the file took its time.
        let source = Source { subject: row.subject.as_bytes(), version: b"" };
        self.machine.offer(super::notice::now(), session, &source)
    }
}

impl Machine for IssuerStation {
    type Command = IssuerCommand;

    fn handle_frame(&mut self, now: Now, from: Peer, mut bytes: Vec<u8>) -> Result<(), Error> {
        let outcome = self.machine.handle_frame(now, from, &bytes);
        let _ = crate::wipe::wipe_vec(&mut bytes, 0)?;
        outcome
    }

    fn handle_written(&mut self, now: Now, token: u64, durable: bool) {
        if durable {
            self.machine.handle_persisted(now, token);
        } else {
            self.machine.handle_persist_failed(now, token);
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        self.machine.handle_timeout(now);
    }

    fn handle_peer_lost(&mut self, now: Now, peer: Peer) {
        self.machine.handle_peer_lost(now, peer);
    }

    fn handle_sent(&mut self, _: Now, _: Passing) {}

    fn command(&mut self, _: Now, command: IssuerCommand) -> Result<(), Error> {
        match command {}
    }

    fn shutdown(&mut self, now: Now) {
        self.machine.shutdown(now);
    }

    fn abandon(&mut self) {
        self.machine.abandon();
    }

    fn next_deadline(&self) -> Option<Time> {
        self.machine.next_deadline()
    }

    fn poll_persist(&mut self) -> Option<Persist> {
        self.machine.poll_persist()
    }

    fn poll_outgoing(&mut self) -> Option<(Peer, Outgoing)> {
        self.machine.poll_transmit().map(|transmit| (transmit.peer, Outgoing::Frame(transmit.frame)))
    }

    fn act(&mut self, now: Now, notices: &Notices) -> bool {
        let mut acted = false;
        while let Some(event) = self.machine.poll_event() {
            acted = true;
            let (session, what) = match event {
                IssuerEvent::Application { session, kind, .. } => {
                    notices.tell(Some(session), What::Opened);
                    notices.tell(Some(session), What::Composing);
                    if let Err(error) = self.compose(session, &kind) {
                        self.machine.cancel(now, session, Cause::Refused);
                        notices.tell(Some(session), What::Problem(error));
                    }
                    continue;
                }
                IssuerEvent::Offered { session } => (session, What::Offered { length: None }),
                IssuerEvent::DeadlineExceeded { session, deadline } => (session, What::DeadlineExceeded(deadline)),
                IssuerEvent::Released { session } => (session, What::Released),
                IssuerEvent::Closed { session, verified } => (session, What::Closed { verified }),
                IssuerEvent::Ended { session, cause, verified } => (session, What::Erased { cause, verified }),
                IssuerEvent::Finished { session, outcome } => (session, What::Finished(outcome)),
            };
            notices.tell(Some(session), what);
        }
        acted
    }
}
