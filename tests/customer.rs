//! A customer at a kiosk, with the real machines and cryptography behind it: both are driven as a host drives them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use shokyo::buffer::Cause;
use shokyo::handover::customer::{Credential, CustomerAlarm, CustomerState, DeviceReport, PaymentReport};
use shokyo::handover::{CustomerEvent, CustomerPolicy, CustomerSession, KioskEvent, Outcome, Record};
use shokyo::types::{Now, Time};
use world::World;

/// A kiosk with its devices; the transaction begins when the customer session says so.
struct Counter {
    customer: CustomerSession,
    now: Now,
    world: Option<World>,
    document: Vec<u8>,
    events: Vec<CustomerEvent>,
    alarms: Vec<Record>,
    /// What happens instead of the last page.
    instead_of_printed: Option<DeviceReport>,
    pays: bool,
}

impl Counter {
    fn with_card(document: &[u8]) -> Self {
        let now = Now { monotonic: Time(1_000_000), unix_ms: 1_790_000_000_000 };
        let customer = CustomerSession::begin(now, CustomerPolicy::default(), "kiosk-1", Credential::Card).unwrap();
        let document = document.to_vec();
        let (events, alarms) = (Vec::new(), Vec::new());
        Self { customer, now, world: None, document, events, alarms, instead_of_printed: None, pays: true }
    }

    /// Runs until neither machine moves.
    fn run(&mut self) {
        for _ in 0..10_000 {
            let mut moved = false;
            while let Some(event) = self.customer.poll_event() {
                moved = true;
                self.events.push(event);
                self.carry_out(event);
            }
            while let Some(persist) = self.customer.poll_persist() {
                self.alarms.push(persist.record);
            }
            let mut told = Vec::new();
            if let Some(world) = &mut self.world {
                moved |= world.persist_all();
                while let Some(event) = world.kiosk.poll_event() {
                    told.push(event);
                }
                // Records were written above: the kiosk's events are this host's, not that of the world.
                moved |= told.is_empty() && (world.collect() | world.deliver_one());
            }
            for event in told {
                moved = true;
                self.customer.handle_kiosk(self.now, &event).unwrap();
                if let (KioskEvent::Erased { .. }, Some(world)) = (&event, &mut self.world) {
                    assert!(world.kiosk.document().is_err());
                }
            }
            if !moved {
                return;
            }
        }
        panic!("the kiosk never comes to rest");
    }

    fn carry_out(&mut self, event: CustomerEvent) {
        let now = self.now;
        match event {
            CustomerEvent::Apply => {
                let mut world = World::new(&self.document);
                world.hold_records = true;
                world.auto_deliver = false;
                self.world = Some(world);
            }
            CustomerEvent::HoldPayment if self.pays => self.customer.handle_payment(now, PaymentReport::Held).unwrap(),
            CustomerEvent::AskToPrint => self.world.as_mut().unwrap().kiosk.print(now).unwrap(),
            CustomerEvent::CapturePayment => self.customer.handle_payment(now, PaymentReport::Captured).unwrap(),
            CustomerEvent::Print => {
                self.world.as_mut().unwrap().read_document();
                let report = self.instead_of_printed.unwrap_or(DeviceReport::Printed);
                self.customer.handle_device(now, report).unwrap();
            }
            CustomerEvent::Erase { cause } => match (&mut self.world, cause) {
                (Some(world), Cause::Delivered) => world.kiosk.delivered(now).unwrap(),
                (Some(world), cause) => world.kiosk.cancel(now, cause),
                (None, _) => {}
            },
            _ => {}
        }
    }

    fn pass(&mut self, duration: Duration) {
        self.now.monotonic = self.now.monotonic.after(duration);
        self.customer.handle_timeout(self.now);
        self.run();
    }

    /// Card in, authenticated, chosen.
    fn choose(&mut self) {
        self.customer.handle_authentication(self.now, true).unwrap();
        self.customer.choose(self.now).unwrap();
        self.run();
    }

    fn take_card(&mut self) {
        self.customer.handle_device(self.now, DeviceReport::CardRemoved).unwrap();
        self.run();
    }

    fn outcome(&self) -> Option<Outcome> {
        self.world.as_ref().unwrap().outcome(3)
    }
}

#[test]
fn a_customer_gets_the_document_and_both_machines_come_to_their_end() {
    let document = vec![0x42; 40_000];
    let mut counter = Counter::with_card(&document);
    counter.choose();
    assert!(counter.world.is_none(), "nothing is applied for while the card is in the reader");
    counter.take_card();
    assert_eq!(counter.world.as_ref().unwrap().read_back.as_deref(), Some(&document[..]));
    assert_eq!(counter.customer.state(), CustomerState::Closing);
    assert_eq!(
        counter.outcome(),
        Some(Outcome::Complete),
        "erased and acknowledged, while the paper still lies in the tray"
    );
    counter.customer.handle_device(counter.now, DeviceReport::PaperTaken).unwrap();
    counter.run();
    assert_eq!(counter.events.last(), Some(&CustomerEvent::Finished { delivered: true, out_of_service: false }));
    assert_eq!(counter.alarms, []);
}

#[test]
fn a_jam_erases_at_once_and_the_fee_is_owed() {
    for fault in [DeviceReport::Jam, DeviceReport::DoorOpened] {
        let mut counter = Counter::with_card(&[0x42; 40_000]);
        counter.instead_of_printed = Some(fault);
        counter.choose();
        counter.take_card();
        // Whether pages came out is unknown to the handover.
        assert_eq!(counter.outcome(), Some(Outcome::Unresolved));
        let session = counter.customer.session();
        assert_eq!(session, counter.world.as_ref().unwrap().kiosk.id());
        assert!(counter.events.contains(&CustomerEvent::PaidUndelivered { session, captured: true }));
        let what = CustomerAlarm::PaidUndelivered.text();
        assert!(counter.alarms.contains(&Record::Alarm { session, what }));
    }
}

#[test]
fn an_unpaid_document_is_erased_when_the_time_to_pay_is_over() {
    let mut counter = Counter::with_card(&[0x42; 40_000]);
    counter.pays = false;
    counter.choose();
    counter.take_card();
    assert_eq!(counter.customer.state(), CustomerState::Paying);
    assert!(counter.world.as_ref().unwrap().kiosk.document().is_ok());
    counter.pass(Duration::from_secs(90));
    assert!(counter.world.as_ref().unwrap().kiosk.document().is_err());
    assert_eq!(counter.outcome(), Some(Outcome::Ended));
    assert_eq!(counter.events.last(), Some(&CustomerEvent::Finished { delivered: false, out_of_service: false }));
}
