//! What must hold at every step, told from outside: inputs, outputs, and what has happened before.

use super::*;

/// What has happened in a session so far, as an observer of devices and outputs knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Past {
    pub(super) credential_gone: bool,
    pub(super) applied: bool,
    pub(super) erased: bool,
    pub(super) finished: bool,
    /// The transaction may not report any erasure.
    pub(super) failed_to_apply: bool,
    pub(super) erasure_known: bool,
    pub(super) erasure_bad: bool,
    pub(super) hold_asked: bool,
    pub(super) released: bool,
    pub(super) recorded: bool,
    pub(super) captured: bool,
    pub(super) capture_refused: bool,
    pub(super) printed: bool,
    pub(super) delivered: bool,
    pub(super) taken: bool,
    pub(super) owed: bool,
    pub(super) forgotten: bool,
    pub(super) door_open: bool,
    pub(super) kept: bool,
    pub(super) on_screen: [bool; 4],
}

/// One step: what came in, what came out.
pub(super) struct Step<'a> {
    pub(super) input: Input,
    pub(super) credential: Credential,
    pub(super) accepted: bool,
    pub(super) events: &'a [CustomerEvent],
    pub(super) alarms: &'a [&'static str],
    pub(super) raised_before: u32,
    pub(super) after: &'a CustomerSession,
}

impl Past {
    /// Goes one step on, or says which rule was broken.
    pub(super) fn step(mut self, step: &Step<'_>) -> Result<Self, String> {
        let rule = |holds: bool, name: &str| if holds { Ok(()) } else { Err(name.to_owned()) };
        let before = self.clone();
        match (step.input, step.credential) {
            (Input::Device(DeviceReport::CardRemoved), Credential::Card)
            | (Input::Device(DeviceReport::CredentialReleased), Credential::Phone) => self.credential_gone = true,
            _ => {}
        }
        match step.input {
            Input::Device(DeviceReport::DoorOpened) if step.accepted => self.door_open = true,
            Input::Device(DeviceReport::DoorClosed) if step.accepted => self.door_open = false,
            Input::Device(DeviceReport::PaperTaken) if step.accepted => self.taken = true,
            Input::Acknowledge if step.accepted && before.forgotten => self.kept = true,
            Input::Payment(PaymentReport::Held) if step.accepted => self.hold_asked = true,
            Input::Payment(PaymentReport::Refused) if step.accepted && before.captured => self.capture_refused = true,
            Input::ApplyFailed if step.accepted => self.failed_to_apply = true,
            Input::MayPrint if step.accepted => self.recorded = true,
            Input::Erased { verified, .. } if step.accepted => {
                self.erasure_known = true;
                self.erasure_bad |= !verified;
            }
            _ => {}
        }
        rule(!before.finished || step.events.is_empty(), "nothing comes after the end")?;
        for event in step.events {
            let active = matches!(
                event,
                CustomerEvent::Apply
                    | CustomerEvent::HoldPayment
                    | CustomerEvent::AskToPrint
                    | CustomerEvent::Print
                    | CustomerEvent::CapturePayment
            );
            rule(!(active && self.erased), "after the erasure nothing is applied for, held, printed or taken")?;
            match event {
                CustomerEvent::Apply => {
                    rule(self.credential_gone, "nothing is applied for before the credential is gone")?;
                    rule(!self.applied, "one application for one session")?;
                    self.applied = true;
                }
                CustomerEvent::HoldPayment => self.hold_asked = true,
                CustomerEvent::AskToPrint => rule(self.hold_asked, "no page before the fee is held")?,
                CustomerEvent::Print => {
                    rule(self.recorded && !self.printed, "a page only after the record, and once")?;
                    self.printed = true;
                }
                CustomerEvent::CapturePayment => {
                    rule(self.recorded && !self.captured, "the fee is taken once, after the start of printing")?;
                    self.captured = true;
                }
                CustomerEvent::ReleasePayment => {
                    rule(self.hold_asked && !self.captured && !self.released, "what is given back was only held")?;
                    self.released = true;
                }
                CustomerEvent::AbortPrint => rule(self.printed && !self.delivered, "what is stopped was running")?,
                CustomerEvent::Erase { cause } => {
                    rule(!self.erased, "erased once")?;
                    let delivered = *cause == Cause::Delivered;
                    let printed = step.input == Input::Device(DeviceReport::Printed) && step.accepted;
                    rule(delivered == printed, "delivered is what was printed to the last page")?;
                    self.delivered = delivered;
                    self.erased = true;
                }
                CustomerEvent::Warn { channel: Channel::Screen, about } => self.on_screen[*about as usize] = true,
                CustomerEvent::Warn { .. } => {}
                CustomerEvent::WarningOver { about } => {
                    rule(self.on_screen[*about as usize], "only what was shown is taken off the screen")?;
                    self.on_screen[*about as usize] = false;
                }
                CustomerEvent::PaidUndelivered { captured, .. } => {
                    rule(
                        self.captured && !self.delivered && !self.owed,
                        "paid back once, when asked for and not delivered",
                    )?;
                    rule(!*captured || !self.capture_refused, "a refused capture is not called taken")?;
                    self.owed = true;
                }
                CustomerEvent::ForgottenPaper { session, kiosk, .. } => {
                    rule(self.delivered && !self.taken && !self.forgotten, "forgotten is what lies in the tray, once")?;
                    rule(*session == SESSION && kiosk.as_str() == "kiosk-1", "the report says which and where")?;
                    self.forgotten = true;
                }
                CustomerEvent::Finished { out_of_service, delivered } => {
                    rule(*delivered == self.delivered, "the end says what happened")?;
                    let erasure = !self.applied || self.failed_to_apply || (self.erasure_known && !self.erasure_bad);
                    let tray = !self.delivered || self.taken || self.kept;
                    rule(
                        *out_of_service || (erasure && tray && self.credential_gone && !self.door_open),
                        "the next customer finds no card, paper, open door or unverified memory",
                    )?;
                    self.finished = true;
                }
            }
        }
        let ended = self.erased && !before.erased;
        let word = step.after.state();
        rule(self.erased == (word >= CustomerState::Closing), "whoever leaves the work has erased, in that step")?;
        rule(self.finished == (word == CustomerState::Finished), "the end is told")?;
        let issuing = (CustomerState::Applying..=CustomerState::Printing).contains(&word);
        rule(!issuing || self.credential_gone, "the issuing screen is not shown beside a credential")?;
        rule(
            self.finished == step.after.next_deadline().is_none(),
            "there is a deadline as long as there is a session",
        )?;
        rule(
            !ended || !self.hold_asked || self.captured || self.released,
            "a hold that was not taken is given back in the step that erases",
        )?;
        rule(
            !ended || self.owed == (self.captured && !self.capture_refused && !self.delivered),
            "paid and not delivered is told in the step that erases",
        )?;
        rule(!self.finished || !self.delivered || self.taken || self.forgotten, "paper is taken or forgotten")?;
        rule(!self.finished || self.on_screen == [false; 4], "no warning stays on the screen")?;
        if let Input::Device(DeviceReport::DoorOpened | DeviceReport::Jam) = step.input {
            rule(self.erased, "an opened door or a jam erases")?;
        }
        self.check_alarms(&before, step, rule)?;
        Ok(self)
    }

    fn check_alarms(
        &self,
        before: &Self,
        step: &Step<'_>,
        rule: impl Fn(bool, &str) -> Result<(), String>,
    ) -> Result<(), String> {
        let raised = step.after.alarms();
        rule(raised & step.raised_before == step.raised_before, "no success clears an alarm")?;
        let recorded = |alarm: CustomerAlarm| step.alarms.contains(&alarm.text());
        for (happened, alarm) in [
            (self.owed && !before.owed, CustomerAlarm::PaidUndelivered),
            (self.forgotten && !before.forgotten, CustomerAlarm::PaperForgotten),
            (self.erasure_bad && !before.erasure_bad, CustomerAlarm::NotErased),
            (self.capture_refused && !before.capture_refused, CustomerAlarm::CaptureRefused),
            (self.finished && !before.finished && !self.credential_gone, CustomerAlarm::CredentialLeft),
        ] {
            let known = matches!(alarm, CustomerAlarm::CredentialLeft) && step.raised_before & alarm.bit() != 0;
            rule(!happened || known || recorded(alarm), "what must not be forgotten is on record")?;
        }
        let fault = match step.input {
            Input::Device(DeviceReport::Jam) => Some(CustomerAlarm::Jam),
            Input::Device(DeviceReport::DoorOpened) => Some(CustomerAlarm::DoorOpened),
            _ => None,
        };
        rule(!fault.is_some_and(|fault| step.accepted && !recorded(fault)), "every fault is on record")?;
        let news = raised & !step.raised_before;
        let bits = step.alarms.iter().map(|text| 1u32 << number(text)).fold(0, |all, bit| all | bit);
        rule(bits & news == news, "what is raised is written")
    }
}

fn number(text: &str) -> u8 {
    use CustomerAlarm as Alarm;
    [
        Alarm::CredentialLeft,
        Alarm::Overdue,
        Alarm::Jam,
        Alarm::DoorOpened,
        Alarm::PaidUndelivered,
        Alarm::CaptureRefused,
        Alarm::CaptureUnreported,
        Alarm::PaperForgotten,
        Alarm::NotErased,
        Alarm::ErasureUnreported,
        Alarm::Unattended,
    ]
    .into_iter()
    .find(|alarm| alarm.text() == text)
    .expect("an alarm's text") as u8
}
