//! "Promptly" as numbers: how long each step may take, and how much may be in flight. All durations are local to a station.

use core::time::Duration;

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
    /// How often a receipt is sent again until the session is complete.
    pub resend: Duration,
    /// The longest document, in bytes.
    pub max_document: u64,
    /// Sessions at once, challenges at once.
    pub max_sessions: usize,
    /// Chunks under way to the kiosk at once.
    pub credit: u32,
    /// Bytes that a relay holds for one session at once.
    pub max_held: usize,
}

impl Default for Policy {
    /// Challenge 30 s, transmit 60 s, release 30 s, deliver 300 s, receipt 60 s, resend 2 s; 24 MiB, 1,024 sessions, 3 chunks,
    /// 64 KiB.
    fn default() -> Self {
        Self {
            challenge: Duration::from_secs(30),
            transmit: Duration::from_secs(60),
            release: Duration::from_secs(30),
            deliver: Duration::from_secs(300),
            receipt: Duration::from_secs(60),
            resend: Duration::from_secs(2),
            max_document: 24 * 1024 * 1024,
            max_sessions: 1024,
            credit: 3,
            max_held: 64 * 1024,
        }
    }
}

impl Policy {
    /// How long a relay lets a session live: every step of the two ends after each other.
    #[must_use]
    pub fn whole(&self) -> Duration {
        self.transmit + self.release + self.deliver + self.receipt
    }
}
