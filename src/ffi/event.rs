//! What machines tell their hosts, for C: one struct for kiosk, issuing system and relay, with numbers for everything.

use std::ffi::c_char;

use super::arguments::{PublicStruct, fixed};
use super::boundary::Failure;
use crate::buffer::Cause;
use crate::handover::{Deadline, IssuerEvent, KioskEvent, Outcome, RelayEvent};
use crate::types::SessionId;

/// No event waits.
pub const SHOKYO_EVENT_NONE: u32 = 0;
/// Kiosk: the session has its identifier, and the application is on its way.
pub const SHOKYO_EVENT_APPLIED: u32 = 1;
/// Kiosk: a document of length bytes is offered, and its ciphertext comes. Issuing system: it is offered, and its ciphertext moves.
/// Relay: it passes; now something may be attached, see shokyo_relay_attach.
pub const SHOKYO_EVENT_OFFERED: u32 = 2;
/// Kiosk: the relay in role attached length bytes for the printing, see shokyo_kiosk_attachment.
pub const SHOKYO_EVENT_ATTACHED: u32 = 3;
/// Kiosk: every chunk of the ciphertext is here; the key is not.
pub const SHOKYO_EVENT_RECEIVED: u32 = 4;
/// Kiosk: the document of length bytes can be read. Show the price, then call shokyo_kiosk_print.
pub const SHOKYO_EVENT_READY: u32 = 5;
/// Kiosk: that printing begins is on record; print, once.
pub const SHOKYO_EVENT_MAY_PRINT: u32 = 6;
/// The deadline passed. It is on record, whatever comes later. For SHOKYO_DEADLINE_CHALLENGE at the issuing system, session is not one but the
/// random identifier of an exchange.
pub const SHOKYO_EVENT_DEADLINE_EXCEEDED: u32 = 7;
/// Kiosk: everything here is erased. Issuing system: the session ended before its time, and what could be erased is. cause tells why, verified
/// whether every range was read back as erased.
pub const SHOKYO_EVENT_ERASED: u32 = 8;
/// Nothing of the session is open any more; outcome tells how it ended.
pub const SHOKYO_EVENT_FINISHED: u32 = 9;
/// Issuing system: an application of the kiosk for so many copies of document_kind is open: compose, then call shokyo_issuer_offer.
pub const SHOKYO_EVENT_APPLICATION: u32 = 10;
/// Issuing system: key and ciphertext are wiped and read back, and the receipt is durable; the wrapped key is sent.
pub const SHOKYO_EVENT_RELEASED: u32 = 11;
/// Issuing system: the kiosk answered, and the wrapped key is wiped too. verified tells whether the kiosk could open the document.
pub const SHOKYO_EVENT_CLOSED: u32 = 12;
/// Relay: a session passes through here.
pub const SHOKYO_EVENT_OPENED: u32 = 13;
/// Relay: every frame of the session is wiped and the receipt is made, with peak_bytes, longest_hold_ms and frames.
pub const SHOKYO_EVENT_NOT_RETAINED: u32 = 14;

/// From a challenge to the application that answers it.
pub const SHOKYO_DEADLINE_CHALLENGE: u32 = 1;
/// From the application until every chunk is with the kiosk, composing included.
pub const SHOKYO_DEADLINE_TRANSMIT: u32 = 2;
/// From the last chunk until the key is with the kiosk and opened.
pub const SHOKYO_DEADLINE_RELEASE: u32 = 3;
/// From opening until the document is delivered and erased.
pub const SHOKYO_DEADLINE_DELIVER: u32 = 4;
/// From the end of the work until every receipt is there.
pub const SHOKYO_DEADLINE_RECEIPT: u32 = 5;
/// How long a session outlives the connection that it runs over.
pub const SHOKYO_DEADLINE_RECONNECT: u32 = 6;

/// Everything that this station had to do and to hear is done.
pub const SHOKYO_OUTCOME_COMPLETE: u32 = 1;
/// Ended without delivery; what could be erased is erased.
pub const SHOKYO_OUTCOME_ENDED: u32 = 2;
/// The key was handed over and the end was never heard: neither delivered nor not delivered.
pub const SHOKYO_OUTCOME_UNRESOLVED: u32 = 3;
/// The process died with the session open.
pub const SHOKYO_OUTCOME_LOST: u32 = 4;

/// What happened. Fields that the kind does not name are 0. Nothing here names a person.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct shokyo_event {
    /// sizeof(shokyo_event), set by the caller.
    pub struct_size: u32,
    /// One of SHOKYO_EVENT_; pass over those that you do not know.
    pub kind: u32,
    /// One of SHOKYO_CAUSE_.
    pub cause: u32,
    /// One of SHOKYO_DEADLINE_.
    pub deadline: u32,
    /// One of SHOKYO_OUTCOME_.
    pub outcome: u32,
    /// 1 for yes.
    pub verified: u32,
    /// One of SHOKYO_ROLE_.
    pub role: u32,
    /// How many copies of the document are asked for.
    pub copies: u32,
    /// The session.
    pub session: [u8; 32],
    /// In bytes.
    pub length: u64,
    /// The most bytes that a relay held at once.
    pub peak_bytes: u64,
    /// The longest time that a relay held a frame, in milliseconds.
    pub longest_hold_ms: u64,
    /// How many frames passed.
    pub frames: u64,
    /// What kind of document, null-terminated, of at most 64 bytes.
    pub document_kind: [c_char; 72],
    /// The kiosk's name, null-terminated, of at most 64 bytes.
    pub kiosk: [c_char; 72],
}

// SAFETY: `repr(C)`, the size first, seven 32-bit integers, bytes, four 64-bit integers and characters without padding (32+32+32+144).
unsafe impl PublicStruct for shokyo_event {
    const NAME: &'static str = "event";
    const LEAST: usize = 240;
}

impl shokyo_event {
    /// Nothing.
    pub(super) const NONE: Self = Self {
        struct_size: 0,
        kind: SHOKYO_EVENT_NONE,
        cause: 0,
        deadline: 0,
        outcome: 0,
        verified: 0,
        role: 0,
        copies: 0,
        session: [0; 32],
        length: 0,
        peak_bytes: 0,
        longest_hold_ms: 0,
        frames: 0,
        document_kind: [0; 72],
        kiosk: [0; 72],
    };

    const fn of(kind: u32, session: SessionId) -> Self {
        Self { kind, session: session.0, ..Self::NONE }
    }

    fn deadline(session: SessionId, deadline: Deadline) -> Self {
        Self { deadline: number_of(deadline), ..Self::of(SHOKYO_EVENT_DEADLINE_EXCEEDED, session) }
    }

    fn erased(session: SessionId, cause: Cause, verified: bool) -> Self {
        Self { cause: cause as u32, verified: verified.into(), ..Self::of(SHOKYO_EVENT_ERASED, session) }
    }

    fn finished(session: SessionId, outcome: Outcome) -> Self {
        Self { outcome: outcome as u32, ..Self::of(SHOKYO_EVENT_FINISHED, session) }
    }

    /// An event of the kiosk's transaction of this session.
    pub(super) fn of_kiosk(session: SessionId, event: &KioskEvent) -> Self {
        match event {
            KioskEvent::Applied { session } => Self::of(SHOKYO_EVENT_APPLIED, *session),
            KioskEvent::Offered { length } => Self { length: *length, ..Self::of(SHOKYO_EVENT_OFFERED, session) },
            KioskEvent::Attached { role, data } => {
                Self { role: *role as u32, length: data.len() as u64, ..Self::of(SHOKYO_EVENT_ATTACHED, session) }
            }
            KioskEvent::Received => Self::of(SHOKYO_EVENT_RECEIVED, session),
            KioskEvent::Ready { length } => Self { length: *length, ..Self::of(SHOKYO_EVENT_READY, session) },
            KioskEvent::MayPrint => Self::of(SHOKYO_EVENT_MAY_PRINT, session),
            KioskEvent::DeadlineExceeded { deadline } => Self::deadline(session, *deadline),
            KioskEvent::Erased { cause, verified } => Self::erased(session, *cause, *verified),
            KioskEvent::Finished { outcome } => Self::finished(session, *outcome),
        }
    }

    /// An event of an issuing system.
    pub(super) fn of_issuer(event: &IssuerEvent) -> Self {
        match event {
            IssuerEvent::Application { session, kind, copies, kiosk } => Self {
                copies: u32::from(*copies),
                document_kind: fixed(kind),
                kiosk: fixed(kiosk),
                ..Self::of(SHOKYO_EVENT_APPLICATION, *session)
            },
            IssuerEvent::Offered { session } => Self::of(SHOKYO_EVENT_OFFERED, *session),
            IssuerEvent::Released { session } => Self::of(SHOKYO_EVENT_RELEASED, *session),
            IssuerEvent::Closed { session, verified } => {
                Self { verified: (*verified).into(), ..Self::of(SHOKYO_EVENT_CLOSED, *session) }
            }
            IssuerEvent::DeadlineExceeded { session, deadline } => Self::deadline(*session, *deadline),
            IssuerEvent::Ended { session, cause, verified } => Self::erased(*session, *cause, *verified),
            IssuerEvent::Finished { session, outcome } => Self::finished(*session, *outcome),
        }
    }

    /// An event of a relay.
    pub(super) fn of_relay(event: &RelayEvent) -> Self {
        match event {
            RelayEvent::Opened { session } => Self::of(SHOKYO_EVENT_OPENED, *session),
            RelayEvent::Offered { session } => Self::of(SHOKYO_EVENT_OFFERED, *session),
            RelayEvent::DeadlineExceeded { session, deadline } => Self::deadline(*session, *deadline),
            RelayEvent::NotRetained { session, peak_bytes, longest_hold_ms, frames } => Self {
                peak_bytes: *peak_bytes,
                longest_hold_ms: *longest_hold_ms,
                frames: *frames,
                ..Self::of(SHOKYO_EVENT_NOT_RETAINED, *session)
            },
            RelayEvent::Finished { session, outcome } => Self::finished(*session, *outcome),
        }
    }

    /// The kiosk's event that the caller passes on; `None` for what a customer's session need not hear.
    pub(super) fn to_kiosk(self) -> Result<Option<KioskEvent>, Failure> {
        Ok(Some(match self.kind {
            SHOKYO_EVENT_APPLIED => KioskEvent::Applied { session: SessionId(self.session) },
            SHOKYO_EVENT_READY => KioskEvent::Ready { length: self.length },
            SHOKYO_EVENT_MAY_PRINT => KioskEvent::MayPrint,
            SHOKYO_EVENT_ERASED => KioskEvent::Erased { cause: cause(self.cause)?, verified: self.verified == 1 },
            SHOKYO_EVENT_OFFERED
            | SHOKYO_EVENT_ATTACHED
            | SHOKYO_EVENT_RECEIVED
            | SHOKYO_EVENT_DEADLINE_EXCEEDED
            | SHOKYO_EVENT_FINISHED => return Ok(None),
            _ => return Err(Failure::Argument("event", "has a kind that no kiosk gives")),
        }))
    }
}

/// The cause with this number.
fn cause(number: u32) -> Result<Cause, Failure> {
    let found = u8::try_from(number).ok().and_then(Cause::from_number);
    found.ok_or(Failure::Argument("cause", "is none of SHOKYO_CAUSE_"))
}

/// The cause with this number, for an end that a host asks for: it never says that a document was delivered.
pub(super) fn cause_of_end(number: u32) -> Result<Cause, Failure> {
    match cause(number)? {
        Cause::Delivered | Cause::HandedOver => {
            Err(Failure::Argument("cause", "would say that the document was delivered or handed over"))
        }
        cause => Ok(cause),
    }
}

const fn number_of(deadline: Deadline) -> u32 {
    match deadline {
        Deadline::Challenge => SHOKYO_DEADLINE_CHALLENGE,
        Deadline::Transmit => SHOKYO_DEADLINE_TRANSMIT,
        Deadline::Release => SHOKYO_DEADLINE_RELEASE,
        Deadline::Deliver => SHOKYO_DEADLINE_DELIVER,
        Deadline::Receipt => SHOKYO_DEADLINE_RECEIPT,
        Deadline::Reconnect => SHOKYO_DEADLINE_RECONNECT,
    }
}

// The header's numbers are the library's own.
const _: () = assert!(
    SHOKYO_OUTCOME_COMPLETE == Outcome::Complete as u32
        && SHOKYO_OUTCOME_ENDED == Outcome::Ended as u32
        && SHOKYO_OUTCOME_UNRESOLVED == Outcome::Unresolved as u32
        && SHOKYO_OUTCOME_LOST == Outcome::Lost as u32
);
// No struct changes its size unnoticed: callers have been compiled with it.
const _: () = assert!(size_of::<shokyo_event>() == 240);
