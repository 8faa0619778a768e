//! How a customer session ends: erased first, then paid back, warned, attended to.
use super::state::Paper;
use super::*;

const BOTH: [Channel; 2] = [Channel::Voice, Channel::Screen];

impl CustomerSession {
    /// Erases without delivery. `erased`: there is no transaction that will report it.
    pub(super) fn end(&mut self, now: Now, cause: Cause, erased: bool) {
        self.close(now, cause, erased, Outstanding::default());
    }

    /// Erases, and goes on to what must still leave the kiosk.
    fn close(&mut self, now: Now, cause: Cause, erased: bool, mut outstanding: Outstanding) {
        if matches!(self.state, State::Closing(_) | State::Finished) {
            return;
        }
        let stage = self.state.stage();
        outstanding.erasure = stage.is_some() && !erased;
        outstanding.credential = self.state.holds_credential();
        // Consumes the proof with everything else.
        self.state = State::Finished;
        self.events.push(CustomerEvent::Erase { cause });
        if matches!(self.payment, Payment::Asked | Payment::Held) {
            self.payment = Payment::Released;
            self.events.push(CustomerEvent::ReleasePayment);
        }
        if stage == Some(Stage::Printing) && !self.delivered {
            // Some pages may be out, and nobody may take them.
            self.events.push(CustomerEvent::AbortPrint);
            outstanding.attendant = true;
            self.owe();
        }
        self.reminder = outstanding.credential.then(|| now.monotonic.after(self.policy.reminder));
        if outstanding.credential {
            self.warn(Warning::Credential, &BOTH);
        }
        if outstanding.attendant {
            self.warn(Warning::Attendant, &BOTH);
        }
        self.deadline = Some(now.monotonic.after(self.policy.attendance));
        self.state = State::Closing(outstanding);
        self.finish_when_empty();
    }

    /// The fee was asked for, and nothing is delivered for it.
    fn owe(&mut self) {
        let captured = match self.payment {
            Payment::Capturing => false,
            Payment::Captured => true,
            _ => return,
        };
        self.events.push(CustomerEvent::PaidUndelivered { session: self.session, captured });
        self.alarm(CustomerAlarm::PaidUndelivered);
    }

    /// Every page is in the tray: delivered, and erased at once. The paper has clocks of its own.
    pub(super) fn printed(&mut self, now: Now) -> Result<(), Error> {
        if self.state.stage() != Some(Stage::Printing) {
            return Err(Error::WrongState { command: "this report of the printer" });
        }
        self.delivered = true;
        let paper = Paper {
            warn: Some(now.monotonic.after(self.policy.paper_warning)),
            forgotten: Some(now.monotonic.after(self.policy.paper_forgotten)),
        };
        self.close(now, Cause::Delivered, false, Outstanding { paper: Some(paper), ..Outstanding::default() });
        Ok(())
    }

    pub(super) fn paper_taken(&mut self) -> Result<(), Error> {
        let refused = Error::WrongState { command: "taking paper" };
        let State::Closing(outstanding) = &mut self.state else { return Err(refused) };
        outstanding.paper.take().ok_or(refused)?;
        let attendant = outstanding.attendant;
        self.warning_over(Warning::Paper);
        if !attendant {
            self.warning_over(Warning::Attendant);
        }
        self.finish_when_empty();
        Ok(())
    }

    pub(super) fn jam(&mut self, now: Now) -> Result<(), Error> {
        self.fault(now, CustomerAlarm::Jam, Outstanding { attendant: true, ..Outstanding::default() })
    }

    pub(super) fn door_opened(&mut self, now: Now) -> Result<(), Error> {
        self.fault(now, CustomerAlarm::DoorOpened, Outstanding { door: true, ..Outstanding::default() })
    }

    /// Something is wrong with the kiosk: on record, erased if it was not, and somebody must come.
    fn fault(&mut self, now: Now, alarm: CustomerAlarm, fault: Outstanding) -> Result<(), Error> {
        match &mut self.state {
            State::Finished => return Err(Error::WrongState { command: "this report of a device" }),
            State::Closing(outstanding) => {
                outstanding.attendant |= fault.attendant;
                outstanding.door |= fault.door;
                self.deadline = Some(now.monotonic.after(self.policy.attendance));
                if fault.attendant {
                    self.warn(Warning::Attendant, &BOTH);
                }
            }
            _ => self.close(now, Cause::DeviceFault, false, fault),
        }
        self.alarm(alarm);
        Ok(())
    }

    pub(super) fn door_closed(&mut self) -> Result<(), Error> {
        match &mut self.state {
            State::Closing(outstanding) if outstanding.door => {
                outstanding.door = false;
                self.finish_when_empty();
                Ok(())
            }
            _ => Err(Error::WrongState { command: "closing the door" }),
        }
    }

    pub(super) fn acknowledged(&mut self) -> Result<(), Error> {
        let refused = Error::WrongState { command: "acknowledging" };
        let State::Closing(outstanding) = &mut self.state else { return Err(refused) };
        if !outstanding.attendant && outstanding.paper.is_none() {
            return Err(refused);
        }
        outstanding.attendant = false;
        match &mut outstanding.paper {
            // Silent from now on; it can still be taken, or be forgotten.
            Some(paper) if paper.forgotten.is_some() => paper.warn = None,
            paper => *paper = None,
        }
        self.warning_over(Warning::Attendant);
        self.warning_over(Warning::Paper);
        self.finish_when_empty();
        Ok(())
    }

    /// Warns again of what is still there, and gives up paper that nobody takes.
    pub(super) fn remind(&mut self, now: Now) {
        if due(self.reminder, now) {
            self.reminder = Some(now.monotonic.after(self.policy.reminder));
            self.warn(Warning::Credential, &BOTH);
        }
        let State::Closing(Outstanding { paper: Some(paper), .. }) = &mut self.state else { return };
        let warn = due(paper.warn, now);
        if warn {
            paper.warn = Some(now.monotonic.after(self.policy.paper_repeat));
        }
        let forgotten = due(paper.forgotten, now);
        if forgotten {
            paper.forgotten = None;
        }
        if warn {
            self.warn(Warning::Paper, &BOTH);
        }
        if forgotten {
            self.forget_paper(now);
        }
    }

    fn forget_paper(&mut self, now: Now) {
        self.events.push(CustomerEvent::ForgottenPaper { session: self.session, kiosk: self.kiosk, at: now });
        self.alarm(CustomerAlarm::PaperForgotten);
        // Who comes for it is the attendant, or after all the customer.
        self.warn(Warning::Attendant, &BOTH);
    }

    /// Nobody came: says what is left, and ends.
    pub(super) fn give_up(&mut self, now: Now) {
        let State::Closing(outstanding) = self.state.replace(State::Finished) else { return };
        if outstanding.paper.is_some_and(|paper| paper.forgotten.is_some()) {
            self.forget_paper(now);
        }
        for (left, alarm) in [
            (outstanding.erasure, CustomerAlarm::ErasureUnreported),
            (outstanding.credential, CustomerAlarm::CredentialLeft),
            (self.payment == Payment::Capturing, CustomerAlarm::CaptureUnreported),
            (outstanding.attendant || outstanding.door || outstanding.paper.is_some(), CustomerAlarm::Unattended),
        ] {
            if left {
                self.alarm(alarm);
            }
        }
        self.finish(outstanding.unfit());
    }

    pub(super) fn finish_when_empty(&mut self) {
        if let State::Closing(outstanding) = &self.state
            && !outstanding.unfit()
            && self.payment != Payment::Capturing
        {
            self.finish(false);
        }
    }

    fn finish(&mut self, unfit: bool) {
        self.state = State::Finished;
        self.deadline = None;
        self.reminder = None;
        for about in [Warning::Credential, Warning::Paper, Warning::Attendant] {
            self.warning_over(about);
        }
        self.events.push(CustomerEvent::Finished { delivered: self.delivered, out_of_service: unfit || self.unfit });
    }

    pub(super) fn erased(&mut self, verified: bool) {
        if !verified {
            self.unfit = true;
            self.alarm(CustomerAlarm::NotErased);
        }
    }

    // ---- outputs

    pub(super) fn warn(&mut self, about: Warning, channels: &[Channel]) {
        self.shown |= 1 << (about as u8);
        for channel in channels {
            self.events.push(CustomerEvent::Warn { channel: *channel, about });
        }
    }

    pub(super) fn warning_over(&mut self, about: Warning) {
        let bit = 1 << (about as u8);
        if self.shown & bit != 0 {
            self.shown &= !bit;
            for channel in BOTH {
                self.events.remove(&CustomerEvent::Warn { channel, about });
            }
            self.events.push(CustomerEvent::WarningOver { about });
        }
    }

    /// On record once; faults of the kiosk each time that they happen.
    pub(super) fn alarm(&mut self, alarm: CustomerAlarm) {
        let again = matches!(alarm, CustomerAlarm::Jam | CustomerAlarm::DoorOpened);
        if again || self.raised & alarm.bit() == 0 {
            self.raised |= alarm.bit();
            self.alarms.push(alarm);
        }
    }
}
