//! A customer's session and the transaction that it orders, both through the C interface, as a kiosk's software carries them out.

use std::ptr::{null, null_mut};

use shokyo::ffi::shokyo_status as Status;
use shokyo::ffi::*;
use shokyo::types::Role;

use crate::town::*;

struct Counter {
    town: Town,
    customer: *mut shokyo_customer,
    told: Vec<shokyo_customer_event>,
    printed: Vec<u8>,
}

impl Counter {
    fn new() -> Self {
        let town = Town::new();
        let mut customer = null_mut();
        let begun = unsafe {
            shokyo_customer_begin(town.kiosk_station, &town.now, null(), SHOKYO_CREDENTIAL_CARD, &mut customer)
        };
        ok(begun);
        Self { town, customer, told: Vec::new(), printed: Vec::new() }
    }

    /// What the kiosk's software does after every input, until neither moves.
    fn carry_out(&mut self) {
        for _ in 0..100 {
            let mut event = no_customer_event();
            ok(unsafe { shokyo_customer_poll_event(self.customer, &mut event) });
            if event.kind == SHOKYO_CUSTOMER_EVENT_NONE {
                let before = self.town.events.len();
                self.town.run();
                for (role, _, event) in &self.town.events[before..] {
                    if *role == Role::Kiosk {
                        ok(unsafe { shokyo_customer_handle_kiosk(self.customer, &self.town.now, event) });
                    }
                }
                if self.town.events.len() == before {
                    ok(unsafe { shokyo_customer_store_records(self.customer, &self.town.now) });
                    return;
                }
                continue;
            }
            self.told.push(event);
            let (kiosk, now) = (self.town.kiosk, self.town.now);
            match event.kind {
                SHOKYO_CUSTOMER_EVENT_APPLY => self.town.apply(),
                SHOKYO_CUSTOMER_EVENT_ASK_TO_PRINT => ok(unsafe { shokyo_kiosk_print(kiosk, &now) }),
                SHOKYO_CUSTOMER_EVENT_PRINT => {
                    let (outcome, pages) = self.town.read();
                    ok(outcome);
                    self.printed = pages;
                }
                SHOKYO_CUSTOMER_EVENT_ERASE if kiosk.is_null() => {}
                SHOKYO_CUSTOMER_EVENT_ERASE if event.cause == SHOKYO_CAUSE_DELIVERED => {
                    ok(unsafe { shokyo_kiosk_delivered(kiosk, &now) })
                }
                SHOKYO_CUSTOMER_EVENT_ERASE => ok(unsafe { shokyo_kiosk_cancel(kiosk, &now, event.cause) }),
                _ => {}
            }
        }
        panic!("the counter never comes to rest");
    }

    fn device(&mut self, report: u32) {
        ok(unsafe { shokyo_customer_handle_device(self.customer, &self.town.now, report) });
        self.carry_out();
    }

    fn terminal(&mut self, report: u32) {
        ok(unsafe { shokyo_customer_handle_payment(self.customer, &self.town.now, report) });
        self.carry_out();
    }

    fn choose(&mut self) {
        unsafe {
            ok(shokyo_customer_handle_authentication(self.customer, &self.town.now, 1));
            ok(shokyo_customer_choose(self.customer, &self.town.now));
        }
        self.carry_out();
    }

    fn wait(&mut self, milliseconds: u64) {
        self.town.pass(milliseconds);
        ok(unsafe { shokyo_customer_handle_timeout(self.customer, &self.town.now) });
        self.carry_out();
    }

    fn describe(&self) -> shokyo_customer_info {
        let mut info = no_customer();
        ok(unsafe { shokyo_customer_describe(self.customer, &mut info) });
        info
    }

    fn was_told(&self, kind: u32) -> Option<&shokyo_customer_event> {
        self.told.iter().find(|event| event.kind == kind)
    }

    fn close(mut self) -> Town {
        ok(unsafe { shokyo_customer_free(self.customer) });
        self.town.close();
        self.town
    }
}

#[test]
fn nothing_is_applied_for_while_the_card_is_in_the_reader_and_paper_has_its_own_clock() {
    let mut counter = Counter::new();
    assert_eq!(counter.describe().state, SHOKYO_CUSTOMER_STATE_AUTHENTICATING);
    counter.choose();
    assert_eq!(counter.describe().state, SHOKYO_CUSTOMER_STATE_AWAITING_REMOVAL);
    assert!(counter.was_told(SHOKYO_CUSTOMER_EVENT_APPLY).is_none() && counter.town.kiosk.is_null());
    counter.wait(5_000);
    let warning = counter.was_told(SHOKYO_CUSTOMER_EVENT_WARN).unwrap();
    assert_eq!(warning.about, SHOKYO_WARNING_CREDENTIAL);

    counter.device(SHOKYO_DEVICE_CARD_REMOVED);
    assert!(counter.was_told(SHOKYO_CUSTOMER_EVENT_APPLY).is_some());
    assert_eq!(counter.describe().state, SHOKYO_CUSTOMER_STATE_PAYING, "{:?}", counter.town.refused);
    assert!(counter.was_told(SHOKYO_CUSTOMER_EVENT_PRINT).is_none(), "not before the fee is held");
    counter.terminal(SHOKYO_PAYMENT_HELD);
    assert!(counter.was_told(SHOKYO_CUSTOMER_EVENT_PRINT).is_some());
    assert!(counter.printed == counter.town.document);
    counter.terminal(SHOKYO_PAYMENT_CAPTURED);
    counter.device(SHOKYO_DEVICE_PRINTED);
    // Erased at once, whatever becomes of the paper.
    let erased = *counter.town.happened(Role::Kiosk, SHOKYO_EVENT_ERASED).unwrap();
    assert_eq!((erased.cause, erased.verified), (SHOKYO_CAUSE_DELIVERED, 1));
    assert_eq!((counter.describe().state, counter.describe().alarms), (SHOKYO_CUSTOMER_STATE_CLOSING, 0));
    assert_eq!(counter.describe().session, erased.session);

    counter.wait(60_000);
    let forgotten = *counter.was_told(SHOKYO_CUSTOMER_EVENT_FORGOTTEN_PAPER).unwrap();
    assert_eq!((forgotten.session, text(&forgotten.kiosk)), (erased.session, "kiosk-1"));
    assert_eq!(forgotten.unix_ms, counter.town.now.unix_ms);
    ok(unsafe { shokyo_customer_acknowledge(counter.customer, &counter.town.now) });
    counter.device_or_nothing(SHOKYO_DEVICE_PAPER_TAKEN);
    let info = counter.describe();
    assert_eq!((info.alarms, info.finished), (SHOKYO_ALARM_PAPER_FORGOTTEN, 1), "{info:?}");
    let town = counter.close();
    let alarms = town.records(Role::Kiosk).alarms().unwrap();
    assert!(alarms.iter().any(|alarm| alarm.what.contains("left in the tray")), "{alarms:?}");
}

#[test]
fn a_jam_while_printing_erases_and_owes_the_fee() {
    let mut counter = Counter::new();
    counter.choose();
    counter.device(SHOKYO_DEVICE_CARD_REMOVED);
    counter.terminal(SHOKYO_PAYMENT_HELD);
    counter.device(SHOKYO_DEVICE_JAM);
    let erased = counter.town.happened(Role::Kiosk, SHOKYO_EVENT_ERASED).unwrap();
    assert_eq!((erased.cause, erased.verified), (SHOKYO_CAUSE_DEVICE_FAULT, 1));
    let owed = counter.was_told(SHOKYO_CUSTOMER_EVENT_PAID_UNDELIVERED).unwrap();
    assert_eq!((owed.session, owed.captured), (erased.session, 0));
    assert!(counter.was_told(SHOKYO_CUSTOMER_EVENT_ABORT_PRINT).is_some());
    assert_eq!(counter.describe().alarms, SHOKYO_ALARM_JAM | SHOKYO_ALARM_PAID_UNDELIVERED);
    counter.close();
}

#[test]
fn a_transaction_that_cannot_begin_ends_the_customers_session() {
    let mut counter = Counter::new();
    counter.choose();
    unsafe {
        let early = shokyo_customer_handle_apply_failed(counter.customer, &counter.town.now);
        assert_eq!(early, Status::WrongState);
        ok(shokyo_customer_handle_device(counter.customer, &counter.town.now, SHOKYO_DEVICE_CARD_REMOVED));
        ok(shokyo_customer_handle_apply_failed(counter.customer, &counter.town.now));
    }
    counter.town.kiosk = null_mut();
    let mut kinds = Vec::new();
    loop {
        let mut event = no_customer_event();
        ok(unsafe { shokyo_customer_poll_event(counter.customer, &mut event) });
        if event.kind == SHOKYO_CUSTOMER_EVENT_NONE {
            break;
        }
        kinds.push(event.kind);
    }
    assert!(kinds.ends_with(&[SHOKYO_CUSTOMER_EVENT_ERASE, SHOKYO_CUSTOMER_EVENT_FINISHED]), "{kinds:?}");
    assert_eq!(counter.describe().finished, 1);
    counter.close();
}

#[test]
fn numbers_that_are_none_are_refused_and_change_nothing() {
    let counter = Counter::new();
    let (customer, now) = (counter.customer, counter.town.now);
    unsafe {
        for outcome in [
            shokyo_customer_handle_authentication(customer, &now, 2),
            shokyo_customer_handle_device(customer, &now, 0),
            shokyo_customer_handle_device(customer, &now, SHOKYO_DEVICE_DOOR_CLOSED + 1),
            shokyo_customer_handle_device(customer, &now, 256 + SHOKYO_DEVICE_JAM),
            shokyo_customer_handle_payment(customer, &now, 0),
            shokyo_customer_handle_payment(customer, &now, SHOKYO_PAYMENT_REFUSED + 1),
            shokyo_customer_cancel(customer, &now, SHOKYO_CAUSE_DELIVERED),
            shokyo_customer_handle_kiosk(customer, &now, &of_kind(SHOKYO_EVENT_RELEASED)),
            shokyo_customer_handle_kiosk(customer, &now, &of_kind(SHOKYO_EVENT_NONE)),
            shokyo_customer_handle_kiosk(customer, &now, &of_kind(SHOKYO_EVENT_ERASED)),
            shokyo_customer_handle_kiosk(customer, &now, null()),
            shokyo_customer_poll_event(customer, null_mut()),
        ] {
            assert_eq!(outcome, Status::InvalidArgument, "{}", detail());
        }
        let mut none = null_mut();
        for credential in [0, 3] {
            let outcome = shokyo_customer_begin(counter.town.kiosk_station, &now, null(), credential, &mut none);
            assert_eq!((outcome, none.is_null()), (Status::InvalidArgument, true));
        }
        let policy = shokyo_customer_policy {
            struct_size: sized::<shokyo_customer_policy>(),
            paper_forgotten: 1_000,
            attendance: 1_000,
            ..Default::default()
        };
        let (station, card) = (counter.town.kiosk_station, SHOKYO_CREDENTIAL_CARD);
        assert_eq!(shokyo_customer_begin(station, &now, &policy, card, &mut none), Status::Malformed);
        ok(shokyo_customer_begin(
            station,
            &now,
            &shokyo_customer_policy { authentication: 1_500, attendance: 2_000, ..policy },
            card,
            &mut none,
        ));
        let (mut deadline, mut is_some) = (0, false);
        ok(shokyo_customer_next_deadline(none, &mut deadline, &mut is_some));
        assert_eq!((deadline, is_some), (now.monotonic_ms + 1_500, true));
        ok(shokyo_customer_free(none));
    }
    assert_eq!(counter.describe().state, SHOKYO_CUSTOMER_STATE_AUTHENTICATING);
    assert_eq!(counter.describe().alarms, 0);
    counter.close();
}

impl Counter {
    /// Paper that counts as forgotten may still be in the tray, or may not.
    fn device_or_nothing(&mut self, report: u32) {
        let _ = unsafe { shokyo_customer_handle_device(self.customer, &self.town.now, report) };
        self.carry_out();
    }
}
