//! Every input in every state that can be reached, and claims that hold at each of them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exploration;
mod rules;
mod visit;

use core::time::Duration;

use super::*;
use crate::handover::record::Outcome;

pub(super) const SESSION: SessionId = SessionId([7; 32]);

/// Durations of a few milliseconds, so that every order of their ends occurs.
fn policy() -> CustomerPolicy {
    let ms = Duration::from_millis;
    CustomerPolicy {
        authentication: ms(4),
        choice: ms(5),
        reminder: ms(2),
        removal: ms(3),
        document: ms(5),
        payment: ms(4),
        start: ms(2),
        printing: ms(5),
        paper_warning: ms(1),
        paper_repeat: ms(2),
        paper_forgotten: ms(4),
        attendance: ms(7),
    }
}

fn at(time: u64) -> Now {
    Now { monotonic: Time(time), unix_ms: 0 }
}

/// Everything that can be told to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Input {
    Authentication(bool),
    Choose,
    Device(DeviceReport),
    Payment(PaymentReport),
    Applied,
    Ready,
    MayPrint,
    Erased {
        verified: bool,
        cause: Cause,
    },
    KioskFinished,
    ApplyFailed,
    Acknowledge,
    Cancel(Cause),
    /// The clock alone, to the next deadline.
    Tick,
    /// The clock alone, not always as far as that.
    Millisecond,
}

impl Input {
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![
            Self::Authentication(true),
            Self::Authentication(false),
            Self::Choose,
            Self::Applied,
            Self::Ready,
            Self::MayPrint,
            Self::Erased { verified: true, cause: Cause::Deadline },
            Self::Erased { verified: false, cause: Cause::Cancelled },
            Self::Erased { verified: true, cause: Cause::Delivered },
            Self::KioskFinished,
            Self::ApplyFailed,
            Self::Acknowledge,
            Self::Cancel(Cause::Shutdown),
            Self::Cancel(Cause::Delivered),
            Self::Tick,
            Self::Millisecond,
        ];
        all.extend(DeviceReport::ALL.map(Self::Device));
        all.extend(PaymentReport::ALL.map(Self::Payment));
        all
    }

    /// What it is called in docs/kiosk.md.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Authentication(true) => "accepted",
            Self::Authentication(false) => "not accepted",
            Self::Choose => "choose",
            Self::Device(DeviceReport::CardRemoved | DeviceReport::CredentialReleased) => "credential gone",
            Self::Device(DeviceReport::Printed) => "printed",
            Self::Device(DeviceReport::PaperTaken) => "paper taken",
            Self::Device(DeviceReport::Jam) => "jam",
            Self::Device(DeviceReport::DoorOpened) => "door opened",
            Self::Device(DeviceReport::DoorClosed) => "door closed",
            Self::Payment(PaymentReport::Held) => "held",
            Self::Payment(PaymentReport::Abandoned) => "abandoned",
            Self::Payment(PaymentReport::Captured) => "captured",
            Self::Payment(PaymentReport::Refused) => "refused",
            Self::Applied => "`Applied`",
            Self::Ready => "`Ready`",
            Self::MayPrint => "`MayPrint`",
            Self::Erased { .. } => "`Erased`",
            Self::KioskFinished => "`Finished`",
            Self::ApplyFailed => "apply failed",
            Self::Acknowledge => "acknowledge",
            Self::Cancel(_) => "cancel",
            Self::Tick | Self::Millisecond => "time",
        }
    }

    /// Gives the input; the caller moves the clock.
    pub(super) fn give(self, session: &mut CustomerSession, now: Now) -> Result<(), Error> {
        match self {
            Self::Authentication(accepted) => session.handle_authentication(now, accepted),
            Self::Choose => session.choose(now),
            Self::Device(report) => session.handle_device(now, report),
            Self::Payment(report) => session.handle_payment(now, report),
            Self::Applied => session.handle_kiosk(now, &KioskEvent::Applied { session: SESSION }),
            Self::Ready => session.handle_kiosk(now, &KioskEvent::Ready { length: 1 }),
            Self::MayPrint => session.handle_kiosk(now, &KioskEvent::MayPrint),
            Self::Erased { verified, cause } => session.handle_kiosk(now, &KioskEvent::Erased { cause, verified }),
            Self::KioskFinished => session.handle_kiosk(now, &KioskEvent::Finished { outcome: Outcome::Ended }),
            Self::ApplyFailed => session.handle_apply_failed(now),
            Self::Acknowledge => session.acknowledge(now),
            Self::Cancel(cause) => session.cancel(now, cause),
            Self::Tick | Self::Millisecond => {
                session.handle_timeout(now);
                Ok(())
            }
        }
    }
}

pub(super) fn begin(credential: Credential) -> CustomerSession {
    CustomerSession::begin(at(0), policy(), "kiosk-1", credential).unwrap()
}

/// Drains a session.
pub(super) fn drain(session: &mut CustomerSession) -> (Vec<CustomerEvent>, Vec<&'static str>) {
    let events = core::iter::from_fn(|| session.poll_event()).collect();
    let of_session = session.session();
    let alarms = core::iter::from_fn(|| session.poll_persist())
        .map(|persist| match persist.record {
            Record::Alarm { session: of, what } => {
                assert_eq!(of, of_session);
                what
            }
            other => panic!("a customer session writes alarms alone: {other:?}"),
        })
        .collect();
    (events, alarms)
}
