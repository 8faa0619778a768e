//! The kiosk's rules for one customer: who may see the issuing screen and when, when the fee is taken, what becomes of forgotten
//! paper, and that every way out erases.
//!
//! A customer session begins with a credential in the kiosk and ends when everything has left it. It stands between the devices
//! (reader, payment terminal, printer, door) and the [`Kiosk`](super::Kiosk) machine, and drives neither: it says what must be done next. That
//! makes it one flat set of numbers for a host in C. The host passes on what devices and transaction report, and does what
//! [`poll_event`](CustomerSession::poll_event) says, in that order.
//!
//! [`Kiosk::apply`](super::Kiosk::apply) stays callable without it. A kiosk without a reader has no card to wait for, and a proof that a
//! host could hold would not cross the C ABI; a host that follows the events cannot apply too early.
//!
//! ```
//! use shokyo::buffer::Cause;
//! use shokyo::handover::{Crypto, CustomerEvent, CustomerSession, Kiosk, Trust};
//! use shokyo::types::Now;
//!
//! /// The devices of a kiosk.
//! trait Devices {
//!     fn show_and_speak(&mut self, event: &CustomerEvent);
//!     fn terminal(&mut self, event: &CustomerEvent);
//!     fn printer(&mut self, event: &CustomerEvent);
//! }
//!
//! /// What a host does after every input to either machine, until neither moves.
//! fn carry_out<C: Crypto, T: Trust>(
//!     now: Now,
//!     customer: &mut CustomerSession,
//!     transaction: &mut Option<Kiosk<C, T>>,
//!     apply: &mut dyn FnMut() -> Result<Kiosk<C, T>, shokyo::Error>,
//!     devices: &mut dyn Devices,
//! ) {
//!     while let Some(event) = customer.poll_event() {
//!         match (&event, transaction.as_mut()) {
//!             (CustomerEvent::Apply, _) => match apply() {
//!                 Ok(begun) => *transaction = Some(begun),
//!                 Err(_) => drop(customer.handle_apply_failed(now)),
//!             },
//!             // When the transaction has erased by itself meanwhile, these are refused, and its events say so.
//!             (CustomerEvent::AskToPrint, Some(transaction)) => drop(transaction.print(now)),
//!             (CustomerEvent::Erase { cause: Cause::Delivered }, Some(transaction)) => drop(transaction.delivered(now)),
//!             (CustomerEvent::Erase { cause }, Some(transaction)) => transaction.cancel(now, *cause),
//!             (CustomerEvent::HoldPayment | CustomerEvent::CapturePayment | CustomerEvent::ReleasePayment, _) => {
//!                 devices.terminal(&event);
//!             }
//!             (CustomerEvent::Print | CustomerEvent::AbortPrint, _) => devices.printer(&event),
//!             _ => devices.show_and_speak(&event),
//!         }
//!         while let Some(event) = transaction.as_mut().and_then(Kiosk::poll_event) {
//!             let _ = customer.handle_kiosk(now, &event);
//!         }
//!     }
//! }
//! ```
//!
//! Order of calls: inputs first (`handle_*`, commands), then drain [`poll_persist`](CustomerSession::poll_persist) and
//! [`poll_event`](CustomerSession::poll_event), then wait until [`next_deadline`](CustomerSession::next_deadline).
//!
//! This module must never delay an erasure for paper, payment or a person, clear an alarm, learn who the customer is, or allocate.

mod ending;
mod outbox;
mod policy;
mod state;
#[cfg(test)]
mod tests;
mod words;

use self::outbox::Outbox;
pub use self::policy::CustomerPolicy;
use self::state::{Gone, Outstanding, Payment, Stage, State};
pub use self::words::{
    Channel, Credential, CustomerAlarm, CustomerEvent, CustomerState, DeviceReport, PaymentReport, StationName, Warning,
};
use super::kiosk::KioskEvent;
use super::output::Persist;
use super::record::Record;
use crate::buffer::Cause;
use crate::error::Error;
use crate::types::{Now, SessionId, Time};

/// Every event that one session can have waiting at once: 11 that come once, 6 warnings, 3 ends of warnings.
const EVENTS: usize = 20;
/// Every kind of alarm.
const ALARMS: usize = 11;

/// One customer at a kiosk, and at most one document. For the next there is another session.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct CustomerSession {
    policy: CustomerPolicy,
    kiosk: StationName,
    credential: Credential,
    state: State,
    session: SessionId,
    payment: Payment,
    /// Every page was printed.
    delivered: bool,
    /// The kiosk's memory could not be shown to be erased.
    unfit: bool,
    deadline: Option<Time>,
    reminder: Option<Time>,
    /// Which warnings are on the screen, a bit each.
    shown: u8,
    raised: u32,
    events: Outbox<CustomerEvent, EVENTS>,
    alarms: Outbox<CustomerAlarm, ALARMS>,
}

impl CustomerSession {
    /// Begins with a card in the reader, or a phone connected.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the kiosk's name is none, or the policy's durations make no sense together.
    pub fn begin(now: Now, policy: CustomerPolicy, kiosk: &str, credential: Credential) -> Result<Self, Error> {
        policy.check()?;
        Ok(Self {
            kiosk: StationName::new(kiosk)?,
            credential,
            state: State::Authenticating,
            session: SessionId::NONE,
            payment: Payment::Due,
            delivered: false,
            unfit: false,
            deadline: Some(now.monotonic.after(policy.authentication)),
            policy,
            reminder: None,
            shown: 0,
            raised: 0,
            events: Outbox::new(),
            alarms: Outbox::new(),
        })
    }

    // ---- getters

    /// Where the session stands: which screen to show.
    #[must_use]
    pub const fn state(&self) -> CustomerState {
        self.state.word()
    }

    /// The transaction's session, [`SessionId::NONE`] before there is one.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// Every alarm that was raised, as bits ([`CustomerAlarm::bit`]). No bit is ever cleared.
    #[must_use]
    pub const fn alarms(&self) -> u32 {
        self.raised
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    /// Whether outputs wait to be drained.
    #[must_use]
    pub const fn has_output(&self) -> bool {
        !(self.events.is_empty() && self.alarms.is_empty())
    }

    /// When [`CustomerSession::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        let paper = match &self.state {
            State::Closing(Outstanding { paper: Some(paper), .. }) => [paper.warn, paper.forgotten],
            _ => [None, None],
        };
        [self.deadline, self.reminder].into_iter().chain(paper).flatten().min()
    }

    // ---- inputs

    /// Whose the credential is was found out, or could not be: what was found out stays with the host.
    ///
    /// # Errors
    /// [`Error::WrongState`] unless that is being awaited.
    pub fn handle_authentication(&mut self, now: Now, accepted: bool) -> Result<(), Error> {
        self.handle_timeout(now);
        match self.state {
            State::Authenticating if accepted => {
                self.state = State::Choosing { gone: None };
                self.deadline = Some(now.monotonic.after(self.policy.choice));
                Ok(())
            }
            State::Authenticating => {
                self.end(now, Cause::Refused, false);
                Ok(())
            }
            _ => Err(Error::WrongState { command: "authenticating" }),
        }
    }

    /// A device reports something.
    ///
    /// # Errors
    /// [`Error::WrongState`] when it cannot be now; nothing changes. A jam or an opened door is never refused before the end.
    pub fn handle_device(&mut self, now: Now, report: DeviceReport) -> Result<(), Error> {
        self.handle_timeout(now);
        match report {
            DeviceReport::CardRemoved | DeviceReport::CredentialReleased => self.credential_gone(now, report),
            DeviceReport::Printed => self.printed(now),
            DeviceReport::PaperTaken => self.paper_taken(),
            DeviceReport::Jam => self.jam(now),
            DeviceReport::DoorOpened => self.door_opened(now),
            DeviceReport::DoorClosed => self.door_closed(),
        }
    }

    /// The payment terminal reports something.
    ///
    /// # Errors
    /// [`Error::WrongState`] when it cannot be now; nothing changes. A hold that is refused here is one that
    /// [`CustomerEvent::ReleasePayment`] has withdrawn.
    pub fn handle_payment(&mut self, now: Now, report: PaymentReport) -> Result<(), Error> {
        self.handle_timeout(now);
        let stage = self.state.stage();
        let early = matches!(stage, Some(Stage::Applying | Stage::Paying));
        match (report, self.payment) {
            (PaymentReport::Held, Payment::Due | Payment::Asked) if early => {
                self.payment = Payment::Held;
                self.start_when_ready(now);
            }
            (PaymentReport::Abandoned, _) if early || stage == Some(Stage::Starting) => {
                self.end(now, Cause::Cancelled, false)
            }
            (PaymentReport::Refused, _) if early || stage == Some(Stage::Starting) => {
                self.end(now, Cause::Refused, false)
            }
            (PaymentReport::Captured, Payment::Capturing) => {
                self.payment = Payment::Captured;
                self.finish_when_empty();
            }
            (PaymentReport::Refused, Payment::Capturing) => {
                self.payment = Payment::Refused;
                self.alarm(CustomerAlarm::CaptureRefused);
                self.finish_when_empty();
            }
            _ => return Err(Error::WrongState { command: "this report of the payment terminal" }),
        }
        Ok(())
    }

    /// The transaction reports something: every [`KioskEvent`] of the one that [`CustomerEvent::Apply`] began.
    ///
    /// # Errors
    /// [`Error::WrongState`] when it cannot be now; nothing changes.
    pub fn handle_kiosk(&mut self, now: Now, event: &KioskEvent) -> Result<(), Error> {
        self.handle_timeout(now);
        match (event, &mut self.state) {
            (KioskEvent::Applied { session }, State::Issuing { stage: Stage::Applying, .. })
                if self.session == SessionId::NONE =>
            {
                self.session = *session;
            }
            (KioskEvent::Ready { .. }, State::Issuing { stage, .. })
                if *stage == Stage::Applying && self.session != SessionId::NONE =>
            {
                *stage = Stage::Paying;
                self.deadline = Some(now.monotonic.after(self.policy.payment));
                if self.payment == Payment::Due {
                    self.payment = Payment::Asked;
                    self.events.push(CustomerEvent::HoldPayment);
                }
                self.start_when_ready(now);
            }
            (KioskEvent::MayPrint, State::Issuing { stage, .. }) if *stage == Stage::Starting => {
                *stage = Stage::Printing;
                self.deadline = Some(now.monotonic.after(self.policy.printing));
                self.payment = Payment::Capturing;
                self.events.push(CustomerEvent::CapturePayment);
                self.events.push(CustomerEvent::Print);
            }
            (KioskEvent::Erased { verified, .. }, State::Closing(outstanding)) if outstanding.erasure => {
                outstanding.erasure = false;
                self.erased(*verified);
                self.finish_when_empty();
            }
            (KioskEvent::Erased { cause, verified }, State::Issuing { .. }) => {
                // By itself: its deadline, its neighbour, its issuer. Nobody here had said that it was delivered.
                let cause =
                    if matches!(cause, Cause::Delivered | Cause::HandedOver) { Cause::Requested } else { *cause };
                self.erased(*verified);
                self.end(now, cause, true);
            }
            (
                KioskEvent::Applied { .. }
                | KioskEvent::Ready { .. }
                | KioskEvent::MayPrint
                | KioskEvent::Erased { .. },
                _,
            ) => return Err(Error::WrongState { command: "this event of the transaction" }),
            // The others mean nothing to the customer.
            _ => {}
        }
        Ok(())
    }

    /// [`Kiosk::apply`](super::Kiosk::apply) gave an error: there is no transaction, and none will report.
    ///
    /// # Errors
    /// [`Error::WrongState`] unless [`CustomerEvent::Apply`] was the last step.
    pub fn handle_apply_failed(&mut self, now: Now) -> Result<(), Error> {
        self.handle_timeout(now);
        match self.state {
            State::Issuing { stage: Stage::Applying, .. } if self.session == SessionId::NONE => {
                self.end(now, Cause::Refused, true);
                Ok(())
            }
            _ => Err(Error::WrongState { command: "failing to apply" }),
        }
    }

    /// Acts on what has become due. No report is needed to erase.
    pub fn handle_timeout(&mut self, now: Now) {
        self.remind(now);
        if due(self.deadline, now) {
            self.deadline = None;
            match self.state.word() {
                CustomerState::Finished => {}
                CustomerState::Closing => self.give_up(now),
                CustomerState::Authenticating | CustomerState::Choosing | CustomerState::Paying => {
                    self.end(now, Cause::Deadline, false);
                }
                CustomerState::AwaitingRemoval => {
                    self.alarm(CustomerAlarm::CredentialLeft);
                    self.end(now, Cause::Deadline, false);
                }
                CustomerState::Applying | CustomerState::Starting | CustomerState::Printing => {
                    self.alarm(CustomerAlarm::Overdue);
                    self.end(now, Cause::Deadline, false);
                }
            }
        }
    }

    // ---- commands

    /// The customer has chosen a document and confirmed it.
    ///
    /// [`CustomerEvent::Apply`] follows at once if the credential is gone, else when it goes.
    ///
    /// # Errors
    /// [`Error::WrongState`] unless a choice is awaited.
    pub fn choose(&mut self, now: Now) -> Result<(), Error> {
        self.handle_timeout(now);
        match self.state.replace(State::Finished) {
            State::Choosing { gone: Some(gone) } => self.issue(now, gone),
            State::Choosing { gone: None } => {
                self.state = State::AwaitingRemoval;
                self.deadline = Some(now.monotonic.after(self.policy.removal));
                self.reminder = Some(now.monotonic.after(self.policy.reminder));
                self.warn(Warning::Credential, &[Channel::Screen]);
            }
            other => {
                self.state = other;
                return Err(Error::WrongState { command: "choosing" });
            }
        }
        Ok(())
    }

    /// The attendant is there: warnings of paper end, a fault is seen to, and a forgotten certificate is taken into keeping.
    ///
    /// # Errors
    /// [`Error::WrongState`] when there is nothing to acknowledge.
    pub fn acknowledge(&mut self, now: Now) -> Result<(), Error> {
        self.handle_timeout(now);
        self.acknowledged()
    }

    /// Ends the session without delivery, from any state: the customer gave up, or the kiosk is shut down. Afterwards it does
    /// nothing.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a cause that would say that the document was delivered.
    pub fn cancel(&mut self, now: Now, cause: Cause) -> Result<(), Error> {
        self.handle_timeout(now);
        if matches!(cause, Cause::Delivered | Cause::HandedOver) {
            return Err(Error::Malformed { what: "the cause of a cancellation" });
        }
        self.end(now, cause, false);
        Ok(())
    }

    // ---- outputs

    /// The next record to write. Nothing waits for it: an alarm that the store did not take is the host's to repeat, and stays in
    /// [`CustomerSession::alarms`].
    pub fn poll_persist(&mut self) -> Option<Persist> {
        let alarm = self.alarms.pop()?;
        let record = Record::Alarm { session: self.session, what: alarm.text() };
        Some(Persist { token: u64::from(alarm as u8), record })
    }

    /// What to do next.
    pub fn poll_event(&mut self) -> Option<CustomerEvent> {
        self.events.pop()
    }

    // ---- steps

    fn credential_gone(&mut self, now: Now, report: DeviceReport) -> Result<(), Error> {
        let refused = Error::WrongState { command: "removing the credential" };
        if !self.state.holds_credential() {
            return Err(refused);
        }
        let gone = Gone::by(report, self.credential).ok_or(refused)?;
        self.reminder = None;
        self.warning_over(Warning::Credential);
        match self.state.replace(State::Finished) {
            State::Choosing { .. } => self.state = State::Choosing { gone: Some(gone) },
            State::AwaitingRemoval => self.issue(now, gone),
            State::Closing(outstanding) => {
                self.state = State::Closing(Outstanding { credential: false, ..outstanding });
                self.finish_when_empty();
            }
            // Taken out before it could be read: `end` finds it gone.
            State::Authenticating => {
                self.state = State::Choosing { gone: Some(gone) };
                self.end(now, Cause::Cancelled, false);
            }
            other @ (State::Issuing { .. } | State::Finished) => self.state = other,
        }
        Ok(())
    }

    /// The issuing screen. There is no other way to it than with the proof.
    fn issue(&mut self, now: Now, gone: Gone) {
        self.state = State::Issuing { gone, stage: Stage::Applying };
        self.deadline = Some(now.monotonic.after(self.policy.document));
        self.reminder = None;
        self.events.push(CustomerEvent::Apply);
    }

    /// Printing is asked for when the document is here and the fee is held, whichever came last.
    fn start_when_ready(&mut self, now: Now) {
        if let (State::Issuing { stage, .. }, Payment::Held) = (&mut self.state, self.payment)
            && *stage == Stage::Paying
        {
            *stage = Stage::Starting;
            self.deadline = Some(now.monotonic.after(self.policy.start));
            self.events.push(CustomerEvent::AskToPrint);
        }
    }
}

fn due(time: Option<Time>, now: Now) -> bool {
    time.is_some_and(|time| time <= now.monotonic)
}
