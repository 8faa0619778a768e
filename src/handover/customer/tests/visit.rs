//! The duties, one by one, as a reader of them would check them.

use super::*;

/// A session and its clock, with the durations of the library.
struct Visit {
    session: CustomerSession,
    now: Now,
}

impl Visit {
    fn begin(credential: Credential) -> Self {
        let now = at(1_000_000);
        let session = CustomerSession::begin(now, CustomerPolicy::default(), "kiosk-1", credential).unwrap();
        Self { session, now }
    }

    /// With a card, up to printing.
    fn printing() -> Self {
        let mut visit = Self::begin(Credential::Card);
        for input in [
            Input::Authentication(true),
            Input::Choose,
            Input::Device(DeviceReport::CardRemoved),
            Input::Applied,
            Input::Ready,
            Input::Payment(PaymentReport::Held),
            Input::MayPrint,
        ] {
            visit.give(input);
        }
        visit
    }

    fn give(&mut self, input: Input) -> Vec<CustomerEvent> {
        input.give(&mut self.session, self.now).unwrap();
        drain(&mut self.session).0
    }

    /// Lets time pass as a host does that wakes for every deadline.
    fn pass(&mut self, duration: Duration) -> Vec<CustomerEvent> {
        let until = self.now.monotonic.after(duration);
        let mut events = Vec::new();
        for _ in 0..1_000 {
            self.now.monotonic = self.session.next_deadline().map_or(until, |next| next.min(until));
            self.session.handle_timeout(self.now);
            events.extend(drain(&mut self.session).0);
            if self.now.monotonic == until {
                return events;
            }
        }
        panic!("the session is never at rest");
    }
}

fn warnings(events: &[CustomerEvent], channel: Channel, about: Warning) -> usize {
    events.iter().filter(|event| **event == CustomerEvent::Warn { channel, about }).count()
}

#[test]
fn nothing_is_applied_for_before_the_card_is_out() {
    let mut visit = Visit::begin(Credential::Card);
    visit.give(Input::Authentication(true));
    assert_eq!(
        visit.give(Input::Choose),
        [CustomerEvent::Warn { channel: Channel::Screen, about: Warning::Credential }]
    );
    assert_eq!(visit.session.state(), CustomerState::AwaitingRemoval);
    // A phone's report says nothing about a card.
    let phone = DeviceReport::CredentialReleased;
    assert!(visit.session.handle_device(visit.now, phone).is_err());
    let card = Input::Device(DeviceReport::CardRemoved);
    assert_eq!(visit.give(card), [CustomerEvent::WarningOver { about: Warning::Credential }, CustomerEvent::Apply]);
}

#[test]
fn with_a_phone_the_released_credential_takes_the_place_of_the_card() {
    let mut visit = Visit::begin(Credential::Phone);
    visit.give(Input::Authentication(true));
    assert_eq!(visit.give(Input::Device(DeviceReport::CredentialReleased)), []);
    assert_eq!(visit.give(Input::Choose), [CustomerEvent::Apply]);
}

#[test]
fn a_card_that_stays_is_spoken_of_every_five_seconds_and_on_record_after_a_minute() {
    let mut visit = Visit::begin(Credential::Card);
    visit.give(Input::Authentication(true));
    visit.give(Input::Choose);
    let events = visit.pass(Duration::from_secs(59));
    assert_eq!(warnings(&events, Channel::Voice, Warning::Credential), 11);
    assert_eq!(visit.session.alarms(), 0);
    let events = visit.pass(Duration::from_secs(1));
    assert!(events.contains(&CustomerEvent::Erase { cause: Cause::Deadline }));
    assert_eq!(visit.session.alarms(), CustomerAlarm::CredentialLeft.bit());
}

#[test]
fn a_served_customer_pays_once_and_leaves_nothing() {
    let mut visit = Visit::begin(Credential::Card);
    let mut events = Vec::new();
    for input in [
        Input::Authentication(true),
        Input::Choose,
        Input::Device(DeviceReport::CardRemoved),
        Input::Applied,
        Input::Ready,
        Input::Payment(PaymentReport::Held),
        Input::MayPrint,
        Input::Payment(PaymentReport::Captured),
        Input::Device(DeviceReport::Printed),
        Input::Erased { verified: true, cause: Cause::Delivered },
        Input::Device(DeviceReport::PaperTaken),
    ] {
        events.extend(visit.give(input));
    }
    let about = Warning::Credential;
    assert_eq!(
        events,
        [
            CustomerEvent::Warn { channel: Channel::Screen, about },
            CustomerEvent::WarningOver { about },
            CustomerEvent::Apply,
            CustomerEvent::HoldPayment,
            CustomerEvent::AskToPrint,
            CustomerEvent::CapturePayment,
            CustomerEvent::Print,
            CustomerEvent::Erase { cause: Cause::Delivered },
            CustomerEvent::Finished { delivered: true, out_of_service: false },
        ]
    );
    assert_eq!(visit.session.alarms(), 0);
}

#[test]
fn data_is_erased_when_the_last_page_is_out_however_long_the_paper_lies() {
    let mut visit = Visit::printing();
    let erase = CustomerEvent::Erase { cause: Cause::Delivered };
    assert!(visit.give(Input::Device(DeviceReport::Printed)).contains(&erase));
    assert!(!visit.pass(Duration::from_secs(3600)).contains(&erase));
}

#[test]
fn forgotten_paper_is_warned_of_by_voice_and_screen_and_goes_to_the_police() {
    let mut visit = Visit::printing();
    visit.give(Input::Payment(PaymentReport::Captured));
    visit.give(Input::Device(DeviceReport::Printed));
    visit.give(Input::Erased { verified: true, cause: Cause::Delivered });
    let events = visit.pass(Duration::from_secs(60));
    // After 5, 15, 25, 35, 45 and 55 seconds.
    assert_eq!(warnings(&events, Channel::Voice, Warning::Paper), 6);
    assert_eq!(warnings(&events, Channel::Screen, Warning::Paper), 6);
    let report =
        CustomerEvent::ForgottenPaper { session: SESSION, kiosk: StationName::new("kiosk-1").unwrap(), at: visit.now };
    assert!(events.contains(&report));
    assert_eq!(visit.session.alarms(), CustomerAlarm::PaperForgotten.bit());
    // The attendant takes it into keeping: that ends the warnings, and clears no alarm.
    let over = |about| CustomerEvent::WarningOver { about };
    let end = CustomerEvent::Finished { delivered: true, out_of_service: false };
    assert_eq!(visit.give(Input::Acknowledge), [over(Warning::Attendant), over(Warning::Paper), end]);
    assert_eq!(visit.session.alarms(), CustomerAlarm::PaperForgotten.bit());
}

#[test]
fn an_acknowledged_warning_is_silent_and_the_paper_is_forgotten_all_the_same() {
    let mut visit = Visit::printing();
    visit.give(Input::Device(DeviceReport::Printed));
    assert_eq!(warnings(&visit.pass(Duration::from_secs(20)), Channel::Voice, Warning::Paper), 2);
    visit.give(Input::Acknowledge);
    let events = visit.pass(Duration::from_secs(40));
    assert_eq!(warnings(&events, Channel::Voice, Warning::Paper), 0);
    assert!(events.iter().any(|event| matches!(event, CustomerEvent::ForgottenPaper { .. })));
}

#[test]
fn a_jam_after_the_fee_was_asked_for_is_paid_undelivered_whatever_comes_later() {
    let mut visit = Visit::printing();
    let events = visit.give(Input::Device(DeviceReport::Jam));
    let owed = CustomerEvent::PaidUndelivered { session: SESSION, captured: false };
    assert_eq!(events[..3], [CustomerEvent::Erase { cause: Cause::DeviceFault }, CustomerEvent::AbortPrint, owed]);
    visit.give(Input::Payment(PaymentReport::Captured));
    visit.give(Input::Erased { verified: true, cause: Cause::DeviceFault });
    visit.give(Input::Acknowledge);
    assert!(visit.session.is_finished());
    assert_ne!(visit.session.alarms() & CustomerAlarm::PaidUndelivered.bit(), 0);
}

#[test]
fn a_jam_before_printing_gives_the_hold_back() {
    let mut visit = Visit::begin(Credential::Card);
    for input in [Input::Authentication(true), Input::Choose, Input::Device(DeviceReport::CardRemoved)] {
        visit.give(input);
    }
    visit.give(Input::Applied);
    visit.give(Input::Ready);
    visit.give(Input::Payment(PaymentReport::Held));
    let events = visit.give(Input::Device(DeviceReport::Jam));
    assert_eq!(events[..2], [CustomerEvent::Erase { cause: Cause::DeviceFault }, CustomerEvent::ReleasePayment]);
}

#[test]
fn an_abandoned_payment_erases() {
    for abandon in [true, false] {
        let mut visit = Visit::begin(Credential::Card);
        for input in [Input::Authentication(true), Input::Choose, Input::Device(DeviceReport::CardRemoved)] {
            visit.give(input);
        }
        visit.give(Input::Applied);
        visit.give(Input::Ready);
        let (events, cause) = if abandon {
            (visit.give(Input::Payment(PaymentReport::Abandoned)), Cause::Cancelled)
        } else {
            (visit.pass(Duration::from_secs(90)), Cause::Deadline)
        };
        assert_eq!(events, [CustomerEvent::Erase { cause }, CustomerEvent::ReleasePayment]);
        // Too late: nothing is held any more, and nothing is printed.
        let late = visit.session.handle_payment(visit.now, PaymentReport::Held);
        assert_eq!(late, Err(Error::WrongState { command: "this report of the payment terminal" }));
    }
}

#[test]
fn outputs_that_nobody_takes_stay_few_and_lose_nothing_that_comes_once() {
    let mut session = begin(Credential::Card);
    let now = at(0);
    for input in [
        Input::Authentication(true),
        Input::Choose,
        Input::Device(DeviceReport::CardRemoved),
        Input::Applied,
        Input::Ready,
        Input::Payment(PaymentReport::Held),
        Input::MayPrint,
        Input::Device(DeviceReport::Printed),
    ] {
        input.give(&mut session, now).unwrap();
    }
    for _ in 0..1_000 {
        for input in [Input::Device(DeviceReport::Jam), Input::Acknowledge, Input::Device(DeviceReport::DoorOpened)] {
            input.give(&mut session, now).unwrap();
        }
    }
    for time in 1..1_000 {
        session.handle_timeout(at(time));
    }
    let (events, alarms) = drain(&mut session);
    assert!(events.len() <= EVENTS && alarms.len() <= ALARMS);
    for once in [
        CustomerEvent::Apply,
        CustomerEvent::CapturePayment,
        CustomerEvent::Print,
        CustomerEvent::Erase { cause: Cause::Delivered },
        CustomerEvent::Finished { delivered: true, out_of_service: true },
    ] {
        assert!(events.contains(&once), "{once:?}");
    }
}

#[test]
fn a_policy_without_sense_is_refused() {
    let begin = |policy| CustomerSession::begin(at(0), policy, "kiosk-1", Credential::Card).map(|_| ());
    let refused = |policy| assert!(matches!(begin(policy), Err(Error::Malformed { .. })));
    assert_eq!(begin(CustomerPolicy::default()), Ok(()));
    refused(CustomerPolicy { reminder: Duration::from_micros(999), ..CustomerPolicy::default() });
    let default = CustomerPolicy::default();
    refused(CustomerPolicy { attendance: default.paper_forgotten, ..default });
    assert!(CustomerSession::begin(at(0), default, "a\nname", Credential::Card).is_err());
}

#[test]
fn numbers_of_reports_are_their_places() {
    for report in DeviceReport::ALL {
        assert_eq!(DeviceReport::from_number(report as u8), Some(report));
    }
    for report in PaymentReport::ALL {
        assert_eq!(PaymentReport::from_number(report as u8), Some(report));
    }
    for number in 1..=9 {
        assert_eq!(CustomerState::from_number(number).map(|state| state as u8), Some(number));
    }
    assert_eq!((DeviceReport::from_number(0), PaymentReport::from_number(5)), (None, None));
}
