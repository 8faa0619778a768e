//! The kiosk as a process: it applies when it is told to, delivers through windows, and erases.
//!
//! "Printing" here is reading every byte through locked windows: a proof over them is made in the clean room, and only when it
//! is asked for are they written to a file. A kiosk's own software links the library and prints from the same windows.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use super::config::Config;
use super::connection::Outgoing;
use super::driver::{Machine, Work};
use super::notice::{Notices, What};
use super::outbox::StationOutbox;
use super::printing::{Printing, Step, create_new};
use super::trust::Authorities;
use crate::buffer::Cause;
use crate::error::Error;
use crate::handover::kiosk::{Application, UPSTREAM};
use crate::handover::relay::Passing;
use crate::handover::suite::StationCrypto;
use crate::handover::{Frame, Kiosk, KioskEvent, Peer, Persist, Policy};
use crate::types::{Now, Time};

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

/// In place of a transaction's number, in the tokens of the outbox's records.
const OUTBOX: u32 = 0;

/// A kiosk with its transactions. Each machine serves one application; none is ever used for another.
pub(super) struct KioskStation {
    crypto: StationCrypto,
    trust: Arc<Authorities>,
    policy: Policy,
    transactions: BTreeMap<u32, Transaction>,
    outbox: StationOutbox,
    next: u32,
}

struct Transaction {
    machine: Kiosk<StationCrypto, Arc<Authorities>>,
    challenge: [u8; 32],
    out: Option<File>,
    wait_for_payment: bool,
    /// The delivery that is under way.
    printing: Option<Printing>,
}

impl KioskStation {
    pub(super) fn new(config: &Config, crypto: StationCrypto, trust: Arc<Authorities>) -> Result<Self, Error> {
        let outbox = StationOutbox::new(config, crypto.clone(), Arc::clone(&trust))?;
        Ok(Self { crypto, trust, policy: config.policy(), transactions: BTreeMap::new(), outbox, next: 1 })
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
        let transaction = Transaction { machine, challenge, out, wait_for_payment, printing: None };
        self.transactions.insert(self.next, transaction);
        self.next += 1;
        Ok(())
    }
}

impl Transaction {
    /// One step of the delivery, if one is under way.
    fn work(&mut self, now: Now, notices: &Notices) -> Work {
        let Some(mut printing) = self.printing.take() else { return Work::None };
        let session = self.machine.id();
        // A transaction that ended meanwhile has no document any more, and nothing is delivered.
        let Ok(document) = self.machine.document() else { return Work::More };
        let step = printing.step(document, &self.challenge, |what| notices.tell(Some(session), what));
        let delivered = match step {
            Ok(Step::More) => {
                self.printing = Some(printing);
                return Work::More;
            }
            Ok(Step::Elsewhere) => {
                self.printing = Some(printing);
                return Work::Elsewhere;
            }
            // Printing took its time.
            Ok(Step::Done) => self.machine.delivered(super::notice::now()),
            Err(error) => Err(error),
        };
        if let Err(error) = delivered {
            self.machine.cancel(now, Cause::DeviceFault);
            notices.tell(Some(session), What::Problem(error));
        }
        Work::More
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
                    self.printing = Some(Printing::new(self.out.take()));
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

impl Machine for KioskStation {
    type Command = KioskCommand;

    fn handle_frame(&mut self, now: Now, _: Peer, mut bytes: Vec<u8>) -> Result<(), Error> {
        let outcome = Frame::decode(&bytes).map(|frame| frame.session).and_then(|session| {
            if self.outbox.handle_frame(now, &bytes)? {
                return Ok(());
            }
            let found = self.transactions.values_mut().find(|transaction| transaction.machine.id() == session);
            found.ok_or(Error::Mismatch { what: "the session of a message" })?.machine.handle_frame(now, &bytes)
        });
        let _ = crate::wipe::wipe_vec(&mut bytes, 0)?;
        outcome
    }

    fn handle_written(&mut self, now: Now, token: u64, outcome: &Result<(), Error>) {
        let (number, token) = ((token >> 32) as u32, token & u64::from(u32::MAX));
        if number == OUTBOX {
            return self.outbox.handle_written(now, token, outcome);
        }
        let Some(transaction) = self.transactions.get_mut(&number) else { return };
        match outcome {
            Ok(()) => transaction.machine.handle_persisted(now, token),
            Err(_) => transaction.machine.handle_persist_failed(now, token),
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        for transaction in self.transactions.values_mut() {
            transaction.machine.handle_timeout(now);
        }
        self.outbox.handle_timeout(now);
    }

    fn handle_peer_lost(&mut self, now: Now, _: Peer) {
        for transaction in self.transactions.values_mut() {
            transaction.machine.handle_peer_lost(now);
        }
        self.outbox.handle_peer_lost();
    }

    fn handle_peer_back(&mut self, now: Now, _: Peer) {
        for transaction in self.transactions.values_mut() {
            transaction.machine.handle_peer_back(now);
        }
        self.outbox.handle_peer_back(now);
    }

    fn handle_sent(&mut self, _: Now, _: Passing) {}

    fn command(&mut self, now: Now, command: KioskCommand) -> Result<(), Error> {
        match command {
            KioskCommand::Apply(apply) => self.apply(now, apply),
            KioskCommand::Paid => {
                let mut outcome = Ok(());
                for transaction in self.transactions.values_mut() {
                    // Paid is what is shown with its price, not what still comes.
                    if transaction.wait_for_payment && transaction.machine.document().is_ok() {
                        transaction.wait_for_payment = false;
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
        let transactions = self.transactions.values().filter_map(|transaction| transaction.machine.next_deadline());
        transactions.chain(self.outbox.next_deadline()).min()
    }

    fn poll_persist(&mut self) -> Option<Persist> {
        let ours = self.transactions.iter_mut().find_map(|(number, transaction)| {
            let persist = transaction.machine.poll_persist()?;
            Some(Persist { token: u64::from(*number) << 32 | persist.token, record: persist.record })
        });
        ours.or_else(|| self.outbox.poll_persist())
    }

    fn poll_outgoing(&mut self) -> Option<(Peer, Outgoing)> {
        self.transactions
            .values_mut()
            .find_map(|transaction| transaction.machine.poll_transmit())
            .or_else(|| self.outbox.poll_transmit())
            .map(|transmit| (UPSTREAM, Outgoing::Frame(transmit.session, transmit.frame)))
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

    fn work(&mut self, now: Now, notices: &Notices) -> Work {
        let mut left = Work::None;
        for transaction in self.transactions.values_mut() {
            match transaction.work(now, notices) {
                Work::None => {}
                Work::Elsewhere if left == Work::None => left = Work::Elsewhere,
                Work::Elsewhere => {}
                Work::More => left = Work::More,
            }
        }
        left
    }
}
