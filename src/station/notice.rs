//! What a running station tells its operator: events with times, never content, never whose.

use std::net::SocketAddr;
use std::time::Duration;

use crate::buffer::Cause;
use crate::error::Error;
use crate::handover::{Deadline, Outcome};
use crate::types::{Now, Protections, Role, SessionId, Time};

/// Reads the clocks of this machine: one that counts suspended time, and the calendar's.
#[must_use]
pub fn now() -> Now {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // A clock that cannot be read is past every deadline: what is open is erased rather than kept.
    let monotonic = crate::platform::boot_time().map_or(u64::MAX, millis);
    Now { monotonic: Time(monotonic), unix_ms: millis(since_epoch) }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// One event of a station.
#[derive(Clone, Debug)]
pub struct Notice {
    /// When, on the clock that counts suspended time; the same for all processes of one machine.
    pub at: Duration,
    /// Which station.
    pub role: Role,
    /// Which session, if it is about one.
    pub session: Option<SessionId>,
    /// What.
    pub what: What,
}

impl Notice {
    /// An event that happens now.
    #[must_use]
    pub fn new(role: Role, session: Option<SessionId>, what: What) -> Self {
        Self { at: crate::platform::boot_time().unwrap_or_default(), role, session, what }
    }
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum What {
    /// The memory is ready, with these protections active.
    Protected(Protections),
    /// Neighbours can connect here.
    Listening(SocketAddr),
    /// A neighbour is connected.
    Connected {
        /// Its name.
        station: String,
        /// Its role.
        role: Role,
    },
    /// A neighbour's link ended.
    Disconnected {
        /// Its name.
        station: String,
        /// Why, unless it ended in order.
        error: Option<Error>,
    },
    /// A session of before a restart was recorded as lost.
    Lost {
        /// Whether printing had begun, so that the outcome is unknown.
        print_started: bool,
    },
    /// A session begins here.
    Opened,
    /// The issuing system created the document's key and seals.
    Composing,
    /// The sealed document is offered.
    Offered {
        /// Bytes, where the station may know them.
        length: Option<u64>,
    },
    /// A relay attached something to the offer.
    Attached {
        /// Which relay.
        role: Role,
        /// Bytes.
        length: usize,
    },
    /// A deadline passed; it is on record, whatever comes later.
    DeadlineExceeded(Deadline),
    /// Every chunk of the ciphertext is at the kiosk.
    Received,
    /// Key and ciphertext are wiped and read back at the issuing system, the receipt is durable, the wrapped key is sent.
    Released,
    /// The issuing system wiped the wrapped key.
    Closed {
        /// Whether the kiosk opened the document.
        verified: bool,
    },
    /// The kiosk can read the document.
    Ready,
    /// Printing begins.
    Printing,
    /// The kiosk read every byte through windows.
    Proved {
        /// HMAC-SHA256 over the document under the challenge that came with the application.
        proof: [u8; 32],
    },
    /// A copy in the clear was written to a file because it was asked for.
    WrittenInClear,
    /// Everything of the session is erased here.
    Erased {
        /// Why.
        cause: Cause,
        /// Whether all of it was read back as erased.
        verified: bool,
    },
    /// A relay wiped every frame of the session.
    NotRetained {
        /// The most bytes held at once.
        peak_bytes: u64,
        /// The longest time that a frame was held, in milliseconds.
        longest_hold_ms: u64,
        /// How many frames passed.
        frames: u64,
    },
    /// The session is over.
    Finished(Outcome),
    /// Something was refused or failed.
    Problem(Error),
    /// The station has stopped; nothing is open.
    Stopped,
}

impl What {
    /// The event's name in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Protected(_) => "protected",
            Self::Listening(_) => "listening",
            Self::Connected { .. } => "connected",
            Self::Disconnected { .. } => "disconnected",
            Self::Lost { .. } => "lost",
            Self::Opened => "opened",
            Self::Composing => "composing",
            Self::Offered { .. } => "offered",
            Self::Attached { .. } => "attached",
            Self::DeadlineExceeded(_) => "deadline-exceeded",
            Self::Received => "received",
            Self::Released => "released",
            Self::Closed { .. } => "closed",
            Self::Ready => "ready",
            Self::Printing => "printing",
            Self::Proved { .. } => "proved",
            Self::WrittenInClear => "written-in-clear",
            Self::Erased { .. } => "erased",
            Self::NotRetained { .. } => "not-retained",
            Self::Finished(_) => "finished",
            Self::Problem(_) => "problem",
            Self::Stopped => "stopped",
        }
    }
}
