//! What a customer's session is told and tells, for C: the numbers of `handover/customer/words.rs`.

use std::ffi::c_char;

use super::arguments::{PublicStruct, fixed};
use crate::handover::CustomerEvent;
use crate::types::SessionId;

/// A card in the reader. It is gone at SHOKYO_DEVICE_CARD_REMOVED.
pub const SHOKYO_CREDENTIAL_CARD: u32 = 1;
/// A phone. It is gone at SHOKYO_DEVICE_CREDENTIAL_RELEASED.
pub const SHOKYO_CREDENTIAL_PHONE: u32 = 2;

/// The card was taken out of the reader.
pub const SHOKYO_DEVICE_CARD_REMOVED: u32 = 1;
/// The connection to the phone is closed, and what was read from it for the connection is gone.
pub const SHOKYO_DEVICE_CREDENTIAL_RELEASED: u32 = 2;
/// Every page is printed and lies in the tray.
pub const SHOKYO_DEVICE_PRINTED: u32 = 3;
/// The tray is empty.
pub const SHOKYO_DEVICE_PAPER_TAKEN: u32 = 4;
/// Paper is jammed, or the printer failed.
pub const SHOKYO_DEVICE_JAM: u32 = 5;
/// The door was opened.
pub const SHOKYO_DEVICE_DOOR_OPENED: u32 = 6;
/// The door is closed and locked.
pub const SHOKYO_DEVICE_DOOR_CLOSED: u32 = 7;

/// The fee is held: authorised, or in escrow, and not yet taken.
pub const SHOKYO_PAYMENT_HELD: u32 = 1;
/// The customer gave up.
pub const SHOKYO_PAYMENT_ABANDONED: u32 = 2;
/// The fee is taken.
pub const SHOKYO_PAYMENT_CAPTURED: u32 = 3;
/// The hold, or the capture, was refused.
pub const SHOKYO_PAYMENT_REFUSED: u32 = 4;

/// The credential is there; whose it is, is being checked.
pub const SHOKYO_CUSTOMER_STATE_AUTHENTICATING: u32 = 1;
/// The customer chooses a document.
pub const SHOKYO_CUSTOMER_STATE_CHOOSING: u32 = 2;
/// Chosen. The credential must leave before anything is applied for.
pub const SHOKYO_CUSTOMER_STATE_AWAITING_REMOVAL: u32 = 3;
/// The issuing screen: the document is being applied for and comes.
pub const SHOKYO_CUSTOMER_STATE_APPLYING: u32 = 4;
/// The document is here; the fee is not held.
pub const SHOKYO_CUSTOMER_STATE_PAYING: u32 = 5;
/// The fee is held; that printing begins is being put on record.
pub const SHOKYO_CUSTOMER_STATE_STARTING: u32 = 6;
/// Pages are being printed.
pub const SHOKYO_CUSTOMER_STATE_PRINTING: u32 = 7;
/// The data is erased; something must still leave the kiosk, or be reported.
pub const SHOKYO_CUSTOMER_STATE_CLOSING: u32 = 8;
/// Nothing is left to do.
pub const SHOKYO_CUSTOMER_STATE_FINISHED: u32 = 9;

/// Spoken, once for each event.
pub const SHOKYO_CHANNEL_VOICE: u32 = 1;
/// Shown, until SHOKYO_CUSTOMER_EVENT_WARNING_OVER.
pub const SHOKYO_CHANNEL_SCREEN: u32 = 2;

/// The card is still in the reader, or the phone still connected.
pub const SHOKYO_WARNING_CREDENTIAL: u32 = 1;
/// The certificate still lies in the tray.
pub const SHOKYO_WARNING_PAPER: u32 = 2;
/// The kiosk needs its attendant.
pub const SHOKYO_WARNING_ATTENDANT: u32 = 3;

/// A credential was left in the kiosk.
pub const SHOKYO_ALARM_CREDENTIAL_LEFT: u32 = 2;
/// The document, or the start of printing, or the printer was not there in time.
pub const SHOKYO_ALARM_OVERDUE: u32 = 4;
/// Paper jammed, or the printer failed.
pub const SHOKYO_ALARM_JAM: u32 = 8;
/// The door was opened while a customer was served.
pub const SHOKYO_ALARM_DOOR_OPENED: u32 = 16;
/// The fee was asked for and the document was not delivered.
pub const SHOKYO_ALARM_PAID_UNDELIVERED: u32 = 32;
/// The document is printed, or is being printed, and the fee could not be taken.
pub const SHOKYO_ALARM_CAPTURE_REFUSED: u32 = 64;
/// Whether the fee was taken was never reported.
pub const SHOKYO_ALARM_CAPTURE_UNREPORTED: u32 = 128;
/// The certificate was left in the tray: it goes to the police.
pub const SHOKYO_ALARM_PAPER_FORGOTTEN: u32 = 256;
/// Erased memory did not read back as erased.
pub const SHOKYO_ALARM_NOT_ERASED: u32 = 512;
/// That the data is erased was never reported.
pub const SHOKYO_ALARM_ERASURE_UNREPORTED: u32 = 1024;
/// Nobody came to the kiosk in time.
pub const SHOKYO_ALARM_UNATTENDED: u32 = 2048;

/// No event waits.
pub const SHOKYO_CUSTOMER_EVENT_NONE: u32 = 0;
/// The credential is gone: show the issuing screen and call shokyo_kiosk_apply; if that fails, shokyo_customer_handle_apply_failed.
pub const SHOKYO_CUSTOMER_EVENT_APPLY: u32 = 1;
/// Show the price, and ask the terminal to hold the fee, not to take it.
pub const SHOKYO_CUSTOMER_EVENT_HOLD_PAYMENT: u32 = 2;
/// Call shokyo_kiosk_print.
pub const SHOKYO_CUSTOMER_EVENT_ASK_TO_PRINT: u32 = 3;
/// Send the pages to the printer, once.
pub const SHOKYO_CUSTOMER_EVENT_PRINT: u32 = 4;
/// Take the fee that is held.
pub const SHOKYO_CUSTOMER_EVENT_CAPTURE_PAYMENT: u32 = 5;
/// Give back the fee that is held, and withdraw the request to hold it.
pub const SHOKYO_CUSTOMER_EVENT_RELEASE_PAYMENT: u32 = 6;
/// Stop the printer; no page may leave it any more.
pub const SHOKYO_CUSTOMER_EVENT_ABORT_PRINT: u32 = 7;
/// Erase: shokyo_kiosk_delivered when cause is SHOKYO_CAUSE_DELIVERED, else shokyo_kiosk_cancel with it if there is a transaction; and
/// whatever the host read from the credential. Once in every session.
pub const SHOKYO_CUSTOMER_EVENT_ERASE: u32 = 8;
/// Warn whoever stands before the kiosk, by channel, about what.
pub const SHOKYO_CUSTOMER_EVENT_WARN: u32 = 9;
/// Take the warning about this off the screen.
pub const SHOKYO_CUSTOMER_EVENT_WARNING_OVER: u32 = 10;
/// The fee was asked for and the document was not delivered: it is to be paid back. captured tells whether the terminal had reported
/// that it is taken; if not, it may have been. Once at most.
pub const SHOKYO_CUSTOMER_EVENT_PAID_UNDELIVERED: u32 = 11;
/// A certificate was left in the tray at the kiosk of this name, and given up at this time: the shop takes it to the police. Once at
/// most.
pub const SHOKYO_CUSTOMER_EVENT_FORGOTTEN_PAPER: u32 = 12;
/// Nothing is left to do. delivered tells whether every page was printed and lay in the tray, out_of_service whether the kiosk must not
/// serve anybody before its attendant has seen to it.
pub const SHOKYO_CUSTOMER_EVENT_FINISHED: u32 = 13;

/// What the host must do next. Fields that the kind does not name are 0. Nothing here names a person.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_customer_event {
    /// sizeof(shokyo_customer_event), set by the caller.
    pub struct_size: u32,
    /// One of SHOKYO_CUSTOMER_EVENT_.
    pub kind: u32,
    /// One of SHOKYO_CAUSE_.
    pub cause: u32,
    /// One of SHOKYO_CHANNEL_.
    pub channel: u32,
    /// One of SHOKYO_WARNING_.
    pub about: u32,
    /// 1 for yes.
    pub captured: u32,
    /// 1 for yes.
    pub delivered: u32,
    /// 1 for yes.
    pub out_of_service: u32,
    /// The session.
    pub session: [u8; 32],
    /// When paper was given up, on the clock of shokyo_now.
    pub monotonic_ms: u64,
    /// The same in milliseconds since 1970-01-01 UTC.
    pub unix_ms: u64,
    /// The kiosk's name, null-terminated, of at most 64 bytes.
    pub kiosk: [c_char; 72],
}

// SAFETY: `repr(C)`, the size first, seven 32-bit integers, bytes, two 64-bit integers and characters without padding (32+32+16+72).
unsafe impl PublicStruct for shokyo_customer_event {
    const NAME: &'static str = "event";
    const LEAST: usize = 152;
}

impl shokyo_customer_event {
    /// Nothing.
    pub(super) const NONE: Self = Self {
        struct_size: 0,
        kind: SHOKYO_CUSTOMER_EVENT_NONE,
        cause: 0,
        channel: 0,
        about: 0,
        captured: 0,
        delivered: 0,
        out_of_service: 0,
        session: [0; 32],
        monotonic_ms: 0,
        unix_ms: 0,
        kiosk: [0; 72],
    };

    const fn of(kind: u32) -> Self {
        Self { kind, ..Self::NONE }
    }

    const fn of_session(kind: u32, session: SessionId) -> Self {
        Self { session: session.0, ..Self::of(kind) }
    }
}

impl From<CustomerEvent> for shokyo_customer_event {
    fn from(event: CustomerEvent) -> Self {
        match event {
            CustomerEvent::Apply => Self::of(SHOKYO_CUSTOMER_EVENT_APPLY),
            CustomerEvent::HoldPayment => Self::of(SHOKYO_CUSTOMER_EVENT_HOLD_PAYMENT),
            CustomerEvent::AskToPrint => Self::of(SHOKYO_CUSTOMER_EVENT_ASK_TO_PRINT),
            CustomerEvent::Print => Self::of(SHOKYO_CUSTOMER_EVENT_PRINT),
            CustomerEvent::CapturePayment => Self::of(SHOKYO_CUSTOMER_EVENT_CAPTURE_PAYMENT),
            CustomerEvent::ReleasePayment => Self::of(SHOKYO_CUSTOMER_EVENT_RELEASE_PAYMENT),
            CustomerEvent::AbortPrint => Self::of(SHOKYO_CUSTOMER_EVENT_ABORT_PRINT),
            CustomerEvent::Erase { cause } => Self { cause: cause as u32, ..Self::of(SHOKYO_CUSTOMER_EVENT_ERASE) },
            CustomerEvent::Warn { channel, about } => {
                Self { channel: channel as u32, about: about as u32, ..Self::of(SHOKYO_CUSTOMER_EVENT_WARN) }
            }
            CustomerEvent::WarningOver { about } => {
                Self { about: about as u32, ..Self::of(SHOKYO_CUSTOMER_EVENT_WARNING_OVER) }
            }
            CustomerEvent::PaidUndelivered { session, captured } => {
                let event = Self::of_session(SHOKYO_CUSTOMER_EVENT_PAID_UNDELIVERED, session);
                Self { captured: captured.into(), ..event }
            }
            CustomerEvent::ForgottenPaper { session, kiosk, at } => Self {
                monotonic_ms: at.monotonic.0,
                unix_ms: at.unix_ms,
                kiosk: fixed(kiosk.as_str()),
                ..Self::of_session(SHOKYO_CUSTOMER_EVENT_FORGOTTEN_PAPER, session)
            },
            CustomerEvent::Finished { delivered, out_of_service } => Self {
                delivered: delivered.into(),
                out_of_service: out_of_service.into(),
                ..Self::of(SHOKYO_CUSTOMER_EVENT_FINISHED)
            },
        }
    }
}

// The header's numbers are the library's own.
const _: () = {
    use crate::handover::customer::{
        Channel, Credential, CustomerAlarm, CustomerState, DeviceReport, PaymentReport, Warning,
    };
    let same = [
        (SHOKYO_CREDENTIAL_CARD, Credential::Card as u32),
        (SHOKYO_CREDENTIAL_PHONE, Credential::Phone as u32),
        (SHOKYO_DEVICE_CARD_REMOVED, DeviceReport::CardRemoved as u32),
        (SHOKYO_DEVICE_CREDENTIAL_RELEASED, DeviceReport::CredentialReleased as u32),
        (SHOKYO_DEVICE_PRINTED, DeviceReport::Printed as u32),
        (SHOKYO_DEVICE_PAPER_TAKEN, DeviceReport::PaperTaken as u32),
        (SHOKYO_DEVICE_JAM, DeviceReport::Jam as u32),
        (SHOKYO_DEVICE_DOOR_OPENED, DeviceReport::DoorOpened as u32),
        (SHOKYO_DEVICE_DOOR_CLOSED, DeviceReport::DoorClosed as u32),
        (SHOKYO_PAYMENT_HELD, PaymentReport::Held as u32),
        (SHOKYO_PAYMENT_ABANDONED, PaymentReport::Abandoned as u32),
        (SHOKYO_PAYMENT_CAPTURED, PaymentReport::Captured as u32),
        (SHOKYO_PAYMENT_REFUSED, PaymentReport::Refused as u32),
        (SHOKYO_CUSTOMER_STATE_AUTHENTICATING, CustomerState::Authenticating as u32),
        (SHOKYO_CUSTOMER_STATE_CHOOSING, CustomerState::Choosing as u32),
        (SHOKYO_CUSTOMER_STATE_AWAITING_REMOVAL, CustomerState::AwaitingRemoval as u32),
        (SHOKYO_CUSTOMER_STATE_APPLYING, CustomerState::Applying as u32),
        (SHOKYO_CUSTOMER_STATE_PAYING, CustomerState::Paying as u32),
        (SHOKYO_CUSTOMER_STATE_STARTING, CustomerState::Starting as u32),
        (SHOKYO_CUSTOMER_STATE_PRINTING, CustomerState::Printing as u32),
        (SHOKYO_CUSTOMER_STATE_CLOSING, CustomerState::Closing as u32),
        (SHOKYO_CUSTOMER_STATE_FINISHED, CustomerState::Finished as u32),
        (SHOKYO_CHANNEL_VOICE, Channel::Voice as u32),
        (SHOKYO_CHANNEL_SCREEN, Channel::Screen as u32),
        (SHOKYO_WARNING_CREDENTIAL, Warning::Credential as u32),
        (SHOKYO_WARNING_PAPER, Warning::Paper as u32),
        (SHOKYO_WARNING_ATTENDANT, Warning::Attendant as u32),
        (SHOKYO_ALARM_CREDENTIAL_LEFT, CustomerAlarm::CredentialLeft.bit()),
        (SHOKYO_ALARM_OVERDUE, CustomerAlarm::Overdue.bit()),
        (SHOKYO_ALARM_JAM, CustomerAlarm::Jam.bit()),
        (SHOKYO_ALARM_DOOR_OPENED, CustomerAlarm::DoorOpened.bit()),
        (SHOKYO_ALARM_PAID_UNDELIVERED, CustomerAlarm::PaidUndelivered.bit()),
        (SHOKYO_ALARM_CAPTURE_REFUSED, CustomerAlarm::CaptureRefused.bit()),
        (SHOKYO_ALARM_CAPTURE_UNREPORTED, CustomerAlarm::CaptureUnreported.bit()),
        (SHOKYO_ALARM_PAPER_FORGOTTEN, CustomerAlarm::PaperForgotten.bit()),
        (SHOKYO_ALARM_NOT_ERASED, CustomerAlarm::NotErased.bit()),
        (SHOKYO_ALARM_ERASURE_UNREPORTED, CustomerAlarm::ErasureUnreported.bit()),
        (SHOKYO_ALARM_UNATTENDED, CustomerAlarm::Unattended.bit()),
    ];
    let mut at = 0;
    while at < same.len() {
        assert!(same[at].0 == same[at].1);
        at += 1;
    }
};
