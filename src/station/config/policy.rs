//! The configuration's deadlines and limits as the machines take them.

use super::{Config, MinimumSuite};
use crate::handover::{Policy, Suite, Suites};
use crate::types::Roles;

impl Config {
    /// The configuration's deadlines, limits, suites and required attachments as the machines take them.
    #[must_use]
    pub fn policy(&self) -> Policy {
        // What a relay holds stays the protocol's own bound, and so do the challenge's time and the resending.
        Policy {
            transmit: self.deadlines.transmit,
            release: self.deadlines.release,
            deliver: self.deadlines.deliver,
            receipt: self.deadlines.receipt,
            reconnect: self.deadlines.reconnect,
            max_document: self.limits.document_bytes,
            max_sessions: self.limits.sessions as usize,
            max_per_neighbour: self.limits.per_neighbour.unwrap_or(self.limits.sessions) as usize,
            max_per_kiosk: self.limits.per_kiosk as usize,
            credit: self.limits.credit_chunks,
            suites: Suites::at_least(match self.minimum_suite {
                Some(MinimumSuite::X25519) => Suite::X25519,
                Some(MinimumSuite::XWing) => Suite::XWing,
                // A relay passes what the two ends agreed on.
                None if self.role.is_relay() => Suite::X25519,
                None => Suite::XWing,
            }),
            attachments: self.kiosk.attachments.iter().fold(Roles::NONE, |roles, role| roles.with(*role)),
            ..Policy::default()
        }
    }
}
