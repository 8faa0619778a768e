//! A customer's session for C: who may see the issuing screen and when, when the fee is taken, what becomes of forgotten paper, and
//! that every way out erases. Its numbers stand in `customer_words.rs`.

use std::ffi::c_void;
use std::time::Duration;

use super::arguments::{BytesOut, Out, PublicStruct, StructOut, read_struct};
use super::boundary::{Failure, guarded};
use super::clock::{read_now, shokyo_now};
use super::customer_words::{SHOKYO_CREDENTIAL_CARD, SHOKYO_CREDENTIAL_PHONE, shokyo_customer_event};
use super::event::{cause_of_end, shokyo_event};
use super::handles::{Handle, Kind, Place};
use super::machine::{self, Drive, Driven};
use super::record::{self, shokyo_record};
use super::shokyo_status;
use super::station::{shokyo_station, station_of};
use crate::error::Error;
use crate::handover::customer::{Credential, CustomerPolicy, DeviceReport, PaymentReport};
use crate::handover::{CustomerSession, Persist};
use crate::types::{Now, Role, Time};

/// One customer at a kiosk, and at most one document. It drives nothing itself: it says what must be done next. A handle, not an address.
pub struct shokyo_customer {
    _opaque: [u8; 0],
}

/// How long a customer may take for each step, in milliseconds. 0 in a field stands for its default.
///
/// payment, start and printing together must stay within deadlines.deliver of the configuration, after which the transaction erases
/// whatever the customer does.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_customer_policy {
    /// sizeof(shokyo_customer_policy).
    pub struct_size: u32,
    /// To show whose the credential is. Default: 60000.
    pub authentication: u32,
    /// To choose a document. Default: 120000.
    pub choice: u32,
    /// Between reminders to take the card. Default: 5000.
    pub reminder: u32,
    /// To take the card, once the document is chosen; then the card counts as left. Default: 60000.
    pub removal: u32,
    /// From the application until the document is here. Default: 150000.
    pub document: u32,
    /// To pay. Default: 90000.
    pub payment: u32,
    /// From asking to print until that is on record. Default: 10000.
    pub start: u32,
    /// To print every page. Default: 180000.
    pub printing: u32,
    /// From the last page to the first warning of paper in the tray. Default: 5000.
    pub paper_warning: u32,
    /// Between such warnings. Default: 10000.
    pub paper_repeat: u32,
    /// From the last page until the paper counts as forgotten. Default: 60000.
    pub paper_forgotten: u32,
    /// From the erasure, a jam or an opened door until everything has left the kiosk and its attendant has come. It must be longer than
    /// paper_forgotten. Default: 600000.
    pub attendance: u32,
}

/// Where a customer's session stands.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct shokyo_customer_info {
    /// sizeof(shokyo_customer_info), set by the caller.
    pub struct_size: u32,
    /// Which screen to show: one of SHOKYO_CUSTOMER_STATE_.
    pub state: u32,
    /// Every alarm that was raised, as SHOKYO_ALARM_ flags. None is ever taken back.
    pub alarms: u32,
    /// 1 when nothing is left to do and every event was taken: then the session is to be freed; otherwise 0.
    pub finished: u32,
    /// The transaction's session; zeros before there is one.
    pub session: [u8; 32],
}

// SAFETY: `repr(C)`, the size first, and twelve more 32-bit integers without padding.
unsafe impl PublicStruct for shokyo_customer_policy {
    const NAME: &'static str = "policy";
    const LEAST: usize = 4;
}

// SAFETY: `repr(C)`, the size first, three 32-bit integers and bytes without padding.
unsafe impl PublicStruct for shokyo_customer_info {
    const NAME: &'static str = "info";
    const LEAST: usize = 48;
}

/// What is behind the handle.
pub(super) struct CustomerDrive(CustomerSession);

impl Handle for shokyo_customer {
    type Object = Driven<CustomerDrive>;
    const KIND: Kind = Kind::Customer;
    const NAME: &'static str = "the customer";
}

impl Drive for CustomerDrive {
    type Handle = shokyo_customer;

    // Nothing waits for an alarm to be written.
    fn handle_written(&mut self, _: Now, _: u64, _: &Result<(), Error>) {}

    fn next_deadline(&self) -> Option<Time> {
        self.0.next_deadline()
    }

    fn poll_persist(&mut self) -> Option<Persist> {
        self.0.poll_persist()
    }
}

/// Begins with a card in the reader, or a phone connected. Then give it what devices, terminal and transaction report, and after every
/// input do what shokyo_customer_poll_event says, in that order.
///
/// station: a kiosk's; stays the caller's. now: the time. policy: NULL for the defaults. credential: one of SHOKYO_CREDENTIAL_. customer:
/// receives the handle, which the caller owns and gives to shokyo_customer_free.
/// Threads: any; one session is for one thread at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, VAULT_POISONED; MISMATCH when the station is no kiosk; MALFORMED for a policy that makes no
/// sense; HANDLES_EXHAUSTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_begin(
    station: *const shokyo_station,
    now: *const shokyo_now,
    policy: *const shokyo_customer_policy,
    credential: u32,
    customer: *mut *mut shokyo_customer,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a handle.
        let out = unsafe { Out::new(customer, "customer") }?;
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        let policy = if policy.is_null() {
            shokyo_customer_policy::default()
        } else {
            // SAFETY: the caller gives a struct of the size that it states.
            unsafe { read_struct(policy) }?
        };
        let credential = match credential {
            SHOKYO_CREDENTIAL_CARD => Credential::Card,
            SHOKYO_CREDENTIAL_PHONE => Credential::Phone,
            _ => return Err(Failure::Argument("credential", "is none of SHOKYO_CREDENTIAL_")),
        };
        let station = station_of(station)?;
        call.uses(station.vault())?;
        if station.role() != Role::Kiosk {
            return Err(Error::Mismatch { what: "the station's role" }.into());
        }
        let place = Place::reserve()?;
        let session = CustomerSession::begin(now, policy.to_library(), &station.config().station, credential)?;
        out.write(place.fill(Driven::new(&station, CustomerDrive(session))));
        Ok(())
    })
}

/// Says whether it was found out whose the credential is: what was found out stays with the host.
///
/// customer: stays the caller's. now: the time. accepted: 1 for yes, 0 for no.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE unless that is being awaited.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_handle_authentication(
    customer: *mut shokyo_customer,
    now: *const shokyo_now,
    accepted: u32,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        let accepted = match accepted {
            0 => false,
            1 => true,
            _ => return Err(Failure::Argument("accepted", "is neither 0 nor 1")),
        };
        Ok(machine::input::<CustomerDrive, _>(call, customer, now, |drive| {
            drive.0.handle_authentication(now, accepted)
        })??)
    })
}

/// Says what a device reports.
///
/// customer: stays the caller's. now: the time. report: one of SHOKYO_DEVICE_.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when it cannot be now: nothing was changed. A jam
/// or an opened door is never refused before the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_handle_device(
    customer: *mut shokyo_customer,
    now: *const shokyo_now,
    report: u32,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        let report = u8::try_from(report).ok().and_then(DeviceReport::from_number);
        let report = report.ok_or(Failure::Argument("report", "is none of SHOKYO_DEVICE_"))?;
        Ok(machine::input::<CustomerDrive, _>(call, customer, now, |drive| drive.0.handle_device(now, report))??)
    })
}

/// Says what the payment terminal reports.
///
/// customer: stays the caller's. now: the time. report: one of SHOKYO_PAYMENT_.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when it cannot be now: nothing was changed. A hold
/// that is refused here is one that SHOKYO_CUSTOMER_EVENT_RELEASE_PAYMENT has withdrawn.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_handle_payment(
    customer: *mut shokyo_customer,
    now: *const shokyo_now,
    report: u32,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        let report = u8::try_from(report).ok().and_then(PaymentReport::from_number);
        let report = report.ok_or(Failure::Argument("report", "is none of SHOKYO_PAYMENT_"))?;
        Ok(machine::input::<CustomerDrive, _>(call, customer, now, |drive| drive.0.handle_payment(now, report))??)
    })
}

/// Says what the transaction reports: every event that shokyo_kiosk_poll_event gives of the one that SHOKYO_CUSTOMER_EVENT_APPLY began.
///
/// customer: stays the caller's. now: the time. event: as it was given, read during the call.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, also for an event that no kiosk gives; INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when it
/// cannot be now: nothing was changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_handle_kiosk(
    customer: *mut shokyo_customer,
    now: *const shokyo_now,
    event: *const shokyo_event,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        // SAFETY: as above.
        let event = unsafe { read_struct(event) }?.to_kiosk()?;
        Ok(machine::input::<CustomerDrive, _>(call, customer, now, |drive| match &event {
            Some(event) => drive.0.handle_kiosk(now, event),
            None => Ok(()),
        })??)
    })
}

/// Says that shokyo_kiosk_apply failed: there is no transaction, and none will report.
///
/// customer: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE unless SHOKYO_CUSTOMER_EVENT_APPLY was the last step.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_handle_apply_failed(
    customer: *mut shokyo_customer,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        Ok(machine::input::<CustomerDrive, _>(call, customer, now, |drive| drive.0.handle_apply_failed(now))??)
    })
}

/// Acts on what has become due: no report is needed to erase. To be called when shokyo_customer_next_deadline has come.
///
/// customer: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_handle_timeout(
    customer: *mut shokyo_customer,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::input::<CustomerDrive, _>(call, customer, now, |drive| drive.0.handle_timeout(now))
    })
}

/// Says that the customer has chosen a document and confirmed it. SHOKYO_CUSTOMER_EVENT_APPLY follows at once if the credential is gone, else
/// when it goes.
///
/// customer: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE unless a choice is awaited.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_choose(
    customer: *mut shokyo_customer,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        Ok(machine::input::<CustomerDrive, _>(call, customer, now, |drive| drive.0.choose(now))??)
    })
}

/// Says that the attendant is there: warnings of paper end, a fault is seen to, and a forgotten certificate is taken into keeping.
///
/// customer: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when there is nothing to acknowledge.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_acknowledge(
    customer: *mut shokyo_customer,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        Ok(machine::input::<CustomerDrive, _>(call, customer, now, |drive| drive.0.acknowledge(now))??)
    })
}

/// Ends the session without delivery, from any state: the customer gave up, or the kiosk is shut down. Afterwards it does nothing.
///
/// customer: stays the caller's. now: the time. cause: one of SHOKYO_CAUSE_, but DELIVERED and HANDED_OVER.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_cancel(
    customer: *mut shokyo_customer,
    now: *const shokyo_now,
    cause: u32,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        let cause = cause_of_end(cause)?;
        Ok(machine::input::<CustomerDrive, _>(call, customer, now, |drive| drive.0.cancel(now, cause))??)
    })
}

/// Waits until the alarms that were raised are durable in the station's store. Nothing else waits for them.
///
/// customer: stays the caller's. now: the time.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the host keeps the records; STORE when the disk
/// refuses one, which is written as soon as the disk takes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_store_records(
    customer: *mut shokyo_customer,
    now: *const shokyo_now,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let now = unsafe { read_now(now) }?;
        machine::store_records::<CustomerDrive>(call, customer, now)
    })
}

/// Gives the next alarm of a station that was opened with records_by_host. It is given once, and not to be confirmed.
///
/// customer: stays the caller's. record: with its struct_size set; receives the record, of kind SHOKYO_RECORD_NONE when none waits.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED; WRONG_STATE when the station's store keeps the records.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_poll_record(
    customer: *mut shokyo_customer,
    record: *mut shokyo_record,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let record = unsafe { StructOut::new(record) }?;
        let (mut length, nothing) = (0, std::ptr::null_mut::<c_void>());
        // SAFETY: an alarm has no bytes, and their number has a place here.
        let bytes = unsafe { BytesOut::new(nothing, 0, &raw mut length, "receipt") }?;
        record::poll::<CustomerDrive>(call, customer, record, bytes)
    })
}

/// Gives the next thing to do. It is given once.
///
/// customer: stays the caller's. event: with its struct_size set; receives the event, of kind SHOKYO_CUSTOMER_EVENT_NONE when none waits.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_poll_event(
    customer: *mut shokyo_customer,
    event: *mut shokyo_customer_event,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let out = unsafe { StructOut::new(event) }?;
        let event = machine::look::<CustomerDrive, _>(call, customer, |drive| drive.0.poll_event())?;
        out.write(event.map_or(shokyo_customer_event::NONE, Into::into));
        Ok(())
    })
}

/// Tells where the session stands.
///
/// customer: stays the caller's. info: with its struct_size set; receives the answer.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_describe(
    customer: *const shokyo_customer,
    info: *mut shokyo_customer_info,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a struct of the size that it states.
        let info = unsafe { StructOut::new(info) }?;
        info.write(machine::look::<CustomerDrive, _>(call, customer, |drive| shokyo_customer_info {
            struct_size: 0,
            state: drive.0.state() as u32,
            alarms: drive.0.alarms(),
            finished: (drive.0.is_finished() && !drive.0.has_output()).into(),
            session: drive.0.session().0,
        })?);
        Ok(())
    })
}

/// Tells when shokyo_customer_handle_timeout must be called at the latest. It changes with every input.
///
/// customer: stays the caller's. monotonic_ms: receives the time on the clock of shokyo_now. is_some: receives whether there is one.
/// Threads: any, one at a time. Signals: not safe in a signal handler.
/// Errors: INVALID_ARGUMENT, INVALID_HANDLE, HANDLE_IN_USE, VAULT_POISONED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_next_deadline(
    customer: *const shokyo_customer,
    monotonic_ms: *mut u64,
    is_some: *mut bool,
) -> shokyo_status {
    guarded(|call| {
        // SAFETY: the caller gives NULL or a place for a number.
        let monotonic_ms = unsafe { Out::new(monotonic_ms, "monotonic_ms") }?;
        // SAFETY: the caller gives NULL or a place for the answer.
        let is_some = unsafe { Out::new(is_some, "is_some") }?;
        machine::next_deadline::<CustomerDrive>(call, customer, monotonic_ms, is_some)
    })
}

/// Gives up the handle. A session that is not over ends nothing by that: cancel it before, and do what it says.
///
/// customer: no longer valid afterwards. NULL does nothing and succeeds.
/// Threads: any. Signals: not safe in a signal handler.
/// Errors: INVALID_HANDLE, for instance for a session that was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shokyo_customer_free(customer: *mut shokyo_customer) -> shokyo_status {
    guarded(|call| machine::free::<CustomerDrive>(call, customer))
}

impl shokyo_customer_policy {
    fn to_library(self) -> CustomerPolicy {
        let mut policy = CustomerPolicy::default();
        for (duration, asked) in [
            (&mut policy.authentication, self.authentication),
            (&mut policy.choice, self.choice),
            (&mut policy.reminder, self.reminder),
            (&mut policy.removal, self.removal),
            (&mut policy.document, self.document),
            (&mut policy.payment, self.payment),
            (&mut policy.start, self.start),
            (&mut policy.printing, self.printing),
            (&mut policy.paper_warning, self.paper_warning),
            (&mut policy.paper_repeat, self.paper_repeat),
            (&mut policy.paper_forgotten, self.paper_forgotten),
            (&mut policy.attendance, self.attendance),
        ] {
            if asked != 0 {
                *duration = Duration::from_millis(asked.into());
            }
        }
        policy
    }
}
