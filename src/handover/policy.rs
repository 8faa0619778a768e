//! "Promptly" as numbers: how long each step may take, and how much may be in flight. All durations are local to a station.

use core::time::Duration;

use super::cipher_suite::Suites;
use crate::types::{Roles, Time};

/// Deadlines and limits of one station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(shokyo_model, derive(Hash))]
pub struct Policy {
    /// From a challenge to the application that answers it.
    pub challenge: Duration,
    /// From the application until every chunk is with the kiosk, composing included.
    pub transmit: Duration,
    /// From the last chunk until the key is with the kiosk and opened.
    pub release: Duration,
    /// From opening until the document is delivered and erased.
    pub deliver: Duration,
    /// From the end of the work until every receipt is there.
    pub receipt: Duration,
    /// How long a session outlives the connection that it runs over while its ciphertext moves; zero: it ends with it. Later the
    /// other deadlines hold, with or without a connection.
    pub reconnect: Duration,
    /// How often what was not answered is sent again: the stored bytes, never a new message.
    pub resend: Duration,
    /// The longest document, in bytes.
    pub max_document: u64,
    /// Sessions at once, challenges at once.
    pub max_sessions: usize,
    /// Of these, for one kiosk that comes through one neighbour.
    pub max_per_kiosk: usize,
    /// Of these, for one neighbour.
    pub max_per_neighbour: usize,
    /// Chunks under way to the kiosk at once.
    pub credit: u32,
    /// Bytes that a relay holds for one session at once.
    pub max_held: usize,
    /// The suites that are accepted; of those that both ends accept, the strongest is used.
    pub suites: Suites,
    /// The relays whose signed attachment must be there before a kiosk acknowledges the document.
    pub attachments: Roles,
}

impl Default for Policy {
    /// Challenge 30 s, transmit 60 s, release 30 s, deliver 300 s, receipt 60 s, reconnect 10 s, resend 2 s; 24 MiB, 1,024 sessions
    /// of which 4 for one kiosk, 3 chunks, 64 KiB; X-Wing alone, no attachments.
    fn default() -> Self {
        Self {
            challenge: Duration::from_secs(30),
            transmit: Duration::from_secs(60),
            release: Duration::from_secs(30),
            deliver: Duration::from_secs(300),
            receipt: Duration::from_secs(60),
            reconnect: Duration::from_secs(10),
            resend: Duration::from_secs(2),
            max_document: 24 * 1024 * 1024,
            max_sessions: 1024,
            max_per_kiosk: 4,
            max_per_neighbour: 1024,
            credit: 3,
            max_held: 64 * 1024,
            suites: Suites::default(),
            attachments: Roles::NONE,
        }
    }
}

/// Which of the deadlines. The order is the order in which a session meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Deadline {
    /// [`Policy::challenge`].
    Challenge,
    /// [`Policy::transmit`].
    Transmit,
    /// [`Policy::release`].
    Release,
    /// [`Policy::deliver`].
    Deliver,
    /// [`Policy::receipt`].
    Receipt,
    /// [`Policy::reconnect`].
    Reconnect,
}

impl Deadline {
    /// The name in configurations and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::Transmit => "transmit",
            Self::Release => "release",
            Self::Deliver => "deliver",
            Self::Receipt => "receipt",
            Self::Reconnect => "reconnect",
        }
    }

    /// What goes on record when it passes. No later success takes it back.
    pub(super) const fn alarm(self) -> &'static str {
        match self {
            Self::Challenge => "the challenge deadline passed; the transaction was erased",
            Self::Transmit => "the transmit deadline passed; the session was erased",
            Self::Release => "the release deadline passed; the session was erased",
            Self::Deliver => "the deliver deadline passed; the session was erased",
            Self::Receipt => "the receipt deadline passed; receipts or their acknowledgement are missing",
            Self::Reconnect => "the reconnect deadline passed; the session was erased",
        }
    }
}

impl Policy {
    /// When what was sent now is sent again. Never at once, whatever the policy says.
    pub(super) fn resend_after(&self, now: Time) -> Time {
        now.after(self.resend.max(Duration::from_millis(1)))
    }

    /// How many sessions of one kiosk may be there, those included that only wait for receipts.
    pub(super) const fn max_waiting_per_kiosk(&self) -> usize {
        self.max_per_kiosk.saturating_mul(4)
    }

    /// How many sessions that are over are remembered, for messages that come again.
    pub(super) const fn remembered(&self) -> usize {
        self.max_sessions.saturating_mul(4)
    }

    /// How long a session lasts at most: every step of the two ends after each other.
    #[must_use]
    pub fn whole(&self) -> Duration {
        self.transmit + self.release + self.deliver + self.receipt
    }
}
