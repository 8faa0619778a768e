//! The issuing system as a process: applications in, documents from the host's register out, sealed as they are read.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::config::{Config, DocumentSource};
use super::connection::Outgoing;
use super::driver::{Machine, Work};
use super::notice::{Notices, What};
use super::trust::Authorities;
use crate::buffer::Cause;
use crate::error::Error;
use crate::handover::relay::Passing;
use crate::handover::suite::{StationCrypto, split_application};
use crate::handover::{Issuer, IssuerEvent, Peer, Persist, Source};
use crate::platform::files;
use crate::types::{Now, SessionId, Time};

/// How much of a document is composed in one step. Other sessions go on after it.
const STEP: u64 = 128 * 1024;

/// An issuing system with its register of documents.
pub(super) struct IssuerStation {
    machine: Issuer<StationCrypto, Arc<Authorities>>,
    register: Vec<DocumentSource>,
    /// Documents that are being composed, each one step after the other.
    composing: VecDeque<Composing>,
}

/// A document that is being composed.
struct Composing {
    session: SessionId,
    row: usize,
    file: File,
    /// Of the file, when the writing began.
    version: [u8; 32],
}

/// An issuing system takes no commands.
pub(super) enum IssuerCommand {}

impl IssuerStation {
    pub(super) fn new(config: &Config, crypto: StationCrypto, trust: Arc<Authorities>) -> Result<Self, Error> {
        let machine = Issuer::new(crypto, trust, config.policy())?;
        Ok(Self { machine, register: config.documents.clone(), composing: VecDeque::new() })
    }

    /// Finds the row that an application asks for, and opens its document.
    fn begin(&mut self, session: SessionId, kind: &str) -> Result<(), Error> {
        let register = &self.register;
        let found = self.machine.application(session)?.read_at(0, |plain| {
            let (subject, _) = split_application(plain)?;
            let row = register.iter().position(|row| row.kind == kind && row.subject.as_bytes() == subject);
            row.ok_or(Error::Unsupported { what: "issuing this kind of document for this subject" })
        })??;
        let Some(row) = self.register.get(found) else { return Err(Error::WrongState { command: "composing" }) };
        let file = open_document(&row.file)?;
        // Of the file that is open, whatever stands under its name by now.
        let version = version(file.metadata())?;
        self.composing.push_back(Composing { session, row: found, file, version });
        Ok(())
    }

    /// One step of a document: the file's bytes go straight into a locked window and are sealed there. `true` once it is offered.
    fn compose(&mut self, composing: &mut Composing) -> Result<bool, Error> {
        let Composing { session, row, file, version: begun } = composing;
        let writer = self.machine.document(*session, begun)?;
        if writer.copy_from(&mut file.take(STEP))? == STEP {
            return Ok(false);
        }
        let Some(row) = self.register.get(*row) else { return Err(Error::WrongState { command: "composing" }) };
        // The subject of the row that the document was made from, not the one that was asked for; and a file that was changed or
        // replaced while it was read gives no document.
        let source = Source { subject: row.subject.as_bytes(), version: &version(std::fs::metadata(&row.file))? };
        self.machine.offer(super::notice::now(), *session, &source)?;
        Ok(true)
    }
}

/// What tells one version of a document's file from another.
fn version(metadata: std::io::Result<Metadata>) -> Result<[u8; 32], Error> {
    let metadata = metadata.map_err(|error| Error::io("looking at the document's file", &error))?;
    let mut version = [0; 32];
    for (into, part) in version.chunks_exact_mut(8).zip(files::version(&metadata)) {
        into.copy_from_slice(&part.to_be_bytes());
    }
    Ok(version)
}

/// Opens a document's file, which lies on a local disk: the station waits while a part of it is read. Pipes and the like, which may
/// keep it waiting for anybody, are refused.
fn open_document(path: &Path) -> Result<File, Error> {
    let failed = |error: &std::io::Error| Error::io("opening the document's file", error);
    let file = files::open_without_waiting(path).map_err(|error| failed(&error))?;
    if !file.metadata().map_err(|error| failed(&error))?.is_file() {
        return Err(failed(&std::io::ErrorKind::InvalidInput.into()));
    }
    Ok(file)
}

impl Machine for IssuerStation {
    type Command = IssuerCommand;

    fn handle_frame(&mut self, now: Now, from: Peer, mut bytes: Vec<u8>) -> Result<(), Error> {
        let outcome = self.machine.handle_frame(now, from, &bytes);
        let _ = crate::wipe::wipe_vec(&mut bytes, 0)?;
        outcome
    }

    fn handle_written(&mut self, now: Now, token: u64, outcome: &Result<(), Error>) {
        match outcome {
            Ok(()) => self.machine.handle_persisted(now, token),
            // The store's word about the record itself, not about the disk.
            Err(Error::WrongState { .. } | Error::Busy { .. }) => self.machine.handle_persist_refused(now, token),
            Err(_) => self.machine.handle_persist_failed(now, token),
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        self.machine.handle_timeout(now);
    }

    fn handle_peer_lost(&mut self, now: Now, peer: Peer) {
        self.machine.handle_peer_lost(now, peer);
    }

    fn handle_peer_back(&mut self, now: Now, peer: Peer) {
        self.machine.handle_peer_back(now, peer);
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
        self.machine.poll_transmit().map(|transmit| (transmit.peer, Outgoing::Frame(transmit.session, transmit.frame)))
    }

    fn act(&mut self, now: Now, notices: &Notices) -> bool {
        let mut acted = false;
        while let Some(event) = self.machine.poll_event() {
            acted = true;
            let (session, what) = match event {
                IssuerEvent::Application { session, kind, .. } => {
                    notices.tell(Some(session), What::Opened);
                    notices.tell(Some(session), What::Composing);
                    if let Err(error) = self.begin(session, &kind) {
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

    fn work(&mut self, now: Now, notices: &Notices) -> Work {
        let Some(mut composing) = self.composing.pop_front() else { return Work::None };
        // A session that ended meanwhile is erased, and so is what was composed of it.
        if self.machine.application(composing.session).is_ok() {
            match self.compose(&mut composing) {
                Ok(false) => self.composing.push_back(composing),
                Ok(true) => {}
                Err(error) => {
                    self.machine.cancel(now, composing.session, Cause::Refused);
                    notices.tell(Some(composing.session), What::Problem(error));
                }
            }
        }
        Work::More
    }
}
