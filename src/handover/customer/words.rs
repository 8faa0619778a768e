//! What a customer session is told and what it tells: plain enumerations with fixed numbers, so that a C host can pass them on.

use crate::buffer::Cause;
use crate::error::Error;
use crate::types::{Now, SessionId};

/// What the customer proves the right to the document with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Credential {
    /// A card in the reader. It is gone when the reader reports [`DeviceReport::CardRemoved`].
    Card = 1,
    /// A phone. It is gone when the kiosk has let go of it: [`DeviceReport::CredentialReleased`].
    Phone = 2,
}

/// What the kiosk's devices report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DeviceReport {
    /// The card was taken out of the reader.
    CardRemoved = 1,
    /// The connection to the phone is closed and what was read from it for the connection is gone.
    CredentialReleased = 2,
    /// Every page is printed and lies in the tray.
    Printed = 3,
    /// The tray is empty.
    PaperTaken = 4,
    /// Paper is jammed, or the printer failed.
    Jam = 5,
    /// The door was opened.
    DoorOpened = 6,
    /// The door is closed and locked.
    DoorClosed = 7,
}

impl DeviceReport {
    /// Every report.
    pub const ALL: [Self; 7] = [
        Self::CardRemoved,
        Self::CredentialReleased,
        Self::Printed,
        Self::PaperTaken,
        Self::Jam,
        Self::DoorOpened,
        Self::DoorClosed,
    ];

    /// The report with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1..=7 => Some(Self::ALL[number as usize - 1]),
            _ => None,
        }
    }
}

/// What the payment terminal reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PaymentReport {
    /// The fee is held: authorised, or in escrow, and not yet taken.
    Held = 1,
    /// The customer gave up.
    Abandoned = 2,
    /// The fee is taken.
    Captured = 3,
    /// The hold, or the capture, was refused.
    Refused = 4,
}

impl PaymentReport {
    /// Every report.
    pub const ALL: [Self; 4] = [Self::Held, Self::Abandoned, Self::Captured, Self::Refused];

    /// The report with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1..=4 => Some(Self::ALL[number as usize - 1]),
            _ => None,
        }
    }
}

/// Where a customer session stands. Numbers are not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CustomerState {
    /// The credential is there; whose it is, is being checked.
    Authenticating = 1,
    /// The customer chooses a document.
    Choosing = 2,
    /// Chosen. The credential must leave before anything is applied for.
    AwaitingRemoval = 3,
    /// The issuing screen: the document is being applied for and comes.
    Applying = 4,
    /// The document is here; the fee is not held.
    Paying = 5,
    /// The fee is held; that printing begins is being put on record.
    Starting = 6,
    /// Pages are being printed.
    Printing = 7,
    /// The data is erased; something must still leave the kiosk, or be reported.
    Closing = 8,
    /// Nothing is left to do.
    Finished = 9,
}

impl CustomerState {
    /// The state with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Authenticating,
            2 => Self::Choosing,
            3 => Self::AwaitingRemoval,
            4 => Self::Applying,
            5 => Self::Paying,
            6 => Self::Starting,
            7 => Self::Printing,
            8 => Self::Closing,
            9 => Self::Finished,
            _ => return None,
        })
    }

    /// The state's name, as in the documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authenticating => "authenticating",
            Self::Choosing => "choosing",
            Self::AwaitingRemoval => "awaiting removal",
            Self::Applying => "applying",
            Self::Paying => "paying",
            Self::Starting => "starting",
            Self::Printing => "printing",
            Self::Closing => "closing",
            Self::Finished => "finished",
        }
    }
}

/// How a customer is warned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Channel {
    /// Spoken, once for each event.
    Voice = 1,
    /// Shown, until [`CustomerEvent::WarningOver`].
    Screen = 2,
}

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Warning {
    /// The card is still in the reader, or the phone still connected.
    Credential = 1,
    /// The certificate still lies in the tray.
    Paper = 2,
    /// The kiosk needs its attendant.
    Attendant = 3,
}

/// What goes on record and no later success clears. Numbers are not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CustomerAlarm {
    /// A credential was left in the kiosk.
    CredentialLeft = 1,
    /// The document, or the start of printing, or the printer was not there in time.
    Overdue = 2,
    /// Paper jammed, or the printer failed.
    Jam = 3,
    /// The door was opened while a customer was served.
    DoorOpened = 4,
    /// The fee was asked for and the document was not delivered.
    PaidUndelivered = 5,
    /// The document is printed, or is being printed, and the fee could not be taken.
    CaptureRefused = 6,
    /// Whether the fee was taken was never reported.
    CaptureUnreported = 7,
    /// The certificate was left in the tray: it goes to the police.
    PaperForgotten = 8,
    /// Erased memory did not read back as erased.
    NotErased = 9,
    /// That the data is erased was never reported.
    ErasureUnreported = 10,
    /// Nobody came to the kiosk in time.
    Unattended = 11,
}

impl CustomerAlarm {
    /// The text in [`Record::Alarm`](crate::handover::Record::Alarm).
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::CredentialLeft => "a card or phone was left at the kiosk",
            Self::Overdue => "a step at the kiosk was not done in time and everything was erased",
            Self::Jam => "paper jammed or the printer failed",
            Self::DoorOpened => "the door was opened while a customer was served",
            Self::PaidUndelivered => "paid-undelivered: the fee was asked for and the document was not delivered",
            Self::CaptureRefused => "the fee could not be taken after printing had begun",
            Self::CaptureUnreported => "whether the fee was taken was not reported",
            Self::PaperForgotten => "a certificate was left in the tray",
            Self::NotErased => "the kiosk's memory did not read back as erased",
            Self::ErasureUnreported => "the kiosk's erasure was not reported by the deadline",
            Self::Unattended => "nobody attended to the kiosk by the deadline",
        }
    }

    /// The alarm's bit in [`CustomerSession::alarms`](super::CustomerSession::alarms).
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << (self as u8)
    }
}

/// The name of a station, copied: 1 to 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StationName {
    bytes: [u8; 64],
    length: u8,
}

impl StationName {
    /// Copies a name.
    ///
    /// # Errors
    /// [`Error::Malformed`] unless it has 1 to 64 bytes and no control characters.
    pub fn new(name: &str) -> Result<Self, Error> {
        let mut bytes = [0; 64];
        match bytes.get_mut(..name.len()) {
            Some(place) if crate::handover::body::is_name(name) => place.copy_from_slice(name.as_bytes()),
            _ => return Err(Error::Malformed { what: "a name (1 to 64 bytes, no control characters)" }),
        }
        Ok(Self { bytes, length: name.len() as u8 })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.length)).and_then(|name| core::str::from_utf8(name).ok()).unwrap_or_default()
    }
}

impl core::fmt::Debug for StationName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// What the host must do. Nothing here names a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CustomerEvent {
    /// The credential is gone: show the issuing screen and call [`Kiosk::apply`](crate::handover::Kiosk::apply).
    Apply,
    /// Show the price, and ask the terminal to hold the fee, not to take it.
    HoldPayment,
    /// Call [`Kiosk::print`](crate::handover::Kiosk::print).
    AskToPrint,
    /// Send the pages to the printer, once.
    Print,
    /// Take the fee that is held.
    CapturePayment,
    /// Give back the fee that is held, and withdraw the request to hold it.
    ReleasePayment,
    /// Stop the printer; no page may leave it any more.
    AbortPrint,
    /// Erase: [`Kiosk::delivered`](crate::handover::Kiosk::delivered) when the cause is [`Cause::Delivered`], else
    /// [`Kiosk::cancel`](crate::handover::Kiosk::cancel) with it if there is a transaction; and whatever the host read from the
    /// credential. Once in every session.
    Erase {
        /// Why.
        cause: Cause,
    },
    /// Warn whoever stands before the kiosk.
    Warn {
        /// By which means.
        channel: Channel,
        /// Of what.
        about: Warning,
    },
    /// Take the warning off the screen.
    WarningOver {
        /// Which.
        about: Warning,
    },
    /// The fee was asked for and the document was not delivered: it is to be paid back. Once at most.
    PaidUndelivered {
        /// The session.
        session: SessionId,
        /// Whether the terminal had reported that the fee is taken; if not, it may have been.
        captured: bool,
    },
    /// A certificate was left in the tray: the shop takes it to the police. Once at most.
    ForgottenPaper {
        /// The session. It names no person.
        session: SessionId,
        /// At which kiosk.
        kiosk: StationName,
        /// When it was given up.
        at: Now,
    },
    /// Nothing is left to do.
    Finished {
        /// Whether every page was printed and lay in the tray.
        delivered: bool,
        /// Whether the kiosk must not serve anybody before its attendant has seen to it.
        out_of_service: bool,
    },
}
