//! The kiosk as a process: it applies when it is told to, delivers through windows, and erases.
//!
//! "Printing" here is reading every byte through locked windows: a proof over them is made in the clean room, and only when it
//! is asked for are they written to a file. A kiosk's own software links the library and prints from the same windows.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::Config;
use super::driver::{Machine, Notices, Outgoing};
use super::notice::What;
use super::trust::Authorities;
use crate::buffer::{Cause, EphemeralBuffer};
use crate::error::Error;
use crate::handover::kiosk::{Application, UPSTREAM};
use crate::handover::relay::Passing;
use crate::handover::suite::StationCrypto;
use crate::handover::{Frame, Kiosk, KioskEvent, Peer, Persist, Policy};
use crate::types::{Now, SessionId, Time};

/// What a kiosk can be told to do.
#[derive(Debug)]
pub enum KioskCommand {
    /// Apply for a document.
    Apply(Apply),
    /// The fee of every waiting document is paid: print.
    Paid,
    /// End every transaction without delivery.
    Cancel,
}

/// An application at a kiosk.
pub struct Apply {
    /// The operator of the issuing station.
    pub operator: String,
    /// The issuing station.
    pub issuer: String,
    /// What kind of document.
    pub kind: String,
    /// The holder of the card; wiped once it is sealed.
    pub subject: zeroize::Zeroizing<String>,
    /// The challenge under which the proof of the delivered bytes is made.
    pub challenge: [u8; 32],
    /// Where to write the document in the clear, if that is wanted; it must not exist.
    pub out: Option<PathBuf>,
    /// Whether to wait for [`KioskCommand::Paid`] before printing.
    pub wait_for_payment: bool,
}

impl core::fmt::Debug for Apply {
    /// Without the subject.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Apply").field("issuer", &self.issuer).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A kiosk with its transactions. Each machine serves one application; none is ever used for another.
pub(super) struct KioskStation {
    crypto: StationCrypto,
    trust: Arc<Authorities>,
    policy: Policy,
    transactions: BTreeMap<u32, Transaction>,
    next: u32,
}

struct Transaction {
    machine: Kiosk<StationCrypto, Arc<Authorities>>,
    challenge: [u8; 32],
    out: Option<File>,
    wait_for_payment: bool,
}

impl KioskStation {
    pub(super) fn new(config: &Config, crypto: StationCrypto, trust: Arc<Authorities>) -> Self {
        Self { crypto, trust, policy: config.policy(), transactions: BTreeMap::new(), next: 1 }
    }

    fn apply(&mut self, now: Now, apply: Apply) -> Result<(), Error> {
        if self.transactions.len() >= self.policy.max_sessions {
            return Err(Error::Busy { what: "transactions", limit: self.policy.max_sessions as u64 });
        }
        // Found out before anything is applied for; it is written only at the end.
        let out = apply.out.as_deref().map(create_new).transpose()?;
        let application = Application {
            operator: &apply.operator,
            issuer: &apply.issuer,
            kind: &apply.kind,
            copies: 1,
            subject: apply.subject.as_bytes(),
            details: b"",
        };
        let machine = Kiosk::apply(now, self.crypto.clone(), Arc::clone(&self.trust), self.policy, &application)?;
        let (challenge, wait_for_payment) = (apply.challenge, apply.wait_for_payment);
        self.transactions.insert(self.next, Transaction { machine, challenge, out, wait_for_payment });
        self.next += 1;
        Ok(())
    }
}

impl Transaction {
    /// Reads every byte through windows, and writes them to a file if that was asked for.
    fn deliver(&mut self, session: SessionId, notices: &Notices) -> Result<(), Error> {
        let document = self.machine.document()?;
        let proof = document.hmac_sha256(&self.challenge)?;
        if let Some(file) = &mut self.out {
            write_in_clear(document, file)?;
            notices.tell(Some(session), What::WrittenInClear);
        }
        notices.tell(Some(session), What::Proved { proof });
        Ok(())
    }

    fn act(&mut self, now: Now, notices: &Notices) -> bool {
        let mut acted = false;
        while let Some(event) = self.machine.poll_event() {
            acted = true;
            let session = self.machine.id();
            let what = match event {
                KioskEvent::Applied { .. } => What::Opened,
                KioskEvent::Offered { length } => What::Offered { length: Some(length) },
                KioskEvent::Attached { role, data } => What::Attached { role, length: data.len() },
                KioskEvent::DeadlineExceeded { deadline } => What::DeadlineExceeded(deadline),
                KioskEvent::Received => What::Received,
                KioskEvent::Ready { .. } => {
                    notices.tell(Some(session), What::Ready);
                    if !self.wait_for_payment
                        && let Err(error) = self.machine.print(now)
                    {
                        notices.tell(Some(session), What::Problem(error));
                    }
                    continue;
                }
                KioskEvent::MayPrint => {
                    notices.tell(Some(session), What::Printing);
                    let delivered = self.deliver(session, notices).and_then(|()| {
                        // Printing took its time.
                        self.machine.delivered(super::notice::now())
                    });
                    if let Err(error) = delivered {
                        self.machine.cancel(now, Cause::DeviceFault);
                        notices.tell(Some(session), What::Problem(error));
                    }
                    continue;
                }
                KioskEvent::Erased { cause, verified } => What::Erased { cause, verified },
                KioskEvent::Finished { outcome } => What::Finished(outcome),
            };
            notices.tell(Some(session), what);
        }
        acted
    }
}

fn create_new(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Error::io("creating the output file", &error))
}

fn write_in_clear(document: &EphemeralBuffer, file: &mut File) -> Result<(), Error> {
    document.for_each_window(|_, plain| {
        // No buffering: the bytes go from the window to the system and nowhere else in this process.
        file.write_all(plain).map_err(|error| Error::io("writing the output file", &error))
    })?;
    file.sync_all().map_err(|error| Error::io("writing the output file", &error))
}

impl Machine for KioskStation {
    type Command = KioskCommand;

    fn handle_frame(&mut self, now: Now, _: Peer, mut bytes: Vec<u8>) -> Result<(), Error> {
        let outcome = Frame::decode(&bytes).map(|frame| frame.session).and_then(|session| {
            let found = self.transactions.values_mut().find(|transaction| transaction.machine.id() == session);
            found.ok_or(Error::Mismatch { what: "the session of a message" })?.machine.handle_frame(now, &bytes)
        });
        let _ = crate::wipe::wipe_vec(&mut bytes, 0)?;
        outcome
    }

    fn handle_written(&mut self, now: Now, token: u64, durable: bool) {
        let (number, token) = ((token >> 32) as u32, token & u64::from(u32::MAX));
        let Some(transaction) = self.transactions.get_mut(&number) else { return };
        if durable {
            transaction.machine.handle_persisted(now, token);
        } else {
            transaction.machine.handle_persist_failed(now, token);
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        for transaction in self.transactions.values_mut() {
            transaction.machine.handle_timeout(now);
        }
    }

    fn handle_peer_lost(&mut self, now: Now, _: Peer) {
        for transaction in self.transactions.values_mut() {
            transaction.machine.handle_peer_lost(now);
        }
    }

    fn handle_sent(&mut self, _: Now, _: Passing) {}

    fn command(&mut self, now: Now, command: KioskCommand) -> Result<(), Error> {
        match command {
            KioskCommand::Apply(apply) => self.apply(now, apply),
            KioskCommand::Paid => {
                let mut outcome = Ok(());
                for transaction in self.transactions.values_mut() {
                    let waits = core::mem::take(&mut transaction.wait_for_payment);
                    if waits && transaction.machine.document().is_ok() {
                        outcome = outcome.and(transaction.machine.print(now));
                    }
                }
                outcome
            }
            KioskCommand::Cancel => {
                for transaction in self.transactions.values_mut() {
                    transaction.machine.cancel(now, Cause::Cancelled);
                }
                Ok(())
            }
        }
    }

    fn shutdown(&mut self, now: Now) {
        for transaction in self.transactions.values_mut() {
            transaction.machine.cancel(now, Cause::Shutdown);
        }
    }

    fn abandon(&mut self) {
        for transaction in self.transactions.values_mut() {
            transaction.machine.abandon();
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.transactions.values().filter_map(|transaction| transaction.machine.next_deadline()).min()
    }

    fn poll_persist(&mut self) -> Option<Persist> {
        self.transactions.iter_mut().find_map(|(number, transaction)| {
            let persist = transaction.machine.poll_persist()?;
            Some(Persist { token: u64::from(*number) << 32 | persist.token, record: persist.record })
        })
    }

    fn poll_outgoing(&mut self) -> Option<(Peer, Outgoing)> {
        self.transactions
            .values_mut()
            .find_map(|transaction| transaction.machine.poll_transmit())
            .map(|transmit| (UPSTREAM, Outgoing::Frame(transmit.frame)))
    }

    fn act(&mut self, now: Now, notices: &Notices) -> bool {
        let mut acted = false;
        for transaction in self.transactions.values_mut() {
            acted |= transaction.act(now, notices);
        }
        // A finished transaction may still have records to write; `poll_persist` comes before the next call of this.
        self.transactions
            .retain(|_, transaction| !transaction.machine.is_finished() || transaction.machine.has_output());
        acted
    }
}
